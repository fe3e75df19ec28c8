import { createSimulatedRunner } from 'dryrunner';
import { simCommands, supportsAllBut, type ConformanceSubject } from 'dryrunner/conformance';
import { encodeToken } from 'dryrunner/explore';
import { describe, expect, test, vi } from 'vitest';
import { describeRunner, type ExploredInTest, type RunnerCase } from '../../src/vitest/describe-runner.ts';

interface Subject {
  readonly name: string;
  readonly isOld: boolean;
}

const proved: string[] = [];

function caseOf(group: string, title: string, forNewOnly = false): RunnerCase<Subject> {
  return {
    group,
    title,
    skipReason: ({ isOld }) => (forNewOnly && isOld ? 'it is old' : undefined),
    prove: async ({ name }) => void proved.push(`${name} ${title}`),
  };
}

const cases = [caseOf('first', 'a'), caseOf('second', 'b', true), caseOf('first', 'c')];

describeRunner({ name: 'new', isOld: false }, cases);
describeRunner({ name: 'old', isOld: true }, cases);
describeRunner({ name: 'at once', isOld: true }, cases, { concurrent: true });

// Its test passes only if its signal aborts before its time is up.
describeRunner({ name: 'hanging', isOld: false }, [
  {
    ...caseOf('first', 'ends once its signal aborts'),
    timeoutMs: () => 5_000,
    prove: (_, { signal }) =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      }),
  },
]);

describe('a described runner', () => {
  test('passes each case that applies to it, group by group', () => {
    const [atOnce, inTurn] = [true, false].map((concurrent) =>
      proved.filter((line) => line.startsWith('at once') === concurrent),
    );
    expect(inTurn).toEqual(['new a', 'new c', 'new b', 'old a', 'old c']);
    expect(atOnce?.sort()).toEqual(['at once a', 'at once c']);
  });
});

describe('an explored runner', () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
  const mine: ConformanceSubject = {
    name: 'mine',
    supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
    commands: simCommands,
    create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
  };
  const held: ConformanceSubject = {
    ...mine,
    heldWorld: () => {
      throw new Error('expected no world to be made');
    },
  };
  describeRunner(mine, { cases: [], explore: { executions: 5 } });

  test('is driven without a word on what five executions did not reach', () => {
    const said = warn.mock.calls.map(String);
    warn.mockRestore();
    expect(said).toEqual([]);
  });

  test.for([
    ['shouldStop', vi.fn(), 'the test ends the exploration'],
    ['shrinkExecutions', 3, 'the time limit of the test bounds how long a failure is made small'],
    ['onProgress', vi.fn(), 'the test shows its own progress'],
  ] as const)('%s is refused, because it would have no effect', ([name, value, reason]) => {
    const explore = { [name]: value } as ExploredInTest;
    expect(() => describeRunner(mine, { cases: [], explore })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringContaining(
          `options.explore.${name}: expected to be absent: ${reason}, got `,
        ) as string,
      }),
    );
  });

  test('no sequences are refused, because a test that runs nothing shows nothing', () => {
    expect(() => describeRunner(held, { cases: [], explore: { sequences: 0 } })).toThrow(
      /^options\.explore\.sequences: expected at least 1, .*, got 0/,
    );
  });

  test('an option without effect in the time of the runner is refused', () => {
    expect(() => describeRunner(mine, { cases: [], explore: { sequences: 1 } })).toThrow(
      /^options\.explore\.sequences: expected to be absent: in virtual time, executions says how many are run, got 1/,
    );
    expect(() => describeRunner(held, { cases: [], explore: { executions: 5 } })).toThrow(
      /^options\.explore\.executions: expected to be absent: .* sequences says how many are run, got 5/,
    );
  });

  let replays = 0;
  const replay = encodeToken({ scenario: 'any', failureKey: 'none', traceHash: '0', decisions: [] });
  const counted: ConformanceSubject['create'] = (world, options) => {
    replays += 1;
    return mine.create(world, options);
  };
  describeRunner({ ...mine, name: 'mine, replayed', create: counted }, { cases: [], explore: { replay } });

  test('is driven once if a log is to be replayed', () => {
    expect(replays).toBe(1);
  });

  /** Notes the names that were not reached, each of which it allows. */
  const noting = (missed: Set<string>): Record<string, string> =>
    new Proxy(
      {},
      {
        getOwnPropertyDescriptor(_, name) {
          missed.add(String(name));
          return { configurable: true, enumerable: true, value: 'it is only noted' };
        },
      },
    );
  const missed = new Set<string>();
  const bounded = (name: string, names: Set<string>, concurrent = false): void =>
    describeRunner(
      { ...mine, name: `mine, ${name}` },
      { cases: [], explore: { executions: 5, reachWithin: 5, mayMiss: noting(names) }, concurrent },
    );
  bounded('with a bound', missed);

  const missedInAnyOrder = Array.from({ length: 6 }, () => new Set<string>());
  describe('in any order', { shuffle: true }, () => {
    for (const [at, names] of missedInAnyOrder.entries()) bounded(`number ${at}`, names);
  });
  const missedAtOnce = new Set<string>();
  bounded('at once', missedAtOnce, true);

  test('is held to what it has reached also if tests are shuffled or overlap', () => {
    for (const names of [...missedInAnyOrder, missedAtOnce]) expect(names).toEqual(missed);
  });

  test('is held to what its executions did not reach, and to nothing that they did', () => {
    expect(missed.size).toBeGreaterThan(0);
    expect(missed).not.toContain('end COMPLETE 0');
  });
});
