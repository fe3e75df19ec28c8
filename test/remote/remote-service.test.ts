import { describe, expect, test, vi } from 'vitest';
import { decodeAction, encodeAction, encodeCommand } from '../../src/cas/action-messages.ts';
import {
  type DirectoryMessage,
  EXECUTION_STAGES,
  type ExecuteResponseMessage,
  type GetTreeResponse,
  type Init,
  MESSAGES,
  type OperationMessage,
  type TreeMessage,
  type WriteRequest,
} from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createMemoryTree } from '../../src/filers/memory-tree.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { topicOf } from '../../src/kernel/question.ts';
import { type Action, type ActionCommand, RPC_CODES } from '../../src/model/action.ts';
import type { ActionCache, ContentStore } from '../../src/model/content-store.ts';
import { digestKey, type Digest, snapshotOfDigest } from '../../src/model/digest.ts';
import type { Service } from '../../src/model/service.ts';
import { RunRejectedError, type RunRejectionCode } from '../../src/model/run-rejected-error.ts';
import { unknownRun } from '../../src/model/status-errors.ts';
import { serviceStatus } from '../../src/model/service-status.ts';
import { createContentFiler } from '../../src/remote/content-filer.ts';
import { TreeIndex } from '../../src/remote/input-tree.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { REMOTE_METHODS as M } from '../../src/remote/methods.ts';
import {
  createRemoteService,
  type RemoteServer,
  type RemoteServiceOptions,
} from '../../src/remote/remote-service.ts';
import { overWire, type RemoteService, RpcError, rpcCodeName } from '../../src/remote/rpc.ts';
import {
  createFakeRunner,
  type FakeRunner,
  type FakeRunnerOptions,
} from '../../src/runners/fake/fake-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { inSimulation } from '../runners/in-simulation.ts';
import { addAction, makeBazelLab } from './bazel-lab.ts';

interface Stage {
  readonly sim: Simulation;
  readonly service: RemoteService;
  readonly content: MemoryContentStore;
  readonly runner: FakeRunner;
  readonly server: RemoteServer;
}

const MIB = 1024 ** 2;

interface Setting extends Partial<RemoteServiceOptions> {
  readonly fake?: FakeRunnerOptions;
  readonly maxBytes?: number;
}

/** Plays a scene in a simulation: a service over a fake runner, called over a wire. */
async function play(scene: (stage: Stage) => Promise<void>, setting: Setting = {}): Promise<void> {
  const { fake = {}, maxBytes = Infinity, ...options } = setting;
  const verdict = await simulate({
    name: 'remote',
    scenario: async (sim) => {
      const runner = createFakeRunner(sim.world, { script: () => ({ runMs: 100 }), ...fake });
      const content = createMemoryContentStore({ maxBytes });
      const cache = createMemoryActionCache();
      const server = createRemoteService(sim.world, { runner, content, cache, name: 'remote', ...options });
      await scene({ sim, service: overWire(server), content, runner, server });
      server.close();
      await runner.release();
    },
  });
  expect(verdict.failure?.message).toBeUndefined();
  expect(verdict.held).toBe(true);
}

const NO_OUTPUTS = {
  outputFiles: [],
  outputDirectories: [],
  outputPaths: [],
  workingDirectory: '',
  platform: [],
};

function putAction(
  content: MemoryContentStore,
  command: Partial<ActionCommand> = {},
  action: Partial<Action> = {},
): Digest {
  const whole = { arguments: ['true'], environmentVariables: {}, ...NO_OUTPUTS, ...command };
  const commandDigest = content.add(encodeCommand(whole));
  const inputRootDigest = content.add('');
  return content.add(encodeAction({ commandDigest, inputRootDigest, doNotCache: false, ...action }));
}

const call = (controller = new AbortController()): { readonly signal: AbortSignal } => ({
  signal: controller.signal,
});

function execute(
  service: RemoteService,
  actionDigest: Digest,
  context = call(),
): AsyncIterable<OperationMessage> {
  const request = MESSAGES.ExecuteRequest.decode(MESSAGES.ExecuteRequest.encode({ actionDigest }));
  return service.serverStream(M.execute, request, context);
}

const stageOf = ({ metadata }: OperationMessage): number =>
  MESSAGES.ExecuteOperationMetadata.decode(metadata?.value ?? new Uint8Array()).stage;
const responseOf = (operation: OperationMessage | undefined): ExecuteResponseMessage =>
  MESSAGES.ExecuteResponse.decode(operation?.response?.value ?? new Uint8Array());

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

/** A clock that notes the topics of timers that have neither fired nor been cancelled. */
function noting(clock: Clock, open: Set<string>): Clock {
  return {
    epochMs: clock.epochMs,
    now: () => clock.now(),
    post: (topic, fire) => clock.post(topic, fire),
    endOfInstant: (topic, delayMs, fire) => clock.endOfInstant(topic, delayMs, fire),
    timer: (topic, delayMs, fire) => {
      const { text } = topicOf(topic);
      open.add(text);
      const timer = clock.timer(topic, delayMs, () => {
        open.delete(text);
        fire();
      });
      return {
        cancel: () => {
          open.delete(text);
          timer.cancel();
        },
      };
    },
  };
}

/** The names of all operations, the oldest first. */
async function operationsOf(service: RemoteService): Promise<string[]> {
  const request = { filter: '', pageSize: 0, pageToken: '', name: '' };
  const { operations } = await service.unary(M.listOperations, request, call());
  return operations.map(({ name }) => name);
}

/** The status with which a call fails, as text. */
async function failure(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => 'no failure',
    (thrown: unknown) => thrown,
  );
  return error instanceof RpcError ? `${rpcCodeName(error.status.code)}: ${error.message}` : String(error);
}

/** Executes an action whose client leaves after 10 ms; resolves to what that has got. */
async function leaveAction(
  sim: Simulation,
  server: RemoteService,
  action: Digest,
): Promise<OperationMessage[]> {
  const leaving = new AbortController();
  const watched = all(execute(overWire(server), action, call(leaving)));
  await sim.sleep(10);
  leaving.abort();
  return watched;
}

