/**
 * Injects faults between a client and a {@link RemoteService}, and in the service: an unreliable cluster. Invariants:
 * each fault is one decision, where 0 means none, so that each can be removed on its own; each that strikes is in the
 * trace, and one without effect, such as a cut of a stream that had ended, is not; every fault is something that a real server could do; after healing, nothing strikes.
 */
import * as is from '../kernel/shape.ts';
import { sleep } from '../kernel/clock.ts';
import type { DescribeAnswer } from '../kernel/decisions.ts';
import { membersOf } from '../kernel/union-members.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import { check } from '../kernel/argument-check.ts';
import { statusMessage } from '../cas/action-messages.ts';
import { MESSAGES, packAny, type OperationMessage } from '../cas/codec.ts';
import { RPC_CODES } from '../model/action.ts';
import { callBack } from '../model/callback.ts';
import { type FaultEvent, INJECTED, type RemoteFaultKind, remoteFaultText } from '../model/faults.ts';
import type { World } from '../model/world.ts';
import { checkWorld } from '../model/world.ts';
import { type RateTable, RateTables } from '../network/rate-table.ts';
import { requestText } from './call-trace.ts';
import { REMOTE_METHODS as M } from './methods.ts';
import {
  isServer,
  markServer,
  methodName,
  RPC_METHOD,
  type RemoteService,
  type RpcContext,
  RpcError,
  type RpcMethod,
} from './rpc.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** Every {@link RemoteFaultKind}. See {@link withRemoteFaults}. */
export const REMOTE_FAULT_KINDS: readonly RemoteFaultKind[] = membersOf<RemoteFaultKind>({
  refuse: true,
  loseAnswer: true,
  cut: true,
  loseDone: true,
  deadline: true,
  loseResult: true,
  loseBlob: true,
  workerDies: true,
  slow: true,
});

const KINDS_OF_CALL: readonly RemoteFaultKind[] = ['refuse', 'loseAnswer', 'deadline', 'slow'];
const KINDS_OF_METHOD: ReadonlyMap<string, readonly RemoteFaultKind[]> = new Map([
  [M.getActionResult.path, [...KINDS_OF_CALL, 'loseResult']],
  [M.read.path, ['refuse', 'cut', 'loseBlob', 'slow']],
  [M.getTree.path, ['refuse', 'cut', 'slow']],
  [M.execute.path, ['refuse', 'cut', 'loseDone', 'workerDies', 'slow']],
  [M.waitExecution.path, ['refuse', 'cut', 'loseDone', 'slow']],
]);

/** Which faults strike, and how often. */
export interface RemoteFaults {
  /**
   * Probabilities by kind, 0 to 1, for each call that the kind can strike; a kind that is absent never strikes. Default:
   * each 0.03.
   */
  readonly rates?: Readonly<Partial<Record<RemoteFaultKind, number>>>;
  /** Maximum delay of a `slow` call, in milliseconds. Default 1,000. */
  readonly slowMsMax?: number;
  /** Maximum number of faults. Default Infinity. */
  readonly strikesMax?: number;
  /** Name used in questions and in the trace; unique within a simulation. Default `remote`. */
  readonly name?: string;
  /**
   * Called for each fault that strikes, with what the call is about: `action 6881981b`; empty if unknown. What it throws,
   * or rejects with, is recorded in the trace and, in `realWorld()` and a build cluster, a warning of the process; it
   * changes nothing else.
   */
  readonly onFault?: ((kind: RemoteFaultKind, method: string, about: string) => void) | undefined;
}

const FAULTS = is.optionsOf<RemoteFaults>(
  {},
  {
    rates: is.optionsOf<Readonly<Partial<Record<RemoteFaultKind, number>>>>(
      {},
      is.each(REMOTE_FAULT_KINDS, is.finite(0, 1)),
    ),
    slowMsMax: is.DURATION_MS,
    strikesMax: is.COUNT_OR_INFINITY,
    name: is.TEXT,
    onFault: is.FUNCTION,
  },
);

