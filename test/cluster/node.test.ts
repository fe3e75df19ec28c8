import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  createNetwork,
  type Network,
  type ClusterNode,
  type ClusterNodeOptions,
  type NodeContext,
} from '../../src/cluster/index.ts';
import { type DescribeAnswer, ExecutionAbandoned } from '../../src/kernel/decisions.ts';
import type { DrainChoice } from '../../src/kernel/drain.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import type { Question } from '../../src/kernel/question.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import { formatEvent } from '../../src/trace/event-text.ts';

const play = (scenario: (sim: Simulation) => Promise<void>, source = fifoDecisions()): Promise<Verdict> =>
  simulate({ scenario, source, keepTrace: true });

const holds = async (scenario: (sim: Simulation) => Promise<void>): Promise<Verdict> => {
  const verdict = await play(scenario);
  expect(verdict.failure).toBeUndefined();
  return verdict;
};

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    return error.code;
  }
}

describe('the disk of a node', () => {
  test('faults of it are those of the network unless the node says otherwise', async () => {
    const codes = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      await play(async (sim) => {
        const net = createNetwork(sim, { nodes: { disk: { faults: { sync: 2 } } } });
        const sync = async ({ disk }: NodeContext): Promise<void> => {
          await disk.write('a', 'x');
          codes.add(await codeOf(disk.sync('a')));
        };
        net.node('a', sync);
        await sim.sleep(1);
      }, randomDecisions(seed));
    }
    expect([...codes].sort()).toEqual(['RUNNER_DISK_FAILED', 'none']);
  });
});

describe('the disk of a node that has left', () => {
  test.each(['crash', 'powerFail'] as const)(
    'does nothing that the node asked for and had not got, whatever comes after that, such as %s',
    async (verb) => {
      const asked: string[] = [];
      let goOn = (): void => undefined;
      const gate = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const decide = ({ text }: Question): number => {
        asked.push(text);
        return 0;
      };
      const { failure } = await play(
        async (sim) => {
          const program = ({ disk, onStop }: NodeContext): void => {
            onStop(() => void disk.write('bye', 'x'));
            void gate.then(() => disk.write('late', 'x'));
          };
          const node = createNetwork(sim).node('a', program, { disk: { latencyMs: [5, 6] } });
          await node.leave();
          goOn();
          await sim.sleep(10);
          node.disk[verb]();
          expect([...node.disk.files().keys()]).toEqual([]);
        },
        { decide },
      );
      expect([failure?.message, asked]).toEqual([undefined, ['a write bye delay']]);
    },
  );
});

