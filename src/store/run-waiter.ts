/** A wait for a status: on the runs it lists, or on all. */
import type { Query } from '../model/query.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import { formatMask, type StateMask } from '../model/state-mask.ts';
import type { QueryResult } from '../model/status-reader.ts';
import { unlinkWaiter, type WaiterLink } from './waiter-list.ts';
import { Waiter } from './waiter-register.ts';

/** Where a waiter reads the service status that goes with its result (R38). */
export interface ServiceSource {
  readonly serviceStatus: ServiceStatus;
}

/** A run that a waiter waits on. */
export interface ListedRun {
  readonly status: RunStatus;
}

/** What is waited for, by mask: there are 128 at most, and each is the name of two trace events per wait. */
const GOALS: (string | undefined)[] = [];

const taken = { resolve: (_: QueryResult): void => {}, reject: (_: Error): void => {} };

/** One executor for all waits, which runs before `new Promise` returns. */
function takeSettlers(resolve: (result: QueryResult) => void, reject: (error: Error) => void): void {
  taken.resolve = resolve;
  taken.reject = reject;
}

/** Waits until a status matches its query (R31). */
export class RunWaiter extends Waiter {
  readonly states: StateMask;
  readonly allRuns: boolean;
  /** The runs that the query lists, without duplicates. */
  readonly runs: readonly ListedRun[];
  readonly promise: Promise<QueryResult>;
  /** How many of the listed runs may still come to match; at 0 the wait cannot be met (R36). `Infinity` if new runs may. */
  live = 0;
  /** Its places in the lists of what it waits on, chained by `sibling`. */
  links: WaiterLink<RunWaiter> | undefined = undefined;
  readonly #source: ServiceSource;
  readonly #resolve: (result: QueryResult) => void;
  readonly #reject: (error: Error) => void;

  /** Keeps nothing of the query itself, which stays the caller's to change. */
  constructor({ states, allRuns = false }: Query, runs: readonly ListedRun[], source: ServiceSource) {
    super();
    this.states = states;
    this.allRuns = allRuns;
    this.runs = runs;
    this.#source = source;
    this.promise = new Promise(takeSettlers);
    this.#resolve = taken.resolve;
    this.#reject = taken.reject;
  }

  get label(): string {
    if (this.allRuns) return 'wait on all runs';
    if (this.runs.length === 0) return 'wait on no run';
    const first = this.runs[0]?.status.runId;
    return this.runs.length === 1 ? `wait on run ${first}` : `wait on ${this.runs.length} runs from ${first}`;
  }

  get goal(): string {
    const goal = (GOALS[this.states] ??= `for ${formatMask(this.states)}`);
    return this.runId === '' ? `${this.label} ${goal}` : goal;
  }

  get runId(): string {
    const { runs } = this;
    return this.allRuns || runs.length !== 1 ? '' : (runs[0] as ListedRun).status.runId;
  }

  /** Answers with the one status that matched, as it was written (R31). */
  meet(status: RunStatus): void {
    this.#resolve({ statuses: [status], service: this.#source.serviceStatus });
  }

  override expire(): void {
    this.#resolve({ statuses: [], service: this.#source.serviceStatus });
  }

  override fail(error: Error): void {
    this.#reject(error);
  }

  override unlink(): void {
    for (let { links } = this; links !== undefined; links = links.sibling) unlinkWaiter(links);
    this.links = undefined;
  }
}
