import { describe, expect, test } from 'vitest';
import { parseModule, readModules, readProjectFile } from '../../scripts/module-graph.ts';
import type { SourceModule } from '../../scripts/module-graph.ts';
import { FLOORS, floorViolation, folderOf } from './floors.ts';
import { findCycles } from './import-cycles.ts';

function violationsOf(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.flatMap(({ target, line }) => {
      if (target === undefined) return [];
      const why = target.startsWith('src/')
        ? floorViolation(folderOf(path), folderOf(target))
        : `src does not import ${target}`;
      return why === undefined ? [] : [`${path}:${line} ${why}`];
    }),
  );
}

const modules = readModules(['src']);

describe('the floors of src', () => {
  test('every import stays in its folder or goes to an allowed floor', () => {
    expect(violationsOf(modules)).toEqual([]);
  });

  test('there are no import cycles, of types neither', () => {
    expect(findCycles(modules)).toEqual([]);
  });

  test.for([
    ['src/store/a.ts', '../model/b.ts', undefined],
    ['src/store/a.ts', '../execers/b.ts', 'may use kernel, model'],
    ['src/store/a.ts', '../runners/b.ts', 'may use kernel, model'],
    ['src/outputs/a.ts', '../filers/b.ts', 'may use kernel, model'],
    ['src/host/a.ts', '../ambient/b.ts', 'may use floors 0–5'],
    ['src/host/a.ts', '../check/b.ts', 'may use floors 0–5'],
    ['src/cli/a.ts', '../host/b.ts', undefined],
    ['src/cli/a.ts', '../conformance/b.ts', undefined],
    ['src/cli/a.ts', '../vitest/b.ts', 'may use anything but each other'],
    ['src/index.ts', './simulation/b.ts', undefined],
    ['src/index.ts', './host/b.ts', 'may use floors 0–4'],
    ['src/cli/a.ts', '../index.ts', 'nothing in src imports the door'],
    ['src/oddity/a.ts', '../kernel/b.ts', 'is in no row'],
    ['src/store/a.ts', '../../test/b.ts', 'src does not import test/b.ts'],
  ] as const)('from %s, %s: %s', ([path, specifier, expected]) => {
    const found = violationsOf([parseModule(path, `import type { x } from '${specifier}';`)]);
    if (expected === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(expected)]);
  });

  test('a planted cycle is found through types, dynamic imports and re-exports', () => {
    const planted = [
      parseModule('src/store/a.ts', `import type { B } from './b.ts';`),
      parseModule('src/store/b.ts', `export const c = (): unknown => import('./c.ts');`),
      parseModule('src/store/c.ts', `export { a } from './a.ts';`),
      parseModule('src/store/d.ts', `import { a } from './a.ts';`),
    ];
    expect(findCycles(planted)).toEqual([
      'src/store/a.ts → src/store/b.ts → src/store/c.ts → src/store/a.ts',
    ]);
  });
});

describe('ARCHITECTURE.md', () => {
  test('shows the same table of floors', () => {
    const rows = readProjectFile('ARCHITECTURE.md')
      .split('\n')
      .filter((line) => /^\| (\d|edge|door) \|/.test(line))
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .map(([, floor, folders, , mayUse]) => ({ floor, folders, mayUse }));
    const expected = FLOORS.map(({ floor, folders, mayUse }) => ({
      floor,
      folders: folders.map((folder) => `\`src/${folder}${folder.includes('.') ? '' : '/'}\``).join(', '),
      mayUse,
    }));
    expect(rows).toEqual(expected);
  });
});