describe('a start that fails', () => {
  const fail = (): never => {
    throw new Error('no config');
  };

  test('and throws leaves nothing that reports name', async () => {
    const { failure } = await play(async (sim) => {
      const net = createNetwork(sim);
      expect(() => net.node('a', fail)).toThrow('no config');
      net.node('a', () => undefined);
      await Promise.race([]);
    });
    expect(failure?.details).toEqual(['nodes: a up (a/0)']);
  });

  test('fails the simulation if it rejects, and names the node', async () => {
    const { failure } = await play(async (sim) => {
      createNetwork(sim).node('a', async (node) => {
        await node.sleep(7);
        fail();
      });
      await sim.sleep(100);
    });
    expect(failure).toMatchObject({ kind: 'error', message: 'a failed: no config', atMs: 7 });
    expect((failure?.cause as Error).stack).toContain('node.test.ts');
  });

  test.each<readonly [string, object]>([
    ['that throws', { then: fail }],
    ['that throws as its method is read', Object.defineProperty({}, 'then', { get: fail })],
    [
      'that resolves with a rejection',
      { then: (resolve: (v: unknown) => void) => resolve(Promise.reject(new Error('no config'))) },
    ],
  ])('fails the simulation if it returns a thenable %s, as if it had rejected', async (_, thenable) => {
    const { failure } = await play(async (sim) => {
      createNetwork(sim).node('a', () => thenable);
      await sim.sleep(100);
    });
    expect(failure).toMatchObject({ kind: 'error', message: 'a failed: no config', atMs: 0 });
  });

  test('fails the simulation when a process starts again after a fault', async () => {
    const { failure } = await play(
      async (sim) => {
        const program = ({ incarnation }: NodeContext): void => {
          if (incarnation > 0) fail();
        };
        const net = createNetwork(sim);
        net.node('a', program, { faults: { crash: 2 } });
        net.node('b', (node) => {
          node.send('a', 'hello');
        });
        await sim.sleep(10_000);
      },
      { decide: (question, n) => (question.kind === 'fault' ? n - 1 : 0) },
    );
    expect(failure).toMatchObject({ kind: 'error', message: 'a failed: no config' });
  });

  test.each<readonly [string, (node: NodeContext) => unknown]>([
    ['throws', fail],
    ['rejects', () => Promise.reject(new Error('no config'))],
    ['fails in an event', ({ clock }) => clock.timer('boot', 0, fail)],
  ])('that always %s and restarts at once fails the simulation after 10000 failures', async (_, program) => {
    const { failure } = await play(async (sim) => {
      const options = { onError: 'restart', restartMs: 0 } as const;
      createNetwork(sim).node('worker', program as () => void, options);
      await sim.sleep(100);
    });
    expect(failure).toMatchObject({
      kind: 'error',
      message:
        'worker has failed 10000 times at 0 ms and restarts at once (onError: "restart", restartMs: 0): no config',
    });
    expect((failure?.cause as Error).message).toBe('no config');
  });

  test.each([
    ['receives something before each', 0, () => 'poisoned'],
    ['fails differently each time', 11_000, (incarnation: number) => `boot ${incarnation}`],
  ] as const)('may fail 11,000 times at one time if it %s', async (_, bootsBefore, messageOf) => {
    await holds(async (sim) => {
      const program = ({ clock, incarnation }: NodeContext): object => {
        const failSoon = (): void => {
          clock.timer('poison', 0, () => {
            throw new Error(messageOf(incarnation));
          });
        };
        if (incarnation < bootsBefore) failSoon();
        return { poison: failSoon };
      };
      const net = createNetwork(sim, { latencyMs: 0 });
      const node = net.node('a', program, { onError: 'restart', restartMs: 0 });
      const { poison } = net.connect<{ poison(): void }>('a');
      for (let calls = bootsBefore; calls < 11_000; calls += 1) {
        await poison();
        while (node.incarnation <= calls) await sim.sleep(0);
      }
      while (node.incarnation < 11_000) await sim.sleep(0);
      expect([node.state, sim.now()]).toEqual(['up', 0]);
    });
  });

  test('that the scenario restarts after each failure may fail often at one time', () =>
    holds(async (sim) => {
      const program = ({ incarnation }: NodeContext): void => {
        if (incarnation < 11_000) fail();
      };
      const node = createNetwork(sim).node('a', program, { onError: 'restart', restartMs: 0 });
      while (node.incarnation < 11_000) node.restart();
      expect([node.state, sim.now()]).toEqual(['up', 0]);
    }));

  test('may restart at once often, as long as time passes', () =>
    holds(async (sim) => {
      const program = async ({ sleep, incarnation }: NodeContext): Promise<void> => {
        await sleep(1);
        if (incarnation < 2_500) fail();
      };
      const node = createNetwork(sim).node('a', program, { onError: 'restart', restartMs: 0 });
      await sim.sleep(3_000);
      expect([node.state, node.incarnation]).toEqual(['up', 2_500]);
    }));

  test('that keeps failing is named with its error where nothing else happens', async () => {
    const { failure } = await play(async (sim) => {
      createNetwork(sim).node('worker', fail, { onError: 'crash' });
      await new Promise(() => {});
    });
    expect(failure).toMatchObject({
      kind: 'deadlock',
      details: ['nodes: worker down since it failed: no config'],
    });
  });

  test('with onError restart another process starts after a while', () =>
    holds(async (sim) => {
      const net = createNetwork(sim);
      const started: number[] = [];
      const program = ({ incarnation }: NodeContext): object => {
        started.push(sim.now());
        if (incarnation < 2) fail();
        return { ping: () => 'pong' };
      };
      net.node('a', program, { onError: 'restart', restartMs: 50 });
      await sim.sleep(200);
      expect(started).toEqual([0, 50, 100]);
      expect(await net.connect<{ ping(): string }>('a').ping()).toBe('pong');
    }));
});

describe('a node with onError restart whose observer starts it again', () => {
  const fail = (): never => {
    throw new Error('no config');
  };

  /** Runs a node for a while whose process `failing` fails by `fail`, and that is restarted once as it goes down. */
  const incarnationsOf = async (
    failing: number,
    program: (node: NodeContext) => void,
    isRestarted = false,
  ): Promise<readonly number[]> => {
    const seen: number[] = [];
    await holds(async (sim) => {
      const node: ClusterNode<void> = createNetwork(sim).node('a', program, {
        onError: 'restart',
        restartMs: 50,
        onDown: () => {
          if (node.incarnation === failing) node.restart();
        },
      });
      await sim.sleep(10);
      if (isRestarted) node.restart();
      await sim.sleep(10);
      seen.push(node.incarnation);
      await sim.sleep(500);
      seen.push(node.incarnation);
      expect(node.state).toBe('up');
    });
    return seen;
  };

  test('is not crashed again by the restart that is due', async () => {
    const program = ({ incarnation, clock }: NodeContext): void => {
      if (incarnation === 0) clock.timer('work', 1, fail);
    };
    expect(await incarnationsOf(0, program)).toEqual([1, 1]);
  });

  test('keeps the process that replaces one that fails as it starts', async () => {
    const program = ({ incarnation }: NodeContext): void => {
      if (incarnation === 1) fail();
    };
    expect(await incarnationsOf(1, program, true)).toEqual([2, 2]);
  });

  test('keeps the process that replaces one that fails as it starts after an error', async () => {
    const program = ({ incarnation, clock }: NodeContext): void => {
      if (incarnation === 0) clock.timer('work', 1, fail);
      if (incarnation === 1) fail();
    };
    expect(await incarnationsOf(1, program)).toEqual([0, 2]);
  });

  test('restarts if the process that replaces one fails as it starts', async () => {
    const program = ({ incarnation, clock }: NodeContext): void => {
      if (incarnation === 0) clock.timer('work', 1, fail);
      if (incarnation === 1) fail();
    };
    expect(await incarnationsOf(0, program)).toEqual([1, 2]);
  });
});

