/**
 * Explores a workload: a scenario that nobody wrote for a bug. Invariant: what was found is plain data, made small and explained, and what was
 * never reached is named.
 */
import * as is from '../../kernel/shape.ts';
import { invalidArgument, RunnerError } from '../../kernel/errors.ts';
import { SEED } from '../../kernel/seeded-random.ts';
import { runCampaign } from '../../explore/campaign.ts';
import { createCoverage } from '../../explore/coverage.ts';
import { createExecutor, type Executor } from '../../explore/executor.ts';
import { formatExplanation } from '../../explore/explain/explanation-text.ts';
import { formatUnexplained } from '../../explore/explain/failing-text.ts';
import { failingExecution, type FailingExecution, tokenOf } from '../../explore/failing-execution.ts';
import { checkReplay } from '../../explore/replay-check.ts';
import { REPLAY_DIVERGED, REPLAY_OUTCOMES, type ReplayOutcomeWord } from '../../explore/replay-outcome.ts';
import { decodeToken } from '../../explore/replay-token.ts';
import { settleFailure } from '../../explore/shrink-and-explain.ts';
import { portfolioStrategy } from '../../explore/strategies/portfolio.ts';
import type { ScenarioDefinition } from '../../simulation/scenario.ts';

/** How much is explored, and what it must reach. */
export interface ExploreWorkloadOptions {
  /** Executions at most; default 1,000. */
  readonly executions?: number;
  /** Seed of the exploration; default 1. */
  readonly seed?: string | number;
  /** So many executions must have reached everything; after fewer, what is missed is only reported. Default 3,000. */
  readonly reachWithin?: number;
  /** What need not be reached, with the reason. */
  readonly mayMiss?: Readonly<Record<string, string>>;
  /** Asked before each execution: true ends the exploration. It answers at once; a promise is refused. */
  readonly shouldStop?: () => boolean;
  /** What a failure has printed to repeat it, `dr2:…`: that execution alone is run, and explained. Default: none. */
  readonly replay?: string;
  /**
   * Executions at most for making a failure small, and a third of that for explaining it; default 3,000. One with thousands of events counts as one
   * more for each thousand, so that a subject that polls for ever ends too.
   */
  readonly shrinkExecutions?: number;
  /** Called after each execution, of the exploration and of what is made of its failure. Default: nobody is called. */
  readonly onProgress?: (progress: ExplorationProgress) => void;
}

/** How far an exploration is. */
export interface ExplorationProgress {
  readonly doing: 'exploring' | 'making the failure small' | 'explaining the failure';
  /** Executions so far, those of the failure included. */
  readonly executions: number;
}

/** See {@link ExploreWorkloadOptions}. */
export const EXPLORE_FIELDS: is.ShapesOf<ExploreWorkloadOptions> = {
  executions: is.COUNT,
  reachWithin: is.COUNT,
  seed: SEED,
  mayMiss: is.mapOf(is.TEXT),
  shouldStop: is.FUNCTION,
  replay: is.TEXT,
  shrinkExecutions: is.COUNT,
  onProgress: is.FUNCTION,
};

/** How a subject failed. On the machine's time and on held time only the message is known. */
export type SubjectFailure = Pick<FailingExecution, 'message'> &
  Partial<FailingExecution> & {
    /** All that is known of it, to be printed: what was expected and what came, the rules, the history, and the line that repeats it. */
    readonly text: string;
  };

/** What an exploration of a subject came to. */
export interface SubjectExploration<F extends SubjectFailure = FailingExecution & SubjectFailure> {
  /** Something was executed, nothing has failed, and what must be reached was, or there were too few executions for that (`reachWithin`). */
  readonly held: boolean;
  readonly executions: number;
  /** The first failure, made small and explained: message, time and details are those of the small one. */
  readonly failure?: F;
  /** What was never reached, though it must be. Empty after a failure, which ends the exploration before it comes to all of it. */
  readonly missed: readonly string[];
  /** Of a `replay`: what became of the failure that its token is kept for. */
  readonly replayed?: ReplayedToken;
}

/** What became of a failure that a token is kept for. */
export interface ReplayedToken {
  /** It has happened again, it does not happen any more, or something else fails now. */
  readonly outcome: ReplayOutcomeWord;
  /** One sentence: that, and where the token first does not fit. */
  readonly text: string;
}

const REACH_WITHIN = 3_000;
const SHRINK_EXECUTIONS = 3_000;
/** To make a failure small takes so many times as long as to explain it. */
const TIMES_EXPLAINING = 3;
/** So many events of the clock count as one execution more. */
const EVENTS_PER_EXECUTION = 1_000;

/**
 * Explores a workload until its first failure, or to the end of its executions; `verb` is what the user has called, for the line that repeats a failure; default: the command line.
 */
export async function exploreWorkload(
  workload: ScenarioDefinition,
  options: ExploreWorkloadOptions,
  verb?: string,
): Promise<SubjectExploration> {
  const { executions: maxExecutions = 1_000, reachWithin = REACH_WITHIN, seed = 1 } = options;
  const { mayMiss, shouldStop, replay } = options;
  const mustStop = stopOf(shouldStop);
  const effort = new Effort(createExecutor(workload), options);
  if (replay !== undefined) return replayed(effort, replay, verb, mustStop);
  const report = await runCampaign(effort.executor('exploring'), portfolioStrategy(seed), {
    maxExecutions,
    shouldStop: mustStop,
    coverage: createCoverage(),
  });
  const { executions, sometimes, failures } = report;
  const [first] = failures;
  if (first !== undefined) {
    return { held: false, executions, failure: await settled(effort, first, verb, mustStop), missed: [] };
  }
  const missed = executions === 0 ? [] : missedOf(Object.entries(sometimes), mayMiss);
  const held = executions > 0 && (missed.length === 0 || executions < reachWithin);
  return { held, executions, missed };
}

