import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

test('a debugger finds each source of the package in its map, as src is not shipped', () => {
  const dist = join(inject('builtPackage'), 'dist');
  const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js.map'),
  );
  expect(maps.length).toBeGreaterThan(0);
  const missing = maps.flatMap((name) => {
    const { sources, sourcesContent = [] } = JSON.parse(readFileSync(join(dist, name), 'utf8')) as SourceMap;
    return sources.filter((_, index) => !sourcesContent[index]);
  });
  expect(missing).toEqual([]);
});
