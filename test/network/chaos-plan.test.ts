import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DelayDraw } from '../../src/network/chaos-delay.ts';
import {
  CHAOS_OPERATIONS,
  type FaultPlan,
  FaultPicker,
  makeRateTable,
} from '../../src/network/fault-plan.ts';
import { FAULT_KINDS, type FaultKind } from '../../src/model/faults.ts';
import { ScriptedChoices } from '../runners/scripted-choices.ts';
import { topicOf, type Topic } from '../../src/kernel/question.ts';

type Rates = Readonly<Partial<Record<FaultKind, number>>>;

/** The kinds by answer, `.` for none. */
function answersOf(rates: Rates): string {
  const table = makeRateTable('run', rates);
  if (table === undefined) return '';
  return Array.from({ length: table.n }, (_, answer) => table.kindOf(answer)?.[0] ?? '.').join('');
}

describe('probabilities as decisions', () => {
  test.for([
    [{}, ''],
    [{ before: 0 }, ''],
    [{ before: 0.5 }, '.b'],
    [{ before: 1 / 3 }, '..b'],
    [{ before: 0.25, after: 0.5 }, '.baa'],
    [{ stuck: 0.2, before: 0.2, duplicated: 0.2 }, '..bds'],
    [{ reordered: 0.1, stuck: 0 }, '.........r'],
  ] as const)(
    'R153 R212 %j becomes the smallest question that fits, default answers first: %s',
    ([rates, answers]) => {
      expect(answersOf(rates)).toBe(answers);
    },
  );

  test('R153 a rate that no question fits is rounded to ten-thousandths, upwards from nothing', () => {
    const table = makeRateTable('run', { before: 1e-9, stuck: Math.SQRT1_2 });
    expect(table?.n).toBe(10_000);
    expect(
      answersOf({ before: 1e-9, stuck: Math.SQRT1_2 }).replace(
        /(.)\1*/g,
        (run, kind) => `${run.length}${kind}`,
      ),
    ).toBe('2928.1b7071s');
  });

  test.for([
    [{ before: 1e-10 }, '9999.1b'],
    [{ before: 1 }, '1.9999b'],
    [{ before: 0.5, after: 0.5 }, '1.4999b5000a'],
    [{ before: 0.2, after: 0.8 }, '1.2000b7999a'],
    [{ before: 1e-9, after: 0.999999999, stuck: 1e-10 }, '1.1b9997a1s'],
  ] as const)(
    'R212 rates that fit no smaller question have ten thousand answers, at least one of them the default: %j',
    ([rates, answers]) => {
      expect(answersOf(rates).replace(/(.)\1*/g, (run, kind) => `${run.length}${kind}`)).toBe(answers);
    },
  );

  test('R153 R212 for any rates, answer 0 is the default and each kind has its share', () => {
    const weights = fc.array(fc.nat({ max: 50 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.nat({ max: 50 }), (kinds, plain) => {
        const sum = kinds.reduce((total, weight) => total + weight, plain);
        fc.pre(sum > 0);
        const rates: Rates = Object.fromEntries(FAULT_KINDS.map((kind, i) => [kind, (kinds[i] ?? 0) / sum]));
        const table = makeRateTable('run', rates);
        if (table === undefined) return kinds.every((weight) => weight === 0);
        const counts = new Map<FaultKind | undefined, number>();
        for (let answer = 0; answer < table.n; answer += 1) {
          const kind = table.kindOf(answer);
          counts.set(kind, (counts.get(kind) ?? 0) + 1);
        }
        expect(table.kindOf(0)).toBeUndefined();
        for (const kind of FAULT_KINDS) {
          expect(Math.abs((counts.get(kind) ?? 0) / table.n - (rates[kind] ?? 0))).toBeLessThanOrEqual(5e-4);
        }
        return true;
      }),
      { seed: 42 },
    );
  });

  test.for([
    [{ before: -0.1 }, 'plan.rates.run.before: expected a finite number from 0 to 1, got -0.1'],
    [{ after: 1.1 }, 'plan.rates.run.after: expected a finite number from 0 to 1, got 1.1'],
    [{ stuck: NaN }, 'plan.rates.run.stuck: expected a finite number from 0 to 1, got NaN'],
    [{ before: 0.6, after: 0.5 }, 'plan.rates.run: expected rates that add up to 1 at most, got 1.1'],
    [
      { lost: 0.1 },
      'plan.rates.run: expected only the fields before, after, duplicated, reordered, stuck, got a field "lost"',
    ],
  ] as const)('R153 rates %j are refused', ([rates, message]) => {
    expect(() => makeRateTable('run', rates as Rates)).toThrow(message);
  });
});

describe('picking faults', () => {
  const topic = (): Topic => topicOf('chaos run');
  const pick = (plan: FaultPlan, choices = new ScriptedChoices(), calls = 4): string[] => {
    const picker = new FaultPicker(choices, plan);
    return Array.from({ length: calls }, () => picker.pick('run', topic) ?? '.');
  };

  test('R153 without a plan nothing is asked and nothing strikes', () => {
    const choices = new ScriptedChoices();
    expect(pick({}, choices)).toEqual(['.', '.', '.', '.']);
    expect(pick({ rates: { abort: { before: 0.5 } } }, choices)).toEqual(['.', '.', '.', '.']);
    expect(choices.asked).toEqual([]);
  });

  test('R153 by chance: one decision per call of an operation with rates', () => {
    const choices = new ScriptedChoices({ 'chaos run fault': [0, 3, 1, 0] });
    expect(pick({ rates: { run: { before: 0.25, stuck: 0.25 } } }, choices)).toEqual([
      '.',
      'stuck',
      '.',
      '.',
    ]);
    expect(choices.asked).toEqual(Array(4).fill('chaos run fault of 4'));
  });

  test('R153 by schedule: the n-th call of that operation, and no decision', () => {
    const choices = new ScriptedChoices();
    const schedule = [
      { operation: 'run', call: 3, kind: 'after' },
      { operation: 'run', call: 1, kind: 'stuck' },
      { operation: 'abort', call: 2, kind: 'before' },
    ] as const;
    expect(pick({ schedule }, choices)).toEqual(['stuck', '.', 'after', '.']);
    expect(choices.asked).toEqual([]);
  });

  test('R153 each operation counts its own calls', () => {
    const schedule = CHAOS_OPERATIONS.map((operation) => ({ operation, call: 2, kind: 'before' }) as const);
    const picker = new FaultPicker(new ScriptedChoices(), { schedule });
    for (const operation of CHAOS_OPERATIONS) expect(picker.pick(operation, topic)).toBeUndefined();
    for (const operation of CHAOS_OPERATIONS) expect(picker.pick(operation, topic)).toBe('before');
  });

  test('R212 a scheduled fault precedes a random one and leaves its decision in place', () => {
    const rates = { run: { before: 0.5 } };
    const schedule = [{ operation: 'run', call: 2, kind: 'stuck' }] as const;
    const answers = { 'chaos run fault': [1, 1, 0, 1] };
    const [plain, scheduled] = [new ScriptedChoices(answers), new ScriptedChoices(answers)];
    expect(pick({ rates }, plain)).toEqual(['before', 'before', '.', 'before']);
    expect(pick({ rates, schedule }, scheduled)).toEqual(['before', 'stuck', '.', 'before']);
    expect(scheduled.asked).toEqual(plain.asked);
  });

  const fault = { operation: 'run', call: 1, kind: 'before' } as const;
  const operations = 'run, abort, query, queryNow, status, statusAll';
  test.for([
    [
      { rates: { release: { before: 0.1 } } },
      `plan.rates: expected only the fields ${operations}, got a field "release"`,
    ],
    [
      { schedule: [{ ...fault, operation: 'x' }] },
      `plan.schedule[0].operation: expected one of ${operations.replaceAll(/\w+/g, '"$&"')}, got "x"`,
    ],
    [{ schedule: [fault, { ...fault, call: 0 }] }, 'plan.schedule[1].call: expected an integer ≥ 1, got 0'],
    [{ schedule: [{ ...fault, call: 1.5 }] }, 'plan.schedule[0].call: expected an integer ≥ 1, got 1.5'],
    [
      { schedule: [{ ...fault, kind: 'lost' }] },
      'plan.schedule[0].kind: expected one of "before", "after", "duplicated", "reordered", "stuck", got "lost"',
    ],
    [
      { schedule: [fault, { ...fault, kind: 'after' }] },
      'plan.schedule[1]: expected one fault per call, got "run 1"',
    ],
  ])('R153 the plan %j is refused', ([plan, message]) => {
    expect(() => new FaultPicker(new ScriptedChoices(), plan as FaultPlan)).toThrow(message);
  });
});

describe('drawing delays', () => {
  const topic = (): Topic => topicOf('chaos run');
  const draw = (maxDelayMs: number, steps: number, answer: number): number =>
    new DelayDraw(new ScriptedChoices({ 'chaos run delay': [answer] }), maxDelayMs, steps).draw(topic);

  test('R148 D75 steps divide [0, max) evenly, and answer 0 is no delay', () => {
    const answers = [0, 1, 2, 3];
    expect(answers.map((answer) => draw(100, 4, answer))).toEqual([0, 25, 50, 75]);
    expect([0, 1, 2].map((answer) => draw(1, 3, answer))).toEqual([0, 0.333, 0.666]);
  });

  test('R148 there is at most one step per microsecond', () => {
    const choices = new ScriptedChoices();
    new DelayDraw(choices, 0.003, 32).draw(topic);
    new DelayDraw(choices, 5, 32).draw(topic);
    expect(choices.asked).toEqual(['chaos run delay of 3', 'chaos run delay of 32']);
  });

  test.for([0, 0.001, 0.0004])('R148 a maximum of %d ms is no delay and no decision', (maxDelayMs) => {
    const choices = new ScriptedChoices({ 'chaos run delay': [1] });
    const unasked = (): Topic => {
      throw new Error('no topic is needed');
    };
    expect(new DelayDraw(choices, maxDelayMs, 32).draw(unasked)).toBe(0);
    expect(new DelayDraw(choices, 100, 1).draw(unasked)).toBe(0);
    expect(choices.asked).toEqual([]);
  });

  test.for([-1, NaN, Infinity])('R148 D75 a maximum of %d is refused', (maxDelayMs) => {
    expect(() => new DelayDraw(new ScriptedChoices(), maxDelayMs, 32)).toThrow(
      `maxDelayMs: expected a finite number ≥ 0, got ${maxDelayMs}`,
    );
  });

  test.for([0, 1.5, -1])('R148 %d steps are refused', (steps) => {
    expect(() => new DelayDraw(new ScriptedChoices(), 1, steps)).toThrow(
      `delaySteps: expected an integer ≥ 1, got ${steps}`,
    );
  });
});

test('a table of rates depends on these rates alone, not on earlier ones', () => {
  class Inherited {
    get before(): number {
      return 0.5;
    }
  }
  expect(makeRateTable('run', new Inherited() as Rates)).toBeDefined();
  expect(makeRateTable('run', {})).toBeUndefined();
  makeRateTable('run', { after: 0.1 });
  expect(() => makeRateTable('run', { before: Number.NaN, after: 0.1 })).toThrow(
    /expected a finite number from 0 to 1/,
  );
});

test.for([{ schedule: 5 }, { schedule: [null] }, { rates: 5 }, { rates: { run: 5 } }])(
  'a plan of %j is refused',
  (plan) => {
    expect(() => new FaultPicker(new ScriptedChoices(), plan as unknown as FaultPlan)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
  },
);
