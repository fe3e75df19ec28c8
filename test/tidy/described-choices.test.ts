// A choice without words is shown by its answer, such as `2 (of 0 to 3)`, which says nothing to a reader of a failure.
import ts from 'typescript';
import { expect, test } from 'vitest';
import { parseModule, readModules } from '../../scripts/module-graph.ts';
import type { SourceModule } from '../../scripts/module-graph.ts';

/** The calls of `choose` that do not describe their answers. */
function bareChoices({ path, source }: SourceModule): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      node.expression.name.text === 'choose' &&
      node.arguments.length < 3
    ) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${path}:${line + 1} ${node.getText(source)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test('X1 every choice of a scenario says what its answers stand for', () => {
  const modules = readModules(['sims']);
  expect(modules.length).toBeGreaterThan(50);
  expect(modules.flatMap(bareChoices)).toEqual([]);
});

test.for(["sim.choose('order', 2)", 'this.#sim.choose(asked, n) === 1', "world.choices.choose('order', 2)"])(
  '%s is found',
  (code) => {
    expect(bareChoices(parseModule('sims/a.ts', `${code};`))).toHaveLength(1);
  },
);

test.for(["sim.choose('order', 2, String)", "sim.pick('order', ['fifo', 'lifo'])"])('%s passes', (code) => {
  expect(bareChoices(parseModule('sims/a.ts', `${code};`))).toEqual([]);
});
