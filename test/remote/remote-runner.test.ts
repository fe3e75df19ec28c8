// A remote runner over a server that does what each test says: what it does again, and what it never does twice.
import { describe, expect, test, vi } from 'vitest';
import { statusMessage } from '../../src/cas/action-messages.ts';
import { MESSAGES, type Messages, type OperationMessage, packAny, unpackAny } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createMemoryTree } from '../../src/filers/memory-tree.ts';
import { RPC_CODES } from '../../src/model/action.ts';
import type { Timer } from '../../src/kernel/clock.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { namedTopic } from '../../src/kernel/question.ts';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { Command } from '../../src/model/command.ts';
import type { Cancellable } from '../../src/model/cancellation.ts';
import { type ContentStore, violationsOf } from '../../src/model/content-store.ts';
import { type Digest, digestKey, digestOfSnapshot, snapshotOfDigest } from '../../src/model/digest.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { Output } from '../../src/model/output.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createMemoryOutputs, type MemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createContentFiler } from '../../src/remote/content-filer.ts';
import { REMOTE_METHODS } from '../../src/remote/methods.ts';
import { readOutputs } from '../../src/remote/read-outputs.ts';
import { withRemoteFaults } from '../../src/remote/remote-faults.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
import type {
  RemoteOperation,
  RemoteRetry,
  RemoteRunnerOptions,
} from '../../src/remote/remote-runner-options.ts';
import {
  createRemoteService,
  type RemoteServer,
  type RemoteServiceOptions,
} from '../../src/remote/remote-service.ts';
import { overWire, type RemoteService, RpcError } from '../../src/remote/rpc.ts';
import type { QueueRunner } from '../../src/runners/queue/queue-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { inSimulation } from '../runners/in-simulation.ts';
import { addAction, type BazelLab, commandFor, makeBazelLab } from './bazel-lab.ts';

test('R45 two runners of one name in one world ask for actions of their own, though their runs have the same id', async () => {
  const clock = createVirtualClock();
  const world = { clock, choices: createDecisions(fifoDecisions()), random: createRandomStream(1) };
  const asked: string[] = [];
  const refuse = (): never => {
    throw new RpcError('INVALID_ARGUMENT', 'nothing is done here');
  };
  const transport: RemoteService = {
    async unary(method, request) {
      if (method === REMOTE_METHODS.findMissingBlobs) asked.push(JSON.stringify(request));
      return refuse();
    },
    serverStream(_method, request) {
      asked.push(JSON.stringify(request));
      return refuse();
    },
    clientStream: async () => refuse(),
  };
  const runners = [1, 2].map(() => createRemoteRunner(world, { transport }));
  const runs = await Promise.all(runners.map((runner) => runner.run({ argv: ['true'] })));
  await clock.runUntilIdle();
  expect(runs.map(({ runId }) => runId)).toEqual(['0', '0']);
  expect(asked).toHaveLength(2);
  expect(asked[0]).not.toBe(asked[1]);
});

/** What happens to a call: it fails before it is made, or after that many answers, or its answers end there without an error. */
type Mishap = { readonly fail: RpcError; readonly after?: number } | { readonly endAfter: number };
/** By method and call, counted from 1: `Execute 1`. */
type Mishaps = Readonly<Record<string, Mishap>>;

/** A service with mishaps, which notes all calls. */
function unlucky(
  service: RemoteService,
  mishaps: Mishaps,
  calls: string[],
  timeouts: (number | undefined)[],
): RemoteService {
  const counts = new Map<string, number>();
  const next = (path: string): Mishap | undefined => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    calls.push(name);
    return mishaps[`${name} ${count}`] ?? mishaps[`${name} *`];
  };
  const failBefore = (mishap: Mishap | undefined): void => {
    if (mishap !== undefined && 'fail' in mishap && mishap.after === undefined) throw mishap.fail;
  };
  return {
    async unary(method, request, context) {
      timeouts.push(context.timeoutMs);
      failBefore(next(method.path));
      return service.unary(method, request, context);
    },
    async *serverStream(method, request, context) {
      const mishap = next(method.path);
      failBefore(mishap);
      let given = 0;
      for await (const answer of service.serverStream(method, request, context)) {
        if (mishap !== undefined && 'endAfter' in mishap && given === mishap.endAfter) return;
        if (mishap !== undefined && 'fail' in mishap && given === mishap.after) throw mishap.fail;
        given += 1;
        yield answer;
      }
    },
    async clientStream(method, requests, context) {
      failBefore(next(method.path));
      return service.clientStream(method, requests, context);
    },
  };
}

/** A service whose first executions lose their workers: they end, and were never done. */
function deadly(service: RemoteService, deaths: number): RemoteService {
  let left = deaths;
  return {
    unary: (method, request, context) => service.unary(method, request, context),
    async *serverStream(method, request, context) {
      for await (const answer of service.serverStream(method, request, context)) {
        const { done, name, metadata } = answer as OperationMessage;
        if (!done || left === 0) {
          yield answer;
          continue;
        }
        left -= 1;
        const status = { code: RPC_CODES.UNAVAILABLE, message: 'the worker died' };
        const response = packAny(MESSAGES.ExecuteResponse, { status });
        yield MESSAGES.Operation.decode(
          MESSAGES.Operation.encode({ name, metadata, done: true, response }),
        ) as typeof answer;
        // Nobody has its result.
        return;
      }
    },
    clientStream: (method, requests, context) => service.clientStream(method, requests, context),
  };
}

const DOWN = new RpcError('UNAVAILABLE', 'the network is down');

interface Stage {
  readonly sim: Simulation;
  readonly lab: BazelLab;
  readonly server: RemoteServer;
  readonly runner: QueueRunner;
  readonly outputs: MemoryOutputs;
  readonly calls: readonly string[];
  /** How long each call with one answer may take. */
  readonly timeouts: readonly (number | undefined)[];
  end(command: Command): Promise<RunStatus>;
}

interface StageOptions extends Partial<RemoteRunnerOptions> {
  /** So many executions end with the death of their worker. */
  readonly deaths?: number;
  readonly mishaps?: Mishaps;
  /** How the server stores what was printed before a timeout. */
  readonly storeLog?: BazelLab['storeLog'];
  readonly dropLogs?: RemoteServiceOptions['dropLogs'];
  /** What stands before the server. */
  readonly behind?: (service: RemoteService, sim: Simulation) => RemoteService;
}

async function onStage(
  options: StageOptions,
  scenario: (stage: Stage) => Promise<void>,
): Promise<readonly TraceEvent[]> {
  const { mishaps = {}, deaths = 0, behind = (service) => service, storeLog, dropLogs, ...more } = options;
  const verdict = await inSimulation(async (sim) => {
    const lab = makeBazelLab(sim.world, { name: 'worker' });
    const server = createRemoteService(sim.world, {
      runner: lab.runner,
      content: lab.blobs,
      cache: lab.results,
      storeLog: storeLog ?? lab.storeLog,
      ...(dropLogs === undefined ? {} : { dropLogs }),
    });
    const outputs = createMemoryOutputs();
    const calls: string[] = [];
    const timeouts: (number | undefined)[] = [];
    const transport = unlucky(deadly(behind(overWire(server), sim), deaths), mishaps, calls, timeouts);
    const runner = createRemoteRunner(sim.world, { outputs, ...more, transport });
    const end = async (command: Command): Promise<RunStatus> =>
      (await finalStatus(runner, (await runner.run(command)).runId)).status;
    await scenario({ sim, lab, server, runner, outputs, calls, timeouts, end });
    await runner.release();
    server.close();
    await lab.runner.release();
  });
  return verdict.trace();
}

/** How often the worker has begun a process. */
const startsOf = (trace: readonly TraceEvent[]): number =>
  trace.filter(
    (event) => event.type === 'status' && event.runner === 'worker' && event.status.state === 'RUNNING',
  ).length;
const reasonsOf = (trace: readonly TraceEvent[]): string[] =>
  trace.flatMap((event) =>
    event.type === 'recorded' && event.runner === 'remote'
      ? [`${event.what}${event.isRepeated === true ? ' again' : ''}: ${event.error}`]
      : [],
  );

