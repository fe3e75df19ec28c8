// Two small whole files, and how tests read one to its end.
import type { TraceEvent } from '../../src/model/trace-event.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import type { TextSource } from '../../src/trace/line-reader.ts';
import { recordingLines } from '../../src/trace/recording/recording-file.ts';
import { simulationLines } from '../../src/trace/simulation-file.ts';
import { openTrace } from '../../src/trace/trace-reader.ts';
import type { TraceEntry, TraceReaderOptions } from '../../src/trace/trace-reader.ts';
import { choice } from '../questions.ts';

export const sampleStatus: RunStatus = {
  runId: '0',
  state: 'COMPLETE',
  jobId: 'j',
  taskId: '',
  tag: '',
  stdoutRef: 'memory:0/ü',
  stderrRef: '',
  snapshotId: '',
  exitCode: 3,
  error: '',
};
export const sampleEvents: readonly TraceEvent[] = [
  {
    type: 'accepted',
    at: 0,
    runner: 'worker',
    runId: '0',
    command: { argv: ['sleep 5'], envVars: { A: 'b' } },
  },
  { type: 'status', at: 5.25, runner: 'worker', status: sampleStatus },
  { type: 'service', at: 6, runner: 'worker', service: { initialized: true, isHealthy: false, error: 'e' } },
];
export const sampleSimulation: string = [
  ...simulationLines(
    { decisions: [{ question: choice('order'), n: 2, answer: 1 }], events: sampleEvents },
    { seed: '42' },
  ),
].join('');
export const sampleRecording: string = [
  ...recordingLines({
    entries: [
      { at: 0, runner: 'worker', type: 'call', call: 'run', nth: 1, command: { argv: ['true'] } },
      { at: 0, type: 'accepted', runner: 'worker', runId: '0', command: { argv: ['true'] } },
      { at: 0.5, runner: 'worker', type: 'output', runId: '0', stream: 'stdout', afterMs: 0.5, utf8: 'hi\n' },
      { at: 1, type: 'status', runner: 'worker', status: sampleStatus },
    ],
  }),
].join('');
/** The first line of a simulation, without its newline. */
export const simulationHeader = '{"format":"dryrunner","version":2,"kind":"simulation"}';

/** Reads a file to its end. */
export async function readWhole(source: TextSource, options?: TraceReaderOptions): Promise<unknown> {
  const trace = await openTrace(source, options);
  const entries: TraceEntry[] = [];
  for await (const entry of trace) entries.push(entry);
  return { header: trace.header, footer: trace.footer, entries };
}
