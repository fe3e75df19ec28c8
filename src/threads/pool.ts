/**
 * A campaign on many threads. Invariants: an execution that hangs or crashes its thread is reported with its log and
 * costs nothing else: the next thread continues after it; together, the threads run each index of their shard once.
 */
import type { CampaignEvent, CampaignReport } from '../explore/campaign-report.ts';
import type { Certificate } from '../explore/exhaustive/certificate.ts';
import { mergeCampaignReports } from '../explore/campaign-report.ts';
import { createCoverage } from '../explore/coverage.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { mergeEscapes, type Escape } from '../explore/escape.ts';
import { clearInterval, clearTimeout, performance, setInterval, setTimeout } from './real-timers.ts';
import { ExploreSlot, type ExploreSlotOptions } from './slot.ts';
import type { CampaignTask } from './task.ts';
import type { ScenarioRefusedError, ThreadLimits } from './thread-supervisor.ts';

/** Options of {@link runExplorePool}. */
export interface ExplorePoolOptions extends ThreadLimits, Omit<CampaignTask, 'kind'> {
  /** Number of threads. */
  readonly workers: number;
  /** This pool explores the indices `firstIndex + shard`, `firstIndex + shard + shards`, …; `shard` counts from 0. */
  readonly shard: number;
  /**
   * Real time in milliseconds, from the first execution on, after which no other one starts; one always starts.
   * Executions in progress may take as long again to finish, at most ten seconds; three times that if none has finished
   * yet.
   */
  readonly timeMs?: number;
  /** Ends the campaign early. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: PoolEvent) => void;
}

/** The progress of a pool. */
export interface PoolProgress {
  readonly executions: number;
  readonly failed: number;
  /** Features of coverage: the most that any one thread has reached. */
  readonly features: number;
  readonly decisions: number;
  readonly firedEvents: number;
  /** Every index of the shard below this one has been run, and what came of it was reported. */
  readonly nextIndex: number;
  /** Real time until the scenario was loaded and prepared in a thread. */
  readonly loadSeconds: number;
  /** Real time since then; 0 before. */
  readonly seconds: number;
}

/** Sent as it happens. The executions and seconds of a failure are those of the whole pool. */
export type PoolEvent = CampaignEvent | { readonly type: 'progress'; readonly progress: PoolProgress };

/** The result of a pool. */
export interface PoolReport extends CampaignReport {
  /** See {@link PoolProgress}. */
  readonly seconds: number;
  /** Features of coverage that all threads have reached together; 0 if the strategy does not watch it. */
  readonly features: number;
  /** Number of threads that hung or crashed. */
  readonly lostThreads: number;
  /**
   * Why the scenario did not load in a thread, although it had in an earlier one that found a failure: its file may have
   * been edited.
   */
  readonly refusal?: string;
  /** What an exhaustive search has proved. */
  readonly certificate?: Certificate;
  /** Accesses outside of the simulation; absent unless the campaign is strict. */
  readonly escapes?: readonly Escape[];
}

const PROGRESS_MS = 250;
const GRACE_LEAST_MS = 1_000;
const GRACE_MOST_MS = 10_000;
/** More time if no execution has ended yet, because then nothing would be known of the scenario. */
const FIRST_GRACE_FACTOR = 3;
/** How often to look whether a thread that is ready has begun its first execution. */
const FIRST_BEGIN_MS = 5;
/** The longest that loading the scenario may take; that time does not count as the pool's. */
const LOAD_MOST_MS = 120_000;

class ExplorePool {
  readonly #options: ExplorePoolOptions;
  readonly #slots: readonly ExploreSlot[];
  readonly #coverage = createCoverage();
  readonly #failures = new Map<string, FailingExecution>();
  readonly #madeAt = performance.now();
  /** When the first thread was ready to begin an execution. */
  #readyAt: number | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** True once the outcomes of the executions in progress no longer matter. */
  #isSettled = false;
  #refusal: ScenarioRefusedError | undefined;
  /** The lowest index whose outcome is known and not reported. */
  #unreportedIndex = Infinity;
  /**
   * The lowest of the slots' next indices one tick ago. A thread posts everything about an execution before its index
   * moves, so by now all messages about lower indices have arrived.
   */
  #heardIndex: number;

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
          onRefused: (error) => {
            this.#refusal ??= error;
            this.#settle();
          },
        }),
    );
    this.#heardIndex = this.#nextIndex();
  }

  async run(): Promise<PoolReport> {
    const { signal, timeMs, onEvent } = this.#options;
    const stop = (): void => this.#settle();
    signal.addEventListener('abort', stop);
    if (timeMs !== undefined) this.#deadline = setTimeout(stop, timeMs + LOAD_MOST_MS);
    const ticker = setInterval(() => {
      onEvent({ type: 'progress', progress: this.#progress() });
      this.#heardIndex = this.#nextIndex();
    }, PROGRESS_MS);
    try {
      if (signal.aborted) stop();
      const [first, ...others] = this.#slots;
      if (first === undefined) throw new RangeError('a pool of no threads');
      const firstReport = first.run();
      const reports = await Promise.all([
        firstReport,
        ...others.map(async (slot) => {
          // Earlier failures are tried before anything new.
          await Promise.race([first.corpusTried, firstReport]);
          return slot.run();
        }),
      ]);
      if (this.#refusal !== undefined && this.#failures.size === 0) throw this.#refusal;
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
      nextIndex: Math.min(sums.nextIndex, this.#unreportedIndex),
      failures: [...this.#failures.values()],
      seconds: this.#seconds(),
      features: this.#coverage.featureCount,
      lostThreads: this.#slots.reduce((sum, slot) => sum + slot.lostThreads, 0),
      ...(this.#refusal === undefined ? {} : { refusal: this.#refusal.message }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(this.#options.strict
        ? { escapes: mergeEscapes(this.#slots.flatMap(({ escapes }) => escapes)) }
        : {}),
    };
  }

  #onEvent(event: CampaignEvent): void {
    const { onEvent, keepGoing } = this.#options;
    if (event.type !== 'failure') {
      const isDropped =
        (event.type === 'cut-off' && this.#isSettled) ||
        // A log is retired for its new failure, so only if that was reported.
        (event.type === 'changed' && !this.#failures.has(event.now));
      if (!isDropped) onEvent(event);
      else if (event.type === 'cut-off') this.#noteUnreported(event.execution);
      return;
    }
    const { key } = event.failure;
    if (this.#failures.has(key)) return;
    // Without `keepGoing`, only the first failure is reported; those that others found at the same moment are found
    // again by a campaign that resumes.
    if (!keepGoing && this.#failures.size > 0) {
      this.#noteUnreported(event.failure);
      return;
    }
    const failure = { ...event.failure, executions: this.#progress().executions, seconds: this.#seconds() };
    this.#failures.set(key, failure);
    onEvent({ type: 'failure', failure });
    if (!keepGoing) this.#settle();
  }

  #noteUnreported({ index }: FailingExecution): void {
    // Logs of the corpus, at -1, are tried again anyway.
    if (index >= 0) this.#unreportedIndex = Math.min(this.#unreportedIndex, index);
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
      nextIndex: this.#settledIndex(),
      loadSeconds: secondsBetween(this.#madeAt, this.#readyAt),
      seconds: this.#seconds(),
    };
  }

  /** The lowest of the slots' next indices: all below it have been run. */
  #nextIndex(): number {
    return Math.min(...this.#slots.map(({ nextIndex }) => nextIndex));
  }

  /** The first index that a resumed campaign must run if this one is killed now. */
  #settledIndex(): number {
    const undecided = this.#slots.map(({ undecidedIndex }) => undecidedIndex);
    return Math.min(this.#heardIndex, this.#unreportedIndex, ...undecided);
  }

  #seconds(): number {
    return this.#readyAt === undefined ? 0 : secondsBetween(this.#readyAt);
  }

  #onReady(): void {
    const { timeMs } = this.#options;
    if (this.#readyAt !== undefined) return;
    this.#readyAt = performance.now();
    if (timeMs === undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#finish(timeMs), timeMs);
  }

  /** Called when the time is up. Without any execution nothing would be known of the scenario, so the first may begin. */
  #finish(timeMs: number): void {
    if (this.#slots.every((slot) => slot.counters().begun === 0)) {
      this.#deadline = setTimeout(() => this.#finish(timeMs), FIRST_BEGIN_MS);
      return;
    }
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

/** A worker's share: every `workers`-th index of this shard. */
function taskOf(options: ExplorePoolOptions, worker: number): ExploreSlotOptions['task'] {
  const { scenario, strategy, seed, bounds, keepGoing, strict, auditEvery, workers, shard, shards } = options;
  const { corpus, firstIndex, maxExecutions } = options;
  return {
    ...{ kind: 'campaign', scenario, strategy, seed, bounds, keepGoing, strict },
    ...(auditEvery === undefined ? {} : { auditEvery }),
    firstIndex: firstIndex + shard + shards * worker,
    shards: shards * workers,
    // One thread is enough to reproduce the failures; all can start from the seeds.
    corpus: worker === 0 ? corpus : corpus.filter(({ key }) => key === undefined),
    ...(maxExecutions === undefined ? {} : { maxExecutions: shareOf(maxExecutions, worker, workers) }),
  };
}

function secondsBetween(fromMs: number, toMs = performance.now()): number {
  return Math.round(toMs - fromMs) / 1_000;
}

function shareOf(count: number, worker: number, workers: number): number {
  return Math.floor(count / workers) + (worker < count % workers ? 1 : 0);
}

/**
 * Runs a campaign on threads of this process.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread and no failure was found before.
 */
export async function runExplorePool(options: ExplorePoolOptions): Promise<PoolReport> {
  return new ExplorePool(options).run();
}
