/** `--timeline`: one execution as a file that Perfetto and speedscope open. Invariant: it is said whether there is one, and if not why. */
import type { Timeline } from '../explore/timeline/timeline.ts';
import type { ReplayTask } from '../threads/task.ts';
import { runInThread, type ThreadLimits, type ThreadRun } from '../threads/thread-supervisor.ts';
import type { NamedExecution } from './execution-source.ts';
import { UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';
import { moduleFiles } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { requireOwnFile, requireWritable, writeTarget } from './trace-target.ts';

/** Where a timeline goes, and how people and programs learn of it. */
export interface TimelineTarget {
  readonly path: string;
  /** What is printed about it goes to stderr. */
  readonly json: boolean;
  readonly interruption: Interruption;
}

/** @throws UsageError (rejects) if the path cannot be written, or the timeline would be of what `--debug` runs only once. */
export async function checkTimelineTarget(path: string | undefined, isDebugged: boolean): Promise<void> {
  if (path === undefined) return;
  if (isDebugged) {
    throw new UsageError('expected --timeline or --debug, got both: a timeline takes another run');
  }
  await requireWritable('--timeline', path);
}

/** @throws UsageError (rejects) if the timeline would overwrite one of `files`, or a module of `scenarios`. */
export async function requireOwnTimeline(
  path: string | undefined,
  files: readonly string[],
  scenarios: readonly string[],
): Promise<void> {
  if (path !== undefined) await requireOwnFile('--timeline', path, [...files, ...moduleFiles(scenarios)]);
}

/** Runs an execution again, in a thread of its own, and writes its timeline. */
export async function drawTimeline(
  terminal: Terminal,
  target: TimelineTarget,
  { scenario, log, seed, maxEvents }: NamedExecution,
  limits: ThreadLimits,
): Promise<void> {
  const { signal } = target.interruption;
  terminal.progress('drawing the timeline');
  const replay = await runInThread(
    {
      ...{ kind: 'replay', scenario, log, seed, maxEvents },
      ...{ onGap: 'keyed', explains: false, drawsTimeline: true },
    },
    { ...limits, signal },
  );
  terminal.progress('');
  await writeTimeline(terminal, target, replay);
}

/**
 * Writes the timeline of a replay that was asked for one.
 *
 * @throws UsageError (rejects) if it cannot be written, InterruptedError if a signal comes while nobody reads from a FIFO.
 */
export async function writeTimeline(
  terminal: Terminal,
  { path, json, interruption }: TimelineTarget,
  { timeline, outcome, end }: ThreadRun<ReplayTask>,
): Promise<void> {
  if (timeline === undefined) {
    const why = end.type === 'lost' ? end.failing.message : 'the thread that drew it ended';
    if (!interruption.requested) terminal.note(`no timeline: ${why}`);
    return;
  }
  await writeTarget(path, timelineLines(timeline), interruption);
  const { failure, shown } = timeline.otherData;
  const isSame = failure === outcome?.failing?.message;
  const what = isSame ? shown : 'of another execution, as this one does not repeat';
  const text = `timeline: ${path}${what === undefined ? '' : `, ${what}`}`;
  if (json) terminal.note(text);
  else terminal.line(text);
}

/** The JSON text in pieces, an event a line. */
function* timelineLines({ traceEvents, ...rest }: Timeline): Generator<string, void, void> {
  yield `${JSON.stringify(rest).slice(0, -1)},"traceEvents":[`;
  for (const [index, event] of traceEvents.entries()) {
    yield `${index === 0 ? '' : ','}\n${JSON.stringify(event)}`;
  }
  yield '\n]}\n';
}
