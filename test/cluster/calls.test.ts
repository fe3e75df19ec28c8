import { describe, expect, test } from 'vitest';
import {
  type ClusterNodeOptions,
  createNetwork,
  isCallLost,
  type NodeContext,
  withCallOptions,
  withTimeout,
} from '../../src/cluster/index.ts';
import { Endpoint } from '../../src/cluster/endpoint.ts';
import { ANY_INCARNATION, Envelope } from '../../src/cluster/envelope.ts';
import { MessageQueue } from '../../src/cluster/mailbox.ts';
import { isRunnerError, messageOf } from '../../src/kernel/errors.ts';
import { createExecutor, explain } from '../../src/explore/index.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { formatEvent } from '../../src/trace/event-text.ts';

async function linesOf(scenario: (sim: Simulation) => Promise<void> | void): Promise<string[]> {
  const verdict = await simulate({ scenario, source: fifoDecisions(), keepTrace: true });
  expect(verdict.failure?.cause ?? verdict.failure).toBeUndefined();
  return verdict.trace().map(formatEvent);
}

async function runs(scenario: (sim: Simulation) => Promise<void> | void): Promise<void> {
  await linesOf(scenario);
}

async function failureOf(scenario: (sim: Simulation) => Promise<void>, capturePlaces = false) {
  const { failure } = await simulate({ scenario, source: fifoDecisions(), capturePlaces });
  return failure;
}

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** A promise that nothing settles. */
const never = (): Promise<never> => Promise.race([]);

interface Echo {
  echo(...values: unknown[]): unknown;
}

const ECHO: Echo = { echo: (...values) => values };

