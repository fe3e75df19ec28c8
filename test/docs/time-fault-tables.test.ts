import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { TIME_FAULTS } from '../../src/ambient/time-faults.ts';

const faults = Object.entries(TIME_FAULTS);
const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

test('docs/ambient.md has a row for each fault of time, which names its options', () => {
  const lines = read('docs/ambient.md').split('\n');
  const first = lines.indexOf('| fault | what happens | options |') + 2;
  const rows = faults.map(([, { shape }], at) => {
    const [, name = '', , options = ''] = (lines[first + at] ?? '').split('|').map((cell) => cell.trim());
    const own = [...shape.fields.keys()].filter((field) => field !== 'oneIn');
    return [
      name,
      options === '–' ? own.length === 0 : own.every((field) => options.startsWith(`\`${field}\`: `)),
    ];
  });
  expect(rows).toEqual(faults.map(([name]) => [`\`${name}\``, true]));
  expect(lines[first + faults.length]).toBe('');
});

test('the help of npm run foreign names each fault of time', () => {
  const help =
    read('scripts/foreign.ts')
      .split('\n')
      .find((line) => line.includes('--fault NAME')) ?? '';
  for (const [name] of faults) expect(help).toContain(name);
});
