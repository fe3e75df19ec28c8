import { expect, test } from 'vitest';
import { UnitOrder } from '../../scripts/mutant-hunt/unit-order.ts';

const order = new UnitOrder();

test('the unit tests that reach a source begin with those of its folder that import it, and leave out what is measured', () => {
  const tests = order.testsOf('src/store/run-waiters.ts');
  expect(tests[0]).toMatch(/^test\/store\//);
  expect(tests).toContain('test/runners/queue/queue-runner.test.ts');
  expect(order.tests.length).toBeGreaterThan(tests.length);
  expect(
    order.tests.filter((path) => /conformance|explore|sims|zoo|check\/|host|threads|every-export/.test(path)),
  ).toEqual([]);
});

test('what a test runs has another digest once a source that it reaches has another text', () => {
  const [first = ''] = order.testsOf('src/metrics/memory-metrics.ts');
  const plain = order.digest(first, new Map());
  expect(order.digest(first, new Map([['src/metrics/memory-metrics.ts', '']]))).not.toBe(plain);
  expect(order.digest(first, new Map([['src/store/nowhere.ts', '']]))).toBe(plain);
});