describe('what crosses', () => {
  test.each<readonly [string, readonly unknown[], string]>([
    ['a function', [1, { callback: () => 1 }], 'argument 2 of echo cannot be sent: a function at .callback'],
    ['a function in a list', [[1, () => 1]], 'argument 1 of echo cannot be sent: a function at [1]'],
    ['a bare function', [() => 1], 'argument 1 of echo cannot be sent: a function'],
    [
      'a promise',
      [1, 2, { done: Promise.resolve() }],
      'argument 3 of echo cannot be sent: a Promise at .done',
    ],
    [
      'a symbol in a map',
      [new Map([['key', Symbol('x')]])],
      'argument 1 of echo cannot be sent: a symbol at .get(key)',
    ],
    [
      'memory that both would share',
      [{ shared: new SharedArrayBuffer(4) }],
      'argument 1 of echo cannot be sent: a SharedArrayBuffer at .shared',
    ],
    [
      'bytes in memory that both would share',
      [[new Uint8Array(new SharedArrayBuffer(4))]],
      'argument 1 of echo cannot be sent: a SharedArrayBuffer at [0].buffer',
    ],
    [
      'a weak map in a set',
      [new Set([new WeakMap()])],
      'argument 1 of echo cannot be sent: a WeakMap at .values()',
    ],
  ])('%s is refused with its place', (_, args, message) =>
    runs(async (sim) => {
      const stub = createNetwork(sim).through('server', ECHO);
      const error = await errorOf(stub.echo(...args));
      expect([messageOf(error), isRunnerError(error, 'RUNNER_NOT_CLONEABLE')]).toEqual([message, true]);
    }),
  );

  test.each<readonly [string, string, (stub: object) => unknown]>([
    ['a stub', '', (stub) => stub],
    ['an object that inherits from a stub', '', (stub) => Object.create(stub) as unknown],
    ['a stub in an object', ' at .locks', (locks) => ({ locks })],
    ['a stub in a map', ' at .get(locks)', (locks) => new Map([['locks', locks]])],
  ])('%s is refused, and calls no method of its node', async (_, place, valueOf) => {
    const notCopied = `a stub${place}; send the name of its node, to which the receiver can connect`;
    const lines = await linesOf(async (sim) => {
      const net = createNetwork(sim);
      const value = valueOf(net.connect('other'));
      const server = net.through('server', { ...ECHO, find: () => value });
      const errors = [await errorOf(server.echo(1, value)), await errorOf(server.find())];
      const sent = await errorOf(Promise.resolve().then(() => net.send('server', value)));
      expect([...errors, sent].map(messageOf)).toEqual([
        `argument 2 of echo cannot be sent: ${notCopied}`,
        `the result of find cannot be sent: ${notCopied}`,
        `the message to server cannot be sent: ${notCopied}`,
      ]);
      expect([...errors, sent].every((error) => isRunnerError(error, 'RUNNER_NOT_CLONEABLE'))).toBe(true);
    });
    expect(lines.filter((line) => line.includes('other'))).toEqual([]);
  });

  test('results and messages that cannot be copied are named too', () =>
    runs(async (sim) => {
      const net = createNetwork(sim);
      const stub = net.through('server', { make: () => ({ close: () => undefined }) });
      expect(messageOf(await errorOf(stub.make()))).toBe(
        'the result of make cannot be sent: a function at .close',
      );
      expect(() => net.send('server', Symbol('x'))).toThrow('the message to server cannot be sent: a symbol');
    }));

  test('a date that is none crosses, also where messages are shown', async () => {
    const { failure } = await simulate({
      keepTrace: true,
      async scenario(sim) {
        const stub = createNetwork(sim).through('server', { year: (date: Date) => date.getTime() });
        expect(await stub.year(new Date(NaN))).toBeNaN();
      },
    });
    expect(failure).toBeUndefined();
  });

  test('who gets it has a copy of its own', () =>
    runs(async (sim) => {
      const kept: unknown[] = [];
      const stub = createNetwork(sim).through('server', { keep: (value: unknown) => kept.push(value) });
      const value = { list: [1], map: new Map([['a', new Date(5)]]), bytes: new Uint8Array([1, 2]) };
      await stub.keep(value);
      value.list.push(2);
      value.bytes[0] = 9;
      expect(kept).toEqual([
        { list: [1], map: new Map([['a', new Date(5)]]), bytes: new Uint8Array([1, 2]) },
      ]);
    }));

  class QuotaError extends Error {
    override readonly name = 'QuotaError';
    readonly code = 'QUOTA';
    readonly left = { jobs: 3 };
    readonly retry = (): void => undefined;
  }

  test('an error crosses with its name, message, code, cause and what else of it is plain', () =>
    runs(async (sim) => {
      const stub = createNetwork(sim).through('server', {
        fail: () => {
          throw new QuotaError('no more jobs', { cause: new TypeError('no slot') });
        },
      });
      const error = (await errorOf(stub.fail())) as QuotaError;
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({
        name: 'QuotaError',
        message: 'no more jobs',
        code: 'QUOTA',
        left: { jobs: 3 },
      });
      expect(error.cause).toBeInstanceOf(TypeError);
      expect(error.cause).toMatchObject({ message: 'no slot' });
      expect('retry' in error).toBe(false);
    }));
});

describe('limits of a call', () => {
  test('the loser of a race leaves nothing behind', () =>
    runs(async (sim) => {
      const net = createNetwork(sim);
      const stub = net.through('server', { work: (ms: number) => sim.sleep(ms) });
      const controller = new AbortController();
      const cancelled = errorOf(withCallOptions(stub, { signal: controller.signal }).work(20));
      const late = errorOf(withCallOptions(stub, { timeoutMs: 10 }).work(20));
      controller.abort(new Error('enough'));
      expect(messageOf(await cancelled)).toBe('enough');
      expect(messageOf(await late)).toBe('server has not answered work within 10 ms');
      expect(sim.now()).toBe(10);
      // Answers come now, and nobody waits; nothing is left when the scenario ends.
      await sim.sleep(20);
      await stub.work(1);
    }));

  test('a call that loses against withTimeout is over with it', () =>
    runs(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: Infinity });
      const stub = net.through('server', { work: never });
      const task = (signal: AbortSignal) => withCallOptions(stub, { signal }).work();
      const error = await errorOf(withTimeout(sim.world, 30, task, { label: 'work' }));
      expect(messageOf(error)).toBe('work was not done within 30 ms');
      expect(sim.now()).toBe(30);
    }));

  test('an aborted signal sends nothing', async () => {
    const lines = await linesOf(async (sim) => {
      const stub = createNetwork(sim).through('server', ECHO, {
        signal: AbortSignal.abort(new Error('before')),
      });
      expect(messageOf(await errorOf(stub.echo(1)))).toBe('before');
    });
    expect(lines).toEqual([]);
  });

  test('a call within the limit of the network is its own', () =>
    runs(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: 30 });
      const stub = net.through('server', { work: () => sim.sleep(100) });
      expect(isRunnerError(await errorOf(stub.work()), 'RUNNER_CALL_TIMED_OUT')).toBe(true);
      expect(sim.now()).toBe(30);
      await withCallOptions(stub, { timeoutMs: Infinity }).work();
      expect(sim.now()).toBe(130);
    }));
});

