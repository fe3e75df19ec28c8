import { expect, test } from 'vitest';
import { createMemoryDisk } from '../../src/disks/memory-disk.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../src/explore/explain/explanation-text.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explore } from '../../src/explore/explorer.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { shrink } from '../../src/explore/shrink/shrinker.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** The lines that a failure is explained with, of which `what` says what must be lost for it. */
async function explained(fails: (text: string) => boolean): Promise<string[]> {
  const executor = createExecutor(
    defineScenario({
      name: 'log',
      description: 'a log that is synced too seldom',
      async run(sim) {
        const medium = createMemoryDisk(sim.world, { name: 'n1' });
        const disk = medium.mount(sim.world);
        for (let i = 0; i < 60; i += 1) {
          await disk.append('other', '-');
          await disk.sync('other');
        }
        for (const entry of ['abc', 'def', 'ghi']) await disk.append('log', entry);
        await disk.sync();
        medium.powerFail();
        sim.check(!fails(await medium.mount(sim.world).readText('log')), 'too much is lost');
      },
    }),
  );
  const failures: Verdict[] = [];
  await explore(executor, randomStrategy(1), {
    maxExecutions: 500,
    onFailure: (verdict) => failures.push(verdict) < 1,
  });
  const [verdict] = failures;
  if (verdict?.failure === undefined) throw new Error('nothing failed');
  const { log } = await shrink(executor, verdict.decisions(), failureKey(verdict.failure));
  return formatExplanation(await explain(executor, log)).map(({ text }) => text);
}

const about = (lines: readonly string[]): string[] =>
  lines.filter((line) => /^ +\d+ ms.*(loses|torn)/.test(line));

test('a loss is in the history once, however much was written before', async () => {
  const lines = await explained((text) => text === 'abc');
  expect(about(lines)).toEqual(['  0 ms ? n1 loses the last 6 bytes written to log']);
  expect(lines[0]).toContain('when n1 loses the last 6 bytes written to log');
});

test('of a torn write the history has the place, and what is lost in all', async () => {
  const lines = await explained((text) => text === 'abcd');
  expect(about(lines)).toEqual([
    '  0 ms ? n1 loses the last 6 bytes written to log',
    '  0 ms ? the write to log on n1 is torn after 1 byte',
    '  0 ms   n1 loses the last 5 bytes written to log',
  ]);
});
