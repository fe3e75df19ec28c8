/**
 * What an exploration runs again and again: one scenario, once, under a given source of decisions. Invariant: the source alone
 * decides what happens, so that the log of an execution repeats it.
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

/** One execution that is asked for. */
export interface ExecutionRequest {
  readonly source: DecisionSource;
  /** Keeps the trace for reports; default false. */
  readonly keepTrace?: boolean | undefined;
  /** Remembers where timers and waiters were made, for reports; default false. */
  readonly capturePlaces?: boolean | undefined;
  /** Errors by which simulated things answer have no stack, as nobody reads it before the log is run again; default false. */
  readonly omitStacks?: boolean | undefined;
  /** Watchers of the trace beside the oracles of the scenario. They may report nothing and only look. */
  readonly watchers?: readonly OracleFactory[] | undefined;
  readonly onFire?: ((event: EventInfo, made: number) => void) | undefined;
  readonly isolator?: Isolator | undefined;
  /** Gets the calls of services, and the states of nodes, of the simulated world. */
  readonly watchServices?: ServiceWatch | undefined;
  /** Called with the state that the scenario has declared, if it has. */
  readonly onState?: OnState | undefined;
  /** Events that it may take, unless the scenario states another bound; default 10,000,000. */
  readonly defaultMaxEvents?: number | undefined;
  /** Events that it may take at most, whatever bound the scenario or `defaultMaxEvents` states; default: no such limit. */
  readonly hardMaxEvents?: number | undefined;
  /** See `simulate`. */
  readonly stallLookEvery?: number | undefined;
  /** Says in the details of a standstill where the scenario waits; see `simulate`. */
  readonly captureAwaits?: boolean | undefined;
  /** Says in the details of an escape what was called outside, and where; see `simulate`. */
  readonly captureOutside?: boolean | undefined;
  /** Awaits that the scenario controls are late by microtasks only, in the engine's order; default false. */
  readonly nativeAwaits?: boolean | undefined;
  /** What `sim.load` loads modules with, unless the scenario says so itself; see `simulate`. */
  readonly modules?: FreshModules | undefined;
  /** Called at each turn of the real event loop; throwing ends the execution with that error. */
  readonly onTurn?: (() => void) | undefined;
}

/** Runs one scenario. */
export interface Executor {
  /** Name of the scenario. */
  readonly scenario: string;
  /** Never rejects for a property that failed: that is in the verdict. */
  execute(request: ExecutionRequest): Promise<Verdict>;
}

/** All executions of an exploration have the same stream of `world.random`: they differ only in their decisions. */
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
      ...is.each(['onFire', 'onState', 'onTurn'], is.FUNCTION),
      ...is.each(['defaultMaxEvents', 'hardMaxEvents'], is.limit(1)),
      stallLookEvery: is.integer(STALL_LOOK_EVERY_LEAST),
      isolator: is.withMethods('isolate'),
      watchServices: is.withMethods('service', 'node'),
      modules: is.withMethods('prepare', 'evaluate'),
    },
  ),
);

/** Messages are kept, printed and sent from thread to thread; some hold a whole state. */
const MESSAGE_MAX = 10_000;

/**
 * Makes an executor that simulates on this thread. `seed` is that of `world.random` alone; default '1', as in all explorations.
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
  return simulationExecutor({
    ...options,
    name,
    seed,
    scenario: (sim) => definition.run(sim, input as Input),
  });
}

/** An executor that simulates so on this thread, where a request says nothing else. */
export function simulationExecutor(simulation: SimulateOptions & { readonly name: string }): Executor {
  const { name, oracles: given } = simulation;
  // Copied: a scenario that adds to its list must not change later executions.
  const oracles = isArray(given) ? [...given] : defaultOracles();
  let isChecked = false;
  return {
    scenario: name,
    async execute(request) {
      check('request', request, REQUEST);
      if (!isChecked) check('options', { ...simulation, source: request.source }, SIMULATE_OPTIONS);
      isChecked = true;
      const { watchers = [] } = request;
      const options = optionsOf(
        simulation,
        request,
        watchers.length === 0 ? oracles : [...oracles, ...watchers],
      );
      const verdict = await simulateChecked(options);
      const { failure } = verdict;
      if (failure === undefined || failure.message.length <= MESSAGE_MAX) return verdict;
      return { ...verdict, failure: { ...failure, message: cut(failure.message) } };
    },
  };
}

type Explicit<T> = { [Key in keyof T]-?: T[Key] | undefined };

/**
 * Of one execution. All fields are named, also those that are undefined: then the engine knows the object that comes of it, which it does not if it is
 * put together of what is there. That took a tenth of a small execution.
 */
// eslint-disable-next-line complexity -- a field a line, each with what it is else
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
    nextTurn: simulation.nextTurn,
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

/** An executor that adds `settings` to each request; what the request says itself comes first, but both `onTurn` are called at each turn. */
export function executorWith(
  executor: Executor,
  { onTurn, ...settings }: Settings & Pick<ExecutionRequest, 'onTurn'>,
): Executor {
  const keys = Object.keys(settings) as (keyof Settings)[];
  return {
    scenario: executor.scenario,
    execute: (request) => {
      const whole: Changeable<ExecutionRequest> = { ...request };
      const { onTurn: onTurnToo } = whole;
      for (const key of keys) setDefault(whole, settings, key);
      if (onTurn !== undefined) {
        whole.onTurn = () => {
          onTurn();
          onTurnToo?.();
        };
      }
      return executor.execute(whole);
    },
  };
}

/** A report is read by people. */
function cut(message: string): string {
  return `${message.slice(0, MESSAGE_MAX)}… (${message.length} characters)`;
}
