/** A failure that was found is made small, explained, and put into one line that repeats it, in a thread of its own. */
import { keyDecisions, nonZeroOf, unusualCount } from '../explore/keyed-log.ts';
import { encodeToken } from '../explore/replay-token.ts';
import { SHRINK_EXECUTIONS } from '../explore/shrink/shrinker.ts';
import type { CampaignFailure } from '../explore/campaign-report.ts';
import { shrinkInThread } from '../campaign/shrink.ts';
import type { ShrunkFailure } from '../campaign/task.ts';
import type { ThreadLimits } from '../campaign/thread.ts';
import type { Decision } from '../kernel/decisions.ts';
import { formatCount } from '../model/plural.ts';
import { EXPLAIN_MS } from './explore-defaults.ts';
import type { Terminal } from './terminal.ts';

/** A failure that is to be settled, and how. */
export interface Settling {
  /** The scenario as it is named on a command line. */
  readonly reference: string;
  readonly name: string;
  /** Seed of `world.random`, if it was met by `run`. */
  readonly seed?: string | undefined;
  readonly failure: CampaignFailure;
  readonly limits: ThreadLimits;
  /** Executions for making it small; 0 to have it explained as it is. */
  readonly maxExecutions?: number;
  /** Real time for making it small, in milliseconds. */
  readonly timeMs: number;
  /** Real time for explaining it, which is not taken from the other. */
  readonly explainMs: number;
  /** Ends it with what there is by then. */
  readonly signal: AbortSignal;
}

/** What stands for the hash of an execution that has no end. */
const NO_HASH = '0'.repeat(16);

/** The failure as small as it gets, with its explanation; undefined if it takes its thread with it, which each try would. */
export async function settleFailure(
  terminal: Terminal,
  settling: Settling,
): Promise<ShrunkFailure | undefined> {
  const { reference, name, seed, failure, limits, timeMs, explainMs, signal } = settling;
  const { maxExecutions = SHRINK_EXECUTIONS } = settling;
  const { key, kind, decisions } = failure;
  if (kind === 'hang' || kind === 'crash') return undefined;
  const before = formatCount(unusualCount(decisions));
  const progress = (smaller: readonly Decision[]): void =>
    terminal.progress(
      maxExecutions === 0
        ? `${name}: explaining the failure`
        : `${name}: making the failure small, ${before} decisions → ${formatCount(unusualCount(smaller))}`,
    );
  progress(decisions);
  const shrunk = await shrinkInThread({
    ...limits,
    ...{ scenario: reference, key, decisions, maxExecutions, timeMs, explainMs, signal },
    ...(seed === undefined ? {} : { seed }),
    ...eventBound(failure),
    onSmaller: (smaller) => progress(smaller.decisions),
  });
  const isRepeated = shrunk?.flakiness === undefined && shrunk?.wasBegunOnly !== true;
  return isRepeated ? shrunk : { ...shrunk, ...asFound(failure) };
}

/** The time for explaining where `timeMs` was typed instead of `usualMs`: in proportion, and no less than usual. */
export function explainTimeMs(timeMs: number | undefined, usualMs: number): number {
  return Math.max(EXPLAIN_MS, (EXPLAIN_MS * (timeMs ?? usualMs)) / usualMs);
}

/** After how many events an execution that ran out of them is given up when it is run again. */
export function eventBound({ kind, firedEvents }: Pick<CampaignFailure, 'kind' | 'firedEvents'>): {
  readonly maxEvents?: number;
} {
  return kind === 'budget' ? { maxEvents: firedEvents } : {};
}

/** One word that repeats it, as small as it is. */
export function tokenOf(
  { reference, seed, failure }: Pick<Settling, 'reference' | 'seed' | 'failure'>,
  shrunk: ShrunkFailure | undefined,
): string {
  const { decisions, traceHash } = shrunk ?? failure;
  return encodeToken({
    scenario: reference,
    failureKey: failure.key,
    traceHash: traceHash === '' ? NO_HASH : traceHash,
    ...(seed === undefined ? {} : { seed }),
    ...eventBound(failure),
    decisions: nonZeroOf(keyDecisions(decisions)),
  });
}

/** What does not repeat came to another end when it was tried again, or to none in time: only the first one shows the failure. */
function asFound(
  failure: CampaignFailure,
): Pick<ShrunkFailure, 'decisions' | 'firedEvents' | 'traceHash' | 'message' | 'atMs' | 'details'> {
  const { decisions, firedEvents, traceHash, message, atMs, details } = failure;
  return { decisions, firedEvents, traceHash, message, atMs, details };
}
