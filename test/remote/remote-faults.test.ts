// What each kind of fault does to a call, which calls it strikes, and where it is seen.
import { describe, expect, test } from 'vitest';
import { MESSAGES, type OperationMessage, packAny, unpackAny } from '../../src/cas/codec.ts';
import { RPC_CODES } from '../../src/model/action.ts';
import type { RemoteFaultKind } from '../../src/model/faults.ts';
import { REMOTE_METHODS as M } from '../../src/remote/methods.ts';
import { type RemoteFaults, withRemoteFaults } from '../../src/remote/remote-faults.ts';
import { type RemoteService, RpcError, type RpcMethod } from '../../src/remote/rpc.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { eventText } from '../../src/trace/event-text.ts';
import { inSimulation } from '../runners/in-simulation.ts';

const operation = (done: boolean): OperationMessage => ({
  name: 'operations/1',
  metadata: null,
  done,
  ...(done ? { response: packAny(MESSAGES.ExecuteResponse, { result: { exitCode: 3 } }) } : {}),
});

/** A server that answers everything, streams with three messages, and counts its calls. */
function countingService(): RemoteService & { readonly calls: readonly string[] } {
  const calls: string[] = [];
  return {
    calls,
    async unary({ path }) {
      calls.push(path);
      return {} as never;
    },
    async *serverStream({ path }) {
      calls.push(path);
      for (const done of [false, false, true]) yield operation(done) as never;
    },
    async clientStream({ path }) {
      calls.push(path);
      return {} as never;
    },
  };
}

/** What a call comes to: its answers in a few words, or its status; and what the server has seen of it. */
async function made(
  sim: Simulation,
  faults: RemoteFaults,
  { path, kind }: Pick<RpcMethod<unknown, unknown>, 'path' | 'kind'>,
): Promise<string> {
  const service = countingService();
  const remote = withRemoteFaults(service, sim.world, faults);
  const context = { signal: new AbortController().signal };
  const method = Object.values(M).find((each: { readonly path: string }) => each.path === path) as never;
  const came: string[] = [];
  try {
    if (kind === 'serverStream') {
      for await (const answer of remote.serverStream(method, {}, context)) {
        const { done, response } = answer as OperationMessage;
        const result = unpackAny(MESSAGES.ExecuteResponse, response);
        came.push(
          done ? `exit code ${result?.result?.exitCode}, status ${result?.status?.code}` : 'progress',
        );
      }
      came.push('end');
    } else if (kind === 'unary') came.push(JSON.stringify(await remote.unary(method, {}, context)));
    else came.push(JSON.stringify(await remote.clientStream(method, (async function* () {})(), context)));
  } catch (error) {
    came.push(error instanceof RpcError ? `${error.status.code}` : String(error));
  }
  return `${came.join('; ')} after ${sim.world.clock.now()} ms, ${service.calls.length} at the server`;
}

const WHOLE = 'progress; progress; exit code 3, status undefined; end';

