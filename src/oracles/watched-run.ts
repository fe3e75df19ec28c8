/**
 * What is known of one run from its trace, shared by all rules, so that an event is looked up once. Invariant: only `watch-runs.ts`
 * writes here; rules read. While a rule judges an event, these are the facts before it, unless its hook says otherwise.
 */
import type { RunID, RunStatus } from '../model/run-status.ts';
import { isTerminal, type RunState } from '../model/run-state.ts';
import type { InvocationPhase, ResourceKind } from '../model/trace-event.ts';
import { STARTED_ROW } from '../model/undisturbed-run.ts';

/** A resource that a run owns; waiters and locks belong to callers and updates to the runner (R204). */
export type OwnedKind = Exclude<ResourceKind, 'waiter' | 'update' | 'lock'>;

/** All of them. */
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
  /** Limit of its command, 0 for none. */
  timeoutMs = 0;
  /** It has left the queue: a phase or RUNNING was seen. */
  isStarted = false;
  phase: InvocationPhase | undefined = undefined;
  /** When it was first asked to stop, by an abort or a release of its runner (R85, R203). */
  stoppedAtMs: number | undefined = undefined;
  /** The phase that the first request to stop hit: `end` in the queue, `wait` at work without phases. */
  stoppedIn: InvocationPhase = 'end';
  /** Its runner was released while it was open. */
  isReleased = false;
  /** How many resources it holds, and how many of each kind. */
  held = 0;
  processes = 0;
  checkouts = 0;
  outputs = 0;
  tempDirs = 0;
  uploads = 0;
  /** Checkouts that were made and not released, given up or not. */
  checkoutsOut = 0;
  /** Checkouts that came after they had been given up, and were not released yet. */
  lateCheckouts = 0;
  /** Kinds that were given up at the collaborator's bound, so that they may come and go later (R106). */
  abandoned: Set<OwnedKind> | undefined = undefined;
  /** A process of it has ended. */
  hasExecuted = false;
  /** Where its runner keeps it among those that are terminal. */
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

  /** Takes what an undisturbed run holds while its process is at work: what `STARTED_ROW` acquires. */
  takeUndisturbed(): void {
    this.held = ROW_HELD;
    this.checkouts = ROW_CHECKOUTS;
    this.checkoutsOut = ROW_CHECKOUTS;
    this.outputs = ROW_OUTPUTS;
    this.processes = ROW_PROCESSES;
  }

  /** Whether it holds just that, but for the process, which has ended. */
  get holdsUndisturbed(): boolean {
    const { held, checkouts, checkoutsOut, outputs } = this;
    return (
      held === ROW_HELD - ROW_PROCESSES &&
      checkouts === ROW_CHECKOUTS &&
      checkoutsOut === ROW_CHECKOUTS &&
      outputs === ROW_OUTPUTS
    );
  }

  /** Gives it all back. */
  giveBackUndisturbed(): void {
    this.held = 0;
    this.checkouts = 0;
    this.checkoutsOut = 0;
    this.outputs = 0;
  }

  /** Takes one of a kind. What comes after it was given up is not held: it is on its way back (R106). */
  take(kind: OwnedKind): void {
    if (kind === 'checkout') this.checkoutsOut += 1;
    if (this.abandoned?.has(kind) !== true) this.#add(kind, 1);
    else if (kind === 'checkout') this.lateCheckouts += 1;
  }

  /** Gives one of a kind back. Nothing happens if it has none: it may have been given up. */
  giveBack(kind: OwnedKind): void {
    if (kind === 'process') this.hasExecuted = true;
    if (kind === 'checkout' && this.checkoutsOut > 0) this.checkoutsOut -= 1;
    if (this.heldOf(kind) > 0) this.#add(kind, -1);
    else if (kind === 'checkout' && this.lateCheckouts > 0) this.lateCheckouts -= 1;
  }

  /** Gives all of a kind up. */
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

  /** What is behind a run that becomes PENDING again, as a rule: two runners that share a name, and so their ids (R45). */
  hintAt(state: RunState): string {
    if (state !== 'PENDING') return '';
    return `; if two runners of this trace are called ${this.runner}, give them different names`;
  }

  /** `run 3 on runner`, for messages. */
  get title(): string {
    return `run ${this.runId} on ${this.runner}`;
  }
}
