/**
 * Modules that a scenario loads anew in each execution. Invariant: what is loaded comes between two events, when all reactions have run, also
 * where the machine has to make it ready first and the simulation stands still meanwhile: so the first execution is like all others.
 */
import { RunnerError } from '../kernel/errors.ts';

/** Option `modules` of a simulation. Made by `freshModules` of `dryrunner/ambient`. */
export interface FreshModules {
  /** Makes a module with all that it imports ready to be evaluated. Called while the simulation stands still; rejects if that cannot be. */
  prepare(specifier: string): Promise<void>;
  /** Evaluates it anew and returns what it exports; undefined if it has to be prepared first. Throws what the module throws. */
  evaluate(specifier: string): object | undefined;
}

interface Load {
  readonly specifier: string;
  readonly resolve: (exported: object) => void;
  readonly reject: (error: unknown) => void;
}

/** Those of one simulation. */
export class ModuleLoads {
  readonly #modules: FreshModules | undefined;
  readonly #loads: Load[] = [];
  #isPreparing = false;
  /** Why the first could not be prepared. */
  #refusal: { readonly error: unknown } | undefined;

  constructor(modules: FreshModules | undefined) {
    this.#modules = modules;
  }

  get isPending(): boolean {
    return this.#loads.length > 0;
  }

  load(specifier: string): Promise<object> {
    if (this.#modules === undefined) {
      throw new RunnerError(
        'RUNNER_SIMULATION_MISUSE',
        `sim.load(${JSON.stringify(specifier)}): expected a simulation that can load modules: simTest and the dryrunner command make one, ` +
          'elsewhere it takes simulate({ modules: freshModules(import.meta.url) })',
      );
    }
    return new Promise((resolve, reject) => {
      this.#loads.push({ specifier, resolve, reject });
    });
  }

  /** Loads what is ready, in the order in which it was asked for; false if nothing is. Called between two events. */
  advance(): boolean {
    const [load] = this.#loads;
    if (load === undefined || this.#isPreparing) return false;
    try {
      if (this.#refusal !== undefined) throw this.#refusal.error;
      const exported = this.#modules?.evaluate(load.specifier);
      if (exported === undefined) return false;
      load.resolve(exported);
    } catch (error) {
      load.reject(error);
    }
    this.#refusal = undefined;
    this.#loads.shift();
    return true;
  }

  /** True while something has to be prepared. Called outside of what the simulation sees. */
  prepare(): boolean {
    const [load] = this.#loads;
    if (load === undefined) return false;
    if (!this.#isPreparing) void this.#prepare(load);
    return true;
  }

  async #prepare({ specifier }: Load): Promise<void> {
    this.#isPreparing = true;
    try {
      await this.#modules?.prepare(specifier);
    } catch (error) {
      // It is for the scenario to see, between two events.
      this.#refusal = { error };
    } finally {
      this.#isPreparing = false;
    }
  }
}
