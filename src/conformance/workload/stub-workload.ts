/**
 * A generated scenario, not written for a particular bug, for an object and a sequential model of it: clients call all
 * its methods, directly or through links with faults, and the history of what they saw is checked against the model.
 * Invariant: it knows the model and the subject's claims, and no bug.
 */
import type { Network } from '../../cluster/network.ts';
import { createNetwork } from '../../cluster/network.ts';
import { isCallLost, originOf } from '../../cluster/sent-error.ts';
import { detailOf } from '../../cluster/message-detail.ts';
import type { LinkFaults, LinkOptions } from '../../cluster/link-settings.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import { withCallOptions } from '../../cluster/stub.ts';
import { NODE_NAME } from '../../cluster/endpoint.ts';
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import { valueText } from '../../explore/explain/value-text.ts';
import { withTimeout } from '../../locks/with-timeout.ts';
import type { CallOptions, NodeProgram, Stub } from '../../model/node-context.ts';
import type { TraceEvent, Tracer } from '../../model/trace-event.ts';
import { checkLinearizable } from '../../oracles/history/check-linearizable.ts';
import { formatContradiction } from '../../oracles/history/contradiction.ts';
import { createHistory, type History } from '../../oracles/history/history.ts';
import { MODEL, type SequentialModel } from '../../oracles/history/sequential-model.ts';
import {
  type MethodCall,
  type MethodName,
  type MethodReply,
  watchCalls,
} from '../../oracles/history/watch-calls.ts';
import type { Ambience } from '../../simulation/ambience.ts';
import type { DrawableArbitrary } from '../../simulation/arbitrary-draws.ts';
import type { NodeFaults } from '../../simulation/node-strikes.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { Draws, workloadName } from './draws.ts';
import { type TracedCall, TracedCalls } from './traced-calls.ts';
import { LIMIT_FIELDS, type WorkloadLimits } from './workload-clients.ts';
import { WORKLOAD_ODDS } from '../../model/odds.ts';

/** The call for which arguments are made. */
export interface DrawnCall {
  /** The name of the client. */
  readonly client: string;
  /** Unique among all calls. */
  readonly id: string;
}

/** The arguments of a method: one of a list, drawn from a fast-check arbitrary, or made for each call. */
export type CallArguments<A extends readonly unknown[]> =
  readonly A[] | DrawableArbitrary<A> | ((call: DrawnCall) => readonly [...A]);

/** The arguments of a method of `T`. */
export type ArgumentsOf<M> = M extends (...args: infer A) => unknown ? A : never;

/** An object, what it does if calls come one at a time, and what it promises if they do not. */
export interface StubSubject<T extends object, S = unknown> {
  /** The name of its node: letters, digits, dots, dashes and underscores. */
  readonly name: string;
  /** Makes the object, on a node of its own. If it needs nothing of a node: `() => new Queue()`. */
  readonly program: NodeProgram<T>;
  /** What the object does if calls come one at a time, see `methodModel`. */
  readonly model: SequentialModel<MethodCall<T>, MethodReply<T>, S>;
  /** The methods to call, each with its arguments. */
  readonly calls: { readonly [K in MethodName<T>]?: CallArguments<ArgumentsOf<T[K]>> };
  /**
   * Errors that are replies, by `code`, or by `name` if they have none. Any other error of a method is a failure.
   * Default: none.
   */
  readonly refusals?: readonly string[];
  /** What the object remembers after a crash of its node: everything, or nothing. Default `keeps`. */
  readonly restarts?: 'keeps' | 'forgets';
  /**
   * Whether calls with the same arguments take effect only once, however often they arrive. Lost calls are then
   * repeated as well, so give each call arguments of its own (`({ id }) => [id]`). Default false: a call that the
   * network duplicates may take effect twice.
   */
  readonly atMostOnce?: boolean;
  /**
   * Methods that may wait for other calls, possibly for ever: calls of them are given up after a while. Default: each
   * call ends by itself.
   */
  readonly mayWait?: readonly MethodName<T>[];
}