const DEFAULT_RATES = Object.fromEntries(REMOTE_FAULT_KINDS.map((kind) => [kind, FAULT_ODDS.remoteRate]));
const TABLES = new RateTables<RemoteFaultKind>(REMOTE_FAULT_KINDS);
/** Number of alternatives for a delay. */
const LENGTHS = 8;
/** Number of alternatives for where a stream breaks off. */
const CUTS = 3;

/** A fault that is drawn for a call. Most kinds strike only once the call has come that far, and some calls never do. */
class DrawnFault {
  readonly kind: RemoteFaultKind;
  /** Notes that the fault strikes; false if it may not any more. */
  readonly #note: () => boolean;
  /** True once it has struck. */
  hasStruck = false;

  constructor(kind: RemoteFaultKind, note: () => boolean) {
    this.kind = kind;
    this.#note = note;
  }

  /** True if the fault is of this kind, and strikes now. */
  strikes(kind: RemoteFaultKind): boolean {
    if (kind !== this.kind || !this.#note()) return false;
    this.hasStruck = true;
    return true;
  }
}

class FaultyService implements RemoteService {
  readonly #service: RemoteService;
  readonly #world: World;
  readonly #faults: Required<Omit<RemoteFaults, 'onFault'>> & Pick<RemoteFaults, 'onFault'>;
  readonly #tables = new Map<string, RateTable<RemoteFaultKind> | undefined>();
  /** Faults that may still be drawn. */
  #strikesLeft: number;
  #isHealed = false;

  constructor(service: RemoteService, world: World, faults: RemoteFaults) {
    const {
      rates = DEFAULT_RATES,
      slowMsMax = 1_000,
      strikesMax = Infinity,
      name = 'remote',
      onFault,
    } = faults;
    this.#service = service;
    this.#world = world;
    this.#faults = { rates, slowMsMax, strikesMax, name, onFault };
    this.#strikesLeft = strikesMax;
    world.onHeal?.(() => {
      this.#isHealed = true;
    });
  }

  async unary<Q, A>(method: RpcMethod<Q, A, 'unary'>, request: Q, context: RpcContext): Promise<A> {
    check('method', method, RPC_METHOD);
    const topic = this.#topic(method);
    const fault = this.#draw(method, topic, () => request, context);
    try {
      await this.#before(fault, method, topic, context);
      const answer = await this.#answered(fault, method, context, () =>
        this.#service.unary(method, request, context),
      );
      if (fault?.strikes('loseResult') === true) {
        throw new RpcError('NOT_FOUND', `no cached result: it was evicted ${INJECTED}`);
      }
      return answer;
    } finally {
      this.#settle(fault);
    }
  }

  async *serverStream<Q, A>(
    method: RpcMethod<Q, A, 'serverStream'>,
    request: Q,
    context: RpcContext,
  ): AsyncGenerator<A> {
    check('method', method, RPC_METHOD);
    const topic = this.#topic(method);
    const fault = this.#draw(method, topic, () => request, context);
    try {
      await this.#before(fault, method, topic, context);
      const { choices } = this.#world;
      let left = fault?.kind === 'cut' ? choices.choose(topic.plus('cut').asks('choice'), CUTS) : Infinity;
      for await (const answer of this.#service.serverStream(method, request, context)) {
        if (fault === undefined) {
          yield answer;
          continue;
        }
        this.#breakOff(fault, method, request, left);
        left -= 1;
        const isResult = method.path.includes('Execut') && (answer as OperationMessage).done;
        if (isResult && fault.strikes('loseDone')) return;
        const isOfDead = isResult && fault.strikes('workerDies');
        yield isOfDead ? (withoutWorker(answer as OperationMessage) as A) : answer;
      }
    } finally {
      this.#settle(fault);
    }
  }

