// The plugin in projects as users have them: packages of npm, modules of CommonJS and TypeScript of one's own, all of which take what they
// need of the machine when they are loaded. Each pool of Vitest is a project of one run, and so is one without the plugin.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import dryrunner, { type DryrunnerPluginOptions } from 'dryrunner/vitest-plugin';
import { makeUserProject, type UserProject } from '../cli/user-project.ts';

/** What each module takes when it is loaded. `hour` waits for an hour and returns what has passed, `draw` returns what is drawn. */
const PROBES = `
const taken = {
  setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval, setImmediate: globalThis.setImmediate,
  clearInterval: globalThis.clearInterval, Date: globalThis.Date, now: globalThis.Date.now, performance: globalThis.performance,
  performanceNow: globalThis.performance.now.bind(globalThis.performance), random: Math.random, uuid: crypto.randomUUID.bind(crypto),
  hrtime: process.hrtime, timeout: AbortSignal.timeout, queue: globalThis.queueMicrotask,
};
const HOUR = 3_600_000;
const asleep = () => new Promise((resolve) => void timers.setTimeout(resolve, HOUR));
const since = async (now) => { const began = now(); await asleep(); return now() - began; };
const hour = {
  setTimeout: () => since(() => taken.now()),
  'setTimeout, promisified': async () => { const began = taken.now(); await promisified(HOUR); return taken.now() - began; },
  setInterval: async () => {
    const began = taken.now();
    await new Promise((resolve) => { const timer = taken.setInterval(() => { taken.clearInterval(timer); resolve(); }, HOUR); });
    return taken.now() - began;
  },
  'setTimeout of timers': async () => { const began = taken.now(); await new Promise((resolve) => void namedTimeout(resolve, HOUR)); return taken.now() - began; },
  'setTimeout of timers/promises': async () => { const began = taken.now(); await promisedTimeout(HOUR); return taken.now() - began; },
  Date: () => since(() => new taken.Date().getTime()),
  'Date.now': () => since(taken.now),
  performance: () => since(() => taken.performance.now()),
  'performance.now': () => since(taken.performanceNow),
  'performance of perf_hooks': () => since(() => hooks.now()),
  'process.hrtime': () => since(() => taken.hrtime()[0] * 1000),
  'AbortSignal.timeout': async () => {
    const began = taken.now();
    const signal = taken.timeout(HOUR);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return taken.now() - began;
  },
};
const draw = {
  'Math.random': () => taken.random(),
  'crypto.randomUUID': () => taken.uuid(),
  'randomBytes of crypto': () => bytes(8).toString('hex'),
};
`;
const ESM = `
import timers, { setTimeout as namedTimeout } from 'node:timers';
import { setTimeout as promisedTimeout } from 'node:timers/promises';
import { performance as hooks } from 'node:perf_hooks';
import { randomBytes as bytes } from 'node:crypto';
import { promisify } from 'node:util';
const promisified = promisify(globalThis.setTimeout);
${PROBES}
export { hour, draw };
`;
const CJS = `
const timers = require('node:timers');
const { setTimeout: namedTimeout } = timers;
const { setTimeout: promisedTimeout } = require('node:timers/promises');
const { performance: hooks } = require('node:perf_hooks');
const { randomBytes: bytes } = require('node:crypto');
const promisified = require('node:util').promisify(globalThis.setTimeout);
${PROBES}
module.exports = { hour, draw };
`;
const TESTS = `
import { describe, expect, inject, test } from 'vitest';
import { simulate } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import esm from 'takes-esm';
import cjs from 'takes-cjs';
import * as own from './src/takes.ts';

async function run(scenario) {
  let result;
  const verdict = await simulate({ ambient: ambientTime(), scenario: async () => { result = await scenario(); } });
  if (!verdict.held) throw new Error(verdict.failure.message, { cause: verdict.failure.cause });
  return result;
}
describe(inject('project'), () => {
for (const [kind, { hour, draw }] of Object.entries({ esm, cjs, own })) {
  for (const [name, probe] of Object.entries(hour)) {
    test(kind + ' ' + name, async () => expect(await run(probe)).toBe(3_600_000));
  }
  for (const [name, probe] of Object.entries(draw)) {
    test(kind + ' ' + name, async () => expect(await run(probe)).toBe(await run(probe)));
  }
}
// Vitest sends it on by a call of its own, whose number it draws; of two with the same number one is never answered, and Vitest never ends.
test('what is printed in a simulation changes nothing in it, and keeps Vitest from nothing', async () => {
  const drawn = (print) => run(async () => {
    const draws = [];
    for (let n = 0; n < 5; n += 1) {
      draws.push(Math.random());
      print('a draw');
      await new Promise((resolve) => void setTimeout(resolve, 5));
    }
    return draws;
  });
  const silent = await drawn(() => {});
  for (const print of [console.log, console.log, console.error]) expect(await drawn(print)).toEqual(silent);
});
test('the machine is itself where no simulation runs', async () => {
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(performance.now() - began).toBeGreaterThan(4);
  expect(Math.abs(Date.now() - (performance.timeOrigin + performance.now()))).toBeLessThan(60_000);
});
});
`;
const PROJECTS = {
  forks: `pool: 'forks'`,
  'forks, not isolated': `pool: 'forks', isolate: false`,
  threads: `pool: 'threads'`,
  'threads, not isolated': `pool: 'threads', isolate: false`,
  'beside a setup file': `pool: 'forks', setupFiles: './setup.mjs'`,
  'packages inlined': `server: { deps: { inline: [/takes-/] } }`,
  'all inlined': `server: { deps: { inline: true } }`,
  vmForks: `pool: 'vmForks'`,
  vmThreads: `pool: 'vmThreads'`,
};
const BARE = 'without the plugin';

