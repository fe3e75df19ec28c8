// What Vitest itself shows of simulations that fail, and of tests that use them wrongly: run on files of a user's, who has installed the
// package, as a process of its own.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeUserProject } from '../cli/user-project.ts';

const project = makeUserProject();

afterAll(() => project.remove());

interface Shown {
  readonly status: string;
  readonly message: string;
}

interface Run {
  readonly tests: ReadonlyMap<string, Shown>;
  /** What a terminal shows, without colours. */
  readonly text: string;
}

/** Runs Vitest on a folder. */
async function runVitest(
  folder: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  cwd: string = folder,
): Promise<Run> {
  const report = join(folder, 'report.json');
  const options = {
    cwd,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
    maxBuffer: 1 << 26,
  };
  const command = [
    'run',
    '--root',
    folder,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const text = await new Promise<string>((done) => {
    execFile(
      process.execPath,
      [join(project.folder, 'node_modules/vitest/vitest.mjs'), ...command, ...args],
      options,
      (_error, stdout, stderr) => done(`${stdout}${stderr}`),
    );
  });
  interface Result {
    readonly title: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as {
    readonly testResults: readonly { readonly assertionResults: readonly Result[] }[];
  };
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    text,
    tests: new Map(
      results.map(({ title, status, failureMessages }) => [
        title,
        { status, message: failureMessages.join('\n') },
      ]),
    ),
  };
}

/** A folder of its own in the project. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(project.folder, 'tests-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** A line of the package in a stack: the source that a map leads to is not installed, and is shown by that word. */
const OURS = /^ .*(?:\bdryrunner\)?$|\/dryrunner\/(?:dist|src)\/)/m;

const MISUSE = `
import { readFile } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import { simTest } from 'dryrunner/vitest';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const options = { timeout: 60_000 };
simTest('forgets await', (sim) => { sim.sleep(5).then(() => sim.check(false, 'too late')); }, options);
simTest('forgets await of its own code', async () => {
  pause(5); // left here
}, options);
simTest('waits for a file', async () => {
  await readFile(import.meta.filename); // is outside
}, options);
simTest('throws a text', () => { throw 'only a text'; }, options);
simTest('throws nothing', () => { throw undefined; }, options);
simTest('nests', async () => {
  await expect(() => {}).toHoldInvariants();
}, options);
let executions = 0;
simTest('leaves a variable behind', async (sim) => {
  executions += 1;
  sim.note('execution ' + executions);
}, options);
let tries = 0;
simTest('is retried', async (sim) => {
  await pause(5);
  sim.check(false, 'every time');
}, { ...options, retry: 2, onTurn: () => { tries += 1; } });
simTest('asks for fake timers before', async () => { await pause(5); }, options);
simTest('expects another list', async () => {
  await pause(5);
  expect({ list: [1, 2] }).toEqual({ list: [1, 3] }); // differs
}, options);
simTest('loops', async () => {
  await pause(5);
  for (let n = 0; ; ) {
    n += 1; // for ever
  }
}, { timeout: 5_000 });
simTest('loops in promise reactions', async () => {
  await pause(5);
  for (;;) await null; // and ever
}, { timeout: 5_000 });
simTest('loops in ticks', async () => {
  await pause(5);
  const tick = () => {
    process.nextTick(tick); // again and again
  };
  tick();
  await pause(5);
}, { timeout: 240_000, ambient: { maxTicks: 50_000 } });
simTest('loops in slow ticks', async () => {
  await pause(5);
  const tick = () => {
    for (let n = 0; n < 1e6; n += 1); // takes its time
    process.nextTick(tick);
  };
  tick();
  await pause(5);
}, { timeout: 5_000 });
simTest('takes too long', async (sim) => { for (;;) await sim.sleep(1); }, { timeout: 5_000, maxEvents: 1e12 });
describe.concurrent('overlapping', () => {
  simTest('one', async (sim) => { await pause(5); sim.check(sim.now() === 5, 'is at ' + sim.now()); }, options);
  simTest('other', async (sim) => { await pause(7); sim.check(sim.now() === 7, 'is at ' + sim.now()); }, options);
});
simTest('comes after all of them', async () => { await pause(5); }, options);
`;

