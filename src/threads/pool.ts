/**
 * A campaign on many threads. Invariants: an execution that takes its thread with it is reported with its log and costs nothing else: the
 * next thread goes on behind it; together the threads run each index of their shard once.
 */
import type { CampaignEvent, CampaignReport } from '../explore/campaign-report.ts';
import type { Certificate } from '../explore/exhaustive/certificate.ts';
import { mergeCampaignReports } from '../explore/campaign-report.ts';
import { createCoverage } from '../explore/coverage.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { mergeEscapes, type Escape } from '../explore/escape.ts';
import { ExploreSlot, type ExploreSlotOptions } from './slot.ts';
import type { CampaignTask } from './task.ts';
import type { ThreadLimits } from './thread-supervisor.ts';

/** What {@link runExplorePool} takes. */
export interface ExplorePoolOptions extends ThreadLimits, Omit<CampaignTask, 'kind'> {
  /** How many threads. */
  readonly workers: number;
  /** This pool explores the indices `firstIndex + shard`, `firstIndex + shard + shards`, …; `shard` counts from 0. */
  readonly shard: number;
  /**
   * Real time in milliseconds, from the first execution, after which no other begins. Those that are on may come to their end within
   * as much again, at most ten seconds; if none has ended yet, three times as long.
   */
  readonly timeMs?: number;
  /** Ends the campaign early. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: PoolEvent) => void;
}

/** How far a pool has come. */
export interface PoolProgress {
  readonly executions: number;
  readonly failed: number;
  /** Features of coverage; the most that one thread has reached. */
  readonly features: number;
  readonly decisions: number;
  readonly firedEvents: number;
  /** Every index of the shard below this one has been run. */
  readonly nextIndex: number;
  readonly seconds: number;
}

/** Sent as it happens. Executions and seconds of a failure are those of the whole pool. */
export type PoolEvent = CampaignEvent | { readonly type: 'progress'; readonly progress: PoolProgress };

/** What a pool did. */
export interface PoolReport extends CampaignReport {
  readonly seconds: number;
  /** Features of coverage that all threads have reached together; 0 if the strategy does not watch it. */
  readonly features: number;
  /** Threads that hung or died. */
  readonly lostThreads: number;
  /** What an exhaustive search can vouch for. */
  readonly certificate?: Certificate;
  /** What executions reached for outside; absent unless the campaign is strict. */
  readonly escapes?: readonly Escape[];
}

const PROGRESS_MS = 250;
const GRACE_LEAST_MS = 1_000;
const GRACE_MOST_MS = 10_000;
/** Where no execution has ended yet, nothing would be known of the scenario. */
const FIRST_GRACE_FACTOR = 3;
/** How long loading the scenario may take, its time not counted. */
const LOAD_MOST_MS = 120_000;

class ExplorePool {
  readonly #options: ExplorePoolOptions;
  readonly #slots: readonly ExploreSlot[];
  readonly #coverage = createCoverage();
  readonly #failures = new Map<string, FailingExecution>();
  readonly #startedAt = performance.now();
  #deadline: NodeJS.Timeout | undefined;
  #isReady = false;
  /** True once nobody wants to know how the executions that are on would end. */
  #isSettled = false;

  constructor(options: ExplorePoolOptions) {
    this.#options = options;
    const { entry, hangMs, memoryMb } = options;
    this.#slots = Array.from(
      { length: options.workers },
      (_, worker) =>
        new ExploreSlot({
          task: taskOf(options, worker),
          limits: { entry, hangMs, memoryMb },
          coverage: this.#coverage,
          onEvent: (event) => this.#onEvent(event),
          onReady: () => this.#onReady(),
        }),
    );
  }