/** The faults that may occur. */
export interface StubFaults {
  /** A call or a reply is lost. */
  readonly lose?: boolean;
  readonly duplicate?: boolean;
  readonly delay?: boolean;
  readonly reorder?: boolean;
  readonly partition?: boolean;
  readonly hold?: boolean;
  /** The node crashes and restarts. */
  readonly crash?: boolean;
  readonly pause?: boolean;
  readonly slow?: boolean;
}

/** The options of a workload of calls. */
export interface StubWorkloadOptions extends WorkloadLimits {
  /** `false` for no faults at all; otherwise every kind that is not set to false may strike. Default: all kinds. */
  readonly faults?: StubFaults | false;
  /**
   * How clients reach the object: directly, without a network or faults; through links; or either. Default `either`.
   */
  readonly way?: 'directly' | 'links' | 'either';
  /** For code that takes its time from the machine: `ambientTime()` of `dryrunner/ambient`. Default: none. */
  readonly ambient?: Ambience;
}

const LINK_KINDS = ['lose', 'duplicate', 'delay', 'reorder', 'partition', 'hold'] as const;
const NODE_KINDS = ['crash', 'pause', 'slow'] as const;
type FaultName = keyof StubFaults;
const KINDS: readonly FaultName[] = [...LINK_KINDS, ...NODE_KINDS];

/** About as long as some calls, so that a fault is over before the clients are done. */
const FAULT_MS = 50;
const OUTAGE_MS = 100;
const WAIT_MS = 200;
const HEAL_AFTER_MS = [100, 0, 300, 1_000];
const GAPS_MS = [0, 5, 20];
const TRIES = 3;
const MAX_STATES = 100_000;

const CALL_ARGUMENTS = is.anyOf(
  'a list of at least one list of arguments, an arbitrary or a function',
  is.satisfying('a list', (value) => Array.isArray(value) && value.length > 0 && value.every(Array.isArray)),
  is.withMethods('generate'),
  is.FUNCTION,
);
const SUBJECT = is.objectOf<StubSubject<object>>(
  'a name, a program, a model and calls',
  { name: NODE_NAME, program: is.FUNCTION, model: MODEL, calls: is.mapOf(CALL_ARGUMENTS) },
  {
    refusals: is.listOf(is.TEXT),
    restarts: is.oneOf('keeps', 'forgets'),
    atMostOnce: is.BOOLEAN,
    mayWait: is.listOf(is.TEXT),
  },
);
const SOME_CALLS = is.satisfying(
  'an object with a method',
  (calls) => Object.keys(calls as object).length > 0,
);
const FAULTS = is.optionsOf<StubFaults>({}, is.each(KINDS, is.BOOLEAN));
/** See {@link StubWorkloadOptions}. */
export const STUB_WORKLOAD_FIELDS: is.ShapesOf<StubWorkloadOptions> = {
  ...LIMIT_FIELDS,
  faults: is.anyOf(
    'false, or true and false by kind',
    is.satisfying('false', (value) => value === false),
    FAULTS,
  ),
  way: is.oneOf('directly', 'links', 'either'),
  ambient: is.OPAQUE,
};
const OPTIONS = is.optionsOf<StubWorkloadOptions>({}, STUB_WORKLOAD_FIELDS);

/**
 * The workload of an object as a scenario, for `dryrunner explore` and everything else that takes one. `exploreStub`
 * runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a subject without name, program, model and calls.
 * @example
 * ```ts
 * import { methodModel, simulate } from 'dryrunner';
 * import { stubWorkload } from 'dryrunner/conformance';
 * class Flag {
 *   #isSet = false;
 *   async set(): Promise<boolean> {
 *     const wasSet = this.#isSet;
 *     this.#isSet = true;
 *     return wasSet;
 *   }
 * }
 * const model = methodModel<Flag, boolean>(false, { set: (wasSet) => ({ state: true, value: wasSet }) });
 * const workload = stubWorkload(
 *   { name: 'flag', program: () => new Flag(), model, calls: { set: [[]] } },
 *   { faults: { crash: false } },
 * );
 * const { held } = await simulate({ seed: 3, scenario: (sim) => workload.run(sim, undefined) });
 * if (!held) throw new Error('expected it to hold');
 * ```
 */