test('a call to the scenario is refused, because it serves no object', () =>
  runs(async (sim) => {
    const net = createNetwork(sim, { callTimeoutMs: Infinity });
    const ask = net.through('log', { ask: () => undefined }).ask();
    const refused: unknown[] = [];
    net.node('a', async ({ connect }) => {
      refused.push(await errorOf(connect<{ ask(): void }>('scenario').ask()));
    });
    await Promise.all([ask, sim.sleep(1)]);
    expect(refused.map(messageOf)).toEqual(['scenario has no method ask: it serves no object']);
    expect(isRunnerError(refused[0], 'RUNNER_NO_METHOD')).toBe(true);
  }));

describe('messages', () => {
  test('a mailbox that is full refuses, and the trace says why', async () => {
    const lines = await linesOf(async (sim) => {
      const net = createNetwork(sim);
      net.node('inbox', (node) => {
        node.mailbox({ limit: 1 });
      });
      net.send('inbox', { type: 'beat', n: 1 });
      net.send('inbox', { type: 'beat', n: 2 });
      await sim.sleep(1);
    });
    expect(lines.at(-1)).toBe(
      '0 ms: {type: "beat", n: 2} from scenario to inbox is refused: the mailbox of inbox is full with 1 message',
    );
  });

  test('a mailbox keeps its limit when it is asked for again without one', () => {
    const messages = new MessageQueue(createVirtualClock(), 'inbox', createVirtualClock());
    messages.mailbox({ limit: 1 });
    messages.mailbox();
    messages.add(1, 'a');
    expect(messages.refusal()).toBe('the mailbox of inbox is full with 1 message');
  });

  test('a mailbox is the same one whenever it is asked for', () => {
    const messages = new MessageQueue(createVirtualClock(), 'inbox', createVirtualClock());
    expect(messages.mailbox({ limit: 2 })).toBe(messages.mailbox());
  });

  test('who already waits for a message gets it before a handler does', async () => {
    const messages = new MessageQueue(createVirtualClock(), 'inbox', createVirtualClock());
    const received = messages.mailbox().receive();
    const handled: unknown[] = [];
    messages.handle((message) => handled.push(message));
    messages.add(1, 'a');
    messages.add(2, 'a');
    expect([await received, handled]).toEqual([1, [2]]);
  });

  /** What a node notes of the messages 1, 2 and 3, which have come before the program calls `listen`. */
  const heardLate = async (
    listen: (node: NodeContext, heard: (text: string) => void) => void,
    options: ClusterNodeOptions = {},
  ): Promise<{ heard: string[]; failure: string | undefined }> => {
    const heard: string[] = [];
    const { failure } = await simulate({
      source: fifoDecisions(),
      async scenario(sim) {
        const net = createNetwork(sim);
        const program = async (node: NodeContext): Promise<void> => {
          if (node.incarnation > 0) return;
          await node.sleep(5);
          listen(node, (text) => heard.push(text));
        };
        net.node('inbox', program, options);
        for (const message of [1, 2, 3]) net.send('inbox', message);
        await sim.sleep(10);
        net.send('inbox', 4);
        await sim.sleep(10);
      },
    });
    return { heard, failure: failure?.message };
  };

  test('a handler that takes another one’s place gets the messages that have come before', async () => {
    const { heard } = await heardLate(({ onMessage }, hear) => {
      onMessage((message) => {
        hear(`first ${String(message)}`);
        onMessage((other) => hear(`second ${String(other)}`));
      });
    });
    expect(heard).toEqual(['first 1', 'second 2', 'second 3', 'second 4']);
  });

  test('who asks for a message in a handler gets the next one that has come before', async () => {
    const { heard } = await heardLate(({ onMessage, mailbox }, hear) => {
      const box = mailbox<number>();
      onMessage((message) => {
        hear(`handler ${String(message)}`);
        if (message === 1) void box.receive().then((other) => hear(`reader ${other}`));
      });
    });
    expect(heard.sort()).toEqual(['handler 1', 'handler 3', 'handler 4', 'reader 2']);
  });

  const failAtFirst = ({ onMessage }: NodeContext, hear: (text: string) => void): void => {
    try {
      onMessage((message) => {
        if (message === 1) throw new Error('not the first');
        hear(String(message));
      });
    } catch (error) {
      hear(`caught ${messageOf(error)}`);
    }
  };

  test('a handler that throws at a message that has come before it fails its node', async () => {
    expect(await heardLate(failAtFirst)).toEqual({
      heard: ['2', '3'],
      failure: 'inbox failed: not the first',
    });
  });

  test('a handler whose process an error has ended gets no more messages', async () => {
    expect(await heardLate(failAtFirst, { onError: 'crash' })).toEqual({ heard: [], failure: undefined });
  });

  test('a handler that the code of a dead process sets gets no messages', async () => {
    const heard: unknown[] = [];
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await runs(async (sim) => {
      const net = createNetwork(sim);
      const node = net.node('inbox', async ({ onMessage }) => {
        await gate;
        onMessage((message) => heard.push(message));
      });
      net.send('inbox', 'has come before');
      await sim.sleep(1);
      node.crash();
      goOn();
      await sim.sleep(1);
    });
    expect(heard).toEqual([]);
  });

  test('a receive that waits too long has timed out, and no call is lost', () =>
    runs(async (sim) => {
      const net = createNetwork(sim);
      let error: unknown;
      net.node('inbox', ({ mailbox }) => {
        mailbox()
          .receive({ timeoutMs: 5 })
          .catch((reason: unknown) => {
            error = reason;
          });
      });
      await sim.sleep(10);
      expect(error).toMatchObject({
        code: 'RUNNER_TIMED_OUT',
        message: 'no message has come to inbox within 5 ms',
      });
      expect(isCallLost(error)).toBe(false);
    }));

  test('an endpoint keeps no more messages than there is room for, over any transport', async () => {
    const clock = createVirtualClock();
    const messages = new MessageQueue(clock, 'inbox', clock);
    const mailbox = messages.mailbox({ limit: 2 });
    const transport = { nextId: () => 1, post: () => undefined };
    const endpoint = new Endpoint({
      name: 'inbox',
      incarnation: 0,
      clock,
      transport,
      callTimeoutMs: 1,
      messages,
    });
    for (let n = 0; n < 5; n += 1) {
      endpoint.deliver(new Envelope('message', 'a', 0, 'inbox', ANY_INCARNATION, 'beat', n, n));
    }
    expect([mailbox.size, await mailbox.receive(), await mailbox.receive()]).toEqual([2, 0, 1]);
  });

  test('who is no node takes no messages', async () => {
    const lines = await linesOf(async (sim) => {
      const net = createNetwork(sim);
      net.through('server', ECHO);
      net.send('server', 1);
      await sim.sleep(1);
    });
    expect(lines.at(-1)).toContain('is refused: server is not a node and takes no messages');
  });

  test.each<readonly [string, (node: NodeContext) => void]>([
    ['rejects', (node) => node.onMessage(() => Promise.reject(new Error('no room')))],
    [
      'throws',
      (node) =>
        node.onMessage(() => {
          throw new Error('no room');
        }),
    ],
  ])('a handler that %s fails the simulation', async (_, program) => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim);
      net.node('inbox', program);
      net.send('inbox', 1);
      await sim.sleep(1);
    });
    expect(failure).toMatchObject({ kind: 'error', message: 'inbox failed: no room' });
    expect((failure?.cause as Error).stack).toContain('calls.test.ts');
  });
});

