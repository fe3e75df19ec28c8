import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { rootOf } from '../../src/vitest/test-root.ts';

const top = mkdtempSync(join(tmpdir(), 'dryrunner-root-'));
const folderWith = (name: string, ...files: readonly string[]): string => {
  mkdirSync(join(top, name), { recursive: true });
  for (const file of files) writeFileSync(join(top, name, file), '');
  return join(top, name);
};
afterAll(() => rmSync(top, { recursive: true }));

const plain = folderWith('plain');
const configured = folderWith('configured', 'vitest.config.ts');
const below = folderWith('configured/below');
const setting = folderWith('setting', 'vitest.config.ts');
writeFileSync(join(setting, 'vitest.config.ts'), "export default { root: 'own' };");
const set = folderWith('setting/own', 'vite.config.mjs');
const own = folderWith('configured/own', 'vite.config.mjs');

test.for([
  ['the current folder', plain, plain, '', undefined],
  ['another folder', join(plain, 'lib'), plain, '', join(plain, 'lib')],
  ['a folder above', plain, join(plain, 'lib'), '', plain],
  ['a project of another folder', join(plain, 'lib'), plain, 'unit', join(plain, 'lib')],
  ['a folder that the configuration may have set', below, configured, '', undefined],
  ['a folder with a configuration of its own', own, configured, '', own],
  [
    'a folder with a configuration of its own, where the other one sets the root',
    set,
    setting,
    '',
    undefined,
  ],
  ['a project of the configuration', own, configured, 'unit', undefined],
] as const)('%s as root', ([, root, folder, projectName, expected]) => {
  const file = { filepath: `${root}/test/a.test.ts`, name: 'test/a.test.ts', projectName };
  expect(rootOf(file, folder)).toBe(expected);
});

test('a file whose name is not its path has no root', () => {
  expect(rootOf({ filepath: '/work/a.test.ts', name: 'b.test.ts' }, '/')).toBeUndefined();
  expect(rootOf({ filepath: '/work/a.test.ts', name: '' }, '/')).toBeUndefined();
});
