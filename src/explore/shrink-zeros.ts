/** Passes that take answers out: whole groups first, then spans of falling length, down to single ones. */
import { decisionKind } from '../kernel/decision-kind.ts';
import type { DecisionKind } from '../kernel/decision-kind.ts';
import { isSameKey } from './keyed-log.ts';
import type { KeyedDecision } from './keyed-log.ts';
import { siteOf } from './label-parts.ts';
import type { ShrinkPass } from './shrink-pass.ts';

const KINDS: readonly DecisionKind[] = ['fault', 'delay', 'order', 'choice'];

type Group = (entry: KeyedDecision) => boolean;

/** Everything, then all faults, all of each other kind, all whose labels differ in numbers only. */
export const dropGroups: ShrinkPass = function* (state) {
  const sites = new Set(state.answers.map(({ label }) => siteOf(label)));
  const groups: Group[] = [
    () => true,
    ...KINDS.map(
      (kind): Group =>
        ({ label }) =>
          decisionKind(label) === kind,
    ),
    ...[...sites].map(
      (site): Group =>
        ({ label }) =>
          siteOf(label) === site,
    ),
  ];
  for (const isIn of groups) {
    const rest = state.answers.filter((entry) => !isIn(entry));
    if (rest.length < state.answers.length) yield rest;
  }
};

/**
 * Spans of half the answers, of a quarter, … of one: the complements of ddmin (Zeller & Hildebrandt, "Simplifying and Isolating
 * Failure-Inducing Input", TSE 2002). From the end, because what happens late matters least for what comes before it.
 */
export const dropSpans: ShrinkPass = function* (state) {
  for (let length = Math.ceil(state.answers.length / 2); length >= 1; length = nextLength(length)) {
    for (let end = state.answers.length; end > 0; end -= length) {
      const { answers } = state;
      // An accepted proposal may have taken more with it than the span.
      if (end > answers.length) continue;
      const start = Math.max(0, end - length);
      yield [...answers.slice(0, start), ...answers.slice(end)];
    }
  }
};

/** Single faults, before anything else is looked at one by one. */
export const dropFaults: ShrinkPass = function* (state) {
  const faults = state.answers.filter(({ label }) => decisionKind(label) === 'fault');
  for (const fault of faults.reverse()) {
    const rest = state.answers.filter((entry) => !isSameKey(entry, fault));
    if (rest.length < state.answers.length) yield rest;
  }
};

function nextLength(length: number): number {
  return length === 1 ? 0 : Math.ceil(length / 2);
}
