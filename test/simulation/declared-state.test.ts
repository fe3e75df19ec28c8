import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { plainDataText } from '../../src/simulation/declared-state.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

class Counter {
  readonly count = 1;
}

class Queue extends Array<number> {}

function cycle(): unknown {
  const one: Record<string, unknown> = {};
  one['other'] = [one];
  return one;
}

function nested(depth: number): unknown {
  return depth === 0 ? null : [nested(depth - 1)];
}

describe('the text of plain data', () => {
  test('is the same for equal data and differs for any other plain data', () => {
    const data = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(data, data, (one, other) => {
        const isEqual = expectEqual(one, other);
        expect(plainDataText('state', one) === plainDataText('state', other)).toBe(isEqual);
        expect(plainDataText('state', structuredClone(one))).toBe(plainDataText('state', one));
      }),
      {
        seed: 1,
        numRuns: 500,
        examples: [
          [
            { a: 1, b: [2] },
            { b: [2], a: 1 },
          ],
        ],
      },
    );
  });

  test.each([
    [null, undefined],
    [0, -0],
    [NaN, null],
    [1, '1'],
    [1, 1n],
    [{}, { a: undefined }],
    [[], {}],
    [[1, 2], [[1, 2]]],
    [['a,b'], ['a', 'b']],
  ])('distinguishes %o from %o', (one, other) => {
    expect(plainDataText('state', one)).not.toBe(plainDataText('state', other));
  });

  test.each([
    { what: 'a function', value: { jobs: [() => {}] }, path: 'state.jobs[0]' },
    { what: 'a symbol', value: [Symbol('a')], path: 'state[0]' },
    { what: 'a symbol as key', value: { [Symbol('a')]: 1 }, path: 'state' },
    { what: 'a map, whose entries no text would hold', value: { jobs: new Map() }, path: 'state.jobs' },
    { what: 'a list with a key of its own', value: Object.assign([1], { round: 2 }), path: 'state' },
    { what: 'a list with a key like an index', value: Object.assign([1, 2], { '-1': 2 }), path: 'state' },
    { what: 'a list with a symbol as key', value: Object.assign([1], { [Symbol('a')]: 2 }), path: 'state' },
    { what: 'a list of a class of its own', value: [new Queue(1, 2)], path: 'state[0]' },
    { what: 'an instance', value: new Counter(), path: 'state' },
    { what: 'a cycle', value: cycle(), path: 'state.other[0]' },
    { what: 'data that is nested deeply', value: nested(200), path: 'state[0]' },
  ])('refuses $what and says where', ({ value, path }) => {
    expect(() => plainDataText('state', value)).toThrow(
      expect.toSatisfy(
        (error: unknown) =>
          isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') && error.message.startsWith(`${path}`),
      ),
    );
  });

  test('accepts a list with gaps', () => {
    const gaps: number[] = [];
    gaps[2] = 1;
    expect(plainDataText('state', [gaps, new Array(2)])).toBe(
      '[[undefined,undefined,1],[undefined,undefined]]',
    );
  });

  test('accepts one object in two places, which is not a cycle', () => {
    const shared = [1];
    expect(plainDataText('state', { a: shared, b: shared })).toBe('{"a":[1],"b":[1]}');
  });
});

function expectEqual(one: unknown, other: unknown): boolean {
  try {
    expect(one).toStrictEqual(other);
    return true;
  } catch {
    return false;
  }
}

describe('a declaration', () => {
  test.each([
    {
      when: 'after something was chosen',
      scenario: (sim: Simulation) => {
        sim.choose('a', 2);
        sim.state(() => 1);
      },
    },
    {
      when: 'after time has passed',
      scenario: (sim: Simulation) => sim.sleep(1).then(() => sim.state(() => 1)),
    },
    {
      when: 'twice',
      scenario: (sim: Simulation) => {
        sim.state(() => 1);
        sim.state(() => 2);
      },
    },
  ])('that comes $when is misuse', async ({ scenario }) => {
    const { failure } = await simulate({ scenario });
    expect(failure?.kind).toBe('error');
    expect(isRunnerError(failure?.cause, 'RUNNER_SIMULATION_MISUSE')).toBe(true);
  });

  test('of anything but a function is refused', async () => {
    const { failure } = await simulate({ scenario: (sim) => sim.state(3 as never) });
    expect(isRunnerError(failure?.cause, 'RUNNER_INVALID_ARGUMENT')).toBe(true);
  });

  test('that does not give plain data fails the simulation, with or without listeners', async () => {
    const { failure } = await simulate({ scenario: (sim) => sim.state(() => new Set()) });
    expect(failure).toMatchObject({
      kind: 'error',
      message: expect.stringMatching(/^state: expected plain data .*got a Set$/),
    });
  });

  test('is read before each event and at the end, with time and what is pending', async () => {
    const reads: string[] = [];
    let count = 0;
    await simulate({
      scenario: async (sim) => {
        sim.state(() => count);
        sim.world.clock.endOfInstant('late', 1, () => (count += 10));
        sim.world.clock.post('first', () => (count += 1));
        await sim.sleep(1);
        sim.heal();
        await sim.sleep(1);
      },
      onState: (read, isLast) => reads.push(`${isLast ? 'last: ' : ''}${read()}`),
    });
    expect(reads).toEqual([
      '0 at 0 ms; pending: "first" at 0 ms, "scenario sleep" at 1 ms, "late" at 1 ms late',
      '1 at 0 ms; pending: "scenario sleep" at 1 ms, "late" at 1 ms late',
      '1 at 1 ms, healed; pending: "scenario sleep" at 2 ms, "late" at 1 ms late',
      '11 at 1 ms, healed; pending: "scenario sleep" at 2 ms',
      'last: 11 at 2 ms, healed; pending: nothing',
    ]);
  });

  test('changes no hash', async () => {
    const hashOf = async (isDeclared: boolean): Promise<string> => {
      const scenario = async (sim: Simulation): Promise<void> => {
        if (isDeclared) sim.state(() => sim.now());
        await Promise.all([sim.sleep(1), sim.sleep(1)]);
      };
      return (await simulate({ scenario })).traceHash;
    };
    expect(await hashOf(true)).toBe(await hashOf(false));
  });
});
