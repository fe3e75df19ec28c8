import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { parseModule, readModules } from '../../scripts/module-graph.ts';
import type { SourceModule } from '../../scripts/module-graph.ts';
import { packageDoors } from '../../scripts/package-doors.ts';

const doors = new Set(packageDoors().map(({ source }) => source));

function importedLocals(source: ts.SourceFile): Set<string> {
  const locals = new Set<string>();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings !== undefined && ts.isNamedImports(bindings)) {
      for (const { name } of bindings.elements) locals.add(name.text);
    }
  }
  return locals;
}

function reexportProblems(module: SourceModule): string[] {
  const { path, imports, exports, source } = module;
  if (doors.has(path)) {
    const starred = imports.filter(({ reexport, names }) => reexport && names === undefined);
    return [
      ...starred.map(({ line }) => `${path}:${line} a door re-exports by name`),
      ...exports.map(({ name, line }) => `${path}:${line} a door declares nothing itself, but ${name} is`),
    ];
  }
  const locals = importedLocals(source);
  return [
    ...imports.filter(({ reexport }) => reexport).map(({ line }) => `${path}:${line} only doors re-export`),
    ...exports
      .filter(({ name }) => locals.has(name))
      .map(({ line }) => `${path}:${line} only doors re-export`),
  ];
}

describe('package doors', () => {
  test('only doors re-export, by name, and they do nothing else', () => {
    expect(readModules(['src']).flatMap(reexportProblems)).toEqual([]);
  });

  test.for([
    ['src/store/a.ts', `export { b } from './b.ts';`, 'only doors re-export'],
    ['src/store/a.ts', `import { b } from './b.ts'; export { b };`, 'only doors re-export'],
    ['src/index.ts', `export * from './store/b.ts';`, 'a door re-exports by name'],
    ['src/index.ts', `export const b = 1;`, 'a door declares nothing itself'],
  ] as const)('in %s, `%s` is refused', ([path, text, problem]) => {
    expect(reexportProblems(parseModule(path, text))).toEqual([expect.stringContaining(problem)]);
  });

  test('a door that re-exports by name passes', () => {
    expect(reexportProblems(parseModule('src/index.ts', `export { b } from './store/b.ts';`))).toEqual([]);
  });
});