const FAKE = `
import { afterEach, beforeEach, vi } from 'vitest';
import { simTest } from 'dryrunner/vitest';
beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });
simTest('has fake timers already', async () => { await new Promise((resolve) => setTimeout(resolve, 5)); });
`;

const SOFT = `
import { expect } from 'vitest';
import { simTest } from 'dryrunner/vitest';
const options = { timeout: 60_000, runs: 30 };
const valueIn = async (sim) => {
  const value = sim.choose('value', 6);
  await sim.sleep(5);
  return value;
};
simTest('one is soft', options, async (sim) => {
  const value = await valueIn(sim);
  expect.soft(value < 4 ? { value: 0 } : { value: 'great' }).toEqual({ value: 0 });
});
simTest('of the context', options, async (sim, { expect }) => {
  expect.soft(await valueIn(sim)).toBeLessThan(4);
});
simTest('several', options, async (sim) => {
  const value = await valueIn(sim);
  expect.soft(value, 'the value').toBeLessThan(4);
  await sim.sleep(1);
  await expect.soft(Promise.resolve(value)).resolves.not.toBe(5);
  expect.soft(value + 1).toBeLessThan(4);
});
simTest('before a hard one', options, async (sim) => {
  const value = await valueIn(sim);
  expect.soft(value).toBeLessThan(4);
  expect(value).not.toBe(5);
});
simTest.fails('is expected to fail', options, async (sim) => {
  expect.soft(await valueIn(sim)).toBeLessThan(4);
});
simTest('none fails', options, async (sim) => {
  expect.soft(await valueIn(sim)).toBeLessThan(6);
});
`;

describe('what failures of expect.soft show', () => {
  let soft: Run;

  beforeAll(async () => {
    soft = await runVitest(await folderWith({ 'soft.test.mjs': SOFT }));
  }, 240_000);

  test.for([
    ['one is soft', "expected { value: 'great' } to deeply equal { value: +0 }"],
    ['of the context', 'expected 4 to be less than 4'],
    [
      'several',
      '3 soft assertions failed: (1) the value: expected 5 to be less than 4 (2) expected 5 not to be 5',
    ],
    ['before a hard one', 'expected 5 not to be 5'],
  ] as const)('%s: one explained failure of one execution', ([title, sentence]) => {
    const { status, message } = soft.tests.get(title) ?? { status: 'missing', message: '' };
    expect(status).toBe('failed');
    expect(message).toContain(`${title} fails at`);
    expect(message).toContain(sentence);
    expect(message).toMatch(/when "value" is [45] \(of 0 to 5\)/);
    expect(message.match(/SimulationFailedError/g)).toHaveLength(1);
    expect(message).not.toMatch(OURS);
  });

  test('a terminal shows each test once, with the difference and the lines that failed', () => {
    expect(soft.text.match(/^ FAIL /gm)).toHaveLength(4);
    expect(soft.text).toMatch(/- Expected\n\+ Received[^]*-\s+"value": 0,\n\+\s+"value": "great",/);
    const [first, awaited, last] = ["'the value'", 'resolves.not', 'value + 1'].map(
      (text) => SOFT.split('\n').findIndex((line) => line.includes(text)) + 1,
    );
    const at = (line?: number): string => `    soft\\.test\\.mjs:${line}:\\d+\n`;
    // Vitest 4 does not say where an assertion about a promise was awaited.
    expect(soft.text).toMatch(new RegExp(`the error was thrown\n${at(first)}(?:${at(awaited)})?${at(last)}`));
  });

  test('a failure that ends the execution names the soft ones before it', () => {
    expect(soft.tests.get('before a hard one')?.message).toContain(
      'Soft assertions that failed before\n  expected 5 to be less than 4\n',
    );
  });

  test('others pass', () => {
    const others = ['is expected to fail', 'none fails'].map((title) => soft.tests.get(title)?.status);
    expect(others).toEqual(['passed', 'passed']);
  });
});