describe('reports', () => {
  test('a deadlock names the calls that nobody answers, with their lines', async () => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: Infinity });
      net.node('locks', () => ({ acquire: () => never() }));
      net.node('a', async (node) => {
        await node.sleep(20);
        await node.connect<{ acquire(id: number): Promise<never> }>('locks').acquire(7);
      });
      await never();
    }, true);
    expect(failure?.kind).toBe('deadlock');
    expect(failure?.details[0]).toMatch(
      /^a waits for the answer to acquire\(7\) from locks since 20 ms\n[^]*calls\.test\.ts/,
    );
  });

  test('the sentence about a deadlock says who waits for which call of whom', async () => {
    const scenario = defineScenario<unknown>({
      name: 'unanswered',
      description: 'nobody answers',
      async run(sim) {
        const net = createNetwork(sim, { callTimeoutMs: Infinity });
        net.node('locks', () => ({ acquire: () => never() }));
        net.node('a', async (node) => {
          await node.connect<{ acquire(id: number): Promise<never> }>('locks').acquire(7);
        });
        await net.connect<{ acquire(id: number): Promise<never> }>('locks').acquire(8);
      },
    });
    const { sentence } = await explain(createExecutor(scenario), []);
    expect(sentence).toMatch(
      /^unanswered fails at \d+ ms: Deadlock: nothing is due any more, and \w+ waits for the answer to acquire\([78]\) from locks since 0 ms, beside 1 other wait/,
    );
  });

  test('nodes that call each other in a circle are shown as one', async () => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: Infinity });
      for (const [name, other] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        net.node(name, (node) => ({ ask: () => node.connect<{ ask(): Promise<void> }>(other).ask() }));
      }
      net.cut('a', 'b');
      net.node('c', (node) => {
        void node.connect<{ ask(): Promise<void> }>('a').ask();
        void node.connect<{ ask(): Promise<void> }>('b').ask();
      });
      await never();
    });
    expect(failure?.message).toBe('Deadlock: nothing is due any more, and there is a circular wait');
    expect(failure?.details[0]).toBe(
      'a circular wait: a → the answer to ask() (b) → the answer to ask() (a)',
    );
  });

  test('a deadlock names the method that returns a thenable without an end', async () => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: Infinity });
      net.node('db', () => ({ find: () => ({ then: () => undefined }) }));
      await net.connect<{ find(id: number): Promise<never> }>('db').find(7);
    });
    expect(failure).toMatchObject({
      kind: 'deadlock',
      details: ['scenario waits for the answer to find(7) from db since 0 ms', expect.anything()],
    });
  });

  test('a deadlock names the program that does not return while a call waits for it, and no other', async () => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: Infinity });
      net.node('a', never);
      await sim.sleep(5);
      net.node('b', never);
      await net.connect<{ find(id: number): Promise<never> }>('b').find(7);
    });
    expect(failure?.kind).toBe('deadlock');
    expect(failure?.details.slice(0, -1)).toEqual(
      [
        'scenario waits for the answer to find(7) from b since 5 ms',
        'b waits for its program to return since 5 ms',
      ].toSorted(),
    );
  });

  test('a deadlock names the node whose onStop hook does not end, with the line that registered it', async () => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim);
      const node = net.node('a', ({ onStop }) => {
        onStop(never);
        onStop(() => undefined);
      });
      await sim.sleep(5);
      await node.leave();
    }, true);
    expect(failure?.kind).toBe('deadlock');
    expect(failure?.details[0]).toMatch(
      /^a waits for its onStop hook to end since 5 ms\n[^]*calls\.test\.ts/,
    );
  });

  test('a node that waits for a message is named', async () => {
    const failure = await failureOf(async (sim) => {
      createNetwork(sim).node('inbox', (node) =>
        node
          .mailbox()
          .receive()
          .then(() => undefined),
      );
      await sim.sleep(5);
      await never();
    });
    expect(failure?.details).toContain('inbox waits for a message since 0 ms');
  });

  test('a stub that is used after its own node has crashed is never answered, and named', async () => {
    const failure = await failureOf(async (sim) => {
      const net = createNetwork(sim);
      net.through('server', ECHO);
      const contexts: NodeContext[] = [];
      const node = net.node('a', (context) => void contexts.push(context));
      node.crash();
      await contexts[0]?.connect<Echo>('server').echo(1);
    });
    expect(failure?.details).toContain('a (gone) waits for the answer to echo(1) from server since 0 ms');
  });

  test('calls that are still pending when the scenario ends are nothing that it has left', () =>
    runs((sim) => {
      const net = createNetwork(sim);
      void net.through('server', { work: () => never() }).work();
    }));
});

