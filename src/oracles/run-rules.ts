/**
 * The rules for the runs of a trace, and the contract of a rule: it judges one event at a time by the facts that all
 * rules share. Rules keep no state and modify nothing, so that any set of them can watch the same trace at the cost of
 * one look-up per event.
 */
import type { RunStatus } from '../model/run-status.ts';
import { type OwnedKind, type WatchedRun, OWNED_KINDS } from './watched-run.ts';
import type { WatchedRunner } from './watched-runner.ts';
import { isTerminal, canMove } from '../model/run-state.ts';
import { METRIC_NAMES } from '../model/metrics.ts';
import { plural } from '../model/plural.ts';

/** What is wrong, in one sentence with the ids concerned; undefined if nothing is. */
export type Complaint = string | undefined;

/** A rule. Hooks that it does not define cost nothing. */
export interface RunRule {
  /** Its number, such as `R200`. */
  readonly rule: string;
  /**
   * True if `onAcquired` and `onFreed` never complain about an undisturbed run: one that is open, has given nothing up,
   * and acquires and frees what any run does, while its runner performs no update. If all rules are like this, the
   * events of undisturbed runs are processed in batches.
   */
  readonly ignoresUndisturbed?: boolean;
  /** A status is about to be recorded; `run.status` is the previous one. */
  readonly beforeStatus?: (run: WatchedRun, status: RunStatus, atMs: number) => Complaint;
  /** A status was recorded; the facts include it. */
  readonly afterStatus?: (run: WatchedRun, status: RunStatus, runner: WatchedRunner) => Complaint;
  /** The run leaves the queue: its first phase, or RUNNING if it has no phases. */
  readonly onStart?: (run: WatchedRun, runner: WatchedRunner) => Complaint;
  /** The run is about to acquire a resource. */
  readonly onAcquired?: (
    run: WatchedRun,
    resource: OwnedKind,
    name: string,
    runner: WatchedRunner,
  ) => Complaint;
  /** The run is about to free a resource. */
  readonly onFreed?: (run: WatchedRun, resource: OwnedKind, name: string) => Complaint;
  /** An update of a filer is about to begin. */
  readonly onUpdate?: (runner: WatchedRunner, name: string) => Complaint;
  /** An instrument is about to change. */
  readonly onMetric?: (runner: WatchedRunner, name: string, value: number) => Complaint;
  /** The trace is over; called for each run that is still remembered. */
  readonly onEnd?: (run: WatchedRun, atMs: number) => Complaint;
}

/**
 * Each accepted run reaches exactly one terminal status, which never changes. That it reaches one at all is required
 * only of runs whose runner was released (R85): others may go on after the end of the trace. See {@link watchRuns}.
 */
export const oneTerminal: RunRule = {
  rule: 'R200',
  beforeStatus(run, { state }) {
    const old = run.status?.state;
    if (old === undefined || !isTerminal(old)) return undefined;
    return `${run.title} was ${old}, which is terminal, and has become ${state}${run.hintAt(state)}`;
  },
  onEnd(run) {
    if (!run.isReleased || run.isTerminal) return undefined;
    return `${run.title} is ${run.status?.state ?? 'without a status'} at the end, although its runner was released`;
  },
};

/**
 * The observed state sequence of a run is a path of R4's graph; it may begin anywhere, depending on the observer. See
 * {@link watchRuns}.
 */
export const statePath: RunRule = {
  rule: 'R201',
  beforeStatus(run, { state }) {
    const old = run.status?.state;
    if (old === undefined || canMove(old, state)) return undefined;
    return `${run.title} cannot go from ${old} to ${state}${run.hintAt(state)}`;
  },
};

/**
 * A run starts with its first phase, or with RUNNING if its runner has no phases. It must have been accepted, all runs
 * accepted before it must have started or ended, and no other run may be active (R67). See {@link watchRuns}.
 */
export const startOrder: RunRule = {
  rule: 'R202',
  onStart(run, runner) {
    const { active } = runner;
    if (!run.isAccepted && run.status === undefined) return `${run.title} has started and was never accepted`;
    if (active !== undefined) return `${run.title} has started while run ${active.runId} is active`;
    const head = runner.head();
    if (head === run || run.isTerminal) return undefined;
    return `${run.title} has started before run ${head?.runId}, which was accepted earlier`;
  },
};

/**
 * A run that was not asked to stop, by an abort or a release (R85), does not become ABORTED, nor UNKNOWN once its
 * process has ended; one without a timeout does not become TIMEDOUT. Only runs with an `accepted` event are judged: a
 * source that traces no acceptance, such as a bare store, traces no request to stop either. See {@link watchRuns}.
 */
export const endCause: RunRule = {
  rule: 'R203',
  beforeStatus(run, { state }) {
    if (!run.isAccepted) return undefined;
    switch (state) {
      case 'ABORTED':
        return run.stoppedAtMs === undefined
          ? `${run.title} became ABORTED, but neither was it aborted nor its runner released`
          : undefined;
      case 'TIMEDOUT':
        return run.timeoutMs <= 0 ? `${run.title} became TIMEDOUT, but has no timeout` : undefined;
      case 'UNKNOWN':
        return run.stoppedAtMs === undefined && run.hasExecuted
          ? `${run.title} became UNKNOWN, but its process has ended`
          : undefined;
      case 'PENDING':
      case 'RUNNING':
      case 'COMPLETE':
      case 'FAILED':
        return undefined;
    }
  },
};

