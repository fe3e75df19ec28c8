/**
 * `--trace` and `--timeline`: write one execution to files, a trace that `replay` accepts and a timeline for Perfetto
 * and speedscope. Invariant: for each file the command prints where it is, or why it was not written.
 */
import type { ExecutionRecord } from '../threads/execution-record.ts';
import type { ReplayTask } from '../threads/task.ts';
import { ifRefused, runInThread, type ThreadLimits, type ThreadRun } from '../threads/thread-supervisor.ts';
import { simulationLines } from '../trace/simulation-file.ts';
import type { NamedExecution } from './execution-source.ts';
import { UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';
import { moduleFiles } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { timelineLines } from './timeline-file.ts';
import { requireOwnFile, requireWritable, writeTarget } from './trace-target.ts';

/** The output files, as typed. */
export interface ExecutionFiles {
  readonly trace?: string | undefined;
  readonly timeline?: string | undefined;
}

/** The output files, and how the command reports on them. */
export interface ExecutionTarget extends ExecutionFiles {
  /** True: messages about the files go to stderr. */
  readonly json: boolean;
  readonly interruption: Interruption;
}

/** What a replay task has to collect for these files. */
export function filesAsked({
  trace,
  timeline,
}: ExecutionFiles): Pick<ReplayTask, 'drawsTimeline' | 'keepsTrace'> {
  return { drawsTimeline: timeline !== undefined, keepsTrace: trace !== undefined };
}

/** True if any file was asked for. */
export function hasFiles({ trace, timeline }: ExecutionFiles): boolean {
  return trace !== undefined || timeline !== undefined;
}

/**
 * @throws UsageError (rejects) if a path cannot be written, or if files are asked for with `--debug`, which runs the
 * execution only once.
 */
export async function checkExecutionFiles(files: ExecutionFiles, isDebugged: boolean): Promise<void> {
  for (const name of ['trace', 'timeline'] as const) {
    const path = files[name];
    if (path === undefined) continue;
    if (isDebugged) {
      throw new UsageError(`expected --${name} or --debug, got both: a ${name} takes another run`);
    }
    await requireWritable(`--${name}`, path);
  }
}

/**
 * @throws UsageError (rejects) if one of them would overwrite one of `files`, a module of `scenarios`, the other, or a
 * file that is neither a trace nor a timeline.
 */
export async function requireOwnFiles(
  { trace, timeline }: ExecutionFiles,
  files: readonly string[],
  scenarios: readonly string[],
): Promise<void> {
  const read = [...files, ...moduleFiles(scenarios)];
  if (trace !== undefined) await requireOwnFile('--trace', trace, read);
  const others = trace === undefined ? read : [trace, ...read];
  if (timeline !== undefined) await requireOwnFile('--timeline', timeline, others);
}

/**
 * Runs an execution again, in a thread of its own, and writes its files.
 *
 * @throws UsageError (rejects) if the scenario does not load in a thread, and as {@link writeFilesOf}.
 */
export async function writeExecution(
  terminal: Terminal,
  target: ExecutionTarget,
  execution: NamedExecution,
  limits: ThreadLimits,
): Promise<void> {
  const { scenario, log, seed, maxEvents } = execution;
  const { signal } = target.interruption;
  terminal.progress(target.timeline === undefined ? 'writing the trace' : 'drawing the timeline');
  const replay = await runInThread(
    {
      ...{ kind: 'replay', scenario, log, seed, maxEvents },
      ...{ onGap: 'keyed', explains: false, ...filesAsked(target) },
    },
    { ...limits, signal },
  ).catch(
    ifRefused(({ message }): never => {
      const missing = (['trace', 'timeline'] as const).filter((what) => target[what] !== undefined);
      throw new UsageError(`no ${missing.join(' and no ')}: ${message}`);
    }),
  );
  terminal.progress('');
  await writeFilesOf(terminal, target, execution, replay);
}

/**
 * Writes the files from a replay that collected them.
 *
 * @throws UsageError (rejects) if one cannot be written, InterruptedError if a signal comes while nobody reads from a
 * FIFO.
 */
export async function writeFilesOf(
  terminal: Terminal,
  target: ExecutionTarget,
  execution: NamedExecution,
  replay: ThreadRun<ReplayTask>,
): Promise<void> {
  const { trace, timeline } = target;
  const { record } = replay;
  if (trace !== undefined) {
    if (record !== undefined) await writeTrace(terminal, { ...target, trace }, record, execution);
    else reportMissing(terminal, target, 'trace', replay);
  }
  if (timeline !== undefined) await writeTimeline(terminal, timeline, target, replay);
}

/** Writes a trace that `replay` accepts. */
export async function writeTrace(
  terminal: Terminal,
  { trace, json, interruption }: ExecutionTarget & { readonly trace: string },
  { scenario, traceHash, failureKey, decisions, events }: ExecutionRecord,
  { scenario: reference, seed, log, maxEvents }: NamedExecution,
): Promise<void> {
  const bound = log !== undefined && 'maxEvents' in log ? log.maxEvents : maxEvents;
  const cutOff = bound === undefined ? {} : { maxEvents: String(bound) };
  const outcome = failureKey === undefined ? { held: 'true' } : { failureKey };
  const header = {
    scenario,
    ...(seed === undefined ? {} : { seed }),
    meta: { verdictHash: traceHash, ...outcome, reference, ...cutOff },
  };
  await writeTarget(trace, simulationLines({ decisions, events }, header), interruption);
  reportWritten(terminal, json, `trace: ${trace}`);
}

async function writeTimeline(
  terminal: Terminal,
  path: string,
  target: ExecutionTarget,
  replay: ThreadRun<ReplayTask>,
): Promise<void> {
  const { json, interruption } = target;
  const { timeline, outcome } = replay;
  if (timeline === undefined) {
    reportMissing(terminal, target, 'timeline', replay);
    return;
  }
  await writeTarget(path, timelineLines(timeline), interruption);
  const { failure, shown } = timeline.otherData;
  const isSame = failure === outcome?.failing?.message;
  const what = isSame ? shown : 'of another execution, as this one does not repeat';
  reportWritten(terminal, json, `timeline: ${path}${what === undefined ? '' : `, ${what}`}`);
}

function reportWritten(terminal: Terminal, json: boolean, text: string): void {
  if (json) terminal.note(text);
  else terminal.line(text);
}

function reportMissing(
  terminal: Terminal,
  { interruption }: ExecutionTarget,
  what: 'trace' | 'timeline',
  { end }: ThreadRun<ReplayTask>,
): void {
  const why = end.type === 'lost' ? end.failing.message : 'the thread that ran it ended';
  if (!interruption.requested) terminal.note(`no ${what}: ${why}`);
}
