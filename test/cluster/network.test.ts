import { describe, expect, test } from 'vitest';
import {
  type CallOptions,
  type ClusterNodeOptions,
  createNetwork,
  isCallLost,
  type LinkOptions,
  type NetworkOptions,
  type NodeContext,
  type Stub,
  withCallOptions,
} from '../../src/cluster/index.ts';
import { playHolding } from '../../src/conformance/parts/played.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

/** Holds one lock, and forgets it in a crash. */
class LockServer {
  #holder = '';

  acquire(who: string): boolean {
    if (this.#holder !== '' && this.#holder !== who) return false;
    this.#holder = who;
    return true;
  }

  holder(): Promise<string> {
    return Promise.resolve(this.#holder);
  }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    return error.code;
  }
}

const runs = async (scenario: (sim: Simulation) => Promise<void>, seed?: number): Promise<void> => {
  const { failure } = await simulate({
    scenario,
    source: seed === undefined ? fifoDecisions() : randomDecisions(seed),
  });
  expect(failure).toBeUndefined();
};

describe.each<
  readonly [string, <O extends object>(options: O, absent: Readonly<Record<string, undefined>>) => O]
>([
  ['of a prototype count', (options) => Object.create(options) as typeof options],
  ['that are undefined are absent', (options, absent) => ({ ...options, ...absent })],
])('options %s', (_, given) => {
  interface Slow {
    ping(): void;
    hang(): Promise<never>;
  }

  test('of a network and of one of its links', () =>
    runs(async (sim) => {
      const net = createNetwork(
        sim,
        given<NetworkOptions>(
          {
            latencyMs: 5,
            links: (from) =>
              from === 's'
                ? given<LinkOptions>({ latencyMs: 50 }, {})
                : given<LinkOptions>({}, { latencyMs: undefined }),
          },
          {},
        ),
      );
      net.node('s', () => ({ ping: () => undefined }));
      await net.connect<Slow>('s').ping();
      expect(sim.now()).toBe(55);
    }));

  test('of a call', () =>
    runs(async (sim) => {
      const net = createNetwork(sim);
      net.node('s', () => ({ hang: () => Promise.race([]) }));
      const stub = net.connect<Slow>('s', given<CallOptions>({ timeoutMs: 100 }, { signal: undefined }));
      const { signal } = new AbortController();
      const other = withCallOptions(stub, given<CallOptions>({ signal }, { timeoutMs: undefined }));
      await other.hang().catch(isCallLost);
      expect(sim.now()).toBe(100);
    }));

  test('of a node and of all nodes', () =>
    runs(async (sim) => {
      const net = createNetwork(sim, {
        nodes: given<ClusterNodeOptions>({ onError: 'restart', restartMs: 10 }, {}),
      });
      const program = ({ incarnation }: NodeContext): void => {
        if (incarnation === 0) throw new Error('not yet');
      };
      const patient = net.node(
        'patient',
        program,
        given<ClusterNodeOptions>({ restartMs: 20 }, { onError: undefined }),
      );
      const node = net.node('node', program, given<ClusterNodeOptions>({}, { restartMs: undefined }));
      await sim.sleep(15);
      expect([patient.state, node.state]).toEqual(['down', 'up']);
      await sim.sleep(10);
      expect(patient.state).toBe('up');
    }));
});

test('a call crosses the network and its answer comes back, each after its latency', () =>
  runs(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 5 });
    net.node('locks', () => new LockServer());
    const locks = net.connect<LockServer>('locks');
    expect(await locks.acquire('a')).toBe(true);
    expect(sim.now()).toBe(10);
    expect(await locks.acquire('b')).toBe(false);
    expect(await locks.holder()).toBe('a');
  }));

test('a node whose program throws at once was never on the network', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const failing = (): never => {
      throw new Error('no config');
    };
    expect(() => net.node('locks', failing)).toThrow('no config');
    expect(() => net.partition('scenario', 'locks')).toThrow('expected nodes of this network, got "locks"');
    net.node('locks', () => new LockServer());
    expect(await net.connect<LockServer>('locks').acquire('a')).toBe(true);
  }));

test('a node that was made again after its start has failed gets nothing of what the first one sent itself', async () => {
  const got: string[] = [];
  const refused: string[] = [];
  const { events } = await playHolding(
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: [5, 50] });
      net.through('server', { ping: () => 'pong' });
      const failing = ({ name, send, connect, sleep }: NodeContext): never => {
        const own = connect<{ take(text: string): void }>(name, { timeoutMs: 1_000 });
        void sleep(1).then(() => send(name, { type: 'late' }));
        send(name, { type: 'message' });
        send(name, { type: 'held' });
        void own.take('a call').catch(() => undefined);
        void connect<{ ping(): string }>('server').ping();
        throw new Error('no config');
      };
      net.send('x', { type: 'of another one' });
      expect(() => net.node('x', failing)).toThrow('no config');
      net.node('x', ({ name, send, onMessage }) => {
        onMessage(({ type }: { type: string }) => got.push(type));
        send(name, { type: 'its own' });
        return { take: (text: string) => void got.push(text) };
      });
      await sim.sleep(100);
    },
    { 'x to x held delay': 'highest' },
  );
  for (const event of events) {
    if (event.type === 'message' && event.step === 'refused') refused.push(`${event.name} ${event.reason}`);
  }
  expect(got.sort()).toEqual(['its own', 'of another one']);
  expect(refused.sort()).toEqual(
    ['held', 'message', 'ping', 'take', 'take'].map((name) => `${name} x has failed to start`),
  );
});

