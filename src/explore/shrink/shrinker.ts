/**
 * Shrinks a failing log. Invariants: only a simpler execution (see `log-order.ts`) with the same failure key is
 * accepted; the new log consists of the questions that execution really asked; no proposal is run twice; whenever it is
 * stopped, it returns the best log so far.
 */
import * as is from '../../kernel/shape.ts';
import type { DecisionSource, Decision } from '../../kernel/decisions.ts';
import { answersOf, hashAnswers, keyDecisions, nonZeroOf } from '../keyed-log.ts';
import { type KnownTrial, TrialMemory, type FailingRun, type ShrunkLog } from './shrink-memory.ts';
import type { Proposal, Trial, ShrinkPass } from './shrink-pass.ts';
import { answersOfSites, textOfSeries } from './site-answers.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import { diffEvents } from '../../trace/trace-differ.ts';
import type { Executor } from '../executor.ts';
import { isBeginning, logOf } from '../endless-log.ts';
import { failureKey } from '../failure-key.ts';
import { briefly } from '../known-stall.ts';
import { compareSizes, sizeOf } from './log-order.ts';
import {
  lowerCounts,
  mergeAnswers,
  moveAnswers,
  renameSubjects,
  rebuildPairs,
  rebuildSmall,
  rechoosePairs,
  shiftSites,
  cutSpans,
  lowerAnswers,
  lowerPairs,
  dropFaults,
  dropGroups,
  dropSpans,
} from './shrink-passes.ts';
import { check } from '../../kernel/argument-check.ts';
import { EXECUTOR, LOG } from '../argument-shapes.ts';
import { stopOf } from '../stop-condition.ts';

/** The result as a pass sees it; the questions asked are computed only if the pass reads them. */
function outcomeOf(trial: KnownTrial, isAccepted: boolean): Trial {
  return {
    isAccepted,
    get asked() {
      return trial.asked;
    },
  };
}

/** Equal for equal answers. */
function hashOf(proposal: Proposal): string {
  return 'length' in proposal ? hashAnswers(proposal) : textOfSeries(proposal);
}

/** A decision source that answers as proposed. */
function sourceOf(proposal: Proposal): DecisionSource {
  return 'length' in proposal ? answersOf(proposal) : answersOfSites(proposal);
}

/** Why shrinking ended. */
export type ShrinkEnd =
  /** No pass makes it simpler. */
  | 'minimal'
  /** `maxExecutions` executions were run. */
  | 'executions'
  /** `shouldStop` returned true: out of time, or interrupted. */
  | 'stopped'
  /** The same decisions lead to different executions, so no result would be reliable. */
  | 'flaky';

/** Default maximum number of executions. Most failures need a tenth of that. */
const SHRINK_EXECUTIONS = 30_000;

/** Options of {@link shrink}. */
export interface ShrinkOptions {
  /**
   * Maximum number of executions; default 30,000. The two at the start and the one that confirms the result run in any
   * case.
   */
  readonly maxExecutions?: number;
  /** Asked before each execution; true stops shrinking. */
  readonly shouldStop?: () => boolean;
  /** Called for every improvement, including the first execution. */
  readonly onBetter?: (better: ShrunkLog) => void;
  /** Called at each turn of the real event loop; an error thrown here ends the execution. */
  readonly onTurn?: () => void;
}

/** The result of shrinking. */
export interface ShrinkResult extends ShrunkLog {
  readonly stoppedBy: ShrinkEnd;
  /** How executions with the same decisions differ, if the failure is flaky. */
  readonly flakiness?: string;
  /** For a flaky failure: true if these executions fail all the same, so that its log repeats it in some form. */
  readonly failsAgain?: boolean;
}

type Flakiness = Pick<ShrinkResult, 'flakiness' | 'failsAgain'>;

/** The result of {@link shrinkInBrief}. */
export interface BriefShrinkResult extends ShrinkResult {
  /**
   * False if there was no time to run the result in full. It is then the execution limited to fewer events, or if that
   * was not tried or does not repeat, the given log, and `verdict` that of the execution that was cut off.
   */
  readonly isWhole: boolean;
}

/**
 * How many larger executions with the same failure are used as starting points once the best cannot be improved
 * directly: a result that is out of reach of one step may be reached by a step up and several down.
 */
const DETOURS_MAX = 16;

/** Executions before anything is tried. */
const BEGINNING = 2;

/** The order matters: passes that remove much come first, those that only tidy up last. */
const PASSES: readonly ShrinkPass[] = [
  dropGroups,
  dropFaults,
  dropSpans,
  cutSpans,
  renameSubjects,
  shiftSites,
  lowerAnswers,
  lowerPairs,
  moveAnswers,
  lowerCounts,
  mergeAnswers,
  rebuildPairs,
  rechoosePairs,
];

const SHRINK_OPTIONS = is.optionsOf<ShrinkOptions>(
  {},
  { ...is.each(['shouldStop', 'onBetter', 'onTurn'], is.FUNCTION), maxExecutions: is.limit() },
);

