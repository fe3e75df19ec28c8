/**
 * The contract of a rule about runs: it judges one event at a time by the facts that all rules share. Rules keep no state and change
 * nothing, so that any set of them can watch the same trace for the price of one look-up per event.
 */
import type { RunStatus } from '../model/run-status.ts';
import type { OwnedKind, WatchedRun } from './watched-run.ts';
import type { WatchedRunner } from './watched-runner.ts';

/** What is wrong, in one sentence with the ids it is about; undefined if nothing is. */
export type Complaint = string | undefined;

/** A rule. Hooks that it does not have cost nothing. */
export interface RunRule {
  /** Its number, such as `R200`. */
  readonly rule: string;
  /**
   * `onAcquired` and `onFreed` have nothing to say of a run that is open, gave nothing up and takes or gives back what any run does,
   * while its runner updates nothing. With such rules alone, events of undisturbed runs are taken in rows.
   */
  readonly ignoresUndisturbed?: boolean;
  /** A status was written; `run.status` is the one before it. */
  readonly beforeStatus?: (run: WatchedRun, status: RunStatus, atMs: number) => Complaint;
  /** The same, when the facts include the new status. */
  readonly afterStatus?: (run: WatchedRun, status: RunStatus, runner: WatchedRunner) => Complaint;
  /** The run leaves the queue: its first phase, or RUNNING if it has no phases. */
  readonly onStart?: (run: WatchedRun, runner: WatchedRunner) => Complaint;
  /** The run is about to take a resource. */
  readonly onAcquired?: (
    run: WatchedRun,
    resource: OwnedKind,
    name: string,
    runner: WatchedRunner,
  ) => Complaint;
  /** The run is about to give a resource back. */
  readonly onFreed?: (run: WatchedRun, resource: OwnedKind, name: string) => Complaint;
  /** An update of a filer is about to begin. */
  readonly onUpdate?: (runner: WatchedRunner, name: string) => Complaint;
  /** An instrument is about to change. */
  readonly onMetric?: (runner: WatchedRunner, name: string, value: number) => Complaint;
  /** The trace is over; called for each run that is remembered. */
  readonly onEnd?: (run: WatchedRun, atMs: number) => Complaint;
}