/** One execution again. What it has not reached says nothing. */
async function replayed(
  effort: Effort,
  word: string,
  verb: string | undefined,
  mustStop: () => boolean,
): Promise<SubjectExploration> {
  const token = decodeToken(word);
  const { verdict, gap } = await checkReplay(effort.executor('exploring'), token, { onGap: 'keyed' });
  const { failure } = verdict;
  if (failure === undefined) {
    if (gap?.expected === undefined && gap?.came === undefined) {
      const text = `Fixed: every decision of the token fits, and nothing fails any more; it is kept for: ${token.failureKey}`;
      return { held: true, executions: 1, missed: [], replayed: { outcome: REPLAY_OUTCOMES.fixed, text } };
    }
    throw new RunnerError(
      REPLAY_DIVERGED,
      `the token does not fit this subject, its options or its code any more, so it repeats nothing: ${gap.text}`,
    );
  }
  const found = { scenario: token.scenario, index: 0, executions: 1 };
  const failing = failingExecution(verdict, failure, found);
  const settledFailure = await settled(effort, failing, verb, mustStop);
  const replayedToken = outcomeOfReplay(token.failureKey, failing.key, gap?.text);
  const text =
    replayedToken.outcome === REPLAY_OUTCOMES.different
      ? `${replayedToken.text}\n${settledFailure.text}`
      : settledFailure.text;
  return {
    held: false,
    executions: 1,
    failure: { ...settledFailure, text },
    missed: [],
    replayed: replayedToken,
  };
}

function outcomeOfReplay(kept: string, got: string, gap: string | undefined): ReplayedToken {
  if (kept !== got) {
    const where = gap === undefined ? '' : `: ${gap}`;
    return {
      outcome: REPLAY_OUTCOMES.different,
      text: `Fails differently: the token is kept for another failure, which does not happen any more; what fails now is this${where}`,
    };
  }
  const after = gap === undefined ? '' : `, after other decisions: ${gap}`;
  return {
    outcome: REPLAY_OUTCOMES.reproduced,
    text: `Reproduced: the failure of the token has happened again${after}`,
  };
}

/** What must be reached, and was not. */
export function missedOf(
  sometimes: Iterable<readonly [name: string, isReached: boolean]>,
  mayMiss: Readonly<Record<string, string>> = {},
): readonly string[] {
  const left = [...sometimes].filter(([name, isReached]) => !isReached && !Object.hasOwn(mayMiss, name));
  return left.map(([name]) => name);
}

/** What the option is, as one that answers with true or false: a promise would end every exploration before its first execution. */
export function stopOf(shouldStop: (() => boolean) | undefined): () => boolean {
  if (shouldStop === undefined) return () => false;
  return () => {
    const answer: unknown = shouldStop();
    if (typeof answer !== 'boolean') throw invalidArgument('shouldStop()', 'true or false', answer);
    return answer;
  };
}

/** What an exploration has taken: there is no other measure of effort here than executions and events. */
class Effort {
  readonly #executor: Executor;
  readonly #options: ExploreWorkloadOptions;
  #executions = 0;
  #spent = 0;
  #doing: ExplorationProgress['doing'] = 'exploring';

  constructor(executor: Executor, options: ExploreWorkloadOptions) {
    this.#executor = executor;
    this.#options = options;
  }

  /** In executions, of which long ones count as several. */
  get spent(): number {
    return this.#spent;
  }

  get shrinkExecutions(): number {
    return this.#options.shrinkExecutions ?? SHRINK_EXECUTIONS;
  }

  /** From now on `doing` is done. */
  goOn(doing: ExplorationProgress['doing']): void {
    this.#doing = doing;
  }

  executor(doing: ExplorationProgress['doing']): Executor {
    this.goOn(doing);
    return {
      scenario: this.#executor.scenario,
      execute: async (request) => {
        const verdict = await this.#executor.execute(request);
        this.#executions += 1;
        this.#spent += 1 + verdict.firedEvents / EVENTS_PER_EXECUTION;
        this.#options.onProgress?.({ doing: this.#doing, executions: this.#executions });
        return verdict;
      },
    };
  }
}

/** Made small and explained, and put into words. */
async function settled(
  effort: Effort,
  failing: FailingExecution,
  verb: string | undefined,
  mustStop: () => boolean,
): Promise<FailingExecution & SubjectFailure> {
  const { shrinkExecutions } = effort;
  const found = await settleFailure(effort.executor('making the failure small'), failing, {
    maxExecutions: shrinkExecutions,
    shrinkMs: shrinkExecutions,
    explainMs: Math.ceil(shrinkExecutions / TIMES_EXPLAINING),
    mustStop,
    now: () => effort.spent,
    onExplain: () => effort.goOn('explaining the failure'),
  });
  const small = { ...failing, ...found };
  const { message, atMs, details } = found.shrunk ?? failing;
  return { ...small, message, atMs, details, text: textOf(small, verb) };
}

function textOf(failing: FailingExecution, verb: string | undefined): string {
  const { explanation } = failing;
  const lines =
    explanation === undefined
      ? formatUnexplained(failing.shrunk === undefined ? failing : { ...failing, ...failing.shrunk })
      : formatExplanation(explanation).filter(({ role }) => role !== 'command');
  const token = tokenOf(failing);
  const again = verb === undefined ? `dryrunner replay ${token}` : `${verb}(subject, { replay: '${token}' })`;
  const heading = explanation === undefined ? ['To see it again'] : [];
  return [...lines.map(({ text }) => text), ...heading, again].join('\n');
}
