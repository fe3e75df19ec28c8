/**
 * The contract of a sequential model: what an object would do if operations came one at a time. A model is pure; the
 * checker calls it again and again with the same state, in any order.
 */
import * as is from '../../kernel/shape.ts';
import type { HistoryOperation } from './history.ts';

/** Operations of type `O` with replies of type `R` on states of type `S`. */
export interface SequentialModel<O, R, S> {
  readonly initial: S;
  /**
   * The states that may follow if the operation is performed on `state` and answers `reply`; none, or undefined, if
   * that answer is impossible.
   *
   * `reply` is undefined if it is unknown or carries no information: then the result is the states after any reply.
   * More than one state means that the reply does not show which of them it is.
   */
  step(state: S, operation: O, reply: R | undefined): readonly S[] | undefined;
  /** Equal for states that no operation can distinguish, different for all others. */
  key(state: S): string;
  /**
   * Splits a history into independent parts, such as the keys of a map: the history is linearizable if each part is
   * (P-compositionality: A. Horn and D. Kroening, "Faster linearizability checking via P-compositionality", FORTE
   * 2015). Every operation must be in exactly one part. Default: one part.
   */
  partition?(operations: readonly HistoryOperation<O, R>[]): readonly (readonly HistoryOperation<O, R>[])[];
  /**
   * Equal for operations with the same effect on every state. Equal lost operations are then not tried in every
   * combination. Default: all operations differ.
   */
  operationKey?(operation: O): string;
  /**
   * The possible answers to the operation on `state`; a contradiction then shows which replies were expected instead.
   * Default: expected replies are not shown.
   */
  replies?(state: S, operation: O): readonly R[];
  /** Describes a state for people; shown together with the expected replies. Default: states are not shown. */
  showState?(state: S): string;
  /** Describes a call for people. Default: its JSON. */
  showOperation?(operation: O): string;
  /** Describes a reply for people; an empty text if it carries no information. Default: its JSON. */
  showReply?(reply: R | undefined, operation: O): string;
}

/** Thrown by a step with too many states to list: the search then gives up and decides nothing. */
export class TooManyStatesError extends Error {
  override readonly name = 'TooManyStatesError';
}

/** A model. */
export const MODEL: is.RecordShape = is.objectOf<SequentialModel<unknown, unknown, unknown>>(
  'a model',
  { initial: is.ANY, step: is.FUNCTION, key: is.FUNCTION },
  {
    partition: is.FUNCTION,
    operationKey: is.FUNCTION,
    replies: is.FUNCTION,
    showState: is.FUNCTION,
    showOperation: is.FUNCTION,
    showReply: is.FUNCTION,
  },
);