describe('a remote runner', () => {
  test('R98 R110 brings back exit code, error and what was written', async () => {
    await onStage({}, async ({ end, outputs }) => {
      const status = await end({ argv: ['stdout hello', 'stderr oh', 'complete 3'], jobId: 'j' });
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, error: '', jobId: 'j' });
      expect(outputs.find(status.stdoutRef)?.text()).toBe('hello');
      expect(outputs.find(status.stderrRef)?.text()).toBe('oh');
      expect(outputs.all().every(({ closed }) => closed)).toBe(true);
      expect(await end({ argv: ['signal SIGKILL'] })).toMatchObject({ state: 'COMPLETE', exitCode: -1 });
      expect(await end({ argv: ['fail 7 broken'] })).toMatchObject({
        state: 'FAILED',
        exitCode: 7,
        error: 'error execing: broken',
      });
    });
  });

  test('R66 D36 refuses a command without a program when it is offered', async () => {
    await onStage({}, async ({ runner, calls }) => {
      await expect(runner.run({ argv: [] })).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
      expect(calls).toEqual([]);
    });
  });

  test('gives each call the same time, however late the run begins', async () => {
    await onStage({ callMsMax: 7_000 }, async ({ sim, end, timeouts }) => {
      await sim.sleep(1_000_000);
      await end({ argv: ['complete 0'] });
      expect([...new Set(timeouts)]).toEqual([7_000]);
    });
  });

  test('uploads what the server lacks of a snapshot, and only that, large blobs in pieces', async () => {
    const content = createMemoryContentStore();
    const tree = createMemoryTree();
    tree.writeFile('/src/a', 'A');
    tree.writeFile('/src/large', new Uint8Array(3_000_000).fill(7));
    const snapshotId = await createContentFiler({ content, tree }).ingest('/src');
    await onStage({ content }, async ({ end, lab, calls }) => {
      lab.blobs.add('A');
      expect(await end({ argv: ['complete 0'], snapshotId })).toMatchObject({
        state: 'COMPLETE',
        exitCode: 0,
      });
      expect(calls).toEqual(['FindMissingBlobs', 'Write', 'BatchUpdateBlobs', 'Execute']);
      const before = calls.length;
      await end({ argv: ['complete 0'], snapshotId });
      expect(calls.slice(before)).toEqual(['FindMissingBlobs', 'BatchUpdateBlobs', 'Execute']);
    });
  });

  test('goes on with a large blob where the server has it', async () => {
    const content = createMemoryContentStore();
    const tree = createMemoryTree();
    tree.writeFile('/src/large', new Uint8Array(3_000_000).fill(7));
    const snapshotId = await createContentFiler({ content, tree }).ingest('/src');
    await onStage({ content, mishaps: { 'Write 1': { fail: DOWN } } }, async ({ end, calls }) => {
      expect((await end({ argv: ['complete 0'], snapshotId })).state).toBe('COMPLETE');
      expect(calls.slice(0, 4)).toEqual(['FindMissingBlobs', 'Write', 'QueryWriteStatus', 'Write']);
    });
  });

  test('each run is one of its own, unless results may be shared', async () => {
    const twice = (cache: boolean): Promise<readonly TraceEvent[]> =>
      onStage({ cache }, async ({ end, outputs }) => {
        for (let run = 0; run < 2; run += 1) {
          const status = await end({ argv: ['stdout x', 'complete 0'] });
          expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
          expect(outputs.find(status.stdoutRef)?.text()).toBe('x');
        }
      });
    expect(startsOf(await twice(false))).toBe(2);
    expect(startsOf(await twice(true))).toBe(1);
  });

  test('R186 R194 a command that brings its action along has its result beside the status', async () => {
    const content = createMemoryContentStore();
    const actionDigest = addAction(content, ['write o O', 'complete 0'], { command: { outputPaths: ['o'] } });
    await onStage({ content }, async ({ end }) => {
      const first = await end(commandFor(actionDigest));
      expect(first.actionResult).toMatchObject({
        actionDigest,
        cached: false,
        result: { outputFiles: [{ path: 'o', digest: digestOf('O') }] },
      });
      expect((await end(commandFor(actionDigest))).actionResult).toMatchObject({ cached: true });
    });
  });
});

