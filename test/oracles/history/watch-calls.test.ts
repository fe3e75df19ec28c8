import { describe, expect, test } from 'vitest';
import { createNetwork } from '../../../src/cluster/network.ts';
import { withCallOptions } from '../../../src/cluster/stub.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import { checkLinearizable } from '../../../src/oracles/history/check-linearizable.ts';
import { createHistory, type History } from '../../../src/oracles/history/history.ts';
import { methodModel } from '../../../src/oracles/history/method-model.ts';
import {
  type MethodCall,
  type MethodReply,
  watchCalls,
  type WatchCallsOptions,
} from '../../../src/oracles/history/watch-calls.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';

type CallHistory<T> = History<MethodCall<T>, MethodReply<T>>;

const newHistory = <T>(): CallHistory<T> => createHistory<MethodCall<T>, MethodReply<T>>({ now: () => 0 });

class TakenError extends Error {
  override readonly name = 'TakenError';
}

/** All that a method can do. */
class Everything {
  readonly label = 'a label';
  #calls = 0;

  async add(to: number[], value: number): Promise<number[]> {
    this.#calls += 1;
    to.push(value);
    return Promise.resolve(to);
  }

  count(): number {
    return this.#calls;
  }

  async fail(error: Error): Promise<void> {
    return Promise.reject(error);
  }

  failAtOnce(error: Error): void {
    throw error;
  }

  async never(): Promise<void> {
    return new Promise(() => {});
  }
}

function watched(options?: WatchCallsOptions<Everything>) {
  const history = newHistory<Everything>();
  const object = new Everything();
  return { history, object, client: watchCalls(object, history, 'a', options) };
}

/** A builder of queries, each of which runs when its `then` is called. */
class Database {
  runs = 0;

  from(table: string): Rows {
    return new Rows(this, table);
  }

  later(): Promise<string> {
    return new LazyPromise(() => (this.runs += 1));
  }
}

class Rows implements PromiseLike<string> {
  readonly #database: Database;
  readonly #table: string;
  hints?: string[] = ['fast'];
  #joined: Rows | undefined;
  #limit = 0;

  constructor(database: Database, table: string) {
    this.#database = database;
    this.#table = table;
  }

  /** Returns the other rows; without an argument, the same as before. */
  join(other: Rows | undefined = this.#joined): Rows {
    this.#joined = other;
    return other ?? this;
  }

  limit(count: number): this {
    this.#limit = count;
    return this;
  }

