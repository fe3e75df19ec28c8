import { expect, test } from 'vitest';
import { readProjectFile } from '../../scripts/module-graph.ts';

test('docs/errors.md has one heading for each error code, in the order of the type', () => {
  const union = readProjectFile('src/kernel/errors.ts')
    .split('export type RunnerErrorCode =')[1]
    ?.split(';\n')[0];
  const codes = union?.match(/(?<=\| ')\w+(?=')/g) ?? [];
  const headings = readProjectFile('docs/errors.md').match(/(?<=^## )\w+$/gm);
  expect(codes.length).toBeGreaterThan(20);
  expect(headings).toEqual(codes);
});
