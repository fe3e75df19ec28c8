import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { vitestRootAbove } from '../../src/host/vitest-config.ts';

const top = mkdtempSync(join(tmpdir(), 'dryrunner-config-'));
const folderWith = (name: string, ...files: readonly string[]): string => {
  mkdirSync(join(top, name), { recursive: true });
  for (const file of files) writeFileSync(join(top, name, file), '');
  return join(top, name);
};
afterAll(() => rmSync(top, { recursive: true }));

test('above a file that is known by its path, the nearest configuration below a folder without one counts', () => {
  const nested = folderWith('apps/shop/test');
  folderWith('apps', 'vite.config.ts');
  folderWith('apps/shop', 'vitest.config.ts');
  const file = join(nested, 'a.test.ts');
  expect(vitestRootAbove(file, top)).toBe(join(top, 'apps/shop'));
  expect(vitestRootAbove('apps/shop/test/a.test.ts', top)).toBe(join(top, 'apps/shop'));
  expect(vitestRootAbove(file, nested)).toBeUndefined();
  expect(vitestRootAbove(file, join(top, 'apps'))).toBeUndefined();
  expect(vitestRootAbove(join(folderWith('plain'), 'a.test.ts'), top)).toBeUndefined();
  expect(vitestRootAbove(join(top, 'apps-other/a.test.ts'), join(top, 'apps'))).toBeUndefined();
});
