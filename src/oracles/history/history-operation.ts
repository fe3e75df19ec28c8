/**
 * One operation of a history as plain data: who asked for what, what came back, and between which events. Invariant: `invokedAt` and
 * `respondedAt` count events, so that two operations at the same virtual time are still told apart.
 */

/**
 * How an operation ended. `returned`: its reply is known. `failed`: it is known that it had no effect. `open`: its reply never came or
 * was lost, so that it may have taken effect at any time since, or may yet, or never.
 */
export type OperationOutcome = 'returned' | 'failed' | 'open';

/** An operation of type `O` with a reply of type `R`. */
export interface HistoryOperation<O, R> {
  /** Who asked. One client may have several operations under way. */
  readonly client: string;
  readonly operation: O;
  readonly outcome: OperationOutcome;
  /** Undefined unless it returned, or if what returned says nothing. */
  readonly reply: R | undefined;
  /** Number of the event with which it began. */
  readonly invokedAt: number;
  /** Number of the event with which it returned or failed; `Infinity` while it is open. */
  readonly respondedAt: number;
  /** When it began, in milliseconds of the history's clock. */
  readonly invokedAtMs: number;
  /** When it returned or failed, in milliseconds of the history's clock; `Infinity` while it is open. */
  readonly respondedAtMs: number;
}

/** True if the first had returned before the second began: only then is their order known. */
export function isBefore(
  first: HistoryOperation<unknown, unknown>,
  second: HistoryOperation<unknown, unknown>,
): boolean {
  return first.respondedAt < second.invokedAt;
}

/** Sorts operations by their beginnings. */
export function byInvocation(
  a: HistoryOperation<unknown, unknown>,
  b: HistoryOperation<unknown, unknown>,
): number {
  // A difference would be no number for two that began at no known time.
  if (a.invokedAt === b.invokedAt) return 0;
  return a.invokedAt < b.invokedAt ? -1 : 1;
}
