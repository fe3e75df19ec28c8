// The token of a failing `simTest`, typed behind `dryrunner replay` and `explain` in the folder of a user.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { question } from '../../src/kernel/question.ts';
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { jsonLines, type Finished } from './command.ts';
import { makeUserProject, type UserProject } from './user-project.ts';

// Many processes one after the other, on a busy machine.

const LOCK_TEST = `
import { describe } from 'vitest';
import { simTest } from 'dryrunner/vitest';
describe('locks (all)', () => {
  simTest('one holder?', async (sim) => {
    let holders = 0;
    const client = async () => {
      await new Promise((resolve) => { setTimeout(resolve, 10 + sim.choose('later', 2)); });
      holders += 1;
      sim.check(holders === 1, 'two hold it');
      await new Promise((resolve) => { setTimeout(resolve, 1); });
      holders -= 1;
    };
    await Promise.all([client(), client()]);
  });
  simTest('one holder? and another', () => { throw new Error('another'); });
});
`;

let project: UserProject;
let token: string;
let printed: Finished;
beforeAll(async () => {
  project = makeUserProject();
  project.write('lock.test.mjs', LOCK_TEST);
  printed = await project.node('node_modules/vitest/vitest.mjs', 'run', '-t', 'one holder\\?$');
  [token = 'none'] = /dr2:[^\s"]+/.exec(printed.out + printed.err) ?? [];
});
afterAll(() => project.remove());

test.for([['replay'], ['explain']] as const)(
  '%s runs that test with Vitest, and no other',
  async ([command]) => {
    const { code, out, err } = await project.dryrunner([command, token]);
    expect(out + err).toContain('two hold it');
    expect(out + err).not.toContain('Error: another');
    expect(out + err).not.toContain('report');
    expect(code).toBe(1);
  },
);

test('all lines of what happened are shown to those who ask for them', async () => {
  project.write(
    'noted.test.mjs',
    `
import { simTest } from 'dryrunner/vitest';
simTest('noted', (sim) => {
  for (let step = 0; step < 30; step += 1) sim.note('step ' + step);
  throw new Error('noted enough');
}, { corpus: false });
`,
  );
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'noted.test.mjs'];
  const short = await project.node(...vitest);
  const text = short.out + short.err;
  expect(text).toMatch(/\(\d+ more lines left out; DRYRUNNER_LINES=all shows them\)/);
  expect(text).not.toContain('note: step 3\n');
  const [own = 'none'] = /dr2:[^\s"]+/.exec(text) ?? [];
  const { out, err } = await project.dryrunner(['explain', own, '--all-lines']);
  expect(out + err).toContain('note: step 3\n');
  expect(out + err).not.toContain('left out');
});

test('what is kept of it does as well, and programs get one object', async () => {
  const files = readdirSync(join(project.folder, '__dryrunner__'), { recursive: true, encoding: 'utf8' });
  const [file = 'none'] = files.filter((name) => name.endsWith('.jsonl'));
  const { code, out } = await project.dryrunner(['replay', join('__dryrunner__', file), '--json']);
  expect(jsonLines(out)).toMatchObject([
    { type: 'replay', scenario: 'locks (all) one holder?', reproduced: true, held: false },
  ]);
  expect(code).toBe(1);
});

test('a log whose questions the test no longer asks is of code that has changed, also where that holds', async () => {
  const asking = (label: string): string => `
import { simTest } from 'dryrunner/vitest';
simTest('asks', (sim) => { sim.check(sim.choose('${label}', 5) < 2, 'too many'); }, { explain: false });
`;
  project.write('asks.test.mjs', asking('first'));
  const { out, err } = await project.node('node_modules/vitest/vitest.mjs', 'run', 'asks.test.mjs');
  const [own = 'none'] = /dr2:[^\s"]+/.exec(out + err) ?? [];
  project.write('asks.test.mjs', asking('second'));
  const again = await project.dryrunner(['replay', own, '--json']);
  expect(jsonLines(again.out)).toMatchObject([{ type: 'replay', reproduced: false, held: false }]);
  expect(again.code).toBe(3);
});

test('of a log that is too long for a variable too', async () => {
  const rounds = Array.from({ length: 9_000 }, (_, round) => ({
    ...{ question: question('choice', `round ${round}`), n: 9, answer: 8 },
  }));
  project.write(
    'long.test.mjs',
    `
import { simTest } from 'dryrunner/vitest';
simTest('long', (sim) => {
  let sum = 0;
  for (let round = 0; round < 9_000; round += 1) sum += sim.choose('round ' + round, 9);
  sim.check(sum < 72_000, 'all are 8');
}, { explain: false });
`,
  );
  const meta = { reference: 'vitest:long.test.mjs#long', failureKey: 'check all are #' };
  project.write('long.jsonl', [...decisionLogLines(rounds, { scenario: 'long', meta })].join(''));
  const { code, out, err } = await project.dryrunner(['replay', 'long.jsonl']);
  expect(out + err).toContain('all are 8');
  expect(code).toBe(1);
});

test('a test in a folder whose name begins with two dots is named as it is typed here', async () => {
  const holding = `import { simTest } from 'dryrunner/vitest';\nsimTest('holds', () => undefined);\n`;
  project.write('..tests/holds.test.mjs', holding);
  const kept = {
    reference: 'vitest:elsewhere.test.mjs#holds',
    failureKey: 'check no',
    testFile: '../holds.test.mjs',
  };
  const log = decisionLogLines([], { scenario: 'holds', meta: kept });
  project.write('..tests/kept/log.jsonl', [...log].join(''));
  const { code, out } = await project.dryrunner(['replay', '..tests/kept/log.jsonl']);
  expect(out).toMatch(/^\.\.tests\/holds\.test\.mjs: holds: fixed: it holds$/m);
  expect(code).toBe(3);
});

test('a test below a configuration of its own runs with that', async () => {
  const below = join('packages', 'jobs');
  project.write(
    join(below, 'vitest.config.mjs'),
    `export default { test: { include: ['**/*.check.mjs'] } };\n`,
  );
  project.write(join(below, 'lock.check.mjs'), LOCK_TEST);
  const vitest = 'node_modules/vitest/vitest.mjs';
  const first = await project.node(vitest, 'run', '--root', below, '-t', 'one holder\\?$');
  const [own = 'none'] = /dr2:[^\s"]+/.exec(first.out + first.err) ?? [];
  const { code, out, err } = await project.dryrunner(['replay', own]);
  expect(out + err).toContain('two hold it');
  expect(code).toBe(1);
});

test('a file of which the path contains that of the test does not count', async () => {
  const failing = LOCK_TEST.replace(
    "sim.check(holders === 1, 'two hold it')",
    "sim.check(false, 'of another file')",
  );
  project.write('lock.test.mjs', LOCK_TEST.replace("sim.check(holders === 1, 'two hold it')", 'void 0'));
  project.write('below/lock.test.mjs', failing);
  const { code, out } = await project.dryrunner(['replay', token]);
  project.write('lock.test.mjs', LOCK_TEST);
  rmSync(join(project.folder, 'below'), { recursive: true });
  expect(out).toContain('lock.test.mjs: locks (all) one holder?: fixed: it holds');
  expect(code).toBe(3);
});

test('a test that holds now is reported as no longer failing', async () => {
  project.write('lock.test.mjs', LOCK_TEST.replace("sim.check(holders === 1, 'two hold it')", 'void 0'));
  const finished = await project.dryrunner(['replay', token]);
  project.write('lock.test.mjs', LOCK_TEST);
  expect(finished.out).toContain('lock.test.mjs: locks (all) one holder?: fixed: it holds');
  expect(finished.code).toBe(3);
});

test('a test that fails differently now is no repetition, and says what the token is kept for', async () => {
  project.write('lock.test.mjs', LOCK_TEST.replace("'two hold it'", "'it is taken'"));
  const { code, out, err } = await project.dryrunner(['replay', token]);
  project.write('lock.test.mjs', LOCK_TEST);
  expect(out + err).toContain('fails differently (RUNNER_REPLAY_DIVERGED): every decision fits');
  expect(code).toBe(3);
});

function tokenOf(scenario: string): string {
  return encodeToken({ scenario, failureKey: 'check', traceHash: '0'.repeat(16), decisions: [] });
}

test.for([
  ['replay', () => [tokenOf('vitest:lock.test.mjs#gone')], 'lock.test.mjs: no test is called "gone"'],
  [
    'replay',
    () => [tokenOf('vitest:no.test.mjs#gone')],
    'the token names the test file no.test.mjs, as it was typed',
  ],
  [
    'replay',
    () => [tokenOf('vitest:--config=evil.mjs#gone')],
    'the token names the test file --config=evil.mjs, as it was typed',
  ],
  ['replay', () => [tokenOf('vitest:../out.test.mjs#gone')], 'only modules under the folder'],
  ['replay', () => [token, '--timeline', 'x.json'], '--timeline: expected the execution of a scenario'],
  ['explain', () => [token, '--time', '3s'], '--time: expected the execution of a scenario'],
] as const)('%s refuses what it cannot run, in one sentence', async ([command, args, text]) => {
  const { code, err } = await project.dryrunner([command, ...args()]);
  expect(err).toContain(`error: ${text}`.replace('error: only', 'a token or a file loads only'));
  expect(err.trim().split('\n').at(-1)).toMatch(/^error: /);
  expect(code).toBe(2);
});

test.for([['replay'], ['explain']] as const)(
  'the help of %s names the options that are refused',
  async ([command]) => {
    const { out } = await project.dryrunner([command, '--help']);
    const sentence = /Vitest runs what a simTest [^]*? are\s+refused for (?:it|them)\./.exec(out)?.[0] ?? '';
    const named = sentence.match(/--[a-z-]+/g) ?? [];
    expect(named).toHaveLength(5);
    for (const option of named) {
      const values: Readonly<Record<string, string>> = { '--memory': '64', '--hang': '5s' };
      const value = option === '--continue-randomly' ? [] : [values[option] ?? '3s'];
      const { err, code } = await project.dryrunner([command, token, option, ...value]);
      expect(err).toContain(`error: ${option}: expected the execution of a scenario`);
      expect(code).toBe(2);
    }
  },
);
