/**
 * The place of one thread in a pool. Starts a thread, and another one after an execution hung or crashed it, until the
 * slot's share is done. Invariant: each index is run, and counted once, also that of a lost execution.
 */
import { EXHAUSTIVE } from '../explore/strategies/strategy-names.ts';
import type {
  AuditDifference,
  CampaignEvent,
  CampaignReport,
  CorpusEntry,
} from '../explore/campaign-report.ts';
import { EMPTY_REPORT, mergeCampaignReports } from '../explore/campaign-report.ts';
import type { Certificate } from '../explore/exhaustive/certificate.ts';
import type { Coverage } from '../explore/coverage.ts';
import type { Escape } from '../explore/escape.ts';
import type { StopCause } from '../explore/explorer.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import { keyDecisions, nonZeroOf, type KeyedDecision } from '../explore/keyed-log.ts';
import type { ExploreCounters } from './shared-state.ts';
import type { CampaignTask, ExploreMessage, TaskResult } from './task.ts';
import {
  runInThread,
  ScenarioRefusedError,
  type ExploreThread,
  type ThreadEnd,
  type ThreadLimits,
  type ThreadRun,
} from './thread-supervisor.ts';

/** A slot's share of the work: a task that may take more than one thread. */
export interface ExploreSlotOptions {
  readonly task: CampaignTask;
  readonly limits: ThreadLimits;
  /** Gathers the coverage of all slots. */
  readonly coverage: Coverage;
  readonly onEvent: (event: CampaignEvent) => void;
  /** Called when the scenario is loaded, before the first execution. */
  readonly onReady: () => void;
  /** Called if the scenario does not load in a thread; the share ends with what earlier threads have done. */
  readonly onRefused: (error: ScenarioRefusedError) => void;
}

const NO_COUNTERS: ExploreCounters = {
  turns: 0,
  executions: 0,
  corpusExecutions: 0,
  begun: 0,
  decided: 0,
  failed: 0,
  features: 0,
  decisions: 0,
  firedEvents: 0,
  index: 0,
  rerunOf: undefined,
  repeated: 0,
  rerunLater: 0,
};

/** What a thread that is gone was running. */
interface LastExecution extends Pick<FailingExecution, 'index' | 'corpusId' | 'configuration'> {
  /** True if it is an earlier one that was run again. */
  readonly isRerun: boolean;
  /** True if it is among the executions that are counted, because it had ended before. */
  readonly isCounted: boolean;
}

/** After this many threads in a row died in their first execution, the next would too. */
const FRUITLESS_MAX = 3;

/** A slot of a pool. */
export class ExploreSlot {
  /** Settles when the corpus of this slot has been tried, or the slot has ended. */
  readonly corpusTried: Promise<void>;
  readonly #options: ExploreSlotOptions;
  readonly #reports: CampaignReport[] = [];
  #thread: ExploreThread | undefined;
  #past: ExploreCounters = NO_COUNTERS;
  readonly #lost: (readonly KeyedDecision[])[] = [];
  #certificate: Certificate | undefined;
  readonly #escapes: Escape[] = [];
  /** Of the current thread. */
  #differences: AuditDifference[] = [];
  #mustStop = false;
  #corpus: readonly CorpusEntry[];
  #nextIndex: number;
  #left: number;
  #endCorpus: () => void = () => undefined;
  /** Executions of the thread that may or may not end: each was stopped by a budget that proves nothing. */
  #undecided: readonly FailingExecution[] = [];

  constructor(options: ExploreSlotOptions) {
    this.#options = options;
    const { corpus, firstIndex, maxExecutions = Infinity } = options.task;
    this.#corpus = corpus;
    this.#nextIndex = firstIndex;
    this.#left = maxExecutions;
    this.corpusTried = new Promise((resolve) => {
      this.#endCorpus = resolve;
    });
    if (corpus.length === 0) this.#endCorpus();
  }

  /** What an exhaustive search has proved. */
  get certificate(): Certificate | undefined {
    return this.#certificate;
  }

  /** Accesses of executions outside of their simulation, if the campaign is strict. */
  get escapes(): readonly Escape[] {
    return this.#escapes;
  }

  /** Number of threads that hung or crashed. */
  get lostThreads(): number {
    return this.#lost.length;
  }

