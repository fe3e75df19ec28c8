// Odds that were found by trying stand in one table, so that they can be weighed against each other.
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAULT_ODDS } from '../../src/model/odds.ts';

/** A chance as a number of its own: `const ONE_IN = 16`, `const FAULT_RATE = 0.03`, `const STRIKES_MAX = 4`. */
const ODDS = /^(?:export )?const [A-Z_]*(?:ONE_IN|RATE|STRIKES_MAX) = [\d._]+;/m;
const TABLE = 'src/model/odds.ts';
/** How much of the executions a check may cost at most: nothing is drawn by it. */
const OTHERS = ['src/explore/exhaustive/exhaustive-states.ts'];

test(`no source but ${TABLE} has odds of its own`, () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const having = files
    .map((file) => `src/${file.replaceAll('\\', '/')}`)
    .filter((file) => ODDS.test(readFileSync(file, 'utf8')));
  expect(files.length).toBeGreaterThan(300);
  expect(having).toEqual(OTHERS);
});

test('each of the odds says what it is for', () => {
  const lines = readFileSync(TABLE, 'utf8').split('\n');
  const bare = lines.filter((line, at) => /^ {2}\w+: /.test(line) && !(lines[at - 1] ?? '').endsWith('*/'));
  expect(lines.filter((line) => /^ {2}\w+: /.test(line)).length).toBeGreaterThan(20);
  expect(bare).toEqual([]);
});

test('the page about nodes says how often a node is back from a crash as a call arrives', () => {
  const said =
    ['', 'one', 'two', 'three', 'four'][FAULT_ODDS.nodeBackOneIn] ?? String(FAULT_ODDS.nodeBackOneIn);
  const page = readFileSync('docs/nodes.md', 'utf8').replaceAll('\n', ' ');
  expect(page).toContain(`call or a message arrives (one in ${said}), the node is back by then`);
  expect(readFileSync('src/simulation/node-strikes.ts', 'utf8')).toContain(`in one of ${said} such crashes`);
});
