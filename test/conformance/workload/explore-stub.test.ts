// Review point P1: objects of others, explored by nobody's scenario. Each broken object differs from the correct one beside it in one thing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ambientTime } from '../../../src/ambient/ambient-time.ts';
import { unusualCount } from '../../../src/explore/keyed-log.ts';
import { exploreStub } from '../../../src/conformance/workload/explore-stub.ts';
import type { StubSubject } from '../../../src/conformance/workload/stub-workload.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import type { NodeContext } from '../../../src/model/node-context.ts';
import { createMutex } from '../../../src/locks/mutex.ts';
import { methodModel } from '../../../src/oracles/history/method-model.ts';

interface Locks {
  acquire(who: string): Promise<boolean>;
  release(who: string): Promise<void>;
}

const lockModel = methodModel<Locks, string>('', {
  acquire: (holder, who) => ({ state: holder === '' ? who : holder, value: holder === '' || holder === who }),
  release: (holder, who) => ({ state: holder === who ? '' : holder }),
});
const names: [string][] = [['a'], ['b']];

/** Its mistakes: it keeps the holder in memory; it looks at it before it waits. */
function lockServer({ isDurable = true, looksFirst = false } = {}): (node: NodeContext) => Promise<Locks> {
  return async ({ disk, world }) => {
    let holder = (await disk.list()).includes('holder') ? await disk.readText('holder') : '';
    const mutex = createMutex(world, { name: 'holder' });
    const save = async (next: string): Promise<void> => {
      if (isDurable) {
        await disk.write('next', next);
        await disk.sync('next');
        await disk.rename('next', 'holder');
        await disk.sync('holder');
      }
      holder = next;
    };
    const acquire = async (who: string, seen: string): Promise<boolean> => {
      if (seen !== '') return seen === who;
      await save(who);
      return true;
    };
    return {
      acquire: (who) => {
        const seen = holder;
        return mutex.run(() => acquire(who, looksFirst ? seen : holder));
      },
      release: (who) =>
        mutex.run(async () => {
          if (holder === who) await save('');
        }),
    };
  };
}

function locks(program: StubSubject<Locks>['program']): StubSubject<Locks, string> {
  return { name: 'locks', program, model: lockModel, calls: { acquire: names, release: names } };
}

