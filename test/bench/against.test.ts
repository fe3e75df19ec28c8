/** Figures beside another commit: a kind that one side cannot do takes no other figure away. */
import { expect, test } from 'vitest';
import {
  measureSides,
  unmeasuredText,
  type PairedFigure,
  type Sides,
  type UnmeasuredKind,
} from '../../bench/against.ts';
import type { PairedName } from '../../bench/options.ts';
import type { PairedAnswer } from '../../bench/paired.ts';

const NAMES = ['fake', 'raft', 'runs'] as const;

function sidesThat(before: (name: PairedName) => PairedAnswer, now: (name: PairedName) => PairedAnswer) {
  const alive = new Set<object>();
  const start = (answer: (name: PairedName) => PairedAnswer) => () => {
    const side = {
      ask: (name: PairedName) => Promise.resolve(answer(name)),
      end: () => void alive.delete(side),
    };
    alive.add(side);
    return Promise.resolve(side);
  };
  const sides: Sides = { before: start(before), now: start(now) };
  return { sides, alive };
}

const cost =
  (cpuMs: number, lacks?: PairedName) =>
  (name: PairedName): PairedAnswer =>
    name === lacks ? { failure: `there is no ${name}` } : { cpuMs };

async function measure(sides: Sides): Promise<(PairedFigure | UnmeasuredKind)[]> {
  const measured: (PairedFigure | UnmeasuredKind)[] = [];
  await measureSides(sides, NAMES, 5, (one) => measured.push(one));
  return measured;
}

test.each([
  ['before', cost(300, 'raft'), cost(200)],
  ['now', cost(300), cost(200, 'raft')],
] as const)(
  'a kind that the side %s lacks is reported, and the others are measured',
  async (side, before, now) => {
    const { sides, alive } = sidesThat(before, now);
    expect(await measure(sides)).toEqual([
      expect.objectContaining({ name: 'executions on three fake runners', ratio: 1.5, bestRatio: 1.5 }),
      { name: 'executions of Raft', side, because: 'there is no raft' },
      expect.objectContaining({ name: 'whole simulated runs', ratio: 1.5, beforeMs: 300, nowMs: 200 }),
    ]);
    expect(alive.size).toBe(0);
  },
);

test('the line of a kind without a figure names the side and the reason', () => {
  const of = (side: 'before' | 'now'): string =>
    unmeasuredText('b0115e6be022', { name: 'executions of Raft', side, because: 'there is no raft' });
  expect([of('before'), of('now')]).toEqual([
    'executions of Raft: not measured, b0115e6be022 cannot: there is no raft',
    'executions of Raft: not measured, the package here cannot: there is no raft',
  ]);
});
