import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/cli/exit-status.ts';
import { findScenarios, nameScenarios } from '../../src/cli/scenario-loader.ts';
import { jsonLines, run } from './command.ts';

test('a shipped scenario is found by the name that it has once loaded', async () => {
  const loaded = (await findScenarios([])).map(({ definition }) => definition.name);
  expect((await nameScenarios([])).map(({ name }) => name)).toEqual(loaded);
  expect(loaded).toContain('polling-client');
});

test('a scenario of a file is found by its own name, and by that of its export if no scenario has it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-loader-'));
  try {
    const file = join(folder, 'some.mjs');
    const scenario = (name: string): string => `{ name: '${name}', description: 'of a test', run() {} }`;
    await writeFile(
      file,
      `export const one = ${scenario('the-first')};
       export const two = ${scenario('one')};
       export const three = ${scenario('the-third')};`,
    );
    const found = async (name: string): Promise<string[]> =>
      (await findScenarios([`${file}#${name}`])).map(({ definition }) => definition.name);
    expect(await found('the-first')).toEqual(['the-first']);
    expect(await found('one')).toEqual(['one']);
    expect(await found('three')).toEqual(['the-third']);
    await expect(found('four')).rejects.toThrow(
      'exports no scenario "four"; it has the-first, the-third, one',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.for([
  ['a CommonJS file', 's.cjs', "module.exports = { b: make('b'), a: make('a'), list: [make('c')] };"],
  [
    'a default export',
    's.mjs',
    "export default { b: make('b'), a: make('a'), list: [make('c')], other: 1 };",
  ],
  [
    'a default export beside others of the same name',
    't.mjs',
    "export const b = make('b'); export default { b: make('c'), a: make('a') };",
  ],
  [
    'a default export that repeats others',
    'u.mjs',
    "export const c = make('c'); export const [a, b] = ['a', 'b'].map(make); export default { c, a, b };",
  ],
] as const)('each scenario of %s is found', async ([, name, text]) => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-loader-'));
  try {
    const file = join(folder, name);
    await writeFile(file, `const make = (name) => ({ name, description: 'of a test', run() {} });\n${text}`);
    const names = async (reference: string): Promise<string[]> =>
      (await findScenarios([reference])).map(({ definition }) => definition.name);
    expect((await names(file)).sort()).toEqual(['a', 'b', 'c']);
    expect(await names(`${file}#b`)).toEqual(['b']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

// Under Vitest a CommonJS file has all its names, so the command loads this one.
test('the command runs each scenario of a CommonJS file, by the names of its exports', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-loader-'));
  try {
    const file = join(folder, 's.cjs');
    await writeFile(
      file,
      `const make = (name, run) => ({ name, description: 'of a test', run });
       module.exports = { x: make('third', () => {}), w: make('second', () => {}), v: make('first', (sim) => sim.check(false, 'fails')) };`,
    );
    const { code, out } = await run('run', file, '--json');
    const rows = jsonLines(out).filter(({ type }) => type === 'scenario');
    expect([code, ...rows.map(({ scenario }) => scenario)]).toEqual([1, 'first', 'second', 'third']);
    expect((await run('list', `${file}#w`)).out).toContain('second');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a file that the system cannot look up is a usage error that says why', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-loader-'));
  try {
    await symlink('loop.ts', join(folder, 'loop.ts'));
    for (const [name, why] of [
      ['loop.ts', 'ELOOP'],
      [`${'n'.repeat(300)}.ts`, 'ENAMETOOLONG'],
    ] as const) {
      const file = join(folder, name);
      const found = findScenarios([file]);
      await expect(found).rejects.toBeInstanceOf(UsageError);
      await expect(found).rejects.toThrow(`${file}: expected a file that exports scenarios, got ${why}: `);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a mistyped path is a usage error that says from where it was looked up, and names no file of this package', async () => {
  const found = findScenarios(['./absent/cache.ts#get']);
  await expect(found).rejects.toBeInstanceOf(UsageError);
  await expect(found).rejects.toThrow(
    new UsageError(
      `./absent/cache.ts: expected a file that exports scenarios, but there is no such file (looked up from ${process.cwd()})`,
    ),
  );
});

test('a scenario with wrong options is refused with the name of its export', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-loader-'));
  try {
    const file = join(folder, 's.mjs');
    for (const [options, why] of [
      ["{ leftovers: 'ignored' }", /options\.leftovers.*got "ignored"/],
      ['{ maxEvent: 7 }', /options.*maxEvents/],
      ['7', /options.*got 7/],
    ] as const) {
      await writeFile(
        file,
        `export const other = { name: 'other', description: 'of a test', run() {} };
         export const wrong = { name: 'wrong', description: 'of a test', run() {}, options: ${options} };`,
      );
      const { code, out, err } = await run('run', file);
      expect(err).toMatch(/^error: .*s\.mjs: its export wrong is no scenario: [^\n]*\n$/);
      expect(err).toMatch(why);
      expect([code, out]).toEqual([2, '']);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a test of Vitest is said to be one, with the command that runs it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-loader-'));
  try {
    const file = join(folder, 'cache.test.mjs');
    // What it throws where no suite is being collected.
    const text = 'Vitest failed to find the current suite. One of the following is possible:';
    await writeFile(file, `throw new Error(${JSON.stringify(text)});`);
    await expect(findScenarios([file])).rejects.toThrow(
      new UsageError(
        `${file}: expected a file that exports scenarios, got a test of Vitest: run it with \`npx vitest run ${file}\``,
      ),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