test('what a process waited for ends with it, and leaves nothing on its signal', async () => {
  const [letters, calls] = [new AbortController(), new AbortController()];
  const listeners = (): number[] =>
    [letters, calls].map(({ signal }) => getEventListeners(signal, 'abort').length);
  const settled: string[] = [];
  await holds(async (sim) => {
    const net = createNetwork(sim);
    let receiveLater = (): unknown => undefined;
    const node = net.node('a', ({ mailbox, connect, incarnation }) => {
      if (incarnation > 0) return;
      const receive = (): Promise<unknown> =>
        mailbox()
          .receive({ signal: letters.signal })
          .finally(() => settled.push('a letter'));
      receiveLater = receive;
      void receive();
      const work = connect<{ work(): Promise<void> }>('b', { signal: calls.signal }).work();
      void work.finally(() => settled.push('a call'));
    });
    net.node('b', ({ sleep }) => ({ work: () => sleep(1_000) }));
    await sim.sleep(1);
    expect(listeners()).toEqual([1, 1]);
    node.crash();
    expect(listeners()).toEqual([0, 0]);
    void receiveLater();
    expect(listeners()).toEqual([0, 0]);
    node.restart();
    letters.abort(new Error('too late'));
    calls.abort(new Error('too late'));
    net.send('a', 'of nobody');
    await sim.sleep(1);
  });
  expect(settled).toEqual([]);
});

test('a deadlock says by the right clock since when a node with a wrong one waits', async () => {
  const { failure } = await play(async (sim) => {
    const net = createNetwork(sim, { callTimeoutMs: Infinity });
    net.node('b', () => ({ never: () => new Promise(() => {}) }));
    const program = async ({ sleep, connect, mailbox }: NodeContext): Promise<void> => {
      await sleep(20);
      void mailbox().receive();
      await connect<{ never(): Promise<void> }>('b').never();
    };
    net.node('a', program, { skew: { offsetMs: 7_000 } });
    const early = net.node('c', () => new Promise<object>(() => {}), { skew: { offsetMs: -5_000 } });
    const leaves = ({ onStop }: NodeContext): void => onStop(() => new Promise<void>(() => {}));
    const leaving = net.node('d', leaves, { skew: { offsetMs: 7_000 } });
    await sim.sleep(5);
    void net.connect<{ some(): Promise<void> }>(early.name).some();
    await leaving.leave();
  });
  const waits = failure?.details
    .filter((line) => line.includes(' since '))
    .map((line) => line.split('\n')[0]);
  expect(waits).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^a waits for the answer to never\(\) from b since 20 ms/),
      expect.stringMatching(/^a waits for a message since 20 ms/),
      expect.stringMatching(/^c waits for its program to return since 0 ms/),
      expect.stringMatching(/^d waits for its onStop hook to end since 5 ms/),
    ]),
  );
});

test('a node that is crashed while it is down after an error stays down', () =>
  holds(async (sim) => {
    const node = createNetwork(sim).node(
      'a',
      ({ clock, incarnation }) => {
        if (incarnation === 0) {
          clock.timer('work', 1, () => {
            throw new Error('no config');
          });
        }
      },
      { onError: 'restart', restartMs: 50 },
    );
    await sim.sleep(10);
    node.crash();
    await sim.sleep(100);
    expect([node.state, node.incarnation]).toEqual(['down', 0]);
    node.restart();
    expect([node.state, node.incarnation]).toEqual(['up', 1]);
  }));

test('a node that is to be slow while it is down after an error restarts all the same', () =>
  holds(async (sim) => {
    const net = createNetwork(sim);
    const program = ({ incarnation }: NodeContext): object => {
      if (incarnation === 0) throw new Error('fails at first');
      return { ping: () => 'pong' };
    };
    const node = net.node('a', program, { onError: 'restart', restartMs: 50 });
    node.slow(2);
    await sim.sleep(60);
    expect([node.state, node.incarnation]).toEqual(['up', 1]);
  }));

