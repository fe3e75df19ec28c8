/**
 * What a simulated network promises of its time, its faults and its history, as a list of cases. Invariant: each case plays in the plain order of
 * events with just the faults that it asks for, so that all that happens is known.
 */
import type { ClusterNode, ClusterNodeOptions } from '../cluster/node.ts';
import type { Network, NetworkOptions } from '../cluster/network.ts';
import { isCallLost } from '../cluster/sent-error.ts';
import { withCallOptions } from '../cluster/stub.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Mailbox, NodeContext, Stub } from '../model/node-context.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Simulation } from '../simulation/simulation.ts';
import { checkEqual, checkThat } from './check.ts';
import { simulationError } from './conformance-case.ts';
import {
  checkRefuses,
  codeOf,
  meanwhile,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  play,
  type PlayAnswers,
  type Played,
  playHolding,
  refusalOf,
  inWords,
  ofOurWords,
} from './part-case.ts';

/** A network of a simulation, by its verbs. */
export type SimulatedNetwork = Pick<Network, keyof Network>;

/** A kind of simulated network that is held to the contract: see {@link simulatedNetworkCases}. */
export interface SimulatedNetworkSubject extends PartSubject {
  /** Makes a network with those options in a simulation. */
  create(sim: Simulation, options?: NetworkOptions): SimulatedNetwork;
}

type Spec = PartCaseSpec<SimulatedNetworkSubject>;
/** Makes the network of a case. */
type Make = (options?: NetworkOptions) => SimulatedNetwork;
type Body = (sim: Simulation, make: Make) => Promise<void> | void;

const holds = (title: string, body: Body, answers: PlayAnswers = {}): Spec => ({
  title,
  async prove(subject, { signal }) {
    await playHolding((sim) => body(sim, (options) => subject.create(sim, options)), answers, { signal });
  },
});

/** A case that looks at what came of a scenario. */
const looks = (
  title: string,
  body: Body,
  look: (played: Played) => Promise<void> | void,
  answers: PlayAnswers = {},
): Spec => ({
  title,
  async prove(subject, { signal }) {
    const run = (sim: Simulation): Promise<void> | void =>
      body(sim, (options) => subject.create(sim, options));
    await look(await playHolding(run, answers, { signal }));
  },
});

/** A case about a scenario that has to fail. */
const fails = (
  title: string,
  body: Body,
  look: (played: Played) => void,
  answers: PlayAnswers = {},
): Spec => ({
  title,
  async prove(subject, { signal }) {
    look(await play((sim) => body(sim, (options) => subject.create(sim, options)), answers, { signal }));
  },
});

/** A case that holds in any order of events. */
const always = (title: string, seeds: number, body: Body): Spec => ({
  title,
  async prove(subject) {
    for (let seed = 0; seed < seeds; seed += 1) {
      const { failure } = await simulate({
        source: randomDecisions(seed),
        scenario: (sim) => body(sim, (options) => subject.create(sim, options)),
      });
      if (failure !== undefined) throw simulationError(failure, seed);
    }
  },
});

// eslint-disable-next-line no-restricted-globals -- a date sent as data; reads no clock
const dateOf = (ms: number) => new Date(ms);

/** A promise that nothing settles. */
const never = (): Promise<never> => Promise.race([]);

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Counts how often it is called. */
class Counter {
  readonly calls: number[] = [];
  add(n: number): number {
    this.calls.push(n);
    return this.calls.length;
  }
}

interface Echo {
  echo(...values: unknown[]): unknown;
}
const ECHO: Echo = { echo: (...values) => values };

/** A node that keeps what comes, with the time of coming. */
function inbox(sim: Simulation, net: SimulatedNetwork) {
  const got: unknown[] = [];
  const times: number[] = [];
  const from: string[] = [];
  const node = net.node('inbox', ({ onMessage }) =>
    onMessage((message: unknown, sender) => {
      got.push(message);
      times.push(sim.now());
      from.push(sender);
    }),
  );
  return { node, got, times, from };
}

