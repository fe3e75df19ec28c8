// What `expect` counts and keeps in a `simTest`: each execution for itself.
import { afterAll, beforeEach, describe, expect, test, vi, type ExpectStatic } from 'vitest';
import { question } from '../../src/kernel/question.ts';
import { ExecutionExpects } from '../../src/vitest/execution-expects.ts';
import { simTest } from '../../src/vitest/sim-test.ts';

const runs = 5;

const waiting: (() => void)[] = [];
// Set before any simulation, so that none of them sees it.
const reader = setInterval(() => waiting.splice(0).forEach((goOn) => goOn()), 20);
let restoreReads: (() => void) | undefined;

/** While a file is read, the machine may show nothing of it for as long as a simulation looks many times. */
beforeEach(() => {
  if (restoreReads !== undefined) return;
  const { environment } = expect.getState().snapshotState as unknown as {
    readonly environment: { readSnapshotFile(file: string): Promise<unknown> };
  };
  const { readSnapshotFile } = environment;
  restoreReads = () => void (environment.readSnapshotFile = readSnapshotFile);
  environment.readSnapshotFile = async (file) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
    return readSnapshotFile.call(environment, file);
  };
});

afterAll(() => {
  restoreReads?.();
  clearInterval(reader);
});

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
    await sim.sleep(sim.choose('ms', 3));
    own(sim.now()).toBeLessThan(3);
  },
);

simTest('a snapshot is one for all executions', { runs }, async (sim) => {
  await sim.sleep(sim.choose('ms', 3));
  expect('seen').toMatchSnapshot();
  expect({ seen: 'twice' }).toMatchSnapshot();
  await expect('in a file').toMatchFileSnapshot('./__snapshots__/seen-in-a-file.txt');
  expect('in line').toMatchInlineSnapshot(`"in line"`);
});

afterAll(() => {
  const { snapshotState } = expect.getState();
  const { _snapshotData: texts } = snapshotState as unknown as { _snapshotData: object };
  expect(Object.keys(texts)).toEqual([1, 2].map((at) => `a snapshot is one for all executions ${at}`));
});

describe.concurrent('in tests that overlap', () => {
  const refusal = /take `expect` from the second argument of the test/;
  simTest('one starts before', { runs }, (sim) => sim.sleep(sim.choose('ms', 3)));
  simTest(
    'snapshots and soft assertions of the global expect, which is that of another test, are refused',
    { runs },
    async (sim) => {
      await sim.sleep(1);
      const value = `v${sim.choose('x', 5)}`;
      const { resolves } = expect(Promise.resolve(value));
      for (const take of [
        () => expect(value).toMatchSnapshot(),
        () => expect(value).toMatchInlineSnapshot('none'),
        () => expect(() => void JSON.parse('{')).toThrowErrorMatchingInlineSnapshot('none'),
        () => expect(value).toMatchFileSnapshot('./__snapshots__/refused.txt'),
        () => resolves.toMatchSnapshot(),
        () => expect.soft(value).toBe(value),
      ]) {
        expect(take).toThrow(refusal);
      }
    },
  );
  simTest('those of the expect of the context are taken', { runs }, async (sim, { expect: own }) => {
    await sim.sleep(sim.choose('ms', 3));
    own('own').toMatchInlineSnapshot(`"own"`);
    own.soft('soft').toBe('soft');
    await own('in a file').toMatchFileSnapshot('./__snapshots__/seen-in-a-file.txt');
  });
  simTest('one starts after', { runs }, (sim) => sim.sleep(sim.choose('ms', 3)));
});

interface Compared {
  readonly testId: string;
  readonly received: string;
  readonly rawSnapshot: { readonly file: string; readonly content: string | undefined };
}

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

test('each execution needs an assertion where the configuration requires one', ({ expect: own, task }) => {
  const expects = new ExecutionExpects(() => own, task.id);
  const asserts = executed(expects, () => own(1).toBe(1));
  const asksNothing = executed(expects, () => undefined);
  vi.setConfig({ expect: { requireAssertions: true } });
  try {
    asserts();
    expect(asksNothing).toThrow('expected any number of assertion, but got none');
    asserts();
  } finally {
    vi.resetConfig();
  }
  asksNothing();
});

