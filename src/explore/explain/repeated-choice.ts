/**
 * Recognizes a difference between two executions that only repeats the choice in which they differ: what was chosen
 * appears in the words of an event, or is done at once.
 */
import type { TraceEvent } from '../../model/trace-event.ts';
import { isSameKey } from '../keyed-log.ts';
import type { AnswerChange } from './nearest-pass.ts';
import type { ObservedDecision, ObservedEvent, ObservedRun } from './observed-run.ts';
import { decisionText } from './question-text.ts';

/** Events that take something, or give it back: what a choice does at once. */
const AT_ONCE: ReadonlySet<TraceEvent['type']> = new Set(['acquired', 'freed', 'phase', 'wrote']);

/** The choices in which a failing and a passing execution differ. */
export class RepeatedChoices {
  readonly #failing: readonly ObservedDecision[];
  readonly #passing: readonly ObservedDecision[];

  constructor(failing: ObservedRun, passing: ObservedRun, changes: readonly AnswerChange[]) {
    const choicesIn = ({ decisions }: ObservedRun): readonly ObservedDecision[] =>
      changes.flatMap(({ decision }) => {
        const found = decisions.find((other) => isSameKey(other, decision));
        return found?.question.kind === 'choice' ? [found] : [];
      });
    this.#failing = choicesIn(failing);
    this.#passing = choicesIn(passing);
  }

  /** True if the two texts differ only in words of what was chosen here and there. */
  isInWords(failed: string, held: string): boolean {
    const [here, there] = [wordsOf(failed), wordsOf(held)];
    const onlyHere = [...here].filter((word) => !there.has(word));
    const onlyThere = [...there].filter((word) => !here.has(word));
    return (
      onlyHere.length > 0 &&
      onlyThere.length > 0 &&
      areIn(onlyHere, this.#failing) &&
      areIn(onlyThere, this.#passing)
    );
  }

  /** True if a choice does at once what the failing execution has there, or else the passing one. */
  doAtOnce(failed: ObservedEvent | undefined, held: ObservedEvent | undefined): boolean {
    if (failed !== undefined) return isDirect(failed, this.#failing);
    return held !== undefined && isDirect(held, this.#passing);
  }
}

function isDirect({ event, firingId }: ObservedEvent, choices: readonly ObservedDecision[]): boolean {
  return AT_ONCE.has(event.type) && choices.some((choice) => choice.firingId === firingId);
}

function areIn(words: readonly string[], choices: readonly ObservedDecision[]): boolean {
  const chosen = new Set(choices.flatMap((choice) => [...wordsOf(decisionText(choice))]));
  return words.every((word) => chosen.has(word));
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.match(/[\p{L}\p{N}]+/gu));
}