/**
 * No process, open output, checkout, temporary directory or upload of a run outlives its terminal status. Exempt are
 * resources that the collaborator did not give back within its bound (R106), waiters, which belong to callers, and
 * timers, which the simulation itself counts.
 */
export const givenBack: RunRule = {
  rule: 'R204',
  ignoresUndisturbed: true,
  beforeStatus(run, { state }) {
    if (run.held === 0 || !isTerminal(state)) return undefined;
    return `${run.title} is over, but holds ${heldBy(run)}`;
  },
  onAcquired(run, resource, name) {
    if (!run.isTerminal || run.abandoned?.has(resource) === true) return undefined;
    return `${run.title} is over and has taken ${resource} ${name}`;
  },
};

/** No count for processes: a simulated machine counts several where a run has just one, so the number would mislead. */
function heldText(kind: OwnedKind, count: number): string {
  return kind === 'process' ? 'a process that has not exited' : `${count} × ${kind}`;
}

function heldBy(run: WatchedRun): string {
  const counts = OWNED_KINDS.map((kind) => [kind, run.heldOf(kind)] as const);
  return counts.flatMap(([kind, count]) => (count === 0 ? [] : [heldText(kind, count)])).join(', ');
}

/**
 * Each checkout made is released exactly once; updates overlap neither runs nor checkouts (R76). A checkout that was
 * given up at its bound may come back late or never (R106).
 */
export const checkoutRelease: RunRule = {
  rule: 'R205',
  ignoresUndisturbed: true,
  onStart(run, { updates }) {
    return updates > 0 ? `${run.title} has started during an update` : undefined;
  },
  onAcquired(run, resource, name, { updates }) {
    if (resource !== 'checkout' || updates === 0 || run.abandoned?.has(resource) === true) return undefined;
    return `${run.title} has checked out ${name} during an update`;
  },
  onFreed(run, resource, name) {
    if (resource !== 'checkout' || run.checkoutsOut > 0) return undefined;
    return `${run.title} has released ${name}, which is not checked out`;
  },
  onUpdate({ active, name: runner }, name) {
    return active === undefined
      ? undefined
      : `the update of ${name} on ${runner} has begun while run ${active.runId} is active`;
  },
  onEnd(run) {
    return run.checkouts + run.lateCheckouts > 0 && run.isTerminal
      ? `${run.title} has never released its checkout`
      : undefined;
  },
};

/** A ref that is known stays known; it may be replaced, as an upload does (R52). */
export const keptRefs: RunRule = {
  rule: 'R206',
  beforeStatus(run, { state, stdoutRef, stderrRef }) {
    const old = run.status;
    if (old === undefined) return undefined;
    if (stdoutRef === '' && old.stdoutRef !== '') {
      return `${run.title} became ${state} and lost its stdoutRef ${old.stdoutRef}`;
    }
    if (stderrRef === '' && old.stderrRef !== '') {
      return `${run.title} became ${state} and lost its stderrRef ${old.stderrRef}`;
    }
    return undefined;
  },
};

/** The gauge that holds the number of active runs (R116). */
export const RUNNING_TASK: string = METRIC_NAMES.RUNNING_TASK;

/** The counters of R176–R183, whose totals only grow. */
export const COUNTER_NAMES: ReadonlySet<string> = new Set([
  METRIC_NAMES.DOWNLOADS,
  METRIC_NAMES.UPLOADS,
  METRIC_NAMES.LOG_UPLOAD_FAILURES,
  METRIC_NAMES.TIMEOUTS,
  METRIC_NAMES.MEMORY_CAP_EXCEEDED,
  METRIC_NAMES.HIGH_INITIAL_MEMORY,
  METRIC_NAMES.INIT_FAILURE,
  METRIC_NAMES.RUNS,
  METRIC_NAMES.ABORTS,
  METRIC_NAMES.QUERIES,
]);

/**
 * Counters only grow; at every status the gauge `runningTask`, if it is in the trace, is the number of active runs; and
 * the number of accepted runs is that of terminal, queued and active ones. The last is not checked if the trace has no
 * acceptances, such as that of a bare store.
 */
export const runAccounts: RunRule = {
  rule: 'R208',
  afterStatus(run, { state }, runner) {
    const { accepted, ended, queued, working, runningTask } = runner;
    if (runningTask !== undefined && runningTask !== working) {
      const moment = isTerminal(state) ? 'was over' : `became ${state}`;
      const read = `Read with the status of run ${run.runId}, by which it must be right: expected ${working}, got ${runningTask}.`;
      return `${RUNNING_TASK} of ${runner.name} is ${runningTask} with ${working} active when run ${run.runId} ${moment}\n\n${read}`;
    }
    if (accepted === 0 || !isTerminal(state) || accepted === ended + queued + working) return undefined;
    return `${runner.name} has accepted ${accepted} ${plural(accepted, 'run')}, but ${ended} are terminal, ${queued} queued and ${working} active`;
  },
  onMetric({ name: runner, counters }, name, value) {
    if (!COUNTER_NAMES.has(name)) return undefined;
    const old = counters?.get(name) ?? 0;
    return value < old ? `counter ${name} of ${runner} fell from ${old} to ${value}` : undefined;
  },
};