describe('exploreStub', () => {
  test('holds for a server that keeps its promises, and has reached every fault, method and overlap', async () => {
    const found = await exploreStub(locks(lockServer()), { executions: 400 });
    expect(found).toEqual({ held: true, executions: 400, missed: [] });
  });

  test('finds a server that forgets its lock in a crash, and explains it', async () => {
    const { held, failure } = await exploreStub(locks(lockServer({ isDurable: false })), {
      executions: 2_000,
      shrinkExecutions: 500,
    });
    expect(held).toBe(false);
    expect(failure?.message).toMatch(/acquire\("[ab]"\)/);
    expect(unusualCount(failure?.shrunk?.decisions ?? [])).toBeLessThan(
      unusualCount(failure?.decisions ?? []),
    );
    expect(JSON.stringify(failure?.explanation)).toContain('locks crashes');
  });

  test('takes a server for correct that forgets its lock, if it says so', async () => {
    const subject = { ...locks(lockServer({ isDurable: false })), restarts: 'forgets' } as const;
    expect((await exploreStub(subject, { executions: 400 })).failure?.message).toBeUndefined();
  });

  test('takes a model without texts and keys of its own for an object that forgets', async () => {
    class Sums {
      #sum = 0n;
      async add(amounts: ReadonlyMap<string, bigint>): Promise<bigint> {
        for (const amount of amounts.values()) this.#sum += amount;
        return Promise.resolve(this.#sum);
      }
    }
    const addOf = (isWrong: boolean): StubSubject<Sums, bigint> => ({
      name: 'sums',
      program: () => new Sums(),
      model: {
        initial: 0n,
        step(sum, { args: [amounts] }, reply) {
          const next = [...amounts.values()].reduce((total, amount) => total + amount, sum);
          const isRight = reply === undefined || ('value' in reply && reply.value === next && !isWrong);
          return isRight ? [next] : [];
        },
        key: String,
      },
      calls: { add: [[new Map([['a', 1n]])], [new Map([['a', 2n]])]] },
      restarts: 'forgets',
    });
    const options = { executions: 200, shrinkExecutions: 50 };
    expect((await exploreStub(addOf(false), options)).failure?.message).toBeUndefined();
    expect((await exploreStub(addOf(true), options)).failure?.message).toMatch(
      /^sums does not fit its model/,
    );
  });

  test('finds a server that looks before it waits, directly, and shows it without a network', async () => {
    const { failure } = await exploreStub(locks(lockServer({ looksFirst: true })), {
      executions: 1_000,
      shrinkExecutions: 300,
      way: 'directly',
    });
    expect(failure?.message).toMatch(
      /^locks does not fit its model: acquire\("[ab]"\) by client-\d said true/,
    );
  });

  test('a counter may count a duplicate twice, unless it promises not to', async () => {
    class Counter {
      #count = 0;
      readonly #seen = new Map<string, number>();
      readonly #isOnce: boolean;
      constructor(isOnce: boolean) {
        this.#isOnce = isOnce;
      }
      async add(by: number, id: string): Promise<number> {
        const known = this.#isOnce ? this.#seen.get(id) : undefined;
        if (known !== undefined) return known;
        this.#count += by;
        this.#seen.set(id, this.#count);
        return this.#count;
      }
    }
    const model = methodModel<Counter, number>(0, {
      add: (count, by) => ({ state: count + by, value: count + by }),
    });
    const counter = (isOnce: boolean): StubSubject<Counter, number> => ({
      name: 'counter',
      program: () => new Counter(isOnce),
      model,
      calls: { add: ({ id }) => [1, id] },
      restarts: 'forgets',
    });
    const options = { executions: 400 };
    expect((await exploreStub(counter(false), options)).failure?.message).toBeUndefined();
    const onceOptions = { ...options, faults: { crash: false } };
    const promising = { ...counter(true), atMostOnce: true };
    expect((await exploreStub(promising, onceOptions)).failure?.message).toBeUndefined();
    const { failure } = await exploreStub({ ...counter(false), atMostOnce: true }, onceOptions);
    expect(failure?.message).toContain('add(1');
  });

  test('an error that is not a declared refusal fails, with the line that threw it; one that is declared is a reply', async () => {
    class Queue {
      readonly #items: number[] = [];
      async push(item: number): Promise<void> {
        this.#items.push(item);
      }
      async pop(): Promise<number> {
        const item = this.#items.shift();
        if (item === undefined) throw Object.assign(new Error('nothing there'), { code: 'EMPTY' });
        return item;
      }
    }
    const subject: StubSubject<Queue, readonly number[]> = {
      name: 'queue',
      program: () => new Queue(),
      model: methodModel<Queue, readonly number[]>([], {
        push: (items, item) => ({ state: [...items, item] }),
        pop: ([first, ...rest]) =>
          first === undefined ? { state: [], refused: 'EMPTY' } : { state: rest, value: first },
      }),
      calls: { push: fc.tuple(fc.nat(9)), pop: [[]] },
      restarts: 'forgets',
    };
    const { failure } = await exploreStub(subject, { executions: 200 });
    expect(failure?.message).toMatch(/^pop\(\) by .*: expected a value, got the Error "nothing there"$/);
    const thrown = failure?.explanation?.places.find(({ what }) => what === 'Error was thrown');
    expect(thrown?.frames[0]).toMatch(/explore-stub\.test\.ts:\d+/);
    const declared = { ...subject, refusals: ['EMPTY'] };
    expect(await exploreStub(declared, { executions: 400 })).toEqual({
      held: true,
      executions: 400,
      missed: [],
    });
  });

  test('an error for a lost call that an object throws itself is not taken for a loss, if nothing can lose calls', async () => {
    interface Box {
      put(): Promise<number>;
    }
    const lost = (): Promise<never> =>
      Promise.reject(new RunnerError('RUNNER_CALL_LOST', 'the call was lost'));
    const subject: StubSubject<Box, number> = {
      name: 'box',
      program: () => ({ put: lost }),
      model: methodModel<Box, number>(0, { put: (count) => ({ state: count, value: count }) }),
      calls: { put: [[]] },
    };
    const { failure } = await exploreStub(subject, { executions: 20, way: 'directly', shrinkExecutions: 0 });
    expect(failure?.message).toMatch(
      /^put\(\) by client-(\d|last): expected a value, got the RunnerError "the call was lost"/,
    );
  });

  test('a call that never ends is a deadlock that names who waits; one that may wait is given up', async () => {
    const program = ({ world }: NodeContext): { take(who: string): Promise<void> } => {
      const mutex = createMutex(world, { name: 'slot' });
      return {
        take: async (owner) => {
          await mutex.acquire({ owner });
        },
      };
    };
    type Slot = ReturnType<typeof program>;
    const subject: StubSubject<Slot, boolean> = {
      name: 'slot',
      program,
      model: methodModel<Slot, boolean>(false, { take: () => ({ state: true }) }),
      calls: { take: names },
    };
    const { failure } = await exploreStub(subject, { executions: 100, faults: false });
    expect(failure?.kind).toBe('deadlock');
    expect(failure?.details.join('\n')).toContain('waits for mutex slot');
    const patient: typeof subject = { ...subject, mayWait: ['take'] };
    expect((await exploreStub(patient, { executions: 200 })).failure?.message).toBeUndefined();
  });

  test('code on timers of the machine runs in ambient time', async () => {
    class Delayed {
      #value = 0;
      async set(value: number): Promise<void> {
        await new Promise<void>((resolve) => {
          // eslint-disable-next-line no-restricted-globals -- the code under test calls the global setTimeout on purpose
          setTimeout(resolve, 10);
        });
        this.#value = value;
      }
      async get(): Promise<number> {
        return this.#value;
      }
    }
    const subject: StubSubject<Delayed, number> = {
      name: 'value',
      program: () => new Delayed(),
      model: methodModel<Delayed, number>(0, {
        set: (_, value) => ({ state: value }),
        get: (value) => ({ state: value, value }),
      }),
      calls: { set: [[1], [2]], get: [[]] },
      restarts: 'forgets',
    };
    const { failure } = await exploreStub(subject, { executions: 200, ambient: ambientTime() });
    expect(failure?.message).toBeUndefined();
  });

  test('what was never reached is named, unless it may be missed', async () => {
    const subject = { ...locks(lockServer()), refusals: ['NEVER'] };
    const options = { executions: 400, reachWithin: 400 };
    expect(await exploreStub(subject, options)).toMatchObject({
      held: false,
      missed: ['a call is refused: NEVER'],
    });
    const mayMiss = { 'a call is refused: NEVER': 'nobody refuses' };
    expect(await exploreStub(subject, { ...options, mayMiss })).toMatchObject({ held: true, missed: [] });
  });

  test.for([
    {},
    { acquire: [] },
    { acquire: ['a'] },
    { acquire: 'a' },
    { acquire: {} },
    { acquire: undefined },
  ])('refuses the calls %j', async (calls) => {
    const subject = { ...locks(lockServer()), calls } as ReturnType<typeof locks>;
    const refusal = { code: 'RUNNER_INVALID_ARGUMENT', message: expect.stringContaining('subject.calls') };
    await expect(exploreStub(subject, { executions: 1 })).rejects.toMatchObject(refusal);
  });
});
