/**
 * What strategies read from the label of a decision or an event beside its kind. Invariant: pure functions of the text, by the
 * convention of this package that a label begins with whose it is and carries the ids of what it is about: `network/2 run job-7 fault`.
 */
import { maskNumbers } from '../simulation/event-tail.ts';

const HAS_NUMBER = /\d/;
const NAMES_A_THING = /[\d/]/;

/** The label without what differs from one run to the next: one text per place that asks. */
export function siteOf(label: string): string {
  return maskNumbers(label);
}

/**
 * What kind of fault a question `WHOSE WHAT SUBJECT fault` is about: the words after the first one that name no single thing, as
 * those with a number or a slash do, and no moment. `chaos run run/3 fault` and `chaos2 run job-1 fault` are both of kind `run`,
 * `node-1 crash at run fault` and `node-2 crash at start fault` both of kind `crash`.
 */
export function faultKindOf(label: string): string {
  const [whose = '', ...words] = label.replace(/( at .*)? fault$/, '').split(' ');
  const kind = words.filter((word) => !NAMES_A_THING.test(word)).join(' ');
  return kind === '' ? siteOf(whose) : kind;
}

/** What the event `label` is about: its first word with a number in it, such as `run/3`. Undefined if it names nothing. */
export function subjectOf(label: string): string | undefined {
  return label.split(' ').find((word) => HAS_NUMBER.test(word));
}
