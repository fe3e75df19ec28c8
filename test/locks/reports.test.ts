import { expect, test } from 'vitest';
import { createNetwork } from '../../src/cluster/network.ts';
import { createNode } from '../../src/simulation/service-node.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { createChannel } from '../../src/locks/channel.ts';
import { createMutex, type Mutex } from '../../src/locks/mutex.ts';
import { noteWait } from '../../src/locks/noted-wait.ts';
import { createSemaphore } from '../../src/locks/semaphore.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Scenario } from '../../src/simulation/simulate-options.ts';
import type { Failure } from '../../src/simulation/verdict.ts';
import { formatEvent } from '../../src/trace/event-text.ts';

async function failureOf(scenario: Scenario): Promise<Failure> {
  const { failure } = await simulate({ scenario, source: fifoDecisions() });
  if (failure === undefined) throw new Error('expected a failure');
  return failure;
}

/** Takes one lock and then the other, and keeps them. */
async function takeBoth(sim: Simulation, owner: string, first: Mutex, second: Mutex): Promise<void> {
  await first.acquire({ owner });
  await sim.sleep(10);
  await second.acquire({ owner });
}

async function twoLocks(sim: Simulation): Promise<void> {
  const jobs = createMutex(sim.world, { name: 'jobs' });
  const results = createMutex(sim.world, { name: 'results' });
  await Promise.all([takeBoth(sim, 'b', results, jobs), takeBoth(sim, 'a', jobs, results)]);
}

const CIRCLE = 'a → mutex results (b) → mutex jobs (a)';
const STANDSTILL = 'Deadlock: nothing is due any more, and there is a circular wait';

test('R211 a deadlock of locks shows the circle, who waits for what, and who holds it since when', async () => {
  const { kind, rule, message, details } = await failureOf(twoLocks);
  expect([kind, rule, message]).toEqual(['deadlock', 'R211', STANDSTILL]);
  expect(details).toEqual([
    `a circular wait: ${CIRCLE}`,
    'b waits for mutex jobs since 10 ms, held by a since 0 ms',
    'a waits for mutex results since 10 ms, held by b since 0 ms',
    'b holds mutex results since 0 ms',
    'a holds mutex jobs since 0 ms',
  ]);
});

test('of a long circle the middle is left out, with how much that is', async () => {
  const ring = async (sim: Simulation, size: number): Promise<void> => {
    const locks = Array.from({ length: size }, (_, n) => createMutex(sim.world, { name: `m${n}` }));
    await Promise.all(locks.map((lock, n) => takeBoth(sim, `o${n}`, lock, locks[(n + 1) % size] ?? lock)));
  };
  const [short, long] = await Promise.all(
    [13, 400].map(async (size) => (await failureOf((sim) => ring(sim, size))).details[0]),
  );
  expect(short?.split(' → ')).toHaveLength(14);
  expect(long?.split(' → ')).toHaveLength(14);
  expect(long).toContain('a circular wait: o0 → mutex m1 (o1) → ');
  expect(long).toContain(' → … (388 more) → ');
  expect(long).toMatch(/ → mutex m0 \(o0\)$/);
});

test('R211 it is explained with the lines at which locks were taken and waits began, each once', async () => {
  const scenario = defineScenario({ name: 'two-locks', description: 'in two orders', run: twoLocks });
  const { sentence, details } = await explain(createExecutor(scenario), []);
  expect(sentence).toBe(
    `two-locks fails at 10 ms: ${STANDSTILL}: ${CIRCLE}, even with every choice at its default.`,
  );
  const placed = details.filter(({ text }) => / waits for | holds /.test(text));
  const rowOf = (frame = ''): string => /takeBoth .*reports\.test\.ts:(\d+)/.exec(frame)?.[1] ?? frame;
  const [waits, takes] = [placed.slice(0, 2), placed.slice(2)].map((lines) =>
    lines.map(({ frames: [frame] }) => Number(rowOf(frame))),
  );
  expect(placed.map(({ text }) => text.split(' since')[0])).toEqual([
    'b waits for mutex jobs',
    'a waits for mutex results',
    'b holds mutex results',
    'a holds mutex jobs',
  ]);
  expect(details.map(({ text }) => text)).not.toContain('the last known steps of the scenario:');
  // The second lock is asked for two lines below the first.
  expect([takes?.[1], waits]).toEqual([takes?.[0], takes?.map((row) => row + 2)]);
});

