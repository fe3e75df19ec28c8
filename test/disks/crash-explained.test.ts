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
import { simulate } from '../../src/simulation/simulate.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import { formatEvent } from '../../src/trace/event-text.ts';
import { recordTimeline } from '../../src/explore/timeline/timeline.ts';
import { fault } from '../questions.ts';

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
        for (let i = 0; i < 9; i += 1) {
          await disk.write(`before ${i}`, '-').then(() => disk.sync(`before ${i}`));
        }
        medium.powerFail();
        const after = medium.mount(sim.world);
        const text = await after.readText('log');
        for (let i = 0; i < 9; i += 1) await after.write(`after ${i}`, '-');
        sim.check(!fails(text), 'too much is lost');
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
  lines.filter((line) => /^ +\d+ ms.* log\b/.test(line)).map((line) => line.replace(/ {2}\(by .*/, ''));

test('a loss is in the history once, between what was written and what is left and read, however much was written before', async () => {
  const lines = await explained((text) => text === 'abc');
  expect(about(lines)).toEqual([
    '  0 ms   n1 appends to log (3 bytes) (3 times)',
    '  0 ms ? n1 loses the last 2 writes to log (6 bytes)',
    '  0 ms   log on n1 has 3 bytes left, which were not synced',
    '  0 ms   n1 reads log (3 bytes)',
  ]);
  expect(lines[0]).toContain('when n1 loses the last 2 writes to log (6 bytes)');
});

test('of a torn write the history has what was to be written, what is kept of it, and what is left and read', async () => {
  const lines = await explained((text) => text === 'abcd');
  expect(about(lines)).toEqual([
    '  0 ms   n1 appends to log (3 bytes) (3 times)',
    '  0 ms ? n1 loses the last 2 writes to log (6 bytes)',
    '  0 ms ? the first lost write to log on n1 is torn: 1 of its 3 bytes is kept',
    '  0 ms   log on n1 has 4 bytes left, which were not synced',
    '  0 ms   n1 reads log (4 bytes)',
  ]);
});

test('of many writes that are lost together the history has the torn one, which is the first, and the last ones', async () => {
  const writes = 9;
  const scenario = defineScenario({
    name: 'long-log',
    description: 'a log that is never synced',
    async run(sim) {
      const medium = createMemoryDisk(sim.world, { name: 'n1' });
      const disk = medium.mount(sim.world);
      for (let i = 1; i <= writes; i += 1) {
        await sim.sleep(1, `entry ${i}`);
        await disk.append('log', 'abc');
      }
      medium.powerFail();
      sim.check((await medium.mount(sim.world).readText('log')) !== 'abca', 'a part is there');
    },
  });
  const log = [
    { question: fault('n1 lost log'), n: writes + 1, answer: writes - 1 },
    { question: fault('n1 torn log'), n: 4, answer: 3 },
  ];
  const { history } = await explain(createExecutor(scenario), log);
  const appended = history.filter(({ text }) => text === 'n1 appends to log (3 bytes)');
  expect(appended.map(({ atMs }) => atMs)).toEqual([2, 6, 7, 8, 9]);
});

test.each(['powerFail', 'crash'] as const)(
  'of a write under way in a %s the trace says how much it was, what of it is there, and what is read',
  async (end) => {
    const asked = { 'n1 lost log fault': 1, 'n1 torn log fault': 3 };
    const { trace } = await simulate({
      source: { decide: ({ text }) => (asked as Record<string, number>)[text] ?? 0 },
      keepTrace: true,
      async scenario(sim) {
        const medium = createMemoryDisk(sim.world, { name: 'n1', latencyMs: 1 });
        const disk = medium.mount(sim.world);
        await disk.append('log', 'ab');
        await disk.sync('log');
        void disk.append('log', 'cde').catch(() => undefined);
        medium[end]();
        await medium.mount(sim.world).read('log');
      },
    });
    expect(trace().map(formatEvent)).toEqual([
      '1 ms: n1 appends to log (2 bytes)',
      '2 ms: n1 syncs log',
      ...(end === 'powerFail'
        ? [
            '2 ms: n1 appends to log (3 bytes) as its process dies',
            '2 ms: n1 loses the last write to log (3 bytes)',
            '2 ms: the lost write to log on n1 is torn: 1 of its 3 bytes is kept',
            '2 ms: log on n1 has 3 bytes left, of which 1 was not synced',
          ]
        : [
            '2 ms: the write to log under way on n1 (3 bytes) is not finished',
            '2 ms: 1 of 3 bytes of the unfinished write to log on n1 is kept',
            '2 ms: n1 appends to log (1 byte) as its process dies',
          ]),
      '3 ms: n1 reads log (3 bytes)',
    ]);
  },
);

test('a call of a disk is named in words, in the lane of its disk, also where it leaves nothing in the trace', async () => {
  const scenario = defineScenario({
    name: 'calls',
    description: 'calls of two disks',
    async run(sim) {
      const [n1, n2] = ['n1', 'n2'].map((name) =>
        createMemoryDisk(sim.world, { name, latencyMs: 1 }).mount(sim.world),
      );
      await n1?.write('entry.tmp', 'a');
      await n1?.rename('entry.tmp', 'entry');
      await n1?.rename('entry.tmp', 'other').catch(() => undefined);
      await n2?.list();
      await n2?.list('some');
      await n2?.close();
    },
  });
  const { traceEvents } = await recordTimeline(createExecutor(scenario), []);
  const lanes = new Map(
    traceEvents.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args?.['name']]),
  );
  const events = traceEvents.filter(({ cat }) => cat === 'event');
  expect(events.map(({ tid, name }) => `${String(lanes.get(tid))}: ${name}`)).toEqual([
    'n1: events: the write to entry.tmp on n1',
    'n1: events: the rename of entry.tmp to entry on n1',
    'n1: events: the rename of entry.tmp on n1',
    'n2: events: the list of the top folder on n2',
    'n2: events: the list of some on n2',
    'n2: events: the close on n2',
  ]);
});
