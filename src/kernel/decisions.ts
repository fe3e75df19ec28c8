/**
 * Everything that could go otherwise is a call of `choose`. The list of answers is the artefact: a seed makes such a list, a
 * replay reads one, shrinking edits one. Invariant: 0 is always the plain choice (first in order, no fault, least delay).
 */

/** One logged decision: out of `n` (> 1) alternatives named by `label`, `answer` was taken. */
export interface Decision {
  readonly label: string;
  readonly n: number;
  readonly answer: number;
}

/** Where answers come from. Sources: `fifoDecisions`, `randomDecisions(seed)`, `replayDecisions(log)`. */
export interface DecisionSource {
  /**
   * Answers one open question with an integer in [0, n). `occurrence` counts earlier questions with the same label, from 0.
   * Keyed sources depend on (label, occurrence) only, so that dropping one event does not reshuffle all others. `labelHash`
   * is `hashText(label)`, which the log keeps per label, so that no source needs to hash a label twice.
   */
  decide(label: string, n: number, occurrence: number, labelHash?: number): number;
}

/** What parts of a simulation use to leave a choice to whoever explores. */
export interface Choices {
  /**
   * An integer in [0, n). With n = 1 the choice is forced: it costs nothing and is not logged.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if n is not an integer ≥ 1.
   */
  choose(label: string, n: number): number;
}
