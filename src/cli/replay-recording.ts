/** Plays a recording of real runs on simulated runners and compares. */
import { readTraceFile } from '../host/trace-file.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { formatCount, plural } from '../model/plural.ts';
import type { RecordedRun } from '../model/recording.ts';
import { hasField, isTerminal } from '../model/run-state.ts';
import { replayRecording } from '../simulation/recording-replay.ts';
import { recordedRuns } from '../trace/recording/recorded-runs.ts';
import { readRecording } from '../trace/recording/recording-file.ts';
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';
import { formatSpan } from './quantity-text.ts';
import type { Terminal } from './terminal.ts';

/** 0 if everything that followed from what went in follows again, 3 at the first difference. */
export async function replayRecordingCommand(
  terminal: Terminal,
  path: string,
  json: boolean,
): Promise<ExitStatus> {
  const recording = await readRecording(readTraceFile(path));
  const runs = recordedRuns(recording);
  const startedAt = performance.now();
  const { verdict, problem } = await replayRecording(recording);
  const realMs = performance.now() - startedAt;
  if (json) {
    terminal.json({
      type: 'replay',
      kind: 'recording',
      reproduced: problem === undefined,
      runs: runs.length,
      virtualMs: verdict.virtualMs,
      realMs: roundedMs(realMs),
      traceHash: verdict.traceHash,
      ...(problem === undefined ? {} : { difference: problem }),
    });
  } else if (problem === undefined) {
    terminal.line(
      `${formatCount(runs.length)} recorded ${plural(runs.length, 'run')} reproduced: ${formatSpan(verdict.virtualMs)} in ${formatSpan(realMs)}`,
    );
    const isShared = new Set(runs.map(({ runner }) => runner)).size > 1;
    for (const run of runs) terminal.line(`  ${describe(run, isShared)}`);
  } else {
    terminal.line(terminal.style('red', 'the recording was not reproduced'));
    terminal.line(`  ${problem}`);
  }
  return problem === undefined ? EXIT_STATUS.HELD : EXIT_STATUS.DIVERGED;
}

function describe({ runId, runner = '', command, statuses }: RecordedRun, isShared: boolean): string {
  const last = statuses.at(-1);
  const argv = command.argv.join(' ');
  const shown = argv.length > 60 ? `${argv.slice(0, 60)}…` : argv;
  const end =
    last === undefined || !isTerminal(last.state)
      ? 'no end'
      : `${endText(last)} after ${formatSpan(last.atMs)}`;
  return `run ${runId}${isShared ? ` of ${runner}` : ''}  ${shown}  ${end}`;
}

/** A run that was stopped has no exit code. */
function endText({ state, exitCode }: RecordedRun['statuses'][number]): string {
  return hasField(state, 'exitCode') ? `${state} ${exitCode}` : state;
}