const time: readonly Spec[] = [
  looks(
    'a call crosses the network and its answer comes back, each after its latency, step by step in the trace',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      net.node('counter', () => new Counter());
      const counter = net.connect<Counter>('counter');
      checkEqual('the answer', await counter.add(7), 1);
      checkEqual('the time', sim.now(), 10);
    },
    ({ events, lines }) => {
      const call = { type: 'message', name: 'add', id: 1 } as const;
      const there = { ...call, runner: 'scenario', to: 'counter', kind: 'call', detail: '7' } as const;
      const back = { ...call, runner: 'counter', to: 'scenario', kind: 'reply', detail: '1' } as const;
      checkEqual('the trace', events, [
        { ...there, at: 0, step: 'sent' },
        { ...there, at: 5, step: 'delivered' },
        { ...back, at: 5, step: 'sent' },
        { ...back, at: 10, step: 'delivered' },
      ]);
      checkEqual('the history', lines, [
        '0 ms: scenario calls add(7) of counter',
        "5 ms: counter gets scenario's call add(7)",
        "5 ms: counter answers scenario's call add(7) with 1".replace('add(7)', 'of add'),
        '10 ms: scenario gets 1 from counter as the answer to its call of add',
      ]);
    },
  ),
  holds(
    'without latency a call takes no time, and calls are answered in the order of making',
    async (sim, make) => {
      const stub = make().through('counter', new Counter());
      checkEqual('the answers', await Promise.all([stub.add(4), stub.add(5), stub.add(6)]), [1, 2, 3]);
      checkEqual('the time', sim.now(), 0);
    },
  ),
  ofOurWords(
    holds(
      'latencies between two bounds are decisions, and messages overtake each other by them',
      async (sim, make) => {
        const net = make({ latencyMs: [10, 18] });
        const { got, times } = inbox(sim, net);
        net.send('inbox', 1);
        net.send('inbox', 2);
        await sim.sleep(20);
        checkEqual('the messages', got, [2, 1]);
        checkEqual('the times', times, [10, 17]);
      },
      { 'scenario to inbox message delay': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'the number of different latencies can be set',
      async (sim, make) => {
        const net = make({ latencyMs: [0, 9], latencySteps: 3 });
        const { times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(20);
        checkEqual('the time of coming', times, [6]);
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked, ['scenario to inbox message delay = 2 of 3: 6']),
      { 'scenario to inbox message delay': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'the default is eight latencies, the least of which is the plain choice',
      async (sim, make) => {
        const net = make({ latencyMs: [4, 12] });
        const { times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(20);
        checkEqual('the time of coming', times, [4]);
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked, ['scenario to inbox message delay = 0 of 8: 0']),
    ),
  ),
  holds('messages on a narrow link wait for each other', async (sim, make) => {
    const net = make({ bytesPerMs: 66, latencyMs: 1 });
    const { times } = inbox(sim, net);
    const text = 'x'.repeat(100);
    net.send('inbox', text);
    net.send('inbox', text);
    await sim.sleep(20);
    net.send('inbox', text);
    await sim.sleep(10);
    checkEqual('the times of coming', times, [3, 5, 23]);
  }),
  holds(
    'a letter is one byte, a number eight, bytes are what they are, a message thirty-two more',
    async (sim, make) => {
      const net = make({ bytesPerMs: 1 });
      const { times } = inbox(sim, net);
      const messages: readonly (readonly [unknown, number])[] = [
        ['abc', 35],
        [7, 40],
        [7n, 40],
        [true, 33],
        [null, 33],
        [new Uint8Array(10), 42],
        [new Uint8Array(6).buffer, 38],
        [[1, 'ab'], 42],
        [{ key: 1, k: 'ab' }, 46],
        [new Map([['ab', 1]]), 42],
        [new Set(['ab', 'c']), 35],
      ];
      let due = 0;
      const expected: number[] = [];
      for (const [message, bytes] of messages) {
        net.send('inbox', message);
        due += bytes;
        expected.push(due);
      }
      const loop: { self?: unknown } = {};
      loop.self = loop;
      net.send('inbox', loop);
      expected.push(due + 37);
      await sim.sleep(1_000);
      checkEqual('the times of coming', times, expected);
    },
  ),
  ofOurWords(
    holds('a link can differ from the others, and is asked for once in each direction', async (sim, make) => {
      const asked: string[] = [];
      const net = make({
        latencyMs: 1,
        links(from, to) {
          asked.push(`${from} ${to}`);
          return to === 'far' ? { latencyMs: 100 } : undefined;
        },
      });
      const near = net.through('near', new Counter());
      const far = net.through('far', new Counter());
      await near.add(1);
      checkEqual('the time of a near call', sim.now(), 2);
      await far.add(1);
      await far.add(1);
      checkEqual('the time after two far ones', sim.now(), 204);
      checkEqual('the links', asked, ['scenario near', 'near scenario', 'scenario far', 'far scenario']);
    }),
  ),
  ofOurWords(
    holds(
      'on a fifo link no message overtakes another, for any latency',
      async (sim, make) => {
        const net = make({ latencyMs: [10, 18], fifo: true });
        const { got, times } = inbox(sim, net);
        for (const n of [1, 2, 3]) net.send('inbox', n);
        await sim.sleep(30);
        checkEqual('the messages', got, [1, 2, 3]);
        checkEqual('the times', times, [17, 17, 17]);
      },
      { 'scenario to inbox message delay': 'highest' },
    ),
  ),
  always('on a fifo link no message overtakes another, in any order of events', 20, async (sim, make) => {
    const net = make({ latencyMs: [0, 20], fifo: true, faults: { delay: 2, reorder: true } });
    const { got } = inbox(sim, net);
    for (let n = 0; n < 8; n += 1) net.send('inbox', n);
    await sim.sleep(3_000);
    checkEqual('the messages', got, [0, 1, 2, 3, 4, 5, 6, 7]);
  }),
];

class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly code = 'QUOTA';
  readonly left = { jobs: 3 };
  readonly retry = (): void => undefined;
}

const uncloneable: readonly (readonly [args: readonly unknown[], message: string])[] = [
  [[1, { callback: () => 1 }], 'argument 2 of echo cannot be sent: a function at .callback'],
  [[[1, () => 1]], 'argument 1 of echo cannot be sent: a function at [1]'],
  [[() => 1], 'argument 1 of echo cannot be sent: a function'],
  [[Symbol('x')], 'argument 1 of echo cannot be sent: a symbol'],
  [[1, 2, { done: Promise.resolve() }], 'argument 3 of echo cannot be sent: a Promise at .done'],
  [[new Map([['key', Symbol('x')]])], 'argument 1 of echo cannot be sent: a symbol at .get(key)'],
  [[new Map([[() => 1, 1]])], 'argument 1 of echo cannot be sent: a function at .keys()'],
  [[new Set([new WeakMap()])], 'argument 1 of echo cannot be sent: a WeakMap at .values()'],
  [[{ a: { b: new WeakSet() } }], 'argument 1 of echo cannot be sent: a WeakSet at .a.b'],
  [
    [{ signal: new AbortController().signal }],
    'argument 1 of echo cannot be sent: an AbortSignal at .signal; withCallOptions(stub, { signal }) cancels a call',
  ],
];

const shared = { n: 1 };
const cloneable: readonly unknown[] = [
  ...[undefined, null, true, 0, -0, NaN, Infinity, 'text', 5n, dateOf(7)],
  ...[[], [1, [2, [3]]], {}, { a: { b: { c: 1 } } }, new Map([[{ k: 1 }, new Set([1])]]), /a+/g],
  ...[
    new Uint8Array([1, 2]),
    new Float64Array([0.5]),
    new Error('inner'),
    [undefined, null],
    { x: undefined },
  ],
  ...[[, 1], { ['__proto__x']: 1 }, [shared, shared], 'ümlaut €', 'x'.repeat(200)],
];

const copies: readonly Spec[] = [
  inWords((said) =>
    holds('a value that cannot be copied is refused with its place', async (_sim, make) => {
      const stub = make().through('server', ECHO);
      for (const [args, message] of uncloneable) {
        said.equal(
          'the refusal',
          await refusalOf(() => stub.echo(...args)),
          `RUNNER_NOT_CLONEABLE ${message}`,
        );
      }
    }),
  ),
  inWords((said) =>
    holds('results and messages that cannot be copied are named too', async (_sim, make) => {
      const net = make();
      const stub = net.through('server', { make: () => ({ close: () => undefined }) });
      said.equal(
        'the refusal of a result',
        await refusalOf(() => stub.make()),
        'RUNNER_NOT_CLONEABLE the result of make cannot be sent: a function at .close',
      );
      said.equal(
        'the refusal of a message',
        await refusalOf(() => net.send('server', Symbol('x'))),
        'RUNNER_NOT_CLONEABLE the message to server cannot be sent: a symbol',
      );
    }),
  ),
  holds('values that structured clone can copy arrive unchanged, there and back', async (_sim, make) => {
    const stub = make().through('server', ECHO);
    for (const value of cloneable) checkEqual('the echo', await stub.echo(value), [value]);
    checkEqual('several', await stub.echo(1, 'two', [3]), [1, 'two', [3]]);
    checkEqual('none', await stub.echo(), []);
    const [date] = (await stub.echo(dateOf(NaN))) as [ReturnType<typeof dateOf>];
    checkThat(Number.isNaN(date.getTime()), 'an invalid date', 'such a date', date);
  }),
  holds(
    'shared references stay shared, cycles stay cycles, and deep data arrives whole',
    async (_sim, make) => {
      const stub = make().through('server', ECHO);
      const [pair] = (await stub.echo({ one: shared, other: shared })) as [{ one: object; other: object }];
      checkThat(pair.one === pair.other, 'what is met twice', 'one object', pair);
      const loop: { self?: unknown; list?: unknown[] } = { list: [] };
      loop.self = loop;
      const [back] = (await stub.echo(loop)) as [{ self: unknown }];
      checkThat(back.self === back && back !== loop, 'a circle', 'a circle of its own', back);
      let deep: unknown = 'the end';
      for (let depth = 0; depth < 200; depth += 1) deep = { deep };
      checkEqual('deep data', await stub.echo(deep), [deep]);
      const many = Array.from({ length: 60 }, (_, n) => ({ n, list: [n] }));
      checkEqual('many objects', await stub.echo(many), [many]);
    },
  ),
  holds('an instance of a class arrives as a plain object of its own fields', async (_sim, make) => {
    class Job {
      readonly id = 7;
      get twice(): number {
        return 14;
      }
    }
    const stub = make().through('server', ECHO);
    const [job] = (await stub.echo(new Job())) as [object];
    checkEqual('its fields', { ...job }, { id: 7 });
    checkThat(Object.getPrototypeOf(job) === Object.prototype, 'the copy', 'a plain object', job);
  }),
  holds('the receiver has its own copy', async (_sim, make) => {
    const kept: unknown[] = [];
    const own = { list: [1] };
    const stub = make().through('server', {
      keep: (value: unknown) => void kept.push(value),
      own: () => own,
    });
    const value = { list: [1], map: new Map([['a', dateOf(5)]]), bytes: new Uint8Array([1, 2]) };
    const sent = meanwhile(stub.keep(value));
    value.list.push(2);
    value.map.clear();
    value.bytes[0] = 9;
    await sent;
    checkEqual('what was kept', kept, [
      { list: [1], map: new Map([['a', dateOf(5)]]), bytes: new Uint8Array([1, 2]) },
    ]);
    (await stub.own()).list.push(2);
    checkEqual('the server’s own', own, { list: [1] });
  }),
  holds(
    'an error arrives with its name, message, code, causes and other plain fields',
    async (_sim, make) => {
      const thrown: unknown[] = [
        new QuotaError('no more jobs', { cause: new TypeError('no slot', { cause: 'full' }) }),
      ];
      const stub = make().through('server', {
        fail: (): never => {
          throw thrown[0];
        },
      });
      const error = (await errorOf(stub.fail())) as QuotaError;
      checkThat(error instanceof Error, 'the rejection', 'an Error', error);
      const { name, message, code, left } = error;
      checkEqual('it', [name, message, code, left], ['QuotaError', 'no more jobs', 'QUOTA', { jobs: 3 }]);
      const cause = error.cause as Error;
      checkThat(cause instanceof TypeError, 'its cause', 'a TypeError', cause);
      checkEqual('its message', cause.message, 'no slot');
      checkEqual('the cause of that', messageOf(cause.cause), 'full');
      checkThat(!('retry' in error), 'what is not plain', 'left out', error);
      for (const Kind of [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
        thrown[0] = Object.assign(new Kind('odd'), { code: 7 });
        const came = (await errorOf(stub.fail())) as Error & { code: unknown };
        checkThat(came instanceof Kind, 'the kind', Kind.name, came);
        checkEqual('it', [came.name, came.message, came.code], [Kind.name, 'odd', 7]);
        checkEqual('the fields', Object.keys(came), ['code']);
      }
      for (const [odd, text] of [
        ['text', 'text'],
        [7, '7'],
        [undefined, 'undefined'],
        [null, 'null'],
      ] as const) {
        thrown[0] = odd;
        const came = (await errorOf(stub.fail())) as Error;
        checkEqual(`what comes of ${text}`, [came.name, came.message], ['Error', text]);
      }
    },
  ),
  holds('the causes of an error arrive up to eight deep', async (_sim, make) => {
    let error = new Error('0');
    for (let depth = 1; depth < 12; depth += 1) error = new Error(String(depth), { cause: error });
    const stub = make().through('server', {
      fail: (): never => {
        throw error;
      },
    });
    let came: unknown = await errorOf(stub.fail());
    const seen: string[] = [];
    for (; came instanceof Error; came = came.cause) seen.push(came.message);
    checkEqual('the chain', seen, ['11', '10', '9', '8', '7', '6', '5', '4', '3']);
  }),
];

const limits: readonly Spec[] = [
  inWords((said) =>
    holds(
      'a call that is not answered rejects after its time limit, and its work continues',
      async (sim, make) => {
        const done: number[] = [];
        const stub = make().through('server', {
          work: async (ms: number) => {
            await sim.sleep(ms);
            done.push(sim.now());
          },
        });
        const { abort, signal } = new (class extends AbortController {
          override abort = (reason: unknown): void => super.abort(reason);
        })();
        const cancelled = errorOf(withCallOptions(stub, { signal }).work(20));
        const late = errorOf(withCallOptions(stub, { timeoutMs: 10 }).work(20));
        const reason = new Error('enough');
        abort(reason);
        checkThat((await cancelled) === reason, 'a cancelled call', 'the reason', await cancelled);
        said.equal('the time of the cancel', sim.now(), 0);
        const error = await late;
        said.equal('the message', messageOf(error), 'server has not answered work within 10 ms');
        said.equal('the code', (error as { code?: unknown }).code, 'RUNNER_CALL_TIMED_OUT');
        checkThat(isCallLost(error), 'the error', 'a lost call', error);
        said.equal('the time', sim.now(), 10);
        await sim.sleep(20);
        said.equal('what was done', done, [20, 20]);
      },
    ),
  ),
  holds('an answer that comes in the very instant of the limit counts', async (sim, make) => {
    const stub = make().through('server', { work: (ms: number) => sim.sleep(ms) }, { timeoutMs: 20 });
    await stub.work(20);
    checkEqual('the time', sim.now(), 20);
    checkEqual('a call that is later', await codeOf(() => stub.work(21)), 'RUNNER_CALL_TIMED_OUT');
    await sim.sleep(1);
  }),
  inWords((said) =>
    holds(
      'the time limit is that of the call, else of its stub, else of the network, else ten seconds',
      async (sim, make) => {
        const work = (ms: number): Promise<void> => sim.sleep(ms);
        const net = make({ callTimeoutMs: 30 });
        const stub = net.through('server', { work });
        said.equal('the code', await codeOf(() => stub.work(100)), 'RUNNER_CALL_TIMED_OUT');
        said.equal('the time of the network’s limit', sim.now(), 30);
        await withCallOptions(stub, { timeoutMs: Infinity }).work(100);
        said.equal('the time without one', sim.now(), 130);
        const own = net.connect<{ work(ms: number): Promise<void> }>('server', { timeoutMs: 5 });
        said.equal('the code', await codeOf(() => own.work(100)), 'RUNNER_CALL_TIMED_OUT');
        said.equal('the time of the stub’s limit', sim.now(), 135);
        await withCallOptions(own, { timeoutMs: 7 }).work(6);
        await withCallOptions(own, {}).work(4);
        said.equal('the time', sim.now(), 145);
        await sim.sleep(200);
      },
    ),
  ),
  holds('by default a call waits ten seconds', async (sim, make) => {
    const stub = make().through('server', { work: () => sim.sleep(10_000), later: () => sim.sleep(10_001) });
    await stub.work();
    checkEqual('the code', await codeOf(() => stub.later()), 'RUNNER_CALL_TIMED_OUT');
    checkEqual('the time', sim.now(), 20_000);
    await sim.sleep(10);
  }),
  looks(
    'a signal that has aborted before sends nothing',
    async (_sim, make) => {
      const reason = new Error('before');
      const stub = make().through('server', ECHO, { signal: AbortSignal.abort(reason) });
      checkThat((await errorOf(stub.echo(1))) === reason, 'the rejection', 'the reason', reason);
    },
    ({ lines }) => checkEqual('the history', lines, []),
  ),
  inWords((said) =>
    holds(
      'a signal stays with its stub beside other options, and a shared one ends all calls',
      async (sim, make) => {
        const controller = new AbortController();
        const stub = make().through('server', { work: () => sim.sleep(50) }, { signal: controller.signal });
        const all = [stub.work(), withCallOptions(stub, { timeoutMs: 40 }).work(), stub.work()].map(errorOf);
        await sim.sleep(5);
        controller.abort('enough');
        said.equal('the rejections', await Promise.all(all), ['enough', 'enough', 'enough']);
        said.equal('the time', sim.now(), 5);
        await sim.sleep(100);
      },
    ),
  ),
  holds(
    'an object that inherits from a stub calls through it; a stub is not a promise and shows its name',
    async (_sim, make) => {
      const stub = make().through('server', ECHO);
      const heir = Object.create(stub) as Stub<Echo>;
      checkEqual('the echo', await heir.echo(1), [1]);
      checkThat((await Promise.resolve(stub)) === stub, 'an awaited stub', 'itself', stub);
      checkEqual('its text', `${stub as unknown as string}`, 'stub of server');
      checkEqual('as JSON', JSON.stringify({ stub }), '{"stub":{}}');
      const { echo } = stub;
      checkThat(echo === stub.echo, 'a method', 'the same each time', echo);
      checkThat(!Reflect.set(stub, 'echo', 1), 'to set a method', 'impossible', stub);
    },
  ),
];

const messages: readonly Spec[] = [
  looks(
    'a message reaches the handler of a node with its sender, and its steps are in the trace',
    async (sim, make) => {
      const net = make({ latencyMs: 2 });
      const { got, from } = inbox(sim, net);
      net.send('inbox', { type: 'beat', n: 1 });
      net.node('a', ({ send }) => send('inbox', 'hello'));
      await sim.sleep(5);
      checkEqual('the messages', got, [{ type: 'beat', n: 1 }, 'hello']);
      checkEqual('their senders', from, ['scenario', 'a']);
    },
    ({ lines, events }) => {
      checkEqual('the history', lines, [
        '0 ms: scenario sends {type: "beat", n: 1} to inbox',
        '0 ms: a sends "hello" to inbox',
        '2 ms: inbox gets {type: "beat", n: 1} from scenario',
        '2 ms: inbox gets "hello" from a',
      ]);
      checkEqual(
        'the names shown',
        events.map((event) => (event.type === 'message' ? [event.kind, event.name, event.id] : [])),
        [
          ['message', 'beat', 1],
          ['message', 'message', 2],
          ['message', 'beat', 1],
          ['message', 'message', 2],
        ],
      );
    },
  ),
  holds(
    'a node has one mailbox: messages wait in it for receive, in the order of arrival',
    async (sim, make) => {
      const net = make();
      const seen: unknown[] = [];
      net.node('inbox', async ({ mailbox, sleep }) => {
        const box = mailbox<number>();
        seen.push(box.size);
        await sleep(1);
        seen.push(box.size, mailbox().size, await box.receive(), await mailbox().receive(), box.size);
        seen.push(await box.receive(), sim.now());
        for await (const message of box) {
          seen.push(message);
          if (message === 5) return;
        }
      });
      net.send('inbox', 1);
      net.send('inbox', 2);
      await sim.sleep(10);
      net.send('inbox', 3);
      net.send('inbox', 4);
      net.send('inbox', 5);
      await sim.sleep(1);
      checkEqual('what was seen', seen, [0, 2, 2, 1, 2, 0, 3, 10, 4, 5]);
    },
  ),
  looks(
    'a mailbox that is full refuses, and the trace says why',
    async (sim, make) => {
      const net = make();
      const boxes: Mailbox<unknown>[] = [];
      net.node('inbox', ({ mailbox }) => {
        mailbox({ limit: 1 });
        boxes.push(mailbox());
      });
      for (const n of [1, 2]) net.send('inbox', { type: 'beat', n });
      await sim.sleep(1);
      checkEqual('how many wait', boxes[0]?.size, 1);
      net.node('other', ({ mailbox }) => void mailbox({ limit: 2 }));
      for (const n of [1, 2, 3]) net.send('other', n);
      await sim.sleep(1);
    },
    ({ lines }) =>
      checkEqual(
        'what is refused',
        lines.filter((line) => line.includes('refused')),
        [
          '0 ms: {type: "beat", n: 2} from scenario to inbox is refused: the mailbox of inbox is full with 1 message',
          '1 ms: 3 from scenario to other is refused: the mailbox of other is full with 2 messages',
        ],
      ),
  ),
  looks(
    'a mailbox has room for 1,024 messages unless its limit says otherwise',
    async (sim, make) => {
      const net = make();
      const boxes: Mailbox<unknown>[] = [];
      net.node('inbox', ({ mailbox }) => void boxes.push(mailbox()));
      for (let n = 0; n <= 1_024; n += 1) net.send('inbox', n);
      await sim.sleep(1);
      checkEqual('how many wait', boxes[0]?.size, 1_024);
    },
    ({ lines }) => checkEqual('the refusals', lines.filter((line) => line.includes('refused')).length, 1),
  ),
  holds(
    'a pending receive gets a message before the handler does, and a new handler gets the messages that are waiting',
    async (sim, make) => {
      const net = make();
      const received: unknown[] = [];
      const handled: unknown[] = [];
      net.node('inbox', async ({ mailbox, onMessage, sleep }) => {
        const box = mailbox();
        await sleep(1);
        onMessage((message) => handled.push(message));
        checkEqual('what was there', [handled, box.size], [['early', 'too'], 0]);
        void box.receive().then((message) => received.push(message));
        void box.receive().then((message) => received.push(message));
      });
      net.send('inbox', 'early');
      net.send('inbox', 'too');
      await sim.sleep(2);
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(1);
      checkEqual('what was received', received, [1, 2]);
      checkEqual('what was handled', handled, ['early', 'too', 3]);
    },
  ),
  holds(
    'a handler takes what a full mailbox would refuse, and a later handler takes over',
    async (sim, make) => {
      const net = make();
      const got: string[] = [];
      net.node('inbox', ({ mailbox, onMessage }) => {
        mailbox({ limit: 1 });
        onMessage((n) => void got.push(`first ${String(n)}`));
        onMessage((n) => void got.push(`second ${String(n)}`));
      });
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(1);
      checkEqual('what it got', got, ['second 1', 'second 2', 'second 3']);
    },
  ),
  holds(
    'a receive that waits too long times out, one that is cancelled rejects with the reason, and neither takes a message',
    async (sim, make) => {
      const net = make();
      const seen: unknown[] = [];
      net.node('inbox', async ({ mailbox, name }) => {
        const box = mailbox();
        const controller = new AbortController();
        const late = errorOf(box.receive({ timeoutMs: 5 }));
        const cancelled = errorOf(box.receive({ signal: controller.signal }));
        const patient = meanwhile(box.receive({ timeoutMs: 100 }));
        seen.push(await late, sim.now());
        controller.abort('enough');
        seen.push(await cancelled, await errorOf(box.receive({ signal: controller.signal })), name);
        seen.push(await patient, sim.now());
      });
      await sim.sleep(7);
      net.send('inbox', 'it');
      await sim.sleep(1);
      const [late, ...rest] = seen;
      checkEqual('the rest', rest, [5, 'enough', 'enough', 'inbox', 'it', 7]);
      checkEqual('the message', messageOf(late), 'no message has come to inbox within 5 ms');
      checkEqual('the code', (late as { code: string }).code, 'RUNNER_TIMED_OUT');
      checkThat(!isCallLost(late), 'it', 'no lost call', late);
      await sim.sleep(200);
    },
  ),
  holds('a message is there for a receive whose signal has aborted', async (sim, make) => {
    const net = make();
    const got: unknown[] = [];
    net.node('inbox', async ({ mailbox, sleep }) => {
      await sleep(1);
      got.push(await mailbox().receive({ signal: AbortSignal.abort('before') }));
    });
    net.send('inbox', 1);
    await sim.sleep(2);
    checkEqual('it', got, [1]);
  }),
  looks(
    'a message to a server that is not a node, or to an unknown name, is refused',
    async (sim, make) => {
      const net = make();
      net.through('server', ECHO);
      net.send('server', 1);
      net.send('nobody', 2);
      await sim.sleep(1);
    },
    ({ lines }) =>
      checkEqual(
        'the refusals',
        lines.filter((line) => line.includes('refused')),
        [
          '0 ms: 1 from scenario to server is refused: server is not a node and takes no messages',
          '0 ms: 2 from scenario to nobody is refused: there is no node nobody',
        ],
      ),
  ),
  looks(
    'a message is shown by its own description, or as short data',
    async (sim, make) => {
      const net = make();
      inbox(sim, net);
      const words = { describe: () => 'the lease of a' };
      const odd: readonly unknown[] = [
        ...[5n, undefined, dateOf(0), dateOf(NaN), new Uint8Array(3), new Map([[1, 2]]), new Set([1, 2])],
        ...['x'.repeat(100), [1, 2, 3, 4, 5, 6, 7, 8], { a: { b: { c: { d: 1 } } } }],
      ];
      for (const message of odd) net.send('inbox', message);
      const stub = net.through('server', ECHO);
      await stub.echo(Object.create(words)).catch(() => undefined);
    },
    ({ lines }) => {
      checkEqual(
        'what was sent',
        lines.filter((line) => line.includes('scenario sends')),
        [
          '5n',
          'undefined',
          '1970-01-01T00:00:00.000Z',
          'Invalid Date',
          '3 bytes',
          'Map(1)',
          'Set(2)',
          `"${'x'.repeat(79)}…`,
          '[1, 2, 3, 4, 5, 6, 2 more]',
          '{a: {b: {c: …}}}',
        ].map((text) => `0 ms: scenario sends ${text} to inbox`),
      );
      checkThat(
        lines.some((line) => line.includes('the lease of a')),
        'the call',
        'its own words',
        lines.at(-1),
      );
    },
  ),
];

/** One call of `add(7)`, and what came of it. */
async function oneCall(
  subject: SimulatedNetworkSubject,
  options: NetworkOptions,
  answers: PlayAnswers,
): Promise<Played & { readonly calls: readonly number[]; readonly outcome: unknown; readonly atMs: number }> {
  const counter = new Counter();
  let outcome: unknown;
  let atMs = 0;
  const played = await playHolding(async (sim) => {
    const net = subject.create(sim, options);
    const stub = net.through('counter', counter, { timeoutMs: 5_000 });
    outcome = await stub.add(7).catch((error: unknown) => (isCallLost(error) ? 'lost' : error));
    atMs = sim.now();
    await sim.sleep(10_000);
  }, answers);
  return { ...played, calls: counter.calls, outcome, atMs };
}

const CALL = 'scenario to counter add fault';
const REPLY = 'counter to scenario reply to add fault';
type OneCall = Awaited<ReturnType<typeof oneCall>>;

const once = (
  title: string,
  options: NetworkOptions,
  answers: PlayAnswers,
  look: (one: OneCall) => void,
): Spec => ({
  title,
  async prove(subject) {
    look(await oneCall(subject, options, answers));
  },
});

const ALL = { lose: 16, duplicate: 16, reorder: 16, delay: 16, partition: 64, hold: 64 };

const faults: readonly Spec[] = [
  ofOurWords(
    once(
      'one question per message asks for all kinds of faults, and 0 is none',
      { faults: ALL },
      {},
      (one) => {
        checkEqual('the questions asked', one.asked, [`${CALL} = 0 of 64: `, `${REPLY} = 0 of 64: `]);
        checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[7], 1, 0]);
      },
    ),
  ),
  ofOurWords(
    once(
      'the rate of each kind can be set; true is one message in 16, and one in 64 for faults that last',
      { faults: { lose: true, duplicate: 32, hold: true, delay: false } },
      {},
      (one) => checkEqual('the questions asked', one.asked, [`${CALL} = 0 of 64: `, `${REPLY} = 0 of 64: `]),
    ),
  ),
  ofOurWords(
    once(
      'a lost call is not done, and its caller waits until its time limit',
      { faults: { lose: true, duplicate: true } },
      { [CALL]: 'highest' },
      (one) => {
        const words = 'the call add(7) from scenario to counter is lost';
        checkEqual('the questions asked', one.asked, [`${CALL} = 15 of 16: ${words}`]);
        checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[], 'lost', 5_000]);
        checkEqual('the history', one.lines, [
          '0 ms: scenario calls add(7) of counter',
          `0 ms: ${words}`,
          `0 ms: ${words}`,
        ]);
        checkEqual('the fault', one.events[1], {
          ...{ at: 0, type: 'fault', runner: 'scenario', operation: 'message', kind: 'lose', runId: '' },
          message: 'the call add(7) from scenario to counter',
        });
      },
    ),
  ),
  once('a call whose reply is lost is done', { faults: { lose: true } }, { [REPLY]: 'highest' }, (one) => {
    checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[7], 'lost', 5_000]);
    checkEqual('the fault', one.lines[3], "0 ms: the answer 1 of counter to scenario's call of add is lost");
  }),
  once(
    'a duplicated call runs twice, each after a delay of its own, and its caller takes the first answer',
    { faults: { duplicate: true }, latencyMs: 3 },
    { [CALL]: 'highest' },
    (one) => {
      checkEqual('the outcome', [one.calls, one.outcome, one.atMs], [[7, 7], 1, 6]);
      checkEqual('the calls', stepsOf(one, 'call'), ['sent', 'duplicated', 'delivered', 'delivered']);
      checkEqual('the replies', stepsOf(one, 'reply'), ['sent', 'sent', 'delivered', 'delivered']);
      checkThat(
        one.lines.includes('0 ms: the call add(7) from scenario to counter is duplicated'),
        'the history',
        'the fault',
        one.lines,
      );
    },
  ),
  ofOurWords(
    once(
      'a delayed message arrives as late as is decided',
      { faults: { delay: true, delayMs: 400 }, latencyMs: 1 },
      { [CALL]: 'highest', 'scenario to counter add late delay': 2 },
      (one) => {
        checkEqual('the time', one.atMs, 302);
        checkEqual(
          'the fault',
          one.lines[1],
          '0 ms: the call add(7) from scenario to counter is delayed by 300 ms',
        );
        checkEqual('the length', one.asked[1], 'scenario to counter add late delay = 2 of 4: 300');
      },
    ),
  ),
  ofOurWords(
    once(
      'a delay takes a second at most by default',
      { faults: { delay: true } },
      { [CALL]: 'highest', 'scenario to counter add late delay': 'highest' },
      (one) => checkEqual('the time', one.atMs, 1_000),
    ),
  ),
  once(
    'a reordered message that nothing overtakes comes after its bound',
    { faults: { reorder: true, reorderMs: 50 } },
    { [CALL]: 'highest' },
    (one) => {
      checkEqual('the time', one.atMs, 50);
      checkEqual('the calls', stepsOf(one, 'call'), ['sent', 'held', 'delivered']);
      checkEqual(
        'the fault',
        one.lines[1],
        '0 ms: the call add(7) from scenario to counter is held back until another overtakes it',
      );
    },
  ),
  once('that bound is a second by default', { faults: { reorder: true } }, { [CALL]: 'highest' }, (one) =>
    checkEqual('the time', one.atMs, 1_000),
  ),
  ofOurWords(
    once(
      'a link that keeps the order is not asked to reorder',
      { fifo: true, faults: { reorder: true } },
      {},
      (one) => checkEqual('the questions asked', one.asked, []),
    ),
  ),
  ofOurWords(
    holds(
      'a reordered message is overtaken by the next one on its link, not by those of other links',
      async (sim, make) => {
        const net = make({ faults: { reorder: true } });
        const { got } = inbox(sim, net);
        net.node('other', ({ onMessage }) => onMessage(() => undefined));
        net.send('inbox', 1);
        net.send('other', 0);
        await sim.sleep(1);
        checkEqual('the messages', got, []);
        net.send('inbox', 2);
        await sim.sleep(1);
        checkEqual('the messages', got, [2, 1]);
      },
      { 'scenario to inbox message fault': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'faults strike as often as strikesMax says, and are then no longer asked for',
      async (sim, make) => {
        const counter = new Counter();
        const stub = make({ faults: { duplicate: true, strikesMax: 1 } }).through('counter', counter);
        await stub.add(1);
        await stub.add(2);
        await sim.sleep(1);
        checkEqual('the calls', counter.calls, [1, 1, 2]);
      },
      ({ asked }) => checkEqual('how often it was asked', asked.length, 1),
      { [CALL]: 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'the strikes of all links are counted together, except for a link with its own bound',
      async (sim, make) => {
        const net = make({
          faults: { duplicate: 2, strikesMax: 1 },
          links: (_from, to) => (to === 'own' ? { faults: { duplicate: 2, strikesMax: 5 } } : undefined),
        });
        const counters = { counter: new Counter(), other: new Counter(), own: new Counter() };
        for (const [name, counter] of Object.entries(counters)) await net.through(name, counter).add(1);
        await sim.sleep(1);
        checkEqual(
          'how often each was called',
          Object.values(counters).map(({ calls }) => calls.length),
          [2, 1, 2],
        );
      },
      ({ asked }) => checkEqual('how often it was asked', asked.length, 2),
      { [CALL]: 'highest', 'scenario to own add fault': 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'by default 64 strikes are the most',
      async (sim, make) => {
        const net = make({ faults: { lose: 2 } });
        net.node('inbox', ({ onMessage }) => onMessage(() => undefined));
        for (let n = 0; n < 80; n += 1) net.send('inbox', { type: `t${n}` });
        await sim.sleep(1);
      },
      ({ asked, verdict }) => checkEqual('questions and strikes', [asked.length, verdict.faults], [64, 64]),
      Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`scenario to inbox t${n} fault`, 'highest'])),
    ),
  ),
  ofOurWords(
    looks(
      'heal delivers held messages at once, ends the questions, and rejects the calls that were lost',
      async (sim, make) => {
        const net = make({
          faults: { lose: 4, reorder: 4, reorderMs: 5_000, strikesMax: 2 },
          callTimeoutMs: Infinity,
        });
        const stub = net.through('counter', new Counter());
        const other = net.through('other', new Counter());
        const first = meanwhile(stub.add(1));
        const lost = refusalOf(() => other.add(1));
        await sim.sleep(10);
        sim.heal();
        checkEqual('the answer', await first, 1);
        checkEqual('the loss', await lost, 'RUNNER_CALL_LOST the call add to other was lost');
        checkEqual('the time', sim.now(), 10);
        checkEqual('the next answers', [await stub.add(2), await other.add(2)], [2, 1]);
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked.filter((line) => line.includes('fault')).length, 2),
      { [CALL]: 2, 'scenario to other add fault': 'highest' },
    ),
  ),
  inWords((said) =>
    looks(
      'heal rejects a call whose answer was lost, unless its caller has given up',
      async (sim, make) => {
        const counter = new Counter();
        const stub = make({ faults: { lose: true }, callTimeoutMs: 5 }).through('counter', counter);
        said.equal('the code', await codeOf(() => stub.add(1)), 'RUNNER_CALL_TIMED_OUT');
        const waiting = refusalOf(() => withCallOptions(stub, { timeoutMs: Infinity }).add(2));
        await sim.sleep(1);
        sim.heal();
        said.equal('the loss', await waiting, 'RUNNER_CALL_LOST the answer of counter to add was lost');
        said.equal('the calls', counter.calls, [2]);
      },
      (played) => said.equal('the errors', stepsOf(played, 'error'), ['sent', 'delivered']),
      { [CALL]: 'highest', [REPLY]: 'highest' },
    ),
  ),
  ofOurWords(
    looks(
      'if one copy of a duplicated call was served, the refusal of the other does not say that it was not done',
      async (_sim, make) => {
        const served: number[] = [];
        const net = make({ faults: { duplicate: true } });
        const node = net.node('counter', () => ({
          add(n: number) {
            served.push(n);
            node.crash();
          },
        }));
        const refusal = await refusalOf(() => net.connect<{ add(n: number): void }>('counter').add(1));
        checkEqual('what was served', served, [1]);
        checkEqual(
          'the refusal',
          refusal,
          'RUNNER_CALL_LOST counter is down: one of two copies of add was refused',
        );
      },
      (played) =>
        checkEqual('the calls', stepsOf(played, 'call'), ['sent', 'duplicated', 'delivered', 'refused']),
      { [CALL]: 'highest', 'scenario to counter add hang fault': 'highest' },
    ),
  ),
  always(
    'under any faults, each copy of a message is delivered, refused or lost exactly once',
    12,
    async (sim, make) => {
      const net = make({
        latencyMs: [0, 10],
        callTimeoutMs: 40,
        faults: { lose: 8, duplicate: 8, reorder: 8, delay: 16, partition: 32, hold: 32 },
      });
      const served = new Map<number, number>();
      net.node('server', () => ({ take: (n: number) => served.set(n, (served.get(n) ?? 0) + 1).size }));
      const stub = net.connect<{ take(n: number): number }>('server');
      for (let n = 0; n < 20; n += 1) {
        const outcome = await stub.take(n).then(
          () => 'done',
          (error: unknown) => (isCallLost(error) ? 'lost' : error),
        );
        checkThat(outcome === 'done' || outcome === 'lost', 'the outcome', 'done or lost', outcome);
        if (outcome === 'done') checkThat(served.has(n), 'a call that was answered', 'done', n);
      }
      sim.heal();
      await sim.sleep(5_000);
      for (const [n, times] of served) checkThat(times <= 2, `call ${n}`, 'done twice at most', times);
      checkEqual('a call after all faults', await codeOf(() => stub.take(99)), 'none');
    },
  ),
];