describe('what goes wrong on the way', () => {
  const slow: Command = { argv: ['sleep 500', 'stdout x', 'complete 0'] };

  test.for<[string, Mishaps, readonly string[]]>([
    ['a watch that breaks', { 'Execute 1': { fail: DOWN, after: 1 } }, ['Execute', 'WaitExecution']],
    ['a watch that ends without a result', { 'Execute 1': { endAfter: 1 } }, ['Execute', 'WaitExecution']],
    [
      'watches that break again',
      { 'Execute 1': { fail: DOWN, after: 1 }, 'WaitExecution 1': { fail: DOWN } },
      ['Execute', 'WaitExecution', 'WaitExecution'],
    ],
  ])('%s is taken up by WaitExecution: nothing starts twice', async ([, mishaps, watches]) => {
    const trace = await onStage({ mishaps }, async ({ end, calls }) => {
      expect(await end(slow)).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
      expect(calls.filter((name) => name.includes('Exec'))).toEqual(watches);
    });
    expect(startsOf(trace)).toBe(1);
    const reason = 'endAfter' in mishaps['Execute 1']! ? 'the watch ended without a result' : DOWN.message;
    expect(reasonsOf(trace)).toEqual(watches.slice(1).map(() => `watch: ${reason}`));
  });

  /** A server before which something ends all streams that have been quiet for so long. */
  const cutting =
    (quietMs: number) =>
    (service: RemoteService, { world: { clock } }: Simulation): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        const answers = service.serverStream(method, request, context)[Symbol.asyncIterator]();
        for (;;) {
          let timer: Timer | undefined;
          const quiet = new Promise<undefined>((resolve) => {
            timer = clock.timer(namedTopic('proxy', 'cuts', 'streams'), quietMs, () => resolve(undefined));
          });
          const next = await Promise.race([answers.next(), quiet]);
          timer?.cancel();
          if (next === undefined) throw DOWN;
          if (next.done === true) return;
          yield next.value;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });

  test('a watch that gets on by nothing, however often it is taken up, is given up after pauses', async () => {
    const trace = await onStage({ retriesMax: 3, behind: cutting(1) }, async ({ end, calls, sim }) => {
      const status = await end({ argv: ['sleep 100000', 'complete 0'] });
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(status.error).toMatch(
        /^the server is unavailable: the network is down; the action may still be under way there as operations\/remote-/,
      );
      expect(calls.filter((name) => name === 'WaitExecution')).toHaveLength(3);
      expect(sim.now()).toBe(1 + (100 + 1) + (200 + 1) + (400 + 1));
    });
    expect(reasonsOf(trace)).toEqual(Array(3).fill('watch: the network is down'));
  });

  test('a watch that is cut whenever it has been quiet for a while goes on as long as the action does', async () => {
    await onStage({ retriesMax: 2, behind: cutting(10_000) }, async ({ end, calls }) => {
      expect(await end({ argv: ['sleep 100000', 'complete 0'] })).toMatchObject({ state: 'COMPLETE' });
      expect(calls.filter((name) => name === 'WaitExecution').length).toBeGreaterThan(5);
    });
  });

  test('a watch in which the server says nothing is given up, however long each takes to fail', async () => {
    const unreachable = (service: RemoteService, sim: Simulation): RemoteService => {
      const cut = cutting(1)(service, sim);
      return {
        ...cut,
        async *serverStream(method, request, context) {
          if (method.path === REMOTE_METHODS.execute.path) yield* cut.serverStream(method, request, context);
          await sim.sleep(10_000);
          throw DOWN;
        },
      };
    };
    const trace = await onStage({ retriesMax: 3, behind: unreachable }, async ({ end, calls, sim }) => {
      expect(await end({ argv: ['sleep 100000', 'complete 0'] })).toMatchObject({
        state: 'FAILED',
        exitCode: 250,
      });
      expect(calls.filter((name) => name === 'WaitExecution')).toHaveLength(3);
      expect(sim.now()).toBe(1 + (100 + 10_000) + (200 + 10_000) + (400 + 10_000));
    });
    expect(reasonsOf(trace)).toEqual(Array(3).fill('watch: the network is down'));
  });

  test('an Execute of which nothing is known is made again, with the reason, and joins what is under way', async () => {
    const trace = await onStage({ mishaps: { 'Execute 1': { fail: DOWN, after: 0 } } }, async ({ end }) => {
      expect((await end(slow)).state).toBe('COMPLETE');
    });
    expect(startsOf(trace)).toBe(1);
    expect(reasonsOf(trace)).toEqual(['action again: the network is down']);
  });

  test('an execution that the server does not know any more is made again, with the reason', async () => {
    const lost = new RpcError('NOT_FOUND', 'no such operation');
    const trace = await onStage(
      { mishaps: { 'Execute 1': { fail: DOWN, after: 1 }, 'WaitExecution 1': { fail: lost } } },
      async ({ end }) => {
        expect((await end(slow)).state).toBe('COMPLETE');
      },
    );
    expect(reasonsOf(trace)).toEqual(['watch: the network is down', 'action again: no such operation']);
  });

  test('each call of a run that is made again is given, with why; an error of who takes it is recorded', async () => {
    const given: RemoteRetry[] = [];
    const trace = await onStage(
      {
        mishaps: { 'FindMissingBlobs 1': { fail: DOWN } },
        onRetry(retry) {
          given.push(retry);
          throw new Error('no room for calls');
        },
      },
      async ({ end, runner }) => {
        expect((await end(slow)).state).toBe('COMPLETE');
        expect(given).toEqual([
          { runId: '0', call: 'FindMissingBlobs(3 blobs)', error: `UNAVAILABLE: ${DOWN.message}` },
        ]);
        await runner.release();
      },
    );
    expect(reasonsOf(trace)).toContain('onRetry: no room for calls');
  });

  test('the name of each operation of a run is given once, and not again by WaitExecution', async () => {
    const lost = new RpcError('NOT_FOUND', 'no such operation');
    const given: RemoteOperation[] = [];
    const trace = await onStage(
      {
        mishaps: {
          'Execute 1': { fail: DOWN, after: 1 },
          'WaitExecution 1': { fail: DOWN, after: 1 },
          'WaitExecution 2': { fail: lost },
        },
        onOperation(operation) {
          given.push(operation);
          if (given.length === 2) throw new Error('no room for names');
        },
      },
      async ({ end, runner, server }) => {
        expect((await end(slow)).state).toBe('COMPLETE');
        const { operations } = await server.unary(
          REMOTE_METHODS.listOperations,
          { name: '', filter: '', pageSize: 0, pageToken: '' },
          { signal: new AbortController().signal },
        );
        expect(given).toEqual(operations.map(({ name }) => ({ runId: '0', name })));
        expect(given).toHaveLength(2);
        await runner.release();
      },
    );
    expect(reasonsOf(trace)).toContain('onOperation: no room for names');
  });

  test('a callback that rejects is recorded', async () => {
    const onOperation = () => Promise.reject(new Error('no room for names'));
    const trace = await onStage({ onOperation }, async ({ end }) => {
      expect((await end(slow)).state).toBe('COMPLETE');
    });
    expect(reasonsOf(trace)).toEqual(['onOperation: no room for names']);
  });

  test('an action whose worker dies is executed again, with the reason, and not for ever', async () => {
    const died = (deaths: number): Promise<readonly TraceEvent[]> =>
      onStage({ retriesMax: 2, deaths }, async ({ end }) => {
        const status = await end(slow);
        if (deaths <= 2) expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
        else expect(status).toMatchObject({ state: 'FAILED', error: 'the worker died' });
      });
    const once = await died(1);
    // It had come to its end, and the cache has its result.
    expect(startsOf(once)).toBe(1);
    expect(reasonsOf(once)).toEqual(['action again: UNAVAILABLE: the worker died']);
    expect(reasonsOf(await died(9))).toHaveLength(2);
  });

  test('an operation that the server ends with the error UNAVAILABLE is over: it is executed again, and then has failed', async () => {
    const failing = (service: RemoteService): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        for await (const answer of service.serverStream(method, request, context)) {
          const { done, name, metadata } = answer as OperationMessage;
          const error = { code: RPC_CODES.UNAVAILABLE, message: 'the worker died' };
          const failed = MESSAGES.Operation.encode({ name, metadata, done: true, error });
          yield done ? (MESSAGES.Operation.decode(failed) as typeof answer) : answer;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });
    const trace = await onStage({ retriesMax: 2, behind: failing }, async ({ end, calls }) => {
      const status = await end(slow);
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 250, error: 'the worker died' });
      expect(calls.filter((call) => call === 'Execute')).toHaveLength(3);
      expect(calls).not.toContain('WaitExecution');
    });
    expect(reasonsOf(trace)).toEqual(Array(2).fill('action again: the worker died'));
  });

  test('blobs that an operation lacks whose server ends it with an error are uploaded again', async () => {
    let left = 1;
    const lacking = (service: RemoteService): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        for await (const answer of service.serverStream(method, request, context)) {
          const { done, name, metadata } = answer as OperationMessage;
          const violations = violationsOf([digestOf('')]);
          const details = [packAny(MESSAGES.PreconditionFailure, { violations })];
          const error = { code: RPC_CODES.FAILED_PRECONDITION, message: 'blobs are missing', details };
          const failed = MESSAGES.Operation.encode({ name, metadata, done: true, error });
          yield done && left-- > 0 ? (MESSAGES.Operation.decode(failed) as typeof answer) : answer;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });
    const trace = await onStage({ retriesMax: 2, behind: lacking }, async ({ end, calls }) => {
      expect(await end(slow)).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
      const asked = calls.filter((call) => call === 'FindMissingBlobs' || call === 'Execute');
      expect(asked).toEqual(['FindMissingBlobs', 'Execute', 'FindMissingBlobs', 'Execute']);
    });
    expect(reasonsOf(trace)).toEqual(['action again: blobs are missing']);
  });

  test('an action whose logs cannot be created here is cancelled, and the run has failed', async () => {
    const outputs = { create: () => Promise.reject(new Error('the disk is full')) };
    await onStage({ outputs }, async ({ end, calls, sim, lab }) => {
      expect(await end(slow)).toMatchObject({
        state: 'FAILED',
        exitCode: 250,
        error: 'the logs of the run could not be created here: the disk is full',
      });
      expect(calls.filter((call) => call === 'CancelOperation')).toHaveLength(1);
      await sim.sleep(100);
      expect((await lab.runner.statusAll()).statuses.map(({ state }) => state)).toEqual(['ABORTED']);
    });
  });

  test('a log that was created here is closed, also if the other one cannot be', async () => {
    const outputs = createMemoryOutputs({
      faults: (id) => (id.endsWith('stderr') ? [{ kind: 'create' }] : undefined),
    });
    await onStage({ outputs }, async ({ end }) => {
      expect(await end(slow)).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(outputs.all().map(({ closed }) => closed)).toEqual([true]);
    });
  });

  test('a log that is created only when the run is over is closed', async () => {
    const inner = createMemoryOutputs();
    const outputs = { create: (id: string) => inner.create(id) as MaybePromise<Output> };
    await onStage({ outputs, cancelBoundMs: 1_000 }, async ({ sim, runner }) => {
      outputs.create = async (id) => {
        await sim.sleep(50_000);
        return inner.create(id);
      };
      const { runId } = await runner.run(slow);
      await sim.sleep(1_000);
      await runner.abort(runId);
      expect((await finalStatus(runner, runId)).status.state).toBe('ABORTED');
      await sim.sleep(100_000);
      expect(inner.all().map(({ closed }) => closed)).toEqual([true, true]);
    });
  });

  test('streams that end well and say nothing are failures: there is an end to executing again', async () => {
    const trace = await onStage(
      { retriesMax: 2, mishaps: { 'Execute *': { endAfter: 0 } } },
      async ({ end, calls }) => {
        const status = await end(slow);
        expect(status).toMatchObject({ state: 'FAILED', exitCode: 250 });
        expect(status.error).toBe(
          'the server is unavailable: the watch ended without a result; whether it has started the action is not known',
        );
        expect(calls.filter((call) => call === 'Execute')).toHaveLength(3);
      },
    );
    expect(reasonsOf(trace)).toEqual(Array(2).fill('action again: the watch ended without a result'));
  });

  test('an action that lacks blobs is over, also if they cannot be uploaded again', async () => {
    const violations = violationsOf([digestOf('')]);
    const lacking = new RpcError('FAILED_PRECONDITION', 'blobs are missing', { violations });
    const isDown = (n: number): [string, Mishap] => [`FindMissingBlobs ${n}`, { fail: DOWN }];
    const mishaps = { 'Execute 1': { fail: lacking, after: 1 }, ...Object.fromEntries([2, 3].map(isDown)) };
    await onStage({ retriesMax: 1, mishaps }, async ({ end }) => {
      expect(await end(slow)).toMatchObject({
        state: 'FAILED',
        exitCode: 240,
        error: 'could not exec: the server is unavailable: the network is down; the action was not started',
      });
    });
  });

  test.for(['FindMissingBlobs', 'BatchUpdateBlobs', 'Read'])(
    'a call of %s that the server cuts off is made again',
    async (name) => {
      const fail = new RpcError('CANCELLED', 'the server goes down');
      const trace = await onStage({ mishaps: { [`${name} 1`]: { fail } } }, async ({ end, outputs }) => {
        const status = await end({ argv: ['stdout x', 'complete 0'] });
        expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
        expect(outputs.find(status.stdoutRef)?.text()).toBe('x');
      });
      expect(reasonsOf(trace)).toEqual([]);
    },
  );

  test('a large input is uploaded in parts, as long as it gets on', async () => {
    const content = createMemoryContentStore();
    const large = 'x'.repeat(5_000_000);
    const actionDigest = addAction(content, ['complete 0'], { inputs: { large } });
    const read = content.read.bind(content);
    content.read = (digest, range) => {
      if (digest.sizeBytes > 2_000_000) throw new Error('read as a whole');
      return read(digest, range);
    };
    content.readStream = async function* (digest, { offset = 0 } = {}) {
      yield* [read(digest, { offset })];
    };
    // Each call gets so far and no farther.
    const stopping = (service: RemoteService): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      serverStream: (method, request, context) => service.serverStream(method, request, context),
      async clientStream(method, requests, context) {
        let left = 4;
        const some = (async function* () {
          for await (const request of requests) {
            if (left === 0) throw DOWN;
            left -= 1;
            yield request;
          }
        })();
        return service.clientStream(method, some, context);
      },
    });
    await onStage({ content, retriesMax: 1, behind: stopping }, async ({ lab, runner }) => {
      const { status } = await finalStatus(runner, (await runner.run(commandFor(actionDigest))).runId);
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, error: '' });
      expect(lab.blobs.findMissing([digestOf(large)])).toEqual([]);
    });
  });

  /** A server whose writes all break off, until it has been asked so often how far one is. */
  const breaking =
    (answers: number, committedSize: (asked: number) => number) =>
    (service: RemoteService): RemoteService => {
      let asked = 0;
      return {
        async unary(method, request, context) {
          if (method.path !== REMOTE_METHODS.queryWriteStatus.path) {
            return service.unary(method, request, context);
          }
          asked += 1;
          return { committedSize: committedSize(asked), complete: false } as Awaited<
            ReturnType<typeof service.unary<unknown, never>>
          >;
        },
        serverStream: (method, request, context) => service.serverStream(method, request, context),
        async clientStream(method, requests, context) {
          if (asked < answers) throw DOWN;
          return service.clientStream(method, requests, context);
        },
      };
    };

  test('an upload that gets on by less than a piece in all tries is given up', async () => {
    const content = createMemoryContentStore();
    const inputs = { large: 'x'.repeat(3_000_000) };
    const actionDigest = addAction(content, ['complete 0'], { inputs });
    const behind = breaking(40, (asked) => asked);
    await onStage({ content, retriesMax: 3, behind }, async ({ end, calls }) => {
      const status = await end(commandFor(actionDigest));
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 240 });
      expect(status.error).toContain('the network is down; the action was not started');
      expect(calls.filter((name) => name === 'Write')).toHaveLength(4);
    });
  });

  test.for([-1, 3_000_001])('an upload of which a server says that it has %i B begins anew', async (size) => {
    const content = createMemoryContentStore();
    const large = 'x'.repeat(3_000_000);
    const actionDigest = addAction(content, ['complete 0'], { inputs: { large } });
    await onStage({ content, behind: breaking(1, () => size) }, async ({ lab, end }) => {
      expect(await end(commandFor(actionDigest))).toMatchObject({ state: 'COMPLETE', error: '' });
      expect(lab.blobs.findMissing([digestOf(large)])).toEqual([]);
    });
  });

  test.for(['NOT_FOUND', 'UNIMPLEMENTED'] as const)(
    'an upload of which a server knows nothing (%s) begins anew',
    async (code) => {
      const content = createMemoryContentStore();
      const large = 'x'.repeat(3_000_000);
      const actionDigest = addAction(content, ['complete 0'], { inputs: { large } });
      const mishaps = {
        'Write 1': { fail: DOWN },
        'QueryWriteStatus 1': { fail: new RpcError(code, 'no such upload') },
      };
      await onStage({ content, mishaps }, async ({ lab, runner }) => {
        const { status } = await finalStatus(runner, (await runner.run(commandFor(actionDigest))).runId);
        expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, error: '' });
        expect(lab.blobs.findMissing([digestOf(large)])).toEqual([]);
      });
    },
  );

  /** A server that gives other answers to a method, so often. */
  const answering =
    <A>(path: string, times: number, change: (answer: A) => A, does = true) =>
    (service: RemoteService): RemoteService => {
      let left = times;
      return {
        async unary(method, request, context) {
          if (method.path !== path || left === 0) return service.unary(method, request, context);
          left -= 1;
          const decoded = does
            ? await service.unary(method, request, context)
            : method.response.decode(new Uint8Array());
          return change(decoded as unknown as A) as unknown as typeof decoded;
        },
        serverStream: (method, request, context) => service.serverStream(method, request, context),
        clientStream: (method, requests, context) => service.clientStream(method, requests, context),
      };
    };
  const { batchUpdateBlobs, findMissingBlobs } = REMOTE_METHODS;
  type Update = Messages['BatchUpdateBlobsResponse'];
  const refusing =
    (code: number) =>
    ({ responses }: Update): Update => {
      const status = { code, message: 'no room', details: [] };
      return { responses: responses.map((response) => ({ ...response, status })) };
    };

  const repeating = (): ((answer: Update) => Update) => {
    let first: Update['responses'][number] | undefined;
    return ({ responses }) => ({ responses: responses.map((response) => (first ??= response)) });
  };

  test.for<readonly [string, (answer: Update) => Update]>([
    ['says nothing', () => ({ responses: [] })],
    ['leaves a blob out', ({ responses }) => ({ responses: responses.slice(1) })],
    ['repeats a blob', repeating()],
    ['names no blob', ({ responses }) => ({ responses: responses.map((r) => ({ ...r, digest: null })) })],
    ['refuses a blob for now', refusing(RPC_CODES.RESOURCE_EXHAUSTED)],
  ])(
    'a server that %s in its answer to an upload is sent that again, and then has failed',
    async ([, change]) => {
      const updates = (calls: readonly string[]): number =>
        calls.filter((name) => name === 'BatchUpdateBlobs').length;
      const passing = answering(batchUpdateBlobs.path, 2, change);
      const trace = await onStage({ retriesMax: 2, behind: passing }, async ({ end, calls }) => {
        expect(await end({ argv: ['complete 0'] })).toMatchObject({ state: 'COMPLETE', error: '' });
        expect(updates(calls)).toBe(3);
      });
      expect(reasonsOf(trace)).toEqual([]);
      const lasting = answering(batchUpdateBlobs.path, 3, change);
      await onStage({ retriesMax: 2, behind: lasting }, async ({ end, calls }) => {
        const { state, error } = await end({ argv: ['complete 0'] });
        expect([state, updates(calls), calls.includes('Execute')]).toEqual(['FAILED', 3, false]);
        expect(error).toMatch(
          /^could not exec: .*(the server did not say whether it has taken blob \w{64}\/\d+|blob \w{64}\/\d+ was not taken: no room)/,
        );
      });
    },
  );

  test('a server that refuses a blob for good is not sent it again', async () => {
    const behind = answering(batchUpdateBlobs.path, 1, refusing(RPC_CODES.PERMISSION_DENIED));
    await onStage({ behind }, async ({ end, calls }) => {
      const { state, error } = await end({ argv: ['complete 0'] });
      expect(error).toMatch(/^could not exec: blob \w{64}\/\d+ was not taken: no room$/);
      expect([state, calls]).toEqual(['FAILED', ['FindMissingBlobs', 'BatchUpdateBlobs']]);
    });
  });

  type Missing = Messages['FindMissingBlobsResponse'];
  test('a server that lacks blobs of which it was not asked gets none of them', async () => {
    const content = createMemoryContentStore();
    const missingBlobDigests = [content.add('of somebody else')];
    const behind = answering<Missing>(findMissingBlobs.path, 1, () => ({ missingBlobDigests }), false);
    await onStage({ content, behind }, async ({ end, calls }) => {
      const { state, error } = await end({ argv: ['complete 0'] });
      expect(error).toMatch(
        /^could not exec: the server says that blob \w{64}\/16 is missing, but was not asked about it$/,
      );
      expect([state, calls]).toEqual(['FAILED', ['FindMissingBlobs']]);
    });
  });

  test('a server that says twice that a blob is missing gets it once', async () => {
    const content = createMemoryContentStore();
    const large = 'x'.repeat(3_000_000);
    const actionDigest = addAction(content, ['complete 0'], { inputs: { large } });
    const behind = answering<Missing>(findMissingBlobs.path, 1, ({ missingBlobDigests: missing }) => ({
      missingBlobDigests: [...missing, ...missing],
    }));
    await onStage({ content, behind }, async ({ end, calls }) => {
      expect(await end(commandFor(actionDigest))).toMatchObject({ state: 'COMPLETE', error: '' });
      expect(calls.filter((name) => name === 'Write')).toHaveLength(1);
    });
  });

  const LACKS = new RpcError('FAILED_PRECONDITION', 'blobs are missing', {
    violations: violationsOf([digestOf('input')]),
  });

  test.for([
    ['before its action was sent', 0, {}, 240, 'could not exec: the store failed'],
    [
      'when it may have started',
      1,
      { deaths: 1, mishaps: { 'Execute 2': { fail: LACKS } } },
      250,
      expect.stringMatching(/^the server failed: the store failed; it had accepted the action as operations/),
    ],
  ] as const)(
    'R98 an exit code that comes from a content store here is not that of a run which fails %s',
    async ([, reads, mishaps, exitCode, error]) => {
      const content = createMemoryContentStore();
      const digest = content.add('input');
      const root = content.add(MESSAGES.Directory.encode({ files: [{ name: 'a', digest }] }));
      const { read } = content;
      let left: number = reads;
      content.read = (which, range) => {
        if (digestKey(which) === digestKey(digest)) left -= 1;
        if (left < 0) throw Object.assign(new Error('the store failed'), { exitCode: 1 });
        return read.call(content, which, range);
      };
      /** Says that it lacks all that it is asked for. */
      const behind: StageOptions['behind'] = (service) => ({
        ...service,
        unary: (method, request, context) =>
          method.path.endsWith('FindMissingBlobs')
            ? Promise.resolve({
                missingBlobDigests: (request as Messages['FindMissingBlobsRequest']).blobDigests,
              } as never)
            : service.unary(method, request, context),
      });
      await onStage({ ...mishaps, content, behind }, async ({ end }) => {
        const status = await end({ argv: ['complete 0'], snapshotId: snapshotOfDigest(root) });
        expect(status).toMatchObject({ state: 'FAILED', exitCode, error });
      });
    },
  );

  test.for([
    ['was prepared in no attempt', 3, 210, 'no room for it'],
    [
      'was prepared in one attempt',
      1,
      250,
      'an earlier attempt may have started the action; the last one failed: no room for it',
    ],
  ] as const)('R98 an action that %s has the code for that', async ([, unstarted, exitCode, error]) => {
    let executes = 0;
    const behind: StageOptions['behind'] = (service) => ({
      ...service,
      async *serverStream(method, request, context) {
        if (method.path !== REMOTE_METHODS.execute.path) {
          yield* service.serverStream(method, request, context);
          return;
        }
        executes += 1;
        const result = executes > 3 - unstarted ? { exitCode: 210 } : null;
        const status = { code: RPC_CODES.UNAVAILABLE, message: 'no room for it', details: [] };
        const response = packAny(MESSAGES.ExecuteResponse, { result, status });
        yield method.response.decode(
          MESSAGES.Operation.encode({ name: `operations/${executes}`, done: true, response }),
        );
      },
    });
    await onStage({ behind, retriesMax: 2 }, async ({ end }) => {
      expect(await end({ argv: ['complete 0'] })).toMatchObject({ state: 'FAILED', exitCode, error });
      expect(executes).toBe(3);
    });
  });

  test('inputs that were evicted before the execution are uploaded again', async () => {
    const content = createMemoryContentStore();
    const actionDigest = addAction(content, ['complete 0'], { inputs: { i: 'input' } });
    const trace = await onStage({ content }, async ({ lab, runner, sim }) => {
      const stop = evictWhenThere(sim, lab.blobs, digestOf('input'));
      const { status } = await finalStatus(runner, (await runner.run(commandFor(actionDigest))).runId);
      stop();
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
    });
    expect(reasonsOf(trace)).toEqual([expect.stringContaining('action again: the action names blobs')]);
  });

  test('a snapshot that is an action, without an executeRequest, says which blob it is and what is missing', async () => {
    const content = createMemoryContentStore();
    const snapshotId = snapshotOfDigest(addAction(content, ['complete 0']));
    await onStage({ content }, async ({ end, calls }) => {
      const { state, exitCode, error } = await end({ argv: ['complete 0'], snapshotId });
      expect([state, exitCode]).toEqual(['FAILED', 240]);
      const blob = digestKey(digestOfSnapshot(snapshotId) as Digest);
      const expected = 'command.snapshotId: expected the root of a tree, or an executeRequest beside it';
      expect(error).toContain(
        `could not exec: ${expected} if it is an action; blob ${blob} is no directory: `,
      );
      expect(calls).toEqual([]);
    });
  });

  test.for<readonly [what: string, bytes: Uint8Array, why: RegExp]>([
    ['is no message', new TextEncoder().encode('no action'), /expected a message/],
    [
      'has a malformed digest',
      MESSAGES.Action.encode({ commandDigest: { hash: 'x', sizeBytes: 3 } }),
      /hash/,
    ],
  ])('a blob that is given as an action and %s is named', async ([, bytes, why]) => {
    const content = createMemoryContentStore();
    const digest = content.add(bytes);
    await onStage({ content }, async ({ end, calls }) => {
      const { exitCode, error } = await end(commandFor(digest));
      expect(exitCode).toBe(240);
      expect(error).toMatch(new RegExp(`^could not exec: blob ${digestKey(digest)} is no action: `));
      expect(error).toMatch(why);
      expect(calls).toEqual([]);
    });
  });

  test('an action that is too large for one is refused before it is read', async () => {
    const content = createMemoryContentStore();
    const digest = content.add(new Uint8Array(17 * 1024 ** 2));
    const read = vi.spyOn(content, 'read');
    await onStage({ content }, async ({ end }) => {
      const { error } = await end(commandFor(digest));
      expect(error).toMatch(
        new RegExp(`^could not exec: blob ${digestKey(digest)} is no action: .* at most`),
      );
      expect(read).not.toHaveBeenCalled();
    });
  });

  test('a blob in the place of a directory of a tree is named', async () => {
    const content = createMemoryContentStore();
    const digest = content.add('no directory');
    const root = content.add(MESSAGES.Directory.encode({ directories: [{ name: 'd', digest }] }));
    await onStage({ content }, async ({ end }) => {
      const { error } = await end({ argv: ['complete 0'], snapshotId: snapshotOfDigest(root) });
      expect(error).toMatch(new RegExp(`^could not exec: blob ${digestKey(digest)} is no directory: `));
    });
  });

  test.for(['no action', 'no command', 'no file'])(
    'R98 %s here or on the server fails the run at once',
    async (lost) => {
      const content = createMemoryContentStore();
      const actionDigest = addAction(content, ['complete 0'], { inputs: { i: 'input' } });
      const { commandDigest } = MESSAGES.Action.decode(content.read(actionDigest));
      const gone = { 'no action': actionDigest, 'no command': commandDigest, 'no file': digestOf('input') }[
        lost
      ];
      if (!gone || !content.evict(gone)) throw new Error('expected it to be there');
      await onStage({ content }, async ({ end, calls, sim }) => {
        expect(await end(commandFor(actionDigest))).toMatchObject({
          state: 'FAILED',
          exitCode: 240,
          error: `could not exec: the action ${lost === 'no action' ? 'itself is' : 'names blobs that are'} not there: ${digestKey(gone)}; content lacks it too`,
          actionResult: {
            grpcStatus: { code: RPC_CODES.FAILED_PRECONDITION, violations: violationsOf([gone]) },
          },
        });
        expect([calls.filter((call) => call === 'Execute').length, sim.now()]).toEqual([1, 0]);
      });
    },
  );

  test('R98 a result of an action that lacks blobs which are nowhere is final, and names them', async () => {
    const lost = [digestOf('gone'), digestOf('lost')];
    const status = statusMessage({
      code: RPC_CODES.FAILED_PRECONDITION,
      message: 'blobs are missing',
      violations: violationsOf([digestOf(''), ...lost]),
    });
    const behind = (service: RemoteService): RemoteService => ({
      ...service,
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        for await (const answer of service.serverStream(method, request, context)) {
          const { name, metadata, done } = answer as OperationMessage;
          const response = packAny(MESSAGES.ExecuteResponse, { status });
          yield done ? ({ name, metadata, done, response } as typeof answer) : answer;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });
    await onStage({ behind }, async ({ end, calls }) => {
      const names = `2 of them, such as ${digestKey(digestOf('gone'))},`;
      expect(await end(slow)).toMatchObject({
        state: 'FAILED',
        error: `blobs are missing; content lacks ${names} too`,
      });
      expect(calls.filter((call) => call === 'Execute')).toHaveLength(1);
    });
  });

  test('R98 a server that cannot be reached fails the run after all attempts, and the runner goes on', async () => {
    await onStage(
      {
        retriesMax: 2,
        mishaps: Object.fromEntries([1, 2, 3].map((n) => [`FindMissingBlobs ${n}`, { fail: DOWN }])),
      },
      async ({ end, sim }) => {
        expect(await end({ argv: ['complete 0'] })).toMatchObject({
          state: 'FAILED',
          exitCode: 240,
          error: 'could not exec: the server is unavailable: the network is down; the action was not started',
        });
        expect(sim.now()).toBe(300);
        expect((await end({ argv: ['complete 0'] })).state).toBe('COMPLETE');
      },
    );
  });

  test.for<readonly [string, Mishaps, number, RegExp]>([
    [
      'that answers no Execute may have begun it',
      { 'Execute *': { fail: DOWN } },
      250,
      /^the server is unavailable: the network is down; whether it has started the action is not known$/,
    ],
    [
      'that refuses an Execute has not begun it',
      { 'Execute *': { fail: new RpcError('PERMISSION_DENIED', 'not you') } },
      240,
      /^could not exec: not you$/,
    ],
    [
      'that refuses an Execute may have begun the one before',
      {
        'Execute 1': { fail: DOWN, after: 0 },
        'Execute *': { fail: new RpcError('PERMISSION_DENIED', 'not you') },
      },
      250,
      /^the server failed: not you; whether it has started the action is not known$/,
    ],
    [
      'that fails an Execute in itself may have begun it',
      { 'Execute *': { fail: new RpcError('INTERNAL', 'a bug') } },
      250,
      /^the server failed: a bug; whether it has started the action is not known$/,
    ],
    [
      'that has forgotten an execution has begun it',
      {
        'Execute 1': { fail: DOWN, after: 2 },
        'WaitExecution 1': { fail: new RpcError('NOT_FOUND', 'no such operation') },
        'Execute *': { fail: new RpcError('PERMISSION_DENIED', 'not you') },
      },
      250,
      /^the server failed: not you; it had accepted the action as operations\/remote-.*, and has given no result$/,
    ],
    [
      'that does not say any more how the action goes may go on with it',
      {
        'Execute 1': { fail: DOWN, after: 2 },
        'WaitExecution *': { fail: new RpcError('PERMISSION_DENIED', 'not you') },
      },
      250,
      /^the server failed: not you; the action may still be under way there as operations\/remote-/,
    ],
    [
      'that is lost meanwhile may go on with it',
      { 'Execute 1': { fail: DOWN, after: 1 }, 'WaitExecution *': { fail: DOWN } },
      250,
      /^the server is unavailable: the network is down; the action may still be under way there as operations\/remote-/,
    ],
  ])('R98 a server %s', async ([, mishaps, exitCode, error]) => {
    await onStage({ retriesMax: 2, mishaps }, async ({ end }) => {
      const ended = await end({ argv: ['sleep 100000', 'complete 0'] });
      expect(ended).toMatchObject({ state: 'FAILED', exitCode });
      expect(ended.error).toMatch(error);
    });
  });

  test('an operation without a name is not asked for, and no text names it', async () => {
    const nameless = ({ unary, serverStream, clientStream }: RemoteService): RemoteService => ({
      unary,
      clientStream,
      async *serverStream(method, request, context) {
        for await (const answer of serverStream(method, request, context)) {
          yield { ...answer, name: '' };
        }
      },
    });
    const named: string[] = [];
    const mishaps = { 'Execute *': { fail: DOWN, after: 1 } };
    const onOperation = ({ name }: RemoteOperation): void => void named.push(name);
    await onStage({ retriesMax: 1, mishaps, behind: nameless, onOperation }, async ({ end, calls }) => {
      const ended = await end(slow);
      expect(ended).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(ended.error).toMatch(
        /^the server is unavailable: the network is down; whether it has started the action again is not known$/,
      );
      expect(calls).not.toContain('WaitExecution');
      expect(named).toEqual([]);
    });
  });

  /** A server that says something else at the end. */
  const endingAs =
    (end: Partial<OperationMessage>) =>
    (service: RemoteService): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        for await (const answer of service.serverStream(method, request, context)) {
          const { done, name, metadata } = answer as OperationMessage;
          const ended = MESSAGES.Operation.encode({ name, metadata, done: true, ...end });
          yield done ? (MESSAGES.Operation.decode(ended) as typeof answer) : answer;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });
  const digest = digestOf('x');
  const escaping = {
    result: { exitCode: 0, outputFiles: [{ path: '../x', digest }] },
  };

  test.for<readonly [string, Partial<OperationMessage>, RegExp]>([
    [
      'a result that names a path outside',
      { response: packAny(MESSAGES.ExecuteResponse, escaping) },
      /^the action has ended, but its result cannot be used: .*\.\.\/x/,
    ],
    [
      'a log that is another one in its store',
      {
        response: packAny(MESSAGES.ExecuteResponse, {
          result: { exitCode: 0, stdoutRaw: new TextEncoder().encode('A'), stdoutDigest: digest },
        }),
      },
      /^the action has ended, but its result cannot be used: stdout_raw: expected the bytes that stdout_digest names, got others$/,
    ],
    [
      'an error that is none',
      { error: { code: RPC_CODES.OK, message: '', details: [] } },
      /^the action has ended, but its result cannot be used: the server gave a result that is none$/,
    ],
    [
      'an error of its operation without words',
      { error: { code: RPC_CODES.INTERNAL, message: '', details: [] } },
      /^the server ended the operation as INTERNAL$/,
    ],
    [
      'a result that is none',
      {},
      /^the action has ended, but its result cannot be used: the server gave a result that is none$/,
    ],
    [
      'no result, and says that all is well',
      { response: packAny(MESSAGES.ExecuteResponse, {}) },
      /^the server gave no result$/,
    ],
    [
      'a failure with the exit code -1',
      {
        response: packAny(MESSAGES.ExecuteResponse, {
          status: { code: RPC_CODES.DEADLINE_EXCEEDED, message: '' },
          result: { exitCode: -1 },
        }),
      },
      /^the server answered DEADLINE_EXCEEDED$/,
    ],
    [
      'an error of its operation',
      { error: { code: RPC_CODES.INTERNAL, message: 'a bug', details: [] } },
      /^a bug$/,
    ],
  ])('R98 R191 a server that gives %s has started the command', async ([, end, error]) => {
    await onStage({ behind: endingAs(end) }, async ({ end: endOf }) => {
      const ended = await endOf(slow);
      expect(ended).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(ended.error).toMatch(error);
    });
  });

  test.for<readonly [deaths: number, given: number, exitCode: number, error: string]>([
    [0, 200, 200, 'it failed'],
    [1, 200, 250, 'an earlier attempt may have started the action; the last one failed: it failed'],
    [1, 250, 250, 'it failed'],
    // The process of the last attempt has run.
    [1, 137, 137, 'it failed'],
  ])(
    'R98 R191 after %i attempts that may have started the command, a failure with exit code %i is one with %i',
    async ([deaths, given, exitCode, error]) => {
      const refused = packAny(MESSAGES.ExecuteResponse, {
        status: { code: RPC_CODES.INTERNAL, message: 'it failed' },
        result: { exitCode: given },
      });
      const behind = (service: RemoteService): RemoteService =>
        deadly(endingAs({ response: refused })(service), deaths);
      await onStage({ retriesMax: 2, behind }, async ({ end }) => {
        expect(await end(slow)).toMatchObject({ state: 'FAILED', exitCode, error });
      });
    },
  );

  test('R11 R185 an action on a run that is no Bazel run is refused, because its result would be lost', async () => {
    const content = createMemoryContentStore();
    const command = { argv: [], executeRequest: { actionDigest: addAction(content, ['complete 0']) } };
    await onStage({ content }, async ({ runner, lab, calls }) => {
      for (const each of [runner, lab.runner]) {
        for (const given of [command, { ...command, snapshotId: '' }, { ...command, snapshotId: 'v1' }]) {
          await expect(each.run(given)).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
        }
        expect((await each.statusAll()).statuses).toEqual([]);
      }
      expect(calls).toEqual([]);
    });
  });

  test('R191 a result that cannot be used is INTERNAL, and not an argument of the client', async () => {
    const content = createMemoryContentStore();
    const actionDigest = addAction(content, ['complete 0']);
    const behind = endingAs({ response: packAny(MESSAGES.ExecuteResponse, escaping) });
    await onStage({ content, behind }, async ({ end }) => {
      const { actionResult } = await end(commandFor(actionDigest));
      expect(actionResult?.grpcStatus?.code).toBe(RPC_CODES.INTERNAL);
    });
  });

  test('a log that the server has lost costs the log, is recorded, and starts nothing again', async () => {
    const gone = new RpcError('NOT_FOUND', 'evicted');
    const trace = await onStage({ mishaps: { 'Read *': { fail: gone } } }, async ({ end, outputs }) => {
      const status = await end({ argv: ['stdout x', 'complete 0'] });
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
      expect(outputs.find(status.stdoutRef)?.text()).toBe('');
    });
    expect(startsOf(trace)).toBe(1);
    expect(reasonsOf(trace)).toEqual(['output lost: stdout could not be fetched in full: evicted']);
  });

  test('a log that cannot be written here is recorded as that, and not as one that could not be fetched', async () => {
    const write = (): never => {
      throw new Error('the disk is full');
    };
    const outputs = {
      create: (id: string) => ({ uri: id, write, close: () => undefined, asFile: () => '' }),
    };
    const trace = await onStage({ outputs }, async ({ end }) => {
      expect((await end({ argv: ['stderr x', 'complete 0'] })).state).toBe('COMPLETE');
    });
    expect(reasonsOf(trace)).toEqual(['output lost: stderr could not be written in full: the disk is full']);
  });
});

