// Code that takes its time from the globals of the machine, in nodes of a cluster.
import { promises, readFile, unwatchFile, watchFile, type StatWatcher } from 'node:fs';
import { expect, test } from 'vitest';
import { ambientTime } from 'dryrunner/ambient';
import { createNetwork, isCallLost, type ClusterNode } from 'dryrunner/cluster';
import { fifoDecisions } from 'dryrunner/kernel';
import { defineScenario, simulate, type Simulation, type Verdict } from 'dryrunner';
import { createExecutor } from '../../src/explore/executor.ts';
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import { keyDecisions } from '../../src/explore/keyed-log.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../src/explore/explain/explanation-text.ts';
import { EPOCH_MS, passes } from './ambient-log.ts';

const play = (
  scenario: (sim: Simulation) => Promise<void>,
  source: DecisionSource = fifoDecisions(),
  allow: readonly string[] = [],
): Promise<Verdict> => simulate({ ambient: ambientTime({ allow }), source, scenario, keepTrace: true });

const holds = async (
  scenario: (sim: Simulation) => Promise<void>,
  allow?: readonly string[],
): Promise<void> => {
  const { failure } = await play(scenario, undefined, allow);
  expect(failure).toBeUndefined();
};

const ignore = (): void => {};

test('timers of all kinds die with the process that set them, those of others fire', () =>
  holds(async (sim) => {
    const net = createNetwork(sim);
    const log: string[] = [];
    const beat = async (name: string): Promise<void> => {
      // What comes after an await is still its code.
      await Promise.resolve();
      setInterval(() => log.push(`${name} interval`), 10);
      setTimeout(() => log.push(`${name} timeout`), 25);
      AbortSignal.timeout(25).addEventListener('abort', () => log.push(`${name} signal`));
      await passes(25);
      log.push(`${name} awaits`);
    };
    const node = net.node('a', ({ name }) => beat(name));
    net.node('b', async ({ name }) => {
      await passes(25);
      log.push(`${name} awaits`);
    });
    const own = passes(30);
    await sim.sleep(15);
    node.crash();
    await own;
    expect(log).toEqual(['a interval', 'b awaits']);
    expect(sim.now()).toBe(30);
  }));

test('those that one line sets in several processes are one line of a stall, from the first that is due to the last', async () => {
  const scenario = async (sim: Simulation): Promise<void> => {
    const net = createNetwork(sim);
    const program = async ({ name }: { readonly name: string }): Promise<void> => {
      setInterval(function poll() {}, name === 'late' ? 7_000 : 1_100);
      await new Promise(ignore);
    };
    for (const name of ['late', 'early']) net.node(name, program);
    await new Promise(ignore);
  };
  const { failure } = await simulate({ ambient: ambientTime(), capturePlaces: true, scenario });
  expect(failure?.kind).toBe('stall');
  const due = /2 intervals "poll", due at (\d+) to (\d+) ms/.exec(failure?.details.join('\n') ?? '') ?? [];
  const [firstMs, lastMs] = due.slice(1).map(Number) as [number, number];
  expect(firstMs).toBeLessThan(lastMs);
});

test('they stop while it is paused, and are slow with it', () =>
  holds(async (sim) => {
    const net = createNetwork(sim);
    const firedAt: number[] = [];
    const node = net.node('a', async () => {
      for (let i = 0; i < 3; i += 1) {
        await passes(10);
        firedAt.push(sim.now());
      }
    });
    await sim.sleep(5);
    node.pause();
    await passes(20);
    node.resume();
    node.slow(3);
    await passes(100);
    // The second was set while it was slow.
    expect(firedAt).toEqual([25, 55, 85]);
  }));

test('one that is set when it is fast again overtakes one of as many milliseconds that was set while it was slow', () =>
  holds(async (sim) => {
    const net = createNetwork(sim);
    const firedAt: string[] = [];
    const set = (name: string): void => void setTimeout(() => firedAt.push(`${name} ${sim.now()}`), 30);
    const node = net.node('a', async () => {
      await passes(10);
      set('slow');
      setTimeout(() => firedAt.push(`short ${sim.now()}`), 3);
      await passes(1);
      set('fast');
    });
    await sim.sleep(9);
    node.slow(10);
    await sim.sleep(5);
    node.slow(1);
    await passes(400);
    expect(firedAt).toEqual(['short 40', 'fast 50', 'slow 310']);
  }));