describe('an error that a program leaves uncaught', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const places: readonly [string, (node: NodeContext) => void][] = [
    ['in a timer', ({ clock }) => void clock.timer('tick', 5, boom)],
    ['in an asynchronous timer', ({ clock }) => void clock.timer('tick', 5, async () => boom())],
    ['in a handler of messages', (node) => node.onMessage(boom)],
    ['in an asynchronous handler of messages', (node) => node.onMessage(async () => boom())],
    [
      'in a promise that nobody awaits',
      (node) => {
        void (async () => {
          await node.sleep(5);
          boom();
        })();
      },
    ],
  ];
  const scenario =
    (program: (node: NodeContext) => void, options: ClusterNodeOptions, states: string[] = []) =>
    async (sim: Simulation): Promise<void> => {
      const net = createNetwork(sim);
      const node = net.node('a', program, options);
      net.node('b', (other) => other.send('a', 'hello'));
      await sim.sleep(20);
      states.push(`${node.state} ${node.incarnation}`);
    };

  test('is in the trace, as no fault', async () => {
    const verdict = await holds(scenario(places[0]![1], { onError: 'crash' }));
    expect(verdict.faults).toBe(0);
    expect(verdict.trace()).toContainEqual({
      at: 5,
      type: 'node',
      runner: 'a',
      step: 'failed',
      incarnation: 0,
      error: 'boom',
    });
  });

  const rejecting = (): object => ({
    f() {
      void Promise.reject(new Error('boom'));
    },
  });
  type Rejecting = { f(): void };
  const lateCases: readonly [string, DrainChoice, (sim: Simulation) => Promise<void>][] = (
    ['fast', 'documented'] as const
  ).flatMap((drain): [string, DrainChoice, (sim: Simulation) => Promise<void>][] => [
    [
      'with the scenario',
      drain,
      async (sim) => {
        const net = createNetwork(sim);
        net.node('a', rejecting);
        await net.connect<Rejecting>('a').f();
      },
    ],
    [
      'with its process',
      drain,
      async (sim) => {
        const net = createNetwork(sim);
        const node = net.node('a', rejecting);
        await net.connect<Rejecting>('a').f();
        node.restart();
        await sim.sleep(1);
      },
    ],
    [
      'with the scenario that it has let go on',
      drain,
      async (sim) => {
        const net = createNetwork(sim);
        await new Promise<void>((resolve) => {
          net.node('a', ({ clock }) => {
            clock.timer('tick', 5, () => {
              resolve();
              void Promise.reject(new Error('boom'));
            });
          });
        });
      },
    ],
    [
      'with the scenario that has not waited for its start',
      drain,
      async (sim) => {
        createNetwork(sim).node('a', async () => {
          for (let i = 0; i < 5; i += 1) await Promise.resolve();
          boom();
        });
      },
    ],
  ]);

  test.each(lateCases)('in an instant that ends %s fails the simulation (%s)', async (_, drain, run) => {
    const { failure } = await simulate({ scenario: run, source: fifoDecisions(), drain });
    expect(failure).toMatchObject({ kind: 'error', message: 'a failed: boom', cause: { message: 'boom' } });
  });

  test.each(['fast', 'documented'] as const)(
    'in one of several events of a turn is that of its own node, and nobody’s if that was dead (%s drain)',
    async (drain) => {
      const { failure } = await simulate({
        drain,
        source: fifoDecisions(),
        async scenario(sim) {
          const net = createNetwork(sim);
          const reject = (): void => void Promise.reject(new Error('boom'));
          const dying = net.node('dying', ({ clock }) => {
            clock.timer('tick', 1, () => {
              dying.crash();
              reject();
            });
          });
          net.node('a', ({ clock }) => void clock.timer('tick', 2, reject));
          net.node('last', ({ clock }) => void clock.timer('tick', 3, () => undefined));
          await sim.sleep(20);
        },
      });
      expect(failure?.message).toBe('a failed: boom');
    },
  );

  const floating = (when: number) => {
    return ({ incarnation }: NodeContext): object => {
      if (incarnation === when) void Promise.reject(new Error('boom'));
      return {};
    };
  };
  const startCases: readonly [string, (sim: Simulation, options: ClusterNodeOptions) => Promise<void>][] = [
    [
      'its first start',
      async (sim, options) => {
        createNetwork(sim).node('a', floating(0), options);
        await sim.sleep(1);
      },
    ],
    [
      'a restart',
      async (sim, options) => {
        createNetwork(sim).node('a', floating(1), options).restart();
        await sim.sleep(1);
      },
    ],
    [
      'its start after a fault',
      async (sim, options) => {
        const net = createNetwork(sim);
        const node = net.node('a', floating(1), {
          ...options,
          faults: { crash: 2, strikesMax: 1, downMsMax: 5 },
        });
        await codeOf(net.connect<{ ping(): void }>('a').ping());
        await sim.sleep(10);
        expect(node.incarnation).toBe(1);
      },
    ],
  ];
  const striking = {
    decide: (question: Question, n: number) => (question.text.includes('crash') ? n - 1 : 0),
  };

  test.each(startCases)('in a promise of the first part of %s names the node', async (_, run) => {
    for (const drain of ['fast', 'documented'] as const) {
      const { failure } = await simulate({ scenario: (sim) => run(sim, {}), source: striking, drain });
      expect(failure?.message).toBe('a failed: boom');
    }
  });

  test.each(startCases)('in a promise of the first part of %s ends the process alone', async (_, run) => {
    const { failure } = await simulate({
      scenario: (sim) => run(sim, { onError: 'crash' }),
      source: striking,
    });
    expect(failure).toBeUndefined();
  });

  test('in a promise of the scenario beside the start of a node is the scenario’s', async () => {
    const { failure } = await play(async (sim) => {
      const net = createNetwork(sim);
      net.node('a', () => ({}), { onError: 'crash' });
      void Promise.reject(new Error('boom'));
      net.node('b', () => void net.node('c', () => ({})), { onError: 'crash' });
      await sim.sleep(1);
    });
    expect(failure?.message).toBe('unhandled rejection in the scenario: boom');
  });

  test('is announced to nobody else if the execution is given up as a node starts', async () => {
    const heard: unknown[] = [];
    const hear = (reason: unknown): void => void heard.push(reason);
    process.on('unhandledRejection', hear);
    try {
      for (const drain of ['fast', 'documented'] as const) {
        const { failure } = await simulate({
          drain,
          async scenario(sim) {
            const net = createNetwork(sim);
            await new Promise(() => {
              sim.world.clock.post('start', () => {
                net.node('a', () => {
                  throw new ExecutionAbandoned('enough');
                });
              });
            });
          },
        });
        expect(failure?.kind).toBe('abandoned');
      }
      // It takes turns of the event loop, in which Node announces what is left.
      await simulate({ drain: 'documented', scenario: (sim) => sim.sleep(1) });
    } finally {
      process.off('unhandledRejection', hear);
    }
    expect(heard).toEqual([]);
  });

  test.each(['fail', 'crash', 'restart'] as const)(
    'in the start of a process that has ended itself is nobody’s, and leaves the next process alone (onError: %s)',
    async (onError) => {
      const seen: unknown[] = [];
      const verdict = await holds(async (sim) => {
        const net = createNetwork(sim);
        const node: ClusterNode<object> = net.node(
          'a',
          ({ incarnation }) => {
            if (incarnation === 1) node.crash();
            if (incarnation === 2) node.restart();
            if (incarnation === 1 || incarnation === 2) boom();
            return {};
          },
          { onError, restartMs: 5 },
        );
        node.restart();
        seen.push(node.state, node.incarnation);
        node.restart();
        seen.push(node.state, node.incarnation);
        await sim.sleep(20);
        seen.push(node.state, node.incarnation);
      });
      expect(seen).toEqual(['down', 1, 'up', 3, 'up', 3]);
      expect(verdict.trace().map(formatEvent).join('\n')).not.toContain('boom');
    },
  );

  test('of a dead process is nobody’s', () =>
    holds(async (sim) => {
      const net = createNetwork(sim);
      const node = net.node('a', async ({ clock }) => {
        clock.timer('crash', 5, () => {
          node.crash();
          boom();
        });
      });
      await sim.sleep(20);
    }));
});