function stepsOf({ events }: Pick<Played, 'events'>, kind: string): string[] {
  return events.flatMap((event) => (event.type === 'message' && event.kind === kind ? [event.step] : []));
}

interface Pinger {
  pong(): boolean;
  ping(to: string): Promise<boolean>;
}

/** Three nodes, and who of them reaches whom. */
function ring(net: SimulatedNetwork): () => Promise<string> {
  const names = ['a', 'b', 'c'];
  for (const name of names) {
    net.node(name, (node) => ({
      pong: () => true,
      ping: (to: string) =>
        node
          .connect<Pinger>(to)
          .pong()
          .catch(() => false),
    }));
  }
  return async () => {
    const found: string[] = [];
    for (const from of names) {
      const stub = net.connect<Pinger>(from, { timeoutMs: 1_000 });
      for (const to of names) if (from !== to && (await stub.ping(to))) found.push(from + to);
    }
    return found.join(' ');
  };
}

const EVERYBODY = 'ab ac ba bc ca cb';
const PING = 'scenario to a ping fault';

const decided = (title: string, answers: PlayAnswers, text: string, isOver: string): Spec =>
  looks(
    `a partition that is decided ends by itself: ${title}`,
    async (sim, make) => {
      const reached = ring(make({ callTimeoutMs: 10, faults: { partition: true, strikesMax: 1 } }));
      await reached().catch(() => undefined);
      await sim.sleep(5_000);
      checkEqual('who reaches whom afterwards', await reached(), EVERYBODY);
    },
    ({ lines }) => {
      for (const line of [`0 ms: ${text}`, isOver]) {
        checkThat(lines.includes(line), 'the history', line, lines.slice(0, 3));
      }
    },
    { [PING]: 'highest', ...answers },
  );