test('R204 a lock that is held at the end is left over, taken at the line where its owner began to wait', async () => {
  const scenario = defineScenario({
    name: 'forgetful',
    description: 'b keeps what it was handed',
    async run(sim) {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const hold = await jobs.acquire({ owner: 'a' });
      const forgetful = async (): Promise<void> => {
        await jobs.acquire({ owner: 'b' });
      };
      const b = forgetful();
      await sim.sleep(10);
      hold.release();
      await b;
    },
  });
  const { sentence, details, history } = await explain(createExecutor(scenario), []);
  expect(sentence).toContain('The scenario has ended and left 1 resource');
  expect(details[0]?.text).toBe('b holds mutex jobs since 10 ms');
  expect(details[0]?.frames[0]).toContain('forgetful');
  expect(history.map(({ text }) => text)).toContain('b took mutex jobs');
});

test('R211 a stall names the circle too, also where it leads through answers of others', async () => {
  const { kind, message, details } = await failureOf(async (sim) => {
    const beat = (): void => void sim.world.clock.timer('heartbeat', 10, beat);
    beat();
    const jobs = createMutex(sim.world, { name: 'jobs' });
    await jobs.acquire({ owner: 'server' });
    noteWait(sim.world, { owner: 'server', name: 'the answer to revoke(jobs)', from: 'client' });
    noteWait(sim.world, { owner: 'other', name: 'the answer to acquire(jobs)', from: 'server' });
    await jobs.acquire({ owner: 'client' });
  });
  expect([kind, message]).toEqual([
    'stall',
    'Stall: nothing but periodic work fires, and there is a circular wait',
  ]);
  expect(details).toEqual([
    'a circular wait: client → mutex jobs (server) → the answer to revoke(jobs) (client)',
    'server waits for the answer to revoke(jobs) from client since 0 ms',
    'other waits for the answer to acquire(jobs) from server since 0 ms',
    'client waits for mutex jobs since 0 ms, held by server since 0 ms',
    'server holds mutex jobs since 0 ms',
    'repeats: heartbeat, every 10 ms',
  ]);
});

test('R211 waits without a circle are named, also those of channels and of several holders', async () => {
  const { message, details } = await failureOf(async (sim) => {
    const slots = createSemaphore(sim.world, { name: 'slots', permits: 2 });
    const jobs = createChannel<number>(sim.world, { name: 'jobs' });
    await slots.acquire({ owner: 'a' });
    await sim.sleep(5);
    await slots.acquire({ owner: 'b' });
    void jobs.receive({ owner: 'a' });
    await slots.acquire({ owner: 'c', permits: 2 });
  });
  expect(message).toBe(
    'Deadlock: nothing is due any more, and the scenario has not ended. Still held or awaited: 4 resources',
  );
  expect(details).toEqual([
    'a waits for a value from channel jobs since 5 ms',
    'c waits for semaphore slots since 5 ms, held by a since 0 ms and b since 5 ms',
    'a holds semaphore slots since 0 ms',
    'b holds semaphore slots since 5 ms',
  ]);
});

const HINT =
  'several tasks of the scenario are called "scenario": give each its own owner to see which of them wait for each other';

test('who names no owner learns of it also where a property does not come true', async () => {
  const { kind, details } = await failureOf(async (sim) => {
    const [jobs, results] = ['jobs', 'results'].map((name) => createMutex(sim.world, { name }));
    const both = async (first = jobs, second = results): Promise<void> => {
      await first?.acquire();
      await sim.sleep(1);
      await second?.acquire();
    };
    void Promise.all([both(), both(results, jobs)]);
    await sim.eventually('done', () => false, { withinMs: 50 });
  });
  expect(kind).toBe('eventually');
  expect(details).toContain(HINT);
});

