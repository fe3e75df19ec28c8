import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { readProjectFile } from '../../scripts/module-graph.ts';
import { bugs, leftOut } from '../../scripts/zoo/catalog.ts';
import { editedSource } from '../../scripts/zoo/edited-source.ts';
import { transpiled } from '../../scripts/zoo/package-copy.ts';

/** Every number that docs/defects.md gives a defect of its own, and the one that it never gave. */
function numbers(): string[] {
  const defects = [...readProjectFile('docs/defects.md').matchAll(/^- \*\*(D\d+)\*\*/gm)];
  return [...new Set(defects.map(([, id]) => id as string))];
}

/** The number of the defect that a bug brings back: `D43` of `D43b`. */
const numberOf = (id: string): string => id.replace(/[a-z]$/, '');

/**
 * Names, properties and members that are not there: a ReferenceError or TypeError would be found in the place of the
 * bug.
 */
const MISSING_NAMES: ReadonlySet<number> = new Set([2304, 2305, 2339, 2551, 2552, 2724]);

/** Finds names that the files of a bug use and nothing declares. */
function createNameCheck(): (edited: ReadonlyMap<string, string>) => string[] {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile) as { config: unknown };
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd());
  let edits: ReadonlyMap<string, string> = new Map();
  let version = 0;
  const textOf = (path: string): string | undefined => edits.get(path) ?? ts.sys.readFile(path);
  const service = ts.createLanguageService({
    getScriptFileNames: () => fileNames.filter((path) => /\/(?:src|sims\/zoo)\//.test(path)),
    // A file of the bug before has its own text again.
    getScriptVersion: (path) => (edits.has(path) ? `edited ${version}` : 'as it is'),
    getScriptSnapshot: (path) => ts.ScriptSnapshot.fromString(textOf(path) ?? ''),
    getCurrentDirectory: () => process.cwd(),
    getCompilationSettings: () => options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: textOf,
  });
  return (edited) => {
    edits = new Map([...edited].map(([file, text]) => [resolve(file), text]));
    version += 1;
    return [...edits.keys()]
      .flatMap((path) => service.getSemanticDiagnostics(path))
      .filter(({ code }) => MISSING_NAMES.has(code))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  };
}

describe('the catalog of the zoo', () => {
  test('no edit uses a name that is not there', () => {
    const missingIn = createNameCheck();
    const missing = bugs.flatMap(({ id, edits }) => {
      const edited = edits.map(
        ({ file }) => [file, editedSource(file, readProjectFile(file), edits)] as const,
      );
      return missingIn(new Map(edited)).map((text) => `${id}: ${text}`);
    });
    expect(missing).toEqual([]);
  }, 300_000);

  test.for(bugs.map((bug) => [bug.id, bug] as const))('%s can be planted in the code as it is', ([, bug]) => {
    for (const file of new Set(bug.edits.map((edit) => edit.file))) {
      const text = readProjectFile(file);
      const edited = editedSource(file, text, bug.edits);
      expect(transpiled(file, edited)).not.toBe(transpiled(file, text));
    }
  });

  test.for(bugs.map((bug) => [bug.id, bug.scenario] as const))('%s has a scenario: %s', ([, scenario]) => {
    const text = readFileSync(`sims/zoo/${scenario}.ts`, 'utf8');
    expect(text.match(/defineScenario</g)).toHaveLength(1);
  });

  test('no two bugs have one id', () => {
    const ids = bugs.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  test('every defect is planted or left out for a reason, and none is both', () => {
    const planted = new Set(bugs.map(({ id }) => numberOf(id)).filter((id) => /^D\d+$/.test(id)));
    const excused = new Set(leftOut.map(({ id }) => id));
    expect(numbers().filter((id) => !planted.has(id) && !excused.has(id))).toEqual([]);
    expect([...excused].filter((id) => planted.has(id))).toEqual([]);
    expect([...planted, ...excused].filter((id) => !numbers().includes(id))).toEqual([]);
  });

  test('no reason is empty', () => {
    const reasons = [...leftOut.map(({ reason }) => reason), ...bugs.flatMap(({ knows }) => knows ?? [])];
    expect(reasons.filter((reason) => reason.length < 20)).toEqual([]);
  });
});

describe('an edit', () => {
  const edit = { file: 'a.ts', find: 'one', replace: '$& two' };

  test('replaces its text verbatim, in its own file only', () => {
    expect(editedSource('a.ts', 'say one.', [edit])).toBe('say $& two.');
    expect(editedSource('b.ts', 'say one.', [edit])).toBe('say one.');
  });

  test.for([
    ['is not there', 'say none of it', 'zero', 'found it 0 times'],
    ['is there twice', 'one and one', 'zero', 'found it 2 times'],
    ['stays the same', 'say one.', 'one', 'changes nothing'],
  ] as const)('whose text %s is refused', ([, text, replace, problem]) => {
    const edits = [{ ...edit, replace, find: text === 'say none of it' ? 'two' : 'one' }];
    expect(() => editedSource('a.ts', text, edits)).toThrow(problem);
  });

  test('that breaks the syntax is refused', () => {
    expect(() => transpiled('a.ts', 'const a = ;')).toThrow('a.ts');
  });
});