const outages: readonly Spec[] = [
  looks(
    'a partition separates its groups, nodes outside of them keep their links, and repair ends it',
    async (_sim, make) => {
      const net = make({ callTimeoutMs: 10 });
      const reached = ring(net);
      net.partition('a', 'b');
      checkEqual('who reaches whom', await reached(), 'ac bc ca cb');
      net.repair();
      net.partition(['a'], ['b', 'c']);
      checkEqual('who reaches whom', await reached(), 'bc cb');
      net.repair();
      net.partition('a', 'b', 'c');
      checkEqual('who reaches whom', await reached(), '');
      net.repair();
      checkEqual('who reaches whom', await reached(), EVERYBODY);
    },
    ({ lines, events }) => {
      for (const line of [
        '0 ms: the network is partitioned: a | b',
        '0 ms: the call pong() from a to b is lost: the network is partitioned',
        '20 ms: network notes: the partition a | b ends',
        '20 ms: the network is partitioned: a | b, c',
        '60 ms: the network is partitioned: a | b | c',
      ]) {
        checkThat(lines.includes(line), 'the history', line, lines);
      }
      checkEqual(
        'the fault',
        events.find(({ type }) => type === 'fault'),
        {
          ...{ at: 0, type: 'fault', runner: 'network', operation: 'network', kind: 'partition' },
          ...{ runId: '', parts: 'a | b' },
        },
      );
    },
  ),
  looks(
    'a cut loses messages in one direction only',
    async (sim, make) => {
      const net = make();
      const { got } = inbox(sim, net);
      net.cut('scenario', 'inbox');
      net.send('inbox', 'lost');
      await sim.sleep(1);
      net.repair();
      net.cut('inbox', 'scenario');
      net.send('inbox', 'heard');
      await sim.sleep(1);
      checkEqual('the notifications', got, ['heard']);
    },
    ({ lines }) => {
      for (const line of [
        '0 ms: messages from scenario to inbox are lost',
        '0 ms: "lost" from scenario to inbox is lost: the network is partitioned',
        '1 ms: network notes: messages from scenario to inbox are lost no more',
      ]) {
        checkThat(lines.includes(line), 'the history', line, lines);
      }
    },
  ),
  holds('messages on their way when a partition begins are lost', async (sim, make) => {
    const net = make({ latencyMs: 10 });
    const { got } = inbox(sim, net);
    net.send('inbox', 1);
    await sim.sleep(5);
    net.partition('scenario', 'inbox');
    await sim.sleep(10);
    net.repair();
    net.send('inbox', 2);
    await sim.sleep(20);
    checkEqual('the messages received', got, [2]);
  }),
  looks(
    'held messages wait for their release, and then arrive in the order of sending',
    async (sim, make) => {
      const net = make({ latencyMs: 1 });
      const { got, times } = inbox(sim, net);
      net.hold('scenario', 'inbox');
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(50);
      checkEqual('the messages received', got, []);
      net.release('scenario', 'inbox');
      await sim.sleep(1);
      checkEqual(
        'the messages received',
        [got, times],
        [
          [1, 2, 3],
          [50, 50, 50],
        ],
      );
    },
    (played) => {
      const { lines } = played;
      checkEqual('the holds', stepsOf(played, 'message').filter((step) => step === 'held').length, 3);
      for (const line of [
        '0 ms: messages from scenario to inbox are held back',
        '1 ms: 1 from scenario to inbox is held back: the link is held',
        '50 ms: network notes: messages from scenario to inbox go on',
      ]) {
        checkThat(lines.includes(line), 'the history', line, lines);
      }
    },
  ),
  holds(
    'a hold of several links is released link by link, and each hold needs its own release',
    async (sim, make) => {
      const net = make();
      const got: string[] = [];
      for (const name of ['a', 'b', 'c']) {
        net.node(name, ({ onMessage }) => onMessage((n) => void got.push(`${name}${String(n)}`)));
      }
      net.hold('scenario', ['a', 'b']);
      for (const name of ['a', 'b', 'c']) net.send(name, 1);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1']);
      net.release('scenario', 'b');
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1']);
      net.partition('scenario', 'b');
      net.release('scenario', ['a', 'b']);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1']);
      net.send('b', 2);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1']);
      net.cut('scenario', 'c');
      net.cut('scenario', 'c');
      net.repair();
      net.send('c', 3);
      await sim.sleep(1);
      checkEqual('the messages received', got, ['c1', 'b1', 'a1', 'c3']);
    },
  ),
  holds('messages held on a fifo link arrive before those still on their way', async (sim, make) => {
    const net = make({ latencyMs: 10, fifo: true });
    const { got, times } = inbox(sim, net);
    net.hold('scenario', 'inbox');
    net.send('inbox', 1);
    net.send('inbox', 2);
    await sim.sleep(15);
    net.send('inbox', 3);
    net.release('scenario', 'inbox');
    net.send('inbox', 4);
    await sim.sleep(20);
    checkEqual('the messages', got, [1, 2, 3, 4]);
    checkEqual('the times', times, [15, 15, 25, 25]);
  }),
  inWords((said) =>
    holds(
      'heal ends the partitions and holds of the scenario, and callers learn which calls were lost',
      async (sim, make) => {
        const net = make({ callTimeoutMs: Infinity });
        const stub = net.through('counter', new Counter());
        const { got } = inbox(sim, net);
        net.partition('counter', 'scenario');
        net.hold('scenario', 'inbox');
        net.send('inbox', 1);
        const lost = refusalOf(() => stub.add(1));
        await sim.sleep(5);
        sim.heal();
        said.equal('the loss', await lost, 'RUNNER_CALL_LOST the call add to counter was lost');
        said.equal('the next answer', await stub.add(1), 1);
        said.equal('what was held', got, [1]);
      },
    ),
  ),
  decided(
    'one node',
    {},
    'the network is partitioned: a | b, c, scenario, for 250 ms',
    '250 ms: network notes: the partition a | b, c, scenario ends',
  ),
  decided(
    'another one',
    { 'network partition of': 2 },
    'the network is partitioned: c | a, b, scenario, for 250 ms',
    '250 ms: network notes: the partition c | a, b, scenario ends',
  ),
  decided(
    'one that is not heard',
    { 'network partition': 1 },
    'messages from a to b, c, scenario are lost, for 250 ms',
    '250 ms: network notes: messages from a to b, c, scenario are lost no more',
  ),
  decided(
    'one that hears nothing',
    { 'network partition': 2 },
    'messages from b, c, scenario to a are lost, for 250 ms',
    '250 ms: network notes: messages from b, c, scenario to a are lost no more',
  ),
  decided(
    'a pair',
    { 'network partition': 3, 'network partition from': 1 },
    'the network is partitioned: a | c, for 250 ms',
    '250 ms: network notes: the partition a | c ends',
  ),
  ofOurWords(
    decided(
      'halves, for a second',
      { 'network partition': 4, 'network partition delay': 'highest' },
      'the network is partitioned: a, b | c, scenario, for 1000 ms',
      '1000 ms: network notes: the partition a, b | c, scenario ends',
    ),
  ),
  ofOurWords(
    looks(
      'while one partition is in force no other one begins by decision',
      async (sim, make) => {
        const net = make({ faults: { partition: 64, lose: 16 } });
        inbox(sim, net);
        net.node('other', () => undefined);
        net.send('other', 1);
        net.send('inbox', 2);
        await sim.sleep(2_000);
        net.send('inbox', 3);
        await sim.sleep(1);
      },
      ({ asked }) =>
        checkEqual(
          'the questions asked',
          asked.flatMap((line) => / fault = (\d+ of \d+)/.exec(line)?.[1] ?? []),
          ['59 of 64', '0 of 16', '0 of 64'],
        ),
      { 'scenario to other message fault': 59, 'network partition of': 1 },
    ),
  ),
  ofOurWords(
    looks(
      'a link held by decision delivers the waiting messages when the hold ends',
      async (sim, make) => {
        const net = make({ faults: { hold: true, outageMs: 40 } });
        const { got, times } = inbox(sim, net);
        net.send('inbox', 1);
        await sim.sleep(100);
        checkEqual('the messages received', [got, times], [[1], [10]]);
      },
      ({ lines, asked }) => {
        checkThat(
          lines.includes('0 ms: messages from scenario to inbox are held back, for 10 ms'),
          'the history',
          'the hold',
          lines,
        );
        checkEqual('the questions asked', asked, [
          'scenario to inbox message fault = 63 of 64: undefined',
          'network hold delay = 0 of 4: 10',
        ]);
      },
      { 'scenario to inbox message fault': 'highest' },
    ),
  ),
];

