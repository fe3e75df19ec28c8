/**
 * A campaign: runs the logs of the corpus, then what the strategy tries, distinguishes failures by their keys, and runs
 * a sample of the executions twice. Invariants: it uses no clock, file or thread; it keeps nothing per execution;
 * everything it reports is plain data.
 */
import * as is from '../kernel/shape.ts';
import { type Decision, ExecutionInterrupted } from '../kernel/decisions.ts';
import { keyedReplayDecisions } from '../kernel/replay-decisions.ts';
import { addReached } from '../model/reached-names.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { CampaignAudit } from './campaign-audit.ts';
import type { AuditReport, CampaignEvent, CampaignReport, CorpusEntry } from './campaign-report.ts';
import { EventBudget, type ExecutionOrigin, type Rerun } from './event-budget.ts';
import type { ExecutionRequest, Executor } from './executor.ts';
import { explore, type CoverageMeter, type StopCause } from './explorer.ts';
import {
  cutOffExecution,
  failingExecution,
  type FailingExecution,
  type FoundExecution,
} from './failing-execution.ts';
import { failureKey, hasFailed } from './failure-key.ts';
import type { Strategy } from './strategies/strategy.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { EXECUTOR, STRATEGY, COVERAGE, LOG } from './argument-shapes.ts';
import { stopOf } from './stop-condition.ts';

/** Options of {@link runCampaign}. */
export interface CampaignOptions {
  /** Reference of the scenario on a command line, for failures; default: the name of the executor's scenario. */
  readonly reference?: string;
  /** Maximum number of executions of the strategy; default unlimited. Executions of the corpus are not counted. */
  readonly maxExecutions?: number;
  /** This campaign runs the executions `firstIndex`, `firstIndex + shards`, …; default 0. */
  readonly firstIndex?: number;
  /** Number of campaigns that share the indices; default 1. */
  readonly shards?: number;
  /** Asked before each execution; true ends the campaign after the current execution. */
  readonly shouldStop?: () => boolean;
  /**
   * Asked at each turn of the real event loop; a returned sentence cuts off the current execution and becomes its
   * message.
   */
  readonly shouldCutOff?: () => string | undefined;
  /** Called at each turn of the real event loop, as a sign of life. */
  readonly onTurn?: () => void;
  /** Continues after a failure; default false. */
  readonly keepGoing?: boolean;
  /** Runs one execution in this many twice; 0 for none. Default 100. */
  readonly auditEvery?: number;
  /** Logs to try before anything else. */
  readonly corpus?: readonly CorpusEntry[];
  readonly coverage?: CoverageMeter;
  readonly onEvent?: (event: CampaignEvent) => void;
  /** Called with the index of each execution that is decided, -1 for one of the corpus; for counters. */
  readonly onExecution?: (verdict: Verdict, index: number) => void;
  /**
   * Called with the index of each execution that has been run, -1 for one of the corpus, once, in their order, after all
   * other calls about it. It may be undecided yet whether it ends, which `onUndecided` has reported then.
   */
  readonly onTried?: (index: number) => void;
  /** Called with those that are undecided, as what was cut off, when there is another one or one less. */
  readonly onUndecided?: (executions: readonly FailingExecution[]) => void;
  /**
   * Called before an earlier execution is run again, because it was undecided or for the audit, with which one it is;
   * and with undefined when that has ended.
   */
  readonly onRerun?: (of: Pick<FailingExecution, 'index' | 'corpusId'> | undefined) => void;
  /** Called with the results of the audit so far, whenever they have changed. */
  readonly onAudit?: (audit: AuditReport) => void;
}

/** See `CampaignOptions.auditEvery`. */
const DEFAULT_AUDIT_EVERY = 100;
/** Maximum number of failures kept, by key; messages with random text would otherwise fill the memory. */
const FAILURES_KEPT = 100;
const SEEDS_KEPT = 16;
const SEED_DECISIONS_MAX = 2_000;

