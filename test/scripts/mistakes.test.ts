// What `npm run mistakes` says of values that it does not take.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';

function mistakes(...args: readonly string[]) {
  const command = ['--import', 'tsx', 'scripts/mistakes.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: projectRoot, encoding: 'utf8' });
}

test.for([
  [['--part', 'third'], '--part: expected odd or even, got third'],
  [['--executions', '0'], '--executions: expected an integer >= 1, got 0'],
  [['--strategies', 'random,luck'], '--strategies: expected some of portfolio, plain, random'],
] as const)('says in a sentence what is wrong with %s', ([args, sentence]) => {
  const { status, stdout, stderr } = mistakes(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^mistakes: .*\n$/);
  expect(stderr).toContain(sentence);
});
