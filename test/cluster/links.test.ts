import { describe, expect, test } from 'vitest';
import {
  type ClusterNode,
  createNetwork,
  isCallLost,
  type LinkFaults,
  type LinkOptions,
  type Network,
  type NetworkOptions,
  type NodeContext,
  withCallOptions,
} from '../../src/cluster/index.ts';
import { playHolding as play } from '../../src/conformance/parts/played.ts';
import { messagesAstray } from '../../src/conformance/parts/simulated-network/network-case.ts';
import { messageOf } from '../../src/kernel/errors.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { movedItems } from '../moved-items.ts';

interface Echo {
  echo(n: number): number;
}

/** Counts how often it is called. */
class Counter {
  calls: number[] = [];
  add(n: number): number {
    this.calls.push(n);
    return this.calls.length;
  }
}

const steps = (events: readonly TraceEvent[], kind: string): string[] =>
  events.flatMap((event) => (event.type === 'message' && event.kind === kind ? [event.step] : []));

describe('a duplicate', () => {
  test('does not see what the other copy does to its arguments', () =>
    play(
      async (sim) => {
        const seen: number[] = [];
        const take = (list: number[]): void => {
          seen.push(list.length);
          list.pop();
        };
        const stub = createNetwork(sim, { faults: { duplicate: true } }).through('taker', { take });
        await stub.take([1, 2]);
        await sim.sleep(1);
        expect(seen).toEqual([2, 2]);
      },
      { 'scenario to taker take fault': 'highest' },
    ));

  test('of a call that was answered is not lost with the node that has answered it', async () => {
    const { events } = await play(
      async (sim) => {
        const net = createNetwork(sim, { faults: { duplicate: true } });
        const node = net.node('counter', () => new Counter());
        await net.connect<Counter>('counter').add(1);
        await sim.sleep(1);
        node.crash();
        await sim.sleep(1);
      },
      { 'scenario to counter add fault': 'highest' },
    );
    expect(steps(events, 'reply')).toEqual(['sent', 'sent', 'delivered', 'delivered']);
    expect(steps(events, 'error')).toEqual([]);
  });
});

const CALL = 'scenario to s work';
const ANSWER = 's to scenario reply to work';
const [CALL_LOST, ANSWER_LOST] = ['the call work to s was lost', 'the answer of s to work was lost'];

describe('when faults end, the caller of what was doubled', () => {
  test.each<
    readonly [
      what: string,
      doubled: string,
      cutMs: readonly [number, number],
      outcome: string,
      isDown: boolean,
    ]
  >([
    ['waits for the other copy of the answer', ANSWER, [15, 25], 'done at 40 ms', false],
    ['waits for the other copy of the call', CALL, [5, 15], 'done at 40 ms', false],
    ['waits for the other copy of a call whose answer was lost', CALL, [15, 25], 'done at 40 ms', false],
    ['waits for the other copy of a call whose refusal was lost', CALL, [15, 25], 'done at 40 ms', true],
    ['gets one error for both copies of the answer', ANSWER, [15, 45], `${ANSWER_LOST} at 45 ms`, false],
    ['gets one error for both copies of the call', CALL, [5, 35], `${CALL_LOST} at 35 ms`, false],
    ['learns that one copy of the call was carried out', CALL, [15, 35], `${ANSWER_LOST} at 35 ms`, false],
  ])('%s', async (_what, doubled, [fromMs, toMs], outcome, isDown) => {
    const outcomes: string[] = [];
    const { events } = await play(
      async (sim) => {
        const options = { latencyMs: [10, 50], latencySteps: 2, faults: { duplicate: 16 } } as const;
        const net = createNetwork(sim, {
          latencyMs: 10,
          callTimeoutMs: Infinity,
          links: (from) => (doubled.startsWith(`${from} `) ? options : undefined),
        });
        const node = net.node('s', () => ({ work: () => 'done' }));
        if (isDown) node.crash();
        void net
          .connect<{ work(): string }>('s')
          .work()
          .catch(messageOf)
          .then((text) => outcomes.push(`${text} at ${sim.now()} ms`));
        await sim.sleep(fromMs);
        if (isDown) node.restart();
        net.partition('scenario', 's');
        await sim.sleep(toMs - fromMs);
        sim.heal();
        await sim.sleep(100);
      },
      // The first copy is the later one.
      { [`${doubled} fault`]: 'highest', [`${doubled} delay`]: 'highest' },
    );
    expect(outcomes).toEqual([outcome]);
    const errors = isDown ? ['sent', 'lost'] : outcome.startsWith('done') ? [] : ['sent', 'delivered'];
    expect(steps(events, 'error')).toEqual(errors);
  });
});