export function stubWorkload<T extends object, S>(
  subject: StubSubject<T, S>,
  options: StubWorkloadOptions = {},
): ScenarioDefinition<unknown> {
  check('subject', subject, SUBJECT);
  check('subject.calls', subject.calls, SOME_CALLS);
  check('options', options, OPTIONS);
  const { ambient } = options;
  return defineScenario<unknown>({
    name: workloadName('workload', subject.name),
    description: `clients call ${subject.name} in all ways, and what comes back fits its model`,
    run: (sim) => new StubWorkload(sim, subject as unknown as AnySubject, options).run(),
    ...(ambient === undefined ? {} : { options: { ambient } }),
  });
}

/** The types of the subject are its author's; here all calls have the same type. */
type Methods = Record<string, (...args: readonly unknown[]) => unknown>;
type AnyCall = { readonly method: string; readonly args: readonly unknown[] };
type AnyReply = { readonly value: unknown } | { readonly refused: string };
type AnyModel = SequentialModel<AnyCall, AnyReply, unknown>;
interface AnySubject extends Omit<StubSubject<Methods>, 'model' | 'calls'> {
  readonly model: AnyModel;
  readonly calls: Readonly<Record<string, CallArguments<readonly unknown[]>>>;
}

/** The crash of an object that forgets, as an operation of its node. */
const RESTART: AnyCall = { method: '(restart)', args: [] };

/** How a client reaches the object. */
interface Way {
  readonly isDirect: boolean;
  /** The methods that a client calls, with limits if there is a network. */
  connect(client: string): (options: CallOptions) => Methods;
}

/** A call that a client makes through links. */
interface Asked {
  readonly client: string;
  readonly call: AnyCall;
  readonly mayWait: boolean;
}

/** The reason for giving up a call. */
class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

/** What a call in flight is owed once nothing is left to happen. */
const OWED_CALL = 'an answer, since each call must end by itself unless `mayWait` names its method';

class StubWorkload {
  readonly #sim: Simulation;
  readonly #subject: AnySubject;
  readonly #options: StubWorkloadOptions;
  readonly #history: History<AnyCall, AnyReply>;
  readonly #methods: readonly string[];
  readonly #calls: TracedCalls;
  /** The call that is being sent right now. */
  #sending: Pick<Asked, 'client' | 'call'> | undefined;
  /** Errors after which it is unknown whether the call took effect. */
  readonly #vague = new WeakSet<object>();
  /** Whether there is no network on which a call can be lost. */
  #isDirect = false;
  #open = 0;
  #ids = 0;