const beating = async (
  sim: Simulation,
  net: SimulatedNetwork,
  options: ClusterNodeOptions = {},
): Promise<{ readonly node: ClusterNode<void>; readonly beats: readonly string[] }> => {
  const beats: string[] = [];
  const node = net.node(
    'a',
    async (context) => {
      for (;;) {
        await context.sleep(10);
        beats.push(`${context.incarnation}@${sim.now()}`);
      }
    },
    options,
  );
  return { node, beats };
};

const nodes: readonly Spec[] = [
  looks(
    'a crash ends the timers of a process, a restart starts another one, and both are in the trace',
    async (sim, make) => {
      const { node, beats } = await beating(sim, make());
      checkEqual('it', [node.name, node.state, node.incarnation], ['a', 'up', 0]);
      await sim.sleep(25);
      node.crash();
      checkEqual('its state', node.state, 'down');
      node.crash();
      await sim.sleep(25);
      node.restart();
      checkEqual('it', [node.state, node.incarnation], ['up', 1]);
      await sim.sleep(15);
      node.restart();
      await sim.sleep(15);
      checkEqual('the beats', beats, ['0@10', '0@20', '1@60', '2@75']);
      await node.leave();
      checkEqual('its state', node.state, 'left');
    },
    ({ lines, verdict }) => {
      checkEqual('the history', lines, [
        '25 ms: a crashes',
        '50 ms: a starts again',
        '65 ms: a crashes',
        '65 ms: a starts again',
        '80 ms: a has left',
      ]);
      checkEqual('the faults', verdict.faults, 2);
    },
  ),
  looks(
    'a paused node does nothing until it goes on; then what was due is due, in that order',
    async (sim, make) => {
      const net = make();
      const seen: string[] = [];
      const node = net.node('a', ({ clock }) => {
        for (const ms of [10, 20, 30, 60]) {
          clock.timer('tick', ms, () => void seen.push(`${ms}@${sim.now()}`));
        }
        clock.endOfInstant('late', 10, () => void seen.push(`late@${sim.now()}`));
      });
      node.resume();
      await sim.sleep(15);
      node.pause();
      node.pause();
      checkEqual('its state', node.state, 'paused');
      await sim.sleep(35);
      checkEqual('what was seen', seen, ['10@10', 'late@10']);
      node.resume();
      checkEqual('its state', node.state, 'up');
      await sim.sleep(20);
      checkEqual('what was seen then', seen, ['10@10', 'late@10', '20@50', '30@50', '60@60']);
    },
    ({ lines }) => checkEqual('the history', lines, ['15 ms: a pauses']),
  ),
  holds(
    'timers that are made while a node is paused begin to run at once, and fire once it goes on',
    async (sim, make) => {
      const net = make();
      const seen: string[] = [];
      const node = net.node('a', ({ clock }) => ({
        set() {
          node.pause();
          clock.timer('short', 5, () => void seen.push(`short@${sim.now()}`));
          clock.timer('long', 50, () => void seen.push(`long@${sim.now()}`));
          clock.timer('never', 5, () => void seen.push('never')).cancel();
          clock.post('posted', () => void seen.push(`posted@${sim.now()}`));
        },
      }));
      void meanwhile(net.connect<{ set(): void }>('a').set());
      await sim.sleep(20);
      checkEqual('what was seen', seen, []);
      node.resume();
      await sim.sleep(100);
      checkEqual('what was seen', seen, ['posted@20', 'short@20', 'long@50']);
    },
  ),
  holds('messages to a paused node wait there, and so do those that it sends', async (sim, make) => {
    const net = make();
    const got: string[] = [];
    net.node('b', ({ onMessage }) => onMessage((text) => void got.push(`${String(text)}@${sim.now()}`)));
    const node = net.node('a', ({ send }) => ({
      ask() {
        node.pause();
        send('b', 'first');
        send('b', 'second');
        return 'answer';
      },
    }));
    const answer = meanwhile(net.connect<{ ask(): string }>('a').ask());
    await sim.sleep(10);
    const held = meanwhile(net.connect<{ ask(): string }>('a').ask());
    await sim.sleep(10);
    checkEqual('the messages received', got, []);
    node.resume();
    checkEqual('the answer', [await answer, sim.now()], ['answer', 20]);
    await sim.sleep(1);
    checkEqual('the messages received', got, ['first@20', 'second@20']);
    node.resume();
    checkEqual('the second answer', [await held, sim.now()], ['answer', 21]);
  }),
  inWords((said) =>
    looks(
      'messages held by a paused node are lost with it, and the trace shows that they were held',
      async (sim, make) => {
        const net = make();
        const node = net.node('inbox', ({ onMessage }) => {
          onMessage(() => undefined);
          return new Counter();
        });
        node.pause();
        net.send('inbox', 1);
        const outcome = refusalOf(() => net.connect<Counter>('inbox').add(1));
        await sim.sleep(1);
        node.crash();
        said.equal('the outcome', await outcome, 'RUNNER_CALL_LOST inbox went down before it answered add');
      },
      (played) => {
        said.equal('the message', stepsOf(played, 'message'), ['sent', 'held', 'lost']);
        said.equal('the call', stepsOf(played, 'call'), ['sent', 'held', 'lost']);
        for (const line of [
          '0 ms: 1 from scenario to inbox is held back: inbox is paused',
          '1 ms: 1 from scenario to inbox is lost: inbox went down',
          '1 ms: inbox crashes',
        ]) {
          checkThat(played.lines.includes(line), 'the history', line, played.lines);
        }
      },
    ),
  ),
  holds('a paused node keeps the order of a fifo link, also if it pauses again', async (sim, make) => {
    const net = make({ latencyMs: 10, fifo: true });
    const { node, got } = inbox(sim, net);
    node.pause();
    for (const n of [1, 2, 3]) net.send('inbox', n);
    await sim.sleep(11);
    node.resume();
    node.pause();
    net.send('inbox', 4);
    await sim.sleep(11);
    node.resume();
    await sim.sleep(1);
    checkEqual('the messages', got, [1, 2, 3, 4]);
  }),
  always('in any order of events a fifo link keeps its order past a pause', 15, async (sim, make) => {
    const net = make({ latencyMs: 10, fifo: true });
    const { node, got } = inbox(sim, net);
    node.pause();
    for (const n of [1, 2, 3]) net.send('inbox', n);
    await sim.sleep(11);
    net.send('inbox', 4);
    await sim.sleep(10);
    node.resume();
    await sim.sleep(20);
    checkEqual('the messages', got, [1, 2, 3, 4]);
  }),
  looks(
    'timers that are made after slow(factor) take that much longer, also those of later processes',
    async (sim, make) => {
      const { node, beats } = await beating(sim, make());
      await sim.sleep(5);
      node.slow(3);
      await sim.sleep(70);
      node.restart();
      await sim.sleep(35);
      node.slow(1);
      await sim.sleep(40);
      checkEqual('the beats', beats, ['0@10', '0@40', '0@70', '1@105', '1@135', '1@145']);
    },
    ({ lines }) =>
      checkEqual('the history', lines, ['5 ms: a becomes slow', '75 ms: a crashes', '75 ms: a starts again']),
  ),
  holds('a clock that is off shows another time, and one that drifts another speed', async (sim, make) => {
    const net = make();
    const seen: unknown[] = [];
    net.node(
      'ahead',
      async ({ clock, sleep }) => {
        seen.push(clock.now());
        await sleep(100);
        seen.push(clock.now(), sim.now());
      },
      { skew: { offsetMs: 500, driftPpm: 0 } },
    );
    await sim.sleep(200);
    checkEqual('what was seen', seen, [500, 600, 100]);
    const ends: number[] = [];
    net.node(
      'fast',
      async ({ sleep }) => {
        await sleep(1_100);
        ends.push(sim.now());
      },
      { skew: { offsetMs: 0, driftPpm: 100_000 } },
    );
    await sim.sleep(2_000);
    checkEqual('the end of 1,100 ms by a clock that is a tenth fast', ends, [1_200]);
  }),
  inWords((said) =>
    holds(
      'a call that a node has got and not answered when it crashes is lost in that instant',
      async (sim, make) => {
        const net = make();
        const node = net.node('slow', ({ sleep }) => ({ work: () => sleep(100) }));
        const call = refusalOf(() => net.connect<{ work(): Promise<void> }>('slow').work());
        await sim.sleep(50);
        node.crash();
        said.equal('the loss', await call, 'RUNNER_CALL_LOST slow went down before it answered work');
        said.equal('the time', sim.now(), 50);
        const refused = await refusalOf(() => net.connect<{ work(): Promise<void> }>('slow').work());
        said.equal('a later call', refused, 'RUNNER_NODE_DOWN slow is down');
        said.equal('its object', node.object, undefined);
      },
    ),
  ),
  ofOurWords(
    looks(
      'R212 a caller may hang as the node of its call goes down: that is a fault, and ends by its time limit',
      async (sim, make) => {
        const net = make({ callTimeoutMs: 50 });
        const node = net.node('locks', ({ sleep }) => ({ acquire: (n: number) => sleep(n) }));
        const call = refusalOf(() => net.connect<{ acquire(n: number): Promise<void> }>('locks').acquire(70));
        await sim.sleep(1);
        node.crash();
        checkEqual(
          'the outcome',
          await call,
          'RUNNER_CALL_TIMED_OUT locks has not answered acquire within 50 ms',
        );
        checkEqual('the time', sim.now(), 50);
      },
      ({ lines, asked, events }) => {
        const words = 'the call acquire(70) from scenario to locks hangs, as locks went down';
        checkEqual('the questions asked', asked, [`scenario to locks acquire hang fault = 1 of 2: ${words}`]);
        checkThat(lines.includes(`1 ms: ${words}`), 'the history', words, lines);
        checkEqual(
          'the fault',
          events.find((event) => event.type === 'fault' && event.kind === 'hang'),
          {
            ...{ at: 1, type: 'fault', runner: 'locks', operation: 'message', kind: 'hang', runId: '' },
            message: 'the call acquire(70) from scenario to locks',
          },
        );
      },
      { 'scenario to locks acquire hang fault': 'highest' },
    ),
  ),
  holds(
    'an answer of a process that has died reaches no caller, and later calls reach the next process',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      const node = net.node('a', ({ incarnation }) => ({ who: () => incarnation }));
      const stub = net.connect<{ who(): number }>('a');
      const first = meanwhile(stub.who());
      await sim.sleep(2);
      node.restart();
      checkEqual('the process that answers a call on its way', await first, 1);
      const seen: unknown[] = [];
      const caller = net.node('caller', async ({ connect, incarnation }) => {
        if (incarnation > 0) return;
        seen.push(await connect<{ who(): number }>('a').who());
      });
      await sim.sleep(7);
      caller.restart();
      await sim.sleep(20);
      checkEqual('what the dead caller saw', seen, []);
    },
  ),
  looks(
    'an answer to a process that has restarted is refused',
    async (sim, make) => {
      const net = make({ latencyMs: 5 });
      net.through('server', ECHO);
      const caller = net.node('caller', ({ connect, incarnation }) => {
        if (incarnation === 0) void connect<Echo>('server').echo(1);
      });
      await sim.sleep(7);
      caller.restart();
      await sim.sleep(20);
    },
    ({ lines }) =>
      checkEqual(
        'the end of the answer',
        lines.at(-1),
        "10 ms: the answer [1] of server to caller's call of echo is refused: caller has restarted",
      ),
  ),
  holds(
    'a program has its name, incarnation, time and randomness, and its notes are in the trace',
    async (sim, make) => {
      const net = make();
      const seen: unknown[] = [];
      const node = net.node('a', ({ name, incarnation, clock, random, world, signal }) => {
        seen.push(name, incarnation, clock.now(), random.int(1), world.node, signal.aborted);
      });
      await sim.sleep(5);
      node.restart();
      checkEqual('what the program saw', seen, ['a', 0, 0, 0, 'a', false, 'a', 1, 5, 0, 'a', false]);
    },
  ),
  looks(
    'notes are lines of the trace with the name of their node',
    async (_sim, make) => {
      make().node('a', ({ note }) => note('it is up'));
    },
    ({ events, lines }) => {
      checkEqual('the trace', events, [{ at: 0, type: 'note', runner: 'a', text: 'it is up' }]);
      checkEqual('the history', lines, ['0 ms: a notes: it is up']);
    },
  ),
  holds(
    'calls wait until an asynchronous program has returned, and its object is there then',
    async (sim, make) => {
      const net = make();
      const node = net.node('a', async ({ sleep }) => {
        await sleep(20);
        return { ping: () => 'pong' };
      });
      const answer = meanwhile(net.connect<{ ping(): string }>('a').ping());
      checkEqual('its object', node.object, undefined);
      checkEqual('the answer', [await answer, sim.now()], ['pong', 20]);
      checkEqual('its object', node.object?.ping(), 'pong');
    },
  ),
  holds(
    'of the calls that wait for the start, none begins once an earlier one has ended the process',
    async (sim, make) => {
      const net = make();
      const begun: number[] = [];
      const node = net.node('a', async ({ sleep }) => {
        await sleep(10);
        return {
          f(n: number): void {
            begun.push(n);
            node.crash();
          },
        };
      });
      const stub = net.connect<{ f(n: number): void }>('a');
      const codes = await Promise.all([codeOf(() => stub.f(1)), codeOf(() => stub.f(2))]);
      checkEqual('what has begun', begun, [1]);
      checkEqual('the codes', codes, ['RUNNER_CALL_LOST', 'RUNNER_CALL_LOST']);
      checkEqual('the time', sim.now(), 10);
    },
  ),
  holds('watchers of a node are called when it goes down, once per process', async (sim, make) => {
    const net = make();
    const downs: string[] = [];
    const node = net.node('a', () => undefined, {
      onDown: () => void downs.push(`${node.state}@${sim.now()}`),
    });
    await sim.sleep(1);
    node.crash();
    node.crash();
    await sim.sleep(1);
    node.restart();
    await sim.sleep(1);
    node.restart();
    await sim.sleep(1);
    await node.leave();
    await node.leave();
    checkEqual('the notifications', downs, ['down@1', 'down@3', 'left@4']);
    const other = net.node('b', () => undefined, { onDown: () => void downs.push('stopped') });
    net.stop();
    checkEqual('the notification of the stop', [downs.length, other.state], [3, 'left']);
  }),
  holds('the options of a node override those of all nodes', async (sim, make) => {
    const net = make({ nodes: { skew: { offsetMs: 100, driftPpm: 0 }, onError: 'crash' } });
    const seen: number[] = [];
    const fail = ({ clock }: NodeContext): never => {
      seen.push(clock.now());
      throw new Error('no');
    };
    const states = [
      net.node('a', fail).state,
      net.node('b', fail, { skew: { offsetMs: 7, driftPpm: 0 } }).state,
    ];
    await sim.sleep(1);
    checkEqual(
      'what was seen',
      [seen, states],
      [
        [100, 7],
        ['down', 'down'],
      ],
    );
  }),
];

