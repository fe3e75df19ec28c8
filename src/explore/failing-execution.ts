/**
 * An execution that fails or was cut off: passed from the thread that finds it to the code that shows it. Invariant: it
 * is plain data, and contains everything needed to repeat it.
 */
import type { Decision } from '../kernel/decisions.ts';
import { factsOf } from '../simulation/failure-fact.ts';
import type { Failure, FailureKind, Verdict } from '../simulation/verdict.ts';
import type { Explanation } from './explain/explanation.ts';
import { logOf } from './endless-log.ts';
import { CUT_OFF_KEY, failureKey } from './failure-key.ts';
import { keyDecisions, nonZeroOf } from './keyed-log.ts';
import { encodeToken } from './replay-token.ts';
import type { ShrinkEnd } from './shrink/shrinker.ts';

/** What failed, with the first log that showed it, and the results of shrinking and explaining so far. */
export interface FailingExecution extends Omit<Failure, 'kind' | 'cause' | 'facts' | 'standstill'> {
  /** Reference of the scenario on a command line; its name if the campaign knows no other. */
  readonly scenario: string;
  /** Seed of `world.random`; absent for the seed of explorations. */
  readonly seed?: string;
  /**
   * Equal for failures of the same bug; see `failureKey`. `cut off` if it is unknown how the execution would have
   * ended.
   */
  readonly key: string;
  /** `hang`: its thread made no progress. `crash`: its thread died, for instance out of memory. */
  readonly kind: FailureKind | 'crash';
  /** Number of the execution in its campaign, from 0; -1 for one of the corpus. */
  readonly index: number;
  /** Number of executions of its campaign so far, including this one. */
  readonly executions: number;
  /** Real time of its campaign so far, in seconds, if that ran on threads. */
  readonly seconds?: number;
  /** The strategy's description of what was special about the execution. */
  readonly configuration?: string;
  /** Id of the corpus entry that was run, if any. */
  readonly corpusId?: string;
  /** All decisions; the first 65,536 of an execution that was cut off, 262,144 of one that failed by its budget. */
  readonly decisions: readonly Decision[];
  readonly firedEvents: number;
  /** See `Verdict.traceHash`; empty if the execution did not end. */
  readonly traceHash: string;
  /** The smallest execution found; absent if the failure was not, or could not be, shrunk. */
  readonly shrunk?: ShrunkExecution;
  /**
   * Explanation of the smallest execution; absent if it is flaky, does not repeat, or time ran out before there was
   * one.
   */
  readonly explanation?: Explanation | undefined;
  readonly cutShort?: CutShort | undefined;
  /** File that keeps its log, if there is one. */
  readonly file?: string;
  /** True if its details say that no decision leads to the failure. */
  readonly isUndecided?: boolean;
}

/** The same failure in a simpler execution. */
export interface ShrunkExecution extends Pick<
  FailingExecution,
  'message' | 'atMs' | 'details' | 'decisions' | 'firedEvents' | 'traceHash'
> {
  /** Number of executions that shrinking took. */
  readonly executions: number;
  readonly stoppedBy: ShrinkEnd;
  /** How executions with the same decisions differ, if they do; such a failure is not shrunk. */
  readonly flakiness?: string;
  /** See `ShrinkResult`. */
  readonly failsAgain?: boolean;
  /** True if there was no time to run it to its end, so only its endless beginning is known. */
  readonly wasBegunOnly?: boolean;
}

/** What kept a failure from being explained in full. */
export type CutShort =
  /** The time for explaining ran out. */
  | { readonly by: 'time'; readonly timeMs: number }
  /** It was asked to end before, for instance by Ctrl-C. */
  | { readonly by: 'stop' }
  /** It has more events than can be watched; an endless one is explained by its first `eventsMax` events. */
  | { readonly by: 'events'; readonly eventsMax: number };

/** The scenario of an execution, and how the execution was found. */
export type FoundExecution = Pick<FailingExecution, 'scenario' | 'index' | 'executions'> &
  Partial<Pick<FailingExecution, 'seed' | 'configuration' | 'corpusId'>>;

/** Decisions kept of an execution that was cut off: there are many, and the beginning leads there. */
const CUT_OFF_DECISIONS = 1 << 16;
/** Stands for the hash of an execution that did not end, or whose hash is unknown. */
export const NO_HASH: string = '0'.repeat(16);
/** A replay may take this many times the events of the first execution. */
const SECOND_TRY = 4;

/** An execution that does not hold, as plain data: without the cause, which may be any object. */
export function failingExecution(
  verdict: Verdict,
  failure: Failure,
  found: FoundExecution,
): FailingExecution {
  const { kind, rule, message, atMs, details } = failure;
  return {
    ...found,
    ...{ key: failureKey(failure), kind, ...(rule === undefined ? {} : { rule }), message, atMs, details },
    decisions: logOf(verdict),
    firedEvents: verdict.firedEvents,
    traceHash: verdict.traceHash,
    ...(factsOf(failure).some((fact) => fact.kind === 'undecided') ? { isUndecided: true } : {}),
  };
}

/** An execution that was cut off. */
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

/** The bound on events for running it again, if it failed by such a bound or was cut off. */
export function eventBound({ key, kind, firedEvents }: FailingExecution): { readonly maxEvents?: number } {
  // For a thread that had to be stopped, the number of events is unknown.
  if (key === CUT_OFF_KEY) return firedEvents === 0 ? {} : { maxEvents: SECOND_TRY * firedEvents };
  return kind === 'budget' ? { maxEvents: firedEvents } : {};
}

/** The token that repeats it, in its smallest form. */
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