  async run(): Promise<PoolReport> {
    const { signal, timeMs, onEvent } = this.#options;
    const stop = (): void => this.#settle();
    signal.addEventListener('abort', stop);
    if (timeMs !== undefined) this.#deadline = setTimeout(stop, timeMs + LOAD_MOST_MS);
    const ticker = setInterval(() => onEvent({ type: 'progress', progress: this.#progress() }), PROGRESS_MS);
    try {
      if (signal.aborted) stop();
      const [first, ...others] = this.#slots;
      if (first === undefined) throw new RangeError('a pool of no threads');
      const firstReport = first.run();
      const reports = await Promise.all([
        firstReport,
        ...others.map(async (slot) => {
          // What failed before is tried before anything new.
          await Promise.race([first.corpusTried, firstReport]);
          return slot.run();
        }),
      ]);
      return this.#report(reports);
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      clearTimeout(this.#deadline);
      clearInterval(ticker);
    }
  }

  #report(reports: readonly CampaignReport[]): PoolReport {
    const sums = mergeCampaignReports(reports);
    const { certificate } = this.#slots.find((slot) => slot.certificate !== undefined) ?? {};
    return {
      ...sums,
      cutOff: this.#isSettled ? [] : sums.cutOff,
      failures: [...this.#failures.values()],
      seconds: this.#seconds(),
      features: this.#coverage.featureCount,
      lostThreads: this.#slots.reduce((sum, slot) => sum + slot.lostThreads, 0),
      ...(certificate === undefined ? {} : { certificate }),
      ...(this.#options.strict
        ? { escapes: mergeEscapes(this.#slots.flatMap(({ escapes }) => escapes)) }
        : {}),
    };
  }

  #onEvent(event: CampaignEvent): void {
    const { onEvent, goOn } = this.#options;
    if (event.type !== 'failure') {
      if (event.type !== 'cut-off' || !this.#isSettled) onEvent(event);
      return;
    }
    const { key } = event.failure;
    // Who stops at the first failure gets one; what others came to in the same moment comes again.
    if (this.#failures.has(key) || (!goOn && this.#failures.size > 0)) return;
    const failure = { ...event.failure, executions: this.#progress().executions, seconds: this.#seconds() };
    this.#failures.set(key, failure);
    onEvent({ type: 'failure', failure });
    if (!goOn) this.#settle();
  }

  #progress(): PoolProgress {
    const all = this.#slots.map((slot) => slot.counters());
    const sum = (pick: (counters: (typeof all)[number]) => number): number =>
      all.reduce((total, counters) => total + pick(counters), 0);
    return {
      executions: sum(({ executions }) => executions),
      failed: sum(({ failed }) => failed),
      features: Math.max(...all.map(({ features }) => features)),
      decisions: sum(({ decisions }) => decisions),
      firedEvents: sum(({ firedEvents }) => firedEvents),
      nextIndex: Math.min(...this.#slots.map(({ nextIndex }) => nextIndex)),
      seconds: this.#seconds(),
    };
  }

  #seconds(): number {
    return Math.round(performance.now() - this.#startedAt) / 1_000;
  }

  #onReady(): void {
    const { timeMs } = this.#options;
    if (this.#isReady || timeMs === undefined) return;
    this.#isReady = true;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#finish(timeMs), timeMs);
  }

  /** The time is up. */
  #finish(timeMs: number): void {
    for (const slot of this.#slots) slot.askToFinish();
    const graceMs = Math.min(GRACE_MOST_MS, Math.max(GRACE_LEAST_MS, timeMs));
    const factor = this.#progress().executions === 0 ? FIRST_GRACE_FACTOR : 1;
    this.#deadline = setTimeout(() => this.#stop(), graceMs * factor);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#stop();
  }

  #stop(): void {
    for (const slot of this.#slots) slot.askToStop();
  }
}

/** The part of a worker in what all do: every `workers`-th index of this shard. */
function taskOf(options: ExplorePoolOptions, worker: number): ExploreSlotOptions['task'] {
  const { scenario, strategy, seed, bounds, goOn, strict, auditEvery, workers, shard, shards } = options;
  const { corpus, firstIndex, maxExecutions } = options;
  return {
    ...{ kind: 'campaign', scenario, strategy, seed, bounds, goOn, strict },
    ...(auditEvery === undefined ? {} : { auditEvery }),
    firstIndex: firstIndex + shard + shards * worker,
    shards: shards * workers,
    // One thread is enough to see a failure again; what to go on from is good for all.
    corpus: worker === 0 ? corpus : corpus.filter(({ key }) => key === undefined),
    ...(maxExecutions === undefined ? {} : { maxExecutions: shareOf(maxExecutions, worker, workers) }),
  };
}

function shareOf(count: number, worker: number, workers: number): number {
  return Math.floor(count / workers) + (worker < count % workers ? 1 : 0);
}

/**
 * Runs a campaign on threads of this process.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread.
 */
export async function runExplorePool(options: ExplorePoolOptions): Promise<PoolReport> {
  return new ExplorePool(options).run();
}