describe('executing an action', () => {
  test('R196 the stages come in order, and the result last', () =>
    play(async ({ sim, service, content }) => {
      const operations = await all(execute(service, putAction(content)));
      expect(operations.map(stageOf)).toEqual([
        EXECUTION_STAGES.QUEUED,
        EXECUTION_STAGES.EXECUTING,
        EXECUTION_STAGES.COMPLETED,
      ]);
      expect(operations.map(({ done }) => done)).toEqual([false, false, true]);
      expect(responseOf(operations.at(-1)).status).toMatchObject({ code: 0 });
      expect(sim.now()).toBe(100);
    }));

  test.for([
    [{ state: 'FAILED', exitCode: 240, error: 'no such program' }, 'INTERNAL', 'no such program'],
    [{ state: 'COMPLETE', exitCode: 3 }, 'OK', ''],
  ] as const)('R196 a run that ends as %o comes as a response with its code', ([end, code, message]) =>
    play(
      async ({ service, content }) => {
        const last = (await all(execute(service, putAction(content)))).at(-1);
        const { status } = responseOf(last);
        expect([rpcCodeName(status?.code ?? -1), status?.message]).toEqual([code, message]);
        expect(last?.error).toBeUndefined();
      },
      { fake: { script: () => ({ end }) } },
    ),
  );

  test('R196 an aborted run comes as the error of the operation', () =>
    play(async ({ service, content, sim }) => {
      const operations = execute(service, putAction(content));
      const ended = all(operations);
      await sim.sleep(50);
      const [{ name } = { name: '' }] = (
        await service.unary(M.listOperations, { filter: '', pageSize: 0, pageToken: '', name: '' }, call())
      ).operations;
      await service.unary(M.cancelOperation, { name }, call());
      const last = (await ended).at(-1);
      expect(last).toMatchObject({ done: true, error: { code: 1, message: 'the action was aborted' } });
      expect(last?.response).toBeUndefined();
    }));

  test('R196 a run that its runner aborts, which no client has asked for, is aborted by the server', () =>
    play(async ({ service, content, sim, runner }) => {
      const ended = all(execute(service, putAction(content)));
      await sim.sleep(50);
      await runner.abort((await runner.statusAll()).statuses[0]?.runId ?? '');
      const error = { code: 1, message: 'the server aborted the action' };
      expect((await ended).at(-1)).toMatchObject({ done: true, error });
    }));

  test('R196 a full queue is RESOURCE_EXHAUSTED', () =>
    play(
      async ({ service, content, sim }) => {
        void all(execute(service, putAction(content))).catch(() => undefined);
        await sim.sleep(1);
        const other = putAction(content, { arguments: ['false'] });
        expect(await failure(all(execute(service, other)))).toMatch(/^RESOURCE_EXHAUSTED: /);
      },
      { fake: { capacity: 0, script: () => ({ runMs: 100 }) } },
    ));

  test('blobs that are not there are violations of a precondition, each of them', () =>
    play(async ({ service, content }) => {
      const lost = digestOf('lost');
      const root = content.add(MESSAGES.Directory.encode({ files: [{ name: 'a', digest: lost }] }));
      const action = putAction(content, {}, { inputRootDigest: root });
      const error: unknown = await all(execute(service, action)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        status: { code: 9, violations: [{ type: 'MISSING', subject: `blobs/${digestKey(lost)}` }] },
      });
      const noAction = digestOf('no action');
      expect(await failure(all(execute(service, noAction)))).toBe(
        `FAILED_PRECONDITION: the action itself is not there: ${digestKey(noAction)}`,
      );
    }));

  test.for(['action', 'command', 'input root', 'input'] as const)(
    'no action is started whose %s is evicted while its server reads it',
    (name) =>
      play(async ({ service, content, runner }) => {
        const input = content.add('input');
        const root = content.add(MESSAGES.Directory.encode({ files: [{ name: 'a', digest: input }] }));
        const action = putAction(content, {}, { inputRootDigest: root });
        const { commandDigest } = decodeAction(content.read(action));
        const lost = { action, command: commandDigest, 'input root': root, input }[name];
        const hold = content.hold.bind(content);
        vi.spyOn(content, 'hold').mockImplementation((digests) => {
          content.evict(lost);
          return hold(digests);
        });
        const error: unknown = await all(execute(service, action)).catch((thrown: unknown) => thrown);
        const violations = [{ type: 'MISSING', subject: `blobs/${digestKey(lost)}` }];
        expect(error).toMatchObject({ status: { code: RPC_CODES.FAILED_PRECONDITION, violations } });
        expect((await runner.statusAll()).statuses).toEqual([]);
      }),
  );

  test('all blobs that are not there are named, also those beside a folder that is not there', () =>
    play(async ({ service, content }) => {
      const files = [{ name: 'a', digest: digestOf('lost') }];
      const directories = [{ name: 'd', digest: digestOf('folder') }];
      const root = content.add(MESSAGES.Directory.encode({ files, directories }));
      const action = putAction(content, {}, { inputRootDigest: root });
      const error: unknown = await all(execute(service, action)).catch((thrown: unknown) => thrown);
      const violations = ['folder', 'lost'].map((text) => ({
        type: 'MISSING',
        subject: `blobs/${digestKey(digestOf(text))}`,
      }));
      expect(error).toMatchObject({ status: { violations } });
    }));

  test('a request for many blobs looks for them in parts, and names each that is missing once', () =>
    play(async ({ service, content }) => {
      const there = content.add('there');
      const lost = Array.from({ length: 2_500 }, (_, n) => digestOf(`lost ${n}`));
      const findMissing = vi.spyOn(content, 'findMissing');
      const request = { instanceName: '', blobDigests: [...lost, there, ...lost.slice(0, 10)] };
      const { missingBlobDigests } = await service.unary(M.findMissingBlobs, request, call());
      expect(missingBlobDigests).toEqual(lost);
      expect(findMissing.mock.calls.map(([digests]) => digests.length)).toEqual([1_000, 1_000, 511]);
    }));

  test('a name of more characters than a server keeps is refused', () =>
    play(async ({ service, server, content }) => {
      const actionDigest = putAction(content);
      const requestFor = (instanceName: string) =>
        MESSAGES.ExecuteRequest.decode(MESSAGES.ExecuteRequest.encode({ actionDigest, instanceName }));
      const executed = (instanceName: string): Promise<string> =>
        failure(all(service.serverStream(M.execute, requestFor(instanceName), call())));
      expect(await executed('i'.repeat(4_096))).toBe('no failure');
      const most = (field: string, length: number): string =>
        `INVALID_ARGUMENT: ${field}: expected at most 4096 characters, got ${length}`;
      expect(await executed('i'.repeat(4_097))).toBe(most('instance_name', 4_097));
      expect(await operationsOf(service)).toHaveLength(1);
      const found = service.unary(
        M.findMissingBlobs,
        { instanceName: 'i'.repeat(5_000), blobDigests: [] },
        call(),
      );
      expect(await failure(found)).toBe(most('instance_name', 5_000));
      const named = service.unary(M.getOperation, { name: 'o'.repeat(4_097) }, call());
      expect(await failure(named)).toBe(most('name', 4_097));
      const resourceName = `${'i'.repeat(4_096)}/uploads/u/blobs/${digestKey(digestOf('text'))}`;
      async function* upload() {
        yield { resourceName, writeOffset: 0, finishWrite: false, data: new TextEncoder().encode('te') };
      }
      const written = service.clientStream(M.write, upload(), call());
      expect(await failure(written)).toBe(most('resource_name', resourceName.length));
      expect(server.openUploads).toBe(0);
    }));

  const tree =
    (directory: Parameters<typeof MESSAGES.Directory.encode>[0]) => (content: MemoryContentStore) =>
      putAction(content, {}, { inputRootDigest: content.add(MESSAGES.Directory.encode(directory)) });
  const digest = digestOf('');
  test.for<readonly [string, (content: MemoryContentStore) => Digest, string]>([
    [
      'an output outside',
      (c) => putAction(c, { outputFiles: ['../a'] }),
      'command.output_files: expected a path',
    ],
    [
      'an absolute output',
      (c) => putAction(c, { outputPaths: ['/etc/a'] }),
      'command.output_paths: expected a path',
    ],
    [
      'an output with a name of 256 bytes',
      (c) => putAction(c, { outputFiles: [`a/${'ü'.repeat(128)}`] }),
      'command.output_files: expected a path whose names have at most 255 bytes',
    ],
    [
      'an output with a name of 86 characters of three bytes',
      (c) => putAction(c, { outputFiles: ['€'.repeat(86)] }),
      'command.output_files: expected a path whose names have at most 255 bytes',
    ],
    [
      'an output too deep below its working directory',
      (c) =>
        putAction(c, { workingDirectory: `${'d/'.repeat(1_000)}d`, outputPaths: [`${'o/'.repeat(1_000)}o`] }),
      'command.output_paths: expected a path of at most 3584 bytes, got 4003',
    ],
    [
      'an input root of 0 bytes with another hash than that of nothing',
      (c) => putAction(c, {}, { inputRootDigest: { hash: 'a'.repeat(64), sizeBytes: 0 } }),
      'action.input_root_digest.hash: expected the hash of no bytes',
    ],
    ['no program', (c) => putAction(c, { arguments: [] }), 'command.arguments: expected a program'],
    [
      'a timeout of two days',
      (c) => putAction(c, {}, { timeoutMs: 172_800_000 }),
      'action.timeout: expected',
    ],
    [
      'a name with a slash',
      tree({ files: [{ name: 'a/b', digest }] }),
      'directory.name: expected a name without',
    ],
    ['a name ..', tree({ directories: [{ name: '..', digest }] }), 'directory.name: expected a name without'],
    [
      'a name twice',
      tree({ files: [{ name: 'a', digest }], directories: [{ name: 'a', digest }] }),
      'each name once',
    ],
    [
      'a link that climbs out',
      tree({ symlinks: [{ name: 'l', target: '../x' }] }),
      'symlink l: expected a target inside',
    ],
    [
      'an absolute link',
      tree({ symlinks: [{ name: 'l', target: '/etc' }] }),
      'symlink l: expected a target inside',
    ],
    ['a file without digest', tree({ files: [{ name: 'a' }] }), 'file.digest: expected a digest, got null'],
    [
      'an input whose name has 256 bytes',
      tree({ files: [{ name: 'ü'.repeat(128), digest }] }),
      'directory.name: expected a name of at most 255 bytes, got',
    ],
    [
      'a link of 3,585 bytes',
      tree({ symlinks: [{ name: 'l', target: `${'a/'.repeat(1_792)}b` }] }),
      'symlink l: expected a path of at most 3584 bytes, got 3585',
    ],
    [
      'inputs whose path no disk can hold',
      (c) => {
        let root = c.add(MESSAGES.Directory.encode({ files: [{ name: 'f'.repeat(255), digest }] }));
        for (let level = 0; level < 14; level += 1) {
          root = c.add(MESSAGES.Directory.encode({ directories: [{ name: 'ü'.repeat(120), digest: root }] }));
        }
        return putAction(c, {}, { inputRootDigest: root });
      },
      'input root: expected a path of at most 3584 bytes, got 3629',
    ],
    [
      'an output that is a file and a directory',
      (c) => putAction(c, { outputFiles: ['a', 'b/c'], outputDirectories: ['b/c'] }),
      'command.output_files: expected files that are no directories, got "b/c"',
    ],
    [
      'an output file with another below it',
      (c) => putAction(c, { outputFiles: ['a', 'a/b/c'] }),
      'command.output_files: expected files that are no directories, got "a"',
    ],
    ['bytes that are no action', (c) => c.add('\x08'), 'Action: expected a message'],
  ])('an action with %s is INVALID_ARGUMENT', ([, make, message]) =>
    play(async ({ service, content, runner }) => {
      const said = await failure(all(execute(service, make(content))));
      expect(said).toContain('INVALID_ARGUMENT: ');
      expect(said).toContain(message);
      expect((await runner.statusAll()).statuses).toEqual([]);
    }),
  );

  test('a small tree that becomes an endless one where it is written is INVALID_ARGUMENT, for filers too', () =>
    play(async ({ service, content, runner }) => {
      const nested = (levels: number, each: number): Digest => {
        let root = content.add(
          MESSAGES.Directory.encode({ files: [{ name: 'f', digest: content.add('') }] }),
        );
        for (let level = 0; level < levels; level += 1) {
          const directories = Array.from({ length: each }, (_, n) => ({ name: `d${n}`, digest: root }));
          root = content.add(MESSAGES.Directory.encode({ directories }));
        }
        return root;
      };
      const filer = createContentFiler({ content, tree: createMemoryTree() });
      // Twice two million entries out of 21 blobs, and one path of 2^400.
      for (const root of [nested(20, 2), nested(400, 2)]) {
        const action = putAction(content, {}, { inputRootDigest: root });
        expect(await failure(all(execute(service, action)))).toMatch(
          /^INVALID_ARGUMENT: input root: expected 1000000 entries at most, got /,
        );
        await expect(filer.checkout(snapshotOfDigest(root))).rejects.toThrow(
          'input root: expected 1000000 entries at most',
        );
      }
      expect((await runner.statusAll()).statuses).toEqual([]);
      const small = putAction(content, {}, { inputRootDigest: nested(10, 2) });
      expect((await all(execute(service, small))).at(-1)).toMatchObject({ done: true });
    }));

  test('a tree whose directories lie deeper than they seem at first is INVALID_ARGUMENT', () =>
    play(async ({ service, content }) => {
      let inner = content.add('');
      const chain = [inner];
      for (let level = 0; level < 600; level += 1) {
        inner = content.add(MESSAGES.Directory.encode({ directories: [{ name: 'd', digest: inner }] }));
        chain.push(inner);
      }
      // Each of them is found in the root itself.
      const directories = chain.map((each, n) => ({ name: `d${n}`, digest: each }));
      const root = content.add(MESSAGES.Directory.encode({ directories }));
      expect(await failure(all(execute(service, putAction(content, {}, { inputRootDigest: root }))))).toBe(
        'INVALID_ARGUMENT: input root: expected directories at most 512 deep, got 601',
      );
    }));

  test('two clients that ask for the same share one run; one that wants it anew, and doNotCache, do not', () =>
    play(
      async ({ service, content, runner }) => {
        const action = putAction(content);
        const once = putAction(content, {}, { doNotCache: true });
        const request = {
          ...MESSAGES.ExecuteRequest.decode(new Uint8Array()),
          actionDigest: action,
          skipCacheLookup: true,
        };
        await Promise.all([
          all(execute(service, action)),
          all(execute(service, action)),
          all(service.serverStream(M.execute, request, call())),
          all(execute(service, once)),
          all(execute(service, once)),
        ]);
        expect((await runner.statusAll()).statuses).toHaveLength(4);
      },
      { fake: { capacity: 10, script: () => ({ runMs: 100 }) } },
    ));

  test('who lost the stream waits on by the name of the operation, also after its end', () =>
    play(async ({ service, content, runner, sim }) => {
      const controller = new AbortController();
      const seen: OperationMessage[] = [];
      for await (const operation of execute(service, putAction(content), call(controller))) {
        seen.push(operation);
        controller.abort();
      }
      const name = seen[0]?.name ?? '';
      expect(
        stageOf((await all(service.serverStream(M.waitExecution, { name }, call()))).at(-1) as never),
      ).toBe(4);
      await sim.sleep(60_000);
      const again = await all(service.serverStream(M.waitExecution, { name }, call()));
      expect(again.map(({ done }) => done)).toEqual([true]);
      expect((await runner.statusAll()).statuses).toHaveLength(1);
      expect(await failure(all(service.serverStream(M.waitExecution, { name: 'x' }, call())))).toBe(
        'NOT_FOUND: no operation with the name "x"',
      );
    }));

  test('a run whose clients have all gone is aborted after a while, and not before', () =>
    play(
      async ({ service, content, runner, sim }) => {
        const controller = new AbortController();
        const watched = all(execute(service, putAction(content), call(controller)));
        await sim.sleep(100);
        controller.abort();
        await watched;
        await sim.sleep(9_999);
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'RUNNING' }]);
        await sim.sleep(2);
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'ABORTED' }]);
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  test('operations that ended long ago are forgotten', () =>
    play(
      async ({ service, content }) => {
        const first = (await all(execute(service, putAction(content))))[0]?.name ?? '';
        await all(execute(service, putAction(content, { arguments: ['false'] })));
        expect(await failure(service.unary(M.getOperation, { name: first }, call()))).toMatch(/^NOT_FOUND/);
      },
      { endedMax: 1 },
    ));

  // The text of an error is in a response twice.
  test.for([
    [12, 2],
    [33, 1],
  ] as const)(
    'of operations whose results have twice %i MiB, the last %i can be queried',
    async ([mib, kept]) => {
      const error = 'x'.repeat(mib * MIB);
      await play(
        async ({ service, content }) => {
          const names: string[] = [];
          for (const name of ['a', 'b', 'c']) {
            const operations = await all(execute(service, putAction(content, { arguments: [name] })));
            names.push(operations[0]?.name ?? '');
          }
          const found = names.map((name) => failure(service.unary(M.getOperation, { name }, call())));
          const forgotten = (await Promise.all(found)).filter((said) => said.startsWith('NOT_FOUND'));
          expect(names.length - forgotten.length).toBe(kept);
          await service.unary(M.getOperation, { name: names.at(-1) ?? '' }, call());
        },
        { fake: { script: () => ({ end: { state: 'FAILED', exitCode: 1, error } }) } },
      );
    },
  );

  test('of several runners each has one action at a time; more wait, up to a limit, and one that is cancelled there never runs', () =>
    play(async ({ sim, content, runner }) => {
      const other = createFakeRunner(sim.world, { name: 'other', script: () => ({ runMs: 100 }) });
      const cache = createMemoryActionCache();
      const server = createRemoteService(sim.world, {
        runner: [runner, other],
        content,
        cache,
        queueMax: 2,
        name: 'remote',
      });
      const service = overWire(server);
      const start = (n: number) => all(execute(service, putAction(content, { arguments: [String(n)] })));
      const ends = [1, 2, 3, 4].map(start);
      await sim.sleep(1);
      expect([server.activeOperations, server.queuedOperations]).toEqual([4, 2]);
      // Other clients of an action that waits.
      const joined = [start(3), start(3)];
      await sim.sleep(1);
      expect([server.activeOperations, server.queuedOperations, server.runningActions]).toEqual([6, 2, 2]);
      expect(await failure(start(5))).toBe('RESOURCE_EXHAUSTED: the queue is full: 2 actions wait');
      const name = (await operationsOf(service))[3] ?? '';
      await service.unary(M.cancelOperation, { name }, call());
      expect((await ends[3])?.at(-1)?.error?.code).toBe(1);
      expect(server.queuedOperations).toBe(1);
      await Promise.all([...ends, ...joined]);
      await sim.sleep(1);
      expect([server.activeOperations, server.queuedOperations, server.runningActions]).toEqual([0, 0, 0]);
      expect(sim.now()).toBe(201);
      await other.release();
    }));

  test('what an action needs is not evicted while it waits and runs', () =>
    play(async ({ service, content, sim }) => {
      const input = content.add('input');
      const root = content.add(MESSAGES.Directory.encode({ files: [{ name: 'a', digest: input }] }));
      const action = putAction(content, {}, { inputRootDigest: root });
      const ended = all(execute(service, action));
      await sim.sleep(50);
      expect([action, root, input].map((blob) => content.evict(blob))).toEqual([false, false, false]);
      await ended;
      await sim.sleep(1);
      expect([action, root, input].map((blob) => content.evict(blob))).toEqual([true, true, true]);
    }));
});