  async clientStream<Q, A>(
    method: RpcMethod<Q, A, 'clientStream'>,
    requests: AsyncIterable<Q>,
    context: RpcContext,
  ): Promise<A> {
    check('method', method, RPC_METHOD);
    const topic = this.#topic(method);
    // What a stream of requests is about is known only once it is read, which is the server's to do.
    let first: unknown;
    const fault = this.#draw(method, topic, () => first, context);
    const given = fault === undefined ? requests : observed(requests, (request) => (first ??= request));
    try {
      await this.#before(fault, method, topic, context);
      return await this.#answered(fault, method, context, () =>
        this.#service.clientStream(method, given, context),
      );
    } finally {
      this.#settle(fault);
    }
  }

  #topic(method: RpcMethod<unknown, unknown>): Topic {
    return namedTopic(this.#faults.name, 'call', methodName(method));
  }

  #tableOf({ path }: RpcMethod<unknown, unknown>): RateTable<RemoteFaultKind> | undefined {
    if (this.#tables.has(path)) return this.#tables.get(path);
    const kinds = KINDS_OF_METHOD.get(path) ?? KINDS_OF_CALL;
    const rates = Object.fromEntries(kinds.map((kind) => [kind, this.#faults.rates[kind] ?? 0]));
    const table = TABLES.of('rates', rates);
    this.#tables.set(path, table);
    return table;
  }

  #draw(
    method: RpcMethod<unknown, unknown>,
    topic: Topic,
    requestOf: () => unknown,
    { caller }: RpcContext,
  ): DrawnFault | undefined {
    const table = this.#tableOf(method);
    if (table === undefined || this.#strikesLeft === 0 || this.#isHealed) return undefined;
    const { name } = this.#faults;
    const describe: DescribeAnswer = Object.assign(
      (answer: number) => {
        const kind = table.kindOf(answer);
        if (kind === undefined) return '';
        return remoteFaultText(kind, {
          name,
          method: methodName(method),
          detail: requestText(requestOf()),
          caller,
        });
      },
      { faults: table.faults },
    );
    const kind = table.kindOf(this.#world.choices.choose(topic.asks('fault'), table.n, describe));
    if (kind === undefined) return undefined;
    // Taken now, so that calls at the same time draw no more faults than may strike.
    this.#strikesLeft -= 1;
    return new DrawnFault(kind, () => this.#note(kind, method, requestOf(), caller));
  }

  #note(
    kind: RemoteFaultKind,
    method: RpcMethod<unknown, unknown>,
    request: unknown,
    caller: RpcContext['caller'],
  ): boolean {
    if (this.#isHealed) return false;
    const { tracer, clock } = this.#world;
    const { name: runner, onFault } = this.#faults;
    tracer?.record({
      ...{ at: clock.now(), type: 'fault', runner, operation: methodName(method), kind, runId: '' },
      ...(tracer.keepsEvents === true ? aboutCall(request, caller) : {}),
    });
    callBack(this.#world, { callback: 'onFault', runner }, () =>
      onFault?.(kind, method.path, requestText(request)),
    );
    return true;
  }

  /** The call has ended: a fault that has spared it may strike another. */
  #settle(fault: DrawnFault | undefined): void {
    if (fault?.hasStruck === false) this.#strikesLeft += 1;
  }

  async #before(
    fault: DrawnFault | undefined,
    method: RpcMethod<unknown, unknown>,
    topic: Topic,
    context: RpcContext,
  ): Promise<void> {
    if (fault?.strikes('refuse') === true) {
      throw new RpcError('UNAVAILABLE', `${methodName(method)} was refused ${INJECTED}`);
    }
    if (fault?.strikes('slow') !== true) return;
    const { clock, choices } = this.#world;
    const { slowMsMax } = this.#faults;
    const msOf = (answer: number): number => (slowMsMax * (answer + 1)) / LENGTHS;
    const slow = topic.plus('slow');
    const ms = msOf(choices.choose(slow.asks('delay'), LENGTHS, msOf));
    await sleep(clock, ms, slow, context.signal).catch(() => {
      throw new RpcError('CANCELLED', 'the client has gone');
    });
  }

  /** Throws if the stream ends before its next answer; `left` is the number of answers before a cut. */
  #breakOff(fault: DrawnFault, method: RpcMethod<unknown, unknown>, request: unknown, left: number): void {
    if (fault.strikes('loseBlob')) {
      throw new RpcError('NOT_FOUND', `${requestText(request) || 'the blob'} was evicted ${INJECTED}`);
    }
    if (left === 0 && fault.strikes('cut')) {
      throw new RpcError('UNAVAILABLE', `${methodName(method)} broke off ${INJECTED}`);
    }
  }

  /** The answer of a call, unless it is lost; a failure is lost like any other answer. */
  async #answered<A>(
    fault: DrawnFault | undefined,
    method: RpcMethod<unknown, unknown>,
    { signal }: RpcContext,
    call: () => Promise<A>,
  ): Promise<A> {
    let answer: A;
    try {
      answer = await call();
    } catch (error) {
      // A client that has gone waits for no answer.
      if (!signal.aborted) this.#lose(fault, method);
      throw error;
    }
    this.#lose(fault, method);
    return answer;
  }

  #lose(fault: DrawnFault | undefined, method: RpcMethod<unknown, unknown>): void {
    if (fault?.strikes('loseAnswer') === true) {
      throw new RpcError('UNAVAILABLE', `the answer of ${methodName(method)} was lost ${INJECTED}`);
    }
    if (fault?.strikes('deadline') === true) {
      throw new RpcError('DEADLINE_EXCEEDED', `${methodName(method)} took too long ${INJECTED}`);
    }
  }
}

