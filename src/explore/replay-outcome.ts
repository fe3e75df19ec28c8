/** What a replay may come to, in the words that people and programs read. */

/** The failure has happened again, nothing fails any more, or something else fails now. */
export const REPLAY_OUTCOMES = {
  reproduced: 'reproduced',
  fixed: 'fixed',
  different: 'fails differently',
} as const;

/** One of {@link REPLAY_OUTCOMES}. */
export type ReplayOutcomeWord = (typeof REPLAY_OUTCOMES)[keyof typeof REPLAY_OUTCOMES];

/** The code of what is not a replay of what was asked for; it stands in the text where only that is passed on, as by Vitest. */
export const REPLAY_DIVERGED = 'RUNNER_REPLAY_DIVERGED';