  constructor(sim: Simulation, subject: AnySubject, options: StubWorkloadOptions) {
    this.#sim = sim;
    this.#subject = subject;
    this.#options = options;
    this.#history = createHistory(sim.world.clock);
    this.#methods = Object.keys(subject.calls);
    this.#calls = new TracedCalls(sim.world);
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    const setup = new Draws(sim, 'setup', true);
    const { way: ways = 'either', clients: most = 3 } = this.#options;
    const isDirect =
      ways === 'either' ? setup.pick('way', [true, false, false], 1, wayText) : ways === 'directly';
    this.#isDirect = isDirect;
    this.#declareReach();
    const way = await this.#createWay(isDirect, setup);
    const clients = setup.upTo('clients', most, 1);
    const work = Array.from({ length: clients }, (_, index) => this.#client(`client-${index + 1}`, way));
    const all = Promise.all(work);
    await Promise.all([
      isDirect ? all : undefined,
      isDirect ? undefined : sim.sleep(setup.pick('faults end after', HEAL_AFTER_MS), 'the time of faults'),
    ]);
    sim.heal();
    await all;
    await this.#look(way);
    this.#judge();
  }

  /** Declares what an exploration must reach, in at least one execution. */
  #declareReach(): void {
    const { refusals = [] } = this.#subject;
    for (const method of this.#methods) this.#reached(`${method} answers`, false);
    for (const refusal of refusals) this.#reached(`a call is refused: ${refusal}`, false);
    if ((this.#options.clients ?? 3) > 1) this.#reached('calls overlap', false);
    if (this.#options.way === 'directly') return;
    this.#reached('a call is given up', false);
    for (const kind of KINDS) if (this.#allows(kind)) this.#reached(reachOf(kind), false);
  }

  #allows(kind: FaultName): boolean {
    const { faults = {} } = this.#options;
    return faults !== false && faults[kind] !== false;
  }

  #reached(what: string, condition = true): void {
    this.#sim.sometimes(what, condition);
  }

  async #createWay(isDirect: boolean, setup: Draws): Promise<Way> {
    const { name, program, restarts } = this.#subject;
    const drawn = isDirect ? [] : KINDS.filter((kind) => this.#allows(kind) && setup.rarely(kind, 3));
    const net = createNetwork(this.#watched(), isDirect ? {} : this.#links(setup, drawn));
    const node = net.node(name, program, {
      faults: nodeFaults(drawn),
      ...(restarts === 'forgets' ? { onDown: () => this.#restarted() } : {}),
    });
    if (isDirect) {
      const object = await this.#objectOf(node);
      return { isDirect, connect: () => () => object };
    }
    // In ambient time a program starts in an event of its own, so clients on nodes would exist before their nodes.
    const isAmbient = this.#options.ambient !== undefined;
    const connect: Way['connect'] = (client) =>
      isAmbient ? limited(net.connect<Methods>(name)) : limited(stubOf(net, client, name));
    return { isDirect, connect };
  }

  /** Waits for the object, because a program may be slow to start. */
  async #objectOf(node: ClusterNode<Methods>): Promise<Methods> {
    for (let ms = 0; node.object === undefined && ms < 1_000; ms += 1) await this.#sim.sleep(1);
    this.#sim.check(node.object !== undefined, `${node.name} has not started within a second`);
    return node.object as Methods;
  }

  #links(setup: Draws, drawn: readonly FaultName[]): LinkOptions & { callTimeoutMs: number } {
    return {
      latencyMs: setup.pick('latency', [0, 5, [0, 10], [1, 40]] as const, 1, String),
      fifo: setup.pick('keeps the order', [false, true]),
      callTimeoutMs: setup.pick('time limit', [Infinity, 20, 100]),
      faults: linkFaults(drawn),
    };
  }

  /** The world with a tracer that watches what the network does to calls. */
  #watched(): Pick<Simulation, 'world' | 'onEnd'> {
    const sim = this.#sim;
    const { tracer } = sim.world;
    const seeing: Tracer = {
      get keepsEvents() {
        return tracer.keepsEvents === true;
      },
      record: (event) => {
        tracer.record(event);
        this.#see(event);
      },
    };
    return { world: { ...sim.world, tracer: seeing }, onEnd: (hook) => sim.onEnd(hook) };
  }

  #see(event: TraceEvent): void {
    if (event.type === 'fault') {
      const kind = KINDS.find((one) => one === event.kind);
      if (kind !== undefined) this.#reached(reachOf(kind));
    }
    if (event.type !== 'message' || event.step !== 'duplicated' || event.kind !== 'call') return;
    const sending = this.#sending;
    if (sending === undefined || this.#subject.atMostOnce === true) return;
    // The other copy may take effect as well, at any time from now on.
    this.#history.unknown(this.#history.begin(`${sending.client} (copy)`, sending.call));
  }

  #restarted(): void {
    const id = this.#history.begin(this.#subject.name, RESTART);
    this.#history.end(id, { value: undefined });
  }

  async #client(name: string, way: Way): Promise<void> {
    const draws = new Draws(this.#sim, name);
    const { operations: most = 6 } = this.#options;
    const target = this.#targetOf(name, way, draws);
    const underWay: Promise<void>[] = [];
    const operations = draws.upTo('operations', most, 1);
    for (let step = 1; step <= operations; step += 1) {
      // Draws of its own, so that leaving out one step leaves the others unchanged.
      const own = draws.of(`step ${step}`);
      const method = own.pick('calls', ['', ...this.#methods], 1, (called) => called || 'nothing');
      if (method === '') continue;
      const gap = own.pick('sleeps', GAPS_MS);
      if (gap > 0) await this.#sim.sleep(gap, `the pause of ${name}`);
      const done = this.#call(name, method, target, own);
      if (own.rarely('does not wait', 4)) underWay.push(done);
      else await done;
    }
    await Promise.all(underWay);
  }

  /** Once no more faults occur: calls each method once, one after another. */
  async #look(way: Way): Promise<void> {
    const name = 'client-last';
    const draws = new Draws(this.#sim, name).of('look');
    const target = this.#targetOf(name, way, draws);
    for (const method of this.#methods) await this.#call(name, method, target, draws);
  }

  /** The methods that a client calls: recorded, and repeated if the call takes effect only once. */
  #targetOf(client: string, way: Way, draws: Draws): Methods {
    const { refusals = [] } = this.#subject;
    const stub = way.connect(client);
    const methods = this.#methods.map((method) => {
      const mayWait = this.#subject.mayWait?.includes(method) === true;
      const ask = (...args: readonly unknown[]): Promise<unknown> => {
        if (!way.isDirect) return this.#ask({ client, call: { method, args }, mayWait }, stub, draws);
        const act = async (): Promise<unknown> => stub({})[method]?.(...args);
        return this.#calls.trace(
          this.#tracedCall(client, { method, args }),
          () =>
            mayWait ? withTimeout(this.#sim.world, WAIT_MS, act, { label: method }).catch(givenUp) : act(),
          (reply) => detailOf({ kind: 'reply', body: reply, words: undefined }) ?? '',
          () => OWED_CALL,
        );
      };
      return [method, ask] as const;
    });
    return watchCalls(Object.fromEntries(methods) as Methods, this.#history as never, client, {
      refusals,
      meaningOf: (error) => (this.#vague.has(error as object) ? 'unknown' : undefined),
    });
  }

  /** A call through links; if it takes effect only once, a lost one may be repeated. */
  async #ask(asked: Asked, stub: (options: CallOptions) => Methods, draws: Draws): Promise<unknown> {
    let tries = this.#subject.atMostOnce === true ? TRIES : 1;
    for (let isVague = false; ; tries -= 1) {
      try {
        return await this.#attempt(asked, stub, draws);
      } catch (error) {
        const isLost = isCallLost(error) || error instanceof GivenUp;
        isVague ||= isLost && !isRunnerError(error, 'RUNNER_NODE_DOWN');
        if (isVague) this.#vague.add(error as object);
        if (!isLost || tries <= 1 || draws.rarely('gives it up', 2)) throw error;
      }
    }
  }

  #tracedCall(client: string, { method, args }: AnyCall): TracedCall {
    return {
      ...{ client, callee: this.#subject.name, name: method },
      args: () => detailOf({ kind: 'call', body: args, words: undefined }) ?? '',
    };
  }

  async #attempt(
    { client, call, mayWait }: Asked,
    stub: (options: CallOptions) => Methods,
    draws: Draws,
  ): Promise<unknown> {
    const controller = new AbortController();
    const timer = draws.rarely('gives up')
      ? this.#sim.world.clock.timer(
          { owner: client, what: 'gives up' },
          draws.pick('gives up after', GAPS_MS),
          () => controller.abort(new GivenUp()),
        )
      : undefined;
    const limit = mayWait ? { timeoutMs: WAIT_MS } : {};
    const signal = timer === undefined ? {} : { signal: controller.signal };
    const target = stub({ ...limit, ...signal });
    this.#sending = { client, call };
    const answer = target[call.method]?.(...call.args);
    this.#sending = undefined;
    const end = this.#calls.begin(this.#tracedCall(client, call), () => (mayWait ? undefined : OWED_CALL));
    try {
      return await answer;
    } finally {
      end();
      timer?.cancel();
    }
  }

  async #call(client: string, method: string, target: Methods, draws: Draws): Promise<void> {
    const args = this.#argumentsOf(client, method, draws);
    this.#open += 1;
    if (this.#open > 1) this.#reached('calls overlap');
    try {
      await target[method]?.(...args);
      this.#reached(`${method} answers`);
    } catch (error) {
      this.#failed(client, { method, args }, error);
    } finally {
      this.#open -= 1;
    }
  }

  #failed(client: string, call: AnyCall, error: unknown): void {
    if (error instanceof GivenUp) {
      this.#reached('a call is given up');
      return;
    }
    const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
    const known = this.#subject.refusals?.find((refusal) => refusal === (code ?? name));
    if (known !== undefined) this.#reached(`a call is refused: ${known}`);
    if (known !== undefined || (isCallLost(error) && !this.#isDirect)) return;
    const { model, refusals = [] } = this.#subject;
    const words = model.showOperation?.(call) ?? call.method;
    const expected = refusals.length === 0 ? 'a value' : `a value or a refusal (${refusals.join(', ')})`;
    const kind = error instanceof Error ? error.name : 'thrown value';
    const got = `the ${kind} ${JSON.stringify(messageOf(error))}`;
    this.#sim.check(false, `${words} by ${client}: expected ${expected}, got ${got}`, originOf(error));
  }

  #argumentsOf(client: string, method: string, draws: Draws): readonly unknown[] {
    const drawn = this.#subject.calls[method] as CallArguments<readonly unknown[]>;
    if (typeof drawn === 'function') {
      this.#ids += 1;
      return drawn({ client, id: `${client}/${this.#ids}` });
    }
    if ('generate' in drawn) return this.#sim.draw(drawn, `${client} ${method}`);
    return draws.pick(`${method} with`, drawn, 1, (args) => args.map(String).join(', '));
  }

  #judge(): void {
    const { model, restarts } = this.#subject;
    const whole = restarts === 'forgets' ? forgetting(model) : model;
    const result = checkLinearizable(this.#history, whole, { maxStates: MAX_STATES });
    if (result.linearizable !== false) return;
    const text = formatContradiction(result.contradiction);
    this.#sim.check(false, `${this.#subject.name} does not fit its model: ${text}`);
  }
}

