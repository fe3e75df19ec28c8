/**
 * Nodes of a cluster: the memory of one that has nothing to do, how fast many of them gossip, and executions of a small program whose nodes
 * crash. Invariant: what is measured is held to be right, so that a figure is never that of a program that does nothing.
 */
import process from 'node:process';
import { createNetwork, type NodeContext } from '../src/cluster/index.ts';
import { createExecutor, createStrategy, explore } from '../src/explore/index.ts';
import { simulate, type ScenarioDefinition, type Simulation } from '../src/index.ts';
import { fifoDecisions } from '../src/kernel/index.ts';
import { tuneEngine } from '../src/threads/engine-settings.ts';
import type { Figure } from './figure.ts';
import { collectGarbage, interleave, median } from './measure.ts';

const BYTES_MAX = 4_096;
const GOSSIPERS = 1_000;
const GOSSIP_ROUNDS = 10;
const GOSSIP_GOAL = 100_000;
const EXECUTIONS = 500;
const EXECUTIONS_GOAL = 1_500;
const DIRECT_GOAL = 0.1;

async function run(scenario: (sim: Simulation) => Promise<void>, seed?: number): Promise<number> {
  const { held, failure, firedEvents } = await simulate({
    scenario,
    ...(seed === undefined ? { source: fifoDecisions() } : { seed }),
    omitStacks: true,
  });
  if (!held) throw new Error(failure?.message);
  return firedEvents;
}

async function idleBytes(nodes: number): Promise<number> {
  let bytes = 0;
  const program = (): object => ({ ping: () => 'pong' });
  await run(async (sim) => {
    const net = createNetwork(sim);
    const names = Array.from({ length: nodes }, (_, index) => `n${index}`);
    const made = new Array<unknown>(nodes).fill(undefined);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (const [index, name] of names.entries()) made[index] = net.node(name, program);
    collectGarbage();
    bytes = (process.memoryUsage().heapUsed - before) / nodes;
    await sim.sleep(1);
    if (made.length !== nodes) throw new Error('the nodes must still be there');
  });
  return bytes;
}

async function idleFigure(nodes: number, rounds: number): Promise<Figure> {
  const bytes: number[] = [];
  for (let round = 0; round < rounds; round += 1) bytes.push(await idleBytes(nodes));
  return {
    name: `idle node of a cluster, of ${nodes}`,
    value: Math.round(median(bytes)),
    unit: 'bytes',
    goal: BYTES_MAX,
    goalIs: 'most',
    by: 'heap',
    peer: 'none',
    note: 'heap growth over all of them, after a full collection, each with an object that can be called',
  };
}

/** Each sends two others what it knows, ten times; in the end all know of all. */
async function gossip(): Promise<void> {
  let sent = 0;
  const events = await run(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1 });
    let informed = 0;
    const program =
      (index: number) =>
      async (node: NodeContext): Promise<void> => {
        let knows = index === 0;
        node.onMessage(() => {
          if (!knows) informed += 1;
          knows = true;
        });
        for (let round = 0; round < GOSSIP_ROUNDS; round += 1) {
          await node.sleep(10);
          for (const step of [1, 7 ** (round % 4)]) {
            sent += 1;
            node.send(`n${(index + step * (round + 1)) % GOSSIPERS}`, knows);
          }
        }
      };
    for (let index = 0; index < GOSSIPERS; index += 1) net.node(`n${index}`, program(index));
    await sim.sleep(1_000);
    if (informed === 0) throw new Error('somebody must have heard of it');
  });
  if (events < sent) throw new Error('each message is an event');
}

/** The same without a network: events of the clock that call a handler. */
async function direct(): Promise<void> {
  await run(async (sim) => {
    let handled = 0;
    const { clock } = sim.world;
    const program = async (): Promise<void> => {
      for (let round = 0; round < GOSSIP_ROUNDS; round += 1) {
        await sim.sleep(10);
        for (let step = 0; step < 2; step += 1) clock.timer('message', 1, () => (handled += 1));
      }
    };
    for (let index = 0; index < GOSSIPERS; index += 1) void program();
    await sim.sleep(1_000);
    if (handled !== GOSSIPERS * GOSSIP_ROUNDS * 2) throw new Error('all must be handled');
  });
}