  /** Runs the share to its end, or until it is asked to stop. */
  async run(): Promise<CampaignReport> {
    let fruitless = 0;
    try {
      while (!this.#mustStop && fruitless < FRUITLESS_MAX && this.#hasWork()) {
        const { end, ...result } = await this.#runThread();
        const counters = this.#thread?.counters() ?? NO_COUNTERS;
        this.#thread = undefined;
        this.#past = plus(this.#past, counters);
        this.#keep(result);
        if (end.type === 'done') break;
        const last = this.#lastOf(counters, result);
        if (end.type === 'lost') this.#lose(end.failing, counters, last);
        this.#reports.push(this.#reportOf(end, counters, { ...result, last }));
        this.#undecided = [];
        // An exhaustive strategy would reach the same execution again.
        if (end.type === 'stopped' || this.#options.task.strategy === EXHAUSTIVE) break;
        // A log of the corpus that crashed its thread is not tried again, so some progress was made.
        const isFruitless = counters.executions === 0 && counters.index >= 0;
        fruitless = isFruitless ? fruitless + 1 : 0;
      }
    } catch (error) {
      if (!(error instanceof ScenarioRefusedError)) throw error;
      this.#options.onRefused(error);
    } finally {
      this.#endCorpus();
    }
    return this.#sum();
  }

  counters(): ExploreCounters {
    return this.#thread === undefined ? this.#past : plus(this.#past, this.#thread.counters());
  }

  /** The first index of the share that has not finished. */
  get nextIndex(): number {
    return Math.max(this.#nextIndex, this.counters().index);
  }

  /** The lowest index of an undecided execution, as far as messages have arrived; Infinity if there is none. */
  get undecidedIndex(): number {
    // Logs of the corpus, at -1, are tried again anyway.
    const indices = this.#undecided.map(({ index }) => index).filter((index) => index >= 0);
    return Math.min(Infinity, ...indices);
  }

  /** Lets the current execution finish, and starts no other. */
  askToFinish(): void {
    this.#mustStop = true;
    this.#thread?.askToFinish();
  }

  /** Cuts off the current execution. */
  askToStop(): void {
    this.#mustStop = true;
    this.#thread?.askToFinish();
    this.#thread?.askToStop();
  }

  #sum(): CampaignReport {
    const sum = mergeCampaignReports(this.#reports);
    const last = this.#reports.at(-1);
    if (last === undefined) {
      return { ...sum, stoppedBy: this.#hasWork() ? 'stopped' : sum.stoppedBy, nextIndex: this.#nextIndex };
    }
    // Threads run one after another, so the end of the last one is the end of the share.
    return { ...sum, stoppedBy: last.stoppedBy, nextIndex: last.nextIndex };
  }

  #hasWork(): boolean {
    return this.#left > 0 || this.#corpus.length > 0;
  }

  #runThread(): Promise<ThreadRun<CampaignTask>> {
    const { task, limits } = this.#options;
    this.#differences = [];
    const rest: CampaignTask = {
      ...task,
      firstIndex: this.#nextIndex,
      corpus: this.#corpus,
      lost: this.#lost,
      ...(this.#left === Infinity ? {} : { maxExecutions: this.#left }),
    };
    return runInThread(rest, {
      ...limits,
      onStart: (thread) => {
        this.#thread = thread;
      },
      onMessage: (message) => this.#onMessage(message),
    });
  }

  #onMessage(message: ExploreMessage): void {
    const { onEvent, onReady } = this.#options;
    if (message.type === 'ready') onReady();
    else if (message.type === 'event') {
      if (message.event.type === 'nondeterministic') this.#differences.push(message.event.difference);
      onEvent(message.event);
    } else if (message.type === 'corpus-tried') this.#endCorpus();
    else if (message.type === 'part') this.#undecided = message.part.undecided ?? this.#undecided;
  }

  #keep({ report, features, escapes = [], certificate }: TaskResult<CampaignTask>): void {
    if (report !== undefined) this.#reports.push(report);
    if (features !== undefined) this.#options.coverage.merge(features);
    this.#escapes.push(...escapes);
    if (certificate !== undefined) this.#certificate = certificate;
  }

