/**
 * The contract of a sequential model: what a thing would do if operations came one at a time. A model is pure; the checker asks it
 * about the same state again and again, in whatever order.
 */
import * as is from '../../kernel/shape.ts';
import type { HistoryOperation } from './history.ts';

/** Operations of type `O` with replies of type `R` on states of type `S`. */
export interface SequentialModel<O, R, S> {
  readonly initial: S;
  /**
   * The states that may follow if the operation is done on `state` and answers `reply`; none, or undefined, if it cannot answer that.
   *
   * `reply` is undefined if it is not known, or says nothing: then these are the states after any reply. More than one state means
   * that the reply does not show which of them it is.
   */
  step(state: S, operation: O, reply: R | undefined): readonly S[] | undefined;
  /** Equal for states that nothing can distinguish, different for all others. */
  key(state: S): string;
  /**
   * Splits a history into parts that have nothing to do with each other, such as the keys of a map: a history is linearizable if each
   * part is (P-compositionality: A. Horn and D. Kroening, "Faster linearizability checking via P-compositionality", FORTE 2015).
   * Every operation must be in exactly one part. Default: one part.
   */
  partition?(operations: readonly HistoryOperation<O, R>[]): readonly (readonly HistoryOperation<O, R>[])[];
  /**
   * Equal for operations that do the same to every state. Lost operations that are equal are then not tried in every combination.
   * Default: no two are equal.
   */
  operationKey?(operation: O): string;
  /**
   * What the operation can answer on `state`: a contradiction then says which replies were expected instead. Default: nothing is said of that.
   */
  replies?(state: S, operation: O): readonly R[];
  /** The state, for people; it is shown with what the model expects. Default: it is not shown. */
  showState?(state: S): string;
  /** The call, for people. Default: its JSON. */
  showOperation?(operation: O): string;
  /** The reply, for people; an empty text if it says nothing. Default: its JSON. */
  showReply?(reply: R | undefined, operation: O): string;
}

/** Thrown by a step whose states are too many to list: the search gives up there, and decides nothing. */
export class TooManyStatesError extends Error {
  override readonly name = 'TooManyStatesError';
}

/** A model, as far as every search needs it. */
export const MODEL: is.MethodsShape = is.withMethods('step', 'key');
