import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandArbitrary, faultPlanArbitrary, simScriptArbitrary } from '../../src/check/index.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import type { Decision, DecisionSource } from '../../src/kernel/decisions.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { keyedReplayDecisions, replayDecisions } from '../../src/kernel/replay-decisions.ts';
import { ASKED_MAX, DrawTape, DrawnRandom } from '../../src/simulation/arbitrary-draws.ts';
import { simulate } from '../../src/simulation/simulate.ts';

interface Drawn {
  readonly value: unknown;
  readonly decisions: readonly Decision[];
}

async function draw(arbitrary: fc.Arbitrary<unknown>, source: DecisionSource): Promise<Drawn> {
  let value: unknown;
  const verdict = await simulate({ source, scenario: (sim) => void (value = sim.draw(arbitrary)) });
  expect(verdict.failure).toBeUndefined();
  return { value, decisions: verdict.decisions() };
}

/** Arbitraries with the value that the plain choices give, and a judge who knows nothing of fast-check. */
const CASES: readonly (readonly [
  name: string,
  arbitrary: fc.Arbitrary<unknown>,
  smallest: unknown,
  isAllowed: (value: never) => boolean,
])[] = [
  ['integers of one sign', fc.integer({ min: 3, max: 90 }), 3, (v: number) => v >= 3 && v <= 90],
  ['integers below zero', fc.integer({ min: -9, max: -2 }), -2, (v: number) => v >= -9 && v <= -2],
  ['integers of both signs', fc.integer({ min: -7, max: 1_000 }), 0, (v: number) => v >= -7 && v <= 1_000],
  ['all integers', fc.integer(), 0, (v: number) => Number.isInteger(v) && Math.abs(v) <= 2 ** 31],
  ['all safe integers', fc.maxSafeInteger(), 0, Number.isSafeInteger],
  [
    'bigints of many digits',
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 50n }),
    0n,
    (v: bigint) => v >= -(10n ** 40n) && v <= 10n ** 50n,
  ],
  ['booleans', fc.boolean(), false, (v: boolean) => typeof v === 'boolean'],
  ['texts', fc.string({ maxLength: 30 }), '', (v: string) => v.length <= 60],
  [
    'texts of at least two',
    fc.string({ minLength: 2, maxLength: 9, unit: 'grapheme-ascii' }),
    '  ',
    () => true,
  ],
  [
    'lists',
    fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }),
    [0],
    (v: number[]) => v.length >= 1 && v.length <= 5 && v.every((item) => item >= 0 && item <= 9),
  ],
  [
    'sets',
    fc.uniqueArray(fc.nat(20), { minLength: 0, maxLength: 6 }),
    [],
    (v: number[]) => new Set(v).size === v.length,
  ],
  [
    'records',
    fc.record({ id: fc.nat(5), name: fc.constantFrom('x', 'y'), size: fc.option(fc.nat(3)) }),
    { id: 0, name: 'x', size: null },
    (v: { name: string }) => ['x', 'y'].includes(v.name),
  ],
  ['alternatives', fc.oneof(fc.constant('a'), fc.nat(3)), 'a', (v: unknown) => v === 'a' || Number(v) <= 3],
  ['mapped', fc.nat(50).map((n) => n * 2), 0, (v: number) => v % 2 === 0 && v <= 100],
  ['filtered', fc.nat(50).filter((n) => n % 3 === 0), 0, (v: number) => v % 3 === 0],
  [
    'chained',
    fc.nat(4).chain((n) => fc.tuple(fc.constant(n), fc.nat(n))),
    [0, 0],
    (v: number[]) => v[1]! <= v[0]!,
  ],
  ['doubles', fc.double({ min: -5, max: 80, noNaN: true }), 0, (v: number) => v >= -5 && v <= 80],
  ['all doubles', fc.double(), 0, (v: number) => typeof v === 'number'],
  ['floats', fc.float({ min: 1, max: 2, noNaN: true }), 1, (v: number) => v >= 1 && v <= 2],
  ['dates', fc.date({ min: new Date(0), max: new Date(9e9), noInvalidDate: true }), new Date(0), () => true],
];