/** Loses a blob once, as soon as it has come in. */
function evictWhenThere(
  sim: Simulation,
  blobs: MemoryContentStore,
  digest: ReturnType<typeof digestOf>,
): () => void {
  const write = blobs.write.bind(blobs);
  let isLost = false;
  blobs.write = (written, bytes) => {
    write(written, bytes);
    if (!isLost && written.hash === digest.hash) {
      isLost = true;
      blobs.evict(digest);
    }
  };
  return () => {
    blobs.write = write;
  };
}

describe('stopping a remote run', () => {
  test('R203 a run whose execution another client has cancelled is not ABORTED, but executed again, with the reason', async () => {
    const verdict = await inSimulation(async (sim) => {
      const lab = makeBazelLab(sim.world, { name: 'worker' });
      const parts = { runner: lab.runner, content: lab.blobs, cache: lab.results, name: 'remote' };
      const server = createRemoteService(sim.world, parts);
      const transport = overWire(server);
      const actionDigest = addAction(lab.blobs, ['sleep 300', 'complete 0']);
      const runner = createRemoteRunner(sim.world, { name: 'remote', transport });
      const { runId } = await runner.run(commandFor(actionDigest));
      await waitForState(runner, runId, 'RUNNING');
      const { signal } = new AbortController();
      const listed = await transport.unary(
        REMOTE_METHODS.listOperations,
        { filter: '', pageSize: 0, pageToken: '', name: '' },
        { signal },
      );
      const name = listed.operations[0]?.name ?? '';
      await transport.unary(REMOTE_METHODS.cancelOperation, { name }, { signal });
      const { status } = await finalStatus(runner, runId);
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
      await runner.release();
      server.close();
      await lab.runner.release();
    });
    expect(startsOf(verdict.trace())).toBe(2);
    expect(reasonsOf(verdict.trace())).toEqual([
      expect.stringMatching(/^action again: the action was aborted/),
    ]);
  });

  test('R70 R107 an abort cancels the execution on the server, and nothing goes on there', async () => {
    await onStage({}, async ({ runner, lab, sim, calls }) => {
      const { runId } = await runner.run({ argv: ['hang'] });
      await waitForState(runner, runId, 'RUNNING');
      expect(await runner.abort(runId)).toMatchObject({ state: 'ABORTED' });
      expect(calls).toContain('CancelOperation');
      await sim.sleep(100);
      expect((await lab.runner.statusAll()).statuses.map(({ state }) => state)).toEqual(['ABORTED']);
    });
  });

  test('R204 an abort reaches the server although the watch breaks and the first request to cancel is lost', async () => {
    await inSimulation(async (sim) => {
      const lab = makeBazelLab(sim.world, { name: 'worker' });
      const server = createRemoteService(sim.world, {
        runner: lab.runner,
        content: lab.blobs,
        cache: lab.results,
      });
      const inner = overWire(server);
      let breaks = (): void => undefined;
      const broken = new Promise<void>((resolve) => {
        breaks = resolve;
      });
      let cancels = 0;
      const transport: RemoteService = {
        async unary(method, request, context) {
          if (method.path.endsWith('CancelOperation') && (cancels += 1) === 1) {
            breaks();
            throw DOWN;
          }
          return inner.unary(method, request, context);
        },
        async *serverStream(method, request, context) {
          const answers = inner.serverStream(method, request, context)[Symbol.asyncIterator]();
          for (;;) {
            const next = answers.next();
            const first = await Promise.race([next, broken]);
            if (first === undefined) throw DOWN;
            if (first.done === true) return;
            yield first.value;
          }
        },
        clientStream: (method, requests, context) => inner.clientStream(method, requests, context),
      };
      const runner = createRemoteRunner(sim.world, { transport });
      const { runId } = await runner.run({ argv: ['hang'] });
      await waitForState(runner, runId, 'RUNNING');
      expect((await runner.abort(runId)).state).toBe('ABORTED');
      expect(cancels).toBe(2);
      await sim.sleep(100);
      expect((await lab.runner.statusAll()).statuses.map(({ state }) => state)).toEqual(['ABORTED']);
      await runner.release();
      server.close();
      await lab.runner.release();
    });
  });

  test('R100 the time of a run counts from its start here, also while the server cannot be reached', async () => {
    await onStage({ mishaps: { 'FindMissingBlobs *': { fail: DOWN } } }, async ({ end, sim }) => {
      expect(await end({ argv: ['complete 0'], timeoutMs: 150 })).toMatchObject({ state: 'TIMEDOUT' });
      expect(sim.now()).toBe(150);
    });
  });

  test('R199 a server that does not answer is given up at the bound, and that is recorded', async () => {
    const stuck: RemoteService = {
      unary: (method, request, context) =>
        method.path.endsWith('CancelOperation')
          ? new Promise<never>(() => {})
          : inner!.unary(method, request, context),
      serverStream: (method, request, context) => inner!.serverStream(method, request, context),
      clientStream: (method, requests, context) => inner!.clientStream(method, requests, context),
    };
    let inner: RemoteService | undefined;
    const verdict = await inSimulation(async (sim) => {
      const lab = makeBazelLab(sim.world, { name: 'worker' });
      const server = createRemoteService(sim.world, {
        runner: lab.runner,
        content: lab.blobs,
        cache: lab.results,
      });
      inner = overWire(server);
      const runner = createRemoteRunner(sim.world, { transport: stuck, cancelBoundMs: 70 });
      const { runId } = await runner.run({ argv: ['hang'] });
      await waitForState(runner, runId, 'RUNNING');
      const before = sim.now();
      expect((await runner.abort(runId)).state).toBe('ABORTED');
      expect(sim.now() - before).toBe(70);
      await runner.release();
      server.close();
      await lab.runner.release();
    });
    expect(reasonsOf(verdict.trace())).toEqual([
      expect.stringMatching(
        /^cancel: the server did not end the action within 70 ms; it may still be under way there as operations\/remote-/,
      ),
    ]);
  });

  test.for([
    ['R107 an abort', 'ABORTED', {}, 0, []],
    [
      'R100 R199 a timeout',
      'TIMEDOUT',
      { timeoutMs: 150 },
      700,
      ['cancel: the action has ended, but its logs were not brought here within 700 ms'],
    ],
  ] as const)(
    '%s that comes while logs are fetched cancels no action, as it has ended',
    async ([, state, time, tookMs, reasons]) => {
      const silent: StageOptions['behind'] = (service) => ({
        ...service,
        serverStream: (method, request, context) =>
          method.path.endsWith('Read')
            ? { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
            : service.serverStream(method, request, context),
      });
      const trace = await onStage({ behind: silent, cancelBoundMs: 700 }, async ({ sim, runner, calls }) => {
        const { runId } = await runner.run({ argv: ['stdout hello', 'complete 3'], ...time });
        await sim.sleep(150);
        const before = sim.now();
        if (state === 'ABORTED') await runner.abort(runId);
        expect((await finalStatus(runner, runId)).status).toMatchObject({ state });
        expect(sim.now() - before).toBe(tookMs);
        expect(calls.slice(-2)).toEqual(['Execute', 'Read']);
      });
      expect(reasonsOf(trace)).toEqual(reasons);
    },
  );
});

test('a run that was started, and perhaps again, does not say that it may never have started', async () => {
  const options = { deaths: 1, retriesMax: 1, mishaps: { 'Execute 2': { fail: DOWN, after: 0 } } };
  await onStage(options, async ({ end }) => {
    expect((await end({ argv: ['sleep 10', 'complete 0'] })).error).toBe(
      'the server is unavailable: the network is down; whether it has started the action again is not known',
    );
  });
});

describe('an abort while the action is prepared', () => {
  /** A content store that answers nothing: until it is cancelled, or never. */
  function stuckContent(isDeaf: boolean): ContentStore {
    const content = createMemoryContentStore();
    const stuck = (cancel: Cancellable | undefined): Promise<never> =>
      new Promise((_resolve, reject) => {
        if (!isDeaf) cancel?.signal.addEventListener('abort', () => reject(new Error('cancelled')));
      });
    return {
      cancelBoundMs: 10,
      findMissing: (_digests, cancel) => stuck(cancel),
      read: (digest, range) => content.read(digest, range),
      readStream: (digest, range) => content.readStream(digest, range),
      write: (digest, bytes) => content.write(digest, bytes),
      openWrite: (digest) => content.openWrite(digest),
      hold: (digests) => content.hold(digests),
    };
  }

  test.each([
    ['ends at once', 0, { snapshotId: snapshotOfDigest(digestOf('root')) }, false, []],
    [
      'ends at once, of a given action',
      0,
      {
        snapshotId: snapshotOfDigest(digestOf('an action')),
        executeRequest: { actionDigest: digestOf('an action') },
      },
      false,
      [],
    ],
    [
      'ends at the bound if the store does not listen, and says that nothing was executed',
      70,
      { snapshotId: snapshotOfDigest(digestOf('root')) },
      true,
      [
        'cancel: the run could not be stopped within 70 ms while its action was prepared; nothing was executed',
      ],
    ],
  ])('%s', async (_how, ms, of, isDeaf, reasons) => {
    const calls: string[] = [];
    const refuse = ({ path }: { readonly path: string }): never => {
      calls.push(path);
      throw DOWN;
    };
    const verdict = await inSimulation(async (sim) => {
      const runner = createRemoteRunner(sim.world, {
        transport: { unary: refuse, serverStream: refuse, clientStream: refuse },
        content: stuckContent(isDeaf),
        cancelBoundMs: 70,
      });
      const { runId } = await runner.run({ argv: ['x'], ...of });
      await sim.sleep(100);
      expect((await runner.abort(runId)).state).toBe('ABORTED');
      expect(sim.now()).toBe(100 + ms);
      await runner.release();
    });
    expect(calls).toEqual([]);
    expect(reasonsOf(verdict.trace())).toEqual(reasons);
  });
});

test('clients refuse a server without a wire, also behind faults, and say what to put around it', async () => {
  const verdict = await inSimulation(async (sim) => {
    const { runner, blobs: content, results: cache } = makeBazelLab(sim.world, { name: 'worker' });
    const server = createRemoteService(sim.world, { runner, content, cache });
    const result = { outputFiles: [], outputDirectories: [], outputSymlinks: [] };
    for (const transport of [server, withRemoteFaults(server, sim.world, { rates: {} })]) {
      const refused = {
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringContaining(
          'transport: expected a connection, such as overWire(server) for a server in the same process, got ',
        ) as unknown,
      };
      expect(() => createRemoteRunner(sim.world, { transport })).toThrow(expect.objectContaining(refused));
      await expect(readOutputs(sim.world, { transport, result })).rejects.toMatchObject(refused);
      createRemoteRunner(sim.world, { name: 'wired', transport: overWire(transport) });
    }
    server.close();
    await runner.release();
  });
  expect(verdict.held).toBe(true);
});

/** A server that answers with the logs themselves, and keeps no blob of them. */
function inlining(service: RemoteService): RemoteService {
  const raw = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    unary: (method, request, context) => service.unary(method, request, context),
    async *serverStream(method, request, context) {
      for await (const answer of service.serverStream(method, request, context)) {
        const { done, name, metadata, response } = answer as OperationMessage;
        if (!done || response === undefined) {
          yield answer;
          continue;
        }
        const given = MESSAGES.ExecuteResponse.decode(response.value);
        const logs = { stdoutDigest: null, stderrDigest: null, stdoutRaw: raw('out'), stderrRaw: raw('err') };
        const result = { ...given.result!, ...logs };
        const inlined = packAny(MESSAGES.ExecuteResponse, { ...given, result });
        yield MESSAGES.Operation.decode(
          MESSAGES.Operation.encode({ name, metadata, done: true, response: inlined }),
        ) as typeof answer;
      }
    },
    clientStream: (method, requests, context) => service.clientStream(method, requests, context),
  };
}

