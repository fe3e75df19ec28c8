// What a history calls the two ways in which a node's process is ended from outside.
import { expect, test } from 'vitest';
import { type ClusterNodeOptions, createNetwork, type NodeCrashOptions } from '../../src/cluster/index.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import type { Question } from '../../src/kernel/question.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { formatEvent } from '../../src/trace/event-text.ts';

async function endOf(options: ClusterNodeOptions, crash?: NodeCrashOptions): Promise<string[]> {
  const { trace } = await simulate({
    keepTrace: true,
    async scenario(sim) {
      const node = createNetwork(sim).node('locks', () => ({}), options);
      await sim.sleep(1);
      node.crash(crash);
    },
  });
  return trace().map(formatEvent);
}

test('the crash of a machine and the end of its process alone have words of their own', async () => {
  const [crash, kill] = ['1 ms: locks crashes', '1 ms: the process of locks is killed'];
  const keeps = { disk: { keepsUnsynced: true } };
  expect(await endOf({})).toEqual([crash]);
  expect(await endOf(keeps)).toEqual([kill]);
  expect(await endOf({}, { keepsUnsynced: true })).toEqual([kill]);
  expect(await endOf(keeps, { keepsUnsynced: false })).toEqual([crash]);
});

async function struck(
  faults: NonNullable<ClusterNodeOptions['faults']>,
  asked: (text: string) => boolean,
  keepsUnsynced: boolean,
): Promise<string[]> {
  const executor = createExecutor(
    defineScenario({
      name: 'struck',
      description: 'a node that must not go down',
      async run(sim) {
        const node = createNetwork(sim).node('locks', ({ sleep }) => void sleep(5), {
          faults,
          disk: { keepsUnsynced },
        });
        await sim.sleep(20);
        sim.check(node.state === 'up' && node.incarnation === 0, 'it went down');
      },
    }),
  );
  const decide = (one: Question, n: number): number => {
    return asked(one.text) ? n - 1 : 0;
  };
  const { decisions } = await executor.execute({ source: { decide } });
  const { sentence, history, nearestPass } = await explain(executor, decisions());
  return [sentence, ...history.map(({ text }) => text), nearestPass?.text ?? ''];
}

test.each([
  ['one kind of fault', { crash: 2 }],
  ['several kinds', { crash: 2, pause: 2 }],
])('a strike of %s says which of the two it is', async (_, faults) => {
  for (const keepsUnsynced of [false, true, false]) {
    const lines = await struck(faults, (text) => text.includes('locks sleep'), keepsUnsynced);
    const [said, other] = ['locks crashes', 'the process of locks is killed'];
    const words = keepsUnsynced ? other : said;
    expect(lines[0]).toContain(`when ${words} just before it wakes`);
    expect(lines).toContain(`${words} just before it wakes`);
    expect(lines.at(-1)).toContain(`${words} just before it wakes`);
    expect(lines.join()).not.toContain(keepsUnsynced ? said : other);
  }
});
