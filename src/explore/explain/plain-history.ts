/**
 * What a log alone says about an unexplained failure: its non-default decisions. Invariant: nothing is run for it, so
 * it is available for executions that hang, do not repeat, or were found just before the end.
 */
import type { Decision } from '../../kernel/decisions.ts';
import type { FailingExecution } from '../failing-execution.ts';
import { headlineOf } from '../failure-key.ts';
import { keyDecisions, nonZeroOf } from '../keyed-log.ts';
import { LINES_MAX } from './history-length.ts';
import { decisionText } from './question-text.ts';

/** One line. A log has no times, so only the failure has one, and not even that if its thread died. */
export interface PlainHistoryLine {
  readonly role: 'decision' | 'failure';
  readonly atMs?: number;
  readonly text: string;
}

/** A failure; that of a thread that died has neither a hash nor a time. */
type UntimedFailure = Pick<FailingExecution, 'message' | 'atMs'> &
  Partial<Pick<FailingExecution, 'traceHash'>>;

/** The history of a failure that is not explained. */
export interface PlainHistory {
  readonly lines: readonly PlainHistoryLine[];
  /** Number of non-default decisions that are not shown. */
  readonly leftOut: number;
}

/** The last non-default decisions, and the failure. */
export function plainHistory(
  log: readonly Decision[],
  { message, atMs, traceHash }: UntimedFailure,
): PlainHistory {
  const decided = nonZeroOf(keyDecisions(log));
  const shown = decided.slice(-(LINES_MAX - 1));
  const lines = shown.map((decision) => ({
    role: 'decision' as const,
    text: decisionText({ ...decision, due: [], firingId: 0, traceIndex: 0, askedAtMs: 0 }),
  }));
  return {
    lines: [
      ...lines,
      {
        role: 'failure',
        ...(atMs === 0 && traceHash === '' ? {} : { atMs }),
        text: headlineOf(message).headline,
      },
    ],
    leftOut: decided.length - shown.length,
  };
}