interface JsonReport {
  readonly testResults: readonly {
    readonly message: string;
    readonly name: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly ancestorTitles: readonly string[];
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

let project: UserProject;

async function runVitest(): Promise<JsonReport> {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', '--outputFile=report.json'];
  const { out, err } = await project.node(...args);
  try {
    return JSON.parse(readFileSync(join(project.folder, 'report.json'), 'utf8')) as JsonReport;
  } catch (error) {
    throw new Error(out + err, { cause: error });
  }
}

function configOf(projects: Readonly<Record<string, string>>): string {
  const listed = Object.entries(projects).map(
    ([name, settings]) =>
      `{ plugins: ${name === BARE ? '[]' : '[dryrunner()]'}, test: { name: '${name}', provide: { project: '${name}' }, ${settings} } }`,
  );
  return `import dryrunner from 'dryrunner/vitest-plugin';\nexport default { test: { projects: [${listed.join(',\n')}] } };\n`;
}

describe('code that takes functions of the machine when it is loaded', () => {
  let report: JsonReport;
  beforeAll(async () => {
    project = makeUserProject();
    project.writePackage(
      'takes-esm',
      'module',
      ESM.replace('export { hour, draw };', 'export default { hour, draw };'),
    );
    project.writePackage('takes-cjs', 'commonjs', CJS);
    project.write(
      'src/takes.ts',
      `${ESM}export type Hour = typeof hour;\nexport const typed: Hour = hour as Hour;\n`,
    );
    project.write('setup.mjs', `import 'takes-esm';\nimport 'takes-cjs';\n`);
    project.write('takes.test.ts', TESTS);
    project.write('vitest.config.mjs', configOf({ ...PROJECTS, [BARE]: '' }));
    report = await runVitest();
  }, 300_000);
  afterAll(() => project.remove());

  const endsOf = (pool: string): [title: string, status: string, why: string][] => {
    const ends = report.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ ancestorTitles }) => ancestorTitles[0] === pool)
      .map(
        ({ title, status, failureMessages }) =>
          [title, status, failureMessages.join('\n').split('\n')[0] ?? ''] as [string, string, string],
      );
    if (ends.length === 0) {
      throw new Error(report.testResults.map(({ name, message }) => `${name}: ${message}`).join('\n'));
    }
    return ends;
  };

  test.for(Object.keys(PROJECTS))('is in virtual time in a simulation: %s', (pool) => {
    const ends = endsOf(pool);
    expect(ends.filter(([, status]) => status !== 'passed')).toEqual([]);
    expect(ends).toHaveLength(47);
  });

  test('without the plugin it is not', () => {
    const failed = endsOf(BARE).filter(([, status]) => status === 'failed');
    expect(failed.map(([title]) => title)).toEqual(
      expect.arrayContaining(['esm Date', 'cjs Math.random', 'own performance.now']),
    );
  });
});

