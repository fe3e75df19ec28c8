import { describe, expect, test } from 'vitest';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explore } from '../../src/explore/explorer.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import type { Strategy } from '../../src/explore/strategies/strategy.ts';

const coins = defineScenario({
  name: 'coins',
  description: 'never eight heads in a row',
  run: (sim) => {
    const heads = Array.from({ length: 8 }, (_, toss) => sim.choose(`toss ${toss}`, 2));
    sim.check(heads.includes(0), 'eight heads');
  },
});

describe('an exploration', () => {
  test('runs until a failure, which its log repeats', async () => {
    const executor = createExecutor(coins);
    let found: unknown;
    const summary = await explore(executor, randomStrategy(1), {
      onFailure: (verdict) => {
        found = verdict.decisions().map(({ answer }) => answer);
        return false;
      },
    });
    expect(found).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(summary).toMatchObject({ stoppedBy: 'failure', failures: 1 });
    expect(summary.decisions).toBe(8 * summary.executions);
  });

  test('stops at its limit, on request, and when nothing is left to try', async () => {
    const never: Strategy = {
      ...randomStrategy(),
      name: 'never',
      begin: () => false,
      decide: () => 0,
      end() {},
    };
    const executor = createExecutor(coins);
    const first = await explore(executor, randomStrategy(2), { maxExecutions: 3 });
    const asked = await explore(executor, randomStrategy(2), { shouldStop: () => true });
    const none = await explore(executor, never);
    expect([first.stoppedBy, first.executions]).toEqual(['executions', 3]);
    expect([asked.stoppedBy, asked.executions]).toEqual(['stopped', 0]);
    expect([none.stoppedBy, none.executions]).toEqual(['exhausted', 0]);
  });

  test('shards together run what one explorer would', async () => {
    const hashes = async (shard: number, shards: number, maxExecutions: number): Promise<string[]> => {
      const found: string[] = [];
      await explore(createExecutor(coins), randomStrategy('s'), {
        firstIndex: shard,
        shards,
        maxExecutions,
        onExecution: (verdict, index) => {
          found[index] = verdict.traceHash;
        },
        onFailure: () => true,
      });
      return found;
    };
    const alone = await hashes(0, 1, 9);
    const parts = [await hashes(0, 3, 3), await hashes(1, 3, 3), await hashes(2, 3, 3)];
    expect(alone.map((_, index) => parts[index % 3]?.[index])).toEqual(alone);
  });
});

test('the key of a failure ignores numbers, and changes with the rule or the text', () => {
  const failure = { kind: 'rule', rule: 'R200', message: 'run 3 ended twice', atMs: 3, details: [] } as const;
  expect(failureKey(failure)).toBe('rule R200 run # ended twice');
  const later = { ...failure, message: 'run 12.5 ended  twice', atMs: 9 };
  expect(failureKey(later)).toBe(failureKey(failure));
  expect(failureKey({ ...failure, rule: 'R201' })).not.toBe(failureKey(failure));
  const check = { kind: 'check', message: 'the log says "a", not "b"', atMs: 0, details: [] } as const;
  expect(failureKey(check)).toBe('check the log says "…", not "…"');
  // The name of a property is not data.
  const always = { ...check, kind: 'always', message: '"one leader" does not hold' } as const;
  expect(failureKey(always)).toBe('always "one leader" does not hold');
  const left = (what: string): string => failureKey({ ...failure, message: `it has left ${what}` });
  expect(left('1 timer and 2,000 resources')).toBe('rule R200 it has left # timer and # resource');
  expect(left('2 timers and 3 resources')).toBe(left('1 timer and 1 resource'));
  const leftovers = (what: string): string =>
    failureKey({ ...failure, kind: 'leftovers', message: `it left ${what}` });
  expect(leftovers('2 timers')).toBe(leftovers('1 timer and 1 resource'));
  expect(leftovers('2 resources')).toBe(leftovers('1 timer and 1 resource'));
  expect(leftovers('2 timeouts, 1 interval, 3 immediates and 1 resource')).toBe(leftovers('1 timer'));
  expect(leftovers('1 immediate')).toBe(leftovers('1 timer'));
  expect(leftovers('2 real timers')).not.toBe(leftovers('1 timer'));
  expect(left('2 classes')).not.toBe(left('2 timers'));
  const list = failureKey({ ...failure, message: 'the store holds 0, 1,2, not 2' });
  expect(list).toBe(failureKey({ ...failure, message: 'the store holds 3, not 7' }));
});