  where(what: string): Rows {
    return new Rows(this.#database, `${this.#table} where ${what}`);
  }

  then<A, B>(
    onFulfilled?: ((value: string) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#database.runs += 1;
    const ran =
      this.#table === ''
        ? Promise.reject(new TakenError())
        : Promise.resolve(`${this.#limit} of ${this.#table}`);
    return ran.then<A, B>(onFulfilled, onRejected);
  }
}

/** As those that begin with their first `then`. */
class LazyPromise extends Promise<string> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly #run: () => unknown;

  constructor(run: () => unknown) {
    super(() => {});
    this.#run = run;
  }

  override then<A, B>(
    onFulfilled?: ((value: string) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#run();
    return Promise.resolve('done').then<A, B>(onFulfilled, onRejected);
  }
}

describe('watchCalls of objects with a `then` that are not promises', () => {
  const watchedDatabase = () => {
    const history = newHistory<Database>();
    const database = new Database();
    return { history, database, client: watchCalls(database, history, 'a', { refusals: ['TakenError'] }) };
  };
  test('calls no `then` itself: what nobody awaits does not run, and its call is without an end', async () => {
    const { history, database, client } = watchedDatabase();
    client.from('jobs');
    void client.later();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect(database.runs).toBe(0);
    expect(history.operations().map(({ reply }) => reply)).toEqual([undefined, undefined]);
    expect(history.operations().map(({ respondedAt }) => respondedAt)).toEqual([Infinity, Infinity]);
  });

  test.for([
    ['as it is', (db: Database) => db.from('jobs'), '0 of jobs'],
    ['after a step that returns itself', (db: Database) => db.from('jobs').limit(3).limit(2), '2 of jobs'],
    [
      'after a step that returns another',
      (db: Database) => db.from('jobs').where('due').limit(1),
      '1 of jobs where due',
    ],
    ['a promise of its own class', (db: Database) => db.later(), 'done'],
  ] as const)('a call ends when its result is awaited, once: %s', async ([, query, value]) => {
    const { history, database, client } = watchedDatabase();
    expect(await query(client)).toBe(value);
    expect(database.runs).toBe(1);
    expect(history.operations()).toMatchObject([{ reply: { value } }]);
  });

  test('a second await runs it again, and is not recorded', async () => {
    const { history, database, client } = watchedDatabase();
    const rows = client.from('jobs');
    expect(rows.limit(0)).toBe(rows);
    expect([await rows, await rows]).toEqual(['0 of jobs', '0 of jobs']);
    expect([database.runs, history.operations()]).toMatchObject([2, [{ reply: { value: '0 of jobs' } }]]);
  });

  test('is the same object as before for those who do not await it', () => {
    const { client } = watchedDatabase();
    const rows = client.from('jobs');
    expect(rows).toBeInstanceOf(Rows);
    expect(rows.where).toBe(rows.where);
    expect(rows.limit(1)).toBe(rows);
    const joined = rows.join(rows.where('due'));
    expect(joined.join()).toBe(joined);
    expect([Object.keys(rows), JSON.stringify(rows), Object.assign({}, rows)]).toEqual([
      ['hints'],
      '{"hints":["fast"]}',
      { hints: ['fast'] },
    ]);
    expect(Object.hasOwn(rows, 'hints')).toBe(true);
    delete rows.hints;
    expect([Object.hasOwn(rows, 'hints'), rows.hints]).toEqual([false, undefined]);
  });

  test.for([
    ['catch', (db: Database) => db.later().catch(() => 'never')],
    ['finally', (db: Database) => db.later().finally(() => {})],
  ] as const)('a call ends when its result is awaited by way of %s', async ([, query]) => {
    const { history, client } = watchedDatabase();
    expect(await query(client)).toBe('done');
    expect(history.operations()).toMatchObject([{ reply: { value: 'done' } }]);
  });

  test('an error of what the client says about errors rejects the await', async () => {
    const wrong = new Error('meaningless');
    const client = watchCalls(new Database(), newHistory<Database>(), 'a', {
      meaningOf: () => {
        throw wrong;
      },
    });
    await expect(async () => client.from('')).rejects.toBe(wrong);
  });

  test('an error is recorded, and rejects the await', async () => {
    const { history, client } = watchedDatabase();
    await expect(async () => client.from('')).rejects.toThrow(TakenError);
    expect(history.operations()).toMatchObject([{ reply: { refused: 'TakenError' } }]);
  });
});

describe('watchCalls', () => {
  test('passes calls, values and errors as they are, and everything but methods too', async () => {
    const { client, object } = watched();
    const list: number[] = [];
    expect(await client.add(list, 1)).toBe(list);
    expect([client.count(), object.count(), client.label, 'label' in client]).toEqual([
      1,
      1,
      'a label',
      true,
    ]);
    expect(client).toBeInstanceOf(Everything);
    expect(client.count).toBe(client.count);
    const error = new Error('no');
    await expect(client.fail(error)).rejects.toBe(error);
    expect(() => client.failAtOnce(error)).toThrow(error);
    const frozen = watchCalls(Object.freeze({ read: () => 7 }), newHistory<{ read(): number }>(), 'a');
    expect(frozen.read()).toBe(7);
  });

  test('records copies of arguments and values', async () => {
    const { client, history } = watched();
    const list: number[] = [];
    await client.add(list, 1);
    client.count();
    list.push(9);
    expect(history.operations().map(({ operation, reply }) => [operation, reply])).toEqual([
      [{ method: 'add', args: [[], 1] }, { value: [1] }],
      [{ method: 'count', args: [] }, { value: 1 }],
    ]);
  });

  test.for<[string, Error, string, unknown]>([
    ['an error that nobody expects', new Error('lost'), 'open', undefined],
    ['an error that is expected by its name', new TakenError('by b'), 'returned', { refused: 'TakenError' }],
    [
      'one that is by its code',
      new RunnerError('RUNNER_BUSY', 'full'),
      'returned',
      { refused: 'RUNNER_BUSY' },
    ],
    ['a call to a node that is down', new RunnerError('RUNNER_NODE_DOWN', 'down'), 'failed', undefined],
    ['what is known better', new Error('known'), 'returned', { refused: 'better' }],
  ])('of %s the call is as it is meant to be', async ([, error, outcome, reply]) => {
    const { client, history } = watched({
      refusals: ['TakenError', 'RUNNER_BUSY'],
      meaningOf: ({ message }: Error) => (message === 'known' ? { reply: { refused: 'better' } } : undefined),
    } as WatchCallsOptions<Everything>);
    await client.fail(error).catch(() => undefined);
    try {
      client.failAtOnce(error);
    } catch {
      // It passes.
    }
    expect(history.operations().map((operation) => [operation.outcome, operation.reply])).toEqual([
      [outcome, reply],
      [outcome, reply],
    ]);
  });

  test('leaves open what is not answered, and leaves out what is not asked for', () => {
    const { client, history } = watched({ methods: ['never'] });
    void client.never();
    client.count();
    expect(history.operations()).toMatchObject([{ operation: { method: 'never' }, outcome: 'open' }]);
  });

  test('refuses anything but an object, a history and a name', () => {
    const wrong = watchCalls as (...args: unknown[]) => unknown;
    const history = newHistory();
    expect(() => wrong('text', history, 'a')).toThrow('target: expected an object with methods, got "text"');
    expect(() => wrong({}, {}, 'a')).toThrow('history: expected an object with begin(), got an object');
    expect(() => wrong({}, history, 7)).toThrow('client: expected a name, got 7');
    expect(() => wrong({}, history, 'a', { methods: 'all' })).toThrow('methods: expected a list, got "all"');
  });
});

/** A register behind asynchronous methods; one with a cache answers what was there before. */
class Register {
  #value = 0;
  #shown = 0;
  readonly #sim: Simulation;
  readonly #isCached: boolean;

  constructor(sim: Simulation, isCached: boolean) {
    this.#sim = sim;
    this.#isCached = isCached;
  }

  async read(): Promise<number> {
    await this.#sim.sleep(this.#sim.choose('read', 3));
    return this.#isCached ? this.#shown : this.#value;
  }

  async write(value: number): Promise<void> {
    await this.#sim.sleep(this.#sim.choose('write', 3));
    this.#value = value;
    // The cache follows by itself.
    this.#sim.world.clock.timer('refresh', 1, () => {
      this.#shown = value;
    });
    await this.#sim.sleep(this.#sim.choose('write', 3));
  }
}