describe('a fault of a remote call', () => {
  test.for<readonly [RemoteFaultKind, Pick<RpcMethod<unknown, unknown>, 'path' | 'kind'>, RegExp, string]>([
    ['refuse', M.findMissingBlobs, /^14 after 0 ms, 0 at the server$/, 'FindMissingBlobs is refused'],
    ['refuse', M.execute, /^14 after 0 ms, 0 at the server$/, 'Execute is refused'],
    [
      'loseAnswer',
      M.cancelOperation,
      /^14 after 0 ms, 1 at/,
      'CancelOperation is done, but its answer is lost',
    ],
    ['loseAnswer', M.write, /^14 after 0 ms, 1 at/, 'Write is done, but its answer is lost'],
    ['deadline', M.write, /^4 after 0 ms, 1 at/, 'Write is done, but past its deadline'],
    ['cut', M.waitExecution, /^(progress; ){0,2}14 after 0 ms, 1 at/, 'WaitExecution breaks off'],
    ['cut', M.read, /^(progress; ){0,2}14 after 0 ms, 1 at/, 'Read breaks off'],
    ['loseDone', M.execute, /^progress; progress; end after/, 'Execute ends without its result'],
    ['loseResult', M.getActionResult, /^5 after 0 ms, 1 at/, 'GetActionResult finds no cached result'],
    ['loseBlob', M.read, /^5 after 0 ms, 1 at the server$/, 'Read does not find the blob'],
    ['workerDies', M.execute, /; exit code undefined, status 14; end after/, 'Execute loses its worker'],
    ['slow', M.getTree, /; end after (1000|[1-9]\d\d) ms, 1 at/, 'GetTree is slow'],
  ])('%s strikes %o, is counted, and is in the trace', async ([kind, method, outcome, words]) => {
    const struck: string[] = [];
    const faults: RemoteFaults = {
      name: 'net',
      rates: { [kind]: 1 },
      strikesMax: 1,
      onFault: (what, path) => struck.push(`${what} ${path}`),
    };
    const verdict = await inSimulation(async (sim) => {
      expect(await made(sim, faults, method)).toMatch(outcome);
    });
    expect(struck).toEqual([`${kind} ${method.path}`]);
    expect(verdict.faults).toBe(1);
    const traced = verdict.trace().filter(({ type }) => type === 'fault');
    expect(traced).toEqual([expect.objectContaining({ at: 0, runner: 'net', kind, runId: '' })]);
    expect(traced.map(eventText)).toEqual([`net call ${words}`]);
  });

  test.for<readonly [RemoteFaultKind, Pick<RpcMethod<unknown, unknown>, 'path' | 'kind'>]>([
    ['loseAnswer', M.execute],
    ['deadline', M.read],
    ['loseDone', M.read],
    ['workerDies', M.waitExecution],
    ['cut', M.getActionResult],
    ['loseResult', M.read],
    ['loseBlob', M.getTree],
  ])('%s does not strike %o', async ([kind, method]) => {
    const verdict = await inSimulation(async (sim) => {
      const came = await made(sim, { rates: { [kind]: 1 } }, method);
      expect(came).toBe(`${method.kind === 'serverStream' ? WHOLE : '{}'} after 0 ms, 1 at the server`);
    });
    expect([verdict.faults, verdict.decisionCount]).toEqual([0, 0]);
  });

  /** A service that has nothing: every call fails, and streams end at once. */
  const NOTHING: RemoteService = {
    unary: () => Promise.reject(new RpcError('NOT_FOUND', 'there is none')),
    async *serverStream() {
      throw new RpcError('NOT_FOUND', 'there is none');
    },
    clientStream: () => Promise.reject(new RpcError('NOT_FOUND', 'there is none')),
  };
  const EMPTY: RemoteService = { ...NOTHING, async *serverStream() {} };

  test.for(['loseAnswer', 'deadline'] as const)(
    '%s of Write names the blob that the server has read',
    async (kind) => {
      const struck: string[] = [];
      const onFault: RemoteFaults['onFault'] = (what, _path, about) => struck.push(`${what} ${about}`);
      await inSimulation(async (sim) => {
        const reads: RemoteService = {
          ...NOTHING,
          async clientStream(_method, requests) {
            await requests[Symbol.asyncIterator]().next();
            return { committedSize: 1 } as never;
          },
        };
        const remote = withRemoteFaults(reads, sim.world, { rates: { [kind]: 1 }, strikesMax: 1, onFault });
        const resourceName = `uploads/u/blobs/${'ab'.repeat(32)}/1`;
        const part = { resourceName, writeOffset: 0, finishWrite: true, data: new Uint8Array(1) };
        const requests = async function* () {
          yield part;
        };
        const written = remote.clientStream(M.write, requests(), { signal: new AbortController().signal });
        await expect(written).rejects.toThrow('injected fault');
      });
      expect(struck).toEqual([`${kind} blob abababab`]);
    },
  );

  test.for<readonly [RemoteFaultKind, 'unary' | 'serverStream' | 'clientStream', string, RemoteService]>([
    ['loseResult', 'unary', M.getActionResult.path, NOTHING],
    ['loseBlob', 'serverStream', M.read.path, NOTHING],
    ['cut', 'serverStream', M.read.path, EMPTY],
    ['loseDone', 'serverStream', M.execute.path, EMPTY],
    ['workerDies', 'serverStream', M.execute.path, EMPTY],
  ])(
    '%s that would change nothing spares %s %s, and may strike the next call',
    async ([kind, how, path, service]) => {
      const struck: string[] = [];
      const faults: RemoteFaults = {
        rates: { [kind]: 1 },
        strikesMax: 1,
        onFault: (what) => struck.push(what),
      };
      const verdict = await inSimulation(async (sim) => {
        const { signal } = new AbortController();
        const method = Object.values(M).find(
          (each: { readonly path: string }) => each.path === path,
        ) as never;
        let isThere = false;
        const either = (): RemoteService => (isThere ? countingService() : service);
        const remote = withRemoteFaults(
          {
            unary: (...given) => either().unary(...given),
            serverStream: (...given) => either().serverStream(...given),
            clientStream: (...given) => either().clientStream(...given),
          },
          sim.world,
          faults,
        );
        const call = async (): Promise<void> => {
          try {
            if (how === 'serverStream') {
              for await (const answer of remote.serverStream(method, {}, { signal })) {
                expect(answer).toBeDefined();
              }
            } else if (how === 'unary') await remote.unary(method, {}, { signal });
            else await remote.clientStream(method, (async function* () {})(), { signal });
          } catch (error) {
            expect(error).toBeInstanceOf(RpcError);
          }
        };
        await call();
        expect(struck).toEqual([]);
        isThere = true;
        await call();
        await call();
      });
      expect(struck).toEqual([kind]);
      expect(verdict.faults).toBe(1);
    },
  );

  test.for<readonly [RemoteFaultKind, string]>([
    ['loseAnswer', 'UNAVAILABLE'],
    ['deadline', 'DEADLINE_EXCEEDED'],
  ])('%s hides a failure from the client as well', async ([kind, code]) => {
    const verdict = await inSimulation(async (sim) => {
      const remote = withRemoteFaults(NOTHING, sim.world, { rates: { [kind]: 1 } });
      const context = { signal: new AbortController().signal };
      const status = { code: RPC_CODES[code as keyof typeof RPC_CODES] };
      const found = remote.unary(M.getActionResult, { instanceName: '' } as never, context);
      await expect(found).rejects.toMatchObject({ status });
      const written = remote.clientStream(M.write, (async function* () {})(), context);
      await expect(written).rejects.toMatchObject({ status });
      const gone = { signal: AbortSignal.abort() };
      const left = remote.unary(M.getActionResult, { instanceName: '' } as never, gone);
      await expect(left).rejects.toMatchObject({ status: { code: RPC_CODES.NOT_FOUND } });
    });
    expect(verdict.faults).toBe(2);
  });

  test('that was drawn before healing does not strike after it', async () => {
    const verdict = await inSimulation(async (sim) => {
      const late: RemoteService = {
        ...NOTHING,
        async unary() {
          await sim.sleep(10);
          sim.heal();
          return {} as never;
        },
      };
      const remote = withRemoteFaults(late, sim.world, { rates: { loseAnswer: 1 } });
      const { signal } = new AbortController();
      expect(await remote.unary(M.cancelOperation, { name: 'x' }, { signal })).toEqual({});
    });
    expect(verdict.faults).toBe(0);
  });

  test('strikes as often as it may, and not after healing', async () => {
    const verdict = await inSimulation(async (sim) => {
      const { signal } = new AbortController();
      const ask = async (remote: RemoteService): Promise<string> =>
        remote.unary(M.getCapabilities, { instanceName: '' }, { signal }).then(
          () => 'answered',
          () => 'refused',
        );
      const rarely = withRemoteFaults(countingService(), sim.world, { rates: { refuse: 1 }, strikesMax: 2 });
      expect([await ask(rarely), await ask(rarely), await ask(rarely)]).toEqual([
        'refused',
        'refused',
        'answered',
      ]);
      const always = withRemoteFaults(countingService(), sim.world, { rates: { refuse: 1 } });
      expect(await ask(always)).toBe('refused');
      sim.heal();
      expect(await ask(always)).toBe('answered');
    });
    expect(verdict.faults).toBe(3);
  });
});