test('nodes of one name in two networks draw different numbers, the same ones in each execution', async () => {
  const drawn = async (): Promise<number[]> => {
    const numbers: number[] = [];
    await runs(async (sim) => {
      for (const net of [createNetwork(sim), createNetwork(sim)]) {
        const node = net.node('a', ({ random }) => void numbers.push(random.uint32()));
        node.restart();
      }
      await sim.sleep(1);
    });
    return numbers;
  };
  const numbers = await drawn();
  expect(new Set(numbers).size).toBe(4);
  expect(await drawn()).toEqual(numbers);
});

test('a node that is added again after its start has failed draws the numbers that it draws without that', async () => {
  const drawn = async (fails: boolean): Promise<number[]> => {
    const numbers: number[] = [];
    await runs(async (sim) => {
      const [net, other] = [createNetwork(sim), createNetwork(sim)];
      const program = ({ random }: NodeContext): void => void numbers.push(random.uint32());
      const failing = (): never => {
        throw new Error('no config');
      };
      for (const each of [net, other]) {
        if (fails) expect(() => each.node('a', failing)).toThrow('no config');
        each.node('a', program);
      }
      await sim.sleep(1);
    });
    return numbers;
  };
  const numbers = await drawn(true);
  expect(new Set(numbers).size).toBe(2);
  expect(numbers).toEqual(await drawn(false));
});

test('what inherits from a stub calls through it', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    net.node('locks', () => new LockServer());
    const heir = Object.create(net.connect<LockServer>('locks')) as Stub<LockServer>;
    expect(await heir.acquire('a')).toBe(true);
  }));

test('a crash drops what the node had in memory, and the next process is another one', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const incarnations: number[] = [];
    const server = net.node('locks', ({ incarnation }) => {
      incarnations.push(incarnation);
      return new LockServer();
    });
    const locks = net.connect<LockServer>('locks');
    await locks.acquire('a');
    server.restart();
    expect(await locks.acquire('b')).toBe(true);
    server.crash();
    expect(server.state).toBe('down');
    expect(await codeOf(locks.holder())).toBe('RUNNER_NODE_DOWN');
    expect(incarnations).toEqual([0, 1]);
  }));

test('a call that a node has got and not answered when it crashes is lost', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const server = net.node('slow', (node) => ({ work: () => node.sleep(100) }));
    const call = codeOf(net.connect<{ work(): Promise<void> }>('slow').work());
    await sim.sleep(50);
    server.crash();
    expect(await call).toBe('RUNNER_CALL_LOST');
    expect(sim.now()).toBe(50);
  }));

test('timers of a dead process do not fire', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    let ticks = 0;
    const node = net.node('ticker', (context) => {
      const tick = (): void => {
        ticks += 1;
        context.clock.timer('tick', 10, tick);
      };
      tick();
    });
    await sim.sleep(25);
    node.crash();
    await sim.sleep(100);
    expect(ticks).toBe(3);
  }));

test('a message is lost where the exploration says so, and the caller learns it at its time limit, or when faults end', async () => {
  let lost = 0;
  let healed = 0;
  for (let seed = 0; seed < 20; seed += 1) {
    await runs(async (sim) => {
      const net = createNetwork(sim, { faults: { lose: 2 } });
      net.node('locks', () => new LockServer());
      const locks = net.connect<LockServer>('locks', { timeoutMs: 50 });
      if ((await codeOf(locks.acquire('a'))) === 'RUNNER_CALL_TIMED_OUT') lost += 1;
      const code = codeOf(net.connect<LockServer>('locks').acquire('a'));
      await sim.sleep(10);
      sim.heal();
      if ((await code) === 'RUNNER_CALL_LOST') healed += 1;
      expect(await locks.acquire('a')).toBe(true);
    }, seed);
  }
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(20);
  expect(healed).toBeGreaterThan(0);
});

test.for<[string, (sim: Simulation) => unknown]>([
  ['latencyMS', (sim) => createNetwork(sim, { latencyMS: 5 } as object)],
  ['loose', (sim) => createNetwork(sim, { faults: { loose: true } as object })],
  ['fault', (sim) => createNetwork(sim).node('q', () => ({}), { fault: { crash: 8 } } as object)],
  ['crashs', (sim) => createNetwork(sim).node('q', () => ({}), { faults: { crashs: 8 } as object })],
  ['sinc', (sim) => createNetwork(sim).node('q', () => ({}), { disk: { faults: { sinc: 2 } as object } })],
])('an option that is called %s by mistake is refused, as it would change nothing', ([name, make]) =>
  runs((sim) => {
    expect(() => make(sim)).toThrow(`got a field "${name}"`);
    return Promise.resolve();
  }),
);

test('messages without reply wait in the mailbox until somebody receives them', () =>
  runs(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1 });
    const got: unknown[] = [];
    net.node('inbox', async (node) => {
      const mailbox = node.mailbox<{ n: number }>();
      await node.sleep(10);
      for (let left = 3; left > 0; left -= 1) got.push((await mailbox.receive()).n);
    });
    const sent: NodeContext[] = [];
    net.node('sender', async (node) => {
      sent.push(node);
      for (const n of [1, 2, 3]) {
        node.send('inbox', { n });
        await node.sleep(7);
      }
    });
    await sim.sleep(50);
    expect(got).toEqual([1, 2, 3]);
  }));

test('what a paused node has got when the scenario ends is not left over', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const node = net.node('inbox', () => undefined);
    net.node('sender', (context) => context.send('inbox', 'late'));
    node.pause();
    await sim.sleep(1);
  }));