describe('a paused node', () => {
  interface Asked {
    ask(): string;
  }

  test('that crashes has sent nothing, and the call is lost', () =>
    holds(async (sim) => {
      const net = createNetwork(sim);
      const got: unknown[] = [];
      net.node('b', (node) => node.onMessage((text) => void got.push(text)));
      const node = net.node('a', ({ send }) => ({
        ask() {
          node.pause();
          send('b', 'first');
          return 'answer';
        },
      }));
      const code = codeOf(net.connect<Asked>('a').ask());
      await sim.sleep(10);
      node.restart();
      expect([await code, got]).toEqual(['RUNNER_CALL_LOST', []]);
      await sim.sleep(10);
      expect(got).toEqual([]);
    }));

  test('by the exploration just before an answer keeps it until it goes on', async () => {
    let at = 0;
    const source = {
      decide: (question: Question, n: number) => (question.text.includes('reply') ? n - 1 : 0),
    };
    const verdict = await simulate({
      source,
      keepTrace: true,
      async scenario(sim) {
        const net = createNetwork(sim);
        net.node('a', () => ({ ask: () => 'answer' }), { faults: { pause: 2, strikesMax: 1 } });
        await net.connect<Asked>('a').ask();
        at = sim.now();
      },
    });
    expect(verdict.failure).toBeUndefined();
    expect(verdict.faults).toBe(1);
    expect(at).toBeGreaterThan(0);
  });
});

