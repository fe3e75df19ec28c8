/** The labels of the last events of a run that does not end, and the cycle in which they repeat. */
import type { EventInfo } from '../kernel/event-queue.ts';

/** Labels kept. */
export const TAIL_LENGTH = 4096;
const DIGITS = /\d+/g;
const TIMES_SEEN_MIN = 3;

/** Watches events as they fire. */
export class EventTail {
  readonly #labels: string[] = [];

  readonly watch = ({ label }: EventInfo): void => {
    this.#labels.push(label);
  };

  /**
   * `repeats every 3 events: a → b → c`, if the second half of the labels is one cycle over and over, numbers apart, and at least three
   * times; else undefined. A number that changes from round to round is shown as `#`. Wherever the run was stopped, the text is the
   * same: it begins with the label that comes first in the alphabet.
   */
  describeCycle(): string | undefined {
    const period = findPeriod(this.#labels.map(maskNumbers));
    if (period === undefined) return undefined;
    const last = this.#labels.slice(-period);
    const before = this.#labels.slice(-2 * period, -period);
    const shown = last.map((label, index) => (label === before[index] ? label : maskNumbers(label)));
    const events = period === 1 ? 'event' : `${period} events`;
    return `repeats every ${events}: ${smallestRotation(shown).join(' → ')}`;
  }
}

/** The label without what differs from one round to the next. */
export function maskNumbers(label: string): string {
  return label.replace(DIGITS, '#');
}

/** The shortest period of the second half of `labels`. */
function findPeriod(labels: readonly string[]): number | undefined {
  const { length } = labels;
  for (let period = 1; period * TIMES_SEEN_MIN <= length; period += 1) {
    const from = length - Math.max(period * TIMES_SEEN_MIN, Math.ceil(length / 2));
    if (hasPeriod(labels, from, period)) return period;
  }
  return undefined;
}

function hasPeriod(labels: readonly string[], from: number, period: number): boolean {
  for (let index = labels.length - 1; index >= from + period; index -= 1) {
    if (labels[index] !== labels[index - period]) return false;
  }
  return true;
}

function smallestRotation(cycle: readonly string[]): readonly string[] {
  const rotations = cycle.map((_, index) => [...cycle.slice(index), ...cycle.slice(0, index)]);
  return rotations.reduce((best, rotation) => (isBefore(rotation, best) ? rotation : best));
}

function isBefore(one: readonly string[], other: readonly string[]): boolean {
  const index = one.findIndex((label, at) => label !== other[at]);
  return index >= 0 && (one[index] as string) < (other[index] as string);
}