describe('R-13 P-11: what a failing simTest shows', () => {
  let misuse: Run;

  beforeAll(async () => {
    misuse = await runVitest(await folderWith({ 'misuse.test.mjs': MISUSE, 'fake.test.mjs': FAKE }));
  }, 240_000);

  const lineWith = (text: string): number => MISUSE.split('\n').findIndex((line) => line.includes(text)) + 1;

  test.for([
    ['forgets await', /a promise was not awaited/, "'forgets await'"],
    [
      'forgets await of its own code',
      /has ended and left 1 timeout[^]*allow it with the option leftovers: 'ignore'/,
      'const pause',
    ],
    [
      'waits for a file',
      /fs\.promises\.readFile is called at misuse\.test\.mjs:\d+ while a simulation runs/,
      '// is outside',
    ],
    ['throws a text', /only a text/, "'throws a text'"],
    ['throws nothing', /undefined/, "'throws nothing'"],
    ['nests', /A simulation was started inside another one/, 'toHoldInvariants'],
    [
      'leaves a variable behind',
      /The same decisions, run twice in a row, led to another execution/,
      "'leaves a variable",
    ],
    ['is retried', /every time/, "sim.check(false, 'every time')"],
    ['expects another list', /to deeply equal/, '// differs'],
    ['loops', /A loop without an end[^]*It loops here/, '// for ever'],
    ['loops in promise reactions', /A loop without an end[^]*It loops here/, '// and ever'],
    ['loops in ticks', /A loop without an end: process\.nextTick is called/, '// again and again'],
    ['loops in slow ticks', /A loop without an end[^]*It loops here/, '// takes its time'],
    [
      'takes too long',
      /The time of 5,000 ms that the test has was nearly up[^]*\nWhat goes on\n {2}the sleep .*misuse\.test\.mjs:\d+\)? fires, \d+ times in \d+ ms\n/,
      "'takes too long'",
    ],
  ] as const)('%s: a sentence, with the line', ([title, sentence, line]) => {
    const { status, message } = misuse.tests.get(title) ?? { status: 'missing', message: '' };
    expect(status).toBe('failed');
    expect(message).toMatch(sentence);
    expect(message).toMatch(
      new RegExp(`misuse\\.test\\.mjs:(${[-1, 0, 1].map((by) => lineWith(line) + by).join('|')}):\\d`),
    );
    expect(message).not.toMatch(OURS);
  });

  test('fake timers that are there already are named, and what to do', () => {
    expect(misuse.tests.get('has fake timers already')?.message).toMatch(
      /vi\.useFakeTimers[^]*vi\.useRealTimers/,
    );
  });

  test('the tests after them run, also those that overlap', () => {
    const held = ['one', 'other', 'comes after all of them'].map((title) => misuse.tests.get(title)?.status);
    expect(held).toEqual(['passed', 'passed', 'passed']);
  });

  test('a terminal shows the difference of an assertion and the code around its line', () => {
    expect(misuse.text).toMatch(
      /- Expected\n\+ Received[^]*-\s+3,\n\+\s+2,[^]*expect\(\{ list: \[1, 2\] \}\)\.toEqual/,
    );
    expect(misuse.text).not.toMatch(/Unhandled Errors?|Caused by/);
  });
});

const LOCK = `
import { simTest } from 'dryrunner/vitest';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (const name of ['a lock, (with) $igns', 'another']) {
  simTest(name, async (sim) => {
    const holders = new Set();
    const client = async (who, after) => {
      await pause(after);
      if (holders.size > 0 && process.env.FIXED) return;
      holders.add(who);
      sim.check(holders.size === 1, [...holders].join(' and ') + ' hold it');
      await pause(50);
      holders.delete(who);
    };
    await Promise.all([client('ann', 0), client('bob', sim.pick('bob comes', [60, 20]))]);
  }, { timeout: 60_000 });
}
`;