/** That runner, whose `run` first waits for `before`, and fails if that does. */
const withRun = (runner: Service, before: () => unknown): Service => ({
  run: async (command) => {
    await before();
    return runner.run(command);
  },
  abort: (id) => runner.abort(id),
  query: (query, wait) => runner.query(query, wait),
  queryNow: (query) => runner.queryNow(query),
  status: (id) => runner.status(id),
  statusAll: () => runner.statusAll(),
  release: () => runner.release(),
});

/** Plays a scene with a server over several workers. */
const playWorkers = (
  workersOf: (sim: Simulation, runner: FakeRunner) => readonly Service[],
  scene: (
    stage: Stage & { readonly server: RemoteServer; readonly start: (n: number) => Promise<string> },
  ) => Promise<void>,
  setting: Setting = {},
  options: Partial<RemoteServiceOptions> = {},
): Promise<void> =>
  play(async (stage) => {
    const { sim, content, runner } = stage;
    const parts = { runner: workersOf(sim, runner), content, cache: createMemoryActionCache(), ...options };
    const server = createRemoteService(sim.world, parts);
    const service = overWire(server);
    const start = async (n: number): Promise<string> => {
      const last = (await all(execute(service, putAction(content, { arguments: [String(n)] })))).at(-1);
      const { code, message } = last?.error ?? responseOf(last).status ?? { code: -1, message: '' };
      return `${rpcCodeName(code)}: ${message}`;
    };
    await scene({ ...stage, service, server, start });
    server.close();
  }, setting);

describe('a worker that takes no actions', () => {
  test('is the end of an action that waited for it, with what it said, and not of the server', () => {
    let calls = 0;
    const fail = (): void => {
      calls += 1;
      if (calls === 2) throw new Error('out of luck');
    };
    return playWorkers(
      (_, runner) => [withRun(runner, fail)],
      async ({ start }) => {
        const said = await Promise.all([start(1), start(2), start(3)]);
        expect(said).toEqual(['OK: ', 'INTERNAL: out of luck', 'OK: ']);
      },
    );
  });

  const rejects = (code: RunRejectionCode) => (): void => {
    throw new RunRejectedError(code, `it is ${code}`);
  };
  test.for(['RUNNER_UNHEALTHY', 'RUNNER_BROKEN', 'RUNNER_RELEASED'] as const)(
    'because it is %s is left out, and others get what waits',
    (code) => {
      let calls = 0;
      return playWorkers(
        (sim, runner) => {
          const sick = withRun(createFakeRunner(sim.world, { name: 'sick' }), () => {
            calls += 1;
            rejects(code)();
          });
          return [
            {
              ...sick,
              query: async () => ({ statuses: [], service: serviceStatus(true, code === 'RUNNER_RELEASED') }),
            },
            runner,
          ];
        },
        async ({ start, server, sim }) => {
          const said = await Promise.all([1, 2, 3, 4].map(start));
          expect(said).toEqual(['OK: ', 'OK: ', 'OK: ', 'OK: ']);
          expect(sim.now()).toBe(400);
          expect(calls).toBe(1);
          expect(server.activeOperations).toBe(0);
        },
      );
    },
  );

  test.for([
    ['UNHEALTHY', 'it is sick: exit code 212', 'exit code 212'],
    ['RELEASED', 'it is sick.', ''],
    ['BUSY', undefined, ''],
  ] as const)(
    'because it is %s is reported with the reason, if it does not end by itself',
    ([code, said, why]) => {
      const lost: (readonly [Service, string])[] = [];
      let sick: Service | undefined;
      return playWorkers(
        (_, runner) => {
          let calls = 0;
          sick = withRun(runner, () => {
            calls += 1;
            if (calls === 1) throw new RunRejectedError(`RUNNER_${code}`, 'it is sick.', why);
          });
          return [sick, runner];
        },
        async ({ start }) => {
          expect(await start(1)).toBe('OK: ');
          expect(lost).toEqual(said === undefined ? [] : [[sick, said]]);
        },
        {},
        {
          onWorkerLost: (...args) => {
            lost.push(args);
            throw new Error('a log that throws');
          },
        },
      );
    },
  );

  test.for([
    ['is ill', 'no disk', 'no disk'],
    ['is ill without a reason', '', 'Worker is unhealthy.'],
    ['is released', 'RUNNER_RELEASED', 'it is RUNNER_RELEASED'],
  ] as const)('because it initializes, and then %s, is reported with that reason once', ([, error, said]) => {
    const lost: (readonly [Service, string])[] = [];
    let hasFailed = false;
    let sick: Service | undefined;
    return playWorkers(
      (_, runner) => {
        const worker = withRun(runner, rejects('RUNNER_INITIALIZING'));
        const query: Service['query'] = async (...args) => {
          if (hasFailed && error === 'RUNNER_RELEASED') rejects(error)();
          const service = hasFailed ? serviceStatus(true, false, error) : serviceStatus(false, true, '');
          return { ...(await runner.query(...args)), service };
        };
        sick = { ...worker, query };
        return [sick];
      },
      async ({ start, sim }) => {
        const [first, second] = [start(1), start(2)];
        await sim.sleep(1_500);
        expect(lost).toEqual([]);
        hasFailed = true;
        const end = `UNAVAILABLE: no worker takes actions: ${said}`;
        expect(await Promise.all([first, second])).toEqual([end, end]);
        await sim.sleep(5_000);
        // With nobody left to wait for, the call itself fails.
        const third = start(3).catch((reason: Error) => `UNAVAILABLE: ${reason.message}`);
        expect(await third).toBe(end);
        expect(lost).toEqual([[sick, said]]);
      },
      {},
      { onWorkerLost: (...args) => void lost.push(args) },
    );
  });

  test('gets actions again once it is healthy', () => {
    let isHealthy = true;
    return playWorkers(
      (_, runner) => {
        const worker = withRun(runner, () => {
          if (!isHealthy) rejects('RUNNER_UNHEALTHY')();
        });
        const query: Service['query'] = async (...args) => ({
          ...(await runner.query(...args)),
          service: serviceStatus(true, isHealthy, 'sick'),
        });
        return [{ ...worker, query }];
      },
      async ({ start, sim }) => {
        isHealthy = false;
        const [first, second] = [start(1), start(2)];
        await sim.sleep(500);
        isHealthy = true;
        expect(await Promise.all([first, second])).toEqual(['OK: ', 'OK: ']);
        isHealthy = false;
        // Nobody is left to wait for, so those who wait can go elsewhere.
        expect(await start(3)).toBe('UNAVAILABLE: no worker takes actions: it is RUNNER_UNHEALTHY');
      },
    );
  });

  test.for([
    ['gets actions again once it is healthy, while another one does not answer', true, 'OK: '],
    [
      'and is not healthy again makes the server UNAVAILABLE, if no other one answers',
      false,
      'UNAVAILABLE: no worker takes actions: it is RUNNER_UNHEALTHY',
    ],
  ] as const)('%s', ([, recovers, said]) => {
    let isHealthy = false;
    return playWorkers(
      (_, runner) => {
        const ill = withRun(runner, () => {
          if (!isHealthy) rejects('RUNNER_UNHEALTHY')();
        });
        const hung: Service = {
          ...withRun(runner, rejects('RUNNER_UNHEALTHY')),
          query: () => new Promise(() => {}),
        };
        const query: Service['query'] = async (...args) => ({
          ...(await runner.query(...args)),
          service: serviceStatus(true, isHealthy, ''),
        });
        return [hung, { ...ill, query }];
      },
      async ({ start, sim }) => {
        const started = start(1);
        await sim.sleep(1_500);
        isHealthy = recovers;
        expect(await started).toBe(said);
        expect(sim.now()).toBeLessThanOrEqual(3_000);
      },
    );
  });

  test('for good, as all the others, makes the server UNAVAILABLE', () =>
    playWorkers(
      (_, runner) => [withRun(runner, rejects('RUNNER_RELEASED'))],
      async ({ start, content, service }) => {
        const said = 'UNAVAILABLE: no worker takes actions: it is RUNNER_RELEASED';
        expect(await Promise.all([start(1), start(2)])).toEqual([said, said]);
        expect(await failure(all(execute(service, putAction(content))))).toBe(said);
      },
    ));
});

