/** What is done with each failure that an exploration finds: made small, kept, put into one line that repeats it. */
import type { CorpusFolder } from '../campaign/corpus-folder.ts';
import type { PoolFailure } from '../campaign/pool.ts';
import { SHRINK_MS, TIME_MS } from './explore-defaults.ts';
import { threadLimits, type ExploreCommandOptions } from './explore-options.ts';
import type { FoundFailure } from './failure-report.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import { eventBound, explainTimeMs, settleFailure, tokenOf } from './settled-failure.ts';
import type { Terminal } from './terminal.ts';

/** For all failures of a scenario: with many of them, each gets its share of what is left. */
const SHRINK_TIME_OF_ALL_MS = 120_000;
/** However short the exploration was to be. */
const SHRINK_TIME_OF_ALL_LEAST_MS = 10_000;
/** Most failures need no more. */
const SHRINK_TIME_LEAST_MS = 1_000;

/** The time for all failures of a scenario that was to be explored for `timeMs`: no longer than that, or one would wait for the rest. */
export function shrinkTimeOfAllMs(timeMs: number = Infinity): number {
  return Math.min(SHRINK_TIME_OF_ALL_MS, Math.max(SHRINK_TIME_OF_ALL_LEAST_MS, timeMs));
}

/** The time for the next of `count` failures, of `leftMs` that is left for all of them. */
export function shrinkTimeMs(leftMs: number, count: number): number {
  return Math.min(SHRINK_MS, Math.max(SHRINK_TIME_LEAST_MS, leftMs / count));
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
    const { reference, definition } = this.#scenario;
    const limits = threadLimits(this.#options);
    const explainMs = explainTimeMs(this.#options.time, TIME_MS);
    const settling = { reference, name: definition.name, failure, limits, timeMs, explainMs, signal };
    const shrunk = this.#options.shrink ? await settleFailure(this.#terminal, settling) : undefined;
    const { key } = failure;
    const { decisions, message } = shrunk ?? failure;
    const file = await this.#corpus.keep({ key, message, decisions, ...eventBound(failure) });
    return {
      failure,
      token: tokenOf(settling, shrunk),
      ...(shrunk === undefined ? {} : { shrunk }),
      ...(file === undefined ? {} : { file }),
    };
  }
}