describe('what is kept of a failure', () => {
  test('is tried first, repeats with the line that is printed, and is gone once it holds', async () => {
    const folder = await folderWith({ 'one.test.mjs': LOCK, 'two.test.mjs': LOCK });
    const kept = join(folder, '__dryrunner__');
    const first = await runVitest(folder);
    expect([...first.tests.values()].map(({ status }) => status)).toEqual(['failed', 'failed']);
    expect(first.text).toContain('when "bob comes" is 20');
    expect(first.text).toMatch(
      /kept in __dryrunner__\/one\.test\.mjs\/a-lock-with-igns-\w+\/\w+\.jsonl, and tried first/,
    );
    expect(existsSync(join(kept, 'two.test.mjs'))).toBe(true);
    const again = await runVitest(folder);
    expect(again.text.match(/it is kept from an earlier run, and was tried first/g)).toHaveLength(4);
    const [line = '', token = '', pattern = ''] =
      /DRYRUNNER_SEED=(\S+) npx vitest run one\.test\.mjs -t '(\^a lock.*)'/.exec(again.text) ?? [];
    expect(line).not.toBe('');
    const repeated = await runVitest(folder, ['one.test.mjs', '-t', pattern], { DRYRUNNER_SEED: token });
    expect(repeated.text).toContain('when "bob comes" is 20');
    expect([...repeated.tests.values()].map(({ status }) => status).sort()).toEqual(['failed', 'skipped']);
    const fixed = await runVitest(folder, [], { FIXED: '1' });
    expect([...fixed.tests.values()].map(({ status }) => status)).toEqual(['passed', 'passed']);
    expect(existsSync(kept)).toBe(false);
    const above = await runVitest(folder, ['one.test.mjs'], {}, dirname(folder));
    const name = basename(folder);
    expect(above.text).toContain(` npx vitest run --root ${name} ${name}/one.test.mjs -t '${pattern}'`);
  }, 240_000);
});

const SAME_NAMES = `
import { simTest } from 'dryrunner/vitest';
simTest.each([1, 0])('same name', (sim, unlucky) => {
  sim.check(sim.choose('x', 4) !== 2 || unlucky === 0 || !process.env.RED, 'it is luck');
}, { timeout: 60_000 });
`;

test('what a test keeps stays, though one of its name in its file, or in another project, holds', async () => {
  const config = `export default { test: { projects: [
    { test: { name: 'red', env: { RED: '1' } } },
    { test: { name: 'green' } },
  ] } };`;
  const folder = await folderWith({ 'same.test.mjs': SAME_NAMES, 'vitest.config.mjs': config });
  for (const wasTried of [0, 1, 1]) {
    const { text } = await runVitest(folder);
    expect(text).toContain('1 failed | 3 passed');
    expect([...text.matchAll(/was tried first/g)]).toHaveLength(wasTried);
  }
}, 240_000);

test('the line of one of several tests of a name repeats that one, and skips the others', async () => {
  const both = `
import { simTest } from 'dryrunner/vitest';
simTest.each(['ann', 'bob'])('same name', (sim, who) => {
  sim.check(sim.choose('x', 4) !== 2, 'it is ' + who);
}, { timeout: 60_000 });
`;
  const folder = await folderWith({ 'both.test.mjs': both });
  const first = await runVitest(folder);
  const tokens = [
    ...first.text.matchAll(/DRYRUNNER_SEED=(\S+) npx vitest run both\.test\.mjs -t '\^same name\$'/g),
  ];
  expect(tokens).toHaveLength(2);
  for (const [at, who] of ['ann', 'bob'].entries()) {
    const [, token = ''] = tokens[at] ?? [];
    const { text } = await runVitest(folder, ['both.test.mjs', '-t', 'same name'], { DRYRUNNER_SEED: token });
    expect(text).toContain('1 failed | 1 skipped');
    expect(text).toContain(`it is ${who}, when "x" is 2`);
  }
}, 240_000);

