/** The possible outcomes of a replay, in the words shown to people and programs. */

/** The outcome of a replay: the failure happened again, nothing fails any more, or something else fails now. */
export type ReplayOutcomeWord = 'reproduced' | 'fixed' | 'fails differently';

/** The outcomes by name. */
export const REPLAY_OUTCOMES: {
  readonly reproduced: 'reproduced';
  readonly fixed: 'fixed';
  readonly different: 'fails differently';
} = { reproduced: 'reproduced', fixed: 'fixed', different: 'fails differently' };

/**
 * The code of a replay that does not fit. It also appears in the message text, for callers such as Vitest that pass on
 * nothing else.
 */
export const REPLAY_DIVERGED = 'RUNNER_REPLAY_DIVERGED';