test('its dates are as wrong as its clock, and those of the scenario are right', () =>
  holds(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1 });
    const ask = (): { dates(): readonly number[] } => {
      const since = performance.now();
      return {
        dates: () => [Date.now(), new Date().getTime(), performance.now() - since],
      };
    };
    net.node('a', ask, { skew: { offsetMs: 60_000, driftPpm: 1_000_000 } });
    const [now, date, age] = await net.connect<ReturnType<typeof ask>>('a').dates();
    expect([now, date, age]).toEqual([EPOCH_MS + 60_002, EPOCH_MS + 60_002, 2]);
    expect(Date.now()).toBe(EPOCH_MS + 2);
    const before = sim.now();
    net.node(
      'b',
      async () => {
        await passes(10);
        expect(sim.now() - before).toBe(5);
      },
      { skew: { driftPpm: 1_000_000 } },
    );
    await passes(20);
  }));

test('what comes after an await that is late by decision is still its code', async () => {
  const log: string[] = [];
  const { failure } = await simulate({
    ambient: ambientTime({ awaits: 'latency', thens: true }),
    source: fifoDecisions(),
    scenario: async (sim) => {
      const net = createNetwork(sim);
      const shared = Promise.resolve();
      const program = ({ name }: { readonly name: string }): void => {
        void shared.then(() => passes(10)).then(() => log.push(name));
      };
      const nodes = ['a', 'b'].map((name) => net.node(name, program));
      await sim.sleep(5);
      nodes[0]?.crash();
      await shared;
      await sim.sleep(20);
    },
  });
  expect(failure).toBeUndefined();
  expect(log).toEqual(['b']);
});

test('each process draws by itself, and a dead one asks nothing', async () => {
  const drawn: number[][] = [];
  const { failure, decisions } = await play(async (sim) => {
    const net = createNetwork(sim);
    const draw = (): void =>
      void drawn.push([Math.random(), crypto.getRandomValues(new Uint8Array(1))[0] as number]);
    net.node('a', draw);
    const b: ClusterNode<void> = net.node('b', () => {
      draw();
      b.crash();
      draw();
    });
    await sim.sleep(1);
  });
  expect(failure).toBeUndefined();
  expect(new Set(drawn.map(String)).size).toBe(3);
  expect(decisions().filter(({ question }) => question.text === 'Math.random')).toHaveLength(2);
});

test('what an allowed call gives comes to the process that made it, unless that is dead', async () => {
  const log: string[] = [];
  await holds(
    async (sim) => {
      const net = createNetwork(sim);
      const nodeThatReads = (
        name: string,
        read: () => Promise<unknown>,
      ): { node: ClusterNode<void>; begun: Promise<void>; read: Promise<void> } => {
        const has = { begun: ignore, read: ignore };
        const begun = new Promise<void>((resolve) => {
          has.begun = resolve;
        });
        const hasRead = new Promise<void>((resolve) => {
          has.read = resolve;
        });
        const node = net.node(name, async () => {
          has.begun();
          await read();
          log.push(`${name} has read`);
          setTimeout(() => log.push(`${name} has waited`), 10);
          has.read();
        });
        return { node, begun, read: hasRead };
      };
      const byPromise = (): Promise<unknown> => promises.readFile('package.json');
      const byCallback = (): Promise<unknown> =>
        new Promise((resolve) => {
          readFile('package.json', resolve);
        });
      for (const read of [byPromise, byCallback]) {
        const crashed = nodeThatReads(`crashed-${read.name}`, read);
        await crashed.read;
        crashed.node.crash();
        const dead = nodeThatReads(`dead-${read.name}`, read);
        const paused = nodeThatReads(`paused-${read.name}`, read);
        await Promise.all([dead.begun, paused.begun]);
        // From here on code runs in an event of the scenario, not of a node.
        await sim.sleep(0);
        dead.node.crash();
        paused.node.pause();
        for (let i = 0; i < 20; i += 1) await byPromise();
        log.push('resumed');
        paused.node.resume();
        await passes(20);
      }
    },
    ['fs'],
  );
  expect(log).toEqual(
    ['byPromise', 'byCallback'].flatMap((how) => [
      `crashed-${how} has read`,
      'resumed',
      `paused-${how} has read`,
      `paused-${how} has waited`,
    ]),
  );
});

test('what the scenario has asked for never comes to a node, though that is busy for several turns of the event loop', () =>
  holds(
    async (sim) => {
      const net = createNetwork(sim);
      let hasRead = false;
      const node = net.node('busy', async () => {
        for (let i = 0; i < 20_000 && !hasRead; i += 1) await passes(1);
      });
      await new Promise<void>((resolve) => {
        readFile('package.json', () => {
          hasRead = true;
          setTimeout(resolve, 10);
          node.crash();
        });
      });
    },
    ['fs'],
  ));

