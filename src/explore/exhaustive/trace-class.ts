/**
 * A name for all schedules that differ in nothing but the order of independent events: a hash of the Foata normal form (Cartier and
 * Foata, 1969), which puts every event into the earliest layer that what happened before it allows.
 */
import { RollingHash } from '../../kernel/rolling-hash.ts';
import { EventOrder, stretchEnd } from './event-order.ts';
import type { Step } from './exhaustive-path.ts';

/** The class of a schedule: 16 hexadecimal characters. `answers` are those that were given before any event. */
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
