import { expect, test } from 'vitest';
import { detailLines, shownFrame } from '../../src/cli/source-line.ts';

test.for([
  ['below the folder', 'run (/work/app/pool.ts:3:5)', '/work/app', 'run (pool.ts:3:5)'],
  ['below it, without a function', '/work/app/src/pool.ts:3:5', '/work/app', 'src/pool.ts:3:5'],
  ['below the root', 'run (/pool.ts:3:5)', '/', 'run (pool.ts:3:5)'],
  ['beside it', 'run (/work/application/pool.ts:3:5)', '/work/app', 'run (/work/application/pool.ts:3:5)'],
  ['without a path', 'run (<anonymous>)', '/work/app', 'run (<anonymous>)'],
] as const)('the path of a line %s', ([, frame, folder, shown]) => {
  expect(shownFrame(frame, folder)).toBe(shown);
});

test("only the user's lines of a stack in a detail are shown", () => {
  const engine = new URL('../../src/runners/queue/queue-runner.ts', import.meta.url).pathname;
  const detail = [
    'timer mine, due at 50 ms',
    `    at QueueRunner.run (${engine}:1:1)`,
    '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    `    at Object.run (${process.cwd()}/pool.ts:3:5)`,
  ].join('\n');
  expect(detailLines([detail, 'at 5 ms: a line of text'])).toEqual([
    '    timer mine, due at 50 ms',
    '      Object.run (pool.ts:3:5)',
    '    at 5 ms: a line of text',
  ]);
  expect(detailLines([`x\n    at QueueRunner.run (${engine}:1:1)`])).toEqual(['    x']);
});
