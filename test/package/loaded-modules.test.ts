import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { listFiles, readProjectFile } from '../../scripts/module-graph.ts';

test('the package holds each module that threads and loaders get by its path', () => {
  const names = listFiles(['src']).flatMap((file) =>
    Array.from(readProjectFile(file).matchAll(/\bcodeModule\('([^']+)'\)/g), ([, name = '']) => name),
  );
  expect(names.length).toBeGreaterThan(2);
  const folder = inject('builtPackage');
  expect(names.filter((name) => !existsSync(join(folder, 'dist', `${name}.js`)))).toEqual([]);
});
