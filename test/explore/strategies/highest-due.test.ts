import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStrategy } from '../../../src/explore/strategies/create-strategy.ts';
import { PriorityHeap } from '../../../src/explore/strategies/highest-due.ts';
import type { DueEvents } from '../../../src/kernel/decisions.ts';
import { createDecisions, createVirtualClock } from '../../../src/kernel/index.ts';
import type { Label } from '../../../src/kernel/question.ts';

/** A number that counts how often it is compared. */
function counted(value: number, onCompare: () => void): number {
  const key = {
    valueOf: () => {
      onCompare();
      return value;
    },
  };
  return key as unknown as number;
}

describe('a heap of priorities', () => {
  const moves = fc.array(
    fc.record({
      id: fc.integer({ min: 1, max: 30 }),
      // Few, so that equals are frequent.
      priority: fc.integer({ min: 1, max: 8 }),
      isRemoved: fc.boolean(),
    }),
    { maxLength: 200 },
  );

  test('has the highest on top, of equals the first made, whatever was set and removed', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const heap = new PriorityHeap();
        const model = new Map<number, number>();
        for (const { id, priority, isRemoved } of list) {
          if (isRemoved && model.has(id)) {
            heap.remove(id);
            model.delete(id);
          } else {
            heap.set(id, priority);
            model.set(id, priority);
          }
          expect([heap.size, heap.has(id)]).toEqual([model.size, model.has(id)]);
          const [first] = [...model].sort(([a, high], [b, low]) => low - high || a - b);
          if (first !== undefined) expect(heap.top).toBe(first[0]);
        }
      }),
    );
  });

  test('compares in proportion to the logarithm of how many there are', () => {
    const perRemoval = (many: number): number => {
      const heap = new PriorityHeap();
      let compared = 0;
      for (let id = 1; id <= many; id += 1) {
        heap.set(
          id,
          counted((id * 7919) % many, () => (compared += 1)),
        );
      }
      for (let id = 1; id <= many; id += 1) heap.remove(heap.top);
      return compared / many;
    };
    // Two operands a comparison, two comparisons a level, and a second one where equals are.
    expect(perRemoval(256)).toBeLessThan(8 * 8);
    expect(perRemoval(4096)).toBeLessThan(8 * 12);
  });
});

/** What a strategy asks of the events per decision, while so many of them are due together. */
function askedPerDecision(name: string, many: number, labelOf: (i: number) => Label): number {
  const strategy = createStrategy(name, 1);
  let asked = 0;
  let decided = 0;
  const count = <T>(answer: T): T => {
    asked += 1;
    return answer;
  };
  const counting = (due: DueEvents): DueEvents => ({
    get count() {
      return due.count;
    },
    get batch() {
      return due.batch;
    },
    topicOf: (k) => count(due.topicOf(k)),
    textOf: (k) => count(due.textOf(k)),
    idOf: (k) => count(due.idOf(k)),
    causeOf: (k) => count(due.causeOf(k)),
    placeOf: (k) => due.placeOf(k),
    countUpTo: (id) => count(due.countUpTo(id)),
  });
  const choices = createDecisions({
    decide: (question, n, occurrence) => strategy.decide(question, n, occurrence),
    order: (question, due, occurrence) => {
      decided += 1;
      return strategy.order?.(question, counting(due), occurrence) ?? 0;
    },
  });
  const clock = createVirtualClock({
    choices,
    onFire: (event, made) => strategy.onFire?.(event, made),
  });
  strategy.begin(0);
  for (let i = 0; i < many; i += 1) {
    // Each makes another, so that some become due all the time.
    clock.post(labelOf(i), () => void clock.post(labelOf(i), () => {}));
    if (i % 7 === 0) clock.post('cancelled', () => {}).cancel();
  }
  while (clock.step());
  expect(decided).toBeGreaterThan(2 * many - 3);
  return asked / decided;
}

describe.each(['pct', 'pos', 'walk', 'portfolio'])('P5: with many events due together, %s', (name) => {
  test.each<[string, (i: number) => Label]>([
    ['each about something else', (i) => ({ what: 'message', subject: `message-${i}` })],
    ['all about the same', () => ({ what: 'message', subject: 'mailbox/1' })],
    ['some about anything', (i) => (i % 3 === 0 ? 'tick' : { what: 'message', subject: `message-${i}` })],
  ])('asks as much per decision among 2,000 as among 200: %s', (_which, labelOf) => {
    expect(askedPerDecision(name, 200, labelOf)).toBeLessThan(12);
    expect(askedPerDecision(name, 2000, labelOf)).toBeLessThan(12);
  });
});

describe.each(['pct', 'pos', 'walk'])('%s', (name) => {
  test('fires each of many that are due together, and not those that are cancelled meanwhile', () => {
    const strategy = createStrategy(name, 3);
    const clock = createVirtualClock({
      choices: createDecisions(strategy),
      onFire: (event, made) => strategy.onFire?.(event, made),
    });
    strategy.begin(0);
    const fired: string[] = [];
    const cancels = new Map<number, () => void>();
    for (let i = 0; i < 100; i += 1) {
      const event = clock.timer(`event ${i}`, 1 + (i % 2), () => {
        fired.push(`event ${i}`);
        cancels.get(i + 2)?.();
        clock.post(`reaction ${i}`, () => fired.push(`reaction ${i}`));
      });
      cancels.set(i, () => event.cancel());
    }
    while (clock.step());
    const events = fired.filter((text) => text.startsWith('event'));
    const reactions = fired.filter((text) => text.startsWith('reaction'));
    expect(new Set(fired).size).toBe(fired.length);
    expect(reactions).toHaveLength(events.length);
    expect(events.length).toBeGreaterThan(40);
    expect(events.length).toBeLessThan(100);
    expect(clock.pending).toBe(0);
  });
});