test('a runner on the time of the machine that breaks the contract is explained', async () => {
  const wall = `
import { describeRunner } from 'dryrunner/vitest';
import { createSimulatedRunner, interceptService } from 'dryrunner';
import { simCommands, supportsAllBut } from 'dryrunner/conformance';
import { realWorld } from 'dryrunner/host';
describeRunner({
  name: 'mine',
  supports: supportsAllBut({ outputs: 'they are elsewhere', virtualTime: 'it runs on the machine' }),
  commands: simCommands,
  wallWorld: () => realWorld({ seed: 1 }),
  create: (world, options) => ({
    service: interceptService(createSimulatedRunner(world, options), (call, proceed) => {
      if (call.method === 'statusAll') throw new Error('broken'); // here
      return proceed(call);
    }),
  }),
}, { cases: [], explore: { sequences: 5 } });
`;
  const { text } = await runVitest(await folderWith({ 'wall.test.mjs': wall }));
  expect(text).toMatch(
    /Error: .*the Error "broken" \(sequence \d of seed 1\)\nWhat the contract says\n {2}R\d+ [^]*\nWhat happened\n {2}[^]* calls statusAll\(\) of the runner\n/,
  );
  expect(text).toMatch(/\nWhere\n {2}at .*wall\.test\.mjs:\d+/);
}, 240_000);

const SNAPSHOTS = `
import { expect, test } from 'vitest';
import { simTest } from 'dryrunner/vitest';
const options = { timeout: 60_000, runs: 20 };
const valueIn = (sim) => {
  const value = sim.pick('value', [10, 20, 30]);
  sim.check(value === 10 || !process.env.FAILING, 'is the first');
  return { value };
};
simTest('a file differs', (sim) => { expect(valueIn(sim)).toMatchSnapshot(); }, options);
simTest('the source differs', (sim) => {
  expect(valueIn(sim)).toMatchInlineSnapshot(); // in line
}, options);
simTest('a file of its own differs', async (sim) => {
  await expect(valueIn(sim)).toMatchFileSnapshot('./__snapshots__/differing.txt');
}, options);
simTest('a file of its own agrees', async (sim) => {
  valueIn(sim);
  await expect('each').toMatchFileSnapshot('./__snapshots__/agreed.txt');
}, options);
simTest('is in the file', (sim) => { expect(valueIn(sim)).toMatchSnapshot(); }, options);
simTest('agrees', (sim) => {
  const { value } = valueIn(sim);
  expect('each').toMatchSnapshot('of each');
  if (value === 10) {
    expect('plain').toMatchSnapshot('of the plain one');
    expect('plain').toMatchInlineSnapshot(); // of the plain one
  }
}, options);
let count = 0;
simTest('counts executions', (sim) => { expect((count += 1)).toMatchSnapshot(); }, options);
`;
const SNAPSHOT_FILE =
  '// Vitest Snapshot v1, https://vitest.dev/guide/snapshot.html\n\nexports[`is in the file 1`] = `\n{\n  "value": 10,\n}\n`;\n';

