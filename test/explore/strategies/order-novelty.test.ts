import { expect, test } from 'vitest';
import { OrderNovelty } from '../../../src/explore/strategies/order-novelty.ts';
import type { DueEvents } from '../../../src/kernel/decisions.ts';
import { topicOf } from '../../../src/kernel/question.ts';

/** Two events, the first of which was made `since` events before the second. */
function due(since = 1, subject = 'task/7', count = 2): DueEvents {
  const topics = ['step', 'stop'].map((what) => topicOf({ what, subject }));
  return {
    count,
    batch: 1,
    idOf: (k) => 1 + k * since,
    topicOf: (k) => topics[k] ?? topicOf(''),
    textOf: (k) => topics[k]?.text ?? '',
    causeOf: () => 0,
    placeOf: () => undefined,
    countUpTo: () => 0,
  };
}

function rarityOf(novelty: OrderNovelty, execution: () => void): number {
  novelty.begin();
  execution();
  return novelty.rarity();
}

test('what every execution has is worth nothing, what none had before all, and the rarer the more', () => {
  const novelty = new OrderNovelty();
  const pair = (since: number) => (): void => {
    novelty.noteOrder(due(), 0);
    novelty.noteOrder(due(since), 0);
  };
  const usual = pair(1);
  for (let i = 0; i < 63; i += 1) rarityOf(novelty, usual);
  expect(rarityOf(novelty, usual)).toBe(0);
  const once = rarityOf(novelty, pair(1000));
  expect(once).toBeGreaterThan(0.98);
  const again = rarityOf(novelty, pair(1000));
  expect(again).toBeGreaterThan(0.9);
  expect(again).toBeLessThan(once);
});

test('an order is a pair of kinds of events, in that order', () => {
  const novelty = new OrderNovelty();
  const pair = (first: number, second: number) => (): void => {
    novelty.noteOrder(due(), first);
    novelty.noteOrder(due(), second);
  };
  for (let i = 0; i < 64; i += 1) rarityOf(novelty, pair(0, 1));
  expect(rarityOf(novelty, pair(0, 1))).toBe(0);
  expect(rarityOf(novelty, pair(0, 0))).toBeGreaterThan(0.98);
  expect(rarityOf(novelty, pair(1, 1))).toBeGreaterThan(0.98);
});

test('the first event of an execution comes after none, so it is no order', () => {
  const novelty = new OrderNovelty();
  for (let i = 0; i < 64; i += 1) {
    rarityOf(novelty, () => {
      novelty.noteOrder(due(), 0);
      novelty.noteOrder(due(), 1);
    });
  }
  expect(rarityOf(novelty, () => novelty.noteOrder(due(), 1))).toBe(0);
});

test('an order counts once in an execution, however often it comes', () => {
  const novelty = new OrderNovelty();
  const times = (count: number) => (): void => {
    for (let i = 0; i <= count; i += 1) novelty.noteOrder(due(), 0);
  };
  rarityOf(novelty, times(100));
  for (let i = 0; i < 62; i += 1) rarityOf(novelty, () => {});
  expect(rarityOf(novelty, times(1))).toBe(1 - 2 / 64);
});

test('ids of events count for nothing', () => {
  const novelty = new OrderNovelty();
  const about = (subject: string) => (): void => {
    for (let i = 0; i < 2; i += 1) novelty.noteOrder(due(1, subject), 0);
  };
  for (let i = 0; i < 64; i += 1) rarityOf(novelty, about('task/7'));
  expect(rarityOf(novelty, about('task/8'))).toBe(0);
});

test('among more than 64 due events no order is noted, also not the one that it would end', () => {
  const novelty = new OrderNovelty();
  const among = (count: number) => (): void => {
    novelty.noteOrder(due(), 0);
    novelty.noteOrder(due(1, 'task/7', count), 0);
    novelty.noteOrder(due(1, 'task/7', count), 1);
    novelty.noteOrder(due(), 1);
  };
  for (let i = 0; i < 64; i += 1) rarityOf(novelty, () => {});
  expect(rarityOf(novelty, among(65))).toBe(0);
  expect(rarityOf(novelty, among(64))).toBeGreaterThan(0.98);
});

test('a declared state counts as an order does', () => {
  const novelty = new OrderNovelty();
  for (let i = 0; i < 64; i += 1) rarityOf(novelty, () => novelty.noteState('0'));
  expect(rarityOf(novelty, () => novelty.noteState('0'))).toBe(0);
  expect(rarityOf(novelty, () => novelty.noteState('1'))).toBeGreaterThan(0.98);
});