const leaving: readonly Spec[] = [
  looks(
    'a node that leaves aborts its signal, calls its hooks, the last one first, and is gone',
    async (sim, make) => {
      const order: string[] = [];
      const node = make().node(
        'a',
        ({ signal, onStop, sleep }) => {
          signal.addEventListener('abort', () => order.push(messageOf(signal.reason)));
          onStop(() => void order.push(`first ${String(signal.aborted)}`));
          onStop(async () => {
            await sleep(10);
            order.push('second');
          });
        },
        { onDown: () => void order.push('down') },
      );
      await node.leave();
      checkEqual('it', [sim.now(), node.state], [10, 'left']);
      await node.leave();
      checkEqual('the order', order, ['a leaves', 'second', 'first true', 'down']);
    },
    ({ verdict, lines }) => {
      checkEqual('the faults', verdict.faults, 0);
      checkEqual('the history', lines, ['10 ms: a has left']);
    },
  ),
  holds('a crash aborts no signal and calls no hook, also of one that leaves', async (sim, make) => {
    const called: string[] = [];
    const net = make();
    const program = ({ onStop, signal }: NodeContext): void => {
      signal.addEventListener('abort', () => called.push('signal'));
      onStop(() => void called.push('hook'));
    };
    net.node('a', program).crash();
    const other = net.node('b', ({ onStop }) => {
      onStop(() => void called.push('rest'));
      onStop(() => {
        called.push('b');
        other.crash();
      });
    });
    await other.leave();
    await sim.sleep(1);
    checkEqual('what was called', [called, other.state], [['b'], 'left']);
  }),
  inWords((said) =>
    holds('a crash meanwhile ends it at once, and no other process starts', async (sim, make) => {
      const node = make().node('a', ({ onStop, sleep }) => onStop(() => sleep(100)));
      const left = meanwhile(node.leave());
      await sim.sleep(50);
      await said.refuses('a restart', () => node.restart(), 'RUNNER_SIMULATION_MISUSE', 'a is leaving');
      node.crash();
      await left;
      said.equal('it', [sim.now(), node.state, node.incarnation], [50, 'left', 0]);
    }),
  ),
  holds('a node that is down leaves at once, and one that is paused once it resumes', async (sim, make) => {
    const net = make();
    const down = net.node('down', () => undefined);
    down.crash();
    await down.leave();
    checkEqual('it', [down.state, sim.now()], ['left', 0]);
    const paused = net.node('paused', () => undefined);
    paused.pause();
    const left = meanwhile(paused.leave());
    await sim.sleep(10);
    checkEqual('its state', paused.state, 'paused');
    paused.resume();
    await left;
    checkEqual('it', [paused.state, sim.now()], ['left', 10]);
  }),
  inWords((said) =>
    holds(
      'a call that a leaving node has not answered is lost at once, and a later one is refused',
      async (sim, make) => {
        const net = make();
        const node = net.node('a', ({ sleep }) => ({ work: () => sleep(100) }));
        const stub = net.connect<{ work(): Promise<void> }>('a');
        const call = refusalOf(() => stub.work());
        await sim.sleep(1);
        await node.leave();
        said.equal('the loss', await call, 'RUNNER_CALL_LOST a went down before it answered work');
        said.equal('a later call', await refusalOf(() => stub.work()), 'RUNNER_NODE_DOWN a has left');
      },
    ),
  ),
  holds('a node can join at any time, under a name that was never used', async (sim, make) => {
    const net = make();
    await sim.sleep(10);
    const late = net.node('late', () => ({ ping: () => 'pong' }));
    checkEqual('its answer', await net.connect<{ ping(): string }>('late').ping(), 'pong');
    await late.leave();
    await checkRefuses('its name', () => net.node('late', () => undefined), 'RUNNER_INVALID_ARGUMENT');
  }),
  inWords((said) =>
    holds(
      'stop ends all nodes and the calls of the scenario at once, without hooks or faults',
      async (sim, make) => {
        const net = make();
        const called: number[] = [];
        const node = net.node('a', ({ onStop, sleep }) => {
          onStop(() => void called.push(1));
          return { work: () => sleep(100) };
        });
        const stub = net.connect<{ work(): Promise<void> }>('a');
        const pending = refusalOf(() => stub.work());
        await sim.sleep(1);
        net.stop();
        said.equal('its state', node.state, 'left');
        said.equal(
          'a pending call',
          await pending,
          'RUNNER_CALL_LOST a had not answered work when the network was stopped',
        );
        const stopped = 'RUNNER_RELEASED the network was stopped';
        said.equal('a later call', await refusalOf(() => stub.work()), stopped);
        said.equal('a later node', await refusalOf(() => net.node('b', () => undefined)), stopped);
        said.equal('a later object', await refusalOf(() => net.through('c', ECHO)), stopped);
        await sim.sleep(1);
        said.equal('what was called', called, []);
      },
    ),
  ),
];

const boom = (): never => {
  throw new Error('boom');
};
const lateBoom: () => unknown = async (): Promise<never> => boom();
const places: readonly (readonly [string, (node: NodeContext) => void])[] = [
  ['in a timer', ({ clock }) => void clock.timer('tick', 5, boom)],
  ['in an asynchronous timer', ({ clock }) => void clock.timer('tick', 5, lateBoom)],
  ['in a handler of messages', ({ onMessage }) => onMessage(boom)],
  ['in an asynchronous handler of messages', ({ onMessage }) => onMessage(lateBoom)],
  [
    'in a promise that nobody awaits',
    ({ sleep }) => {
      void (async () => {
        await sleep(5);
        boom();
      })();
    },
  ],
];

const failing =
  (program: (node: NodeContext) => void, options: ClusterNodeOptions, states: string[] = []): Body =>
  async (sim, make) => {
    const net = make();
    const node = net.node('a', program, options);
    net.node('b', ({ send }) => send('a', 'hello'));
    await sim.sleep(20);
    states.push(`${node.state} ${node.incarnation}`);
  };