describe('a node that becomes slow by decision and by the scenario', () => {
  /** How long each millisecond takes on a node that a fault makes slow by 10 from 1 ms to 38.5 ms. */
  const slowed = async (act: (sim: Simulation, node: ClusterNode<void>) => unknown): Promise<string> => {
    const took: number[] = [];
    const source = {
      decide: ({ text }: Question, n: number, occurrence: number) =>
        text.startsWith('a slow at a sleep') && occurrence === 0 ? n - 1 : 0,
    };
    const verdict = await play(async (sim) => {
      const program = async ({ sleep }: NodeContext): Promise<void> => {
        for (let times = 0; times < 8; times += 1) {
          const sinceMs = sim.now();
          await sleep(1);
          took.push(sim.now() - sinceMs);
        }
      };
      const faults = { slow: 2, strikesMax: 1, slowMsMax: 50, slowFactor: 10 };
      await act(sim, createNetwork(sim).node('a', program, { faults }));
      await sim.sleep(1_000);
    }, source);
    expect([verdict.failure, verdict.trace().filter(({ type }) => type === 'fault').length]).toEqual([
      undefined,
      2,
    ]);
    return took.join(' ');
  };

  test('is as slow as the slower one says', async () => {
    expect(await slowed((_, node) => node.slow(100))).toBe('1 100 100 100 100 100 100 100');
    expect(await slowed((_, node) => node.slow(3))).toBe('1 10 10 10 10 3 3 3');
  });

  test('is as slow as the scenario says if that comes later', async () => {
    const slowLater = async (sim: Simulation, node: ClusterNode<void>): Promise<void> => {
      await sim.sleep(5);
      node.slow(2);
    };
    expect(await slowed(slowLater)).toBe('1 10 2 2 2 2 2 2');
  });
});

describe('one process at most is alive', () => {
  /** Runs for 60 ms; returns which processes are seen, one letter each tick. */
  const beating = async (
    act: (sim: Simulation, node: () => ClusterNode<void>) => Promise<void>,
    options: (node: () => ClusterNode<void>) => ClusterNodeOptions = () => ({}),
    source = fifoDecisions(),
  ): Promise<{ readonly beats: string[]; readonly verdict: Verdict }> => {
    const beats: string[] = [];
    const verdict = await play(async (sim) => {
      const net = createNetwork(sim);
      const made: { node?: ClusterNode<void> } = {};
      const node = (): ClusterNode<void> => made.node as ClusterNode<void>;
      made.node = net.node(
        'a',
        async (context) => {
          for (;;) {
            await context.sleep(10);
            beats.push(`${context.incarnation}@${sim.now()}`);
          }
        },
        options(node),
      );
      await act(sim, node);
    }, source);
    return { beats, verdict };
  };

  test('also where those who see it go down start it again', async () => {
    let times = 1;
    const { beats, verdict } = await beating(
      async (sim, node) => {
        await sim.sleep(15);
        node().restart();
        await sim.sleep(30);
      },
      (node) => ({
        onDown: () => {
          if (times === 0) return;
          times -= 1;
          node().restart();
        },
      }),
    );
    expect(verdict.failure).toBeUndefined();
    expect(beats).toEqual(['0@10', '1@25', '1@35']);
  });

  test('also where they do it after a crash by decision, which is then over', async () => {
    let times = 1;
    const alive: number[] = [];
    for (let seed = 0; seed < 30; seed += 1) {
      times = 1;
      const { beats, verdict } = await beating(
        (sim) => sim.sleep(100),
        (node) => ({
          faults: { crash: 2, strikesMax: 1, downMsMax: 20 },
          onDown: () => {
            if (times === 0) return;
            times -= 1;
            node().restart();
          },
        }),
        randomDecisions(seed),
      );
      expect(verdict.failure).toBeUndefined();
      alive.push(Math.max(...beats.map((beat) => Number(beat.split('@')[0]))));
    }
    expect(Math.max(...alive)).toBe(1);
  });
});