describe('what a command printed that ended without a result', () => {
  const content = createMemoryContentStore();
  const timed = (timeoutMs: number): Command =>
    commandFor(
      addAction(content, ['stdout out', 'stderr err', 'sleep 100000', 'complete 0'], {
        action: { timeoutMs },
      }),
    );

  test('R101 R194 comes back from a server that gives it, and is no result', async () => {
    await onStage({ content }, async ({ end, outputs, server }) => {
      const status = await end(timed(500));
      expect(status).toMatchObject({ state: 'TIMEDOUT', exitCode: 0, error: '' });
      expect(status.actionResult).toBeUndefined();
      expect(outputs.find(status.stdoutRef)?.text()).toMatch(/^out\n\n#[^]*Task exceeded timeout 500ms\n$/);
      expect(outputs.find(status.stderrRef)?.text()).toMatch(/^err\n\n#[^]*Task exceeded timeout 500ms\n$/);
      const { operations } = await server.unary(
        REMOTE_METHODS.listOperations,
        { name: '', filter: '', pageSize: 0, pageToken: '' },
        { signal: new AbortController().signal },
      );
      const [response] = operations.map((each) => unpackAny(MESSAGES.ExecuteResponse, each.response));
      expect(response).toMatchObject({
        status: { code: RPC_CODES.DEADLINE_EXCEEDED },
        result: { exitCode: -1 },
        cachedResult: false,
      });
    });
  });

  test('R191 comes back also if its outputs could not be stored', async () => {
    const wrong = addAction(content, ['stdout out', 'stderr err', 'write gen text', 'complete 3'], {
      command: { outputDirectories: ['gen'] },
    });
    await onStage({ content }, async ({ end, outputs }) => {
      const status = await end(commandFor(wrong));
      expect(status).toMatchObject({
        state: 'FAILED',
        exitCode: 250,
        error: expect.stringContaining('gen') as string,
      });
      expect(status.actionResult?.result).toBeUndefined();
      expect(outputs.find(status.stdoutRef)?.text()).toBe('out');
      expect(outputs.find(status.stderrRef)?.text()).toBe('err');
    });
  });

  /** What a worker of one process at a time gets, with the time that the runner counts too. */
  const own: Command = { argv: ['stdout out', 'sleep 100000', 'complete 0'], timeoutMs: 500 };

  test('R100 R101 comes back at the timeout of the run too, which the server is about to reach', async () => {
    await onStage({}, async ({ end, outputs, calls, sim }) => {
      const status = await end(own);
      expect([status.state, sim.now()]).toEqual(['TIMEDOUT', 500]);
      expect(outputs.find(status.stdoutRef)?.text()).toMatch(/^out\n\n#[^]*Task exceeded timeout 500ms\n$/);
      expect(calls).not.toContain('CancelOperation');
    });
  });

  /** A server whose answer at the end does not come. */
  const endless = (service: RemoteService): RemoteService => ({
    unary: (method, request, context) => service.unary(method, request, context),
    async *serverStream(method, request, { signal }) {
      const stopped = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      for await (const answer of service.serverStream(method, request, { signal })) {
        if ((answer as Partial<OperationMessage>).done === true) await stopped;
        else yield answer;
      }
    },
    clientStream: (method, requests, context) => service.clientStream(method, requests, context),
  });

  test('R100 R199 a server that does not stop at the timeout is asked to cancel after half of the bound', async () => {
    await onStage({ behind: endless, cancelBoundMs: 1_000 }, async ({ runner, calls, sim }) => {
      const { runId } = await runner.run(own);
      await sim.sleep(999);
      expect(calls).not.toContain('CancelOperation');
      await sim.sleep(2);
      expect(calls).toContain('CancelOperation');
      const { status } = await finalStatus(runner, runId);
      expect([status.state, sim.now()]).toEqual(['TIMEDOUT', 1_500]);
    });
  });

  test.for([
    ['after its timeout', 'TIMEDOUT', 500],
    ['while the run was being stopped', 'ABORTED', 0],
  ] as const)(
    'R100 a result that comes %s is thrown away, which the trace says',
    async ([when, state, timeoutMs]) => {
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const late = (service: RemoteService): RemoteService => ({
        unary: (method, request, context) => service.unary(method, request, context),
        async *serverStream(method, request, context) {
          for await (const answer of service.serverStream(method, request, context)) {
            if ((answer as Partial<OperationMessage>).done === true) await held;
            yield answer;
          }
        },
        clientStream: (method, requests, context) => service.clientStream(method, requests, context),
      });
      const trace = await onStage({ behind: late }, async ({ runner, sim }) => {
        const { runId } = await runner.run({ argv: ['sleep 400', 'complete 3'], timeoutMs });
        await sim.sleep(500);
        const aborted = state === 'ABORTED' ? runner.abort(runId) : undefined;
        await sim.sleep(1);
        release();
        await aborted;
        const { status } = await finalStatus(runner, runId);
        expect(status).toMatchObject({ state, exitCode: 0 });
      });
      expect(reasonsOf(trace)).toEqual([`action: the result, exit code 3, came ${when} and does not count`]);
    },
  );

  test('R105 an abort does not wait for a server that is about to stop the command', async () => {
    await onStage({ behind: endless, cancelBoundMs: 1_000 }, async ({ runner, calls, sim }) => {
      const { runId } = await runner.run(own);
      await sim.sleep(600);
      const aborted = runner.abort(runId);
      await sim.sleep(1);
      expect(calls).toContain('CancelOperation');
      expect((await aborted).state).toBe('ABORTED');
    });
  });

  test('R204 a watch that breaks while the server may stop the command by itself makes it cancel', async () => {
    const breaking = (service: RemoteService, { world: { clock } }: Simulation): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        const broken = new Promise<never>((_resolve, reject) => {
          clock.timer(namedTopic('network', 'breaks', 'streams'), 600, () => reject(DOWN));
        });
        const answers = endless(service).serverStream(method, request, context)[Symbol.asyncIterator]();
        for (;;) {
          const next = await Promise.race([answers.next(), broken]);
          if (next.done === true) return;
          yield next.value;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });
    await onStage({ behind: breaking }, async ({ end, calls, sim }) => {
      expect(await end(own)).toMatchObject({ state: 'TIMEDOUT' });
      expect([sim.now(), calls.includes('CancelOperation')]).toEqual([600, true]);
    });
  });

  test('R100 a command that waited long for its worker is stopped at the timeout of the run', async () => {
    await onStage({ cancelBoundMs: 1_000 }, async ({ lab, runner, calls, sim }) => {
      await lab.runner.run(commandFor(addAction(lab.blobs, ['sleep 900', 'complete 0'])));
      const { runId } = await runner.run({ ...own, timeoutMs: 1_000 });
      const { status } = await finalStatus(runner, runId);
      expect([status.state, sim.now(), calls.includes('CancelOperation')]).toEqual(['TIMEDOUT', 1_000, true]);
    });
  });

  test('R101 comes back although the server never said that the command runs', async () => {
    const quiet = (service: RemoteService): RemoteService => ({
      unary: (method, request, context) => service.unary(method, request, context),
      async *serverStream(method, request, context) {
        for await (const answer of service.serverStream(method, request, context)) {
          const { done = true } = answer as Partial<OperationMessage>;
          if (done) yield answer;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    });
    await onStage({ content, behind: quiet }, async ({ end, outputs }) => {
      const status = await end(timed(500));
      expect(status.state).toBe('TIMEDOUT');
      expect(outputs.find(status.stderrRef)?.text()).toMatch(/^err\n/);
    });
  });

  test('R101 a log that the server cannot store is recorded, and the run has timed out all the same', async () => {
    const store = (): Promise<never> => Promise.reject(new Error('no room'));
    const trace = await onStage({ content, storeLog: store }, async ({ end, outputs }) => {
      const status = await end(timed(500));
      expect([status.state, outputs.find(status.stdoutRef)?.text()]).toEqual(['TIMEDOUT', '']);
    });
    const lost = trace.flatMap((event) =>
      event.type === 'recorded' && event.what === 'output lost' ? [`${event.runner}: ${event.error}`] : [],
    );
    expect(lost).toEqual([
      'remote: stdout could not be stored: no room',
      'remote: stderr could not be stored: no room',
    ]);
  });

  test('R101 logs are dropped once the answer has what was printed, and that they cannot be changes nothing', async () => {
    const dropped: string[] = [];
    const dropLogs = (_runner: unknown, { state }: RunStatus): Promise<void> => {
      dropped.push(state);
      return Promise.reject(new Error('it stays'));
    };
    const trace = await onStage({ content, dropLogs }, async ({ end, outputs }) => {
      const status = await end(timed(500));
      expect([status.state, dropped]).toEqual(['TIMEDOUT', ['TIMEDOUT']]);
      expect(outputs.find(status.stderrRef)?.text()).toMatch(/^err\n/);
    });
    const failed = trace.flatMap((event) =>
      event.type === 'recorded' && event.what === 'dropLogs' ? [event.error] : [],
    );
    expect(failed).toEqual(['it stays']);
  });
});

test('R110 logs that a server gives with a failure other than a timeout are those of the run', async () => {
  await onStage({ behind: inlining }, async ({ end, outputs }) => {
    const status = await end({ argv: ['fail 7 broken'] });
    expect(status).toMatchObject({ state: 'FAILED', exitCode: 7, error: 'error execing: broken' });
    expect([status.stdoutRef, status.stderrRef].map((ref) => outputs.find(ref)?.text())).toEqual([
      'out',
      'err',
    ]);
  });
});

test('R110 logs that a server gives inline, without a blob, are those of the run', async () => {
  await inSimulation(async (sim) => {
    const lab = makeBazelLab(sim.world, { name: 'worker' });
    const server = createRemoteService(sim.world, {
      runner: lab.runner,
      content: lab.blobs,
      cache: lab.results,
    });
    const outputs = createMemoryOutputs();
    const runner = createRemoteRunner(sim.world, { outputs, transport: inlining(overWire(server)) });
    const { runId } = await runner.run({ argv: ['complete 3'] });
    const { status } = await finalStatus(runner, runId);
    expect([status.stdoutRef, status.stderrRef].map((ref) => outputs.find(ref)?.text())).toEqual([
      'out',
      'err',
    ]);
    await runner.release();
    server.close();
    await lab.runner.release();
  });
});

test.for([
  ['a run that has completed', false, { state: 'COMPLETE', exitCode: 3 }],
  ['a run that is aborted while it runs', true, { state: 'ABORTED' }],
] as const)('R199 logs that never close keep %s no longer than the bound', async ([, isAborted, end]) => {
  const memory = createMemoryOutputs();
  const outputs = {
    create: (id: string) => {
      const log = memory.create(id);
      return new Proxy(log, {
        get: (target, key) => {
          if (key === 'close') return () => new Promise<void>(() => {});
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
  const trace = await onStage({ outputs, cancelBoundMs: 700 }, async ({ sim, runner }) => {
    const { runId } = await runner.run({ argv: isAborted ? ['sleep 5000'] : ['complete 3'] });
    if (isAborted) {
      await waitForState(runner, runId, 'RUNNING');
      await runner.abort(runId);
    }
    const from = sim.now();
    const { status } = await finalStatus(runner, runId);
    expect(status).toMatchObject(end);
    expect(sim.now() - from).toBeLessThanOrEqual(701);
  });
  expect(trace.filter((event) => event.type === 'recorded')).toMatchObject([
    { what: 'output', error: 'the logs were not closed within the bound' },
  ]);
});