/**
 * Looks for the simplest log that fails with `key`, starting from `log`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) for anything but an executor, a log and a key.
 * @example
 * ```ts
 * import { defineScenario, type Verdict } from 'dryrunner';
 * import { createExecutor, explore, failureKey, randomStrategy, shrink } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'sum',
 *   description: 'numbers never add up to 40',
 *   run: (sim) => {
 *     const numbers = ['a', 'b', 'c'].map((name) => sim.choose(name, 100));
 *     sim.check(numbers.reduce((sum, next) => sum + next, 0) < 40, 'too much');
 *   },
 * });
 * const executor = createExecutor(scenario);
 * const failures: Verdict[] = [];
 * await explore(executor, randomStrategy(1), { onFailure: (verdict) => failures.push(verdict) < 1 });
 * const [verdict] = failures;
 * if (verdict?.failure === undefined) throw new Error('expected a failure');
 * const { log } = await shrink(executor, verdict.decisions(), failureKey(verdict.failure));
 * if (log.map(({ answer }) => answer).join() !== '40,0,0') throw new Error('expected the simplest');
 * ```
 */
export async function shrink(
  executor: Executor,
  log: readonly Decision[],
  key: string,
  options: ShrinkOptions = {},
): Promise<ShrinkResult> {
  check('executor', executor, EXECUTOR);
  check('log', log, LOG);
  check('key', key, is.TEXT);
  check('options', options, SHRINK_OPTIONS);
  return shrinkInBrief(executor, briefly(executor, key), log, key, options);
}

/**
 * Like {@link shrink}, for a failure that `brief` usually shows in fewer events than `executor`: shrinks with `brief`,
 * then runs the result in full. If that does not fail in the same way, shrinks in full.
 */
export async function shrinkInBrief(
  executor: Executor,
  brief: Executor,
  log: readonly Decision[],
  key: string,
  options: ShrinkOptions,
): Promise<BriefShrinkResult> {
  const { onBetter, maxExecutions = SHRINK_EXECUTIONS, ...others } = options;
  const inFull = async (): Promise<BriefShrinkResult> => {
    const result = await new Shrinker(executor, key, options).run(log);
    return isCutOff(result.verdict) ? { ...result, log, isWhole: false } : { ...result, isWhole: true };
  };
  if (brief === executor || maxExecutions === 0) return inFull();
  const small = await new Shrinker(brief, key, { ...others, maxExecutions }).run(log);
  if (small.flakiness !== undefined) return inFull();
  const whole = await new Shrinker(executor, key, { ...others, maxExecutions: 0 }).run(small.log);
  if (isCutOff(whole.verdict)) return { ...small, isWhole: false };
  if (whole.flakiness !== undefined) return inFull();
  const executions = small.executions + whole.executions;
  onBetter?.({ ...whole, executions });
  return { ...whole, executions, stoppedBy: small.stoppedBy, isWhole: true };
}

function isCutOff({ failure }: Verdict): boolean {
  return failure?.kind === 'interrupted';
}