describe('leaving', () => {
  test('a node that ends as its crash is heard of is not restarted', () =>
    holds(async (sim) => {
      const net = createNetwork(sim);
      const started: number[] = [];
      const node = net.node('a', ({ incarnation }) => void started.push(incarnation), {
        onDown: () => void node.leave(),
      });
      node.restart();
      await node.leave();
      expect([started, node.state, node.incarnation]).toEqual([[0], 'left', 0]);
    }));

  test.each(['before', 'while'])('aborts the signal that is first read %s the node leaves', async (when) => {
    await holds(async (sim) => {
      let isAborted: boolean | undefined;
      const node = createNetwork(sim).node('a', (context) => {
        const read = (): boolean => context.signal.aborted;
        if (when === 'before') read();
        context.onStop(() => void (isAborted = read()));
      });
      await node.leave();
      expect(isAborted).toBe(true);
    });
  });

  /** Node a crashes the first time that it wakes, and is down for long unless something else ends that. */
  const crashAsItWakes = {
    decide: (question: Question, n: number, occurrence: number) =>
      question.text.startsWith('a crash at a sleep') && occurrence === 0 ? n - 1 : 0,
  };

  test.each<readonly [string, (sim: Simulation, net: Network) => Promise<void>]>([
    [
      'while its hook runs',
      async (_, net) => {
        const node = net.node('a', ({ onStop, sleep }) => onStop(() => sleep(5)), { faults: { crash: 2 } });
        await node.leave();
      },
    ],
    [
      'whose observer lets it leave',
      async (sim, net) => {
        const node = net.node('a', ({ sleep }) => void sleep(5), {
          faults: { crash: 2 },
          onDown: () => void node.leave(),
        });
        await sim.sleep(10);
      },
    ],
  ])('R204 a node that crashes by decision %s leaves no timer', async (_, act) => {
    const verdict = await play((sim) => act(sim, createNetwork(sim)), crashAsItWakes);
    expect([verdict.failure?.message, verdict.faults]).toEqual([undefined, 1]);
  });

  test('a node is up at once if faults end as its crash is heard of', async () => {
    let seen: unknown;
    const verdict = await play(async (sim) => {
      const node = createNetwork(sim).node('a', ({ sleep }) => void sleep(5), {
        faults: { crash: 2, downMsMax: 60_000 },
        onDown: () => sim.heal(),
      });
      await sim.sleep(10);
      seen = [node.state, node.incarnation];
    }, crashAsItWakes);
    expect([verdict.failure, seen]).toEqual([undefined, ['up', 1]]);
  });
});

test('what arrives as the network is stopped, by the observer of the crash that it meets, is dropped', async () => {
  const outcomes: string[] = [];
  const lines: string[] = [];
  const verdict = await simulate({
    keepTrace: true,
    source: {
      decide({ text }, n, occurrence) {
        const isMeant = text.startsWith('a crash') ? occurrence === 1 : text.startsWith('a to scenario');
        return isMeant && text.endsWith(' fault') ? n - 1 : 0;
      },
    },
    async scenario(sim) {
      const net = createNetwork(sim, { latencyMs: 1, faults: { delay: 4 } });
      net.node('a', () => ({ f: () => 1 }), { faults: { crash: 2 }, onDown: () => net.stop() });
      const { f } = net.connect<{ f(): number }>('a');
      const outcome = async (call: Promise<number>) =>
        outcomes.push(await call.then(String, ({ message }: Error) => message));
      // The fault that delays the first answer leaves the link something to release.
      void outcome(f());
      await sim.sleep(3);
      void outcome(f());
      await sim.sleep(2_000);
    },
  });
  for (const event of verdict.trace()) if (event.at >= 4) lines.push(formatEvent(event));
  expect([verdict.failure?.message, lines]).toEqual([undefined, ['4 ms: a crashes']]);
  expect(outcomes).toEqual(Array(2).fill('a had not answered f when the network was stopped'));
});

test('a program can take what it needs out of its context', () =>
  holds(async (sim) => {
    const net = createNetwork(sim);
    const got: unknown[] = [];
    net.node('b', ({ onMessage, clock, name, note, onStop, random }) => {
      onMessage((message: string, from) => got.push(message, from));
      onStop(() => void got.push('stopped'));
      note(`${name} has ${typeof random.int(2)}`);
      return { add: (one: number, other: number) => one + other + clock.now() };
    });
    net.node('a', async ({ connect, send, sleep, mailbox, disk, signal }) => {
      const box = mailbox<string>();
      await sleep(5);
      got.push(await connect<{ add(one: number, other: number): number }>('b').add(1, 2), signal.aborted);
      await disk.write('file', 'text');
      send('b', 'hello');
      got.push(await box.receive());
    });
    await sim.sleep(10);
    net.send('a', 'for a');
    await sim.sleep(1);
    expect(got).toEqual([8, false, 'hello', 'a', 'for a']);
  }));