/** What the plugin makes of the `test` part of a configuration. */
function configured(given: object): { setupFiles?: string[]; execArgv?: string[]; sequence?: object } {
  const config = { test: given };
  const [{ config: hook }] = dryrunner() as unknown as [{ config: (config: object) => void }];
  hook(config);
  return config.test;
}

describe('what the plugin does to a configuration', () => {
  test('it comes before setup files and arguments of the user, once', () => {
    const once = configured({
      setupFiles: 'mine.ts',
      execArgv: ['--expose-gc'],
      sequence: { shuffle: true },
    });
    const [install, ...others] = once.setupFiles ?? [];
    expect(install).toMatch(/ambient.install\.ts$/);
    expect(others).toEqual(['mine.ts']);
    expect(once.execArgv).toEqual(['--import', expect.stringMatching(/^file:.*install/), '--expose-gc']);
    expect(once.sequence).toEqual({ setupFiles: 'list', shuffle: true });
    expect(configured({ ...once })).toEqual(once);
  });

  test('a change of what a test loads runs the test again in watch mode', () => {
    const watching = dryrunner().find(({ name }) => name === 'dryrunner:watch') as unknown as {
      config(config: object): void;
      transform(code: string, id: string): void;
    };
    const mine = { pattern: /mine/, testsToRun: () => ['mine.test.ts'] };
    const config = { test: { watchTriggerPatterns: [mine] } };
    watching.config(config);
    const [first, ours] = config.test.watchTriggerPatterns;
    expect(first).toBe(mine);
    const testsToRun = ours?.testsToRun as unknown as (file: string) => string[] | undefined;
    watching.transform(
      `await sim.load("../src/lock.ts"); sim.load('../src/other.ts')`,
      '/work/test/lock.test.ts',
    );
    watching.transform(`load("./lock.ts"); sim.load('p-queue'); sim.load(name)`, '/work/src/pool.ts');
    expect(testsToRun('/work/src/lock.ts')).toEqual(['/work/test/lock.test.ts']);
    expect(testsToRun('/work/src/other.ts')).toEqual(['/work/test/lock.test.ts']);
    expect(testsToRun('/work/src/pool.ts')).toBeUndefined();
    watching.transform('export {}', '/work/test/lock.test.ts?v=2');
    expect(testsToRun('/work/src/lock.ts')).toBeUndefined();
  });

  test('a project of a browser stays as it is', () => {
    expect(configured({ browser: { enabled: true } })).toEqual({ browser: { enabled: true } });
  });

  test.for([
    [null, 'options: expected an object of options'],
    [
      { transform: [] },
      'options: expected only the fields transforms, got a field "transform"; the nearest is transforms',
    ],
    [{ transforms: 'awaits' }, 'transforms: expected a list of transforms'],
    [{ transforms: [{ name: 'half' }] }, 'transforms[0].transform: expected a function, got undefined'],
    [{ transforms: [{ transform: () => undefined }] }, 'transforms[0].name: expected a string'],
  ] as const)('options %j are refused', ([options, message]) => {
    expect(() => dryrunner(options as unknown as DryrunnerPluginOptions)).toThrow(message);
  });
});

describe('transforms', () => {
  beforeAll(() => {
    project = makeUserProject();
  });
  afterAll(() => project.remove());

  test('rewrite TypeScript without its types, and lines of a failure are those of the file', async () => {
    project.write(
      'src/greeting.ts',
      `interface Words {\n  readonly words: string;\n}\nexport const greeting: Words['words'] = 'GREETING';\n`,
    );
    project.write(
      'src/fails.ts',
      `type Never = never;\nexport function fails(): Never {\n  throw new Error('GREETING here');\n}\n`,
    );
    project.write(
      'greeting.test.ts',
      `import { expect, test } from 'vitest';
import { greeting } from './src/greeting.ts';
import { fails } from './src/fails.ts';
test('is rewritten', () => expect(greeting).toBe('"hello" in greeting.ts, without types: true'));
test('fails', () => fails());
`,
    );
    project.write(
      'vitest.config.mjs',
      `import dryrunner from 'dryrunner/vitest-plugin';
const transform = (code, file) =>
  /src.\\w+\\.ts$/.test(file) && code.includes('GREETING')
    ? { code: code.replace(/(['"])GREETING\\1/, JSON.stringify('"hello" in ' + file.split(/[\\\\/]/).at(-1) + ', without types: ' + !code.includes('interface'))) }
    : undefined;
export default { plugins: [dryrunner({ transforms: [{ name: 'greeting', transform }] })] };
`,
    );
    const { testResults } = await runVitest();
    const [rewritten, fails] = testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(rewritten).toMatchObject({ title: 'is rewritten', status: 'passed' });
    expect(fails?.failureMessages.join()).toMatch(/GREETING here\n\s+at fails \(.*src.fails\.ts:3:9\)/);
  });
});