const errors: readonly Spec[] = [
  ...places.map(([place, program]) =>
    fails(`an error ${place} fails the simulation and names the node`, failing(program, {}), ({ failure }) =>
      checkEqual('the failure', [failure?.kind, failure?.message], ['error', 'a failed: boom']),
    ),
  ),
  ...places.map(([place, program]): Spec => ({
    title: `an error ${place} ends the process where the node says so, or starts another one`,
    async prove(subject) {
      const firstOnly = (node: NodeContext): void => {
        if (node.incarnation === 0) program(node);
      };
      const states: string[] = [];
      for (const options of [{ onError: 'crash' }, { onError: 'restart', restartMs: 1 }] as const) {
        const body = failing(firstOnly, options, states);
        const { verdict, lines } = await playHolding((sim) =>
          body(sim, (given) => subject.create(sim, given)),
        );
        checkEqual('the faults', verdict.faults, 0);
        const line = lines.find((text) => text.includes('error'));
        checkThat(line?.endsWith('a ends with an error: boom') === true, 'the history', 'the error', line);
      }
      checkEqual('the states', states, ['down 0', 'up 1']);
    },
  })),
  holds('the next process starts a second later by default', async (sim, make) => {
    const started: number[] = [];
    make().node(
      'a',
      ({ incarnation, clock }) => {
        started.push(sim.now());
        if (incarnation < 2) clock.timer('tick', 5, boom);
      },
      { onError: 'restart' },
    );
    await sim.sleep(3_000);
    checkEqual('the starts', started, [0, 1_005, 2_010]);
  }),
  holds('a node that the scenario restarts meanwhile is not started again', async (sim, make) => {
    const node = make().node(
      'a',
      ({ incarnation, clock }) => {
        if (incarnation === 0) clock.timer('tick', 5, boom);
      },
      { onError: 'restart', restartMs: 50 },
    );
    await sim.sleep(10);
    checkEqual('it', [node.state, node.incarnation], ['down', 0]);
    node.restart();
    await sim.sleep(100);
    checkEqual('it', [node.state, node.incarnation], ['up', 1]);
  }),
  holds('a start that throws at once comes out of node(), and there is no such node', async (_sim, make) => {
    const net = make();
    checkEqual('what is thrown', await refusalOf(() => net.node('a', boom)), 'Error: boom');
    net.node('a', () => ({ ping: () => 'pong' }));
    checkEqual('its answer', await net.connect<{ ping(): string }>('a').ping(), 'pong');
  }),
  holds('a restart that throws at once comes out of restart(), and the node is down', async (_sim, make) => {
    const node = make().node('a', ({ incarnation }) => (incarnation === 1 ? boom() : {}));
    checkEqual('what is thrown', await refusalOf(() => node.restart()), 'Error: boom');
    checkEqual('it', [node.state, node.incarnation], ['down', 1]);
    node.restart();
    checkEqual('it', [node.state, node.incarnation], ['up', 2]);
  }),
  fails(
    'a start that rejects fails the simulation, and names the node',
    async (sim, make) => {
      make().node('a', async ({ sleep }) => {
        await sleep(7);
        boom();
      });
      await sim.sleep(100);
    },
    ({ failure }) =>
      checkEqual(
        'the failure',
        [failure?.kind, failure?.message, failure?.atMs],
        ['error', 'a failed: boom', 7],
      ),
  ),
  fails(
    'a hook that fails is an error of the node',
    (_sim, make) =>
      make()
        .node('a', ({ onStop }) => onStop(boom))
        .leave(),
    ({ failure }) => checkEqual('the failure', failure?.message, 'a failed: boom'),
  ),
  fails(
    'a watcher of a node that throws fails the simulation, and callers are answered all the same',
    async (sim, make) => {
      const net = make();
      const node = net.node('a', ({ sleep }) => ({ work: () => sleep(100) }), { onDown: boom });
      void codeOf(() => net.connect<{ work(): Promise<void> }>('a').work());
      await sim.sleep(1);
      node.crash();
      await sim.sleep(1);
    },
    ({ failure, events }) => {
      checkEqual('the failure', failure?.message, 'onDown of a failed: boom');
      checkThat(
        events.some((event) => event.type === 'message' && event.kind === 'error' && event.step === 'sent'),
        'the history',
        'an answer to the caller',
        events,
      );
    },
  ),
  holds('an error of a method goes to its caller, also one inside its return value', async (_sim, make) => {
    const net = make();
    class Bad {
      describe = boom;
    }
    const bad = (): object => Object.create(new Bad()) as object;
    const node = net.node('a', () => ({
      boom,
      now: bad,
      later: async () => bad(),
      get read(): never {
        return boom();
      },
      thenable: () => ({
        get then(): never {
          return boom();
        },
      }),
    }));
    const stub = net.connect<Record<'boom' | 'now' | 'later' | 'read' | 'thenable', () => unknown>>('a');
    for (const method of ['boom', 'now', 'later', 'read', 'thenable'] as const) {
      checkEqual(`what ${method} rejects with`, await refusalOf(() => stub[method]()), 'Error: boom');
    }
    checkEqual('its state', node.state, 'up');
  }),
  holds('code of a dead process has no effect and throws nothing', async (sim, make) => {
    const net = make();
    const contexts: NodeContext[] = [];
    let received = 0;
    net.node('b', ({ onMessage }) => {
      onMessage(() => (received += 1));
      return { ping: (_value?: unknown) => (received += 1) };
    });
    const node = net.node('a', (context) => void contexts.push(context));
    node.restart();
    const dead = contexts[0] as NodeContext;
    let settled = 0;
    const note = (): void => void (settled += 1);
    const stub = dead.connect<{ ping(value?: unknown): number }>('b');
    void stub.ping().then(note, note);
    void stub.ping(() => 0).then(note, note);
    dead.send('b', 'hello');
    dead.send('b', () => 'no clone');
    dead.note('I am dead');
    void dead.sleep(1).then(note);
    void dead.disk.write('a', 'x').then(note, note);
    dead.clock.timer('tick', 1, note);
    dead.clock.post('post', note);
    dead.clock.endOfInstant('end', 1, note);
    dead.onStop(note);
    void dead.mailbox().receive().then(note, note);
    dead.onMessage(note);
    dead.world.choices.choose('anything', 2);
    await sim.sleep(100);
    checkEqual('the outcome', [settled, received, node.disk.files().size], [0, 0, 0]);
    await node.leave();
    checkEqual('the outcome', settled, 0);
  }),
];

const strikesOf = (
  title: string,
  given: NonNullable<ClusterNodeOptions['faults']>,
  answers: PlayAnswers,
  expected: { readonly asked: readonly string[]; readonly lines: readonly string[]; readonly ends: string },
): Spec => ({
  title,
  async prove(subject) {
    let ends = '';
    const { asked, lines } = await playHolding(async (sim) => {
      const net = subject.create(sim);
      const node = net.node('n1', ({ sleep }) => sleep(5), { faults: given });
      await sim.sleep(3_000);
      ends = `${node.state} ${node.incarnation}`;
    }, answers);
    checkEqual('the questions asked', asked, expected.asked);
    checkEqual('the history', lines, expected.lines);
    checkEqual('the node then', ends, expected.ends);
  },
});

const AT_SLEEP = 'n1 strike at n1 sleep fault';
const WAKES = 'just before it wakes';

/** Does all that a node can do. */
const busyNode = async ({ disk, sleep, onMessage, connect }: NodeContext) => {
  onMessage(() => undefined);
  await disk.write('log', '7');
  await disk.append('log', '8');
  await disk.sync('log');
  await disk.rename('log', 'old');
  await disk.sync();
  await disk.readText('old');
  await disk.list();
  await disk.remove('old');
  await sleep(5);
  await sleep(5, 'renew the lease');
  return {
    acquire: (n: number) => n,
    async fail() {
      await connect<Echo>('echo').echo();
      throw new Error('no');
    },
  };
};

const MOMENTS: readonly string[] = [
  'locks crash at locks write log',
  'locks crash at scenario to locks beat',
  'locks crash at locks append log',
  'locks crash at locks sync log',
  'locks crash at locks rename log',
  'locks crash at locks sync',
  'locks crash at locks read old',
  'locks crash at locks list',
  'locks crash at locks remove old',
  'locks crash at locks sleep',
  'locks crash at renew the lease',
  'locks crash at scenario to locks acquire',
  'locks crash at locks to scenario reply to acquire reply',
  'locks crash at scenario to locks fail',
  'locks crash at echo to locks reply to echo',
  'locks crash at locks to scenario error to fail reply',
];