test('bad input is refused with a sentence', () =>
  holds(async (sim) => {
    const net = createNetwork(sim);
    const left = net.node('left', () => {});
    await left.leave();
    const table: readonly [() => unknown, string][] = [
      [() => net.node('left', () => {}), 'name: expected one that no other node has, got "left"'],
      [() => net.node('scenario', () => {}), 'name: expected one that no other node has, got "scenario"'],
      [
        () => net.node('a b', () => {}),
        'name: expected the name of a node (ASCII letters, digits, dots, dashes and underscores, not dots and dashes alone), got "a b"',
      ],
      [() => net.node('x', 7 as never), 'program: expected a function, got 7'],
      [() => net.node('x', () => 7 as never), 'the object that x serves: expected an object, got 7'],
      [
        () => net.node('x', () => {}, { faults: { crash: 1 } }),
        'faults.crash: expected true, false or an integer ≥ 2, got 1',
      ],
      [
        () => net.node('x', () => {}, { skew: 5 as never }),
        'skew: expected true, offsetMs and driftPpm, or offsetMsMax and driftPpmMax, got 5',
      ],
      [
        () => net.node('x', () => {}, { skew: { ofsetMs: 5 } as never }),
        'skew: expected true, offsetMs and driftPpm, or offsetMsMax and driftPpmMax, got an object',
      ],
      [
        () => net.node('x', () => {}, { onError: 'die' as never }),
        'onError: expected one of "fail", "crash", "restart", got "die"',
      ],
      [
        () => net.node('x', () => {}, { disk: { latencyMs: -1 } }),
        'disk.latencyMs: expected a number of milliseconds',
      ],
      [() => left.restart(), 'left has left the network, for good: restart() comes too late'],
      [() => left.crash(), 'left has left the network, for good: crash() comes too late'],
      [() => left.pause(), 'left has left the network, for good: pause() comes too late'],
      [() => left.resume(), 'left has left the network, for good: resume() comes too late'],
      [() => left.slow(2), 'left has left the network, for good: slow() comes too late'],
      [() => left.slow(0.5), 'factor: expected a finite number ≥ 1, got 0.5'],
    ];
    for (const [act, message] of table) expect(act, message).toThrow(message);
  }));

test('each moment at which a crash may strike is said in words', async () => {
  const words: string[] = [];
  await holds(async (sim) => {
    const { choices } = sim.world;
    const world = {
      ...sim.world,
      choices: {
        choose: (asked: string | Question, n: number, inWords?: DescribeAnswer): number => {
          if (typeof asked !== 'string' && asked.topic.what === 'crash') {
            words.push(String(inWords?.(n - 1, asked)));
          }
          return choices.choose(asked, n, inWords);
        },
      },
    };
    const net = createNetwork({ world, onEnd: (hook) => sim.onEnd(hook) });
    class Grant {
      describe(): string {
        return 'the grant of lock 7';
      }
    }
    const locks = async (node: NodeContext): Promise<object> => {
      node.onMessage(() => undefined);
      await node.disk.write('log', '7');
      await node.disk.sync('log');
      await node.sleep(5);
      await node.sleep(5, 'renew the lease');
      return {
        acquire: () => new Grant(),
        async fail() {
          await node.connect<{ ping(): string }>('a').ping();
          throw new Error('no');
        },
      };
    };
    const node = net.node('locks', locks, { faults: { crash: 1_000 } });
    const ask = async (client: NodeContext): Promise<void> => {
      client.send('locks', { type: 'beat', term: 4 });
      const stub = client.connect<{ acquire(n: number): Grant; fail(): void }>('locks');
      await stub.acquire(7);
      await stub.fail().catch(() => undefined);
    };
    net.node('a', (client) => {
      void ask(client);
      return {};
    });
    await sim.sleep(100);
    await node.leave();
  });
  expect(words.map((text) => text.replace('locks crashes ', ''))).toEqual([
    'just before it has written log',
    'as the message {type: "beat", term: 4} of a arrives',
    'as acquire(7) of a arrives',
    'just before it has synced log',
    'just before it wakes',
    'just before "renew the lease"',
    'before it answers acquire(7) of a',
    'as fail() of a arrives',
    'as the error of a to ping arrives',
    'before it answers fail() of a',
    'just before it stops',
  ]);
});

test('how far its clock is off may be a decision, within limits', async () => {
  const offsets = new Set<number>();
  const drifts = new Set<number>();
  for (let seed = 0; seed < 40; seed += 1) {
    await play(async (sim) => {
      const net = createNetwork(sim);
      net.node('a', ({ clock }) => void offsets.add(clock.now()), { skew: true });
      let ended = 0;
      const sleeper = async (node: NodeContext): Promise<void> => {
        await node.sleep(1_000);
        ended = sim.now();
      };
      net.node('b', sleeper, {
        skew: { offsetMsMax: 0, driftPpmMax: 100_000 },
      });
      await sim.sleep(2_000);
      drifts.add(Math.round(ended));
    }, randomDecisions(seed));
  }
  expect(offsets.size).toBeGreaterThan(2);
  expect(Math.max(...offsets.values(), 0)).toBeLessThanOrEqual(60_000);
  expect(drifts.size).toBeGreaterThan(2);
  expect(Math.max(...drifts)).toBeLessThanOrEqual(Math.ceil(1_000 / 0.9));
});
