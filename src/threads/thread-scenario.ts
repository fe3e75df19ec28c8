/** A scenario in the thread that runs it. */
import { resourceLimits } from 'node:worker_threads';
import { createExecutor, executorWith, type Executor } from '../explore/executor.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { GuardedExecutor } from './guarded-executor.ts';
import type { ExploreSharedState } from './shared-state.ts';
import type { ExploreMessage } from './task.ts';

/** A scenario with what its `prepare` made. */
export interface PreparedScenario {
  readonly definition: ScenarioDefinition;
  readonly input: unknown;
  /** What `sim.load` loads modules with. */
  readonly modules?: FreshModules | undefined;
}

/** What the work of a thread is done with. */
export class ThreadScenario {
  readonly definition: ScenarioDefinition;
  /** Asks the work to end, and shows that it goes on. */
  readonly state: ExploreSharedState;
  /** Sends what comes of the work. */
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

  /** Runs it; `seed` is that of `world.random`, by default that of an exploration. */
  executor(seed?: string): Executor {
    return executorWith(createExecutor(this.definition, this.#input, seed), { modules: this.#modules });
  }

  /** See {@link GuardedExecutor}. */
  guarded(executor: Executor, keepsLog: boolean): Executor {
    const { maxOldGenerationSizeMb: memoryMb = Infinity } = resourceLimits;
    return new GuardedExecutor(executor, { state: this.state, memoryMb, keepsLog });
  }
}
