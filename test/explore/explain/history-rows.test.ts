import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { candidatesOf } from '../../../src/explore/explain/candidates-of-run.ts';
import { Rows } from '../../../src/explore/explain/history-rows.ts';
import { observe } from '../../../src/explore/explain/observed-run.ts';
import { RunIndex } from '../../../src/explore/explain/run-index.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';

test.for([
  ['a line', ['begin', 'go', 'end'], ['begin', 'go', 'end'], 1],
  ['equal lines', ['begin', 'go', 'go', 'end'], ['begin', 'go (2 times)', 'end'], 1],
  [
    'equal lines that were joined',
    ['begin', 'go', 'end', 'go'],
    ['begin', 'go (2 times, with 1 other line between)'],
    3,
  ],
  [
    'lines that alternate',
    ['begin', 'go', 'come', 'go', 'come', 'go', 'come', 'end'],
    ['begin', 'go', 'come (these 2 lines 3 times)', 'end'],
    1,
  ],
] as const)('%s are shown and taken back as a whole', async ([, notes, shown, last]) => {
  const scenario = defineScenario({
    name: 'notes',
    description: 'notes in one instant',
    run(sim) {
      for (const text of notes) sim.note(text);
      sim.check(false, 'it failed');
    },
  });
  const index = new RunIndex(await observe(createExecutor(scenario), [], true));
  const candidates = candidatesOf(index, index.run.verdict.failure!);
  const rows = new Rows(candidates, index);
  const linesOf = (): string[] =>
    rows
      .join()
      .map(({ candidates: [{ textOf }], countText }) => `${textOf()}${countText}`.replace('note: ', ''));
  const others = [...notes.keys()].filter(
    (at) => notes[at] !== notes[last] && shown.some((line) => line === notes[at]),
  );
  for (const at of others) rows.take(at, 12);
  const before = linesOf();
  rows.take(last, 12);
  expect(linesOf()).toEqual(shown);
  rows.takeBack();
  expect(linesOf()).toEqual(before);
});
