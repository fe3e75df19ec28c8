/** What a replay may come to, in the words that people and programs read. */

/** What a replay came to: the failure has happened again, nothing fails any more, or something else fails now. */
export type ReplayOutcomeWord = 'reproduced' | 'fixed' | 'fails differently';

/** Each by its name. */
export const REPLAY_OUTCOMES: {
  readonly reproduced: 'reproduced';
  readonly fixed: 'fixed';
  readonly different: 'fails differently';
} = { reproduced: 'reproduced', fixed: 'fixed', different: 'fails differently' };

/** The code of what is not a replay of what was asked for; it stands in the text where only that is passed on, as by Vitest. */
export const REPLAY_DIVERGED = 'RUNNER_REPLAY_DIVERGED';
