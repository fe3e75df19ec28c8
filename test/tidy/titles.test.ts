import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { parseModule, readModules } from '../../scripts/module-graph.ts';
import type { SourceModule } from '../../scripts/module-graph.ts';

const testCall = /^(test|it|describe|bench)(\.|$)/;
const skipping = /\.(skip|todo|skipIf|runIf|fails)\b/;

/** The names called, without arguments: `test.for([…])` is `test.for`. */
function calleeOf(node: ts.Expression): string {
  if (ts.isCallExpression(node)) return calleeOf(node.expression);
  if (ts.isPropertyAccessExpression(node)) return `${calleeOf(node.expression)}.${node.name.text}`;
  return ts.isIdentifier(node) ? node.text : '';
}

/** Every call that declares a test or a group, with its callee's text and its title if that is a literal. */
function declarations({ source }: SourceModule): { callee: string; title: string; line: number }[] {
  const found: { callee: string; title: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const title = ts.isCallExpression(node) ? node.arguments[0] : undefined;
    if (ts.isCallExpression(node) && title !== undefined && ts.isStringLiteralLike(title)) {
      const callee = calleeOf(node.expression);
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      if (testCall.test(callee)) found.push({ callee, title: title.text, line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function titleProblems(module: SourceModule): string[] {
  return declarations(module).flatMap(({ callee, title, line }) => {
    const at = `${module.path}:${line}`;
    const problems: string[] = [];
    if (/\.only\b/.test(callee)) problems.push(`${at} runs alone: ${title}`);
    if (skipping.test(callee) && !title.includes('because')) {
      problems.push(`${at} is skipped and its title has no "because": ${title}`);
    }
    if (/\bshould\b/.test(title)) problems.push(`${at} says "should" instead of what happens: ${title}`);
    if (/\b[RD]\d+\s*(-|–|to)\s*[RD]?\d+\b/.test(title)) problems.push(`${at} names a range: ${title}`);
    return problems;
  });
}

describe('test titles', () => {
  test('say what happens, name rules one by one, and skip nothing without a reason', () => {
    expect(readModules(['test']).flatMap(titleProblems)).toEqual([]);
  });

  test.for([
    [`test.only('a', f);`, 'runs alone'],
    [`describe.only('a', f);`, 'runs alone'],
    [`test.skip('a', f);`, 'has no "because"'],
    [`test.skipIf(slow)('a', f);`, 'has no "because"'],
    [`test('it should work', f);`, 'says "should"'],
    [`test('R1-R3 states print', f);`, 'names a range'],
    [`describe('R1 to R3', f);`, 'names a range'],
  ] as const)('%s is refused', ([text, problem]) => {
    expect(titleProblems(parseModule('test/a.test.ts', text))).toEqual([expect.stringContaining(problem)]);
  });

  test.for([
    `test('R1 R2 D4 a state prints', f);`,
    `test.skip('a, because the machine has no git', f);`,
    `test.for(cases)('R1 %s', f);`,
  ])('%s passes', (text) => {
    expect(titleProblems(parseModule('test/a.test.ts', text))).toEqual([]);
  });
});
