/**
 * An execution that fails, or that was cut off before its end: from the thread that finds it to the line that shows it. Invariant: it is plain
 * data, and has all that repeats it.
 */
import type { Decision } from '../kernel/decisions.ts';
import type { Failure, FailureKind, Verdict } from '../simulation/verdict.ts';
import type { Explanation } from './explain/explanation.ts';
import { CUT_OFF_KEY, failureKey } from './failure-key.ts';
import { keyDecisions, nonZeroOf } from './keyed-log.ts';
import { encodeToken } from './replay-token.ts';
import type { ShrinkEnd } from './shrink/shrinker.ts';

/** What failed, with the first log that showed it, and what was shrunk and explained so far. */
export interface FailingExecution extends Omit<Failure, 'kind' | 'cause'> {
  /** How the scenario is named on a command line; of a campaign that knows no other, its name. */
  readonly scenario: string;
  /** Seed of `world.random`; absent for that of an exploration. */
  readonly seed?: string;
  /** The same for the same bug; see `failureKey`. `cut off` for an execution of which nobody knows how it would have ended. */
  readonly key: string;
  /** `hang`: its thread made no progress. `crash`: its thread died, for instance out of memory. */
  readonly kind: FailureKind | 'hang' | 'crash';
  /** Number of the execution in its campaign, from 0; -1 for one of the corpus. */
  readonly index: number;
  /** Executions of its campaign until then, this one included. */
  readonly executions: number;
  /** Real time of its campaign until then, in seconds, if that ran on threads. */
  readonly seconds?: number;
  /** What was special about the execution, as its strategy says. */
  readonly configuration?: string;
  /** Id of the corpus entry that showed it, if one did. */
  readonly corpusId?: string;
  /** Of an execution that was cut off, the first 65,536. */
  readonly decisions: readonly Decision[];
  readonly firedEvents: number;
  /** See `Verdict.traceHash`; empty if it has no end. */
  readonly traceHash: string;
  /** As small as it got; absent if it was not, or could not be, made smaller. */
  readonly shrunk?: ShrunkExecution;
  /** Of the smallest; absent if it is flaky, does not repeat, or was cut short before there was any. */
  readonly explanation?: Explanation | undefined;
  readonly cutShort?: CutShort | undefined;
  /** Where its log is kept, if it is. */
  readonly file?: string;
}

/** The same failure in an execution that is simpler. */
export interface ShrunkExecution extends Pick<
  FailingExecution,
  'message' | 'atMs' | 'details' | 'decisions' | 'firedEvents' | 'traceHash'
> {
  /** Executions that it took to find it. */
  readonly executions: number;
  readonly stoppedBy: ShrinkEnd;
  /** How executions of the same decisions differ, if they do: then it is not made smaller. */
  readonly flakiness?: string;
  /** There was no time to run it to its end: only the beginning of it is known to go on and on. */
  readonly wasBegunOnly?: boolean;
}

/** What kept a failure from being explained as far as it could be. */
export type CutShort =
  /** The time for explaining ran out. */
  | { readonly by: 'time'; readonly timeMs: number }
  /** It has more events than can be watched; what goes on and on is explained by as many. */
  | { readonly by: 'events'; readonly eventsMax: number };

/** Whose execution it is, and how it was found. */
export type FoundExecution = Pick<FailingExecution, 'scenario' | 'index' | 'executions'> &
  Partial<Pick<FailingExecution, 'seed' | 'configuration' | 'corpusId'>>;

/** Those of an execution that came far are many, and its beginning is what leads there. */
const CUT_OFF_DECISIONS = 1 << 16;
/** What stands for the hash of an execution that has no end, or whose hash is not known. */
export const NO_HASH: string = '0'.repeat(16);
/** A replay is to take a few times what the execution took. */
const SECOND_TRY = 4;

/** An execution that does not hold, as plain data: all but the cause, which may be any object. */
export function failingExecution(
  verdict: Verdict,
  failure: Failure,
  found: FoundExecution,
): FailingExecution {
  const { kind, rule, message, atMs, details } = failure;
  return {
    ...{ key: failureKey(failure), kind, ...(rule === undefined ? {} : { rule }), message, atMs, details },
    ...found,
    decisions: verdict.decisions(),
    firedEvents: verdict.firedEvents,
    traceHash: verdict.traceHash,
  };
}

/** An execution without an end. */
export function cutOffExecution(verdict: Verdict, found: FoundExecution): FailingExecution {
  const { kind = 'interrupted', message = '', details = [] } = verdict.failure ?? {};
  return {
    ...{ key: CUT_OFF_KEY, kind, message, atMs: verdict.virtualMs, details },
    ...found,
    decisions: verdict.decisions(CUT_OFF_DECISIONS),
    firedEvents: verdict.firedEvents,
    traceHash: '',
  };
}

/** After how many events it is given up when it is run again: for a failure that is one of these, and for what was cut off. */
export function eventBound({ key, kind, firedEvents }: FailingExecution): { readonly maxEvents?: number } {
  // How many there were is not known of a thread that had to be ended.
  if (key === CUT_OFF_KEY) return firedEvents === 0 ? {} : { maxEvents: SECOND_TRY * firedEvents };
  return kind === 'budget' ? { maxEvents: firedEvents } : {};
}

/** One word that repeats it, as small as it is. */
export function tokenOf(failing: FailingExecution): string {
  const { scenario, seed, key, shrunk = failing } = failing;
  const { decisions, traceHash } = shrunk;
  return encodeToken({
    ...{ scenario, failureKey: key, traceHash: traceHash === '' ? NO_HASH : traceHash },
    ...(seed === undefined ? {} : { seed }),
    ...eventBound(failing),
    decisions: nonZeroOf(keyDecisions(decisions)),
  });
}
