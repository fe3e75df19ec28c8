import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMutex, createNetwork } from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import type { TimelineEvent } from '../../../src/explore/timeline/timeline-lanes.ts';
import { recordTimeline, type Timeline } from '../../../src/explore/timeline/timeline.ts';
import { executorAlone } from '../../../src/threads/run-alone.ts';
import { sleep } from '../../../src/kernel/clock.ts';
import type { DecisionSource } from '../../../src/kernel/decisions.ts';
import { randomDecisions } from '../../../src/kernel/random-decisions.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import type { Service } from '../../../src/model/service.ts';
import type { World } from '../../../src/model/world.ts';
import { createHistory } from '../../../src/oracles/history/history.ts';
import { interceptService } from '../../../src/call/intercept-service.ts';
import type { ServiceCall } from '../../../src/call/service-call.ts';
import type { ServiceReply } from '../../../src/oracles/history/service-reply.ts';
import { watchHistory } from '../../../src/oracles/history/watch-history.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { createNode, type NodeIncarnation } from '../../../src/simulation/service-node.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { doubleStart } from '../../../sims/double-start.ts';
import { lanesOf, namesIn, readTimeline, type TimelineModel } from './timeline-reader.ts';
import { delay, fault } from '../../questions.ts';

/** As it is written. */
function read(timeline: Timeline): TimelineModel {
  return readTimeline(JSON.stringify(timeline));
}

/** Slices that end while another that began later is open, for a reader that adds lengths to beginnings, as speedscope does. */
function badlyNested({ traceEvents }: Timeline): string[] {
  const slices = traceEvents.filter(({ ph }) => ph === 'X');
  const edges = slices.flatMap((slice) => [
    { slice, at: slice.ts, isEnd: false },
    { slice, at: slice.ts + (slice.dur ?? 0), isEnd: true },
  ]);
  const open = new Map<number, unknown[]>();
  return edges
    .sort((a, b) => a.at - b.at)
    .flatMap(({ slice, isEnd }) => {
      const stack = open.get(slice.tid) ?? [];
      open.set(slice.tid, stack);
      if (!isEnd) stack.push(slice);
      else if (stack.pop() !== slice) return [`${slice.name} at ${slice.ts}`];
      return [];
    });
}

async function recorded(seed: number): Promise<{ timeline: Timeline; trace: readonly TraceEvent[] }> {
  const executor = createExecutor(doubleStart);
  const verdict = await executor.execute({ source: randomDecisions(seed), keepTrace: true });
  return { timeline: await recordTimeline(executor, verdict.decisions()), trace: verdict.trace() };
}

const LOST_REPLY = { question: fault('network 1 run job-1'), occurrence: 0, n: 20, answer: 19 };

// Without its line: in a thread that runs one test file after the other, what an earlier one has loaded has no source map any more.
const inRunJob: unknown = expect.stringMatching(/^in runJob \(double-start\.ts:\d+\)$/);

