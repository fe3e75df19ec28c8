// What takes turns in an instant is a group of lines with one count, as what repeats is one line.
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { repeatedGroupAt } from '../../../src/explore/explain/repeated-group.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';

describe('repeatedGroupAt', () => {
  const at = (items: string, position: number) =>
    repeatedGroupAt(position, (one, other) => items[one] !== undefined && items[one] === items[other]);

  test.each([
    ['two that take turns', 'xABABABy', { from: 1, period: 2, times: 3 }],
    ['three', 'ABCABCABCABC', { from: 0, period: 3, times: 4 }],
    ['four', 'xABCDABCDABCDx', { from: 1, period: 4, times: 3 }],
    ['a beginning that is not whole', 'BABABA', { from: 0, period: 2, times: 3 }],
  ])('finds %s from each of its places', (_, items, group) => {
    for (let place = group.from; place < group.from + group.period * group.times; place++) {
      expect(at(items, place), String(place)).toEqual(group);
    }
  });

  test.each([
    ['two times', 'ABAB', 1],
    ['more than four', 'ABCDEABCDEABCDE', 6],
    ['what comes beside a group', 'ABABABxy', 6],
    ['an end that is not whole', 'ABABABA', 6],
  ])('finds none in %s', (_, items, place) => {
    expect(at(items, place)).toBeUndefined();
  });
});

async function historyOf(run: (sim: Simulation) => Promise<void>, linesMax = 12) {
  const scenario = defineScenario({
    name: 'turns',
    description: 'notes take turns',
    async run(sim) {
      await run(sim);
      sim.check(false, 'the end');
    },
  });
  const { history, leftOut } = await explain(createExecutor(scenario), [], { linesMax });
  return [...history.map(({ atMs, text }) => `${atMs} ${text}`), `${leftOut} left out`];
}

async function noteInTurns(sim: Simulation, times: number, ...notes: readonly string[]): Promise<void> {
  for (let turn = 0; turn < times; turn++) for (const note of notes) sim.note(note);
  await sim.sleep(5, 'pause');
}

test('notes that take turns are one group, with how often it came, and leave room for what was before', async () => {
  const lines = await historyOf(async (sim) => {
    sim.note('begin');
    await noteInTurns(sim, 1500, 'A is up', 'B is up');
    await noteInTurns(sim, 4, 'A is up', 'B is up', 'C is up');
    sim.note('B is up');
    sim.note('A is up');
  });
  expect(lines).toEqual([
    '0 note: begin',
    '0 note: A is up',
    '0 note: B is up (these 2 lines 1,500 times)',
    '5 note: A is up',
    '5 note: B is up',
    '5 note: C is up (these 3 lines 4 times)',
    '10 note: B is up',
    '10 note: A is up',
    '10 the end',
    '0 left out',
  ]);
});

test.each([
  ['first', 'AABAABAABAAB', ['A (2 times)', 'B (these 2 lines 4 times)']],
  ['last', 'ABBBABBBABBB', ['A', 'B (3 times) (these 2 lines 3 times)']],
  ['twice', 'CAABBCAABBCAABB', ['C', 'A (2 times)', 'B (2 times) (these 3 lines 3 times)']],
  ['in a long history', 'ABB'.repeat(1500), ['A', 'B (2 times) (these 2 lines 1,500 times)']],
  [
    'at its end, where it is beside the group',
    'ABABABAAB',
    ['A', 'B (these 2 lines 3 times)', 'A (2 times)', 'B'],
  ],
  [
    'never, but two groups share a line, which is counted once',
    'ABABABCBCBC',
    ['A', 'B', 'A', 'B', 'A', 'B', 'C (these 2 lines 3 times)'],
  ],
  ['in a group that does not come three times', 'AABAB', ['A (2 times)', 'B', 'A', 'B']],
  ['without a group', 'A'.repeat(1500), ['A (1,500 times)']],
])('what repeats at once is one line of its group: %s', async (_, notes, texts) => {
  const lines = await historyOf((sim) => noteInTurns(sim, 1, 'begin', ...notes));
  expect(lines.filter((line) => line.startsWith('0 '))).toEqual([
    '0 note: begin',
    ...texts.map((text) => `0 note: ${text}`),
    '0 left out',
  ]);
});

test('what repeats after a group is a line of its own', async () => {
  const lines = await historyOf((sim) => noteInTurns(sim, 1, ...'ABABABABB'));
  expect(lines.slice(0, 4)).toEqual([
    '0 note: A',
    '0 note: B (these 2 lines 3 times)',
    '0 note: A',
    '0 note: B (2 times)',
  ]);
});

test('a group is shown only as a whole: without room for all its lines the last items are lines of their own', async () => {
  const lines = await historyOf((sim) => noteInTurns(sim, 5, 'A', 'B', 'C'), 3);
  expect(lines.join('\n')).not.toContain('these');
  expect(lines).toHaveLength(4);
});
