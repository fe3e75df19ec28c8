/** A scenario in the thread that runs it. */
import { resourceLimits } from 'node:worker_threads';
import { createExecutor, executorWith, type Executor } from '../explore/executor.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { GuardedExecutor } from './guarded-executor.ts';
import type { ExploreSharedState } from './shared-state.ts';
import type { ExploreMessage } from './task.ts';

/** A scenario and the result of its `prepare`. */
export interface PreparedScenario {
  readonly definition: ScenarioDefinition;
  readonly input: unknown;
  /** Loads the modules for `sim.load`. */
  readonly modules?: FreshModules | undefined;
}

/** The scenario, and the connections to the thread that started this one. */
export class ThreadScenario {
  readonly definition: ScenarioDefinition;
  /** Receives requests to stop, and shows the progress. */
  readonly state: ExploreSharedState;
  /** Sends results. */
  readonly send: (message: ExploreMessage) => void;
  readonly #input: unknown;
  readonly #modules: FreshModules | undefined;

  constructor(
    { definition, input, modules }: PreparedScenario,
    state: ExploreSharedState,
    send: (message: ExploreMessage) => void,
  ) {
    this.definition = definition;
    this.#input = input;
    this.#modules = modules;
    this.state = state;
    this.send = send;
  }

  /** An executor of the scenario; `seed` is that of `world.random`, by default the one that explorations use. */
  executor(seed?: string): Executor {
    return executorWith(createExecutor(this.definition, this.#input, seed), { modules: this.#modules });
  }

  /** See {@link GuardedExecutor}. */
  guarded(executor: Executor, keepsLog: boolean): Executor {
    const { maxOldGenerationSizeMb: memoryMb = Infinity } = resourceLimits;
    return new GuardedExecutor(executor, { state: this.state, memoryMb, keepsLog });
  }
}