describe('sim.draw', () => {
  test.for(CASES)('%s: every value is allowed, and the default choices give the smallest', async (row) => {
    const [, arbitrary, smallest, isAllowed] = row;
    expect((await draw(arbitrary, fifoDecisions())).value).toEqual(smallest);
    for (let seed = 0; seed < 60; seed += 1) {
      const { value } = await draw(arbitrary, randomDecisions(seed));
      expect(isAllowed(value as never), `${fc.stringify(value)} of seed ${seed}`).toBe(true);
    }
    const { value: highest } = await draw(arbitrary, { decide: (_label, n) => n - 1 });
    expect(isAllowed(highest as never), fc.stringify(highest)).toBe(true);
  });

  test.for([
    ['commands', commandArbitrary()],
    ['scripts', simScriptArbitrary()],
    ['fault plans', faultPlanArbitrary()],
    ...CASES.map(([name, arbitrary]) => [name, arbitrary] as const),
  ] as const)('R209 %s: the same log gives the same value, by position and by key', async ([, arbitrary]) => {
    const values = new Set<string>();
    for (let seed = 0; seed < 30; seed += 1) {
      const first = await draw(arbitrary, randomDecisions(seed));
      const log = first.decisions;
      expect((await draw(arbitrary, replayDecisions(log))).value).toEqual(first.value);
      expect((await draw(arbitrary, keyedReplayDecisions(log))).value).toEqual(first.value);
      expect(log.every(({ question }) => question.kind === 'draw')).toBe(true);
      values.add(fc.stringify(first.value));
    }
    expect(values.size).toBeGreaterThan(1);
  });

  test('property: a log with answers lowered or removed still gives an allowed value', async () => {
    const lists = fc.array(fc.integer({ min: -20, max: 60 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.nat(99), { maxLength: 20 }), async (seed, edits) => {
        const { decisions } = await draw(lists, randomDecisions(seed));
        const edited = decisions.map((entry, index) => {
          const edit = edits[index];
          return edit === undefined ? entry : { ...entry, answer: Math.floor((entry.answer * edit) / 100) };
        });
        const { value } = await draw(lists, keyedReplayDecisions(edited));
        const items = value as number[];
        expect(items.length).toBeLessThanOrEqual(8);
        expect(items.every((item) => item >= -20 && item <= 60)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test.for([
    [
      ['x', 'x', 'x/1', 'x'],
      ['x', 'x/1', 'x/1/1', 'x/2'],
    ],
    [
      ['x/1', 'x', 'x', 'x'],
      ['x/1', 'x', 'x/2', 'x/3'],
    ],
  ] as const)('of the labels %o each draw has a name of its own', async ([labels, names]) => {
    const { decisions } = await simulate({
      scenario(sim) {
        for (const label of labels) sim.draw(fc.nat(9), label);
      },
    });
    expect(decisions().map(({ question }) => question.text)).toEqual(names.map((name) => `${name} integer`));
  });

  test('a smaller value moves no other: each draw asks its own questions', async () => {
    const pair = async (source: DecisionSource): Promise<readonly [number[], number[], Decision[]]> => {
      let values: [number[], number[]] = [[], []];
      const verdict = await simulate({
        source,
        scenario: (sim) => {
          const lists = fc.array(fc.nat(99), { minLength: 3, maxLength: 6 });
          values = [sim.draw(lists, 'sizes'), sim.draw(lists, 'sizes')];
        },
      });
      return [...values, verdict.decisions()];
    };
    const [first, second, log] = await pair(randomDecisions('two lists'));
    const rest = log.filter(({ question }) => question.text !== 'sizes integer');
    const [smaller, same] = await pair(keyedReplayDecisions(rest));
    expect(first).not.toEqual([0, 0, 0]);
    expect(smaller).toEqual([0, 0, 0]);
    expect(same).toEqual(second);
    expect(new Set(log.map(({ question }) => question.text))).toEqual(
      new Set(['sizes integer', 'sizes/1 integer']),
    );
  });

  test.for([
    ['a filter', fc.nat(1_000).filter((n) => n > 900), (v: number) => v > 900],
    ['a set', fc.uniqueArray(fc.nat(9), { minLength: 3 }), (v: number[]) => new Set(v).size >= 3],
  ] as const)('%s that always refuses the default choices gets others in the end', async (row) => {
    const [, arbitrary, isAllowed] = row;
    for (const source of [fifoDecisions(), { decide: (_question: unknown, n: number) => n % 2 }]) {
      const { value, decisions } = await draw(arbitrary as fc.Arbitrary<unknown>, source);
      expect(isAllowed(value as never), fc.stringify(value)).toBe(true);
      expect(decisions.length).toBeLessThanOrEqual(ASKED_MAX);
      expect((await draw(arbitrary as fc.Arbitrary<unknown>, replayDecisions(decisions))).value).toEqual(
        value,
      );
    }
  });

  test('a draw that goes on while the scenario runs stays the same stream', async () => {
    const take = async (
      source: DecisionSource,
    ): Promise<{ seen: number[]; again: number[]; log: Decision[] }> => {
      const seen: number[] = [];
      const again: number[] = [];
      const verdict = await simulate({
        source,
        scenario: async (sim) => {
          const stream = sim.draw(fc.infiniteStream(fc.nat(1_000)));
          for (let round = 0; round < 5; round += 1) {
            await sim.sleep(1);
            seen.push(stream.next().value);
          }
          const copy = fc.cloneIfNeeded(stream);
          for (let round = 0; round < 5; round += 1) again.push(copy.next().value);
        },
      });
      expect(verdict.failure).toBeUndefined();
      return { seen, again, log: verdict.decisions() };
    };
    const first = await take(randomDecisions(9));
    expect(new Set(first.seen).size).toBeGreaterThan(1);
    expect(await take(replayDecisions(first.log))).toEqual(first);
  });
});

describe('drawn randomness', () => {
  const ends = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });

  test('property: integers count from zero outwards, each of the range once', () => {
    fc.assert(
      fc.property(fc.integer({ min: -40, max: 40 }), fc.nat(60), (min, length) => {
        const max = min + length;
        const counted = Array.from({ length: length + 1 }, (_, k) =>
          new DrawnRandom(new DrawTape(() => k)).nextInt(min, max),
        );
        expect([...counted].sort((a, b) => a - b)).toEqual(
          Array.from({ length: length + 1 }, (_, k) => min + k),
        );
        const sizes = counted.map((value) => Math.abs(value));
        expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
        const bigs = counted.map((_, k) =>
          new DrawnRandom(new DrawTape(() => k)).nextBigInt(BigInt(min), BigInt(max)),
        );
        expect(bigs.map(Number)).toEqual(counted);
      }),
    );
  });

  test('property: bigints stay within their range, with 0 for the one nearest to zero', () => {
    fc.assert(
      fc.property(ends, ends, fc.nat(), (one, other, seed) => {
        const [min, max] = one < other ? [one, other] : [other, one];
        const choices = createDecisions(randomDecisions(seed));
        const drawn = new DrawnRandom(new DrawTape((what, n) => choices.choose(what, n))).nextBigInt(
          min,
          max,
        );
        expect(drawn >= min && drawn <= max).toBe(true);
        const nearest = min > 0n ? min : max < 0n ? max : 0n;
        expect(new DrawnRandom(new DrawTape(() => 0)).nextBigInt(min, max)).toBe(nearest);
        const farthest = new DrawnRandom(new DrawTape((_, n) => n - 1)).nextBigInt(min, max);
        expect(farthest >= min && farthest <= max).toBe(true);
      }),
    );
  });

  test('a clone draws what its original draws, whichever is first', () => {
    const choices = createDecisions(randomDecisions(4));
    const original = new DrawnRandom(new DrawTape((what, n) => choices.choose(what, n)));
    original.nextDouble();
    const clone = original.clone();
    const values = [
      clone.nextInt(0, 99),
      clone.nextBoolean(),
      clone.next(31),
      clone.nextInt(),
      clone.nextDouble(),
    ];
    const same = [
      original.nextInt(0, 99),
      original.nextBoolean(),
      original.next(31),
      original.nextInt(),
      original.nextDouble(),
    ];
    expect(same).toEqual(values);
    expect(choices.count).toBe(2 + 4 + 2);
    expect(original.nextInt(7, 7)).toBe(7);
    const narrow = original.clone();
    const wide = original.nextInt(0, 99);
    expect(narrow.nextInt(0, 4)).toBe(wide % 5);
    expect(original.getState()).toBeUndefined();
  });
});