describe('the timeline of an execution', () => {
  test('has a lane per runner, with its runs as slices by state, in virtual time', async () => {
    const model = read(await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]));
    const lanes = [...lanesOf(model).keys()];
    const ofB = ['b', 'b #2', 'b: events'];
    const clients = ['client runJob', 'client runJob #2'];
    expect(lanes).toEqual(['scenario', 'a', 'a: events', ...ofB, ...clients, 'network 1', 'client run']);
    const slices = lanesOf(model)
      .get('b')!
      .filter((event) => event.isComplete());
    const [run, pending, running] = slices;
    expect([run?.name, pending?.name, running?.name]).toEqual([
      'run 0 for job-1: COMPLETE',
      'PENDING',
      'RUNNING',
    ]);
    expect(running?.parent).toBe(run);
    expect(Math.round(running?.duration ?? 0)).toBe(60_000_000);
    expect(run?.args).toEqual({ argv: ['sleep 60000'] });
    // speedscope shows arguments as a part of the name.
    expect(running?.args).toBeUndefined();
  });

  test('marks the fault, its decision and the failure', async () => {
    const model = read(await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]));
    expect(namesIn(model, 'network 1')).toHaveLength(1);
    const [decision, failure] = lanesOf(model)
      .get('scenario')!
      .filter(({ ph }) => (ph as string) === 'i');
    expect(decision).toMatchObject({ cat: ['decision'], start: expect.closeTo(0, 1) });
    expect(decision?.name).toBe('the reply to run job-1 is lost on network 1');
    expect(failure).toMatchObject({ name: 'FAILS: 2 jobs were started 3 times', cat: ['failure'] });
    expect(failure?.start).toBeCloseTo(180_000_000, 0);
  });

  test('shows who called what, from call to return, and the result', async () => {
    const model = read(await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]));
    const [first, second] = ['client runJob', 'client runJob #2'].map((lane) => lanesOf(model).get(lane)!);
    // The network's own calls of the runners are no client's.
    expect(second?.map(({ name }) => name)).toEqual([
      'run job-1 on network 1: RUNNER_INJECTED_FAULT',
      'run job-1 on network 1',
      'query run 1 on network 1',
    ]);
    expect(second?.map(({ args }) => args)).toMatchObject([
      { reply: expect.stringContaining('injected fault') },
      { caller: inRunJob, reply: 'run 1 is PENDING' },
      { caller: inRunJob, reply: 'run 1 is COMPLETE' },
    ]);
    expect(first?.map(({ duration }) => Math.round(duration / 1_000))).toEqual([
      ...[0, 60_000, 0, 60_000, 0, 60_000],
    ]);
    expect(namesIn(model, 'client run')).toEqual(['statusAll on a', 'statusAll on b']);
  });

  test('shows calls as those of the client of a history, of a node, and those that never return', async () => {
    const scenario = defineScenario({
      name: 'clients',
      description: 'two clients, one of which waits for ever',
      options: { leftovers: 'ignore' },
      async run(sim) {
        const start = (world: World): Service => createFakeRunner(world, { name: 'inside' });
        const node = createNode(sim, { name: 'n1', start });
        const history = createHistory<ServiceCall, ServiceReply>(sim.world.clock);
        const alice = watchHistory(node, history, 'alice');
        const { runId } = await alice.run({ argv: ['build'], jobId: 'j' });
        void finalStatus(alice, runId);
        await node.abort('no such run').catch(() => sim.note('refused'));
        await sim.sleep(5);
      },
    });
    const model = read(await recordTimeline(createExecutor(scenario), []));
    expect(namesIn(model, 'client alice')).toEqual(['run j on n1', 'query run 0 on n1: no reply']);
    expect(namesIn(model, 'client run')).toEqual(['abort run no such run on n1: RUNNER_UNKNOWN_RUN']);
    expect([...lanesOf(model).keys()].filter((lane) => lane?.startsWith('client'))).toHaveLength(2);
  });

  test('shows the states of a node, and its faults', async () => {
    const scenario = defineScenario({
      name: 'restarts',
      description: 'a node is restarted, and stopped for a while',
      async run(sim) {
        const start = (world: World, { name }: NodeIncarnation): Service => createFakeRunner(world, { name });
        const node = createNode(sim, { name: 'n1', start });
        await sim.sleep(2);
        node.crash();
        await sim.sleep(3);
        node.restart();
        node.pause();
        await sim.sleep(4);
        await node.release();
      },
    });
    const lane = lanesOf(read(await recordTimeline(createExecutor(scenario), []))).get('node n1')!;
    const slices = lane.filter((event) => event.isComplete());
    expect(slices.map(({ name, duration }) => [name, Math.round(duration / 1_000)])).toEqual([
      ['up (n1/0)', 2],
      ['down', 3],
      ['up (n1/1)', 0],
      ['paused', 4],
      ['up (n1/1)', 0],
    ]);
    expect(lane.filter(({ cat }) => String(cat) === 'fault')).toHaveLength(2);
  });

  // Watching a promise handles its rejection.
  test('shows nodes with their messages, calls from call to answer, disks and locks', async () => {
    const scenario = defineScenario({
      name: 'cluster',
      description: 'a store that crashes, with two clients',
      async run(sim) {
        const net = createNetwork(sim, { latencyMs: 1, faults: { lose: true } });
        const store = net.node('store', ({ disk, world }) => {
          const mutex = createMutex(world, { name: 'file' });
          return {
            put: (value: string) =>
              mutex.run(async (): Promise<number> => {
                await disk.append('log', value);
                await disk.sync('log');
                return value.length;
              }),
          };
        });
        net.node('client', async ({ connect, note }) => {
          note('begins');
          const stub = connect<{ put(value: string): Promise<number> }>('store', { timeoutMs: 5 });
          await stub.put('abc');
          await stub.put('lost').catch(() => undefined);
          await stub.put('late').catch(() => undefined);
        });
        await sim.sleep(9);
        store.crash();
        net.partition('client', 'store');
        await sim.sleep(20);
      },
    });
    const lost: DecisionSource = {
      decide: ({ text }, n, occurrence) =>
        text === 'client to store put fault' && occurrence === 1 ? n - 1 : 0,
    };
    const executor = createExecutor(scenario);
    const { decisions } = await executor.execute({ source: lost });
    const timeline = await recordTimeline(executor, decisions());
    expect(badlyNested(timeline)).toEqual([]);
    const lanes = lanesOf(read(timeline));
    const named = (lane: string): string[] => namesIn(read(timeline), lane);
    expect([...lanes.keys()]).toMatchInlineSnapshot(`
      [
        "scenario",
        "node client",
        "node client: calls",
        "node client: events",
        "node store",
        "node store: events",
        "node store: mutex file",
        "network",
      ]
    `);
    expect(named('node store')).toMatchInlineSnapshot(`
      [
        "up (store/0)",
        "store gets client's call put("abc")",
        "store appends to log (3 bytes)",
        "store syncs log",
        "store answers client's call of put with 3",
        "store gets client's call put("late")",
        "store appends to log (4 bytes)",
        "store syncs log",
        "store answers client's call of put with 4",
        "store crashes",
        "down",
        "the answer 4 of store to client's call of put is lost: the network is partitioned",
        "gone",
      ]
    `);
    expect(named('node client')).toMatchInlineSnapshot(`
      [
        "begins",
        "client calls put("abc") of store",
        "up (client/0)",
        "client gets 3 from store as the answer to its call of put",
        "client calls put("lost") of store",
        "the call put("lost") from client to store is lost",
        "client calls put("late") of store",
        "gone",
      ]
    `);
    const calls = timeline.traceEvents.filter(({ cat }) => cat === 'call' || cat === 'lock');
    const lengths = calls.map(({ name, dur = 0 }) => `${name}, ${Math.round(dur / 1000)} ms`);
    expect(lengths).toMatchInlineSnapshot(`
      [
        "put("abc") of store: 3, 2 ms",
        "held by store, 0 ms",
        "put("lost") of store: no answer, 5 ms",
        "put("late") of store: no answer, 5 ms",
        "held by store, 0 ms",
      ]
    `);
    const { traceEvents } = timeline;
    const arrows = traceEvents.filter(({ cat, name }) => cat === 'cause' && name === 'message');
    const laneIds = traceEvents.filter(({ name }) => name === 'thread_name');
    const laneOf = (tid: number | undefined): unknown =>
      laneIds.find((event) => event.tid === tid)?.args?.['name'];
    const ways = arrows
      .filter(({ ph }) => ph === 's')
      .map((start) => {
        const end = arrows.find(({ ph, id }) => ph === 'f' && id === start.id);
        return [laneOf(start.tid), laneOf(end?.tid), Math.round(((end?.ts ?? 0) - start.ts) / 1000)];
      });
    expect(ways).toMatchInlineSnapshot(`
      [
        [
          "node client",
          "node store",
          1,
        ],
        [
          "node store",
          "node client",
          1,
        ],
        [
          "node client",
          "node store",
          1,
        ],
      ]
    `);
    const faults = traceEvents.filter(({ cat, ph }) => cat === 'fault' && ph === 'i');
    expect(faults.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "the call put("lost") from client to store is lost",
        "store crashes",
        "the network is partitioned: client | store",
      ]
    `);
  });

  test('shows locks of one name on two nodes in a lane each', async () => {
    const scenario = defineScenario({
      name: 'two-locks',
      description: 'a lock of one name on two nodes, and one of the scenario',
      async run(sim) {
        const net = createNetwork(sim);
        const holdFile = (world: World): Promise<void> =>
          createMutex(world, { name: 'file' }).run(() => sleep(world.clock, 5));
        for (const name of ['left', 'right']) net.node(name, ({ world }) => holdFile(world));
        await holdFile(sim.world);
        await sim.sleep(5);
      },
    });
    const timeline = await recordTimeline(createExecutor(scenario), []);
    expect(timeline.otherData).toEqual({ scenario: 'two-locks' });
    const lanes = [...lanesOf(read(timeline)).keys()].filter((name) => name?.includes('mutex'));
    expect(new Set(lanes)).toEqual(
      new Set(['mutex file', 'node left: mutex file', 'node right: mutex file']),
    );
    expect(namesIn(read(timeline), 'node right: mutex file')).toEqual(['held by right']);
  });

  test('shows no calls where watching them would change what happens', async () => {
    const scenario = defineScenario({
      name: 'unhandled',
      description: 'a rejection that nobody handles',
      async run(sim) {
        const runner = createFakeRunner(sim.world);
        void runner.abort('no such run');
        await sim.sleep(1);
        await runner.release();
      },
    });
    const { otherData, traceEvents } = await recordTimeline(executorAlone(createExecutor(scenario)), []);
    expect(otherData['failure']).toMatch(/^unhandled rejection/);
    expect(traceEvents.filter(({ cat }) => cat === 'call')).toEqual([]);
  });

  test('draws an arrow from an event to the one that it scheduled, forward in time', async () => {
    const { traceEvents } = await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]);
    const tails = traceEvents.filter(({ ph }) => ph === 's');
    const heads = new Map(traceEvents.filter(({ ph }) => ph === 'f').map((event) => [event.id, event]));
    expect(tails.length).toBeGreaterThan(5);
    expect(heads.size).toBe(tails.length);
    for (const { id, ts } of tails) expect(heads.get(id)!.ts).toBeGreaterThan(ts);
  });

  test('draws an arrow from the call of a client to each run that it has started', async () => {
    const { traceEvents } = await recordTimeline(createExecutor(doubleStart), [LOST_REPLY]);
    const laneNames = new Map(
      traceEvents.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args?.['name']]),
    );
    const starts = traceEvents.filter(({ name }) => name === 'starts');
    const tails = new Map(starts.filter(({ ph }) => ph === 's').map((event) => [event.id, event]));
    const shown = starts
      .filter(({ ph }) => ph === 'f')
      .map(({ tid, id }) => [laneNames.get(tails.get(id)!.tid), laneNames.get(tid)]);
    // The reply to the first of the two on b was lost.
    expect(shown).toEqual([
      ['client runJob', 'a'],
      ['client runJob #2', 'b'],
      ['client runJob #2', 'b #2'],
      ['client runJob', 'a'],
      ['client runJob', 'b'],
    ]);
  });

  test('among equal concurrent commands, a late one has no arrow, because it could be any of them', async () => {
    const scenario = defineScenario({
      name: 'late',
      description: 'two equal commands through a slow network',
      async run(sim) {
        const runner = createFakeRunner(sim.world, { capacity: 3, script: () => ({ runMs: 1 }) });
        const network = createChaosRunner(sim.world, runner, { maxDelayMs: 10 });
        await Promise.all([network.run({ argv: ['same'] }), network.run({ argv: ['same'] })]);
        await network.run({ argv: ['other'] });
        await network.release();
      },
    });
    const late = [0, 1, 2].map((occurrence) => ({
      question: delay('chaos run'),
      occurrence,
      n: 32,
      answer: 5,
    }));
    const { traceEvents } = await recordTimeline(createExecutor(scenario), late);
    const isRun = ({ cat }: TimelineEvent): boolean => cat === 'run';
    expect(traceEvents.filter(isRun).filter(({ ts }) => ts > 1_000)).toHaveLength(3);
    // By the time of the second the first has returned.
    const arrows = traceEvents.filter(({ name, ph }) => name === 'starts' && ph === 's');
    expect(arrows.map(({ id }) => id)).toEqual(['["fake","1"]', '["fake","2"]']);
  });

  test('for any decisions, slices nest, none is lost and none is longer than the execution', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const { timeline, trace } = await recorded(seed);
        const model = read(timeline);
        const slices = [...lanesOf(model).values()].flat().filter((event) => event.isComplete());
        const states = slices.filter(({ cat }) => String(cat) === 'state');
        for (const state of states) expect(state.parent).toMatchObject({ cat: ['run'] });
        const runs = slices.filter(({ cat }) => String(cat) === 'run');
        expect(runs).toHaveLength(trace.filter(({ type }) => type === 'accepted').length);
        for (const run of runs) expect(run.parent).toBeUndefined();
        expect(badlyNested(timeline)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('shows a run that never ends up to the end, and separates two runners with the same run id', async () => {
    const scenario = defineScenario({
      name: 'two-runners',
      description: 'one run hangs',
      options: { leftovers: 'ignore' },
      async run(sim) {
        const quick = createSimulatedRunner(sim.world, { name: 'quick' });
        const stuck = createFakeRunner(sim.world, { name: 'stuck' });
        await stuck.run({ argv: ['sleep 60000', 'complete 0'] });
        const { runId } = await quick.run({ argv: ['sleep 5', 'complete 0'] });
        await finalStatus(quick, runId);
        sim.note('enough');
      },
    });
    const model = read(await recordTimeline(createExecutor(scenario), []));
    expect(namesIn(model, 'quick')).toContain('run 0: COMPLETE');
    expect(namesIn(model, 'stuck').some((name) => name.startsWith('run 0: still '))).toBe(true);
    expect(namesIn(model, 'scenario')).toContain('enough');
  });

  test('separates runners from lanes of others that have their names', async () => {
    const scenario = defineScenario({
      name: 'odd-names',
      description: 'three runners with two runs each at a time',
      async run(sim) {
        for (const name of ['worker', 'worker #2', 'client run']) {
          const runner = createSimulatedRunner(sim.world, { name, capacity: 2 });
          for (const argv of [['sleep 10', 'complete 0'], ['complete 0']]) await runner.run({ argv });
          await sim.sleep(5);
        }
        await sim.sleep(50);
      },
    });
    const timeline = await recordTimeline(createExecutor(scenario), []);
    expect(badlyNested(timeline)).toEqual([]);
    const lanes = readTimeline(JSON.stringify(timeline)).processes.flatMap(({ threads }) => threads);
    const runs = lanes.flatMap(({ name, events }) =>
      events.filter(({ cat }) => String(cat) === 'run').map(() => name),
    );
    expect(runs.sort()).toEqual([
      'client run #2',
      'client run #3',
      'worker',
      'worker #2',
      'worker #2',
      'worker #2 #2',
    ]);
  });

  test('shows calls whose argument or reply no file could hold', async () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const scenario = defineScenario({
      name: 'wrong-calls',
      description: 'commands that are refused, and an answer that is none',
      async run(sim) {
        const runner = createSimulatedRunner(sim.world, { name: 'worker' });
        for (const argv of [[1n], loop]) await runner.run({ argv } as never).catch(() => undefined);
        const wrong = interceptService(runner, async () => ({ statuses: 7 }) as never);
        await createChaosRunner(sim.world, wrong, { name: 'net' })
          .queryNow({ allRuns: true, states: DONE_MASK })
          .catch(() => undefined);
      },
    });
    const timeline = await recordTimeline(createExecutor(scenario), []);
    expect(timeline.otherData).toEqual({ scenario: 'wrong-calls' });
    expect(namesIn(read(timeline), 'client run')).toHaveLength(3);
  });
});