/** The requests of a stream, each of which `note` sees first. It delays none: the promises are those of the stream. */
function observed<Q>(requests: AsyncIterable<Q>, note: (request: Q) => void): AsyncIterable<Q> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = requests[Symbol.asyncIterator]();
      return {
        next() {
          const coming = iterator.next();
          const see = (result: IteratorResult<Q, unknown>): void => {
            if (result.done !== true) note(result.value);
          };
          coming.then(see, () => undefined);
          return coming;
        },
        return: async (value?: unknown) => (await iterator.return?.(value)) ?? { done: true, value },
      };
    },
  };
}

/** What the trace says of a call that is struck. */
function aboutCall(
  request: unknown,
  caller: RpcContext['caller'],
): Pick<FaultEvent, 'client' | 'clientRunId' | 'detail'> {
  const detail = requestText(request);
  return {
    ...(caller === undefined ? {} : { client: caller.runner, clientRunId: caller.runId }),
    ...(detail === '' ? {} : { detail }),
  };
}

/** The operation as it ends when its worker is gone. */
function withoutWorker({ name, metadata }: OperationMessage): OperationMessage {
  const status = statusMessage({ code: RPC_CODES.UNAVAILABLE, message: `the worker died ${INJECTED}` });
  return { name, metadata, done: true, response: packAny(MESSAGES.ExecuteResponse, { status }) };
}

/**
 * Wraps a service so that it injects faults, each a decision of the world.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { createFakeRunner, simulate } from 'dryrunner';
 * import { createMemoryActionCache, createMemoryContentStore, createRemoteService, withRemoteFaults } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = createFakeRunner(sim.world);
 *     const content = createMemoryContentStore();
 *     const server = createRemoteService(sim.world, { runner, content, cache: createMemoryActionCache() });
 *     const lying = withRemoteFaults(server, sim.world, { rates: { refuse: 0.1, loseDone: 0.05 } });
 *     if (typeof lying.serverStream !== 'function') throw new Error('expected the same service');
 *     server.close();
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function withRemoteFaults(
  service: RemoteService,
  world: World,
  faults: RemoteFaults = {},
): RemoteService {
  check('service', service, is.withMethods('unary', 'serverStream', 'clientStream'));
  checkWorld(world);
  check('faults', faults, FAULTS);
  const faulty = new FaultyService(service, world, faults);
  if (isServer(service)) markServer(faulty);
  return faulty;
}
