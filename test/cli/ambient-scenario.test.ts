// Scenarios of code that takes timers and clocks of the machine when it is loaded, as the commands and their threads load them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonLines } from './command.ts';
import { makeUserProject, type UserProject } from './user-project.ts';

const LEASE = `
const { setTimeout: later } = globalThis;
const { now } = Date;
const random = Math.random;
export class Lease {
  #until = 0;
  constructor(ms) { this.ms = ms; }
  take() { if (now() < this.#until) return false; this.#until = now() + this.ms; return true; }
}
export const pause = (ms) => new Promise((resolve) => { later(resolve, ms); });
export const jitter = () => Math.floor(random() * 4);
`;
const SCENARIO = `
import { ambientTime } from 'dryrunner/ambient';
import { Lease, pause, jitter } from 'lease';
export const lease = {
  name: 'lease',
  description: 'Two clients never hold one lease.',
  options: { ambient: ambientTime() },
  async run(sim) {
    const lease = new Lease(1_000);
    let holders = 0;
    const client = async () => {
      await pause(jitter());
      if (!lease.take()) return;
      holders += 1;
      sim.check(holders === 1, 'two hold it');
      await pause(sim.choose('slow', 2) === 0 ? 10 : 3_600_000);
      holders -= 1;
    };
    await Promise.all([client(), client(), pause(5_000).then(client)]);
  },
};
`;

let project: UserProject;
beforeAll(() => {
  project = makeUserProject();
  project.writePackage('lease', 'module', LEASE);
  project.write('lease.mjs', SCENARIO);
  project.write('lease.ts', SCENARIO.replace('(sim)', '(sim: import("dryrunner").Simulation)'));
});
afterAll(() => project.remove());

describe('code that takes functions of the machine when it is loaded', () => {
  test('is in virtual time in run, explore, replay and explain', async () => {
    const ran = await project.dryrunner(['run', './lease.mjs', '--seeds', '40', '--json']);
    expect(ran).toMatchObject({ code: 1, err: '' });
    const failures = jsonLines(ran.out).flatMap(({ failure }) =>
      failure === undefined ? [] : [failure as { kind: string }],
    );
    expect(new Set(failures.map(({ kind }) => kind))).toEqual(new Set(['check']));

    const explored = await project.dryrunner([
      'explore',
      './lease.mjs',
      '--executions',
      '200',
      '--workers',
      '2',
      '--json',
    ]);
    const [token = 'none'] = /dr2:[^\s"]+/.exec(explored.out) ?? [];
    const failed = { code: 1, err: '', out: expect.stringContaining('two hold it') as string };
    expect(await project.dryrunner(['replay', token])).toMatchObject(failed);
    expect(await project.dryrunner(['explain', token])).toMatchObject(failed);
    expect(await project.dryrunner(['list', './lease.mjs'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('lease') as string,
    });
  });

  test('is so in TypeScript, which tsx loads', async () => {
    const args = ['explore', './lease.ts', '--executions', '200', '--workers', '2', '--json'];
    const { out, err } = await project.dryrunner(args, ['--import', 'tsx']);
    expect(err).toBe('');
    expect(out).toContain('two hold it');
    expect(out).not.toContain('escape');
  });

  test.for([[[]], [['--import', 'tsx']]] as const)(
    'is so in a script: node --import dryrunner/ambient/install %j',
    async ([more]) => {
      project.write(
        'script.mjs',
        `
import { simulate } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { pause, jitter } from 'lease';
const began = Date.now();
const { virtualMs, held, failure } = await simulate({ ambient: ambientTime(), scenario: async () => { await pause(3_600_000); jitter(); } });
if (!held) throw failure.cause;
console.log(virtualMs, Date.now() - began < 60_000);
`,
      );
      const args = ['--import', 'dryrunner/ambient/install', ...more, 'script.mjs'];
      const { out, err } = await project.node(...args);
      expect(out + err).toBe('3600000 true\n');
    },
  );
});

describe('modules that sim.load loads', () => {
  beforeAll(() => {
    project.write(
      'src/registry.ts',
      `import { next } from './ids.ts';

interface Entry {
  readonly id: number;
}

const entries: Entry[] = [];
export async function register(): Promise<Entry> {
  const id: number = await next();
  if (entries.some((entry) => entry.id === id)) throw new Error('the id ' + id + ' is given twice');
  entries.push({ id });
  return { id };
}
`,
    );
    project.write(
      'src/ids.ts',
      `let last = 0;
const jitter = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.floor(Math.random() * 3));
  });
export async function next(): Promise<number> {
  const id = last + 1;
  await jitter();
  last = id;
  return id;
}
`,
    );
    project.write(
      'sims/registry.mjs',
      `import { ambientTime } from 'dryrunner/ambient';
export const registry = {
  name: 'registry',
  description: 'Ids are given once.',
  options: { ambient: ambientTime() },
  async run(sim) {
    const { register } = await sim.load('../src/registry.ts');
    const { id } = await register();
    sim.check(id === 1, 'state is left of an execution before');
    if (sim.choose('both at once', 2) === 0) return;
    await Promise.all([register(), register()]);
  },
};
`,
    );
  });

  test.for([[[]], [['--import', 'tsx']]] as const)(
    'are new in each execution of a command, and failures name their lines: node %j',
    async ([nodeArgs]) => {
      const run = (...args: readonly string[]): ReturnType<UserProject['dryrunner']> =>
        project.dryrunner(args, nodeArgs);
      const explored = await run('explore', './sims/registry.mjs', '--executions', '300', '--workers', '2');
      expect(explored.err).toBe('');
      expect(explored.out).toContain('the id 2 is given twice');
      expect(explored.out).toMatch(/register \(src\/registry\.ts:10:\d+\)|src\/registry\.ts:10/);
      expect(explored.out).not.toContain('dryrunner-bundle');
      const [token = 'none'] = /dr2:[^\s"]+/.exec(explored.out) ?? [];
      const replayed = await run('replay', token);
      expect(replayed).toMatchObject({
        code: 1,
        err: '',
        out: expect.stringContaining('the id 2 is given twice') as string,
      });
      expect(replayed.out).not.toContain('dryrunner-bundle');
      const ran = await run('run', './sims/registry.mjs', '--seeds', '20');
      expect(ran.out).toMatch(/registry\.ts:10/);
      expect(ran.out).not.toContain('state is left');
    },
  );
});

describe('an import() while timers are due', () => {
  const run = `async (sim) => {
    const ticking = setInterval(() => {}, 10);
    const { isLoaded } = await import('./imported.mjs');
    sim.check(isLoaded && sim.now() === 0, 'it is there at ' + sim.now() + ' ms');
    clearInterval(ticking);
  }`;
  const scenario = `{ name: 'imports', description: 'Imports a module.', options: { ambient: ambientTime() }, run: ${run} }`;
  const files = {
    'imports.mjs': `import { ambientTime } from 'dryrunner/ambient'; export const imports = ${scenario};`,
    'imports.cjs': `const { ambientTime } = require('dryrunner/ambient'); module.exports = ${scenario};`,
  };
  test.for([
    ['imports.mjs', []],
    ['imports.cjs', []],
    ['imports.mjs', ['--import', 'tsx']],
  ] as const)('in %s, with %j, lets no time pass', async ([file, args]) => {
    project.write(file, files[file]);
    project.write('imported.mjs', 'export const isLoaded = true;');
    const command = ['explore', `./${file}`, '--executions', '20', '--workers', '2'];
    expect(await project.dryrunner(command, args)).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('imports: no failure') as string,
    });
  });
});
