// Where the lines are that started the same work twice.
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { placesOfDoubleStart } from '../../../src/explore/explain/double-starts.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { KeptStack } from '../../../src/explore/explain/kept-stack.ts';
import type { ObservedStep } from '../../../src/explore/explain/observed-run.ts';
import { createSimulatedRunner, defineScenario, finalStatus, type Service } from '../../../src/index.ts';
import type { Command } from '../../../src/model/command.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { createRemoteRunner } from '../../../src/remote/remote-runner.ts';
import { createRemoteService } from '../../../src/remote/remote-service.ts';
import { overWire } from '../../../src/remote/rpc.ts';
import { choice } from '../../questions.ts';
import { addAction, commandFor, makeBazelLab } from '../../remote/bazel-lab.ts';

const OK: Command = { argv: ['sleep 10', 'complete 0'] };

async function firstLane(lane: Service, command: Command): Promise<RunStatus> {
  const { runId } = await lane.run(command);
  return (await finalStatus(lane, runId)).status;
}

async function secondLane(lane: Service, command: Command): Promise<RunStatus> {
  const { runId } = await lane.run(command);
  return (await finalStatus(lane, runId)).status;
}

/** The places of a failure in which two lanes start these commands, one after the other or at the same time. */
async function placesOf(first: Command, second: Command, isLater = false): Promise<string[]> {
  const scenario = defineScenario({
    name: 'twice',
    description: 'nothing is started twice',
    async run(sim) {
      const one = createSimulatedRunner(sim.world, { name: 'lane-1' });
      const other = createSimulatedRunner(sim.world, { name: 'lane-2' });
      const begun = firstLane(one, first);
      if (isLater) await begun;
      await Promise.all([begun, secondLane(other, second)]);
      await Promise.all([one.release(), other.release()]);
      sim.check(false, 'it was');
    },
  });
  const { places } = await explain(createExecutor(scenario), []);
  return places.map(({ what, frames: [frame = ''] }) => `${what} in ${frame.split(' ')[0] ?? ''}`);
}

const NOTICED = 'the failure was noticed in Object.run';
const BOTH = [
  'run 0 of lane-1 was started in firstLane',
  'run 0 of lane-2 was started in secondLane',
  NOTICED,
];

test.for<readonly [string, Command, Command, boolean, string[]]>([
  ['at the same time', { ...OK, taskId: 'app' }, { ...OK, taskId: 'app' }, false, BOTH],
  ['after it was complete', { ...OK, taskId: 'app' }, { ...OK, taskId: 'app' }, true, BOTH],
  [
    'again after a failure, which is no mistake',
    { argv: ['fail'], taskId: 'app' },
    { argv: ['fail'], taskId: 'app' },
    true,
    [NOTICED],
  ],
  ['with other tags, which is other work', { ...OK, taskId: 'a' }, { ...OK, taskId: 'b' }, false, [NOTICED]],
  [
    'with another command line, which is other work',
    { ...OK, tag: 'ci' },
    { argv: ['complete 0'], tag: 'ci' },
    false,
    [NOTICED],
  ],
  ['without a name, which may be other work', OK, OK, false, [NOTICED]],
])('%s', async ([, first, second, isLater, places]) => {
  expect(await placesOf(first, second, isLater)).toEqual(places);
});

test('of an action on a cluster, by the lanes and not by the worker', async () => {
  const scenario = defineScenario({
    name: 'twice',
    description: 'an action is started once',
    async run(sim) {
      const { runner: worker, blobs, results } = makeBazelLab(sim.world, { name: 'worker' });
      const server = createRemoteService(sim.world, { runner: worker, content: blobs, cache: results });
      const laneOf = (name: string): Service =>
        createRemoteRunner(sim.world, { name, transport: overWire(server), content: blobs });
      const [one, other] = [laneOf('lane-1'), laneOf('lane-2')];
      const command = commandFor(
        addAction(blobs, ['sleep 10', 'complete 0'], { action: { doNotCache: true } }),
      );
      sim.choose('something else', 2);
      await Promise.all([firstLane(one, command), secondLane(other, command)]);
      const { statuses } = await worker.statusAll();
      await Promise.all([one.release(), other.release()]);
      server.close();
      await worker.release();
      sim.check(statuses.length === 1, `an action was started ${statuses.length} times`);
    },
  });
  const log = [{ question: choice('something else'), n: 2, answer: 1 }];
  const { places } = await explain(createExecutor(scenario), log);
  const started = places.filter(({ what }) => what.endsWith(' was started'));
  expect(started.map(({ what, frames: [frame] }) => `${what} in ${frame?.split(' ')[0] ?? ''}`)).toEqual(
    BOTH.slice(0, 2),
  );
});

test.for<readonly [string, (taskId: string) => boolean, readonly string[]]>([
  ['the places are of what was started again last', () => true, ['firstTests', 'secondTests']],
  ['the places are of what the failure is about', (taskId) => taskId === 'app', ['firstApp', 'secondApp']],
  ['of which it is about none, the last', () => false, ['firstTests', 'secondTests']],
])('of several kinds of work, %s', ([, isAboutTask, expected]) => {
  const starts = [
    ['app', 'firstApp'],
    ['tests', 'firstTests'],
    ['app', 'secondApp'],
    ['tests', 'secondTests'],
  ] as const;
  const steps = starts.map(([taskId, line], at): ObservedStep => {
    const error = new Error('start');
    error.stack = `Error\n    at ${line} (/home/user/user.ts:${at + 1}:2)`;
    const stack = new KeptStack(error);
    const command: Command = { ...OK, taskId };
    return {
      firingId: 0,
      stack,
      done: { type: 'accepted', runner: 'lane', runId: String(at), at, command },
    };
  });
  const isAbout = (event: TraceEvent): boolean =>
    event.type === 'accepted' && isAboutTask(event.command.taskId ?? '');
  const places = placesOfDoubleStart({ steps }, isAbout);
  expect(places.map(({ frames: [frame = ''] }) => frame.split(' ')[0])).toEqual(expected);
});

test('a failure that names its job shows where that job was started twice, not another one', async () => {
  const scenario = defineScenario({
    name: 'named',
    description: 'no job is started twice',
    async run(sim) {
      const one = createSimulatedRunner(sim.world, { name: 'lane-1', capacity: 8 });
      for (const taskId of ['job-a', 'job-b']) await firstLane(one, { ...OK, taskId });
      for (const taskId of ['job-a', 'job-b']) await secondLane(one, { ...OK, taskId });
      await one.release();
      sim.check(false, 'job-a was started 2 times');
    },
  });
  const { places } = await explain(createExecutor(scenario), []);
  expect(places.map(({ what }) => what)).toEqual([
    'run 0 of lane-1 was started',
    'run 2 of lane-1 was started',
    'the failure was noticed',
  ]);
});

test('of thousands of starts, the lines of a hundred are looked up', () => {
  let reads = 0;
  const stackAt = (at: number): KeptStack => {
    const get = (): string => {
      reads += 1;
      return `Error\n    at ${at === 999 ? 'user (/home/user/user.ts:1:2)' : 'node:internal/timers:1:2'}`;
    };
    return new KeptStack(Object.defineProperty(new Error('start'), 'stack', { get }));
  };
  const steps = Array.from({ length: 1_000 }, (_, at): ObservedStep => {
    const command: Command = { ...OK, taskId: 'app' };
    return {
      firingId: 0,
      stack: stackAt(at),
      done: { type: 'accepted', runner: 'lane', runId: String(at), at, command },
    };
  });
  expect(placesOfDoubleStart({ steps }, () => true)).toEqual([]);
  expect(reads).toBe(100);
});