test('whatever strikes, each copy of a message that is sent is delivered, refused or lost, once', async () => {
  const all: LinkFaults = { lose: 8, duplicate: 8, reorder: 8, delay: 16, partition: 32, hold: 32 };
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed += 1) {
    const verdict = await simulate({
      source: randomDecisions(seed),
      keepTrace: true,
      async scenario(sim) {
        const net = createNetwork(sim, {
          latencyMs: [0, 10],
          fifo: seed % 3 === 0,
          callTimeoutMs: seed % 2 === 0 ? 40 : Infinity,
          faults: all,
        });
        for (const [name, other] of [
          ['a', 'b'],
          ['b', 'c'],
          ['c', 'a'],
        ] as const) {
          const program = async (node: NodeContext) => {
            node.onMessage(() => undefined);
            const stub = node.connect<Echo>(other);
            for (let n = 0; n < 8; n += 1) {
              node.send(other, n);
              await stub.echo(n).catch((error: unknown) => {
                if (!isCallLost(error)) throw error;
              });
            }
          };
          const isServing: Echo = { echo: (n) => n };
          net.node(
            name,
            (node) => {
              void program(node);
              return isServing;
            },
            { faults: { crash: 64 } },
          );
        }
        await sim.sleep(500);
        sim.heal();
        await sim.sleep(30_000);
      },
    });
    expect(verdict.failure).toBeUndefined();
    const events = verdict.trace();
    for (const event of events) if (event.type === 'fault') seen.add(event.kind);
    expect(messagesAstray(events), `seed ${seed}`).toEqual([]);
  }
  expect([...seen].sort()).toEqual([
    'crash',
    'cut',
    'delay',
    'duplicate',
    'hang',
    'hold',
    'lose',
    'partition',
    'reorder',
  ]);
});

test('what waits at a paused node has arrived: no partition loses it', () =>
  play(async (sim) => {
    const got: unknown[] = [];
    const net = createNetwork(sim);
    const node = net.node('inbox', ({ onMessage }) => onMessage((message) => got.push(message)));
    node.pause();
    net.send('inbox', 1);
    await sim.sleep(1);
    net.partition('scenario', 'inbox');
    node.resume();
    await sim.sleep(1);
    expect(got).toEqual([1]);
  }));

test('a partition loses what is sent and what would arrive while it lasts, and nothing else', () =>
  play(async (sim) => {
    const got: unknown[] = [];
    const net = createNetwork(sim, { latencyMs: 100 });
    net.node('inbox', ({ onMessage }) => onMessage((message) => got.push(message)));
    net.send('inbox', 'would arrive');
    await sim.sleep(80);
    net.send('inbox', 'on its way before, meanwhile and afterwards');
    await sim.sleep(10);
    net.partition('scenario', 'inbox');
    net.send('inbox', 'sent');
    await sim.sleep(20);
    net.repair();
    await sim.sleep(200);
    expect(got).toEqual(['on its way before, meanwhile and afterwards']);
  }));

/** Deeds that a scenario does at random: what it does to nodes and links, and what it sends. */
async function mess(sim: Simulation, net: Network, nodes: readonly ClusterNode[], isFair: boolean) {
  const { random } = sim.world;
  const one = (): ClusterNode => nodes[random.int(nodes.length)] as ClusterNode;
  for (let deed = 0; deed < 60; deed += 1) {
    const [node, other] = [one(), one()];
    const ends =
      random.int(2) === 0 ? (['scenario', node.name] as const) : ([node.name, other.name] as const);
    switch (random.int(isFair ? 6 : 9)) {
      case 0:
        node.pause();
        break;
      case 1:
        node.resume();
        break;
      case 2:
        if (ends[0] !== ends[1]) net.hold(...ends);
        break;
      case 3:
        if (ends[0] !== ends[1]) net.release(...ends);
        break;
      case 4:
        await sim.sleep(random.int(6));
        break;
      case 5:
        net.send(node.name, deed);
        (node.object as Talker | undefined)?.say(other.name, deed);
        break;
      case 6:
        node.restart();
        break;
      case 7:
        node.crash();
        break;
      case 8:
        if (node !== other) net.cut(node.name, other.name);
        break;
      default:
        throw new Error('there are nine deeds');
    }
  }
  net.repair();
  for (const node of nodes) node.resume();
}

