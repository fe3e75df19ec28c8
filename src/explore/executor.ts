/**
 * What an exploration runs again and again: one scenario, once, under a given source of decisions. Invariant: the source alone
 * decides what happens, so that the log of an execution repeats it.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { DecisionSource } from '../kernel/decisions.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import type { ServiceWatch } from '../model/service.ts';
import type { Isolator } from '../model/isolation.ts';
import { defaultOracles } from '../oracles/default-oracles.ts';
import type { OracleFactory } from '../oracles/oracle.ts';
import type { OnState } from '../simulation/declared-state.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import { checkScenario, type ScenarioDefinition } from '../simulation/scenario.ts';
import { simulate } from '../simulation/simulate.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import type { Verdict } from '../simulation/verdict.ts';

/** One execution that is asked for. */
export interface ExecutionRequest {
  readonly source: DecisionSource;
  /** Keeps the trace for reports; default false. */
  readonly keepTrace?: boolean;
  /** Remembers where timers and waiters were made, for reports; default false. */
  readonly capturePlaces?: boolean;
  /** Errors by which simulated things answer have no stack, as nobody reads it before the log is run again; default false. */
  readonly omitStacks?: boolean;
  /** Watchers of the trace beside the oracles of the scenario. They may report nothing and only look. */
  readonly watchers?: readonly OracleFactory[];
  readonly onFire?: (event: EventInfo, made: number) => void;
  readonly isolator?: Isolator;
  /** Gets the calls of services, and the states of nodes, of the simulated world. */
  readonly watchServices?: ServiceWatch;
  /** Called with the state that the scenario has declared, if it has. */
  readonly onState?: OnState;
  /** Events that it may take, unless the scenario states another bound; default 10,000,000. */
  readonly defaultMaxEvents?: number;
  /** Events that it may take, also where the scenario states a higher bound; default: no such limit. */
  readonly hardMaxEvents?: number;
  /** See `simulate`. */
  readonly stallLookEvery?: number;
  /** Says in the details of a standstill where the scenario waits; see `simulate`. */
  readonly captureAwaits?: boolean;
  /** Says in the details of an escape what was called outside, and where; see `simulate`. */
  readonly captureOutside?: boolean;
  /** Awaits that the scenario controls are late by microtasks only, in the engine's order; default false. */
  readonly nativeAwaits?: boolean;
  /** What `sim.load` loads modules with, unless the scenario says so itself; see `simulate`. */
  readonly modules?: FreshModules | undefined;
  /** Called at each turn of the real event loop; throwing ends the execution with that error. */
  readonly onTurn?: () => void;
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

const REQUEST = is.readable('a request for an execution');

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
export function simulationExecutor({
  oracles = defaultOracles(),
  ...simulation
}: SimulateOptions & { readonly name: string }): Executor {
  const { name, maxEvents: stated } = simulation;
  return {
    scenario: name,
    async execute(asked) {
      check('request', asked, REQUEST);
      const { watchers = [], hardMaxEvents = Infinity, nativeAwaits = false, ...request } = asked;
      const native = nativeAwaits ? simulation.ambient?.native : undefined;
      const verdict = await simulate({
        ...simulation,
        ...request,
        ...(native === undefined ? {} : { ambient: native }),
        ...(stated === undefined ? {} : { maxEvents: Math.min(stated, hardMaxEvents) }),
        oracles: watchers.length === 0 ? oracles : [...oracles, ...watchers],
      });
      const { failure } = verdict;
      if (failure === undefined || failure.message.length <= MESSAGE_MAX) return verdict;
      return { ...verdict, failure: { ...failure, message: cut(failure.message) } };
    },
  };
}

/** An executor that adds `settings` to each request; what the request says itself comes first, and both are called at each turn. */
export function executorWith(
  executor: Executor,
  { onTurn, ...settings }: Partial<ExecutionRequest>,
): Executor {
  return {
    scenario: executor.scenario,
    execute: (request) =>
      executor.execute({
        ...settings,
        ...request,
        ...(onTurn === undefined
          ? {}
          : {
              onTurn: () => {
                onTurn();
                request.onTurn?.();
              },
            }),
      }),
  };
}

/** A report is read by people. */
function cut(message: string): string {
  return `${message.slice(0, MESSAGE_MAX)}… (${message.length} characters)`;
}
