/**
 * What a log says by itself of a failure that nobody has explained: which decisions were not plain. Invariant: nothing is run for it, so that it
 * is there also for what hangs, does not repeat, or was found a moment before the end.
 */
import type { Decision } from '../../kernel/decisions.ts';
import { headlineOf } from '../failure-key.ts';
import { keyDecisions, nonZeroOf } from '../keyed-log.ts';
import { LINES_MAX } from './history-length.ts';
import { decisionText } from './question-text.ts';

/** One line. A log has no times, so that only the failure has one. */
export interface PlainHistoryLine {
  readonly role: 'decision' | 'failure';
  readonly atMs?: number;
  readonly text: string;
}

/** What happened, without an explanation. */
export interface PlainHistory {
  readonly lines: readonly PlainHistoryLine[];
  /** How many decisions that were not plain are not shown. */
  readonly leftOut: number;
}

/** The last decisions before the failure that were not plain, and the failure. */
export function plainHistory(
  log: readonly Decision[],
  { message, atMs }: { readonly message: string; readonly atMs: number },
): PlainHistory {
  const decided = nonZeroOf(keyDecisions(log));
  const shown = decided.slice(-(LINES_MAX - 1));
  const lines = shown.map((decision) => ({
    role: 'decision' as const,
    text: decisionText({ ...decision, due: [], firingId: 0, traceIndex: 0 }),
  }));
  return {
    lines: [...lines, { role: 'failure', atMs, text: headlineOf(message).headline }],
    leftOut: decided.length - shown.length,
  };
}