class Campaign {
  readonly #executor: CampaignAudit;
  readonly #budget: EventBudget;
  readonly #strategy: Strategy;
  readonly #options: CampaignOptions;
  readonly #mustStop: () => boolean;
  readonly #failures = new Map<string, FailingExecution>();
  /** By the id of the corpus entry, or the index. */
  readonly #undecided = new Map<string | number, FailingExecution>();
  /** The entry of the corpus that is being run. */
  #entry: CorpusEntry | undefined;
  readonly #tally = {
    executions: 0,
    corpusExecutions: 0,
    failed: 0,
    cutOff: [] as FailingExecution[],
    decisions: 0,
    firedEvents: 0,
    nextIndex: 0,
    sometimes: {} as Record<string, boolean>,
    novelExecutions: 0,
    seeds: [] as (readonly Decision[])[],
  };

  constructor(executor: Executor, strategy: Strategy, options: CampaignOptions) {
    this.#strategy = strategy;
    this.#options = options;
    this.#mustStop = stopOf(options.shouldStop);
    this.#tally.nextIndex = options.firstIndex ?? 0;
    const rerun: Rerun = (origin, run) => this.#rerun(origin, run);
    this.#budget = new EventBudget(executor, {
      rerun,
      adapts: strategy.isolator === undefined,
      onDecided: (verdict, origin) => {
        const { index, entry } = origin;
        this.#count(verdict, index);
        if (hasFailed(verdict)) this.#keep(verdict, origin);
        if (entry !== undefined) this.#reportChange(entry, verdict);
        this.#forgetUndecided(origin);
      },
    });
    this.#executor = new CampaignAudit(this.#budget, {
      rerun,
      originOf: () => this.#originOfCurrent(),
      onAudit: (audit) => this.#options.onAudit?.(audit),
      every: options.auditEvery ?? DEFAULT_AUDIT_EVERY,
      mustStop: () => this.#mustStop(),
      onDifference: (difference) => this.#send({ type: 'nondeterministic', difference }),
    });
  }

  async run(): Promise<CampaignReport> {
    const stoppedBy = (await this.#tryCorpus()) ?? (await this.#explore());
    await this.#decideRest();
    if (this.#failures.size > 0) await this.#executor.finish({ onTurn: () => this.#onTurn() });
    return {
      ...this.#tally,
      stoppedBy,
      failures: [...this.#failures.values()],
      audit: this.#executor.report(),
    };
  }

  /** Undefined if the campaign continues after the corpus. */
  async #tryCorpus(): Promise<StopCause | undefined> {
    const { corpus = [], keepGoing = false } = this.#options;
    for (const entry of corpus) {
      if (this.#mustStop()) return 'stopped';
      const origin = { index: -1, entry };
      this.#entry = entry;
      const verdict = await this.#executor.execute(this.#corpusRequest(entry));
      if (verdict.failure?.kind === 'interrupted') {
        this.#noteCutOff(verdict, origin);
        return 'stopped';
      }
      if (!this.#keepsUndecided(verdict, () => origin)) {
        this.#count(verdict, -1);
        this.#strategy.learn?.({ verdict, novelty: this.#coverage?.takeNovelty() ?? 0 });
        if (hasFailed(verdict)) this.#keep(verdict, origin);
        this.#reportChange(entry, verdict);
      }
      this.#options.onTried?.(-1);
    }
    this.#entry = undefined;
    return this.#failures.size > 0 && !keepGoing ? 'failure' : undefined;
  }

  #keepsUndecided(verdict: Verdict, originOf: () => ExecutionOrigin): boolean {
    const keep = (): ExecutionOrigin => {
      const origin = originOf();
      this.#undecided.set(origin.entry?.id ?? origin.index, cutOffExecution(verdict, this.#found(origin)));
      return origin;
    };
    if (!this.#budget.keepsUndecided(verdict, keep)) return false;
    this.#options.onUndecided?.([...this.#undecided.values()]);
    return true;
  }

  #forgetUndecided({ index, entry }: ExecutionOrigin): void {
    this.#undecided.delete(entry?.id ?? index);
    this.#options.onUndecided?.([...this.#undecided.values()]);
  }

  /** Reports a log that holds now or fails differently. A log that was kept for its reach has no failure to lose. */
  #reportChange({ id: corpusId, key }: CorpusEntry, { failure }: Verdict): void {
    if (key === undefined) return;
    const now = failure === undefined ? undefined : failureKey(failure);
    if (now === undefined) this.#send({ type: 'fixed', corpusId, key });
    else if (now !== key) this.#send({ type: 'changed', corpusId, key, now });
  }

  #corpusRequest({ decisions }: CorpusEntry): ExecutionRequest {
    const coverage = this.#coverage;
    return {
      source: keyedReplayDecisions(decisions),
      onTurn: () => this.#onTurn(),
      ...(coverage === undefined ? {} : { watchers: [coverage.watcher] }),
    };
  }

  async #explore(): Promise<StopCause> {
    const { maxExecutions = Infinity, shards = 1, keepGoing = false } = this.#options;
    const coverage = this.#coverage;
    let isUndecided = false;
    const { stoppedBy } = await explore(this.#executor, this.#strategy, {
      maxExecutions,
      firstIndex: this.#tally.nextIndex,
      shards,
      shouldStop: () => this.#mustStop() || (this.#failures.size > 0 && !keepGoing),
      onTurn: () => this.#onTurn(),
      ...(coverage === undefined ? {} : { coverage }),
      onExecution: (verdict, index, novelty) => {
        this.#tally.nextIndex = index + shards;
        isUndecided = this.#keepsUndecided(verdict, () => this.#origin(index));
        if (!isUndecided) {
          if (novelty > 0) this.#keepSeed(verdict);
          this.#count(verdict, index);
          if (hasFailed(verdict)) this.#keep(verdict, this.#origin(index));
        }
        this.#options.onTried?.(index);
      },
      onFailure: () => isUndecided || keepGoing,
      onCutOff: (verdict, index) => this.#noteCutOff(verdict, this.#origin(index)),
    });
    return this.#failures.size > 0 && !keepGoing ? 'failure' : stoppedBy;
  }

  /** Undefined for strategies that do not use coverage. */
  get #coverage(): CoverageMeter | undefined {
    return this.#strategy.wantsCoverage === true ? this.#options.coverage : undefined;
  }

  /** Keeps the log of an execution that held and reached something new. Failing ones are kept as failures. */
  #keepSeed(verdict: Verdict): void {
    this.#tally.novelExecutions += 1;
    if (!verdict.held || verdict.decisionCount > SEED_DECISIONS_MAX) return;
    this.#tally.seeds.push(verdict.decisions());
    if (this.#tally.seeds.length > SEEDS_KEPT) this.#tally.seeds.shift();
  }

  #count(verdict: Verdict, index: number): void {
    this.#tally.executions += 1;
    if (index < 0) this.#tally.corpusExecutions += 1;
    this.#tally.decisions += verdict.decisionCount;
    this.#tally.firedEvents += verdict.firedEvents;
    addReached(this.#tally.sometimes, verdict.sometimes);
    this.#options.onExecution?.(verdict, index);
  }

  #keep(verdict: Verdict, origin: ExecutionOrigin): void {
    const { failure } = verdict;
    if (failure === undefined) return;
    this.#tally.failed += 1;
    const key = failureKey(failure);
    if (this.#failures.has(key) || this.#failures.size >= FAILURES_KEPT) return;
    const kept = failingExecution(verdict, failure, this.#found(origin));
    this.#failures.set(key, kept);
    this.#send({ type: 'failure', failure: kept });
  }

  /** Runs executions that were stopped by a budget to their end, if time is left. */
  async #decideRest(): Promise<void> {
    const rest = await this.#budget.finish({ onTurn: () => this.#onTurn() }, () => this.#mustStop());
    for (const { verdict, ...origin } of rest) {
      this.#noteCutOff(verdict, origin);
      this.#forgetUndecided(origin);
    }
  }

  #noteCutOff(verdict: Verdict, origin: ExecutionOrigin): void {
    const execution = cutOffExecution(verdict, this.#found(origin));
    this.#tally.cutOff.push(execution);
    this.#send({ type: 'cut-off', execution });
  }

  #originOfCurrent(): ExecutionOrigin {
    const entry = this.#entry;
    return entry === undefined ? this.#origin(this.#tally.nextIndex) : { index: -1, entry };
  }

  /** If `run` rejects, the shown execution stays: it ends the campaign. */
  async #rerun({ index, entry }: ExecutionOrigin, run: () => Promise<Verdict>): Promise<Verdict> {
    this.#options.onRerun?.({ index, ...(entry === undefined ? {} : { corpusId: entry.id }) });
    const verdict = await run();
    this.#options.onRerun?.(undefined);
    return verdict;
  }

  /** Of the execution that the strategy began last. */
  #origin(index: number): ExecutionOrigin {
    const { configuration } = this.#strategy;
    return { index, ...(configuration === undefined ? {} : { configuration }) };
  }

  #found({ index, entry, configuration }: ExecutionOrigin): FoundExecution {
    return {
      scenario: this.#options.reference ?? this.#executor.scenario,
      index,
      executions: this.#tally.executions,
      ...(configuration === undefined ? {} : { configuration }),
      ...(entry === undefined ? {} : { corpusId: entry.id }),
    };
  }

  #send(event: CampaignEvent): void {
    this.#options.onEvent?.(event);
  }

  #onTurn(): void {
    this.#options.onTurn?.();
    const why = this.#options.shouldCutOff?.();
    if (why === undefined) return;
    if (typeof why !== 'string') throw invalidArgument('shouldCutOff()', 'a text or undefined', why);
    throw new ExecutionInterrupted(why);
  }
}