/** Runs proposals and judges them. */
class Shrinker {
  readonly #executor: Executor;
  readonly #key: string;
  readonly #options: ShrinkOptions;
  readonly #mustStop: () => boolean;
  readonly #trials = new TrialMemory();
  /** Where each pass ended, by where it began: what it tries again from there would end alike. */
  readonly #ends = new Map<ShrinkPass, WeakMap<FailingRun, FailingRun>>(
    PASSES.map((pass) => [pass, new WeakMap<FailingRun, FailingRun>()]),
  );
  #executions = 0;
  #repetition = 'with the same decisions';
  #stoppedBy: ShrinkEnd = 'minimal';

  constructor(executor: Executor, key: string, options: ShrinkOptions) {
    this.#executor = executor;
    this.#key = key;
    this.#options = options;
    this.#mustStop = stopOf(options.shouldStop);
  }

  async run(log: readonly Decision[]): Promise<ShrinkResult> {
    const keyed = keyDecisions(log);
    if (isBeginning(log)) this.#repetition = 'with its first decisions, and the default after them';
    const first = await this.#execute(keyed, true);
    if (isCutOff(first)) return this.#result(first, 'stopped');
    const again = await this.#execute(keyed, true);
    const flakiness = this.#flakinessOf(first, again);
    if (flakiness !== undefined) return this.#flaky(first, flakiness);
    if (isCutOff(again)) return this.#result(first, 'stopped');
    const start = this.#measured(first);
    this.#options.onBetter?.(start);
    let best = await this.#descend(start, start);
    for (let detours = 0; detours < DETOURS_MAX && !this.#isOver(); detours += 1) {
      const detour = this.#trials.takeSmallestDetour();
      if (detour === undefined) break;
      best = await this.#descend(detour, best);
    }
    const rebuilt = await this.#improve(best, rebuildSmall, best);
    if (rebuilt !== best) best = await this.#descend(rebuilt, best);
    // If nothing was tried, the start of the search has just been run twice.
    if (this.#executions === BEGINNING) return this.#result(best.verdict, this.#stoppedBy);
    return this.#confirmed(best);
  }

  /** Improves `start` until no pass gets any further; returns the smaller of the result and `best`. */
  async #descend(start: FailingRun, best: FailingRun): Promise<FailingRun> {
    let current = start;
    for (;;) {
      const before = current;
      for (const pass of PASSES) current = await this.#improveOnce(current, pass, best);
      if (this.#isOver() || current === before) break;
    }
    return compareSizes(current.size, best.size) < 0 ? current : best;
  }

  /** Runs one pass to its end, unless it began at the same run before. */
  async #improveOnce(start: FailingRun, pass: ShrinkPass, best: FailingRun): Promise<FailingRun> {
    const ends = this.#ends.get(pass);
    const known = ends?.get(start);
    if (known !== undefined) return known;
    const end = await this.#improve(start, pass, best);
    if (this.#stoppedBy === 'minimal') ends?.set(start, end);
    return end;
  }

  /** Runs one pass to its end. */
  async #improve(start: FailingRun, pass: ShrinkPass, best: FailingRun): Promise<FailingRun> {
    let current = start;
    const proposals = pass({
      get log() {
        return current.log;
      },
      get answers() {
        return current.answers;
      },
    });
    let proposal = proposals.next();
    while (proposal.done !== true && !this.#isOver()) {
      const trial = await this.#try(proposal.value);
      const { failing } = trial;
      const isAccepted = failing !== undefined && compareSizes(failing.size, current.size) < 0;
      if (isAccepted) {
        current = failing;
        this.#trials.dropDetour(failing);
        if (compareSizes(current.size, best.size) < 0) this.#options.onBetter?.(current);
      }
      proposal = proposals.next(outcomeOf(trial, isAccepted));
    }
    return current;
  }

  /** Runs the proposal, unless that was done before. */
  async #try(proposal: Proposal): Promise<KnownTrial> {
    const hash = hashOf(proposal);
    const known = this.#trials.find(hash);
    if (known !== undefined) return known;
    const verdict = await this.#execute(proposal, false);
    const { failure } = verdict;
    const isSame = failure !== undefined && failureKey(failure) === this.#key;
    return isSame
      ? this.#trials.keepFailing(hash, this.#measured(verdict))
      : this.#trials.keepOther(hash, verdict);
  }

  #isOver(): boolean {
    const { maxExecutions = SHRINK_EXECUTIONS } = this.#options;
    if (this.#stoppedBy !== 'minimal') return true;
    if (this.#executions >= maxExecutions) this.#stoppedBy = 'executions';
    else if (this.#mustStop()) this.#stoppedBy = 'stopped';
    return this.#stoppedBy !== 'minimal';
  }

  #execute(proposal: Proposal, keepTrace: boolean): Promise<Verdict> {
    this.#executions += 1;
    const { onTurn } = this.#options;
    const source = sourceOf(proposal);
    return this.#executor.execute({ source, keepTrace, ...(onTurn === undefined ? {} : { onTurn }) });
  }

  #measured(verdict: Verdict): FailingRun {
    const log = keyDecisions(logOf(verdict));
    const size = sizeOf(verdict, log);
    return { log, answers: nonZeroOf(log), size, verdict, executions: this.#executions };
  }

  /** Runs the result again: a scenario may have been reproducible only at the start of the search. */
  async #confirmed(best: FailingRun): Promise<ShrinkResult> {
    const flakiness = this.#flakinessOf(best.verdict, await this.#execute(best.log, false));
    if (flakiness !== undefined) return this.#flaky(best.verdict, flakiness);
    return this.#result(best.verdict, this.#stoppedBy);
  }

  /** Undefined also if the second execution was cut off, which shows nothing. */
  #flakinessOf(first: Verdict, again: Verdict): Flakiness | undefined {
    const ended = isCutOff(again) ? [first] : [first, again];
    for (const { failure } of ended) {
      if (failure === undefined) return { flakiness: `run again ${this.#repetition}, it held` };
      const key = failureKey(failure);
      if (key !== this.#key) {
        return { flakiness: `run again ${this.#repetition}, it now fails differently: ${key}` };
      }
    }
    if (isCutOff(again) || first.traceHash === again.traceHash) return undefined;
    const difference = diffEvents(first.trace(), again.trace())?.text ?? 'the hashes differ';
    return {
      flakiness: `run twice with the same decisions, it went two ways: ${difference}`,
      failsAgain: true,
    };
  }

  #flaky(verdict: Verdict, flakiness: Flakiness): ShrinkResult {
    return { ...this.#result(verdict, 'flaky'), ...flakiness };
  }

  #result(verdict: Verdict, stoppedBy: ShrinkEnd): ShrinkResult {
    return { log: logOf(verdict), verdict, executions: this.#executions, stoppedBy };
  }
}