describe('a worker that does not say how a run goes', () => {
  const lost = (): Error => new RunnerError('RUNNER_INJECTED_FAULT', 'an answer was lost');
  /** A runner that fails as long as the function gives an error. */
  const failing = (runner: FakeRunner, errorOf: (call: 'query' | 'abort') => Error | undefined): Service => ({
    ...withRun(runner, () => undefined),
    query: async (query, wait) => {
      const error = errorOf('query');
      if (error !== undefined) throw error;
      return runner.query(query, wait);
    },
    abort: async (runId) => {
      const error = errorOf('abort');
      if (error !== undefined) throw error;
      return runner.abort(runId);
    },
  });
  const stateOf = async (runner: FakeRunner) => (await runner.statusAll()).statuses.map(({ state }) => state);

  test('is asked again, and gets no other action before that has ended', () => {
    const errors = [undefined, ...Array.from({ length: 5 }, lost), undefined, lost()];
    return playWorkers(
      (_, runner) => [failing(runner, () => errors.shift())],
      async ({ sim, runner, start, server }) => {
        const said = [start(1), start(2)];
        await sim.sleep(50);
        expect(await stateOf(runner)).toEqual(['RUNNING']);
        expect(server.runningActions).toBe(1);
        expect(await Promise.all(said)).toEqual(['OK: ', 'OK: ']);
        expect(await stateOf(runner)).toEqual(['COMPLETE', 'COMPLETE']);
        expect(errors).toEqual([]);
      },
      { fake: { history: 2 } },
    );
  });

  test('ends the action for its clients after a while; until it aborts the run, that is one in progress', () => {
    const refusals = [lost(), lost()];
    return playWorkers(
      (_, runner) => [failing(runner, (asked) => (asked === 'query' ? lost() : refusals.shift()))],
      async ({ sim, runner, start, server, content }) => {
        const said = [start(1), start(2)];
        const action = putAction(content, { arguments: ['1'] });
        expect(await said[0]).toBe('UNAVAILABLE: an answer was lost');
        expect(sim.now()).toBe(3_100);
        await sim.sleep(50);
        expect(await stateOf(runner)).toEqual(['RUNNING']);
        expect([server.activeOperations, server.runningActions, server.queuedOperations]).toEqual([1, 1, 1]);
        expect(content.evict(action)).toBe(false);
        await sim.sleep(300);
        expect(await stateOf(runner)).toEqual(['ABORTED', 'RUNNING']);
        expect([server.runningActions, server.queuedOperations]).toEqual([1, 0]);
        expect(await said[1]).toBe('UNAVAILABLE: an answer was lost');
        await sim.sleep(1);
        expect(await stateOf(runner)).toEqual(['ABORTED', 'ABORTED']);
        expect(server.runningActions).toBe(0);
      },
      { fake: { history: 2, script: () => ({ runMs: 1e6 }) } },
    );
  });

  test('aborts the run when the server closes', () =>
    playWorkers(
      (_, runner) => [failing(runner, (asked) => (asked === 'query' ? lost() : undefined))],
      async ({ sim, runner, start, server }) => {
        const said = start(1);
        await sim.sleep(50);
        server.close();
        expect(await said).toBe('UNAVAILABLE: an answer was lost');
        await sim.sleep(1);
        expect(await stateOf(runner)).toEqual(['ABORTED']);
        expect(sim.now()).toBe(51);
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  test('because it has forgotten the run is UNAVAILABLE, so that clients ask for the action again', () => {
    let asked = 0;
    return playWorkers(
      (_, runner) => [failing(runner, () => ((asked += 1) === 2 ? unknownRun('run') : undefined))],
      async ({ start }) => {
        expect(await start(1)).toMatch(/^UNAVAILABLE: the worker lost it: /);
        expect(await start(2)).toBe('OK: ');
      },
    );
  });
});

describe('an action that nobody wants any more', () => {
  const named = (service: RemoteService, name: string) => service.unary(M.cancelOperation, { name }, call());

  test('before a worker has taken it is aborted once one has', () => {
    let take = (): void => undefined;
    return playWorkers(
      (_, runner) => [
        withRun(
          runner,
          () =>
            new Promise<void>((resolve) => {
              take = resolve;
            }),
        ),
      ],
      async ({ start, service, sim, runner }) => {
        const said = start(1);
        await sim.sleep(1);
        await named(service, (await operationsOf(service))[0] ?? '');
        take();
        expect(await said).toBe('CANCELLED: the action was aborted');
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'ABORTED' }]);
      },
    );
  });

  test('because the server goes down while it is prepared is never begun', () =>
    play(async ({ sim, content, runner }) => {
      const action = putAction(content);
      let go = (): void => undefined;
      const isReady = new Promise<void>((resolve) => {
        go = resolve;
      });
      const slow: ContentStore = {
        cancelBoundMs: 0,
        findMissing: async (digests) => {
          await isReady;
          return content.findMissing(digests);
        },
        read: (digest, range) => content.read(digest, range),
        readStream: (digest, range) => content.readStream(digest, range),
        write: (digest, bytes) => content.write(digest, bytes),
        openWrite: (digest) => content.openWrite(digest),
        hold: (digests) => content.hold(digests),
        holdAlong: (held, digests) => content.holdAlong(held, digests),
      };
      const parts = { runner, content: slow, cache: createMemoryActionCache() };
      const server = createRemoteService(sim.world, parts);
      const said = failure(all(execute(overWire(server), action)));
      await sim.sleep(1);
      server.close();
      go();
      expect(await said).toBe('UNAVAILABLE: the server is going down');
      expect((await runner.statusAll()).statuses).toEqual([]);
      expect(content.evict(action)).toBe(true);
    }));

  /** A runner that cannot abort anything now: each refusal is used once. */
  const refusing = (runner: FakeRunner, ...refusals: Error[]): Service => ({
    run: (command) => runner.run(command),
    query: (query, wait) => runner.query(query, wait),
    abort: async (runId) => {
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
      return runner.abort(runId);
    },
    status: (runId) => runner.status(runId),
    statusAll: () => runner.statusAll(),
    queryNow: (query) => runner.queryNow(query),
    release: () => runner.release(),
  });

  test('is said to run on if its runner does not abort it, and can be cancelled again', () =>
    play(
      async ({ sim, content, runner }) => {
        const refusals = [
          new RunnerError('RUNNER_INJECTED_FAULT', 'not now'),
          new Error('a bug of the runner'),
        ];
        const parts = { runner: refusing(runner, ...refusals), content, cache: createMemoryActionCache() };
        const server = createRemoteService(sim.world, { ...parts, name: 'own' });
        const ended = all(execute(overWire(server), putAction(content)));
        await sim.sleep(10);
        const [name = ''] = await operationsOf(server);
        expect(await failure(named(server, name))).toBe('UNAVAILABLE: not now');
        expect(await failure(named(server, name))).toBe('INTERNAL: a bug of the runner');
        expect(server.activeOperations).toBe(1);
        await named(server, name);
        expect((await ended).at(-1)).toMatchObject({ done: true, error: { code: 1 } });
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'ABORTED' }]);
        server.close();
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  /** Why an operation was cancelled, as its client gets it. */
  const lastError = (messages: readonly OperationMessage[]): string =>
    messages.at(-1)?.error?.message ?? 'no error';

  test('because the server closes is said to be aborted by the server, running or waiting', () =>
    play(
      async ({ sim, content, runner }) => {
        const parts = { runner: [runner], content, cache: createMemoryActionCache() };
        const server = createRemoteService(sim.world, parts);
        const actions = ['1', '2'].map((n) => putAction(content, { arguments: ['true', n] }));
        const ends = actions.map((action) => all(execute(overWire(server), action)));
        await sim.sleep(10);
        expect(server.queuedOperations).toBe(1);
        server.close();
        expect((await Promise.all(ends)).map(lastError)).toEqual([
          'the server aborted the action',
          'the server aborted the action',
        ]);
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  test('is aborted by the server if its runner refused a cancellation before', () =>
    play(
      async ({ sim, content, runner }) => {
        const refusal = new RunnerError('RUNNER_INJECTED_FAULT', 'not now');
        const parts = { runner: refusing(runner, refusal), content, cache: createMemoryActionCache() };
        const server = createRemoteService(sim.world, parts);
        const ended = all(execute(overWire(server), putAction(content)));
        await sim.sleep(10);
        await failure(named(server, (await operationsOf(server))[0] ?? ''));
        server.close();
        expect(lastError(await ended)).toBe('the server aborted the action');
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  test('because its client has left is aborted later if its runner does not do it now', () =>
    play(
      async ({ sim, content, runner }) => {
        const parts = {
          runner: refusing(runner, new RunnerError('RUNNER_INJECTED_FAULT', 'not now')),
          content,
          cache: createMemoryActionCache(),
        };
        const server = createRemoteService(sim.world, parts);
        await leaveAction(sim, server, putAction(content));
        await sim.sleep(10_050);
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'RUNNING' }]);
        await sim.sleep(100);
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'ABORTED' }]);
        expect(server.activeOperations).toBe(0);
        server.close();
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  test('goes on if onAbandoned throws, which is recorded', () =>
    play(
      async ({ sim, content, runner }) => {
        const recorded: TraceEvent[] = [];
        const tracer = { record: (event: TraceEvent) => void recorded.push(event) };
        const server = createRemoteService(
          { ...sim.world, tracer },
          {
            runner,
            content,
            cache: createMemoryActionCache(),
            onAbandoned: () => {
              throw new Error('the log is full');
            },
          },
        );
        await leaveAction(sim, server, putAction(content));
        await sim.sleep(10_010);
        expect((await runner.statusAll()).statuses).toMatchObject([{ state: 'ABORTED' }]);
        expect(recorded).toMatchObject([{ type: 'recorded', what: 'onAbandoned', error: 'the log is full' }]);
        server.close();
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));

  test('goes on for a client that is back before the runner has done it', () =>
    play(
      async ({ sim, content, runner }) => {
        let refusals = 0;
        const never = refusing(runner);
        never.abort = async () => {
          refusals += 1;
          throw new RunnerError('RUNNER_INJECTED_FAULT', 'not now');
        };
        const parts = { runner: never, content, cache: createMemoryActionCache() };
        const server = createRemoteService(sim.world, parts);
        const name = (await leaveAction(sim, server, putAction(content)))[0]?.name ?? '';
        await sim.sleep(10_050);
        expect(refusals).toBe(1);
        const again = all(overWire(server).serverStream(M.waitExecution, { name }, call()));
        await sim.sleep(20_000);
        expect(refusals).toBe(1);
        expect((await again).at(-1)).toMatchObject({ done: true, response: {} });
        server.close();
      },
      { fake: { script: () => ({ runMs: 40_000 }) } },
    ));

  test.for(['its run ends', 'the server closes'] as const)(
    'is not asked of the runner any more once %s, and no timer waits for it',
    (why) =>
      play(
        async ({ sim, content, runner }) => {
          const never = Array.from({ length: 9 }, () => new RunnerError('RUNNER_INJECTED_FAULT', 'not now'));
          const open = new Set<string>();
          const parts = { runner: refusing(runner, ...never), content, cache: createMemoryActionCache() };
          const server = createRemoteService({ ...sim.world, clock: noting(sim.world.clock, open) }, parts);
          await leaveAction(sim, server, putAction(content));
          await sim.sleep(12_000);
          expect([...open].filter((topic) => topic.includes('aborts'))).toHaveLength(1);
          if (why === 'the server closes') server.close();
          else await sim.sleep(1_050);
          expect([...open].filter((topic) => topic.includes('aborts'))).toEqual([]);
          server.close();
        },
        { fake: { script: () => ({ runMs: 13_000 }) } },
      ),
  );

  test('goes on for another client, and ends once the last has cancelled its operation or has left', () =>
    play(
      async ({ sim, service, content, runner }) => {
        const action = putAction(content);
        const stateNow = async () => (await runner.statusAll()).statuses.map(({ state }) => state);
        const leaving = new AbortController();
        const ends = [call(), call(leaving), call()].map((context) => all(execute(service, action, context)));
        await sim.sleep(10);
        const [first = '', , last = ''] = await operationsOf(service);
        await named(service, first);
        expect((await ends[0])?.at(-1)).toMatchObject({ done: true, error: { code: 1 } });
        leaving.abort();
        await sim.sleep(60_000);
        expect(await stateNow()).toEqual(['RUNNING']);
        await named(service, last);
        expect((await ends[2])?.at(-1)).toMatchObject({ done: true, error: { code: 1 } });
        expect(await stateNow()).toEqual(['ABORTED']);
      },
      { fake: { script: () => ({ runMs: 1e6 }) } },
    ));
});

describe('the blobs of a result', () => {
  const OUTPUTS = ['made', 'in a directory', 'said'].map(digestOf);
  const SCRIPT = ['write out/a made', 'write dir/b in a directory', 'stdout said', 'complete 0'];

  /** Plays a scene with a real runner in memory. `lost` says which of the outputs an eviction would take now. */
  async function playLab(
    scene: (stage: {
      readonly sim: Simulation;
      readonly server: RemoteServer;
      readonly action: Digest;
      readonly heldWhenKept: () => boolean | undefined;
      /** Takes them if nobody holds them. */
      readonly areHeld: () => boolean;
    }) => Promise<void>,
  ): Promise<void> {
    const verdict = await simulate({
      name: 'results',
      scenario: async (sim) => {
        let heldWhenKept: boolean | undefined;
        const areHeld = (): boolean => OUTPUTS.map((each) => blobs.evict(each)).every((isGone) => !isGone);
        const { blobs, results, runner } = makeBazelLab(sim.world, {
          cache: (own) => ({
            cancelBoundMs: 0,
            get: (instance, key) => own.get(instance, key),
            put: (instance, key, outcome) => {
              heldWhenKept = areHeld();
              own.put(instance, key, outcome);
            },
          }),
        });
        const command = { outputFiles: ['out/a'], outputDirectories: ['dir'] };
        const action = addAction(blobs, SCRIPT, { command });
        const server = createRemoteService(sim.world, { runner, content: blobs, cache: results });
        await scene({ sim, server, action, heldWhenKept: () => heldWhenKept, areHeld });
        server.close();
        await runner.release();
      },
    });
    expect(verdict.failure?.message).toBeUndefined();
  }

  test('are held from when they are stored until the client has the result, one from the cache as well', () =>
    playLab(async ({ server, action, heldWhenKept, areHeld }) => {
      for (const isCached of [false, true]) {
        const messages = execute(overWire(server), action)[Symbol.asyncIterator]();
        let last: OperationMessage | undefined;
        while (last?.done !== true) {
          ({ value: last } = (await messages.next()) as { value: OperationMessage });
        }
        expect(responseOf(last)).toMatchObject({ cachedResult: isCached, status: { code: 0 } });
        expect(heldWhenKept()).toBe(true);
        expect(areHeld()).toBe(true);
        await messages.next();
        if (isCached) expect(areHeld()).toBe(false);
      }
    }));

  test('are held for a client that was cut off, until it has come back, or does not for ten seconds', () =>
    playLab(async ({ sim, server, action, areHeld }) => {
      for (const comesBack of [true, false]) {
        const gone = new AbortController();
        const messages = execute(overWire(server), action, call(gone))[Symbol.asyncIterator]();
        const { name } = ((await messages.next()) as { value: OperationMessage }).value;
        gone.abort();
        await messages.return?.();
        await sim.sleep(9_999);
        expect(areHeld()).toBe(true);
        if (comesBack) await all(server.serverStream(M.waitExecution, { name }, call()));
        else await sim.sleep(2);
        if (!comesBack) expect(areHeld()).toBe(false);
      }
    }));

  test('are let go when the server closes', () =>
    playLab(async ({ sim, server, action, areHeld }) => {
      const gone = new AbortController();
      const messages = execute(overWire(server), action, call(gone))[Symbol.asyncIterator]();
      await messages.next();
      gone.abort();
      await messages.return?.();
      await sim.sleep(1_000);
      expect(areHeld()).toBe(true);
      server.close();
      expect(areHeld()).toBe(false);
    }));
});

describe('blobs', () => {
  const text = 'some bytes';
  const blob = digestOf(text);
  const upload = (name = 'u1'): string => `main/uploads/${name}/blobs/${digestKey(blob)}`;
  type Part = Partial<WriteRequest> & { readonly text?: string };
  async function* parts(...requests: readonly Part[]): AsyncGenerator<WriteRequest> {
    for (const { text: data = '', ...request } of requests) {
      yield { resourceName: '', writeOffset: 0, finishWrite: false, ...request, data: Buffer.from(data) };
    }
  }

  test('a write in parts is read back, from any offset and up to any limit', () =>
    play(async ({ service }) => {
      const written = parts(
        { resourceName: upload(), text: 'some ' },
        { writeOffset: 5, text: 'bytes', finishWrite: true },
      );
      expect(await service.clientStream(M.write, written, call())).toEqual({ committedSize: 10 });
      const read = async (readOffset: number, readLimit: number): Promise<string> => {
        const request = { resourceName: `main/blobs/${digestKey(blob)}`, readOffset, readLimit };
        const chunks = await all(service.serverStream(M.read, request, call()));
        return Buffer.concat(chunks.map(({ data }) => data)).toString();
      };
      expect(await read(0, 0)).toBe(text);
      expect(await read(5, 3)).toBe('byt');
      expect(await read(5, 2 ** 62)).toBe('bytes');
      expect(await failure(read(11, 0))).toBe('OUT_OF_RANGE: read_offset: expected 0 to 10, got 11');
    }));

  test('a write that broke off goes on where it was; one that begins anew begins anew', () =>
    play(async ({ service, content }) => {
      await service.clientStream(M.write, parts({ resourceName: upload(), text: 'some ' }), call());
      const status = await service.unary(M.queryWriteStatus, { resourceName: upload() }, call());
      expect(status).toEqual({ committedSize: 5, complete: false });
      const wrong = parts({ resourceName: upload(), writeOffset: 4, text: 'x' });
      expect(await failure(service.clientStream(M.write, wrong, call()))).toMatch(
        /^ABORTED: write_offset: expected 5, which QueryWriteStatus gives now, got 4$/,
      );
      const anew = parts({ resourceName: upload(), text: 'some' });
      await service.clientStream(M.write, anew, call());
      const rest = parts({ resourceName: upload(), writeOffset: 4, text: ' bytes', finishWrite: true });
      await service.clientStream(M.write, rest, call());
      expect(content.findMissing([blob])).toEqual([]);
      expect(await service.unary(M.queryWriteStatus, { resourceName: upload() }, call())).toEqual({
        committedSize: 10,
        complete: true,
      });
    }));

  test('a write that broke off is given up after a while, and its room is free again', () =>
    play(
      async ({ sim, service, server, content }) => {
        await service.clientStream(M.write, parts({ resourceName: upload(), text: 'some ' }), call());
        await sim.sleep(59_999);
        expect(server.openUploads).toBe(1);
        expect(() => content.add('other text')).toThrow('expected room for 10 B, got 7 B of 12 B');
        await sim.sleep(2);
        expect(server.openUploads).toBe(0);
        content.add('other text');
        const rest = parts({ resourceName: upload(), writeOffset: 5, text: 'bytes', finishWrite: true });
        expect(await failure(service.clientStream(M.write, rest, call()))).toMatch(
          /^ABORTED: write_offset: expected 0, which QueryWriteStatus gives now, got 5$/,
        );
      },
      { maxBytes: 12 },
    ));

  test('a blob that is too large for a message is not read as an action, command, folder or tree', () =>
    play(async ({ service, content }) => {
      const ofSize = (sizeBytes: number): Digest => ({ hash: 'a'.repeat(64), sizeBytes });
      const refusalOf = async (actionDigest: Digest): Promise<string> =>
        failure(all(execute(service, actionDigest)));
      const requests: readonly [string, number, (large: Digest) => Promise<string>][] = [
        ['action', 16 * MIB, refusalOf],
        [
          'command',
          16 * MIB,
          (commandDigest) => {
            const action = { commandDigest, inputRootDigest: digestOf(''), doNotCache: false };
            return refusalOf(content.add(encodeAction(action)));
          },
        ],
        ['directory', 128 * MIB, (inputRootDigest) => refusalOf(putAction(content, {}, { inputRootDigest }))],
        [
          'tree',
          128 * MIB,
          (treeDigest) => {
            const outputDirectories = [{ path: 'd', treeDigest }];
            const actionResult = MESSAGES.ActionResult.decode(
              MESSAGES.ActionResult.encode({ outputDirectories }),
            );
            const request = { instanceName: '', actionDigest: digestOf('x'), actionResult };
            return failure(service.unary(M.updateActionResult, request, call()));
          },
        ],
      ];
      for (const [kind, bytesMax, refusal] of requests) {
        const most = `a message of ${bytesMax} B at most, got ${bytesMax + 1}`;
        expect(await refusal(ofSize(bytesMax + 1))).toBe(`INVALID_ARGUMENT: ${kind}: expected ${most}`);
        expect(await refusal(ofSize(bytesMax))).toMatch(/^FAILED_PRECONDITION: /);
      }
    }));

  test('a blob that the store could never hold is refused as one that is too large', () =>
    play(
      async ({ service }) => {
        const expected = 'digest.size_bytes: expected 9 B at most, which the content store can hold, got 10';
        const write = service.clientStream(M.write, parts({ resourceName: upload(), text }), call());
        expect(await failure(write)).toBe(`INVALID_ARGUMENT: ${expected}`);
        const data = new TextEncoder().encode(text);
        const requests = [{ digest: blob, data, compressor: 0 }];
        const { responses } = await service.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
        expect(responses[0]?.status).toMatchObject({ code: 3, message: expected });
      },
      { maxBytes: 9 },
    ));

  /** A client that sends those messages, and then keeps its call open. */
  async function* silent(...requests: readonly Part[]): AsyncGenerator<WriteRequest> {
    yield* parts(...requests);
    await new Promise<void>(() => {});
  }

  test.for([
    ['continues', { writeOffset: 5, text: 'bytes' }],
    ['begins anew', { writeOffset: 0, text }],
  ] as const)('a client that has lost the call of an upload %s, and that call ends', ([, rest]) =>
    play(async ({ sim, service, server, content }) => {
      const lost = silent({ resourceName: upload(), text: 'some ' });
      const said = failure(service.clientStream(M.write, lost, call()));
      await sim.sleep(1);
      const again = parts({ resourceName: upload(), finishWrite: true, ...rest });
      expect(await service.clientStream(M.write, again, call())).toEqual({ committedSize: 10 });
      expect(await said).toBe(`ABORTED: ${upload()} is written by another call now`);
      expect(content.findMissing([blob])).toEqual([]);
      expect(server.openUploads).toBe(0);
      expect(sim.now()).toBe(1);
    }),
  );

  test('an upload that is given up for another is not continued meanwhile', () =>
    play(async ({ sim, runner }) => {
      const content = createMemoryContentStore({ maxBytes: 12 });
      let go = (): void => undefined;
      const isDiscarded = new Promise<void>((resolve) => {
        go = resolve;
      });
      const slow: ContentStore = {
        cancelBoundMs: 0,
        findMissing: (digests) => content.findMissing(digests),
        read: (digest, range) => content.read(digest, range),
        readStream: (digest, range) => content.readStream(digest, range),
        write: (digest, bytes) => content.write(digest, bytes),
        hold: (digests) => content.hold(digests),
        holdAlong: (held, digests) => content.holdAlong(held, digests),
        openWrite: (digest) => {
          const writer = content.openWrite(digest);
          return {
            get committedBytes() {
              return writer.committedBytes;
            },
            write: (offset, bytes) => writer.write(offset, bytes),
            finish: () => writer.finish(),
            discard: async () => {
              await isDiscarded;
              await writer.discard();
            },
          };
        },
      };
      const server = createRemoteService(sim.world, {
        runner,
        content: slow,
        cache: createMemoryActionCache(),
      });
      const service = overWire(server);
      for (const [name, letters] of Object.entries({ u1: 'some', u2: 'some b' })) {
        await service.clientStream(M.write, parts({ resourceName: upload(name), text: letters }), call());
      }
      const requests = [{ digest: digestOf('other text'), data: Buffer.from('other text'), compressor: 0 }];
      const other = service.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
      await sim.sleep(1);
      const rest = parts({ resourceName: upload('u2'), writeOffset: 6, text: 'ytes', finishWrite: true });
      expect(await failure(service.clientStream(M.write, rest, call()))).toMatch(/^ABORTED: /);
      go();
      expect((await other).responses).toMatchObject([{ status: { code: 0 } }]);
      server.close();
    }));

  test('a takeover of an upload whose bytes the store does not take ends in time, with its client, and with the server', () =>
    play(async ({ sim, runner }) => {
      const content = createMemoryContentStore();
      const stuck: ContentStore = {
        cancelBoundMs: 0,
        findMissing: (digests) => content.findMissing(digests),
        read: (digest, range) => content.read(digest, range),
        readStream: (digest, range) => content.readStream(digest, range),
        write: (digest, bytes) => content.write(digest, bytes),
        hold: (digests) => content.hold(digests),
        openWrite: () => ({
          committedBytes: 0,
          write: () => new Promise<void>(() => {}),
          finish: () => undefined,
          discard: () => undefined,
        }),
      };
      const options = { runner, content: stuck, cache: createMemoryActionCache(), uploadIdleMs: 50 };
      const server = createRemoteService(sim.world, options);
      const service = overWire(server);
      void failure(service.clientStream(M.write, silent({ resourceName: upload(), text: 'some ' }), call()));
      await sim.sleep(1);
      const again = (context = call()): Promise<string> => {
        const requests = parts({ resourceName: upload(), finishWrite: true, text });
        return failure(service.clientStream(M.write, requests, context));
      };
      expect(await again()).toBe(
        `ABORTED: the store has not taken what an earlier call has sent of ${upload()} for 50 ms`,
      );
      expect(sim.now()).toBe(51);
      const gone = new AbortController();
      const third = again(call(gone));
      await sim.sleep(1);
      gone.abort();
      expect(await third).toMatch(/^CANCELLED/);
      const fourth = again();
      await sim.sleep(1);
      server.close();
      expect(await fourth).toBe('UNAVAILABLE: the server is going down');
      expect(sim.now()).toBe(53);
    }));

  test('a compressed upload under way has no status to continue from', () =>
    play(
      async ({ sim, service, server }) => {
        const resourceName = `uploads/u1/compressed-blobs/deflate/${digestKey(blob)}`;
        const said = failure(service.clientStream(M.write, silent({ resourceName, text: 'some ' }), call()));
        await sim.sleep(1);
        expect(await service.unary(M.queryWriteStatus, { resourceName }, call())).toEqual({
          committedSize: 0,
          complete: false,
        });
        server.close();
        expect(await said).toBe('UNAVAILABLE: the server is going down');
      },
      {
        compression: {
          names: ['deflate'],
          compress: (_, chunks) => chunks,
          decompress: (_, chunks) => chunks,
        },
      },
    ));

  test('a client that sends nothing more is DEADLINE_EXCEEDED after a while, and what it sent is given up', () =>
    play(
      async ({ sim, service, server, content }) => {
        const said = [
          failure(service.clientStream(M.write, silent(), call())),
          failure(service.clientStream(M.write, silent({ resourceName: upload(), text: 'some ' }), call())),
        ];
        await sim.sleep(999);
        expect(server.openUploads).toBe(1);
        await sim.sleep(2);
        const late = 'DEADLINE_EXCEEDED: expected more of the upload within 1000 ms, got nothing';
        expect(await Promise.all(said)).toEqual([late, late]);
        expect(server.openUploads).toBe(0);
        content.add('other text');
      },
      { maxBytes: 12, uploadIdleMs: 1_000 },
    ));

  test('a client that is slow, but never silent for too long, comes to its end', () =>
    play(
      async ({ sim, service }) => {
        async function* slow(): AsyncGenerator<WriteRequest> {
          for (const [at, letter] of [...text].entries()) {
            await sim.sleep(900);
            const finishWrite = at === text.length - 1;
            yield { resourceName: upload(), writeOffset: at, finishWrite, data: Buffer.from(letter) };
          }
        }
        expect(await service.clientStream(M.write, slow(), call())).toEqual({ committedSize: 10 });
      },
      { uploadIdleMs: 1_000 },
    ));

  test('what broke off gives its room to what comes now', () =>
    play(
      async ({ service, server }) => {
        await service.clientStream(M.write, parts({ resourceName: upload(), text: 'some ' }), call());
        const requests = [{ digest: digestOf('other text'), data: Buffer.from('other text'), compressor: 0 }];
        const { responses } = await service.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
        expect(responses).toMatchObject([{ status: { code: 0 } }]);
        expect(server.openUploads).toBe(0);
        const whole = parts({ resourceName: upload(), text, finishWrite: true });
        expect(await service.clientStream(M.write, whole, call())).toEqual({ committedSize: 10 });
      },
      { maxBytes: 12 },
    ));

  test('a server that closes gives up all uploads, those whose clients it waits for as well', () =>
    play(
      async ({ sim, service, server, content }) => {
        await service.clientStream(M.write, parts({ resourceName: upload(), text: 'some ' }), call());
        const writing = silent({ resourceName: upload('u2'), text: 'some' });
        const said = failure(service.clientStream(M.write, writing, call()));
        await sim.sleep(1);
        expect(server.openUploads).toBe(2);
        server.close();
        expect(await said).toBe('UNAVAILABLE: the server is going down');
        expect(server.openUploads).toBe(0);
        content.add('other text');
      },
      { maxBytes: 12 },
    ));

  test('no more than 1,024 uploads are open: of those that broke off the oldest goes, for clients that are there it is RESOURCE_EXHAUSTED', () =>
    play(async ({ sim, service, server }) => {
      for (let n = 0; n < 1_025; n += 1) {
        await service.clientStream(M.write, parts({ resourceName: upload(`b${n}`), text: 's' }), call());
      }
      expect(server.openUploads).toBe(1_024);
      const committed = async (name: string): Promise<number> =>
        (await service.unary(M.queryWriteStatus, { resourceName: upload(name) }, call())).committedSize;
      expect([await committed('b0'), await committed('b1')]).toEqual([0, 1]);
      const open = Array.from({ length: 1_025 }, (_, n) =>
        failure(service.clientStream(M.write, silent({ resourceName: upload(`s${n}`), text: 's' }), call())),
      );
      expect(await open.at(-1)).toBe(
        'RESOURCE_EXHAUSTED: expected at most 1024 uploads at once, got one more',
      );
      await sim.sleep(60_001);
      expect(new Set(await Promise.all(open.slice(0, -1)))).toEqual(
        new Set(['DEADLINE_EXCEEDED: expected more of the upload within 60000 ms, got nothing']),
      );
      expect(server.openUploads).toBe(0);
    }));

  test('a write of what is there ends at once', () =>
    play(async ({ service, content }) => {
      content.add(text);
      const written = parts({ resourceName: upload(), text: 'some ' });
      expect(await service.clientStream(M.write, written, call())).toEqual({ committedSize: 10 });
    }));

  test.for([
    [
      { resourceName: upload(), text: 'other byte', finishWrite: true },
      'INVALID_ARGUMENT: expected bytes with digest',
    ],
    [{ resourceName: upload(), text: 'some bytes and more' }, 'INVALID_ARGUMENT: expected bytes with digest'],
    [
      { resourceName: 'blobs/x/1' },
      'INVALID_ARGUMENT: resource_name: expected [INSTANCE/]uploads/UUID/blobs',
    ],
    [
      { resourceName: `uploads/u/blobs/${'z'.repeat(64)}/1` },
      'INVALID_ARGUMENT: resource_name.hash: expected 64',
    ],
    [
      { resourceName: `uploads/u/blobs/${blob.hash}/99999999999999` },
      'INVALID_ARGUMENT: digest.size_bytes: expected',
    ],
    [
      { resourceName: `uploads/u/compressed-blobs/zstd/${digestKey(blob)}` },
      'INVALID_ARGUMENT: resource_name: expected a compressor',
    ],
  ] as const)('a write of %o is refused', ([request, message]) =>
    play(async ({ service, content }) => {
      expect(await failure(service.clientStream(M.write, parts(request), call()))).toContain(message);
      expect(content.findMissing([blob])).toEqual([blob]);
    }),
  );

  test('batches say of each blob how it went', () =>
    play(async ({ service, content }) => {
      const other = digestOf('other');
      const requests = [
        { digest: blob, data: Buffer.from(text), compressor: 0 },
        { digest: other, data: Buffer.from('wrong'), compressor: 0 },
      ];
      const { responses } = await service.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
      expect(responses.map(({ status }) => status?.code)).toEqual([0, 3]);
      const request = { instanceName: '', digests: [other, blob], acceptableCompressors: [] };
      const read = (await service.unary(M.batchReadBlobs, request, call())).responses;
      expect(read.map(({ status, data }) => [status?.code, Buffer.from(data).toString()])).toEqual([
        [5, ''],
        [0, text],
      ]);
      const missing = { instanceName: '', blobDigests: [other, blob, other] };
      expect(await service.unary(M.findMissingBlobs, missing, call())).toEqual({
        missingBlobDigests: [other],
      });
      expect(content.findMissing([other])).toEqual([other]);
    }));

  test('a batch above the limit is refused as a whole', () =>
    play(
      async ({ service }) => {
        const request = { instanceName: '', digests: [blob], acceptableCompressors: [] };
        const said = 'INVALID_ARGUMENT: batch: expected 9 B at most, got 10';
        expect(await failure(service.unary(M.batchReadBlobs, request, call()))).toBe(said);
        // Few bytes that become many count as what they become.
        const few = [{ digest: blob, data: Buffer.from('few'), compressor: 2 }];
        const update = { instanceName: '', requests: few };
        expect(await failure(service.unary(M.batchUpdateBlobs, update, call()))).toBe(said);
      },
      { batchBytesMax: 9 },
    ));

  const small = Array.from({ length: 2_650 }, (_, n) => Buffer.from(`blob ${n}`));
  const digests = small.map((bytes) => digestOf(bytes));
  const acceptableCompressors = [2];
  const limited = { batchBytesMax: 100_000 };
  const messageBytesMax = 294_304;
  const refusal = (max: number, count: string): RegExp =>
    new RegExp(
      `^INVALID_ARGUMENT: batch: expected ${max} B at most with the fields of its ${count} blobs, got \\d+$`,
    );

  test('a batch whose small blobs fit, but not with all that is said of them, is refused', () =>
    play(async ({ service }) => {
      const read = { instanceName: '', digests, acceptableCompressors };
      const refused = refusal(messageBytesMax, '2,650');
      expect(await failure(service.unary(M.batchReadBlobs, read, call()))).toMatch(refused);
      const requests = digests.map((digest, n) => ({ digest, data: small[n]!, compressor: 0 }));
      const update = { instanceName: '', requests };
      expect(await failure(service.unary(M.batchUpdateBlobs, update, call()))).toMatch(refused);
    }, limited));

  test.each([1_000, 4_000_000, 12_000_000])(
    'a question for missing blobs is refused if its answer were longer than every client takes, whatever batches may be (%s B)',
    (batchBytesMax) =>
      play(
        async ({ service }) => {
          const oddDigest = (_: unknown, n: number): Digest => ({
            hash: n.toString(16).padStart(64, '0'),
            sizeBytes: [1, 127, 128, 16_383, 16_384, 2 ** 40, Number.MAX_SAFE_INTEGER][n % 7]!,
          });
          const missing = Array.from({ length: 60_000 }, oddDigest);
          const lengthOf = (missingBlobDigests: Digest[]): number =>
            MESSAGES.FindMissingBlobsResponse.encode({ missingBlobDigests }).length;
          let bytes = 0;
          const over = missing.findIndex((digest) => (bytes += lengthOf([digest])) > 4 * 1024 * 1024);
          const ask = (count: number) => {
            const blobDigests = missing.slice(0, count);
            return service.unary(M.findMissingBlobs, { instanceName: '', blobDigests }, call());
          };
          expect((await ask(over)).missingBlobDigests).toHaveLength(over);
          expect(await failure(ask(over + 1))).toBe(
            'INVALID_ARGUMENT: blob_digests: expected no more missing blobs than an answer of 4194304 B names, ' +
              `got ${over + 1}`,
          );
        },
        { batchBytesMax },
      ),
  );

  test('a batch is by default no longer than a message that every client of gRPC takes', () =>
    play(async ({ service }) => {
      const request = { instanceName: '', digests: Array(60_000).fill(blob), acceptableCompressors };
      expect(await failure(service.unary(M.batchReadBlobs, request, call()))).toMatch(
        refusal(4 * 1024 * 1024, '60,000'),
      );
    }));

  test.for([
    ['all of which are there', 1],
    ['half of which are missing', 2],
    ['all of which are missing', Infinity],
  ] as const)(
    'the answer to a batch as large as can be, of blobs %s, is no longer than a message',
    ([, step]) =>
      play(async ({ service, content }) => {
        const isThere = (n: number): boolean => n % step === 0 && step < Infinity;
        for (const [n, bytes] of small.entries()) if (isThere(n)) content.add(bytes);
        const request = { instanceName: '', digests: digests.slice(0, 2_500), acceptableCompressors };
        const answer = await service.unary(M.batchReadBlobs, request, call());
        expect(M.batchReadBlobs.response.encode(answer).length).toBeLessThanOrEqual(messageBytesMax);
        expect(answer.responses.map(({ status }) => status?.code)).toEqual(
          request.digests.map((_, n) => (isThere(n) ? 0 : 5)),
        );
      }, limited),
  );

  test('the answer to a batch of blobs that are all refused is no longer than a message', () =>
    play(async ({ service }) => {
      const wrong = digests
        .slice(0, 2_500)
        .map((digest, n) => ({ digest, data: small[n + 1]!, compressor: 0 }));
      const answer = await service.unary(M.batchUpdateBlobs, { instanceName: '', requests: wrong }, call());
      expect(M.batchUpdateBlobs.response.encode(answer).length).toBeLessThanOrEqual(messageBytesMax);
      expect(new Set(answer.responses.map(({ status }) => status?.code))).toEqual(new Set([3]));
    }, limited));

  test('a page of operations is no longer than a message, however much their results name', () =>
    play(
      async ({ service, content }) => {
        for (let n = 0; n < 12; n += 1) {
          await all(execute(service, putAction(content, { arguments: ['true', `${n}`] })));
        }
        const names = new Set<string>();
        let pages = 0;
        for (let pageToken = ''; pages === 0 || (pageToken !== '' && pages < 12); pages += 1) {
          const asked = { filter: '', pageSize: 0, pageToken, name: '' };
          const page = await service.unary(M.listOperations, asked, call());
          expect(M.listOperations.response.encode(page).length).toBeLessThan(4 * 1024 * 1024);
          for (const { name } of page.operations) names.add(name);
          pageToken = page.nextPageToken;
        }
        expect(names.size).toBe(12);
        expect(pages).toBeLessThan(12);
      },
      { fake: { script: () => ({ end: { state: 'FAILED', exitCode: 1, error: 'x'.repeat(200_000) } }) } },
    ));

  test('a page of a tree is no longer than a message, whatever its directories consist of', () =>
    play(async ({ service, content }) => {
      const long = (n: number): string => String(n).padStart(200, '.');
      const many = <T>(make: (n: number) => T): T[] => Array.from({ length: 1_000 }, (_, n) => make(n));
      const links = (nth: number): Digest =>
        content.add(
          MESSAGES.Directory.encode({
            symlinks: many((n) => ({ name: `${nth} ${n}`, target: `${long(n)}/${long(n)}/${long(n)}` })),
          }),
        );
      const files = (nth: number): Digest =>
        content.add(
          MESSAGES.Directory.encode({ files: many((n) => ({ name: `${nth} ${long(n)}`, digest: blob })) }),
        );
      const directories = Array.from({ length: 16 }, (_, n) => ({
        name: `d${n}`,
        digest: n % 2 === 0 ? links(n) : files(n),
      }));
      const rootDigest = content.add(MESSAGES.Directory.encode({ directories }));
      const asked = { instanceName: '', rootDigest, pageSize: 0, pageToken: '' };
      const pages = await all(service.serverStream(M.getTree, asked, call()));
      const sizes = pages.map((page) => MESSAGES.GetTreeResponse.encode(page).length);
      expect(Math.max(...sizes)).toBeLessThan(1_100_000);
      expect(pages.length).toBeGreaterThan(4);
      expect(pages.flatMap((page) => page.directories)).toHaveLength(17);
      const [, second] = pages;
      const rest = await all(
        service.serverStream(M.getTree, { ...asked, pageToken: pages[0]!.nextPageToken }, call()),
      );
      expect(rest[0]).toEqual(second);
    }));

  test('GetTree refuses a directory that fits into no message, after those before it', () =>
    play(async ({ service, content }) => {
      const folderOf = (sizeBytes: number): Digest => {
        const symlinks = Array.from({ length: 1_190 }, (_, n) => ({
          name: `${n}`,
          target: 'x'.repeat(3_500),
        }));
        const missing = (): number => sizeBytes - MESSAGES.Directory.encode({ symlinks }).length;
        while (missing() > 3_600) symlinks.push({ name: `${symlinks.length}`, target: 'x'.repeat(3_000) });
        // Besides its target, the last link takes twelve bytes.
        symlinks.push({ name: 'last', target: 'x'.repeat(missing() - 12) });
        return content.add(MESSAGES.Directory.encode({ symlinks }));
      };
      const askedOf = (digest: Digest) => {
        const directories = [{ name: 'd', digest }];
        const rootDigest = content.add(MESSAGES.Directory.encode({ directories }));
        return { instanceName: '', rootDigest, pageSize: 0, pageToken: '' };
      };
      const largest = folderOf(4 * 1024 * 1024 - 16);
      expect(largest.sizeBytes).toBe(4 * 1024 * 1024 - 16);
      const pages = await all(service.serverStream(M.getTree, askedOf(largest), call()));
      const sizes = pages.map((page) => MESSAGES.GetTreeResponse.encode(page).length);
      expect(pages.map(({ directories }) => directories.length)).toEqual([1, 1]);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(4 * 1024 * 1024);
      const larger = folderOf(4 * 1024 * 1024 - 15);
      const asked = askedOf(larger);
      const found: GetTreeResponse[] = [];
      const refused = async (): Promise<void> => {
        for await (const page of service.serverStream(M.getTree, asked, call())) found.push(page);
      };
      expect(await failure(refused())).toBe(
        `INVALID_ARGUMENT: root_digest: expected directories of at most 4194288 B each, which fit into a message, got ${digestKey(larger)}`,
      );
      expect(found.map(({ directories }) => directories.length)).toEqual([1]);
      const after = { ...asked, pageToken: '2' };
      expect(await all(service.serverStream(M.getTree, after, call()))).toEqual([
        { directories: [], nextPageToken: '' },
      ]);
    }));

  test('a tree comes in pages, each directory once, and on from a token', () =>
    play(async ({ service, content }) => {
      const leaf = content.add(MESSAGES.Directory.encode({ files: [{ name: 'f', digest: blob }] }));
      const directories = ['a', 'b'].map((name) => ({ name, digest: leaf }));
      const inner = content.add(MESSAGES.Directory.encode({ directories }));
      const rootDigest = content.add(
        MESSAGES.Directory.encode({ directories: [{ name: 'in', digest: inner }] }),
      );
      const page = (pageToken: string) =>
        all(
          service.serverStream(M.getTree, { instanceName: '', rootDigest, pageSize: 1, pageToken }, call()),
        );
      const names = (await page('')).map((each) =>
        each.directories.flatMap((dir) => [...dir.files, ...dir.directories].map(({ name }) => name)).join(),
      );
      expect(names).toEqual(['in', 'a,b', 'f', '']);
      expect(await page('2')).toHaveLength(2);
      expect(await failure(page('x'))).toMatch(/^INVALID_ARGUMENT: page_token/);
      const lost = { instanceName: '', rootDigest: digestOf('lost'), pageSize: 0, pageToken: '' };
      expect(await failure(all(service.serverStream(M.getTree, lost, call())))).toMatch(
        /^NOT_FOUND: missing blobs/,
      );
    }));
});

test('an index of trees remembers as many blobs as it may, of any number of trees', async () => {
  const content = createMemoryContentStore();
  const index = new TreeIndex(content, 100);
  const treeOf = (files: number, round: number): Digest =>
    content.add(
      MESSAGES.Directory.encode({
        files: Array.from({ length: files }, (_, n) => ({
          name: `f${n}`,
          digest: content.add(`${round} ${n}`),
        })),
      }),
    );
  for (let round = 0; round < 10; round += 1) {
    const root = treeOf(30, round);
    expect((await index.blobsOf(root)).blobs).toHaveLength(31);
    expect((await index.blobsOf(root)).blobs).toHaveLength(31);
    expect(index.kept).toBe(31 * Math.min(3, round + 1));
  }
  expect((await index.blobsOf(treeOf(150, 11))).blobs).toHaveLength(151);
  expect(index.kept).toBe(93);
  // The oldest stays if it was used since.
  const oldest = treeOf(30, 7);
  await index.blobsOf(oldest);
  await index.blobsOf(treeOf(30, 12));
  content.evict(oldest);
  expect((await index.blobsOf(oldest)).missing).toEqual([]);
});

describe('cached results', () => {
  const actionDigest = digestOf('action');
  const result = (digest: Digest) =>
    MESSAGES.ActionResult.decode(
      MESSAGES.ActionResult.encode({ outputFiles: [{ path: 'a', digest }], exitCode: 0 }),
    );

  test('are taken only with all their blobs, and given only while these are there', () =>
    play(async ({ service, content }) => {
      const request = { instanceName: 'i', actionDigest, actionResult: result(digestOf('out')) };
      expect(await failure(service.unary(M.updateActionResult, request, call()))).toMatch(
        /^FAILED_PRECONDITION/,
      );
      const out = content.add('out');
      await service.unary(M.updateActionResult, request, call());
      const get = (instanceName: string) =>
        service.unary(
          M.getActionResult,
          { instanceName, actionDigest, inlineStdout: false, inlineStderr: false, inlineOutputFiles: [] },
          call(),
        );
      expect((await get('i')).outputFiles).toMatchObject([{ path: 'a', digest: out }]);
      expect(await failure(get('other'))).toMatch(/^NOT_FOUND: no cached result/);
      content.evict(out);
      expect(await failure(get('i'))).toMatch(/^NOT_FOUND: the cached result .* has lost 1 blob$/);
    }));
});

test('a result may name a folder of very many files, and any folder at many paths, but no more than a message', () =>
  play(async ({ service, content }) => {
    const treeOf = (count: number): Digest => {
      const files = Array.from({ length: count }, (_, n) => ({ name: `${n}`, digest: digestOf('') }));
      return content.add(MESSAGES.Tree.encode({ root: { files } }));
    };
    const update = (treeDigest: Digest, paths: number): Promise<string> => {
      const outputDirectories = Array.from({ length: paths }, (_, n) => ({ path: `d${n}`, treeDigest }));
      const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode({ outputDirectories }));
      const request = { instanceName: '', actionDigest: digestOf('action'), actionResult };
      return failure(service.unary(M.updateActionResult, request, call()));
    };
    expect(await update(treeOf(200_000), 1)).toBe('no failure');
    const tree = treeOf(1_000);
    expect(await update(tree, 1_000)).toBe('no failure');
    expect(await update(tree, 1_001)).toBe(
      'INVALID_ARGUMENT: action_result.output_directories: expected at most 1000000 files and links in all, got 1001000',
    );
  }));

test('the result of an action that failed is not taken as cached', () =>
  play(async ({ service }) => {
    const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode({ exitCode: 3 }));
    const request = { instanceName: '', actionDigest: digestOf('action'), actionResult };
    expect(await failure(service.unary(M.updateActionResult, request, call()))).toBe(
      'INVALID_ARGUMENT: action_result.exit_code: expected 0, as failures are not cached, got 3',
    );
  }));

test.for<readonly [string, Parameters<typeof MESSAGES.ActionResult.encode>[0], string]>([
  [
    'an absolute link',
    { outputSymlinks: [{ path: 'a', target: '/etc/passwd' }] },
    'link that could lead out of the input root: a -> /etc/passwd',
  ],
  [
    'a link that leads out',
    { outputFileSymlinks: [{ path: 'd/a', target: '../../../etc' }] },
    'link that could lead out of the input root: d/a -> ../../../etc',
  ],
  [
    'a link without a target',
    { outputDirectorySymlinks: [{ path: 'a', target: '' }] },
    'link that could lead out of the input root: a -> ',
  ],
  [
    'a link whose target has a NUL',
    { outputSymlinks: [{ path: 'a', target: 'x\0y' }] },
    'link that could lead out of the input root: a -> x\\u0000y',
  ],
  [
    'a link whose path and target have other lines',
    { outputSymlinks: [{ path: 'a\nb', target: '/\u001b[2J\u202e' }] },
    'link that could lead out of the input root: a\\nb -> /\\u001b[2J\\u202e',
  ],
  [
    'one link with two targets, whose names have other lines',
    {
      outputSymlinks: [{ path: 'a\n', target: 'b\u2028' }],
      outputFileSymlinks: [{ path: 'a\n', target: 'c\u202e' }],
    },
    'output_symlinks.target: expected "c\\u202e" as before for a\\n, got "b\\u2028"',
  ],
  [
    'one link with two targets',
    { outputSymlinks: [{ path: 'a', target: 'b' }], outputFileSymlinks: [{ path: 'a', target: 'c' }] },
    'output_symlinks.target: expected "c" as before for a, got "b"',
  ],
  [
    'a path that is a file and a folder',
    {
      outputFiles: [{ path: 'a', digest: digestOf('') }],
      outputDirectories: [{ path: 'a', treeDigest: digestOf('') }],
    },
    'outputs: expected each output once, got "a"',
  ],
  [
    'an output below a file',
    { outputFiles: ['a', 'b', 'a/c/d'].map((path) => ({ path, digest: digestOf('') })) },
    'outputs: expected no output below a file, got "a/c/d"',
  ],
])('a result with %s is not taken as cached', ([, of, why]) =>
  play(async ({ service }) => {
    const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode(of));
    const request = { instanceName: '', actionDigest: digestOf('action'), actionResult };
    expect(await failure(service.unary(M.updateActionResult, request, call()))).toBe(
      `INVALID_ARGUMENT: ${why}`,
    );
  }),
);

test('a link in a result of an action leads out only if it does so from where its command works', () =>
  play(async ({ service, content }) => {
    const actionDigest = putAction(content, { workingDirectory: 'w' });
    const update = (target: string): Promise<string> => {
      const lists = { outputSymlinks: [{ path: 'a', target }], outputFileSymlinks: [{ path: 'a', target }] };
      const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode(lists));
      return failure(
        service.unary(M.updateActionResult, { instanceName: '', actionDigest, actionResult }, call()),
      );
    };
    expect(await update('../b')).toBe('no failure');
    expect(await update('../../b')).toBe(
      'INVALID_ARGUMENT: link that could lead out of the input root: w/a -> ../../b',
    );
  }));

