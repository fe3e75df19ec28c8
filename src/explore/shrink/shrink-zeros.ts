/** Passes that take answers out: whole groups first, then spans of falling length, down to single ones. */
import { QUESTION_KINDS } from '../../kernel/question.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import type { ShrinkPass, ShrinkState } from './shrink-pass.ts';

type Group = (entry: KeyedDecision) => boolean;

/** Everything, then all faults, all of each other kind, all that differ in their subjects only. */
export const dropGroups: ShrinkPass = function* (state) {
  const sites = new Set(state.answers.map(({ question }) => question.site));
  const groups: Group[] = [
    () => true,
    ...QUESTION_KINDS.map(
      (kind): Group =>
        ({ question }) =>
          question.kind === kind,
    ),
    ...[...sites].map(
      (site): Group =>
        ({ question }) =>
          question.site === site,
    ),
  ];
  for (const isIn of groups) {
    const rest = state.answers.filter((entry) => !isIn(entry));
    if (rest.length < state.answers.length) yield rest;
  }
};

/** Spans of the faults, before anything else is looked at. */
export const dropFaults: ShrinkPass = (state) => dropSpansOf(state, isFault);

/** Spans of all answers. */
export const dropSpans: ShrinkPass = (state) => dropSpansOf(state, () => true);

/**
 * Spans of half the answers, of a quarter, … of one: the complements of ddmin (Zeller & Hildebrandt, "Simplifying and Isolating
 * Failure-Inducing Input", TSE 2002). From the end, because what happens late matters least for what comes before it.
 */
function* dropSpansOf(state: ShrinkState, isIn: Group): ReturnType<ShrinkPass> {
  const members = (): KeyedDecision[] => state.answers.filter(isIn);
  for (let length = Math.ceil(members().length / 2); length >= 1; length = nextLength(length)) {
    for (let end = members().length; end > 0; end -= length) {
      const entries = members();
      // An accepted proposal may have taken more with it than the span.
      if (end > entries.length) continue;
      const span = new Set(entries.slice(Math.max(0, end - length), end));
      yield state.answers.filter((entry) => !span.has(entry));
    }
  }
}

function isFault({ question }: KeyedDecision): boolean {
  return question.kind === 'fault';
}

function nextLength(length: number): number {
  return length === 1 ? 0 : Math.ceil(length / 2);
}
