// What the scripts with options say to those who ask for help, and to those who give what they do not take.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';

function run(script: string, ...args: readonly string[]) {
  const command = ['--import', 'tsx', `scripts/${script}.ts`, ...args];
  return spawnSync(process.execPath, command, { cwd: projectRoot, encoding: 'utf8' });
}

/** Scripts, their options, and one value of an option that each refuses; rules has none. */
const SCRIPTS: Readonly<
  Record<string, readonly [options: string, refused: readonly string[], sentence: string]>
> = {
  mistakes: [
    'only part strategies starts executions seed healthy help',
    ['--starts', 'many'],
    '--starts: expected an integer >= 1, got many',
  ],
  'hostile-runs': [
    'runs parallel through only seed json help',
    ['--through', 'luck'],
    '--through: expected runner, execer, both, got luck',
  ],
  bazel: [
    'seeds seed workers times help',
    ['--workers', 'none'],
    '--workers: expected exec or simulated, got none',
  ],
  matrix: [
    'quick node only json help',
    ['--only', 'all'],
    '--only: expected some of hashes, packages, suite, bench, got all',
  ],
  parity: ['only seeds json help', ['--seeds', '0'], '--seeds: expected an integer >= 1, got 0'],
  rules: ['defects results missing json write help', ['all'], "Unexpected argument 'all'"],
};

describe.each(Object.entries(SCRIPTS))('%s', (script, [options, refused, sentence]) => {
  test('prints all its options with --help', () => {
    const { status, stdout, stderr } = run(script, '--help');
    expect([status, stderr]).toEqual([0, '']);
    const named = [...stdout.matchAll(/^ {2}--([a-z]+) /gm)].map(([, name]) => name);
    expect(named.join(' ')).toBe(options);
    expect(stdout).toMatch(/2 on wrong usage/);
  });

  test.for([
    [['--speed'], "Unknown option '--speed'"],
    [refused, sentence],
  ] as const)('says in a sentence what is wrong with %s', ([args, said]) => {
    const { status, stdout, stderr } = run(script, ...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^${script}: .*\\n$`));
    expect(stderr).toContain(said);
  });
});