test('R211 tasks that share the name of the scenario are not taken for one that waits for itself', async () => {
  const { message, details } = await failureOf(async (sim) => {
    const [jobs, results] = ['jobs', 'results'].map((name) => createMutex(sim.world, { name }));
    const both = async (first = jobs, second = results): Promise<void> => {
      await first?.acquire();
      await sim.sleep(1);
      await second?.acquire();
    };
    await Promise.all([both(), both(results, jobs)]);
  });
  expect(message).not.toContain('circle');
  expect(details[2]).toBe(HINT);
  const own = await failureOf(async (sim) => {
    const jobs = createMutex(sim.world, { name: 'jobs' });
    await jobs.acquire();
    await jobs.acquire();
  });
  expect(own.details[0]).toBe('a circular wait: scenario → mutex jobs (scenario)');
});

test('a noted wait ends once: a second end is not that of another wait of the same name', async () => {
  const { details } = await failureOf(async (sim) => {
    const end = noteWait(sim.world, { owner: 'a', name: 'the vote' });
    noteWait(sim.world, { owner: 'a', name: 'the vote' });
    end();
    end();
    await new Promise(() => {});
  });
  expect(details).toContain('a waits for the vote since 0 ms');
});

test('calls of one node that wait for each other are no circle', async () => {
  const { details } = await failureOf(async (sim) => {
    const net = createNetwork(sim);
    net.node('q', ({ world }) => {
      const mutex = createMutex(world, { name: 'queue' });
      return { work: () => mutex.run(() => new Promise<void>(() => {})) };
    });
    const queue = net.connect<{ work(): Promise<void> }>('q', { timeoutMs: Infinity });
    await Promise.all([queue.work(), queue.work()]);
  });
  expect(details).toContain('q waits for mutex queue since 0 ms, held by q since 0 ms');
  expect(details.join()).not.toContain('circle');
});

test('what has not come true in time is shown with who waits then', async () => {
  const { kind, details } = await failureOf(async (sim) => {
    const jobs = createMutex(sim.world, { name: 'jobs' });
    await jobs.acquire({ owner: 'a' });
    let isDone = false;
    void jobs.run(() => (isDone = true), { owner: 'b' });
    await sim.eventually('b is done', () => isDone, { withinMs: 1_000 });
  });
  expect([kind, details]).toEqual([
    'eventually',
    ['b waits for mutex jobs since 0 ms, held by a since 0 ms'],
  ]);
});

test('locks of a node are named after it and held by it, and die with its process', async () => {
  const { failure, trace } = await simulate({
    keepTrace: true,
    source: fifoDecisions(),
    async scenario(sim) {
      const waits: Promise<unknown>[] = [];
      const node = createNode(sim, {
        name: 'n1',
        start: (world, { index }) => {
          const jobs = createMutex(world, { name: 'jobs' });
          if (index > 0) return createFakeRunner(world);
          waits.push(jobs.acquire(), jobs.acquire({ owner: 'client' }));
          waits.push(jobs.acquire({ owner: 'other', timeoutMs: 2 }).catch(() => undefined));
          return createFakeRunner(world);
        },
      });
      await sim.sleep(5);
      node.restart();
      await node.release();
    },
  });
  expect(failure).toBe(undefined);
  const lines = trace().filter(({ type }) => ['acquired', 'freed', 'abandoned'].includes(type));
  expect(lines.map(formatEvent)).toEqual([
    '0 ms: n1 took mutex jobs',
    '0 ms: client waits for mutex jobs of n1',
    '0 ms: other waits for mutex jobs of n1',
    '2 ms: the wait of other for mutex jobs of n1 ended',
    '5 ms: n1 lost mutex jobs: it crashed',
    '5 ms: client never got mutex jobs of n1: it crashed',
  ]);
});

test('a circle may be longer than the stack is deep', async () => {
  const length = 12_000;
  const { details } = await failureOf(async (sim) => {
    const locks = Array.from({ length }, (_, n) => createMutex(sim.world, { name: `m${n}` }));
    await Promise.all(
      locks.map((lock, n) => takeBoth(sim, `o${n}`, lock, locks[n + 1] ?? (locks[0] as Mutex))),
    );
  });
  expect(details[0]).toContain(`(${length - 12} more)`);
});
