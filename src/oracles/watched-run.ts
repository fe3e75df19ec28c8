/**
 * The facts about one run from its trace, shared by all rules, so that an event is looked up once. Invariant: only
 * `watch-runs.ts` writes here; rules read. While a rule judges an event, these are the facts before it, unless its hook
 * says otherwise.
 */
import type { RunID, RunStatus } from '../model/run-status.ts';
import { isTerminal, type RunState } from '../model/run-state.ts';
import type { InvocationPhase, ResourceKind } from '../model/trace-event.ts';
import { STARTED_ROW } from '../model/undisturbed-run.ts';

/** A resource that a run owns; waiters and locks belong to callers and updates to the runner (R204). */
export type OwnedKind = Exclude<ResourceKind, 'waiter' | 'update' | 'lock'>;

/** All owned kinds. */
export const OWNED_KINDS: readonly OwnedKind[] = Object.freeze([
  'process',
  'checkout',
  'output',
  'tempdir',
  'upload',
] as const);

const rowResources = STARTED_ROW.flatMap((step) => (step.call === 'acquired' ? [step.resource] : []));
const countInRow = (kind: OwnedKind): number => rowResources.filter((resource) => resource === kind).length;
const ROW_HELD = rowResources.length;
const ROW_CHECKOUTS = countInRow('checkout');
const ROW_OUTPUTS = countInRow('output');
const ROW_PROCESSES = countInRow('process');

/** Facts about a run. */
export class WatchedRun {
  /** Name of its runner. */
  readonly runner: string;
  readonly runId: RunID;
  /** The latest status. */
  status: RunStatus | undefined = undefined;
  isAccepted = false;
  /** Timeout of its command in milliseconds; 0 for none. */
  timeoutMs = 0;
  /** True once it has left the queue: a phase or RUNNING was seen. */
  isStarted = false;
  phase: InvocationPhase | undefined = undefined;
  /** When it was first asked to stop, by an abort or a release of its runner (R85, R203). */
  stoppedAtMs: number | undefined = undefined;
  /**
   * The phase that the first request to stop hit: `end` while queued, `wait` while active in a runner without phases.
   */
  stoppedIn: InvocationPhase = 'end';
  /** True if its runner was released while it was open. */
  isReleased = false;
  /** How many resources it holds; the counts by kind follow. */
  held = 0;
  processes = 0;
  checkouts = 0;
  outputs = 0;
  tempDirs = 0;
  uploads = 0;
  /** Checkouts that were made and not released yet, including those given up. */
  checkoutsOut = 0;
  /** Checkouts that arrived after they had been given up, and were not released yet. */
  lateCheckouts = 0;
  /** Kinds that were given up at the collaborator's bound, so that their resources may come and go later (R106). */
  abandoned: Set<OwnedKind> | undefined = undefined;
  /** True once a process of it has ended. */
  hasExecuted = false;
  /** Its index among the terminal runs that its runner remembers; -1 if it is not among them. */
  place = -1;
  /** The run accepted after it. */
  next: WatchedRun | undefined = undefined;

  constructor(runner: string, runId: RunID) {
    this.runner = runner;
    this.runId = runId;
  }

  get isTerminal(): boolean {
    return this.status !== undefined && isTerminal(this.status.state);
  }

  /** Adds the resources of an undisturbed run whose process is running: those that `STARTED_ROW` acquires. */
  takeUndisturbed(): void {
    this.held = ROW_HELD;
    this.checkouts = ROW_CHECKOUTS;
    this.checkoutsOut = ROW_CHECKOUTS;
    this.outputs = ROW_OUTPUTS;
    this.processes = ROW_PROCESSES;
  }

  /** Whether it holds exactly these, except for the process, which has ended. */
  get holdsUndisturbed(): boolean {
    const { held, checkouts, checkoutsOut, outputs } = this;
    return (
      held === ROW_HELD - ROW_PROCESSES &&
      checkouts === ROW_CHECKOUTS &&
      checkoutsOut === ROW_CHECKOUTS &&
      outputs === ROW_OUTPUTS
    );
  }

  /** Removes them all. */
  giveBackUndisturbed(): void {
    this.held = 0;
    this.checkouts = 0;
    this.checkoutsOut = 0;
    this.outputs = 0;
  }

  /**
   * Adds one of a kind. A resource that arrives after its kind was given up does not count as held: it is about to be
   * returned (R106).
   */
  take(kind: OwnedKind): void {
    if (kind === 'checkout') this.checkoutsOut += 1;
    if (this.abandoned?.has(kind) !== true) this.#add(kind, 1);
    else if (kind === 'checkout') this.lateCheckouts += 1;
  }

  /** Removes one of a kind; a no-op if it has none, because it may have been given up. */
  giveBack(kind: OwnedKind): void {
    if (kind === 'process') this.hasExecuted = true;
    if (kind === 'checkout' && this.checkoutsOut > 0) this.checkoutsOut -= 1;
    if (this.heldOf(kind) > 0) this.#add(kind, -1);
    else if (kind === 'checkout' && this.lateCheckouts > 0) this.lateCheckouts -= 1;
  }

  /** Gives up all of a kind. */
  abandon(kind: OwnedKind): void {
    this.#add(kind, -this.heldOf(kind));
    this.abandoned ??= new Set();
    this.abandoned.add(kind);
  }

  /** How many of a kind it holds. */
  heldOf(kind: OwnedKind): number {
    switch (kind) {
      case 'process':
        return this.processes;
      case 'checkout':
        return this.checkouts;
      case 'output':
        return this.outputs;
      case 'tempdir':
        return this.tempDirs;
      case 'upload':
        return this.uploads;
    }
  }

  #add(kind: OwnedKind, by: number): void {
    this.held += by;
    switch (kind) {
      case 'process':
        this.processes += by;
        break;
      case 'checkout':
        this.checkouts += by;
        break;
      case 'output':
        this.outputs += by;
        break;
      case 'tempdir':
        this.tempDirs += by;
        break;
      case 'upload':
        this.uploads += by;
        break;
    }
  }

  /** A hint for a run that becomes PENDING again: usually two runners share a name, and so their run ids (R45). */
  hintAt(state: RunState): string {
    if (state !== 'PENDING') return '';
    return `; if two runners of this trace are called ${this.runner}, give them different names`;
  }

  /** `run 3 on runner`, for messages. */
  get title(): string {
    return `run ${this.runId} on ${this.runner}`;
  }
}
