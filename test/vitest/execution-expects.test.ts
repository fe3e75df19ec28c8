// What `expect` counts and keeps in a `simTest`: each execution for itself.
import { afterAll, expect, test, type ExpectStatic } from 'vitest';
import { ExecutionExpects } from '../../src/vitest/execution-expects.ts';
import { simTest } from '../../src/vitest/sim-test.ts';

const runs = 5;

simTest('assertions are counted for each execution', { runs }, async (sim) => {
  expect.assertions(2);
  expect(sim.now()).toBe(0);
  await sim.sleep(sim.choose('ms', 3));
  expect(sim.now()).toBeLessThan(3);
});

simTest(
  'also by the expect of the context',
  { runs },
  async (sim, { expect: own }: { expect: ExpectStatic }) => {
    own.assertions(1);
    await sim.sleep(1);
    own(sim.now()).toBe(1);
  },
);

simTest('a snapshot is one for all executions', { runs }, async (sim) => {
  await sim.sleep(sim.choose('ms', 3));
  expect('seen').toMatchSnapshot();
  expect({ seen: 'twice' }).toMatchSnapshot();
  expect('in line').toMatchInlineSnapshot(`"in line"`);
});

afterAll(() => {
  const { snapshotState } = expect.getState();
  const { _snapshotData: texts } = snapshotState as unknown as { _snapshotData: object };
  expect(Object.keys(texts)).toEqual([1, 2].map((at) => `a snapshot is one for all executions ${at}`));
});

/** An execution in which `assert` is called. */
const executed = (expects: ExecutionExpects, assert: () => void): (() => void) => {
  return () => {
    expects.begin();
    assert();
    expects.end();
  };
};

test('each execution is held to what it expects itself, and begins as the test did', ({
  expect: own,
  task,
}) => {
  const expects = new ExecutionExpects(() => own, task.id);
  const counts = executed(expects, () => {
    own.assertions(1);
    own(1).toBe(1);
  });
  counts();
  counts();
  const misses = executed(expects, () => own.assertions(1));
  expect(misses).toThrow('expected number of assertions to be 1, but got 0');
  expect(executed(expects, () => own.hasAssertions())).toThrow(
    'expected any number of assertion, but got none',
  );
  executed(expects, () => undefined)();
  own.assertions(7);
  expects.fail();
});

test('executions have to agree on a snapshot, of which the first stays', () => {
  const texts: Record<string, string> = {};
  const state = {
    _counters: new Map<string, number>(),
    _testIdToKeys: new Map<string, string[]>(),
    _snapshotData: texts,
    added: new Map([['id', 5]]),
  };
  const own = { getState: () => ({ snapshotState: state }), setState: () => undefined };
  const expects = new ExecutionExpects(() => own as unknown as ExpectStatic, 'id');
  const match = (text: string): void => {
    const count = (state._counters.get('a test') ?? 0) + 1;
    state._counters.set('a test', count);
    state._testIdToKeys.set('id', [...(state._testIdToKeys.get('id') ?? []), `a test ${count}`]);
    texts[`a test ${count}`] = text;
  };
  executed(expects, () => match('one'))();
  executed(expects, () => match('one'))();
  expect(state.added.size).toBe(0);
  expect(executed(expects, () => match('other'))).toThrow(
    expect.objectContaining({
      message: 'Snapshot `a test 1` is not the same in all executions of the simulation',
      expected: 'one',
      actual: 'other',
    }),
  );
  expect(texts).toEqual({ 'a test 1': 'one' });
});