test('the key of a result with a link may be a blob that is no action', () =>
  play(async ({ service, content }) => {
    const tooLarge = { hash: 'a'.repeat(64), sizeBytes: 2 ** 30 };
    const commandDigest = content.add('no action');
    const action = { commandDigest, inputRootDigest: digestOf(''), doNotCache: false };
    for (const actionDigest of [commandDigest, content.add(encodeAction(action)), tooLarge]) {
      const update = (target: string): Promise<string> => {
        const lists = { outputSymlinks: [{ path: 'a', target }] };
        const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode(lists));
        const request = { instanceName: '', actionDigest, actionResult };
        return failure(service.unary(M.updateActionResult, request, call()));
      };
      expect(await update('b')).toBe('no failure');
      expect(await update('../b')).toBe(
        'INVALID_ARGUMENT: link that could lead out of the input root: a -> ../b',
      );
    }
  }));

const folderOf = (...inner: readonly Init<DirectoryMessage>[]): Init<DirectoryMessage> => ({
  directories: inner.map((message, at) => ({
    name: `d${at}`,
    digest: digestOf(MESSAGES.Directory.encode(message)),
  })),
});
const linkTo = (target: string): Init<DirectoryMessage> => ({ symlinks: [{ name: 'l', target }] });
const LEADS_OUT = 'INVALID_ARGUMENT: link that could lead out of the input root:';

