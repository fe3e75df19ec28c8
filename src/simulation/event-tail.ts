/** What the last events of a run that does not end are about, and the cycle in which they repeat. */
import type { EventInfo } from '../kernel/event-queue.ts';
import type { Topic } from '../kernel/question.ts';

/** Events kept. */
export const TAIL_LENGTH = 4096;
const TIMES_SEEN_MIN = 3;

/** Watches events as they fire. */
export class EventTail {
  readonly #topics: Topic[] = [];

  readonly watch = ({ topic }: EventInfo): void => {
    this.#topics.push(topic);
  };

  /**
   * `repeats every 3 events: a → b → c`, if the second half of the events is one cycle over and over, subjects apart, and at least three
   * times; else undefined. A subject that changes from round to round is shown as `#`. Wherever the run was stopped, the text is the
   * same: it begins with the event that comes first in the alphabet.
   */
  describeCycle(): string | undefined {
    const period = findPeriod(this.#topics.map(({ site }) => site));
    if (period === undefined) return undefined;
    const last = this.#topics.slice(-period);
    const before = this.#topics.slice(-2 * period, -period);
    const shown = last.map(({ text, site }, index) => (text === before[index]?.text ? text : site));
    const events = period === 1 ? 'event' : `${period} events`;
    return `repeats every ${events}: ${smallestRotation(shown).join(' → ')}`;
  }
}

/** The shortest period of the second half of `sites`. */
function findPeriod(sites: readonly string[]): number | undefined {
  const { length } = sites;
  for (let period = 1; period * TIMES_SEEN_MIN <= length; period += 1) {
    const from = length - Math.max(period * TIMES_SEEN_MIN, Math.ceil(length / 2));
    if (hasPeriod(sites, from, period)) return period;
  }
  return undefined;
}

function hasPeriod(sites: readonly string[], from: number, period: number): boolean {
  for (let index = sites.length - 1; index >= from + period; index -= 1) {
    if (sites[index] !== sites[index - period]) return false;
  }
  return true;
}

function smallestRotation(cycle: readonly string[]): readonly string[] {
  const rotations = cycle.map((_, index) => [...cycle.slice(index), ...cycle.slice(0, index)]);
  return rotations.reduce((best, rotation) => (isBefore(rotation, best) ? rotation : best));
}

function isBefore(one: readonly string[], other: readonly string[]): boolean {
  const index = one.findIndex((text, at) => text !== other[at]);
  return index >= 0 && (one[index] as string) < (other[index] as string);
}
