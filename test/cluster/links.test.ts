import { describe, expect, test } from 'vitest';
import {
  type ClusterNode,
  createNetwork,
  isCallLost,
  type LinkFaults,
  type Network,
  type NetworkOptions,
  type NodeContext,
  withCallOptions,
} from '../../src/cluster/index.ts';
import type { Question } from '../../src/kernel/question.ts';
import type { DecisionSource, DescribeAnswer } from '../../src/kernel/decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { formatEvent } from '../../src/trace/event-text.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';

type Answers = Readonly<Record<string, number | 'highest'>>;

/** Answers those questions, the first time that each is asked, and 0 to all others; keeps what each fault is in words. */
function answering(answers: Answers): DecisionSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    decide(question: Question, n: number, occurrence: number, describeAnswer?: DescribeAnswer): number {
      const given = occurrence === 0 ? answers[question.text] : undefined;
      const answer = given === 'highest' ? n - 1 : (given ?? 0);
      asked.push(`${question.text} = ${answer} of ${n}: ${String(describeAnswer?.(answer, question))}`);
      return answer;
    },
  };
}

interface Played {
  readonly lines: readonly string[];
  readonly events: readonly TraceEvent[];
  readonly asked: readonly string[];
}

async function play(scenario: (sim: Simulation) => Promise<void>, answers: Answers = {}): Promise<Played> {
  const source = answering(answers);
  const verdict = await simulate({ scenario, source, keepTrace: true });
  expect(verdict.failure).toBeUndefined();
  const events = verdict.trace();
  return { lines: events.map(formatEvent), events, asked: source.asked };
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

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

describe('one question per message', () => {
  const once = async (faults: LinkFaults, answers: Answers, options: NetworkOptions = {}) => {
    const counter = new Counter();
    let outcome: unknown;
    let atMs = 0;
    const played = await play(async (sim) => {
      const net = createNetwork(sim, { ...options, faults });
      const stub = net.through('counter', counter, { timeoutMs: 5_000 });
      outcome = await stub.add(7).catch((error: unknown) => isCallLost(error));
      atMs = sim.now();
      await sim.sleep(10_000);
    }, answers);
    return { ...played, counter, outcome, atMs };
  };

  test('is asked for all kinds together, and 0 is plain', async () => {
    const all = { lose: 16, duplicate: 16, reorder: 16, delay: 16, partition: 64, hold: 64 };
    const { asked, counter, outcome } = await once(all, {});
    expect(asked).toEqual([
      'scenario to counter add fault = 0 of 64: ',
      'counter to scenario reply to add fault = 0 of 64: ',
    ]);
    expect(counter.calls).toEqual([7]);
    expect(outcome).toBe(1);
  });

  test('the highest answer loses a call, and its caller waits until its time limit', async () => {
    const { lines, events, counter, outcome, atMs, asked } = await once(
      { lose: true, duplicate: true },
      { 'scenario to counter add fault': 'highest' },
    );
    expect(asked[0]).toBe(
      'scenario to counter add fault = 15 of 16: the call add(7) from scenario to counter is lost',
    );
    expect(lines.slice(0, 3)).toEqual([
      '0 ms: scenario calls add(7) of counter',
      '0 ms: the call add(7) from scenario to counter is lost',
      '0 ms: the call add(7) from scenario to counter is lost',
    ]);
    expect(events.map(({ type }) => type).slice(0, 3)).toEqual(['message', 'fault', 'message']);
    expect([counter.calls, outcome, atMs]).toEqual([[], true, 5_000]);
  });

  test('a lost reply is a call that took effect', async () => {
    const { counter, outcome, lines } = await once(
      { lose: true },
      { 'counter to scenario reply to add fault': 'highest' },
    );
    expect([counter.calls, outcome]).toEqual([[7], true]);
    expect(lines).toContain("0 ms: the answer 1 of counter to scenario's call of add is lost");
  });

  test('a duplicated call runs twice, each with arguments of its own, and the second reply changes nothing', async () => {
    const { counter, outcome, events } = await once(
      { duplicate: true },
      { 'scenario to counter add fault': 'highest' },
      { latencyMs: 3 },
    );
    expect([counter.calls, outcome]).toEqual([[7, 7], 1]);
    expect(steps(events, 'call')).toEqual(['sent', 'duplicated', 'delivered', 'delivered']);
    expect(steps(events, 'reply')).toEqual(['sent', 'sent', 'delivered', 'delivered']);
  });

  test('what a duplicate does to its arguments the other one does not see', () =>
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

  test('of a doubled call of which one copy was served, the refusal of the other does not say that it was not done', async () => {
    const served: number[] = [];
    const { events } = await play(
      async (sim) => {
        const net = createNetwork(sim, { faults: { duplicate: true } });
        const node = net.node('counter', () => ({
          add(n: number) {
            served.push(n);
            node.crash();
          },
        }));
        const error = await net.connect<{ add(n: number): void }>('counter').add(1).then(String, codeOf);
        expect([served, error]).toEqual([[1], 'RUNNER_CALL_LOST']);
      },
      { 'scenario to counter add fault': 'highest', 'scenario to counter add hang fault': 'highest' },
    );
    expect(steps(events, 'call')).toEqual(['sent', 'duplicated', 'delivered', 'refused']);
  });

  test('a call that was answered is not lost with the node that has answered it', async () => {
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

  test('a delayed message comes later, as late as is decided', async () => {
    const { atMs, lines } = await once(
      { delay: true, delayMs: 400 },
      { 'scenario to counter add fault': 'highest', 'scenario to counter add late delay': 2 },
    );
    expect(atMs).toBe(300);
    expect(lines).toContain('0 ms: the call add(7) from scenario to counter is delayed by 300 ms');
  });

  test('a reordered message that nothing overtakes comes after its bound', async () => {
    const { atMs } = await once(
      { reorder: true, reorderMs: 50 },
      { 'scenario to counter add fault': 'highest' },
    );
    expect(atMs).toBe(50);
  });

  test('faults strike strikesMax times at most, and are then asked for no more', async () => {
    const counter = new Counter();
    const { asked } = await play(
      async (sim) => {
        const net = createNetwork(sim, { faults: { duplicate: true, strikesMax: 1 } });
        const stub = net.through('counter', counter);
        await stub.add(1);
        await stub.add(2);
        await sim.sleep(1);
      },
      { 'scenario to counter add fault': 'highest' },
    );
    expect(asked.filter((line) => line.includes('fault'))).toHaveLength(1);
    expect(counter.calls).toEqual([1, 1, 2]);
  });

  test('heal lets what is held back come at once, and ends the questions', async () => {
    const counter = new Counter();
    const { asked } = await play(
      async (sim) => {
        const net = createNetwork(sim, { faults: { reorder: true, reorderMs: 5_000 } });
        const stub = net.through('counter', counter);
        const first = stub.add(1);
        await sim.sleep(10);
        sim.heal();
        await first;
        expect(sim.now()).toBe(10);
        await stub.add(2);
      },
      { 'scenario to counter add fault': 'highest' },
    );
    expect(asked.filter((line) => line.includes('fault'))).toHaveLength(1);
  });
});

/** A node that keeps what comes, with the time of coming. */
function inbox(sim: Simulation, options: NetworkOptions = {}) {
  const got: unknown[] = [];
  const times: number[] = [];
  const net = createNetwork(sim, options);
  net.node('inbox', (node) =>
    node.onMessage((message: unknown) => {
      got.push(message);
      times.push(sim.now());
    }),
  );
  return { net, got, times };
}

describe('order and width', () => {
  test('a reordered message waits for the next one of its link', () =>
    play(
      async (sim) => {
        const { net, got } = inbox(sim, { faults: { reorder: true } });
        net.send('inbox', 1);
        net.send('inbox', 2);
        await sim.sleep(1);
        expect(got).toEqual([2, 1]);
      },
      { 'scenario to inbox message fault': 'highest' },
    ));

  test('latencies between two bounds are decisions, and let messages overtake each other', () =>
    play(
      async (sim) => {
        const { net, got, times } = inbox(sim, { latencyMs: [10, 18] });
        net.send('inbox', 1);
        net.send('inbox', 2);
        await sim.sleep(20);
        expect(got).toEqual([2, 1]);
        expect(times).toEqual([10, 17]);
      },
      { 'scenario to inbox message delay': 'highest' },
    ));

  test('of a link with fifo none overtakes another, in no order of events', async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const { failure } = await simulate({
        source: randomDecisions(seed),
        scenario: async (sim) => {
          const { net, got } = inbox(sim, {
            latencyMs: [0, 20],
            fifo: true,
            faults: { delay: 2, reorder: true },
          });
          for (let n = 0; n < 10; n += 1) net.send('inbox', n);
          await sim.sleep(3_000);
          sim.check(got.join() === '0,1,2,3,4,5,6,7,8,9', `got ${got.join()}`);
        },
      });
      expect(failure).toBeUndefined();
    }
  });

  test('messages of a narrow link wait for each other', () =>
    play(async (sim) => {
      const { net, times } = inbox(sim, { bytesPerMs: 66, latencyMs: 1 });
      const text = 'x'.repeat(100);
      net.send('inbox', text);
      net.send('inbox', text);
      await sim.sleep(20);
      net.send('inbox', text);
      await sim.sleep(10);
      expect(times).toEqual([3, 5, 23]);
    }));

  test('a link can differ from the others', () =>
    play(async (sim) => {
      const asked: string[] = [];
      const net = createNetwork(sim, {
        latencyMs: 1,
        links: (from, to) => {
          asked.push(`${from} ${to}`);
          return to === 'far' ? { latencyMs: 100 } : undefined;
        },
      });
      const near = net.through('near', new Counter());
      const far = net.through('far', new Counter());
      await near.add(1);
      expect(sim.now()).toBe(2);
      await far.add(1);
      await far.add(1);
      expect(sim.now()).toBe(204);
      expect(asked).toEqual(['scenario near', 'near scenario', 'scenario far', 'far scenario']);
    }));
});

/** Messages with copies that have no end, after all that is on its way has come. */
function openMessages(events: readonly TraceEvent[], seed: number): string[] {
  const open = new Map<string, number>();
  for (const event of events) {
    if (event.type !== 'message' || event.step === 'held') continue;
    const key = `${event.runner} to ${event.to} ${event.kind} ${event.id}`;
    const change = event.step === 'sent' || event.step === 'duplicated' ? 1 : -1;
    open.set(key, (open.get(key) ?? 0) + change);
    expect(open.get(key), `${key} ${event.step} (seed ${seed})`).toBeGreaterThanOrEqual(0);
  }
  return [...open].filter(([, left]) => left !== 0).map(([key]) => key);
}

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
    expect(openMessages(events, seed)).toEqual([]);
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

describe('what waits goes first', () => {
  const fifo: NetworkOptions = { latencyMs: 10, fifo: true };

  test('on a fifo link that is released, before what is still on its way', () =>
    play(async (sim) => {
      const { net, got, times } = inbox(sim, fifo);
      net.hold('scenario', 'inbox');
      net.send('inbox', 1);
      net.send('inbox', 2);
      await sim.sleep(15);
      net.send('inbox', 3);
      net.release('scenario', 'inbox');
      net.send('inbox', 4);
      await sim.sleep(20);
      expect(got).toEqual([1, 2, 3, 4]);
      expect(times).toEqual([15, 15, 25, 25]);
    }));

  test('at a node that goes on, before what a fifo link brings in the same instant', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { failure } = await simulate({
        source: randomDecisions(seed),
        async scenario(sim) {
          const got: unknown[] = [];
          const net = createNetwork(sim, fifo);
          const node = net.node('inbox', ({ onMessage }) => onMessage((message) => got.push(message)));
          node.pause();
          for (let n = 1; n <= 3; n += 1) net.send('inbox', n);
          await sim.sleep(11);
          net.send('inbox', 4);
          // In the same instant as the fourth message comes.
          await sim.sleep(10);
          node.resume();
          await sim.sleep(20);
          sim.check(got.join() === '1,2,3,4', `got ${got.join()}`);
        },
      });
      expect(failure).toBeUndefined();
    }
  });

  test('at a paused node it has arrived: no partition loses it', () =>
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

  test('at a node that pauses again before it has taken it, and then does', () =>
    play(async (sim) => {
      const got: unknown[] = [];
      const net = createNetwork(sim, fifo);
      const node = net.node('inbox', ({ onMessage }) => onMessage((message) => got.push(message)));
      node.pause();
      for (let n = 1; n <= 3; n += 1) net.send('inbox', n);
      await sim.sleep(11);
      node.resume();
      node.pause();
      net.send('inbox', 4);
      await sim.sleep(11);
      node.resume();
      await sim.sleep(1);
      expect(got).toEqual([1, 2, 3, 4]);
    }));
});

test('what a paused node holds when it crashes is lost, and the trace says that it was held', async () => {
  const { lines, events } = await play(async (sim) => {
    const net = createNetwork(sim);
    const node = net.node('inbox', ({ onMessage }) => {
      onMessage(() => undefined);
      return new Counter();
    });
    node.pause();
    net.send('inbox', 1);
    const outcome = net.connect<Counter>('inbox').add(1).catch(isCallLost);
    await sim.sleep(1);
    node.crash();
    expect(await outcome).toBe(true);
  });
  expect(steps(events, 'message')).toEqual(['sent', 'held', 'lost']);
  expect(steps(events, 'call')).toEqual(['sent', 'held', 'lost']);
  expect(lines).toContain('0 ms: 1 from scenario to inbox is held back: inbox is paused');
  expect(lines).toContain('1 ms: 1 from scenario to inbox is lost: inbox went down');
});

test('R212: a call that hangs as its node goes down is a fault of the trace, with words', async () => {
  let error: unknown;
  const { lines, asked } = await play(
    async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: 50 });
      const node = net.node('locks', ({ sleep }) => ({ acquire: (n: number) => sleep(n) }));
      const call = net.connect<{ acquire(n: number): Promise<void> }>('locks').acquire(7);
      void call.catch((reason: unknown) => {
        error = reason;
      });
      await sim.sleep(1);
      node.crash();
      await sim.sleep(100);
    },
    { 'scenario to locks acquire hang fault': 'highest' },
  );
  const words = 'the call acquire(7) from scenario to locks hangs, as locks went down';
  expect(asked.filter((line) => line.includes('hang'))).toEqual([
    `scenario to locks acquire hang fault = 1 of 2: ${words}`,
  ]);
  expect(lines).toContain(`1 ms: ${words}`);
  expect(isCallLost(error)).toBe(true);
});

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
    expect(openMessages(events, seed), `seed ${seed}`).toEqual([]);
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