describe('bad input', () => {
  /** A node with that object, as if it had two methods more. */
  const served = (net: ReturnType<typeof createNetwork>, object: object | undefined) => {
    net.node('s', () => object);
    return net.connect<{ x(): void; size(): void }>('s');
  };
  type Attack = (net: ReturnType<typeof createNetwork>, sim: Simulation) => unknown;
  test.each<readonly [string, Attack, string]>([
    ['a method that is none', (net) => served(net, { size: 3 }).size(), 's has no method size: s.size is 3'],
    ['a method that is missing', (net) => served(net, ECHO).x(), 's has no method x: s.x is undefined'],
    [
      'a node without an object',
      (net) => served(net, undefined).x(),
      's has no method x: it serves no object',
    ],
    ['a node that is not there', (net) => net.connect<{ x(): void }>('s').x(), 'there is no node s'],
    [
      'a name that is taken by a node',
      (net) => [served(net, undefined), net.node('s', () => undefined)],
      'name: expected one that no other node has, got "s"',
    ],
    [
      'a name that is taken by an object',
      (net) => [net.through('s', ECHO), net.node('s', () => undefined)],
      'name: expected one that no other node has, got "s"',
    ],
    [
      'the name of the scenario',
      (net) => net.node('scenario', () => undefined),
      'name: expected one that no other node has, got "scenario"',
    ],
    [
      'an unknown node in a partition',
      (net) => net.partition('scenario', 's'),
      'groups[1]: expected nodes of this network, got "s"',
    ],
    [
      'one group',
      (net) => net.partition('scenario'),
      'groups: expected at least two groups of nodes, got an array of 1',
    ],
    [
      'an empty group',
      (net) => net.partition('scenario', []),
      'groups[1]: expected at least one node, got an array of 0',
    ],
    [
      'a node in two groups',
      (net) => net.partition('scenario', 'scenario'),
      'groups: expected each node once, got "scenario"',
    ],
    [
      'a cut from an unknown node',
      (net) => net.cut('s', 'scenario'),
      'from: expected nodes of this network, got "s"',
    ],
    [
      'a hold to an unknown node',
      (net) => net.hold('scenario', 's'),
      'to: expected nodes of this network, got "s"',
    ],
    [
      'a release of an unknown node',
      (net) => net.release('s', 'scenario'),
      'from: expected nodes of this network, got "s"',
    ],
    [
      'a hold of itself',
      (net) => net.hold('scenario', 'scenario'),
      'to: expected each node once, got "scenario"',
    ],
    [
      'latencies out of order',
      (_, sim) => createNetwork(sim, { latencyMs: [5, 1] }),
      'latencyMs: expected the shortest time, then the longest, got an array of 2',
    ],
    [
      'no width at all',
      (_, sim) => createNetwork(sim, { bytesPerMs: 0 }),
      'bytesPerMs: expected a number > 0, got 0',
    ],
    [
      'a fault that always strikes',
      (_, sim) => createNetwork(sim, { faults: { lose: 1 } }),
      'faults.lose: expected true, false or an integer ≥ 2, got 1',
    ],
    [
      'faults that leave no message plain',
      (_, sim) => createNetwork(sim, { faults: { lose: 2, duplicate: 2, delay: 2 } }),
      'faults: expected rates that add up to 1 at most, got 1.5',
    ],
  ])('%s', async (_, attack, message) => {
    await runs(async (sim) => {
      const net = createNetwork(sim);
      let error: unknown;
      try {
        error = await errorOf(Promise.resolve(attack(net, sim)));
      } catch (thrown) {
        error = thrown;
      }
      expect(messageOf(error)).toBe(message);
    });
  });
});