test('a listener of a file that two of them give is each’s own', () =>
  holds(
    async (sim) => {
      const net = createNetwork(sim);
      const watch = (): StatWatcher => watchFile('package.json', { persistent: false }, ignore);
      const watcher = watch();
      const [ofScenario] = watcher.listeners('change');
      net.node('a', () => {
        watch();
        watch();
        unwatchFile('package.json', ignore);
      });
      await sim.sleep(1);
      unwatchFile('package.json', ignore);
      const left = watcher.listeners('change');
      unwatchFile('package.json');
      expect(left).toHaveLength(1);
      expect(left).not.toContain(ofScenario);
    },
    ['fs'],
  ));

test('an error that code leaves uncaught is its node’s', async () => {
  const throws: readonly (() => void)[] = [
    () =>
      setTimeout(() => {
        throw new Error('boom');
      }, 5),
    () =>
      process.nextTick(() => {
        throw new Error('boom');
      }),
    () =>
      queueMicrotask(() => {
        throw new Error('boom');
      }),
    () =>
      void passes(5).then(() => {
        throw new Error('boom');
      }),
  ];
  for (const program of throws) {
    const { failure } = await play(async (sim) => {
      createNetwork(sim).node('a', () => program());
      await sim.sleep(10);
    });
    expect(failure, String(program)).toMatchObject({ kind: 'error', message: 'a failed: boom' });
    const states: string[] = [];
    const { failure: none } = await play(async (sim) => {
      const node = createNetwork(sim).node('a', () => program(), { onError: 'crash' });
      await sim.sleep(10);
      states.push(node.state);
    });
    expect([none, states], String(program)).toEqual([undefined, ['down']]);
  }
});

test('nothing is left of a node when the scenario ends', () =>
  holds(async (sim) => {
    createNetwork(sim).node('a', () => {
      setInterval(() => undefined, 10);
      setTimeout(() => undefined, 1_000_000);
    });
    await passes(15);
  }));

interface LeaseServer {
  grant(name: string, ms: number): boolean | Promise<boolean>;
}
interface LeaseClient {
  readonly works: boolean;
  work(): Promise<void>;
}
interface Leases {
  readonly LeaseServer: new () => LeaseServer;
  readonly LeaseClient: new (name: string, server: LeaseServer) => LeaseClient;
}
// By its address, since its syntax is not that of this project.
const { LeaseServer, LeaseClient } = (await import(
  new URL('../../fixtures/lease/lease.ts', import.meta.url).href
)) as Leases;

/** The fixture as it is, with its server in a process that crashes and forgets who has the lease. */
const leases = defineScenario({
  name: 'leases',
  description: 'a server of leases that crashes',
  options: { ambient: ambientTime() },
  async run(sim) {
    const net = createNetwork(sim);
    const server: ClusterNode = net.node('server', () => new LeaseServer(), {
      faults: { crash: 8, downMsMax: 1 },
    });
    const stub = net.connect<LeaseServer>('server');
    const patient = {
      async grant(name: string, ms: number): Promise<boolean> {
        for (;;) {
          try {
            return await stub.grant(name, ms);
          } catch (error) {
            if (!isCallLost(error)) throw error;
            await passes(5);
          }
        }
      },
    };
    const clients = ['a', 'b'].map((name) => new LeaseClient(name, patient));
    sim.always('one works at a time', () => clients.filter(({ works }) => works).length < 2);
    await Promise.all(clients.map((client) => client.work()));
    sim.check(server.state === 'up', 'it is up');
  },
});

test('the unmodified server of leases in a node: a crash makes it forget a lease, which is found and explained', async () => {
  const executor = createExecutor(leases);
  expect((await executor.execute({ source: fifoDecisions() })).failure).toBeUndefined();
  for (let nth = 0; nth < 64; nth += 1) {
    let asked = 0;
    const source: DecisionSource = {
      decide: ({ kind, topic }, n) => {
        if (kind !== 'fault' || topic.what !== 'crash') return 0;
        asked += 1;
        return asked === nth ? n - 1 : 0;
      },
    };
    const verdict = await executor.execute({ source });
    if (verdict.failure?.kind !== 'always') continue;
    const explanation = await explain(executor, keyDecisions(verdict.decisions()));
    const text = formatExplanation(explanation)
      .map(({ text: line }) => line)
      .join('\n');
    expect(text).toContain('one works at a time');
    expect(text).toMatch(
      /server crashes (?:as grant\("[ab]", 100\) of scenario arrives|before it answers grant)/,
    );
    return;
  }
  throw new Error('expected it to be found');
});
