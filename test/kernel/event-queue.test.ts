import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventQueue } from '../../src/kernel/event-queue.ts';

interface ModelEvent {
  readonly id: number;
  readonly row: number;
  readonly timeUs: number;
  readonly late: boolean;
}

type Move =
  | { readonly kind: 'add'; readonly afterUs: number; readonly late: boolean }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'fire'; readonly which: number }
  /** An event that waited elsewhere, and may be overdue; no sooner than those that are due with each other now. */
  | { readonly kind: 'requeue'; readonly afterUs: number }
  | { readonly kind: 'pass'; readonly forUs: number };

/** Few distinct times, so that ties are frequent, and some beyond 31 bits. */
const afterUs = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 40 }));
const moves = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), afterUs, late: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('fire' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('requeue' as const), afterUs }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), forUs: fc.integer({ min: 0, max: 2 }) }),
    },
  ),
  { maxLength: 200 },
);

/** A queue beside a plain array that is sorted anew whenever something is asked. */
class ModelledQueue {
  readonly queue = new EventQueue();
  events: ModelEvent[] = [];
  /** Everything that was due before this has fired. */
  #reachedUs = 0;

  add(timeUs: number, late: boolean): void {
    const row = this.queue.add(timeUs, late, 7, 'event', () => {});
    this.events.push({ id: this.queue.lastId, row, timeUs, late });
  }

  sorted(): ModelEvent[] {
    return [...this.events].sort(
      (a, b) => a.timeUs - b.timeUs || Number(a.late) - Number(b.late) || a.id - b.id,
    );
  }

  cancel(which: number): void {
    const event = this.events[which % this.events.length];
    if (event === undefined) return;
    this.queue.cancel(event.row, event.id);
    this.events = this.events.filter(({ id }) => id !== event.id);
    // A second cancel must not hit the event that has the row now.
    this.queue.cancel(event.row, event.id);
  }

  fire(which: number): void {
    const sorted = this.sorted();
    const [first] = sorted;
    const candidates = sorted.filter(({ timeUs, late }) => timeUs === first?.timeUs && !late);
    const { nowUs } = this.queue;
    const n = this.queue.advance();
    expect(n).toBe(first === undefined ? 0 : Math.max(candidates.length, 1));
    if (first === undefined) return;
    const k = which % n;
    const expected = (candidates.length > 0 ? candidates[k] : first) as ModelEvent;
    const row = this.queue.pick(k);
    expect(this.queue.nowUs).toBe(Math.max(nowUs, first.timeUs));
    if (candidates.length > 1) {
      const upTo = which % (this.queue.lastId + 2);
      expect(this.queue.dueUpTo(upTo)).toBe(candidates.filter(({ id }) => id <= upTo).length);
    }
    expect(this.queue.describe(row)).toMatchObject({
      id: expected.id,
      cause: 7,
      late: expected.late,
      atMs: expected.timeUs / 1000,
    });
    this.queue.remove(row);
    this.#reachedUs = expected.timeUs;
    this.events = this.events.filter(({ id }) => id !== expected.id);
  }

  pass(forUs: number): void {
    const { queue } = this;
    if (queue.leastTimeUs === queue.nowUs) this.#reachedUs = queue.nowUs;
    const { leastTimeUs } = queue;
    queue.pass(queue.nowUs + forUs);
    if (forUs === 0) expect(queue.leastTimeUs).toBe(leastTimeUs);
  }

  apply(move: Move): void {
    const { queue } = this;
    if (move.kind === 'add') this.add(queue.nowUs + move.afterUs, move.late);
    else if (move.kind === 'requeue') {
      const fromUs = queue.dueCount > 0 ? this.#reachedUs : 0;
      this.add(Math.max(fromUs + move.afterUs, queue.leastTimeUs), false);
    } else if (move.kind === 'pass') this.pass(move.forUs);
    else this[move.kind](move.which);
    expect(queue.size).toBe(this.events.length);
    const upTo = this.events[0]?.id ?? queue.lastId;
    expect(queue.hasDueUpTo(upTo, queue.nowUs)).toBe(
      this.events.some(({ id, timeUs, late }) => id <= upTo && timeUs === queue.nowUs && !late),
    );
    const [first] = this.sorted();
    const nextUs = first?.timeUs ?? Infinity;
    // The list of overdue events has the time of the clock.
    expect(Math.max(queue.nextTimeUs, queue.nowUs)).toBe(Math.max(nextUs, queue.nowUs));
  }
}