describe('partitions and holds', () => {
  /** Three nodes, and who of them reaches whom. */
  const ring = (sim: Simulation, given: NetworkOptions = {}) => {
    const net = createNetwork(sim, { callTimeoutMs: 10, ...given });
    const stubs = new Map<string, { ping(to: string): Promise<boolean> }>();
    for (const name of ['a', 'b', 'c']) {
      net.node(name, (node) => ({
        pong: () => true,
        ping: (to: string) =>
          node
            .connect<{ pong(): boolean }>(to)
            .pong()
            .catch(() => false),
      }));
    }
    for (const name of ['a', 'b', 'c']) {
      stubs.set(name, net.connect<{ ping(to: string): Promise<boolean> }>(name, { timeoutMs: 1_000 }));
    }
    const reached = async (): Promise<string> => {
      const found: string[] = [];
      for (const from of ['a', 'b', 'c']) {
        for (const to of ['a', 'b', 'c']) {
          if (from !== to && (await stubs.get(from)?.ping(to)) === true) found.push(from + to);
        }
      }
      return found.join(' ');
    };
    return { net, reached };
  };

  test('a partition parts its groups, and nodes that are in none keep their links', async () => {
    const { lines } = await play(async (sim) => {
      const { net, reached } = ring(sim);
      net.partition('a', 'b');
      expect(await reached()).toBe('ac bc ca cb');
      net.repair();
      net.partition(['a'], ['b', 'c']);
      expect(await reached()).toBe('bc cb');
      net.repair();
      expect(await reached()).toBe('ab ac ba bc ca cb');
    });
    expect(lines).toContain('0 ms: the network is partitioned: a | b');
    expect(lines).toContain('0 ms: the call pong() from a to b is lost: the network is partitioned');
  });

  test('a cut loses messages in one direction alone', () =>
    play(async (sim) => {
      const { net } = ring(sim);
      const heard: string[] = [];
      net.node('d', (node) => node.onMessage((message: string) => heard.push(message)));
      net.cut('scenario', 'd');
      net.send('d', 'lost');
      net.repair();
      net.cut('d', 'scenario');
      net.send('d', 'heard');
      await sim.sleep(1);
      expect(heard).toEqual(['heard']);
    }));

  test('what is on its way when a partition begins is lost', () =>
    play(async (sim) => {
      const { net, got } = inbox(sim, { latencyMs: 10 });
      net.send('inbox', 1);
      await sim.sleep(5);
      net.partition('scenario', 'inbox');
      await sim.sleep(10);
      net.repair();
      net.send('inbox', 2);
      await sim.sleep(20);
      expect(got).toEqual([2]);
    }));

  test('what is held waits for release, and comes in the order of coming', async () => {
    const { events } = await play(async (sim) => {
      const { net, got, times } = inbox(sim, { latencyMs: 1 });
      net.hold('scenario', 'inbox');
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(50);
      expect(got).toEqual([]);
      net.release('scenario', 'inbox');
      await sim.sleep(1);
      expect(got).toEqual([1, 2, 3]);
      expect(times).toEqual([50, 50, 50]);
    });
    expect(steps(events, 'message').filter((step) => step === 'held')).toHaveLength(3);
  });

  test('heal ends what the scenario has parted and held, and callers learn what was lost', () =>
    play(async (sim) => {
      const net = createNetwork(sim, { callTimeoutMs: Infinity });
      const stub = net.through('counter', new Counter());
      net.partition('counter', 'scenario');
      const lost = stub.add(1).catch(isCallLost);
      await sim.sleep(5);
      sim.heal();
      expect(await lost).toBe(true);
      expect(await stub.add(1)).toBe(1);
    }));

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

  const FIRST = 'scenario to a ping fault';
  test.each([
    ['one node', {}, 'the network is partitioned: a | b, c, scenario, for 250 ms'],
    [
      'one node, another',
      { 'network partition of': 2 },
      'the network is partitioned: c | a, b, scenario, for 250 ms',
    ],
    [
      'one that is not heard',
      { 'network partition': 1 },
      'messages from a to b, c, scenario are lost, for 250 ms',
    ],
    [
      'one that hears nothing',
      { 'network partition': 2 },
      'messages from b, c, scenario to a are lost, for 250 ms',
    ],
    ['a pair', { 'network partition': 3 }, 'the network is partitioned: a | b, for 250 ms'],
    ['halves', { 'network partition': 4 }, 'the network is partitioned: a, b | c, scenario, for 250 ms'],
    [
      'long',
      { 'network partition delay': 'highest' },
      'the network is partitioned: a | b, c, scenario, for 1000 ms',
    ],
  ] as const)('the exploration partitions the network: %s', async (_, answers, text) => {
    const { lines } = await play(
      async (sim) => {
        const { reached } = ring(sim, { faults: { partition: true, strikesMax: 1 } });
        await reached().catch(() => undefined);
        await sim.sleep(5_000);
        expect(await reached()).toBe('ab ac ba bc ca cb');
      },
      { [FIRST]: 'highest', ...answers },
    );
    expect(lines).toContain(`0 ms: ${text}`);
  });

  test('while one partition is in force the exploration begins no other one', async () => {
    const { asked } = await play(
      async (sim) => {
        const { net } = inbox(sim, { faults: { partition: 64, lose: 16 } });
        net.node('other', () => undefined);
        net.send('other', 1);
        net.send('inbox', 2);
        await sim.sleep(2_000);
        net.send('inbox', 3);
        await sim.sleep(1);
      },
      { 'scenario to other message fault': 59, 'network partition of': 1 },
    );
    const counts = asked.flatMap((line) => / fault = (\d+ of \d+)/.exec(line)?.[1] ?? []);
    expect(counts).toEqual(['59 of 64', '0 of 16', '0 of 64']);
  });

  test('the exploration holds a link, and what waited there comes when that ends', async () => {
    const { lines } = await play(
      async (sim) => {
        const { net, got, times } = inbox(sim, { faults: { hold: true, outageMs: 40 } });
        net.send('inbox', 1);
        await sim.sleep(100);
        expect([got, times]).toEqual([[1], [10]]);
      },
      { 'scenario to inbox message fault': 'highest' },
    );
    expect(lines).toContain('0 ms: messages from scenario to inbox are held back, for 10 ms');
  });
});
