/**
 * Runs one scenario once per request, under a given source of decisions. Invariant: the source alone decides what
 * happens, so the log of an execution repeats it.
 */
import * as is from '../kernel/shape.ts';
import { check, isArray } from '../kernel/argument-check.ts';
import type { DecisionSource } from '../kernel/decisions.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import type { ServiceWatch } from '../model/service.ts';
import type { Isolator } from '../model/isolation.ts';
import { defaultOracles } from '../oracles/default-oracles.ts';
import type { OracleFactory } from '../oracles/oracle.ts';
import type { OnState } from '../simulation/declared-state.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import { DEFAULT_MAX_EVENTS } from '../simulation/endless-watch.ts';
import { checkScenario, type ScenarioDefinition } from '../simulation/scenario.ts';
import { SIMULATE_OPTIONS, simulateChecked } from '../simulation/simulate.ts';
import { STALL_LOOK_EVERY_LEAST } from '../simulation/stall-watch.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import type { Verdict } from '../simulation/verdict.ts';

/** A request for one execution. */
export interface ExecutionRequest {
  readonly source: DecisionSource;
  /** Keeps the trace for reports; default false. */
  readonly keepTrace?: boolean | undefined;
  /** Records where timers and waiters are created, for reports; default false. */
  readonly capturePlaces?: boolean | undefined;
  /**
   * Errors with which simulated parts answer get no stack, because nobody reads it before the log is replayed; default
   * false.
   */
  readonly omitStacks?: boolean | undefined;
  /** Watchers of the trace in addition to the scenario's oracles. They must only observe, and report nothing. */
  readonly watchers?: readonly OracleFactory[] | undefined;
  readonly onFire?: ((event: EventInfo, made: number, now: () => number) => void) | undefined;
  readonly isolator?: Isolator | undefined;
  /** Receives the calls of services and the states of nodes in the simulated world. */
  readonly watchServices?: ServiceWatch | undefined;
  /** Called with each state that the scenario declares, if it declares any. */
  readonly onState?: OnState | undefined;
  /** Maximum number of events, unless the scenario sets a bound; default 10,000,000. */
  readonly defaultMaxEvents?: number | undefined;
  /**
   * Events that it may take at most, whatever bound the scenario or `defaultMaxEvents` states; default: no such limit.
   */
  readonly hardMaxEvents?: number | undefined;
  /** See `simulate`. */
  readonly stallLookEvery?: number | undefined;
  /** Adds to the details of a standstill where the scenario waits; see `simulate`. */
  readonly captureAwaits?: boolean | undefined;
  /** Adds to the details of an escape what was called outside, and where; see `simulate`. */
  readonly captureOutside?: boolean | undefined;
  /** Delays controlled awaits by microtasks only, in the engine's order; default false. */
  readonly nativeAwaits?: boolean | undefined;
  /** Loader for `sim.load`, unless the scenario sets one; see `simulate`. */
  readonly modules?: FreshModules | undefined;
  /** Called at each turn of the real event loop; an error thrown here ends the execution. */
  readonly onTurn?: (() => void) | undefined;
  /** Takes the turns of the real event loop; see `simulate`. */
  readonly nextTurn?: SimulateOptions['nextTurn'] | undefined;
}

/** Runs one scenario. */
export interface Executor {
  /** Name of the scenario. */
  readonly scenario: string;
  /** Never rejects for a failed property, which is reported in the verdict. */
  execute(request: ExecutionRequest): Promise<Verdict>;
}

/** All executions of an exploration share one stream of `world.random`: they differ only in their decisions. */
const SEED = '1';

const REQUEST = is.closed(
  is.objectOf<ExecutionRequest>(
    'a request for an execution',
    { source: is.withMethods('decide') },
    {
      ...is.each(['watchers'], is.LIST),
      ...is.each(
        ['keepTrace', 'capturePlaces', 'captureAwaits', 'captureOutside', 'omitStacks', 'nativeAwaits'],
        is.BOOLEAN,
      ),
      ...is.each(['onFire', 'onState', 'onTurn', 'nextTurn'], is.FUNCTION),
      ...is.each(['defaultMaxEvents', 'hardMaxEvents'], is.limit(1)),
      stallLookEvery: is.integer(STALL_LOOK_EVERY_LEAST),
      isolator: is.withMethods('isolate'),
      watchServices: is.withMethods('service', 'node'),
      modules: is.withMethods('prepare', 'evaluate'),
    },
  ),
);

/**
 * Maximum length of a message in characters: messages are stored, printed and sent between threads, and some contain a
 * whole state.
 */
const MESSAGE_MAX = 10_000;

/**
 * Creates an executor that simulates on this thread. `seed` affects `world.random` only; default '1', as in all
 * explorations.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `definition` is a scenario and `seed` a text.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { fifoDecisions } from 'dryrunner/kernel';
 * import { createExecutor } from 'dryrunner/explore';
 * const scenario = defineScenario({ name: 'nap', description: 'one second passes', run: (sim) => sim.sleep(1_000) });
 * const verdict = await createExecutor(scenario).execute({ source: fifoDecisions() });
 * if (verdict.virtualMs !== 1_000) throw new Error('expected one second');
 * ```
 */
export function createExecutor<Input>(
  definition: ScenarioDefinition<Input>,
  input?: Input,
  seed: string = SEED,
): Executor {
  checkScenario(definition);
  check('seed', seed, is.TEXT);
  const { name, options } = definition;
  const simulation: SimulateOptions & { readonly name: string } = {
    ...options,
    name,
    seed,
    scenario: (sim) => definition.run(sim, input as Input),
  };
  return new SimulationExecutor(simulation, { checksRequests: true });
}