function wayText(isDirect: boolean): string {
  return isDirect ? 'directly' : 'through links';
}

function reachOf(kind: FaultName): string {
  return `${kind} strikes`;
}

function givenUp(error: unknown): never {
  throw isRunnerError(error, 'RUNNER_TIMED_OUT') ? new GivenUp() : error;
}

/** A stub of the object on a node that no fault strikes. */
function stubOf(net: Network, client: string, to: string): Stub<Methods> {
  const stubs: Stub<Methods>[] = [];
  net.node(client, ({ connect }) => void stubs.push(connect<Methods>(to)), { faults: {} });
  return stubs[0] as Stub<Methods>;
}

function limited(stub: Stub<Methods>): (options: CallOptions) => Methods {
  return (options) => withCallOptions(stub, options);
}

function linkFaults(drawn: readonly FaultName[]): LinkFaults {
  const chances = LINK_KINDS.filter((kind) => drawn.includes(kind)).map((kind) => {
    const oneIn =
      kind === 'partition' || kind === 'hold' ? WORKLOAD_ODDS.stubOutageOneIn : WORKLOAD_ODDS.stubOneIn;
    return [kind, oneIn] as const;
  });
  return { ...Object.fromEntries(chances), delayMs: FAULT_MS, reorderMs: FAULT_MS, outageMs: OUTAGE_MS };
}