describe('the event queue', () => {
  test('adds, cancels and fires like a sorted array', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const model = new ModelledQueue();
        for (const move of list) model.apply(move);
        const all = model.queue.sorted();
        const shown = ({ id, timeUs }: ModelEvent) => [id, timeUs / 1_000];
        expect(all.map(({ id, atMs }) => [id, atMs])).toEqual(model.sorted().map(shown));
        for (const limit of [0, 1, 2, Math.max(0, all.length - 1)]) {
          expect(model.queue.sorted(limit)).toEqual(all.slice(0, limit));
        }
        while (model.events.length > 0) model.fire(0);
        expect(model.queue.advance()).toBe(0);
      }),
      { numRuns: 3_000 },
    );
  });

  // A search for the time of each would not end.
  test('lists half a million events of one time', () => {
    const queue = new EventQueue();
    for (let k = 0; k < 500_000; k += 1) queue.add(7, false, 0, 'later', () => {});
    const all = queue.sorted();
    expect([all.length, all[0]?.atMs, all.at(-1)?.id]).toEqual([500_000, 0.007, queue.lastId]);
    expect(queue.sorted(2)).toEqual(all.slice(0, 2));
  });

  // Blocks of 32 places, blocks of 32 blocks, and blocks of those.
  test.each([500, 3000, 40_000])(
    'picks and counts any of %d that are due together, with holes between them',
    (many) => {
      const queue = new EventQueue();
      const ids = Array.from({ length: many }, () => {
        queue.add(0, false, 0, 'due', () => {});
        return queue.lastId;
      });
      let which = 1;
      for (let round = 0; ids.length > 0 && round < 6000; round += 1) {
        which = (which * 16_807) % 2_147_483_647;
        const k = which % ids.length;
        if (queue.advance() !== ids.length) throw new Error(`${queue.advance()} of ${ids.length} are due`);
        const row = queue.pick(k);
        const id = ids[k] as number;
        if (queue.idOf(row) !== id) throw new Error(`the event at ${k} has the id ${queue.idOf(row)}`);
        if (queue.dueUpTo(id) !== k + 1) throw new Error(`${queue.dueUpTo(id)} events up to the one at ${k}`);
        queue.remove(row);
        if (queue.dueUpTo(id) !== k) {
          throw new Error(`${queue.dueUpTo(id)} events before the one that was at ${k}`);
        }
        ids.splice(k, 1);
        if (which % 3 === 0) {
          queue.add(0, false, 0, 'due', () => {});
          ids.push(queue.lastId);
        }
      }
      expect(queue.sorted().map(({ id }) => id)).toEqual(ids);
    },
  );

  test('counts a batch more whenever time has brought several events', () => {
    const queue = new EventQueue();
    const fire = (): number => {
      const n = queue.advance();
      queue.remove(queue.pick(0));
      return n;
    };
    for (const atUs of [1, 1, 2, 3, 3]) queue.add(atUs, false, 0, 'timer', () => {});
    expect([fire(), queue.batch]).toEqual([2, 1]);
    queue.add(1, false, 0, 'posted', () => {});
    expect([fire(), fire(), queue.batch]).toEqual([2, 1, 1]);
    // One that is alone does not pass through the list.
    expect([fire(), queue.batch]).toEqual([1, 1]);
    expect([fire(), queue.batch]).toEqual([2, 2]);
  });

  test('fires overdue events that are added after all others in the order in which they were due', () => {
    const queue = new EventQueue();
    const fire = (): number => {
      queue.advance();
      const row = queue.pick(0);
      const { atMs } = queue.describe(row);
      queue.remove(row);
      return atMs * 1000;
    };
    const add = (timeUs: number): number => queue.add(timeUs, false, 0, 'timer', () => {});
    add(5);
    add(5);
    expect(fire()).toBe(5);
    queue.pass(9);
    expect(fire()).toBe(5);
    add(3);
    add(5);
    add(9);
    expect([fire(), fire(), fire()]).toEqual([3, 5, 9]);
  });

  test('keeps no row of cancelled events, however many', () => {
    const queue = new EventQueue();
    const rows = new Set<number>();
    for (let i = 0; i < 10_000; i++) {
      const row = queue.add(i % 2 === 0 ? 0 : 1000 + i, i % 3 === 0, 0, 'short', () => {});
      queue.cancel(row, queue.lastId);
      rows.add(row);
    }
    expect([...rows]).toEqual([0]);
    expect(queue.size).toBe(0);
  });
});