describe('sim.load in a simTest', () => {
  beforeAll(() => {
    project = makeUserProject();
  });
  afterAll(() => project.remove());

  test('loads modules anew beside those that are imported, and failures point to the lines of the user', async () => {
    project.write(
      'src/lock.ts',
      `interface Lease {
  readonly until: number;
}

let lease: Lease | undefined;
let taken = 0;
export async function take(ms: number): Promise<number> {
  await new Promise<void>((resolve) => void setTimeout(resolve, 10));
  if (lease !== undefined && lease.until > Date.now()) throw new Error('the lease is held');
  lease = { until: Date.now() + ms };
  return (taken += 1);
}
`,
    );
    project.write(
      'sims/lock.test.ts',
      `import { expect, test } from 'vitest';
import { simTest } from 'dryrunner/vitest';
import { take } from '../src/lock.ts';

simTest('is loaded anew', async (sim) => {
  const lock = await sim.load<typeof import('../src/lock.ts')>('../src/lock.ts');
  sim.check((await lock.take(1_000)) === 1, 'nobody has taken it before');
  sim.check(lock.take !== take, 'it is another one');
}, { runs: 30 });

simTest('fails', async (sim) => {
  const lock = await sim.load<typeof import('../src/lock.ts')>('../src/lock.ts');
  await lock.take(1_000);
  await lock.take(1_000);
});

test('real time goes on', async () => expect(await take(0)).toBe(1));
`,
    );
    project.write(
      'vitest.config.mjs',
      `import dryrunner from 'dryrunner/vitest-plugin';\nexport default { plugins: [dryrunner()] };\n`,
    );
    const { testResults } = await runVitest();
    const ends = testResults.flatMap(({ assertionResults }) => assertionResults);
    if (ends.length === 0) throw new Error(testResults.map(({ message }) => message).join('\n'));
    expect(ends.map(({ title, status }) => [title, status])).toEqual([
      ['is loaded anew', 'passed'],
      ['fails', 'failed'],
      ['real time goes on', 'passed'],
    ]);
    const message = ends[1]?.failureMessages.join('\n') ?? '';
    expect(message).toContain('the lease is held');
    expect(message).toMatch(/src\/lock\.ts:9:\d+/);
    expect(message).not.toContain('dryrunner-bundle');
  });
});

describe('mocks of Vitest', () => {
  beforeAll(() => {
    project = makeUserProject();
  });
  afterAll(() => project.remove());

  test('take the path of an import, and are moved with their awaits, whatever is rewritten', async () => {
    project.write('src/words.ts', `export const [first, second]: string[] = ['real', 'real'];\n`);
    project.write(
      'mocks.test.ts',
      `import { expect, test, vi } from 'vitest';
import { first, second } from './src/words.ts';
vi.mock(import('./src/words.ts'), async (original) => ({ ...(await original()), first: 'mocked' }));
const hoisted = await vi.hoisted(async () => (await import('node:os')).EOL);
test('by vi.mock', async () => {
  expect([first, second, hoisted]).toEqual(['mocked', 'real', '\\n']);
  expect((await import('./src/words.ts')).first).toBe('mocked');
});
test('by vi.doMock', async () => {
  vi.doMock(await import('./src/words.ts'), () => ({ first: 'again' }));
  expect((await import('./src/words.ts')).first).toBe('again');
});
`,
    );
    project.write(
      'vitest.config.mjs',
      `import dryrunner from 'dryrunner/vitest-plugin';
import { awaitTransform } from 'dryrunner/ambient';
const both = dryrunner({ transforms: [awaitTransform({ include: [/test\\.ts$/] })] });
export default { test: { projects: [
  { plugins: [dryrunner()], test: { name: 'imports' } }, { plugins: [both], test: { name: 'awaits too' } },
] } };
`,
    );
    const { testResults } = await runVitest();
    const ends = testResults.flatMap(({ message, assertionResults }) => [
      ...(message === '' ? [] : [message]),
      ...assertionResults.map(({ title, status, failureMessages }) => [title, status, ...failureMessages]),
    ]);
    const passed = [
      ['by vi.mock', 'passed'],
      ['by vi.doMock', 'passed'],
    ];
    expect(ends).toEqual([...passed, ...passed]);
  });
});

