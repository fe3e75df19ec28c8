// What the scripts of package.json say to those who ask for help, and to those who give what they do not take, before
// anything is built or run.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { openingComment } from '../../scripts/command-line.ts';
import { projectRoot } from '../../scripts/module-graph.ts';
import type { ScriptCall, ScriptSays } from './script-process.ts';

const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};
const SCRIPTS = Object.values(manifest.scripts).flatMap((command) => {
  const [, path] = /\btsx ((?:scripts|bench)\/[\w-]+\.ts)$/.exec(command) ?? [];
  return path === undefined ? [] : [path];
});

/** What scripts refuse beside options that they do not have. */
const REFUSED: readonly (readonly [script: string, args: readonly string[], sentence: string])[] = [
  ['bench/main.ts', ['--only', 'luck'], '--only: expected one of runs, explore, '],
  ['bench/main.ts', ['--only', 'waiters', '--against', 'HEAD'], '--only: expected one of runs, fake, '],
  ['bench/main.ts', ['--rounds', '0.5'], '--rounds: expected an integer >= 1, got 0.5'],
  ['scripts/bazel.ts', ['--workers', 'none'], '--workers: expected exec or simulated, got none'],
  ['scripts/bazel.ts', ['--only', 'luck'], '--only: expected tests, kills or seeds, got luck'],
  ['scripts/build.ts', ['folder'], 'expected --code FOLDER at most, got folder'],
  ['scripts/build.ts', ['--code', 'one', 'other'], 'expected --code FOLDER at most, got other'],
  ['scripts/determinism.ts', ['--seeds', 'many'], '--seeds: expected an integer >= 1, got many'],
  ['scripts/foreign.ts', ['--seeds', '0.5'], '--seeds: expected an integer >= 1, got 0.5'],
  ['scripts/hostile-runs.ts', ['--through', 'luck'], '--through: expected runner, execer, both, got luck'],
  [
    'scripts/matrix.ts',
    ['--only', 'all'],
    '--only: expected some of hashes, packages, suite, bench, got all',
  ],
  [
    'scripts/matrix.ts',
    ['--node', '20', '--vitest', '5'],
    '--vitest: expected one that runs on Node 20, got 5',
  ],
  ['scripts/mistakes.ts', ['--part', 'third'], '--part: expected odd or even, got third'],
  ['scripts/mistakes.ts', ['--starts', 'many'], '--starts: expected an integer >= 1, got many'],
  ['scripts/mistakes.ts', ['--only', 'nobody'], '--only: there is no mistake with nobody in its name'],
  [
    'scripts/mistakes.ts',
    ['--healthy', '--only', 'nobody'],
    '--only: there is no program with nobody in its name',
  ],
  ['scripts/mistakes.ts', ['--executions', '0'], '--executions: expected an integer >= 1, got 0'],
  ['scripts/mistakes.ts', ['--strategies', 'random,luck'], 'expected some of portfolio, plain, random'],
  ['scripts/mutant-hunt.ts', ['--count', '2.5'], '--count: expected an integer >= 1, got 2.5'],
  ['scripts/mutant-hunt.ts', ['--jobs', '0.4'], '--jobs: expected an integer >= 1, got 0.4'],
  ['scripts/mutant-hunt.ts', ['--only', 'toString'], '--only: expected one of model'],
  ['scripts/parity.ts', ['--seeds', '0'], '--seeds: expected an integer >= 1, got 0'],
  ['scripts/rules.ts', ['all'], "Unexpected argument 'all'"],
  ['scripts/silence.ts', ['--only', 'nobody'], '--only: expected some of fake, '],
  ['scripts/silence.ts', ['--runs', 'many'], '--runs: expected an integer >= 1, got many'],
  ['scripts/zoo.ts', ['--only', 'D0'], '--only: there is no bug D0 in the zoo'],
  ['scripts/zoo.ts', ['--sample', '0'], '--sample: expected an integer >= 1, got 0'],
  ['scripts/zoo.ts', ['--executions', '0.5'], '--executions: expected an integer >= 1, got 0.5'],
  ['scripts/zoo.ts', ['--starts', '0.5'], '--starts: expected an integer >= 1, got 0.5'],
  ['scripts/zoo.ts', ['--seeds', '1.5'], '--seeds: expected an integer >= 1, got 1.5'],
  ['scripts/zoo.ts', ['--time', '0'], '--time: expected a number > 0, got 0'],
];

const WRONG: readonly (readonly [...ScriptCall, sentence: string])[] = [
  ...SCRIPTS.map((script) => [script, ['--speed'], "Unknown option '--speed'"] as const),
  ...REFUSED,
];
const CALLS: readonly ScriptCall[] = [
  ...SCRIPTS.map((script) => [script, ['--help']] as const),
  ...WRONG.map(([script, args]) => [script, args] as const),
];

const nameOf = (script: string): string =>
  basename(script) === 'main.ts' ? basename(dirname(script)) : basename(script, '.ts');

describe('scripts of package.json', () => {
  let answers: readonly ScriptSays[] = [];
  beforeAll(() => {
    const command = ['--import', 'tsx', 'test/scripts/script-process.ts', JSON.stringify(CALLS)];
    const { stdout, stderr } = spawnSync(process.execPath, command, {
      cwd: projectRoot,
      encoding: 'utf8',
      timeout: 250_000,
    });
    expect(stderr).toBe('');
    answers = JSON.parse(stdout) as readonly ScriptSays[];
  }, 300_000);

  test('are all found', () => {
    expect(SCRIPTS).toEqual(
      expect.arrayContaining(['bench/main.ts', 'scripts/zoo.ts', 'scripts/foreign-suites.ts']),
    );
    expect(SCRIPTS).toHaveLength(
      Object.values(manifest.scripts).filter((command) => /tsx (?!src\/cli\/main\.ts)/.test(command)).length,
    );
  });

  test.for(SCRIPTS.map((script, index) => [script, index] as const))(
    '%s prints its options with --help',
    ([script, index]) => {
      const { status, stdout, stderr } = answers[index] as ScriptSays;
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout.startsWith(openingComment(pathToFileURL(join(projectRoot, script)).href))).toBe(true);
      expect(stdout).toMatch(/ 2 on wrong usage/);
      const named = [...stdout.matchAll(/(?:^ +|[:,] | {2})--([a-z]+) /gm)].map(([, name]) => name);
      const source = readFileSync(
        join(projectRoot, script === 'bench/main.ts' ? 'bench/options.ts' : script),
        'utf8',
      );
      const taken = [...source.matchAll(/^ +(\w+): \{ type: '(?:string|boolean)'/gm)].map(([, name]) => name);
      expect(new Set(named)).toEqual(new Set([...taken, 'help']));
    },
  );

  test.for(WRONG.map((each, index) => [...each, index] as const))(
    '%s refuses %j',
    ([script, , sentence, index]) => {
      const { status, stdout, stderr } = answers[SCRIPTS.length + index] as ScriptSays;
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(new RegExp(`^${nameOf(script)}: .*\\n$`));
      expect(stderr).toContain(sentence);
    },
  );

  test('a process of one ends the same way', () => {
    const command = ['--import', 'tsx', 'scripts/foreign-suites.ts'];
    const run = (arg: string) =>
      spawnSync(process.execPath, [...command, arg], { cwd: projectRoot, encoding: 'utf8', timeout: 60_000 });
    expect(run('--help')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('--help') as string,
    });
    expect(run('--speed')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining("'--speed'") as string,
    });
  });
});
