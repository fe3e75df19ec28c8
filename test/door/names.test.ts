// The names that leave by the doors: few, each by one door, each used by those who show how, each explained.
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { listFiles, readModule, readProjectFile } from '../../scripts/module-graph.ts';
import { packageDoors } from '../../scripts/package-doors.ts';
import { exampleBlocks } from '../docs/code-blocks.ts';

interface DoorName {
  readonly door: string;
  readonly name: string;
  readonly isType: boolean;
  /** The doc comment of what it is; empty if it has none. */
  readonly comment: string;
}

function namesOf({ specifier, source }: { specifier: string; source: string }): DoorName[] {
  const door = readModule(source);
  return door.source.statements.filter(ts.isExportDeclaration).flatMap((statement) => {
    const { exportClause, isTypeOnly, moduleSpecifier } = statement;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    const from = (moduleSpecifier as ts.StringLiteral).text;
    const path = door.imports.find((each) => each.specifier === from)?.target ?? '';
    return exportClause.elements.map((element) => ({
      door: specifier,
      name: element.name.text,
      isType: isTypeOnly || element.isTypeOnly,
      comment: commentOf(path, (element.propertyName ?? element.name).text),
    }));
  });
}

function commentOf(path: string, name: string): string {
  const { source, exports } = readModule(path);
  const declared = exports.find((each) => each.name === name);
  const statement = source.statements.find((each) => {
    const lineOf = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1;
    const { line = 0 } = declared ?? {};
    return lineOf(each.getStart(source)) <= line && line <= lineOf(each.end);
  });
  const comments = statement === undefined ? [] : ts.getJSDocCommentsAndTags(statement);
  return comments.filter(ts.isJSDoc).at(-1)?.getText(source) ?? '';
}

const names = packageDoors().flatMap(namesOf);
const values = names.filter(({ isType }) => !isType);
const shown = ({ door, name }: DoorName): string => `${door}: ${name}`;

/** Pages, scenarios and tests that show how something is used; the examples of doc comments become pages. */
function userTexts(): string[] {
  const pages = [...listFiles(['docs'], '.md'), 'README.md'].filter((path) => !path.startsWith('docs/api/'));
  const others = listFiles(['sims', 'test/door']);
  const examples = listFiles(['src']).flatMap((path) => exampleBlocks(path, readProjectFile(path)));
  return [...[...pages, ...others].map(readProjectFile), ...examples.map(({ code }) => code)];
}

describe('names that leave by a door', () => {
  test('`dryrunner` has at most 120 values', () => {
    const main = values.filter(({ door }) => door === 'dryrunner');
    expect(main.length).toBeGreaterThan(60);
    expect(main.length).toBeLessThanOrEqual(120);
  });

  test('README says what is behind each door', () => {
    const readme = readProjectFile('README.md');
    const rows = packageDoors().filter(({ specifier }) => !readme.includes(`| \`${specifier}\` |`));
    expect(rows.map(({ specifier }) => specifier)).toEqual([]);
  });

  test('no name leaves by two doors', () => {
    const doubled = names.filter(({ name }) => names.filter((other) => other.name === name).length > 1);
    expect(doubled.map(shown)).toEqual([]);
  });

  test('each value is used by a page, a scenario, an example or a test of the doors', () => {
    const texts = userTexts();
    const idle = values.filter(({ name }) => !texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
    expect(idle.map(shown)).toEqual([]);
  });

  test('each has a doc comment, and each value an example or a link to one', () => {
    const linked = new Set(
      names.filter(({ comment }) => comment.includes('@example')).map(({ name }) => name),
    );
    const hasExample = ({ comment }: DoorName): boolean =>
      comment.includes('@example') ||
      [...comment.matchAll(/\{@link (\w+)/g)].some(([, name = '']) => linked.has(name));
    const bare = names.filter(({ comment }) => comment === '');
    const unshown = values.filter((each) => !hasExample(each));
    expect([...bare, ...unshown].map(shown)).toEqual([]);
  });
});