  /** Which execution took its thread down, or was running when that was ended. */
  #lastOf({ index, rerunOf }: ExploreCounters, { undecided = [] }: TaskResult<CampaignTask>): LastExecution {
    const of = rerunOf ?? index;
    const entry = of < 0 ? this.#corpus.at(of) : undefined;
    const place = { index: Math.max(of, -1), ...(entry === undefined ? {} : { corpusId: entry.id }) };
    if (rerunOf === undefined) return { ...place, isRerun: false, isCounted: false };
    const again = undecided.find((execution) => isOfPlace(execution, place));
    if (again === undefined) return { ...place, isRerun: true, isCounted: true };
    const { configuration } = again;
    const described = configuration === undefined ? {} : { configuration };
    return { ...place, ...described, isRerun: true, isCounted: false };
  }

  /** Reports the lost execution, and continues after it. */
  #lose(
    failing: FailingExecution,
    { index }: ExploreCounters,
    { isRerun, isCounted, ...found }: LastExecution,
  ): void {
    // While an earlier one is run again, the one at `index` has not begun, or nobody knows its verdict.
    const done = isRerun ? 0 : 1;
    if (index < 0) this.#corpus = this.#corpus.slice(this.#corpus.length + index + done);
    else {
      const { shards } = this.#options.task;
      this.#corpus = [];
      this.#left -= (index - this.#nextIndex) / shards + done;
      this.#nextIndex = index + shards * done;
    }
    this.#lost.push(nonZeroOf(keyDecisions(failing.decisions)));
    const { executions, failed } = this.#past;
    this.#past = { ...this.#past, executions: executions + (isCounted ? 0 : 1), failed: failed + 1 };
    const failure = { ...failing, ...found, executions: this.#past.executions };
    this.#options.onEvent({ type: 'failure', failure });
  }

  /** Describes the execution of a thread that had to be ended, which can no longer do so itself. */
  #cutOffBy(
    end: ThreadEnd,
    { executions }: ExploreCounters,
    { isRerun, index }: LastExecution,
  ): FailingExecution[] {
    // One that is run again is among the undecided ones, or has ended before.
    if (end.type !== 'stopped' || end.decisions === undefined || isRerun) return [];
    const message = 'The execution was to be cut off, and its thread did not do so in time';
    const { scenario } = this.#options.task;
    const execution: FailingExecution = {
      ...{ scenario, key: CUT_OFF_KEY, kind: 'interrupted', message, details: [], executions },
      index,
      ...{ atMs: 0, firedEvents: 0, traceHash: '', decisions: end.decisions },
    };
    this.#options.onEvent({ type: 'cut-off', execution });
    return [execution];
  }

  /** Why the share ends if the lost thread was the last one. */
  #causeAfterLoss(): StopCause {
    if (!this.#options.task.keepGoing) return 'failure';
    if (this.#mustStop) return 'stopped';
    return this.#hasWork() ? 'failure' : 'executions';
  }

  /** The report of a thread that could not send one, from its counters. */
  #reportOf(
    end: ThreadEnd,
    counters: ExploreCounters,
    { sometimes = {}, undecided = [], last }: TaskResult<CampaignTask> & { readonly last: LastExecution },
  ): CampaignReport {
    const isLost = end.type === 'lost';
    const cutOff = isLost ? undecided.filter((execution) => !isOfPlace(execution, last)) : undecided;
    for (const execution of cutOff) this.#options.onEvent({ type: 'cut-off', execution });
    const { executions, corpusExecutions, failed, decisions, firedEvents, repeated, rerunLater } = counters;
    const more = isLost && !last.isCounted ? 1 : 0;
    return {
      ...EMPTY_REPORT,
      stoppedBy: isLost ? this.#causeAfterLoss() : 'stopped',
      executions: executions + more,
      corpusExecutions: corpusExecutions + (last.index < 0 ? more : 0),
      failed: failed + (isLost ? 1 : 0),
      cutOff: [...cutOff, ...this.#cutOffBy(end, counters, last)],
      sometimes,
      decisions,
      firedEvents,
      nextIndex: this.nextIndex,
      audit: { repeated, rerunLater, differences: this.#differences },
    };
  }
}

/** True for executions of one index, or one log of the corpus. */
function isOfPlace(
  one: Pick<FailingExecution, 'index' | 'corpusId'>,
  other: Pick<FailingExecution, 'index' | 'corpusId'>,
): boolean {
  return one.index === other.index && one.corpusId === other.corpusId;
}

function plus(one: ExploreCounters, other: ExploreCounters): ExploreCounters {
  return {
    turns: one.turns + other.turns,
    executions: one.executions + other.executions,
    corpusExecutions: one.corpusExecutions + other.corpusExecutions,
    begun: one.begun + other.begun,
    decided: other.decided,
    failed: one.failed + other.failed,
    features: Math.max(one.features, other.features),
    decisions: one.decisions + other.decisions,
    firedEvents: one.firedEvents + other.firedEvents,
    index: other.index,
    rerunOf: other.rerunOf,
    repeated: one.repeated + other.repeated,
    rerunLater: one.rerunLater + other.rerunLater,
  };
}