test.for<readonly [string, Init<TreeMessage>, string]>([
  ['a link that leads out', { root: linkTo('../../b') }, `${LEADS_OUT} o/l -> ../../b`],
  ['a link that leads out of the folder alone', { root: linkTo('../b') }, 'no failure'],
  [
    'a link that leads out further below',
    { root: folderOf(linkTo('../../../b')), children: [linkTo('../../../b')] },
    `${LEADS_OUT} o/d0/l -> ../../../b`,
  ],
  [
    'a link further below that does not lead out',
    { root: folderOf(linkTo('../../b')), children: [linkTo('../../b')] },
    'no failure',
  ],
  [
    'a link that leads out of one of its two places',
    {
      root: folderOf(folderOf(linkTo('../../../b')), linkTo('../../../b')),
      children: [linkTo('../../../b'), folderOf(linkTo('../../../b'))],
    },
    `${LEADS_OUT} o/d1/l -> ../../../b`,
  ],
  [
    'a link in a folder that no other names by its digest',
    { root: folderOf({}), children: [linkTo('../../../b')] },
    `${LEADS_OUT} o/*/l -> ../../../b`,
  ],
  [
    'a folder above itself',
    { root: { directories: [{ name: '..', digest: digestOf('') }] }, children: [{}] },
    'INVALID_ARGUMENT: directory.name: expected a name without "/", got ".."',
  ],
  [
    'a link at a path that no disk can hold',
    pathOf(Array.from({ length: 20 }, () => 'n'.repeat(200))),
    'INVALID_ARGUMENT: output_directories: expected a path of at most 3584 bytes, got 3619',
  ],
])('a result with an output folder that has %s', ([, tree, end]) =>
  play(async ({ service, content }) => {
    const treeDigest = content.add(MESSAGES.Tree.encode(tree));
    const lists = { outputDirectories: [{ path: 'o', treeDigest }] };
    const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode(lists));
    const request = { instanceName: '', actionDigest: digestOf('action'), actionResult };
    expect(await failure(service.unary(M.updateActionResult, request, call()))).toBe(end);
  }),
);