function nodeFaults(drawn: readonly FaultName[]): NodeFaults {
  const chances = NODE_KINDS.filter((kind) => drawn.includes(kind)).map(
    (kind) => [kind, WORKLOAD_ODDS.stubOneIn] as const,
  );
  return {
    ...Object.fromEntries(chances),
    downMsMax: OUTAGE_MS,
    pauseMsMax: OUTAGE_MS,
    slowMsMax: OUTAGE_MS,
  };
}

/** The model for an object whose crash resets it to its initial state. */
function forgetting(model: AnyModel): AnyModel {
  const isRestart = ({ method }: AnyCall): boolean => method === RESTART.method;
  return {
    initial: model.initial,
    ...(model.replies === undefined
      ? {}
      : { replies: (state, call) => (isRestart(call) ? [] : (model.replies?.(state, call) ?? [])) }),
    key: (state) => model.key(state),
    step: (state, call, reply) => (isRestart(call) ? [model.initial] : model.step(state, call, reply)),
    ...(model.operationKey === undefined
      ? {}
      : { operationKey: (call) => (isRestart(call) ? call.method : (model.operationKey?.(call) ?? '')) }),
    ...(model.showState === undefined ? {} : { showState: (state) => model.showState?.(state) ?? '' }),
    showOperation: (call) =>
      isRestart(call) ? 'crashes and forgets' : (model.showOperation?.(call) ?? valueText(call)),
    showReply: (reply, call) => (isRestart(call) ? '' : (model.showReply?.(reply, call) ?? valueText(reply))),
  };
}
