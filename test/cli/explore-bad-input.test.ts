import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonLines, run } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
const corpus = (name: string): string[] => ['--corpus', at(name)];

const SCENARIOS = `
const define = (name, run) => ({ name, description: 'of a test', run });
export const held = define('held', (sim) => void sim.choose('die', 6));
let times = 0;
export const flaky = define('flaky', (sim) => sim.check((times += 1) !== 4, 'the time has come'));
let counted = 0;
export const counting = define('counting', (sim) => {
  sim.note('time ' + (counted += 1));
  sim.check(counted !== 4, 'the time has come');
});
export const loud = define('loud', () => { throw new Error('\\u001b[2Jbell\\u0007 \\u001b[31mred\\rover'); });
`;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-bad-input-'));
  await writeFile(at('s.mjs'), SCENARIOS);
});

afterAll(() => rm(dir, { recursive: true }));

describe('an unusable number is refused with 2', () => {
  test.for([
    [['--shard', '0/3'], /the number of a part/],
    [['--shard', 'abc'], /the number of a part/],
    [['--shard', '1/99999999999999999999'], /the number of a part/],
    [['--time', '9999h'], /at most 24 days/],
    [['--hang', '9999h'], /at most 24 days/],
    [['--workers', '5000'], /≤ 1024/],
    [['--corpus', ''], /--corpus: expected a folder/],
    [['--corpus', '/dev/null'], /--corpus: expected a folder, got \/dev\/null/],
    [['--executions', '0x10'], /whole number/],
    [['--executions', ' 5 '], /whole number/],
  ] as const)('%o', async ([args, text]) => {
    const { code, out, err } = await run('explore', at('s.mjs#held'), '--executions', '3', ...args);
    expect(err).toMatch(text);
    expect([code, out]).toEqual([2, '']);
  });
});

test('two scenarios of the same name are refused; one exported twice counts as one', async () => {
  const define = (body: string): string => `({ name: 'dup', description: 'x', run: (sim) => ${body} })`;
  const first = `export const first = ${define('undefined')};\n`;
  await writeFile(at('same.mjs'), `${first}export const second = ${define("sim.check(false, 'no')")};\n`);
  const refused = await run('explore', at('same.mjs'), '--executions', '3', ...corpus('same'));
  expect(refused.err).toMatch(/its exports first and second are both called "dup": expected a name for each/);
  expect([refused.code, refused.out]).toEqual([2, '']);
  await writeFile(at('twice.mjs'), `${first}export default first;\n`);
  const { out } = await run('list', at('twice.mjs'), '--json');
  expect(jsonLines(out)).toHaveLength(1);
});

test('a folder may have a # in its name, with a scenario name after it', async () => {
  await mkdir(at('a#b'));
  await writeFile(at('a#b/s.mjs'), SCENARIOS);
  const { out } = await run('run', at('a#b/s.mjs#held'), '--json');
  expect(jsonLines(out)[0]).toMatchObject({ scenario: 'held', held: true });
  const { code, err } = await run('run', at('a#b/s.mjs#held#more'));
  expect(err).toContain('exports no scenario "held#more"');
  expect(code).toBe(2);
});

test('a failure that does not repeat keeps its message, and its line is not presented as a replay', async () => {
  const found = await run('explore', at('s.mjs#flaky'), '--workers', '1', ...corpus('flaky'));
  expect(found.out).toMatch(/^flaky: check\n.+\n {2}the time has come\n {2}again: /);
  expect(found.out).toContain('not shrunk, because it does not repeat');
  expect(found.out).toMatch(
    /\n {2}likely cause: Math\.random, Date\.now, .* explore --strict lists .* ambientTime\(\)/,
  );
  const again = await run('replay', '--allow', dir, /replay (dr2:\S+)/.exec(found.out)?.[1] ?? '');
  expect(again.out).toContain('fixed: it holds');
  expect(again.code).toBe(3);
});

test('where two executions of one log are seen to differ, that is the cause, and no other one is named', async () => {
  const { out } = await run('explore', at('s.mjs#counting'), '--workers', '1', ...corpus('counting'));
  expect(out).toContain('not shrunk, because it does not repeat');
  expect(out).toMatch(/most likely the state of a module survives/);
  expect(out).not.toContain('likely cause:');
});

test('control characters in a message do not reach the terminal, and it loses its colours', async () => {
  const { code, out } = await run('explore', at('s.mjs#loud'), ...corpus('loud'));
  expect(out).toContain('\\u001b[2Jbell\\u0007 red\\rover');
  expect(out).not.toMatch(/[\u0007\u001b\r]/);
  expect(code).toBe(1);
});

test('a pipe in the corpus is skipped without waiting', async () => {
  await mkdir(at('piped/held'), { recursive: true });
  await promisify(execFile)('mkfifo', [at('piped/held/pipe.jsonl')]);
  const { code, err } = await run('explore', at('s.mjs#held'), '--executions', '3', ...corpus('piped'));
  expect(err).toMatch(/pipe\.jsonl is left out: .*pipe\.jsonl is not a regular file/);
  expect(code).toBe(0);
});
