/** What is done with each failure that an exploration finds: made small, kept, put into one line that repeats it. */
import { formatCount } from '../model/plural.ts';
import { keyDecisions, nonZeroOf } from '../explore/keyed-log.ts';
import { encodeToken } from '../explore/replay-token.ts';
import type { CorpusFolder } from '../host/corpus-folder.ts';
import type { PoolFailure } from '../host/explore-pool.ts';
import { shrinkInThread } from '../host/explore-shrink.ts';
import type { ShrunkFailure } from '../host/explore-task.ts';
import { threadLimits, type ExploreCommandOptions } from './explore-options.ts';
import type { FoundFailure } from './explore-report.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';

const SHRINK_TIME_MS = 30_000;
const SHRINK_EXECUTIONS = 30_000;
/** What stands for the hash of an execution that has no end. */
const NO_HASH = '0'.repeat(16);

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
  async settle(failure: PoolFailure, signal: AbortSignal): Promise<FoundFailure> {
    const shrunk = await this.#shrink(failure, signal);
    const { decisions, traceHash } = shrunk ?? failure;
    const { key } = failure;
    const file = await this.#corpus.keep({ key, message: shrunk?.message ?? failure.message, decisions });
    const token = encodeToken({
      scenario: this.#scenario.reference,
      failureKey: key,
      traceHash: traceHash === '' ? NO_HASH : traceHash,
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
  async #shrink(failure: PoolFailure, signal: AbortSignal): Promise<ShrunkFailure | undefined> {
    const { key, kind, decisions, firedEvents } = failure;
    if (!this.#options.shrink || kind === 'hang' || kind === 'crash') return undefined;
    const { name } = this.#scenario.definition;
    const progress = (events: number): void =>
      this.#terminal.progress(
        `${name}: making the failure small, ${formatCount(firedEvents)} events → ${formatCount(events)}`,
      );
    progress(firedEvents);
    const shrunk = await shrinkInThread({
      ...threadLimits(this.#options),
      scenario: this.#scenario.reference,
      key,
      decisions,
      maxExecutions: SHRINK_EXECUTIONS,
      timeMs: SHRINK_TIME_MS,
      signal,
      onSmaller: (smaller) => progress(smaller.firedEvents),
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