describe('a snapshot that is not the same in all executions', () => {
  let folder = '';
  let shown: Run;
  const messageOf = (name: string): string => shown.tests.get(name)?.message ?? '';

  beforeAll(async () => {
    folder = await folderWith({ 'snapshots.test.mjs': SNAPSHOTS });
    await mkdir(join(folder, '__snapshots__'));
    await writeFile(join(folder, '__snapshots__/snapshots.test.mjs.snap'), SNAPSHOT_FILE);
    // Leaves logs that hold without it, and are tried before the plain schedule.
    await runVitest(folder, ['--update=none', '-t', 'differs'], { FAILING: '1' });
    shown = await runVitest(folder, ['--update=new']);
  }, 240_000);

  test.for([
    ['a file differs', 'Snapshot `a file differs 1`', "simTest('a file differs'"],
    [
      'a file of its own differs',
      'The snapshot in __snapshots__/differing.txt',
      "simTest('a file of its own differs'",
    ],
    ['the source differs', 'The inline snapshot at snapshots.test.mjs:12:', '// in line'],
  ] as const)('%s: fails the whole test, with both values', ([name, what, line]) => {
    const message = messageOf(name);
    expect(message).toContain(`RunnerError: ${what}`);
    expect(message).toContain('is not the same in all executions of the simulation');
    expect(message).toMatch(
      /\nWith every choice at its default\n {2}it is \{\n {4}"value": 10,\n {2}\}\nWith these decisions\n {4}\? "value" is [12] \(of 0 to 2\)\n {2}it is \{\n {4}"value": [23]0,\n/,
    );
    expect(message).not.toMatch(/To see it again|DRYRUNNER_SEED/);
    expect(shown.text).toContain(line);
    expect(shown.text).not.toContain('fixed');
  });

  test('is said to come from outside where the decisions are the same', () => {
    expect(messageOf('counts executions')).toMatch(
      /default\n {2}it is 1\nThe same decisions, taken again\n {2}it is 2\n.*most likely the state of a module survives/,
    );
  });

  test('of one that is in the file already, the execution alone fails', async () => {
    const message = messageOf('is in the file');
    expect(message).toContain('Snapshot `is in the file 1` mismatched');
    const [, token = ''] = /DRYRUNNER_SEED=(\S+)/.exec(message) ?? [];
    const { tests } = await runVitest(folder, ['--update=new', '-t', 'is in the file'], {
      DRYRUNNER_SEED: token,
    });
    expect(tests.get('is in the file')?.message).toContain('it is the execution that was asked for');
    expect(tests.get('is in the file')?.message).not.toContain('RUNNER_REPLAY_DIVERGED');
  }, 240_000);

  test('is not written; one that is the same wherever it is taken is', async () => {
    expect(shown.tests.get('agrees')?.status).toBe('passed');
    const file = await readFile(join(folder, '__snapshots__/snapshots.test.mjs.snap'), 'utf8');
    expect([...file.matchAll(/^exports\[`(.*)`\]/gm)].map(([, key]) => key)).toEqual([
      'agrees > of each 1',
      'agrees > of the plain one 1',
      'is in the file 1',
    ]);
    expect(file).toContain('"value": 10');
    const source = await readFile(join(folder, 'snapshots.test.mjs'), 'utf8');
    expect(source).toContain('toMatchInlineSnapshot(); // in line');
    expect(source).toContain('toMatchInlineSnapshot(`"plain"`); // of the plain one');
  });

  test('a file of its own is written, and replaced by an update, only if all executions agree', async () => {
    const [agreed, differing] = ['agreed.txt', 'differing.txt'].map((name) =>
      join(folder, '__snapshots__', name),
    ) as [string, string];
    expect(shown.tests.get('a file of its own agrees')?.status).toBe('passed');
    expect([await readFile(agreed, 'utf8'), existsSync(differing)]).toEqual(['each', false]);
    for (const file of [agreed, differing]) await writeFile(file, 'old');
    const { tests } = await runVitest(folder, ['--update=all', '-t', 'of its own']);
    const statuses = [...tests].filter(([, { status }]) => status !== 'skipped');
    expect(statuses.map(([name, { status }]) => `${name} ${status}`)).toEqual([
      'a file of its own differs failed',
      'a file of its own agrees passed',
    ]);
    expect(await Promise.all([agreed, differing].map((file) => readFile(file, 'utf8')))).toEqual([
      'each',
      'old',
    ]);
  }, 240_000);
});

const POOLS = `
import { describe, test } from 'vitest';
import { simTest } from 'dryrunner/vitest';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const options = { timeout: 60_000 };
simTest('holds', async (sim) => {
  const began = Date.now();
  await pause(3_600_000);
  sim.check(Date.now() - began === 3_600_000, 'an hour has passed');
}, options);
simTest('states', async (sim) => {
  let n = 0;
  sim.always('none', () => n === 0); // is stated here
  await pause(5);
  n = 1;
  await pause(5);
}, options);
simTest('throws', async () => {
  await pause(5);
  JSON.parse('{'); // is thrown here
}, options);
simTest('loops', async () => {
  await pause(5);
  for (let n = 0; ; ) {
    n += 1; // without an end
  }
}, { timeout: 5_000 });
simTest('loads', async (sim) => {
  const { next } = await sim.load('./counter.mjs');
  sim.check(next() === 1, 'it is new');
}, options);
simTest('loads what is not there', async (sim) => { await sim.load('./nothing.mjs'); }, options);
simTest('comes after', async () => { await pause(5); }, options);
`;

describe.each(['threads', 'vmThreads', 'vmForks'])('in the pool %s', (pool) => {
  test('tests hold, fail and end as in processes, with their lines', async () => {
    const counter = 'let count = 0;\nexport const next = () => (count += 1);\n';
    const folder = await folderWith({ 'pools.test.mjs': POOLS, 'counter.mjs': counter });
    const { tests, text } = await runVitest(folder, ['--pool', pool]);
    expect([...tests].map(([name, { status }]) => `${name} ${status}`)).toEqual([
      'holds passed',
      'states failed',
      'throws failed',
      'loops failed',
      'loads passed',
      'loads what is not there failed',
      'comes after passed',
    ]);
    expect(tests.get('loads what is not there')?.message).toContain('Could not resolve "./nothing.mjs"');
    expect(tests.get('loops')?.message).toMatch(/^SimulationFailedError: A loop without an end, at 5 ms/);
    for (const line of ['is stated here', 'is thrown here']) expect(text).toContain(line);
  }, 240_000);
});

test('without ambient time, a loop in an immediate or a timer of the machine ends with its line', async () => {
  const loops = `
import { setImmediate as soon } from 'node:timers';
import { simTest } from 'dryrunner/vitest';
const options = { timeout: 5_000, ambient: false };
simTest('between two events', async (sim) => {
  setImmediate(() => { for (;;); }); // between
  for (let ms = 0; ms < 10_000; ms += 1) await sim.sleep(1);
}, options);
simTest('after the end', () => {
  soon(() => { for (;;); }); // after
}, options);
simTest('in an immediate', () => {
  setImmediate(() => { for (;;); }); // immediate
}, options);
simTest('in a timer', () => {
  setTimeout(() => { for (;;); }, 5); // timer
}, options);
simTest('comes after all of them', async (sim) => { await sim.sleep(5); }, options);
`;
  const { tests } = await runVitest(await folderWith({ 'loops.test.mjs': loops }));
  const lineWith = (text: string): number => loops.split('\n').findIndex((line) => line.includes(text)) + 1;
  for (const [name, message, line] of [
    ['between two events', /A loop without an end, .*: nothing else got a turn for \d/, '// between'],
    ['after the end', /A loop without an end, .*: nothing else got a turn for \d/, '// after'],
    ['in an immediate', /The scenario has ended and left 1 immediate of the machine/, '// immediate'],
    ['in a timer', /The scenario has ended and left 1 real timer of the machine/, '// timer'],
  ] as const) {
    expect.soft(tests.get(name)?.message).toMatch(message);
    expect.soft(tests.get(name)?.message).toContain(`loops.test.mjs:${lineWith(line)}:`);
  }
  expect(tests.get('comes after all of them')?.status).toBe('passed');
});

test('without the plugin, an import() is waited for and named, and a loop after it ends', async () => {
  const folder = await folderWith({
    'brought.mjs': 'export const ms = 5;',
    'loops.mjs': 'export function loops() {\n  for (;;); // for ever\n}',
    'reacts.mjs':
      'export function reacts() {\n  const again = () => Promise.resolve().then(again);\n  void again();\n}',
    'never.mjs': 'await new Promise(() => {});',
    'imports.test.mjs': `
import { simTest } from 'dryrunner/vitest';
simTest('waits for it', { timeout: 60_000 }, async (sim) => { await sim.sleep((await import('./brought.mjs')).ms); });
simTest('loops', { timeout: 5_000 }, async () => { (await import('./loops.mjs')).loops(); });
simTest('loops in reactions', { timeout: 5_000 }, async (sim) => {
  (await import('./reacts.mjs')).reacts();
  await sim.sleep(1);
});
simTest('waits for ever', { timeout: 5_000 }, async () => { await import('./never.mjs'); });
`,
  });
  const { tests } = await runVitest(folder);
  expect(tests.get('waits for it')).toEqual({ status: 'passed', message: '' });
  expect(tests.get('loops')?.message).toMatch(
    /A loop without an end[^]*It loops here\n {4}loops \(.*loops\.mjs:2/,
  );
  expect(tests.get('loops in reactions')?.message).toMatch(
    /A loop without an end[^]*It loops here\n {4}again \(.*reacts\.mjs:2/,
  );
  expect(tests.get('waits for ever')?.message).toMatch(/an import\(\) of .*never\.mjs/);
});