describe('imports in the midst of a simTest', () => {
  beforeAll(() => {
    project = makeUserProject();
  });
  afterAll(() => project.remove());

  test('take no virtual time, whatever is due, and are the same in each execution', async () => {
    for (const name of ['one', 'two']) {
      project.write(`src/plugins/${name}.ts`, `export const name: string = '${name}';\n`);
    }
    project.write('src/plugins/broken.ts', `throw new Error('it does not load');\n`);
    project.write(
      'src/lazy.ts',
      `export const literal = async (): Promise<string> => (await import('./plugins/one.ts')).name;
export const named = async (name: string): Promise<string> => (await import(\`./plugins/\${name}.ts\`)).name;
export const failing = async (): Promise<void> => { await import('./plugins/two.ts'); throw new Error('at a column'); };
`,
    );
    project.write(
      'sims/lazy.test.ts',
      `import { expect, test } from 'vitest';
import { createNetwork } from 'dryrunner/cluster';
import { simTest } from 'dryrunner/vitest';
import { failing, literal, named } from '../src/lazy.ts';

const first = (loads: Promise<string>) => new Promise<string>((resolve) => {
  const timer = setTimeout(resolve, 1, 'late');
  void loads.then((name) => { clearTimeout(timer); resolve(name); });
});

simTest('comes before what is due later', async (sim) => {
  const began = Date.now();
  const all = await Promise.all([
    first(literal()), first(named('two')), first(import('fast-check').then(() => 'package')),
  ]);
  sim.check(all.join() === 'one,two,package', 'got ' + all.join());
  sim.check(Date.now() === began, 'it takes no time');
  await named('broken').then(() => sim.check(false, 'it loads'), (error: Error) => sim.check(error.message === 'it does not load', error.message));
}, { runs: 20 });

simTest('of a node comes to the node', async (sim) => {
  const net = createNetwork(sim);
  net.node('server', () => ({ name: () => named('one') }), { skew: { offsetMs: 5_000 }, faults: { crash: 4 } });
  const server = net.connect<{ name(): Promise<string> }>('server');
  const got = await server.name().catch((error: { code: string }) => error.code);
  sim.check(got === 'one' || /^RUNNER_(?:NODE_DOWN|CALL_LOST|CALL_TIMED_OUT)$/.test(got), got);
  sim.sometimes('it answers', got === 'one');
}, { runs: 40 });

simTest('in what sim.load has loaded', async (sim) => {
  const lazy = await sim.load<typeof import('../src/lazy.ts')>('../src/lazy.ts');
  sim.check((await first(lazy.literal())) === 'one', 'a literal is part of it');
  const said = await lazy.named('one').catch((error: Error) => error.message);
  sim.check(process.features.typescript ? said === 'one' : said.includes('plugins/one.ts"): Node cannot load TypeScript'), said);
}, { runs: 3 });

simTest('fails at its own column', async () => failing());

test('is an ordinary import elsewhere', async () => expect(await named('one')).toBe('one'));
`,
    );
    project.write(
      'vitest.config.mjs',
      `import dryrunner from 'dryrunner/vitest-plugin';\nexport default { plugins: [dryrunner()] };\n`,
    );
    const { testResults } = await runVitest();
    if (testResults.every(({ assertionResults }) => assertionResults.length === 0)) {
      throw new Error(testResults.map(({ message }) => message).join('\n'));
    }
    const ends = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failures = ends.map(({ title, status, failureMessages }) => [
      title,
      status,
      failureMessages.join(),
    ]);
    expect(failures).toEqual([
      ['comes before what is due later', 'passed', ''],
      ['of a node comes to the node', 'passed', ''],
      ['in what sim.load has loaded', 'passed', ''],
      ['fails at its own column', 'failed', expect.stringMatching(/at failing \(.*src.lazy\.ts:3:93\)/)],
      ['is an ordinary import elsewhere', 'passed', ''],
    ]);
  });
});