/** A counter on a disk, two clients that add to it, and crashes of all three. */
async function crashes(): Promise<void> {
  for (let seed = 0; seed < EXECUTIONS; seed += 1) {
    await run(async (sim) => {
      const net = createNetwork(sim, { latencyMs: [1, 5], nodes: { faults: { crash: 32, downMsMax: 50 } } });
      interface Counter {
        add(): Promise<number>;
      }
      net.node('counter', async ({ disk }) => {
        const files = await disk.list();
        let count = files.length === 0 ? 0 : Number(await disk.readText('count'));
        return {
          async add(): Promise<number> {
            count += 1;
            await disk.write('count', String(count));
            await disk.sync('count');
            return count;
          },
        };
      });
      const client = async (node: NodeContext): Promise<void> => {
        const counter = node.connect<Counter>('counter', { timeoutMs: 100 });
        for (let left = 10; left > 0; left -= 1) {
          await counter.add().catch(() => undefined);
          await node.sleep(5);
        }
      };
      net.node('a', client);
      net.node('b', client);
      await sim.sleep(2_000);
    }, seed);
  }
}

const RAFT_EXECUTIONS = 300;
const RAFT_GOAL = 1_500;
/** As it is shipped, beside the package that is measured. */
const RAFT = new URL('../../dist/sims/cluster/raft.js', import.meta.url);

async function loadRaft(): Promise<ScenarioDefinition> {
  const { raft } = (await import(RAFT.href)) as { readonly raft: ScenarioDefinition };
  return raft;
}

/** The program without a mistake, with all its faults, at random. */
async function elections(raft: ScenarioDefinition): Promise<void> {
  const executor = createExecutor(raft);
  const { executions, failures } = await explore(executor, createStrategy('random', 'bench'), {
    maxExecutions: RAFT_EXECUTIONS,
  });
  if (executions !== RAFT_EXECUTIONS || failures > 0) throw new Error('Raft must hold');
}

/** Memory, messages and executions of clusters. */
export async function measureNodes(rounds: number): Promise<Figure[]> {
  const idle = [await idleFigure(1_000, rounds), await idleFigure(10_000, Math.min(rounds, 3))];
  // As in an exploration.
  tuneEngine();
  const loaded = await loadRaft();
  const raft = (): Promise<void> => elections(loaded);
  const costs = await interleave({ gossip, direct, crashes, raft }, rounds);
  const cpu = (name: 'gossip' | 'direct' | 'crashes' | 'raft'): number =>
    median(costs[name].map(({ cpuMs }) => cpuMs));
  const messages = GOSSIPERS * GOSSIP_ROUNDS * 2;
  return [
    ...idle,
    {
      name: `${GOSSIPERS} nodes that gossip`,
      value: Math.round((messages * 1_000) / cpu('gossip')),
      unit: 'messages/s',
      goal: GOSSIP_GOAL,
      goalIs: 'least',
      by: 'CPU time',
      peer: `events that call a handler: ${Math.round((messages * 1_000) / cpu('direct'))}/s`,
      note: `${GOSSIP_ROUNDS} rounds of two messages each, with a sleep before each round; making the nodes is part of it`,
      more: { ratio: cpu('direct') / cpu('gossip'), ratioGoal: DIRECT_GOAL },
    },
    {
      name: 'executions with three nodes that crash',
      value: Math.round((EXECUTIONS * 1_000) / cpu('crashes')),
      unit: '/s',
      goal: EXECUTIONS_GOAL,
      goalIs: 'least',
      by: 'CPU time',
      peer: 'none',
      note: 'a counter on a disk and two clients that add to it twenty times, all three may crash at any event',
    },
    {
      name: 'executions of Raft',
      value: Math.round((RAFT_EXECUTIONS * 1_000) / cpu('raft')),
      unit: '/s',
      goal: RAFT_GOAL,
      goalIs: 'least',
      by: 'CPU time',
      peer: 'none',
      note: 'three servers and two clients, all faults on, some 247 events and 474 decisions each, chosen at random',
    },
  ];
}