describe('the snapshots of executions are compared', () => {
  const lab = () => {
    const texts: Record<string, string | undefined> = { other: 'stays' };
    const keys = new Map<string, string[]>([['id', []]]);
    const state = {
      _testIdToKeys: keys,
      _snapshotData: texts,
      _inlineSnapshots: [] as object[],
      _inlineSnapshotStacks: [] as object[],
      _rawSnapshots: [] as object[],
      /** As Vitest does with snapshots in files of their own. */
      match({ rawSnapshot, received }: Compared) {
        const { file, content } = rawSnapshot;
        if (content !== received) state._rawSnapshots.push({ file, snapshot: received });
        return { pass: content === received || content === undefined };
      },
      unmatched: new Map([['id', 1]]),
      clearTest() {
        for (const key of keys.get('id') ?? []) texts[key] = undefined;
        keys.set('id', []);
        state._inlineSnapshots = [];
        state._inlineSnapshotStacks = [];
        state.unmatched.clear();
      },
    };
    const own = { getState: () => ({ snapshotState: state }), setState: () => undefined };
    const expects = new ExecutionExpects(() => own as unknown as ExpectStatic, 'id');
    const run = (taken: Readonly<Record<string, string>>, inline: string | undefined, answer = 0): void => {
      expects.begin();
      for (const [key, text] of Object.entries(taken)) {
        keys.get('id')?.push(key);
        texts[key] = text;
      }
      if (inline !== undefined) {
        keys.get('id')?.push('inline 1');
        const one = { testId: 'id', file: 'f.ts', line: 3, column: 4, snapshot: inline };
        state._inlineSnapshots.push(one);
        state._inlineSnapshotStacks.push(one);
      }
      expects.end();
      expects.compare(() => [{ question: question('choice', 'which'), n: 9, answer }]);
    };
    const runWithFile = (received: string, answer: number, content?: string): void => {
      expects.begin();
      state.match({ testId: 'id', received, rawSnapshot: { file: '/own.txt', content } });
      expects.compare(() => [{ question: question('choice', 'which'), n: 9, answer }]);
    };
    return { texts, state, expects, run, runWithFile };
  };

  test('what is the same wherever it is taken is left to be written', () => {
    const { texts, state, expects, run } = lab();
    run({ 'a 1': 'one' }, 'in line');
    run({ 'a 1': 'one', 'a 2': 'two' }, undefined, 1);
    run({}, undefined, 2);
    expect(texts).toEqual({ other: 'stays' });
    expects.settle();
    expect(texts).toEqual({ other: 'stays', 'a 1': 'one', 'a 2': 'two' });
    expect(state._inlineSnapshots).toEqual([expect.objectContaining({ snapshot: 'in line' })]);
    expect(expects.difference).toBeUndefined();
  });

  test('the plain execution is the reference, though another comes first; nothing is written', () => {
    const { texts, state, expects, run } = lab();
    run({ 'a 1': 'other' }, 'other', 1);
    run({ 'a 1': 'another' }, 'other', 2);
    expect(expects.difference).toMatchObject({ reference: { text: 'other' }, other: { text: 'another' } });
    run({ 'a 1': 'plain' }, 'other');
    run({ 'a 1': 'late' }, 'other', 3);
    expect(expects.difference).toMatchObject({
      reference: { name: 'a 1', text: 'plain', kind: 'kept' },
      other: { text: 'other', decisions: [{ answer: 1 }] },
    });
    expects.settle();
    expect(texts).toEqual({ other: 'stays' });
    expect(state._inlineSnapshots).toEqual([]);
  });

  test('one in a file of its own is written if all agree on it, whatever other tests keep so', () => {
    const { state, expects, runWithFile, run } = lab();
    const others = { file: '/others.txt', snapshot: 'stays' };
    runWithFile('own', 0);
    state._rawSnapshots.push(others);
    runWithFile('own', 1);
    run({}, undefined, 2);
    expect(state._rawSnapshots).toEqual([others]);
    expects.settle();
    expect(state._rawSnapshots).toEqual([others, { file: '/own.txt', snapshot: 'own' }]);
    expect(expects.difference).toBeUndefined();
  });

  test('if they do not agree on it, also if one has what is there already, none is written', () => {
    for (const content of [undefined, 'own']) {
      const { state, expects, runWithFile } = lab();
      runWithFile('own', 0, content);
      runWithFile('other', 1, content);
      expects.settle();
      expect(state._rawSnapshots).toEqual([]);
      expect(expects.difference).toMatchObject({
        reference: { name: '/own.txt', kind: 'file', text: 'own', decisions: [{ answer: 0 }] },
        other: { text: 'other', decisions: [{ answer: 1 }] },
      });
    }
  });

  test('one that is inline is known by its place', () => {
    const { expects, run } = lab();
    run({}, 'plain');
    run({}, 'other', 1);
    expect(expects.difference?.reference).toMatchObject({ text: 'plain', kind: 'inline', name: 'f.ts:3:5' });
  });

  test('of a test that fails, what the report has tried is not written, and what Vitest counts as failed stays', () => {
    const { texts, state, expects, run } = lab();
    run({ 'a 1': 'one' }, undefined);
    texts['a 1'] = 'tried';
    state.unmatched.set('id', 1);
    expects.fail();
    expect(texts).toEqual({ other: 'stays', 'a 1': 'one' });
    expect(state.unmatched.get('id')).toBe(1);
  });
});
