// Code of somebody who has not heard of this package: a lock server and a broker on plain setTimeout, Date.now and Math.random, each with three
// planted mistakes. What a `simTest` does with them, their code being left as it is.
import { describe, expect, test } from 'vitest';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { SimulationFailedError } from '../../src/simulation/simulation-failed-error.ts';
import { runSimulatedTest } from '../../src/vitest/simulated-test.ts';
import { Counter, increment, LockServer, type Lease, type LockMistake } from './stranger/lock-server.ts';
import { Broker, type PubSubMistake } from './stranger/pub-sub.ts';

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function locking(sim: Simulation, mistake?: LockMistake): Promise<void> {
  const server = new LockServer(40, mistake);
  const counter = new Counter(mistake);
  const holds = ({ client, until }: Lease): void =>
    sim.check(
      Date.now() >= until || server.holder === client,
      `${client} holds the lock, and the server says ${server.holder}`,
    );
  await Promise.all(['ann', 'bob', 'eve'].map((client) => increment(server, counter, client, holds)));
  sim.check(counter.value === 3, `three have added one, and it is ${counter.value}`);
}

async function publishing(sim: Simulation, mistake?: PubSubMistake): Promise<void> {
  const broker = new Broker(mistake);
  const handled: string[] = [];
  let isOver = false;
  const end = broker.subscribe('news', async (message) => {
    sim.check(!isOver, `${message} came after the end`);
    handled.push(message);
    await pause(sim.pick('work', [1, 40]));
  });
  for (const message of ['one', 'two', 'three', 'four']) {
    broker.publish('news', message);
    await pause(10);
  }
  if (sim.choose('stay', 2) === 0) await pause(2_000);
  end();
  isOver = true;
  await pause(2_000);
  const twice = handled.find((message, index) => handled.indexOf(message) !== index);
  sim.check(twice === undefined, `${twice} was handled twice`);
}

async function deliveringAll(sim: Simulation, mistake?: PubSubMistake): Promise<void> {
  const broker = new Broker(mistake);
  const handled = new Set<string>();
  const end = broker.subscribe('news', async (message) => {
    handled.add(message);
    await pause(5);
  });
  for (const message of ['one', 'two', 'three', 'four']) {
    broker.publish('news', message);
    await pause(15);
  }
  await sim.eventually('each message is handled', () => handled.size === 4, { withinMs: 60_000 });
  end();
  await pause(1_000);
}

/** What a `simTest` of that name fails with. */
async function failureOf(
  name: string,
  scenario: (sim: Simulation) => Promise<void>,
): Promise<SimulationFailedError> {
  const options = { corpus: false, runs: 500, leftovers: 'ignore' } as const;
  const error: unknown = await runSimulatedTest({
    name,
    scenario,
    options,
    now: () => performance.now(),
  }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SimulationFailedError);
  return error as SimulationFailedError;
}

describe('code of a stranger', () => {
  test.for([
    ['a lock', locking],
    ['a broker', publishing],
    ['a broker that delivers all', deliveringAll],
  ] as const)('%s without a mistake holds', async ([name, scenario]) => {
    const options = { corpus: false, runs: 300 } as const;
    await runSimulatedTest({ name, scenario, options, now: () => performance.now() });
  });

  test.for([
    ['release of a lease that is over', /holds the lock, and the server says/],
    ['timer of a lease that is over', /holds the lock, and the server says/],
    ['no fence', /three have added one, and it is [12]/],
  ] as const)('a lock with a %s is found, made small and explained', async ([mistake, message]) => {
    const error = await failureOf('a lease is held by one client', (sim) => locking(sim, mistake));
    expect(error.verdict.failure?.message).toMatch(message);
    expect(error.message).toMatch(/shrunk in |nothing to shrink/);
    expect(error.message).toContain('What would have held');
    expect(error.message).toContain('test/ambient/stranger/lock-server.ts:');
  });

  test.for([
    ['forgets while busy', /each message is handled/, deliveringAll],
    ['remembers too late', /was handled twice/, publishing],
    ['delivers after the end', /came after the end/, publishing],
  ] as const)('a broker that %s is found, made small and explained', async ([mistake, message, scenario]) => {
    const error = await failureOf('a message is handled once', (sim) => scenario(sim, mistake));
    expect(error.verdict.failure?.message).toMatch(message);
    expect(error.message).toMatch(/shrunk in |nothing to shrink/);
    expect(error.message).toContain('What would have held');
    expect(error.message).toContain('test/ambient/stranger/pub-sub.ts:');
  });
});