/**
 * Creates an executor that simulates on this thread with the given options, which a request may override. Its requests
 * are those of this package: it does not check them.
 */
export function simulationExecutor(simulation: SimulateOptions & { readonly name: string }): Executor {
  return new SimulationExecutor(simulation, { checksRequests: false });
}

/** A class, as are the other executors: see docs/internals.md#threads. */
class SimulationExecutor implements Executor {
  readonly scenario: string;
  readonly #simulation: SimulateOptions;
  readonly #oracles: readonly OracleFactory[];
  readonly #checksRequests: boolean;
  #isChecked = false;

  constructor(
    simulation: SimulateOptions & { readonly name: string },
    { checksRequests }: { readonly checksRequests: boolean },
  ) {
    const { name, oracles } = simulation;
    this.scenario = name;
    this.#simulation = simulation;
    this.#checksRequests = checksRequests;
    // Copied: a scenario that adds to its list must not change later executions.
    this.#oracles = isArray(oracles) ? [...oracles] : defaultOracles();
  }

  async execute(request: ExecutionRequest): Promise<Verdict> {
    if (this.#checksRequests) check('request', request, REQUEST);
    const simulation = this.#simulation;
    if (!this.#isChecked) check('options', { ...simulation, source: request.source }, SIMULATE_OPTIONS);
    this.#isChecked = true;
    const oracles = this.#oracles;
    const { watchers = [] } = request;
    const all = watchers.length === 0 ? oracles : [...oracles, ...watchers];
    const verdict = await simulateChecked(optionsOf(simulation, request, all));
    const { failure } = verdict;
    if (failure === undefined || failure.message.length <= MESSAGE_MAX) return verdict;
    return { ...verdict, failure: { ...failure, message: cut(failure.message) } };
  }
}

type Explicit<T> = { [Key in keyof T]-?: T[Key] | undefined };

/**
 * Options of one execution. All fields are always present, even if undefined, so that the engine sees one object shape;
 * building the object from only the fields that are set took a tenth of a small execution.
 */
// eslint-disable-next-line complexity -- one field per line, each with its default
function optionsOf(
  simulation: SimulateOptions,
  request: ExecutionRequest,
  oracles: readonly OracleFactory[],
): SimulateOptions {
  const { hardMaxEvents = Infinity, nativeAwaits = false } = request;
  const { maxEvents, ambient } = simulation;
  const options: Explicit<SimulateOptions> = {
    scenario: simulation.scenario,
    name: simulation.name,
    seed: simulation.seed,
    replay: simulation.replay,
    source: request.source,
    oracles,
    ambient: (nativeAwaits ? ambient?.native : undefined) ?? ambient,
    modules: request.modules ?? simulation.modules,
    keepTrace: request.keepTrace ?? simulation.keepTrace,
    capturePlaces: request.capturePlaces ?? simulation.capturePlaces,
    captureAwaits: request.captureAwaits ?? simulation.captureAwaits,
    captureOutside: request.captureOutside ?? simulation.captureOutside,
    omitStacks: request.omitStacks ?? simulation.omitStacks,
    maxEvents: maxEvents === undefined ? undefined : Math.min(maxEvents, hardMaxEvents),
    defaultMaxEvents: Math.min(
      request.defaultMaxEvents ?? simulation.defaultMaxEvents ?? DEFAULT_MAX_EVENTS,
      hardMaxEvents,
    ),
    stallLookEvery: request.stallLookEvery ?? simulation.stallLookEvery,
    leftovers: simulation.leftovers,
    drain: simulation.drain,
    onFire: request.onFire ?? simulation.onFire,
    onState: request.onState ?? simulation.onState,
    isolator: request.isolator ?? simulation.isolator,
    watchServices: request.watchServices ?? simulation.watchServices,
    onTurn: request.onTurn ?? simulation.onTurn,
    nextTurn: request.nextTurn ?? simulation.nextTurn,
    signal: simulation.signal,
  };
  return options as SimulateOptions;
}

/** The optional fields of a request of which only one value counts: its own or an added one. */
type Settings = Omit<ExecutionRequest, 'source' | 'onTurn'>;
type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

function setDefault<Key extends keyof Settings>(
  request: Changeable<Settings>,
  settings: Settings,
  key: Key,
): void {
  request[key] ??= settings[key];
}

/**
 * An executor that adds `settings` to each request; what the request says itself comes first, but both `onTurn` are
 * called at each turn.
 */
export function executorWith(
  executor: Executor,
  { onTurn, ...settings }: Settings & Pick<ExecutionRequest, 'onTurn'>,
): Executor {
  return new ExecutorWithSettings(executor, settings, onTurn);
}

class ExecutorWithSettings implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #settings: Settings;
  readonly #keys: readonly (keyof Settings)[];
  readonly #onTurn: (() => void) | undefined;

  constructor(executor: Executor, settings: Settings, onTurn: (() => void) | undefined) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#settings = settings;
    this.#keys = Object.keys(settings) as (keyof Settings)[];
    this.#onTurn = onTurn;
  }

  execute(request: ExecutionRequest): Promise<Verdict> {
    const whole: Changeable<ExecutionRequest> = { ...request };
    const { onTurn: onInnerTurn } = whole;
    for (const key of this.#keys) setDefault(whole, this.#settings, key);
    const onTurn = this.#onTurn;
    if (onTurn !== undefined) {
      whole.onTurn = () => {
        onTurn();
        onInnerTurn?.();
      };
    }
    return this.#executor.execute(whole);
  }
}

/** Shortens a message; reports are read by people. */
function cut(message: string): string {
  return `${message.slice(0, MESSAGE_MAX)}… (${message.length} characters)`;
}