interface Talker {
  say(to: string, n: number): void;
  echo(n: number): number;
}

function talker({ send, connect, onMessage }: NodeContext): Talker {
  onMessage(() => undefined);
  return {
    say(to, n) {
      send(to, n);
      void connect<Talker>(to)
        .echo(n)
        .catch((error: unknown) => {
          if (!isCallLost(error)) throw error;
        });
    },
    echo: (n) => n,
  };
}

async function messOf(
  seed: number,
  options: NetworkOptions,
  isFair: boolean,
): Promise<readonly TraceEvent[]> {
  const verdict = await simulate({
    source: randomDecisions(seed),
    seed,
    keepTrace: true,
    async scenario(sim) {
      const net = createNetwork(sim, { callTimeoutMs: Infinity, ...options });
      await mess(
        sim,
        net,
        ['a', 'b', 'c'].map((name) => net.node(name, talker)),
        isFair,
      );
      sim.heal();
      await sim.sleep(10_000);
    },
  });
  expect(verdict.failure, `seed ${seed}`).toBeUndefined();
  return verdict.trace();
}

test('whatever nodes and links go through, each message has one end', async () => {
  const ends = new Set<string>();
  for (let seed = 0; seed < 80; seed += 1) {
    const events = await messOf(seed, { latencyMs: [0, 5], fifo: seed % 2 === 0 }, false);
    expect(messagesAstray(events), `seed ${seed}`).toEqual([]);
    for (const event of events) if (event.type === 'message') ends.add(event.step);
  }
  expect([...ends].sort()).toEqual(['delivered', 'held', 'lost', 'refused', 'sent']);
});

test('whatever waits where, messages of a fifo link are delivered in the order of sending', async () => {
  for (let seed = 0; seed < 80; seed += 1) {
    const sent = new Map<string, string[]>();
    const delivered = new Map<string, string[]>();
    for (const event of await messOf(seed, { latencyMs: [0, 5], fifo: true }, true)) {
      if (event.type !== 'message' || (event.step !== 'sent' && event.step !== 'delivered')) continue;
      const lists = event.step === 'sent' ? sent : delivered;
      const link = `${event.runner} to ${event.to}`;
      lists.set(link, [...(lists.get(link) ?? []), `${event.kind} ${event.id}`]);
    }
    expect(delivered, `seed ${seed}`).toEqual(sent);
  }
});

test('a message of a fifo link costs the same however many are in flight', async () => {
  const messages = 2_000;
  const got: unknown[] = [];
  let moved = NaN;
  await play(async (sim) => {
    const net = createNetwork(sim, { fifo: true, latencyMs: 5 });
    net.node('inbox', ({ onMessage }) => onMessage((message) => got.push(message)));
    for (let n = 0; n < messages; n += 1) net.send('inbox', n);
    moved = await movedItems(() => sim.sleep(10));
  }, {});
  expect(moved).toBeLessThan(20 * messages);
  expect(got).toEqual(Array.from({ length: messages }, (_, n) => n));
});

