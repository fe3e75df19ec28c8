/** A wait for a status: on the runs it lists, or on all. */
import type { Query } from '../model/query.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { QueryResult } from '../model/status-reader.ts';
import { unlinkWaiter, type WaiterLink } from './waiter-list.ts';
import { Waiter } from './waiter.ts';

/** Where a waiter reads the service status that goes with its result (R38). */
export interface ServiceSource {
  readonly serviceStatus: ServiceStatus;
}

/** Waits until a status matches its query (R31). */
export class RunWaiter extends Waiter {
  readonly query: Query;
  readonly promise: Promise<QueryResult>;
  /** How many of the listed runs may still come to match; at 0 the wait cannot be met (R36). `Infinity` if new runs may. */
  live = 0;
  /** Its places in the lists of what it waits on, chained by `sibling`. */
  links: WaiterLink<RunWaiter> | undefined = undefined;
  readonly #source: ServiceSource;
  #resolve!: (result: QueryResult) => void;
  #reject!: (error: Error) => void;

  constructor(query: Query, source: ServiceSource) {
    super();
    this.query = query;
    this.#source = source;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get label(): string {
    const { runs = [], allRuns = false } = this.query;
    if (allRuns) return 'wait on all runs';
    return runs.length === 1 ? `wait on run ${runs[0]}` : `wait on ${runs.length} runs from ${runs[0]}`;
  }

  get runId(): string {
    const { runs = [], allRuns = false } = this.query;
    return allRuns || runs.length !== 1 ? '' : (runs[0] ?? '');
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