const strikes: readonly Spec[] = [
  ofOurWords(
    strikesOf(
      'several kinds are asked for in one question per moment',
      { crash: 64, pause: 64, slow: 128 },
      {},
      {
        asked: [`${AT_SLEEP} = 0 of 128: `],
        lines: [],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'a single kind is asked for by its name',
      { pause: 64 },
      {},
      {
        asked: ['n1 pause at n1 sleep fault = 0 of 64: '],
        lines: [],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'true is one moment in 16, and the rates of kinds may add up to more than one',
      { crash: 2, pause: 2, slow: 2 },
      {},
      {
        asked: [`${AT_SLEEP} = 0 of 8: `],
        lines: [],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'the highest answer is a crash, which ends by itself',
      { crash: 4, pause: 4, slow: 4, strikesMax: 1 },
      { [AT_SLEEP]: 'highest' },
      {
        asked: [`${AT_SLEEP} = 3 of 4: n1 crashes ${WAKES}`, 'n1 crash at n1 sleep delay = 0 of 4: 0'],
        lines: ['5 ms: n1 crashes', '5 ms: n1 starts again'],
        ends: 'up 1',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'a crash lasts less than downMsMax',
      { crash: true, downMsMax: 100, strikesMax: 1 },
      { 'n1 crash at n1 sleep fault': 'highest', 'n1 crash at n1 sleep delay': 'highest' },
      {
        asked: [
          `n1 crash at n1 sleep fault = 15 of 16: n1 crashes ${WAKES}`,
          'n1 crash at n1 sleep delay = 3 of 4: 75',
        ],
        lines: ['5 ms: n1 crashes', '80 ms: n1 starts again'],
        ends: 'up 1',
      },
    ),
  ),
  ofOurWords(
    strikesOf(
      'a pause lasts less than a second by default',
      { pause: 2 },
      { 'n1 pause at n1 sleep fault': 'highest', 'n1 pause at n1 sleep delay': 2 },
      {
        asked: [
          `n1 pause at n1 sleep fault = 1 of 2: n1 pauses ${WAKES}`,
          'n1 pause at n1 sleep delay = 2 of 4: 500',
          'n1 pause at n1 sleep fault = 0 of 2: ',
        ],
        lines: ['5 ms: n1 pauses'],
        ends: 'up 0',
      },
    ),
  ),
  ofOurWords({
    title: 'a slow node is slow by slowFactor, 10 by default, and for less than slowMsMax',
    async prove(subject) {
      for (const [given, expected] of [
        [{ slow: 2, strikesMax: 1, slowMsMax: 100 }, ['5@5', '5@55', '5@105', '5@110']],
        [
          { slow: 2, strikesMax: 1, slowMsMax: 100, slowFactor: 3 },
          ['5@5', '5@20', '5@35', '5@50', '5@65', '5@80', '5@85'],
        ],
      ] as const) {
        const beats: string[] = [];
        const { lines } = await playHolding(
          async (sim) => {
            const net = subject.create(sim);
            net.node(
              'n1',
              async ({ sleep }) => {
                for (;;) {
                  await sleep(5);
                  beats.push(`5@${sim.now()}`);
                }
              },
              { faults: given },
            );
            await sim.sleep(200);
          },
          { 'n1 slow at n1 sleep fault': 'highest', 'n1 slow at n1 sleep delay': 'highest' },
        );
        checkEqual('the beats', beats.slice(0, expected.length), expected);
        checkEqual('the history', lines, ['5 ms: n1 becomes slow']);
      }
    },
  }),
  {
    title: 'strikes are bounded, by four by default',
    async prove(subject) {
      for (const [strikesMax, count] of [
        [undefined, 4],
        [2, 2],
      ] as const) {
        const verdict = await simulate({
          source: { decide: ({ kind }, n) => (kind === 'fault' ? n - 1 : 0) },
          keepTrace: true,
          async scenario(sim) {
            const net = subject.create(sim);
            const given = { pause: 2, pauseMsMax: 0, ...(strikesMax === undefined ? {} : { strikesMax }) };
            net.node(
              'n1',
              async ({ sleep }) => {
                for (;;) await sleep(5);
              },
              { faults: given },
            );
            await sim.sleep(200);
          },
        });
        if (verdict.failure !== undefined) throw simulationError(verdict.failure, 'plain');
        checkEqual('the strikes', verdict.trace().filter(({ type }) => type === 'fault').length, count);
      }
    },
  },
  ofOurWords(
    looks(
      'a fault may strike as a call arrives, before it is answered, and before each event of the process',
      async (sim, make) => {
        const net = make();
        net.node('locks', busyNode, { faults: { crash: 1_000 } });
        net.through('echo', ECHO);
        net.send('locks', { type: 'beat', term: 4 });
        await sim.sleep(50);
        const stub = net.connect<{ acquire(n: number): number; fail(): void }>('locks');
        await stub.acquire(7);
        await stub.fail().catch(() => undefined);
      },
      ({ asked }) =>
        checkEqual(
          'the moments',
          asked.map((line) => line.replace(/ fault = 0 of 1000: $/, '')),
          MOMENTS,
        ),
    ),
  ),
  ofOurWords(
    looks(
      'heal ends the faults of a node at once, and keeps what the scenario has done',
      async (sim, make) => {
        const net = make();
        const struck = net.node('n1', ({ sleep }) => sleep(5), { faults: { crash: 2, downMsMax: 10_000 } });
        const crashed = net.node('n2', ({ sleep }) => sleep(5));
        await sim.sleep(10);
        crashed.crash();
        checkEqual('the states', [struck.state, crashed.state], ['down', 'down']);
        sim.heal();
        checkEqual('the states', [struck.state, crashed.state], ['up', 'down']);
        await sim.sleep(20_000);
        checkEqual('the processes', [struck.incarnation, crashed.incarnation], [1, 0]);
      },
      ({ asked }) => checkEqual('how often it was asked', asked.length, 2),
      { 'n1 crash at n1 sleep fault': 'highest', 'n1 crash at n1 sleep delay': 'highest' },
    ),
  ),
  ofOurWords(
    holds(
      'a node that the scenario has started again by then is not started a second time',
      async (sim, make) => {
        const node = make().node('n1', ({ sleep }) => sleep(5), { faults: { crash: 2, strikesMax: 1 } });
        await sim.sleep(10);
        node.restart();
        checkEqual('it', [node.state, node.incarnation], ['up', 1]);
        node.crash();
        await sim.sleep(5_000);
        checkEqual('it', [node.state, node.incarnation], ['down', 1]);
      },
      { 'n1 crash at n1 sleep fault': 'highest', 'n1 crash at n1 sleep delay': 'highest' },
    ),
  ),
];

const disks: readonly Spec[] = [
  holds(
    'the disk of a node outlives its processes, has the name of the node and shows its files',
    async (sim, make) => {
      const net = make();
      const starts: number[] = [];
      const node = net.node(
        'a',
        async ({ disk }) => {
          starts.push((await disk.list()).length);
          await disk.append('log', 'x');
          await disk.sync('log');
          return { read: () => disk.readText('log') };
        },
        { disk: { latencyMs: 5 } },
      );
      const stub = net.connect<{ read(): Promise<string> }>('a');
      checkEqual('what is read', await stub.read(), 'x');
      checkEqual('the time', sim.now(), 20);
      node.restart();
      checkEqual('what is read then', await stub.read(), 'xx');
      checkEqual('what was there at each start', starts, [0, 1]);
      checkEqual('its files', [...node.disk.files().keys()], ['log']);
    },
  ),
  {
    title: 'a crash loses what was not synced as is decided, and keeps it where only the process dies',
    async prove(subject) {
      const survivors = async (options: ClusterNodeOptions): Promise<string[]> => {
        const found = new Set<string>();
        for (let seed = 0; seed < 20; seed += 1) {
          const { failure } = await simulate({
            source: randomDecisions(seed),
            async scenario(sim) {
              const net = subject.create(sim);
              const node = net.node(
                'a',
                async ({ disk, incarnation }) => {
                  if (incarnation > 0) return;
                  await disk.append('log', '1');
                  await disk.sync('log');
                  await disk.append('log', '2');
                },
                options,
              );
              await sim.sleep(10);
              node.crash();
              found.add(new TextDecoder().decode(node.disk.files().get('log')));
            },
          });
          if (failure !== undefined) throw simulationError(failure, seed);
        }
        return [...found].sort();
      };
      checkEqual('after the power has failed', await survivors({}), ['1', '12']);
      checkEqual('after the process has died', await survivors({ disk: { keepsUnsynced: true } }), ['12']);
    },
  },
  holds('an operation that is under way when the process dies is never answered', async (sim, make) => {
    let answers = 0;
    const node = make().node(
      'a',
      async ({ disk, incarnation }) => {
        if (incarnation > 0) return;
        await disk.write('a', 'x');
        answers += 1;
      },
      { disk: { latencyMs: 10 } },
    );
    await sim.sleep(5);
    node.restart();
    await sim.sleep(50);
    checkEqual('the answers', answers, 0);
  }),
];

type WrongUses = readonly (readonly [act: () => unknown, message: string])[];
const FREE = 'expected letters, digits, dots, dashes and underscores, more than dots and dashes';

const wrongNodes = (net: SimulatedNetwork, left: ClusterNode<void>): WrongUses => [
  [() => net.node('left', () => undefined), 'name: expected one that no other node has, got "left"'],
  [() => net.node('s', () => undefined), 'name: expected one that no other node has, got "s"'],
  [() => net.through('s', ECHO), 'name: expected one that no other node has, got "s"'],
  [() => net.node('scenario', () => undefined), 'name: expected one that no other node has, got "scenario"'],
  [() => net.node('a b', () => undefined), `name: ${FREE}, got "a b"`],
  [() => net.through('', ECHO), `name: ${FREE}, got ""`],
  [() => net.node('x', 7 as never), 'program: expected a function, got 7'],
  [() => net.node('x', () => 7 as never), 'the object that x serves: expected an object, got 7'],
  [() => net.through('x', 7 as never), 'object: expected an object, got 7'],
  [
    () => net.node('x', () => undefined, { faults: { crash: 1 } }),
    'faults.crash: expected true, false or an integer ≥ 2, got 1',
  ],
  [
    () => net.node('x', () => undefined, { skew: 5 as never }),
    'skew: expected true, offsetMs and driftPpm, or offsetMsMax and driftPpmMax, got 5',
  ],
  [
    () => net.node('x', () => undefined, { onError: 'die' as never }),
    'onError: expected one of "fail", "crash", "restart", got "die"',
  ],
  [() => left.slow(0.5), 'factor: expected a finite number ≥ 1, got 0.5'],
];

const wrongGroups = (net: SimulatedNetwork): WrongUses => [
  [() => net.partition('scenario', 'nobody'), 'groups[1]: expected nodes of this network, got "nobody"'],
  [() => net.partition('scenario'), 'groups: expected at least two groups of nodes, got an array of 1'],
  [() => net.partition('scenario', []), 'groups[1]: expected at least one node, got an array of 0'],
  [() => net.partition('scenario', 'scenario'), 'groups: expected each node once, got "scenario"'],
  [() => net.cut('nobody', 'scenario'), 'from: expected nodes of this network, got "nobody"'],
  [() => net.hold('scenario', 'nobody'), 'to: expected nodes of this network, got "nobody"'],
  [() => net.release('nobody', 'scenario'), 'from: expected nodes of this network, got "nobody"'],
  [() => net.hold('scenario', 'scenario'), 'to: expected each node once, got "scenario"'],
  [() => net.cut(7 as never, 's'), 'from: expected a name or a list of names, got 7'],
  [() => net.send(7 as never, 1), 'to: expected a string, got 7'],
];

const wrongOptions = (net: SimulatedNetwork, make: Make): WrongUses => [
  [
    () => make({ latencyMs: [5, 1] }),
    'latencyMs: expected the shortest time, then the longest, got an array of 2',
  ],
  [
    () => make({ latencyMs: [1] as never }),
    'latencyMs: expected the shortest time, then the longest, got an array of 1',
  ],
  [
    () => make({ latencyMs: [1, 2, 3] as never }),
    'latencyMs: expected the shortest time, then the longest, got an array of 3',
  ],
  [() => make({ latencySteps: 0 }), 'latencySteps: expected an integer ≥ 1, got 0'],
  [() => make({ bytesPerMs: 0 }), 'bytesPerMs: expected a number > 0, got 0'],
  [() => make({ faults: { lose: 1 } }), 'faults.lose: expected true, false or an integer ≥ 2, got 1'],
  [
    () => make({ faults: { lose: 2, duplicate: 2, delay: 2 } }),
    'faults: expected rates that add up to 1 at most, got 1.5',
  ],
  [
    () => pinged(make, { latencyMs: -1 }),
    'links("scenario", "x").latencyMs: expected milliseconds, or the least and the most of them, got -1',
  ],
  [() => net.connect('s', { timeoutMs: -1 }), 'timeoutMs: expected a number ≥ 0, got -1'],
  [() => net.connect(7 as never), 'to: expected a string, got 7'],
  [() => withCallOptions({}, {}), 'stub: expected what connect() gives, got an object'],
];

/** A call over a link with those options. */
const pinged = (make: Make, given: object): unknown =>
  make({ links: () => given as never })
    .through('x', ECHO)
    .echo();

const refusals: readonly Spec[] = [
  inWords((said) =>
    holds('wrong use is refused with what was expected and what came', async (_sim, make) => {
      const net = make();
      const left = net.node('left', () => undefined);
      await left.leave();
      net.through('s', ECHO);
      await said.wrongUse([...wrongNodes(net, left), ...wrongGroups(net), ...wrongOptions(net, make)]);
    }),
  ),
  inWords((said) =>
    holds('an object that a stub cannot represent cannot stand behind a link', async (_sim, make) => {
      const net = make();
      const objects = {
        then: { then: () => undefined },
        toJSON: { toJSON: () => undefined },
        constructor: { constructor: () => 7 },
        hasOwnProperty: { hasOwnProperty: () => 7 },
      };
      for (const [name, object] of Object.entries(objects)) {
        said.equal(
          'the refusal',
          await refusalOf(() => net.through('server', object)),
          `RUNNER_INVALID_ARGUMENT the object that server serves: expected no method called ${name}, which a stub cannot have`,
        );
      }
      net.node('shy', () => ({ then: 5, ping: () => 'pong' }));
      said.equal(
        'an object with a field called so',
        await net.connect<{ ping(): string }>('shy').ping(),
        'pong',
      );
    }),
  ),
  inWords((said) =>
    holds('a field that is not a method is refused with what is there', async (_sim, make) => {
      const net = make();
      const served = (name: string, object: object | undefined) => {
        net.node(name, () => object);
        return net.connect<{ x(): void; size(): void }>(name);
      };
      const table: readonly (readonly [() => unknown, string])[] = [
        [() => served('a', { size: 3 }).size(), 'RUNNER_NO_METHOD a has no method size: a.size is 3'],
        [() => served('b', ECHO).x(), 'RUNNER_NO_METHOD b has no method x: b.x is undefined'],
        [() => served('c', undefined).x(), 'RUNNER_NO_METHOD c has no method x: it serves no object'],
        [() => net.connect<{ x(): void }>('d').x(), 'RUNNER_NODE_DOWN there is no node d'],
      ];
      for (const [act, text] of table) said.equal('the refusal', await refusalOf(act), text);
    }),
  ),
  inWords((said) =>
    holds('a node that has left refuses its verbs', async (_sim, make) => {
      const node = make().node('a', () => undefined);
      await node.leave();
      const verbs = { restart: () => node.restart(), crash: () => node.crash(), pause: () => node.pause() };
      for (const [verb, act] of Object.entries({
        ...verbs,
        resume: () => node.resume(),
        slow: () => node.slow(2),
      })) {
        said.equal(
          'the refusal',
          await refusalOf(act),
          `RUNNER_SIMULATION_MISUSE a has left the network, for good: ${verb}() comes too late`,
        );
      }
    }),
  ),
];

const reports: readonly Spec[] = [
  fails(
    'a deadlock names the calls that are not answered',
    async (_sim, make) => {
      const net = make({ callTimeoutMs: Infinity });
      net.node('locks', () => ({ acquire: () => never() }));
      net.node('a', async ({ sleep, connect }) => {
        await sleep(20);
        await connect<{ acquire(id: number): Promise<never> }>('locks').acquire(7);
      });
      await never();
    },
    ({ failure }) => {
      checkEqual('the kind', failure?.kind, 'deadlock');
      checkEqual(
        'the wait',
        failure?.details[0],
        'a waits for the answer to acquire(7) from locks since 20 ms',
      );
    },
  ),
  fails(
    'nodes that call each other in a circle are shown as one',
    async (_sim, make) => {
      const net = make({ callTimeoutMs: Infinity });
      for (const [name, other] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        net.node(name, ({ connect }) => ({ ask: () => connect<{ ask(): Promise<void> }>(other).ask() }));
      }
      net.cut('a', 'b');
      net.node('c', ({ connect }) => {
        connect<{ ask(): Promise<void> }>('a')
          .ask()
          .catch(() => undefined);
        connect<{ ask(): Promise<void> }>('b')
          .ask()
          .catch(() => undefined);
      });
      await never();
    },
    ({ failure }) => {
      checkEqual(
        'the message',
        failure?.message,
        'Deadlock: nothing is due any more, and there is a circle of waits',
      );
      checkEqual(
        'the circle',
        failure?.details[0],
        'a circle of waits: a → the answer to ask() (b) → the answer to ask() (a)',
      );
    },
  ),
  fails(
    'a node that waits for a message is named, and so are the states of nodes',
    async (sim, make) => {
      const net = make();
      net.node('inbox', ({ mailbox }) =>
        mailbox()
          .receive()
          .then(() => undefined),
      );
      net.node('other', () => undefined).crash();
      await sim.sleep(5);
      await never();
    },
    ({ failure }) =>
      checkThat(
        failure?.details.includes('inbox waits for a message since 0 ms') === true,
        'the details',
        'the wait',
        failure?.details,
      ),
  ),
  fails(
    'a stub that is used after its own node has crashed is never answered, and named',
    async (_sim, make) => {
      const net = make();
      net.through('server', ECHO);
      const contexts: NodeContext[] = [];
      net.node('a', (context) => void contexts.push(context)).crash();
      await contexts[0]?.connect<Echo>('server').echo(1);
    },
    ({ failure }) =>
      checkThat(
        failure?.details.includes('a (gone) waits for the answer to echo(1) from server since 0 ms') === true,
        'the details',
        'the wait',
        failure?.details,
      ),
  ),
  holds('calls still pending when the scenario ends do not count as left over', (_sim, make) => {
    void make()
      .through('server', { work: () => never() })
      .work();
  }),
];

/**
 * What a simulated network promises of its time, its faults, its nodes and its history, case by case: `createNetwork` of `dryrunner/cluster`,
 * or what you have put before or in place of it.
 *
 * @example
 * ```ts
 * import { createNetwork } from 'dryrunner/cluster';
 * import { simulatedNetworkCases } from 'dryrunner/conformance';
 * const cases = simulatedNetworkCases.filter(({ group }) => group === 'limits');
 * for (const each of cases) await each.prove({ name: 'mine', create: createNetwork });
 * ```
 */
export const simulatedNetworkCases: readonly PartCase<SimulatedNetworkSubject>[] = partCases({
  ...{ time, copies, limits, messages, faults, outages, nodes, leaving, errors, strikes, disks },
  ...{ refusals, reports },
});
