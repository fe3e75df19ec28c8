/**
 * R199: a caller who aborts a run waits no longer than the collaborators promised, which is a sum of bounds for each
 * phase.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { LOCAL_BOUND_MS, type LogUploader, type Processor, type TempDirs } from '../model/collaborators.ts';
import type { ActionStore } from '../model/content-store.ts';
import type { Execer } from '../model/execer.ts';
import type { Filer } from '../model/filer.ts';
import type { InvocationPhase } from '../model/trace-event.ts';
import type { Complaint, RunRule } from './run-rules.ts';
import type { WatchedRun } from './watched-run.ts';

/**
 * Milliseconds by phase. A stop that hits a run in a phase must be done within the bounds of that phase and of those
 * that may follow.
 */
export type PhaseBounds = Readonly<Record<InvocationPhase, number>>;

/** The collaborators whose promises matter; an absent one takes no time. */
export interface BoundedCollaborators {
  readonly execer: Pick<Execer, 'cancelBoundMs'>;
  readonly filers?: readonly Pick<Filer, 'cancelBoundMs'>[];
  readonly tempDirs?: Pick<TempDirs, 'boundMs'>;
  readonly preprocessors?: readonly Pick<Processor, 'cancelBoundMs'>[];
  readonly postprocessors?: readonly Pick<Processor, 'cancelBoundMs'>[];
  readonly uploader?: Pick<LogUploader, 'cancelBoundMs'>;
  /** Whether the runner ingests the logs of its runs (R198). Default false. */
  readonly ingestLogs?: boolean;
  /** Only for runners with the Bazel path. */
  readonly actions?: Pick<ActionStore, 'cancelBoundMs'>;
  /** The bound for opening and closing outputs and measuring directories. Default 10,000, as for runners. */
  readonly localBoundMs?: number;
}

const BOUNDED = is.objectOf<{ readonly cancelBoundMs: number }>(
  'an object with cancelBoundMs',
  { cancelBoundMs: is.limit() },
  {},
);
const COLLABORATORS = is.objectOf<BoundedCollaborators>(
  'the collaborators of a runner',
  { execer: BOUNDED },
  {
    ...is.each(['filers', 'preprocessors', 'postprocessors'], is.listOf(BOUNDED)),
    tempDirs: is.objectOf<Pick<TempDirs, 'boundMs'>>('an object with boundMs', { boundMs: is.limit() }, {}),
    ...is.each(['uploader', 'actions'], BOUNDED),
    localBoundMs: is.limit(),
    ingestLogs: is.BOOLEAN,
  },
);

/** The bounds of a runner with these collaborators. See {@link promptness}. */
export function phaseBounds(parts: BoundedCollaborators): PhaseBounds {
  check('parts', parts, COLLABORATORS);
  const { execer, filers = [], tempDirs, preprocessors = [], postprocessors = [], uploader } = parts;
  const { localBoundMs = LOCAL_BOUND_MS, actions, ingestLogs = false } = parts;
  const actionBoundMs = actions?.cancelBoundMs ?? 0;
  const checkout = Math.max(tempDirs?.boundMs ?? 0, ...filers.map(({ cancelBoundMs }) => cancelBoundMs));
  return {
    // A stop waits for the running preprocessor and skips the rest; postprocessors all run.
    preprocess: Math.max(0, ...preprocessors.map(({ cancelBoundMs }) => cancelBoundMs)),
    lookup: actionBoundMs,
    checkout,
    outputs: localBoundMs,
    prepare: actionBoundMs,
    exec: execer.cancelBoundMs,
    wait: execer.cancelBoundMs,
    measure: localBoundMs,
    collect: Math.max(actionBoundMs, ingestLogs ? checkout : 0),
    keep: actionBoundMs,
    upload: uploader?.cancelBoundMs ?? 0,
    close: localBoundMs,
    release: checkout,
    postprocess: postprocessors.reduce((sum, { cancelBoundMs }) => sum + cancelBoundMs, 0),
    end: 0,
  };
}

const PHASES: readonly InvocationPhase[] = [
  'preprocess',
  'lookup',
  'checkout',
  'outputs',
  'prepare',
  'exec',
  'wait',
  'measure',
  'collect',
  'keep',
  'upload',
  'close',
  'release',
  'postprocess',
  'end',
];
const BOUNDS = is.objectOf<PhaseBounds>('the bound of each phase', is.each(PHASES, is.limit()), {});

/** When and where a stop hit the run, and the bounds that add up to what is promised. */
function limitText({ isStarted, stoppedIn }: WatchedRun, stoppedAtMs: number, bounds: PhaseBounds): string {
  const asked = `It was to stop from ${stoppedAtMs} ms on`;
  if (!isStarted) return `${asked}, when it had not started: such a run ends at once.`;
  const terms = PHASES.slice(PHASES.indexOf(stoppedIn)).flatMap((phase) =>
    bounds[phase] > 0 ? [`${bounds[phase]} for ${phase}`] : [],
  );
  const sum = terms.length === 0 ? 'no bound' : terms.join(' + ');
  return `${asked}, in phase ${stoppedIn}.\nThe bounds from that phase on, in ms: ${sum}.`;
}

/** Tolerance, because every bound is rounded to a microsecond. */
const ROUNDING_MS = 0.01;

/**
 * Every run that is aborted, or whose runner is released, is terminal within the bounds of the phase that the stop hit
 * and of those that may follow; a run that waits in the queue is terminal at once (R71). The rule is not a default one,
 * because a trace does not show what the collaborators promised: pass it `phaseBounds`.
 *
 * @example
 * ```ts
 * import { createSimExecer } from 'dryrunner/kit';
 * import { createSimulatedRunner, phaseBounds, promptness, simulate, watchRuns } from 'dryrunner';
 * const verdict = await simulate({
 *   oracles: [watchRuns([promptness(phaseBounds({ execer: { cancelBoundMs: 2_000 } }))])],
 *   scenario: async ({ world }) => {
 *     const execer = createSimExecer({ clock: world.clock, graceMs: 2_000 });
 *     const runner = createSimulatedRunner(world, { execer });
 *     const { runId } = await runner.run({ argv: ['ignore-term', 'hang'] });
 *     await runner.abort(runId);
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function promptness(bounds: PhaseBounds): RunRule {
  check('bounds', bounds, BOUNDS);
  const leftMs = new Map<InvocationPhase, number>();
  let sum = 0;
  for (const phase of [...PHASES].reverse()) {
    sum += bounds[phase];
    leftMs.set(phase, sum);
  }
  const late = (run: WatchedRun, atMs: number, what: string): Complaint => {
    if (run.stoppedAtMs === undefined || run.isTerminal) return undefined;
    const durationMs = atMs - run.stoppedAtMs;
    const boundMs = leftMs.get(run.stoppedIn) ?? 0;
    if (durationMs <= boundMs + ROUNDING_MS) return undefined;
    const said = `${run.title} was to stop and ${what} after ${durationMs} ms; ${boundMs} ms are promised`;
    return `${said}\n\n${limitText(run, run.stoppedAtMs, bounds)}`;
  };
  return {
    rule: 'R199',
    beforeStatus: (run, { state }, atMs) => late(run, atMs, `became ${state}`),
    onEnd: (run, atMs) => late(run, atMs, 'has not ended'),
  };
}
