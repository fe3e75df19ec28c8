// Makes parts worse, one method after another, to see that the cases of a list can fail. A part is worse only for the bodies of cases: what
// surrounds them calls its methods too, and would fail beside a body that checks nothing.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect } from 'vitest';
import type { PartCase, PartSubject } from '../../../src/conformance/parts/part-case.ts';

/** Makes a part worse. */
export type Spoil = <T extends object>(part: T) => T;

/** From a line and column to another one, both as numbers that can be compared. */
type Span = readonly [from: number, to: number];

const COLUMNS = 10_000;
const FRAMES = 60;
const FRAME = /(\/[^\s()]+(?:-cases|spoilt\.test)\.ts):(\d+):(\d+)/;

const surroundings = new Map<string, readonly Span[]>();

/** The functions of a file that take the body of a case and run it. */
function surroundingsOf(file: string): readonly Span[] {
  const known = surroundings.get(file);
  if (known !== undefined) return known;
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const placeOf = (offset: number): number => {
    const { line, character } = source.getLineAndCharacterOfPosition(offset);
    return (line + 1) * COLUMNS + character + 1;
  };
  const takesBody = ({ parameters }: ts.SignatureDeclaration): boolean =>
    parameters.some(({ name }) => /\b(body|run)\b/.test(name.getText(source)));
  const spanOf = (node: ts.Node): readonly Span[] =>
    ts.isFunctionLike(node) && takesBody(node)
      ? [[placeOf(node.getStart(source)), placeOf(node.getEnd())]]
      : [];
  const found = source.statements.flatMap((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.flatMap(({ initializer }) =>
          initializer === undefined ? [] : spanOf(initializer),
        )
      : spanOf(statement),
  );
  surroundings.set(file, found);
  return found;
}

/** Whether a case itself is on the stack, by a line of a list of cases that is not in what surrounds bodies. */
function isInCase(): boolean {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error('place');
  Error.stackTraceLimit = before;
  const [inside = ''] = stack.split(/at (?:async )?PartCase\.prove/);
  return inside.split('\n').some((line) => {
    const [, file, row, column] = FRAME.exec(line) ?? [];
    if (file === undefined) return false;
    const at = Number(row) * COLUMNS + Number(column);
    return !surroundingsOf(file).some(([from, to]) => from <= at && at <= to);
  });
}

type Method = (...args: unknown[]) => unknown;

/** The same part with the method or value of that name changed. */
function without(name: string, instead: Method): Spoil {
  return (part) =>
    new Proxy(part, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return key === name && isInCase() ? 'spoilt' : value;
        const method = (value as Method).bind(target);
        return key === name ? (...args: unknown[]) => (isInCase() ? instead : method)(...args) : method;
      },
    });
}

/** Ways to spoil a method: it does nothing, or it does nothing and says so. */
const WAYS: readonly Method[] = [
  () => undefined,
  () => {
    throw new Error('spoilt');
  },
];

/** All ways to spoil one of these methods. */
export function spoils(methods: readonly string[]): readonly Spoil[] {
  return methods.flatMap((name) => WAYS.map((way) => without(name, way)));
}

/** Titles of the cases that fail for none of the subjects. */
export async function casesThatHold<Subject extends PartSubject>(
  cases: readonly PartCase<Subject>[],
  subjects: readonly Subject[],
): Promise<readonly string[]> {
  const open = new Set(cases);
  for (const subject of subjects) {
    for (const each of open) {
      const hasFailed = await each.prove(subject, { seeds: [1] }).then(
        () => false,
        () => true,
      );
      if (hasFailed) open.delete(each);
    }
  }
  return Array.from(open, ({ title }) => title);
}

/** Every case fails for one of the subjects at least. */
export async function expectAllToFail<Subject extends PartSubject>(
  cases: readonly PartCase<Subject>[],
  subjects: readonly Subject[],
): Promise<void> {
  expect(await casesThatHold(cases, subjects)).toEqual([]);
}
