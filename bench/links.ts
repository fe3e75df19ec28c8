/**
 * Messages between two nodes of a simulated network: calls and their replies, without faults and with all of them, with everything on that a
 * simulation has by itself. Beside them the same calls on the object itself.
 */
import { createNetwork, isCallLost, type NetworkOptions } from '../src/cluster/index.ts';
import { simulate } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { interleave, median, type Cost } from './measure.ts';

const CALLERS = 10;
const CALLS = 50_000;
/** A call and its reply. */
const MESSAGES = 2 * CALLS;

/** Each message is asked about, and one in ten is struck: those that are lost end by the time limit of the call. */
const ALL_FAULTS: NetworkOptions = {
  latencyMs: [1, 20],
  callTimeoutMs: 200,
  faults: {
    lose: 64,
    duplicate: 64,
    reorder: 64,
    delay: 64,
    partition: 1_024,
    hold: 1_024,
    strikesMax: Infinity,
  },
};

interface Lock {
  acquire(id: number): boolean | Promise<boolean>;
}

async function callThrough(options: NetworkOptions): Promise<void> {
  let answered = 0;
  let lost = 0;
  const { failure } = await simulate({
    seed: 1,
    async scenario(sim) {
      const net = createNetwork(sim, options);
      net.node('locks', (): Lock => ({ acquire: (id) => id > 0 }));
      const done: Promise<void>[] = [];
      net.node('a', (node) => {
        const locks = node.connect<Lock>('locks');
        const call = async (): Promise<void> => {
          for (let left = CALLS / CALLERS; left > 0; left -= 1) {
            try {
              await locks.acquire(left);
              answered += 1;
            } catch (error) {
              if (!isCallLost(error)) throw error;
              lost += 1;
            }
          }
        };
        for (let n = 0; n < CALLERS; n += 1) done.push(call());
      });
      await Promise.all(done);
    },
  });
  if (failure !== undefined || answered + lost !== CALLS) {
    throw new Error(failure?.message ?? 'calls are missing');
  }
  if (options.faults === undefined ? lost > 0 : lost === 0) throw new Error(`${lost} calls were lost`);
}

async function callDirectly(): Promise<void> {
  const lock: Lock = { acquire: (id) => Promise.resolve(id > 0) };
  const call = async (): Promise<void> => {
    for (let left = CALLS / CALLERS; left > 0; left -= 1) await lock.acquire(left);
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

/** Messages in a second, of one core. */
export async function measureLinks(rounds: number): Promise<Figure[]> {
  const ways = {
    plain: () => callThrough({}),
    faults: () => callThrough(ALL_FAULTS),
    direct: callDirectly,
  };
  await ways.plain();
  await ways.faults();
  const costs = await interleave(ways, rounds);
  const perSecond = (name: keyof typeof ways, of: (cost: Cost) => number): number =>
    Math.round(median(costs[name].map((cost) => (MESSAGES * 1000) / of(cost))));
  const figure = (name: string, way: 'plain' | 'faults', goal: number, note: string): Figure => ({
    name,
    value: perSecond(way, ({ cpuMs }) => cpuMs),
    unit: '/s',
    goal,
    goalIs: 'least',
    by: 'CPU time',
    peer: `direct calls: ${perSecond('direct', ({ cpuMs }) => cpuMs)}/s`,
    note,
    more: {
      perSecondByWallTime: perSecond(way, ({ wallMs }) => wallMs),
      bestPerSecond: Math.round(Math.max(...costs[way].map(({ cpuMs }) => (MESSAGES * 1000) / cpuMs))),
    },
  });
  return [
    figure(
      'messages between nodes',
      'plain',
      300_000,
      `${MESSAGES} messages: calls of ten callers and their replies`,
    ),
    figure(
      'messages between nodes, all faults',
      'faults',
      150_000,
      'latency, loss, duplicates, reordering, delays, partitions and holds',
    ),
  ];
}