test.each<readonly [NetworkOptions, readonly string[], string]>([
  // A message still takes its latency.
  [{ fifo: false }, ['late', 'later', 'plain'], 'late@5 later@6 plain@7'],
  [{ fifo: true }, ['late', 'later', 'plain'], 'late@5 later@6 plain@7'],
  [{ fifo: true }, ['plain', 'late', 'later'], 'plain@5 late@6 later@7'],
])('heal ends what delays messages: %j, %j', async (options, texts, arrivals) => {
  const got: string[] = [];
  await play(
    async (sim) => {
      const net = createNetwork(sim, { ...options, latencyMs: 5, faults: { delay: 2, delayMs: 60_000 } });
      net.node('inbox', ({ onMessage }) => {
        onMessage(({ type }: { type: string }) => got.push(`${type}@${sim.now()}`));
      });
      for (const type of texts) {
        net.send('inbox', { type });
        await sim.sleep(1);
      }
      await sim.sleep(1);
      sim.heal();
      await sim.sleep(100);
    },
    { 'scenario to inbox late fault': 'highest', 'scenario to inbox later fault': 'highest' },
  );
  expect(got.join(' ')).toBe(arrivals);
});

test.each<readonly [words: string, options: LinkOptions, atMs: number]>([
  ['50 ms', { latencyMs: 50 }, 50],
  ['5 ms', { latencyMs: 5 }, 10],
  ['50 to 60 ms', { latencyMs: [50, 60] }, 50],
  ['1 ms and 1 byte/ms', { latencyMs: 1, bytesPerMs: 1 }, 533],
  ['1 ms and 1,000 bytes/ms', { latencyMs: 1, bytesPerMs: 1_000 }, 10],
])(
  'on a link of %s, 532 bytes that wait 10 ms to be overtaken and are not arrive in time',
  async (_, options, atMs) => {
    const arrivals: number[] = [];
    await play(
      async (sim) => {
        const net = createNetwork(sim, { ...options, faults: { reorder: true, reorderMs: 10 } });
        net.node('inbox', ({ onMessage }) => onMessage(() => arrivals.push(sim.now())));
        net.send('inbox', 'x'.repeat(500));
        await sim.sleep(1_000);
      },
      { 'scenario to inbox message fault': 'highest' },
    );
    expect(arrivals).toEqual([atMs]);
  },
);

test.each([
  { fault: 'reorder', sleepMs: 5, atMs: 10 },
  { fault: 'reorder', sleepMs: 20, atMs: 20 },
  { fault: 'delay', sleepMs: 5, atMs: 30 },
  { fault: 'delay', sleepMs: 40, atMs: 40 },
])(
  'what $fault holds back arrives at $atMs ms if faults end after $sleepMs',
  async ({ fault, sleepMs, atMs }) => {
    const arrivals: number[] = [];
    await play(
      async (sim) => {
        const faults = { [fault]: 2, reorderMs: 60_000, delayMs: 60_000 };
        const net = createNetwork(sim, { latencyMs: [10, 50], latencySteps: 2, faults });
        net.node('inbox', ({ onMessage }) => onMessage(() => arrivals.push(sim.now())));
        net.send('inbox', 'x');
        await sim.sleep(sleepMs);
        sim.heal();
        await sim.sleep(1_000);
      },
      { 'scenario to inbox message fault': 'highest', 'scenario to inbox message delay': 'highest' },
    );
    expect(arrivals).toEqual([atMs]);
  },
);

test('a message behind one that reorder holds back waits until that has passed through the link, then overtakes it', async () => {
  const arrivals: [unknown, number][] = [];
  await play(
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1, bytesPerMs: 1, faults: { reorder: true } });
      net.node('inbox', ({ onMessage }) =>
        onMessage((message) => arrivals.push([(message as { type: string }).type, sim.now()])),
      );
      net.send('inbox', { type: 'first', body: 'x'.repeat(100) });
      net.send('inbox', { type: 'next' });
      await sim.sleep(1_000);
    },
    { 'scenario to inbox first fault': 'highest' },
  );
  expect(arrivals).toEqual([
    ['next', 186],
    ['first', 186],
  ]);
});

test('heal brings no answer to those who have given it up', async () => {
  const { events } = await play(async (sim) => {
    const net = createNetwork(sim, { callTimeoutMs: 5 });
    const stub = net.through('counter', new Counter());
    net.cut('scenario', 'counter');
    for (let n = 0; n < 200; n += 1) expect(await stub.add(n).catch(isCallLost)).toBe(true);
    const last = withCallOptions(stub, { timeoutMs: Infinity }).add(1).catch(isCallLost);
    sim.heal();
    expect(await last).toBe(true);
  });
  expect(steps(events, 'error')).toEqual(['sent', 'delivered']);
});
