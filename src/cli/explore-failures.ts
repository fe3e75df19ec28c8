/** What is done with each failure that an exploration finds: made small, kept, put into one line that repeats it. */
import { formatCount } from '../model/plural.ts';
import { keyDecisions, nonZeroOf, unusualCount } from '../explore/keyed-log.ts';
import { encodeToken } from '../explore/replay-token.ts';
import { SHRINK_EXECUTIONS } from '../explore/shrinker.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { CorpusFolder } from '../host/corpus-folder.ts';
import type { PoolFailure } from '../host/explore-pool.ts';
import { shrinkInThread } from '../host/explore-shrink.ts';
import type { ShrunkFailure } from '../host/explore-task.ts';
import { threadLimits, type ExploreCommandOptions } from './explore-options.ts';
import type { FoundFailure } from './explore-report.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';

/** For one failure. */
const SHRINK_TIME_MS = 30_000;
/** For all failures of a scenario: with many of them, each gets its share of what is left. */
const SHRINK_TIME_OF_ALL_MS = 120_000;
/** However short the exploration was to be. */
const SHRINK_TIME_OF_ALL_LEAST_MS = 10_000;
/** Most failures need no more. */
const SHRINK_TIME_LEAST_MS = 1_000;
/** What stands for the hash of an execution that has no end. */
const NO_HASH = '0'.repeat(16);

/** The time for all failures of a scenario that was to be explored for `timeMs`: no longer than that, or one would wait for the rest. */
export function shrinkTimeOfAllMs(timeMs: number = Infinity): number {
  return Math.min(SHRINK_TIME_OF_ALL_MS, Math.max(SHRINK_TIME_OF_ALL_LEAST_MS, timeMs));
}

/** The time for the next of `count` failures, of `leftMs` that is left for all of them. */
export function shrinkTimeMs(leftMs: number, count: number): number {
  return Math.min(SHRINK_TIME_MS, Math.max(SHRINK_TIME_LEAST_MS, leftMs / count));
}

/** Settles the failures of one scenario. */
export class FailureDesk {
  readonly #terminal: Terminal;
  readonly #scenario: LoadedScenario;
  readonly #options: ExploreCommandOptions;
  readonly #corpus: CorpusFolder;

  constructor(
    terminal: Terminal,
    scenario: LoadedScenario,
    options: ExploreCommandOptions,
    corpus: CorpusFolder,
  ) {
    this.#terminal = terminal;
    this.#scenario = scenario;
    this.#options = options;
    this.#corpus = corpus;
  }

  /** `signal` ends it with what there is by then. */
  async settleAll(failures: readonly PoolFailure[], signal: AbortSignal): Promise<FoundFailure[]> {
    const found: FoundFailure[] = [];
    const deadlineMs = performance.now() + shrinkTimeOfAllMs(this.#options.time);
    for (const failure of failures) {
      const timeMs = shrinkTimeMs(deadlineMs - performance.now(), failures.length - found.length);
      found.push(await this.#settle(failure, timeMs, signal));
    }
    return found;
  }

  async #settle(failure: PoolFailure, timeMs: number, signal: AbortSignal): Promise<FoundFailure> {
    const shrunk = await this.#shrink(failure, timeMs, signal);
    const { decisions, traceHash } = shrunk ?? failure;
    const { key } = failure;
    const file = await this.#corpus.keep({ key, message: shrunk?.message ?? failure.message, decisions });
    const token = encodeToken({
      scenario: this.#scenario.reference,
      failureKey: key,
      traceHash: traceHash === '' ? NO_HASH : traceHash,
      ...(failure.kind === 'budget' ? { maxEvents: failure.firedEvents } : {}),
      decisions: nonZeroOf(keyDecisions(decisions)),
    });
    return {
      failure,
      token,
      ...(shrunk === undefined ? {} : { shrunk }),
      ...(file === undefined ? {} : { file }),
    };
  }

  /** What takes its thread with it would take one for each try. */
  async #shrink(
    failure: PoolFailure,
    timeMs: number,
    signal: AbortSignal,
  ): Promise<ShrunkFailure | undefined> {
    const { key, kind, decisions, firedEvents } = failure;
    if (!this.#options.shrink || kind === 'hang' || kind === 'crash') return undefined;
    const { name } = this.#scenario.definition;
    const before = formatCount(unusualCount(decisions));
    const progress = (smaller: readonly Decision[]): void =>
      this.#terminal.progress(
        `${name}: making the failure small, ${before} decisions → ${formatCount(unusualCount(smaller))}`,
      );
    progress(decisions);
    const shrunk = await shrinkInThread({
      ...threadLimits(this.#options),
      scenario: this.#scenario.reference,
      key,
      decisions,
      maxExecutions: SHRINK_EXECUTIONS,
      ...(kind === 'budget' ? { maxEvents: firedEvents } : {}),
      timeMs,
      signal,
      onSmaller: (smaller) => progress(smaller.decisions),
    });
    return shrunk?.flakiness === undefined ? shrunk : { ...shrunk, ...asFound(failure) };
  }
}

/** What does not repeat came to another end when it was tried again: only the first one shows the failure. */
function asFound(
  failure: PoolFailure,
): Pick<ShrunkFailure, 'decisions' | 'firedEvents' | 'traceHash' | 'message' | 'atMs' | 'details'> {
  const { decisions, firedEvents, traceHash, message, atMs, details } = failure;
  return { decisions, firedEvents, traceHash, message, atMs, details };
}