const CAMPAIGN_OPTIONS = is.optionsOf<CampaignOptions>(
  {},
  {
    ...is.each(
      ['shouldStop', 'shouldCutOff', 'onTurn', 'onEvent', 'onExecution', 'onTried', 'onUndecided'],
      is.FUNCTION,
    ),
    ...is.each(['onRerun', 'onAudit'], is.FUNCTION),
    reference: is.TEXT,
    maxExecutions: is.limit(),
    firstIndex: is.COUNT,
    shards: is.integer(1),
    keepGoing: is.BOOLEAN,
    auditEvery: is.COUNT,
    corpus: is.listOf(
      is.objectOf<CorpusEntry>('a log with an id', { id: is.TEXT, decisions: LOG }, { key: is.TEXT }),
      'a list of logs',
    ),
    coverage: COVERAGE,
  },
);

/**
 * Runs a campaign on this thread.
 *
 * Rejects with an error that a listener throws.
 *
 * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for wrong options.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, randomStrategy, runCampaign } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'dice',
 *   description: 'three sixes never come',
 *   run: (sim) => sim.check([1, 2, 3].some((die) => sim.choose(`die ${die}`, 6) < 5), 'three sixes'),
 * });
 * const report = await runCampaign(createExecutor(scenario), randomStrategy(1), { maxExecutions: 10_000 });
 * if (report.failures[0]?.message !== 'three sixes') throw new Error('expected them to come');
 * ```
 */
export async function runCampaign(
  executor: Executor,
  strategy: Strategy,
  options: CampaignOptions = {},
): Promise<CampaignReport> {
  check('executor', executor, EXECUTOR);
  check('strategy', strategy, STRATEGY);
  check('options', options, CAMPAIGN_OPTIONS);
  return new Campaign(executor, strategy, options).run();
}