test('a call that cannot be sent rejects, and leaves neither a wait nor a timer', async () => {
  const clock = createVirtualClock();
  const transport = {
    nextId: () => 1,
    post: () => {
      throw new Error('no way');
    },
  };
  const endpoint = new Endpoint({ name: 'a', incarnation: 0, clock, transport, callTimeoutMs: 100 });
  expect(messageOf(await errorOf(endpoint.call('b', 'find', [7], {})))).toBe('no way');
  expect([endpoint.awaits(1), [...endpoint.waits()], clock.pending]).toEqual([false, [], 0]);
});

describe('wrong options of a link fail the simulation', () => {
  test('where the first call goes over it, which rejects and is no wait any more', async () => {
    const verdict = await simulate({
      async scenario(sim) {
        const net = createNetwork(sim, { links: () => ({ latencyMs: -1 }) });
        const error = await errorOf(net.through('s', ECHO).echo(7));
        expect(messageOf(error)).toMatch(/^links\("scenario", "s"\)\.latencyMs: expected milliseconds/);
        await new Promise<never>(() => {});
      },
    });
    expect(verdict.failure).toMatchObject({
      kind: 'error',
      message: expect.stringMatching(/^the link from scenario to s: links\(.* got -1$/) as string,
    });
    // Nothing waits for the time limit of the call.
    expect(verdict.virtualMs).toBe(0);
    expect(verdict.failure?.details.join()).not.toContain('echo');
  });

  test.for(['fail', 'crash', 'restart'] as const)(
    'where only the answer goes over it, whatever happens to its node on errors (%s)',
    async (onError) => {
      const failure = await failureOf(async (sim) => {
        const net = createNetwork(sim, {
          ...{ callTimeoutMs: 100, nodes: { onError } },
          links: (from) => (from === 'a' ? { latencyMs: [5, 1] } : undefined),
        });
        net.node('a', () => ECHO);
        await errorOf(net.connect<typeof ECHO>('a').echo(7));
      });
      expect(failure?.message).toBe(
        'the link from a to scenario: latencyMs: expected the shortest time, then the longest, got an array of 2',
      );
    },
  );
});

test('a describe() that throws is shown, and decides nothing', async () => {
  class Vague {
    readonly n = 7;
    describe(): string {
      throw new Error('no words');
    }
  }
  let done = 0;
  const heard: unknown[] = [];
  const lines = await linesOf(async (sim) => {
    const net = createNetwork(sim);
    const stub = net.through('s', {
      work: (vague: Vague) => {
        done += vague.n;
        return new Vague();
      },
    });
    expect(await stub.work(new Vague())).toEqual({ n: 7 });
    net.node('a', ({ onMessage }) => onMessage((message) => void heard.push(message)));
    net.send('a', new Vague());
    await sim.sleep(1);
  });
  expect([done, heard]).toEqual([7, [{ n: 7 }]]);
  const shown = lines.filter((line) => line.includes('describe() of a Vague has thrown: no words'));
  expect(shown.length).toBeGreaterThanOrEqual(3);
});

test.each<readonly [string, object]>([
  ['then', { then: () => undefined }],
  ['constructor', { constructor: () => 7 }],
  ['hasOwnProperty', { hasOwnProperty: () => 7 }],
])('an object with a method called %s cannot stand behind a link', (name, object) =>
  runs((sim) => {
    expect(() => createNetwork(sim).through('server', object)).toThrow(
      `the object that server serves: expected no method called ${name}, which a stub cannot have`,
    );
  }),
);
