import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { plainStrategy } from '../../../src/explore/strategies/replay-strategy.ts';
import { randomStrategy } from '../../../src/explore/strategies/random-strategy.ts';
import { replayStrategy } from '../../../src/explore/strategies/replay-strategy.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
import { thrownBy } from '../../model/thrown.ts';
import { exploreAll } from '../executions-to-find.ts';
import { toyBugs } from '../toy-bugs.ts';
import { choice, fault } from '../../questions.ts';

test.each(['strict', 'keyed'] as const)(
  'a %s replay repeats any execution byte for byte, once',
  async (by) => {
    for (const bug of toyBugs) {
      const verdicts: Verdict[] = [];
      await exploreAll(bug, randomStrategy(9), 5, (verdict) => verdicts.push(verdict));
      for (const verdict of verdicts) {
        const hashes: string[] = [];
        const strategy = replayStrategy(verdict.decisions(), { by });
        const { stoppedBy } = await exploreAll(bug, strategy, 10, ({ traceHash }) => hashes.push(traceHash));
        expect(hashes).toEqual([verdict.traceHash]);
        expect(stoppedBy).toBe('exhausted');
      }
    }
  },
);

test('a strict replay fails where the log does not fit, a keyed one continues with the default', async () => {
  const bug = toyBugs.find(({ name }) => name === 'double-fault')!;
  const log = [{ question: fault('node-0 crash'), n: 3, answer: 2 }];
  const failures: Verdict[] = [];
  const executor = createExecutor(bug);
  const onFailure = (verdict: Verdict): boolean => failures.push(verdict) > 0;
  await explore(executor, replayStrategy(log), { onFailure });
  expect(failures.map(({ failure }) => failure?.message)).toEqual([
    expect.stringContaining('Replay diverged at decision 0'),
  ]);
  const { failures: failed } = await explore(executor, replayStrategy(log, { by: 'keyed' }));
  expect(failed).toBe(0);
});

test('a replay is strict by default, and refuses anything but a log and a known mode', () => {
  expect(replayStrategy([]).configuration).toBe('strict, 0 decisions');
  for (const make of [
    () => replayStrategy([{ question: choice('a'), n: 1, answer: 0 }]),
    () => replayStrategy([], { by: 'heart' as never }),
  ]) {
    expect(thrownBy(make)).toMatch(/^RUNNER_INVALID_ARGUMENT: (log|by)/);
  }
});

test('the default schedule answers 0 to everything, once', async () => {
  const answers = new Set<number>();
  const bug = toyBugs.find(({ name }) => name === 'burst-of-loss')!;
  const { executions, stoppedBy } = await exploreAll(bug, plainStrategy(), 10, (verdict) => {
    for (const { answer } of verdict.decisions()) answers.add(answer);
  });
  expect([executions, stoppedBy, [...answers]]).toEqual([1, 'exhausted', [0]]);
});