const registerOfMethods = methodModel<Register, number>(0, {
  read: (state) => ({ state, value: state }),
  write: (_, value) => ({ state: value }),
});

async function contradictionsOf(isCached: boolean): Promise<string[]> {
  const found: string[] = [];
  for (let seed = 0; seed < 60; seed += 1) {
    const { failure } = await simulate({
      seed,
      scenario: async (sim) => {
        const register = new Register(sim, isCached);
        const history = newHistory<Register>();
        const clients = ['a', 'b', 'c'].map(async (name, index) => {
          const client = watchCalls(register, history, name);
          await client.write(index + 1);
          await client.read();
          await client.read();
        });
        await Promise.all(clients);
        await sim.sleep(10);
        const result = checkLinearizable(history, registerOfMethods);
        if (result.linearizable === false) found.push(result.contradiction.sentence);
      },
    });
    expect(failure).toBe(undefined);
  }
  return found;
}

describe('linearizability of any object', () => {
  test('a register behind asynchronous methods is linearizable, and one with a stale cache is not', async () => {
    expect(await contradictionsOf(false)).toEqual([]);
    const found = await contradictionsOf(true);
    expect(found.length).toBeGreaterThan(3);
    expect(found.join('\n')).toMatch(/read\(\) by [abc] said \d after write\(\d\) by [abc] had returned/);
  });

  test('undefined is a value like another', async () => {
    const history = newHistory<{ get(): number | undefined }>();
    const model = methodModel<{ get(): number | undefined }, number>(1, {
      get: (state) => ({ state, value: state }),
    });
    const client = watchCalls({ get: () => undefined as number | undefined }, history, 'a');
    client.get();
    expect(checkLinearizable(history, model).linearizable).toBe(false);
  });

  test('states and replies are compared as data, also maps and sets', () => {
    const { key } = methodModel<object, unknown>(0, {});
    const one = new Map<unknown, unknown>([
      ['a', { x: 1, y: [2n, undefined] }],
      ['b', new Set([1, 2])],
    ]);
    const other = new Map<unknown, unknown>([
      ['b', new Set([2, 1])],
      ['a', { y: [2n, undefined], x: 1, z: undefined }],
    ]);
    expect(key(one)).toBe(key(other));
    for (const different of [
      new Map(),
      '1',
      1,
      1n,
      null,
      undefined,
      [1],
      ['1'],
      { x: 1 },
      new Set([1]),
      'null',
    ]) {
      for (const same of [new Map([[1, 1]]), '2', 2, 2n, [2], { x: '1' }]) {
        expect(key(different)).not.toBe(key(same));
      }
    }
    expect(
      new Set(['1', 1, 1n, null, 'null', undefined, 'undefined', [], {}, new Map(), new Set()].map(key)).size,
    ).toBe(11);
  });

  test('replies that are buffers are compared by their bytes, and errors by name and message', async () => {
    const isRight = async (answered: unknown, expected: unknown): Promise<boolean | undefined> => {
      const history = newHistory<{ get(): Promise<unknown> }>();
      await watchCalls({ get: () => Promise.resolve(answered) }, history, 'a').get();
      const model = methodModel<{ get(): Promise<unknown> }, number>(0, {
        get: (state) => ({ state, value: expected }),
      });
      return checkLinearizable(history, model).linearizable;
    };
    const bytes = (...of: number[]): ArrayBuffer => new Uint8Array(of).buffer;
    const EQUAL: readonly (readonly [unknown, unknown])[] = [
      [Buffer.from('x'), Buffer.from('x')],
      [{ file: Buffer.from('xyz').subarray(1) }, { file: new Uint8Array(Buffer.from('yz')) }],
      [bytes(1, 2), bytes(1, 2)],
      [new DataView(bytes(1, 2), 1), new DataView(bytes(2))],
      [new RangeError('far'), new RangeError('far')],
      [new TakenError('taken'), new TakenError('taken')],
    ];
    const DIFFERENT: readonly (readonly [unknown, unknown])[] = [
      [Buffer.from('x'), Buffer.from('y')],
      [bytes(1, 2), bytes(1, 3)],
      [bytes(1, 2), bytes(1)],
      [bytes(), {}],
      [new Uint8Array(2), new Uint16Array(1)],
      [new DataView(bytes(1, 2), 1), new DataView(bytes(1))],
      [new Error('far'), {}],
      [new Error('far'), new Error('near')],
      [new RangeError('far'), new TypeError('far')],
    ];
    for (const [one, other] of EQUAL) expect(await isRight(one, other)).toBe(true);
    for (const [one, other] of DIFFERENT) expect(await isRight(one, other)).toBe(false);
  });

  test('a model without a function for a method that was called says so', () => {
    const history = newHistory<Everything>();
    watchCalls(new Everything(), history, 'a').count();
    const model = methodModel<Everything, number>(0, { add: (state) => ({ state, value: [] }) });
    expect(() => checkLinearizable(history, model)).toThrow(
      'methods: expected a function for count, got an object',
    );
    expect(() => methodModel(0, { add: 1 } as never)).toThrow('methods.add: expected a function, got 1');
  });
});

