/**
 * The happens-before order of the events of one stretch: an event comes after the one that put it into the queue, those
 * it depends on, and everything before these. Any other two could have come in another order. Events are identified by
 * their index in the stretch.
 */
import { RollingHash } from '../../kernel/rolling-hash.ts';
import type { Step } from './exhaustive-path.ts';
import { areDependent } from './footprint.ts';

const WORD_BITS = 32;

/** The order of the steps `start` … `end - 1`. */
export class EventOrder {
  readonly length: number;
  readonly #steps: readonly Step[];
  readonly #start: number;
  readonly #words: number;
  /** One row of bits per event: the events that happened before it. */
  readonly #rows: Uint32Array;

  constructor(steps: readonly Step[], start: number, end: number) {
    this.length = end - start;
    this.#steps = steps;
    this.#start = start;
    this.#words = Math.ceil(this.length / WORD_BITS);
    this.#rows = new Uint32Array(this.length * this.#words);
    for (let later = 1; later < this.length; later += 1) this.#fill(later);
  }

  step(place: number): Step {
    return this.#steps[this.#start + place] as Step;
  }

  /** True if `earlier` happened before `later`, directly or through others. */
  precedes(earlier: number, later: number): boolean {
    return (((this.#rows[later * this.#words + (earlier >>> 5)] as number) >>> (earlier & 31)) & 1) === 1;
  }

  /** True if `earlier` put `later` into the queue. */
  made(earlier: number, later: number): boolean {
    return this.step(later).maker === this.#start + earlier;
  }

  /**
   * The events that raced with `later`: it depends on them, they did not make it, and nothing had to come in between.
   */
  rivalsOf(later: number): number[] {
    const rivals: number[] = [];
    const covered: number[] = [];
    for (let earlier = later - 1; earlier >= 0; earlier -= 1) {
      if (!this.precedes(earlier, later) || covered.some((between) => this.precedes(earlier, between))) {
        continue;
      }
      covered.push(earlier);
      if (!this.made(earlier, later)) rivals.push(earlier);
    }
    return rivals;
  }

  #fill(later: number): void {
    const { footprint } = this.step(later);
    for (let earlier = later - 1; earlier >= 0; earlier -= 1) {
      if (this.precedes(earlier, later)) continue;
      if (this.made(earlier, later) || areDependent(this.step(earlier).footprint, footprint)) {
        this.#join(earlier, later);
      }
    }
  }

  #join(earlier: number, later: number): void {
    const words = this.#words;
    for (let word = 0; word < words; word += 1) {
      const bits = this.#rows[earlier * words + word] as number;
      this.#rows[later * words + word] = (this.#rows[later * words + word] as number) | bits;
    }
    const own = later * words + (earlier >>> 5);
    this.#rows[own] = (this.#rows[own] as number) | (1 << (earlier & 31));
  }
}

/** Index after the last step of the stretch that begins at `start`. */
export function stretchEnd(steps: readonly Step[], start: number): number {
  let end = start + 1;
  while (steps[end]?.stretch === start) end += 1;
  return end;
}

/**
 * A name shared by all schedules that differ only in the order of independent events, 16 hexadecimal characters: a hash
 * of the Foata normal form (Cartier and Foata, 1969), which puts every event into the earliest layer that its
 * predecessors allow. `answers` are those given before the first event.
 */
export function traceClass(steps: readonly Step[], answers: readonly number[]): string {
  const hash = new RollingHash();
  hash.addString(answers.join());
  for (let start = 0; start < steps.length;) {
    const end = stretchEnd(steps, start);
    const layers = layersOf(new EventOrder(steps, start, end));
    hash.addString(layers.map((layer) => layer.sort().join(' ')).join('/'));
    start = end;
  }
  return hash.digest();
}

function layersOf(order: EventOrder): string[][] {
  const layers: string[][] = [];
  const heights: number[] = [];
  for (let place = 0; place < order.length; place += 1) {
    const height = heights.reduce(
      (least, other, before) => (order.precedes(before, place) ? Math.max(least, other + 1) : least),
      0,
    );
    heights.push(height);
    const { identity, answers } = order.step(place);
    (layers[height] ??= []).push(`${identity.number}:${answers.join()}`);
  }
  return layers;
}