/** A tree in which a link lies below folders of those names. */
function pathOf(names: readonly string[]): Init<TreeMessage> {
  const children: Init<DirectoryMessage>[] = [linkTo('b')];
  for (const name of [...names].reverse()) {
    const digest = digestOf(MESSAGES.Directory.encode(children.at(-1) ?? {}));
    children.push({ directories: [{ name, digest }] });
  }
  const root = children.pop() ?? null;
  return { root, children };
}

test('a link in an output folder leads out only if it does so from where the command of its action works', () =>
  play(async ({ service, content }) => {
    const actionDigest = putAction(content, { workingDirectory: 'w' });
    const update = (target: string): Promise<string> => {
      const treeDigest = content.add(MESSAGES.Tree.encode({ root: linkTo(target) }));
      const lists = { outputDirectories: [{ path: 'o', treeDigest }] };
      const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode(lists));
      return failure(
        service.unary(M.updateActionResult, { instanceName: '', actionDigest, actionResult }, call()),
      );
    };
    expect(await update('../../b')).toBe('no failure');
    expect(await update('../../../b')).toBe(`${LEADS_OUT} w/o/l -> ../../../b`);
  }));

test('a client may know compressors that the server does not know', () =>
  play(async ({ service, content }) => {
    const digests = [content.add('text')];
    const request = { instanceName: '', digests, acceptableCompressors: [3, 99, 0] };
    const { responses } = await service.unary(M.batchReadBlobs, request, call());
    expect(responses).toMatchObject([{ status: { code: 0 }, compressor: 0, data: Buffer.from('text') }]);
  }));