/** Grants a lock to one at a time; in memory only, so that a crash frees it. */
class LockServer {
  #holder = '';

  acquire(who: string): boolean {
    if (this.#holder !== '') return this.#holder === who;
    this.#holder = who;
    return true;
  }

  release(who: string): void {
    if (this.#holder !== who) throw new TakenError(`held by ${this.#holder}`);
    this.#holder = '';
  }
}

const lockModel = methodModel<LockServer, string>('', {
  acquire: (holder, who) =>
    holder === '' || holder === who ? { state: who, value: true } : { state: holder, value: false },
  release: (holder, who) => (holder === who ? { state: '' } : { state: holder, refused: 'TakenError' }),
});

async function lockServerHolds(seed: number, crashes: boolean): Promise<boolean | undefined> {
  let linearizable: boolean | undefined;
  const { failure } = await simulate({
    seed,
    scenario: async (sim) => {
      const net = createNetwork(sim, { latencyMs: [1, 10], faults: { lose: 4 } });
      const server = net.node('locks', () => new LockServer());
      const history = createHistory<MethodCall<LockServer>, MethodReply<LockServer>>(sim.world.clock);
      const locks = withCallOptions(net.connect<LockServer>('locks'), { timeoutMs: 50 });
      const clients = ['a', 'b', 'c'].map(async (name) => {
        const client = watchCalls(locks, history, name, { refusals: ['TakenError'] });
        for (let round = 0; round < 2; round += 1) {
          await client.acquire(name).catch(() => undefined);
          await client.release(name).catch(() => undefined);
        }
      });
      if (crashes) sim.atSomeEvent('locks restarts', () => server.restart(), { within: 12 });
      await Promise.all(clients);
      ({ linearizable } = checkLinearizable(history, lockModel));
    },
  });
  expect(failure).toBe(undefined);
  return linearizable;
}

test('a lock server behind a network that loses calls is linearizable, unless it forgets in a crash', async () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed);
  const [kept, forgets] = [false, true].map((crashes) =>
    Promise.all(seeds.map((seed) => lockServerHolds(seed, crashes))),
  );
  expect(new Set(await kept)).toEqual(new Set([true]));
  expect(new Set(await forgets)).toEqual(new Set([true, false]));
});
