/**
 * Loads modules afresh in each execution of a scenario. Invariant: a module is loaded between two events, when all
 * reactions have run, even if the machine must prepare it first while the simulation stands still; so the first
 * execution is like all others.
 */
import { RunnerError } from '../kernel/errors.ts';

/** Option `modules` of a simulation; create one with `freshModules` of `dryrunner/ambient`. */
export interface FreshModules {
  /**
   * Prepares a module, with everything it imports, for evaluation. Called while the simulation stands still; rejects if
   * the module cannot be prepared.
   */
  prepare(specifier: string): Promise<void>;
  /**
   * Evaluates the module afresh and returns its exports; undefined if it must be prepared first. Throws what the module
   * throws.
   */
  evaluate(specifier: string): object | undefined;
}

interface Load {
  readonly specifier: string;
  readonly resolve: (exported: object) => void;
  readonly reject: (error: unknown) => void;
}

/** The pending loads of one simulation. */
export class ModuleLoads {
  readonly #modules: FreshModules | undefined;
  readonly #loads: Load[] = [];
  #isPreparing = false;
  /** Why the first pending module could not be prepared. */
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

  /** Loads the next module that was asked for; false if none is ready. Called between two events. */
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

  /** Starts to prepare the next module; true while any load is pending. Called outside the simulated globals. */
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
      // The scenario gets this error between two events.
      this.#refusal = { error };
    } finally {
      this.#isPreparing = false;
    }
  }
}