test.for([
  ['without a name', {}, 'remote'],
  ['with a name', { name: 'own' }, 'own'],
] as const)(
  'operations of a server %s that follows another have other names, and a simulation that is repeated the same',
  async ([, naming, name]) => {
    const nameOf = async (sim: Simulation, worker = 'fake'): Promise<string> => {
      const runner = createFakeRunner(sim.world, { name: worker, script: () => ({}) });
      const content = createMemoryContentStore();
      const parts = { runner, content, cache: createMemoryActionCache(), ...naming };
      const server = createRemoteService(sim.world, parts);
      const last = (await all(execute(overWire(server), putAction(content)))).at(-1);
      server.close();
      await runner.release();
      return last?.name ?? '';
    };
    const names: string[] = [];
    for (const round of [1, 2]) {
      const { failure: failed } = await simulate({
        scenario: async (sim) => {
          names.push(await nameOf(sim));
          await sim.sleep(round);
          names.push(await nameOf(sim));
          const inOneInstant = await Promise.all([nameOf(sim, 'one'), nameOf(sim, 'two')]);
          expect(new Set(inOneInstant).size).toBe(2);
        },
      });
      expect(failed?.message).toBeUndefined();
    }
    expect(names[0]).toMatch(new RegExp(`^operations/${name}-\\w+-\\w+-1$`));
    expect(names[1]).not.toBe(names[0]);
    expect(names[2]).toBe(names[0]);
  },
);

test('a closed server is UNAVAILABLE, and what it does not have UNIMPLEMENTED', () =>
  play(async ({ sim, service, content, runner }) => {
    const server = createRemoteService(sim.world, { runner, content, cache: createMemoryActionCache() });
    server.close();
    expect(await failure(server.unary(M.getCapabilities, { instanceName: '' }, call()))).toBe(
      'UNAVAILABLE: the server is going down',
    );
    const odd = { ...M.getCapabilities, path: '/x/Y' };
    expect(await failure(service.unary(odd, { instanceName: '' }, call()))).toBe(
      'UNIMPLEMENTED: no such method: /x/Y',
    );
  }));

test('capabilities name SHA-256, API version 2 and no compressor', () =>
  play(async ({ service }) => {
    const { cacheCapabilities, executionCapabilities, lowApiVersion } = await service.unary(
      M.getCapabilities,
      { instanceName: '' },
      call(),
    );
    expect(cacheCapabilities).toMatchObject({ digestFunction: [1], supportedCompressors: [] });
    expect(executionCapabilities).toMatchObject({ digestFunction: 1, execEnabled: true });
    expect(lowApiVersion?.major).toBe(2);
  }));

test('a service without any runner is refused, as it could carry out nothing', async () => {
  await inSimulation((sim) => {
    const content = createMemoryContentStore();
    const options = { runner: [], content, cache: createMemoryActionCache() };
    expect(() => createRemoteService(sim.world, options)).toThrow(
      'runner: expected a runner, or a list of at least one, got an array of 0',
    );
    return Promise.resolve();
  });
});

describe('data of a store or a cache of a user’s', () => {
  const file = { path: 'a', digest: { ...digestOf(''), cold: true }, isExecutable: false, kept: 1 };
  const link = { path: 'b', target: 'a', kept: 1 };
  const outcome = {
    ...{ outputFiles: [file], outputDirectories: [], outputSymlinks: [link], exitCode: 0, note: 'x' },
    stdoutDigest: { ...digestOf(''), kept: 1 },
    metadata: { worker: 'w', host: 'h' },
  };
  const inlined = { inlineStdout: false, inlineStderr: false, inlineOutputFiles: [] };
  const request = { instanceName: '', actionDigest: digestOf('x'), ...inlined };
  const cacheOf = (given: typeof outcome): ActionCache => ({
    cancelBoundMs: 0,
    get: () => given,
    put: () => undefined,
  });

  test('may have more fields than a message, which no client gets', async () => {
    const content = createMemoryContentStore();
    content.add('');
    const found = content.findMissing.bind(content);
    content.findMissing = (digests) => found(digests).map((digest) => ({ ...digest, askedAt: 5 }));
    const scene = async ({ service }: Stage): Promise<void> => {
      const blobDigests = [digestOf('nope')];
      const missing = service.unary(M.findMissingBlobs, { instanceName: '', blobDigests }, call());
      expect(await missing).toEqual({ missingBlobDigests: blobDigests });
      expect(await service.unary(M.getActionResult, request, call())).toMatchObject({
        outputFiles: [{ path: 'a', digest: digestOf('') }],
        outputSymlinks: [{ path: 'b', target: 'a' }],
        stdoutDigest: digestOf(''),
      });
    };
    await play(scene, { content, cache: cacheOf(outcome) });
  });

  test('that is no message is a fault of the server, not of its client', async () => {
    const scene = async ({ service, content }: Stage): Promise<void> => {
      content.add('');
      expect(await failure(service.unary(M.getActionResult, request, call()))).toBe(
        'INTERNAL: the answer is no message: ActionResult.exitCode: expected a whole number of 32 bits, got 1.5',
      );
    };
    await play(scene, { cache: cacheOf({ ...outcome, exitCode: 1.5 }) });
  });
});
