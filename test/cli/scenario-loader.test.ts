import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/cli/exit-status.ts';
import { findScenarios, nameScenarios } from '../../src/cli/scenario-loader.ts';

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
      'exports no scenario "four"; it has the-first, one, the-third',
    );
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
