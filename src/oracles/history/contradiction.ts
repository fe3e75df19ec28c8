/**
 * Why a history is not linearizable, as data: the few operations that no order explains. Invariant: it is a contradiction of the whole
 * history, because what is left out is not taken as missing but as free: it may have happened at any time, with any reply, or never.
 * Only what the model's partition puts into other parts is left out for good, because by its replies it has nothing to do with these.
 */
import type { HistoryOperation } from './history-operation.ts';

/** An operation of a contradiction, with its texts. */
export interface ContradictingOperation<O, R> {
  readonly client: string;
  /** The call, as the model shows it. */
  readonly call: string;
  /** The reply, as the model shows it: empty if it says nothing, `?` if it had not come. */
  readonly reply: string;
  /** The operation with its interval. What had not returned when the contradiction was complete is open here. */
  readonly operation: HistoryOperation<O, R>;
}

/** Operations whose replies and real-time order cannot all be true. */
export interface Contradiction<O, R> {
  /** What is wrong, in one sentence. */
  readonly sentence: string;
  /** In the order in which they began. */
  readonly operations: readonly ContradictingOperation<O, R>[];
  /** How many other operations the history has. */
  readonly leftOutCount: number;
  /**
   * True if each operation is needed: with any one of them free, there is an order. False if the search for a smaller contradiction
   * came to its bound.
   */
  readonly isMinimal: boolean;
}
