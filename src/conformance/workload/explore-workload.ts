/**
 * Explores a workload: a generated scenario that was not written for a particular bug. Invariant: a failure is plain
 * data, shrunk and explained, and everything that was never reached is named.
 */
import * as is from '../../kernel/shape.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { SEED } from '../../kernel/seeded-random.ts';
import { runCampaign } from '../../explore/campaign.ts';
import { createCoverage } from '../../explore/coverage.ts';
import { createExecutor, type Executor } from '../../explore/executor.ts';
import { formatFindings } from '../../explore/explain/explanation-text.ts';
import { formatUnexplained } from '../../explore/explain/failing-text.ts';
import { failingExecution, type FailingExecution, tokenOf } from '../../explore/failing-execution.ts';
import { checkReplay } from '../../explore/replay-check.ts';
import { REPLAY_DIVERGED, REPLAY_OUTCOMES, type ReplayOutcomeWord } from '../../explore/replay-outcome.ts';
import { decodeToken } from '../../explore/replay-token.ts';
import { shrinkAndExplain } from '../../explore/shrink-and-explain.ts';
import { portfolioStrategy } from '../../explore/strategies/portfolio.ts';
import type { ScenarioDefinition } from '../../simulation/scenario.ts';
import { stopOf } from '../../explore/stop-condition.ts';

/** How much to explore, and what must be reached. */
export interface ExploreWorkloadOptions {
  /** Maximum number of executions. Default 1,000. */
  readonly executions?: number;
  /** Seed of the exploration. Default 1. */
  readonly seed?: string | number;
  /**
   * The number of executions that must have reached everything; with fewer, what is missed is only reported. Default
   * 3,000.
   */
  readonly reachWithin?: number;
  /** What need not be reached, each with the reason. */
  readonly mayMiss?: Readonly<Record<string, string>>;
  /** Called before each execution: true ends the exploration. Must be synchronous; a promise is refused. */
  readonly shouldStop?: () => boolean;
  /** The token that a failure printed to repeat it, `dr2:…`: runs and explains only that execution. Default: none. */
  readonly replay?: string;
  /**
   * Maximum number of executions for shrinking a failure; a third of that for explaining it. Default 3,000. An
   * execution with thousands of events counts as one more for each thousand, so that a subject that polls for ever ends
   * too.
   */
  readonly shrinkExecutions?: number;
  /** Called after each execution, both of the exploration and of the work on its failure. Default: none. */
  readonly onProgress?: (progress: ExplorationProgress) => void;
}

/** The progress of an exploration. */
export interface ExplorationProgress {
  readonly doing: 'exploring' | 'making the failure small' | 'explaining the failure';
  /** Executions so far, including those of the work on a failure. */
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

/** A failure of a subject. On the machine's time and on held time, only its message is known. */
export type SubjectFailure = Pick<FailingExecution, 'message'> &
  Partial<FailingExecution> & {
    /**
     * Everything known of the failure, for printing: what was expected and what came, the rules, the history, and the
     * line that repeats it.
     */
    readonly text: string;
  };

/** The result of exploring a subject. */
export interface SubjectExploration<F extends SubjectFailure = FailingExecution & SubjectFailure> {
  /**
   * True if something was executed, nothing failed, and everything required was reached, or too few executions ran for
   * that (`reachWithin`).
   */
  readonly held: boolean;
  readonly executions: number;
  /** The first failure, shrunk and explained: message, time and details are those of the shrunk execution. */
  readonly failure?: F;
  /** What must be reached and never was. Empty after a failure, which ends the exploration early. */
  readonly missed: readonly string[];
  /** For a `replay`: what happened to the failure of the token. */
  readonly replayed?: ReplayedToken;
}

/** What happened to the failure of a token. */
export interface ReplayedToken {
  /** Whether it happened again, no longer happens, or something else fails now. */
  readonly outcome: ReplayOutcomeWord;
  /** The outcome in a sentence, with the first place where the token does not fit. */
  readonly text: string;
}

const REACH_WITHIN = 3_000;
const WORKLOAD_SHRINK_EXECUTIONS = 3_000;
/** The budget for shrinking a failure is this many times the one for explaining it. */
const SHRINKING_PER_EXPLAINING = 3;
/** This many events of the clock count as an additional execution. */
const EVENTS_PER_EXECUTION = 1_000;

/**
 * Explores a workload until its first failure, or until its executions are used up. `verb` is the function that the
 * user called, for the line that repeats a failure; default: the command line.
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
    return { held: false, executions, failure: await explained(effort, first, verb, mustStop), missed: [] };
  }
  const missed = executions === 0 ? [] : missedOf(Object.entries(sometimes), mayMiss);
  const held = executions > 0 && (missed.length === 0 || executions < reachWithin);
  return { held, executions, missed };
}

/** Runs one execution again. What it does not reach says nothing. */
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
  const explainedFailure = await explained(effort, failing, verb, mustStop);
  const replayedToken = outcomeOfReplay(token.failureKey, failing.key, gap?.text);
  const text =
    replayedToken.outcome === REPLAY_OUTCOMES.different
      ? `${replayedToken.text}\n${explainedFailure.text}`
      : explainedFailure.text;
  return {
    held: false,
    executions: 1,
    failure: { ...explainedFailure, text },
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

/** The effort of an exploration, measured in executions and events. */
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

  /** In executions, where long ones count as several. */
  get spent(): number {
    return this.#spent;
  }

  get shrinkExecutions(): number {
    return this.#options.shrinkExecutions ?? WORKLOAD_SHRINK_EXECUTIONS;
  }

  /** Sets what is being done from now on. */
  switchTo(doing: ExplorationProgress['doing']): void {
    this.#doing = doing;
  }

  executor(doing: ExplorationProgress['doing']): Executor {
    this.switchTo(doing);
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

/** Shrinks, explains and describes a failure. */
async function explained(
  effort: Effort,
  failing: FailingExecution,
  verb: string | undefined,
  mustStop: () => boolean,
): Promise<FailingExecution & SubjectFailure> {
  const { shrinkExecutions } = effort;
  const found = await shrinkAndExplain(effort.executor('making the failure small'), failing, {
    maxExecutions: shrinkExecutions,
    shrinkMs: shrinkExecutions,
    explainMs: Math.ceil(shrinkExecutions / SHRINKING_PER_EXPLAINING),
    mustStop,
    now: () => effort.spent,
    onExplain: () => effort.switchTo('explaining the failure'),
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
      : formatFindings(explanation, undefined);
  const token = tokenOf(failing);
  const again = verb === undefined ? `dryrunner replay ${token}` : `${verb}(subject, { replay: '${token}' })`;
  return [...lines.map(({ text }) => text), 'To see it again', again].join('\n');
}
