/**
 * Loads modules afresh in each execution of a scenario, and waits for those that its code imports. Invariant: a module is loaded between two events, when all
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

/** An import by the code of the simulation: begins outside of it, and passes its result on when it is asked to. */
class HeldImport<T> {
  #load: (() => Promise<T>) | undefined;
  readonly #resolve: (result: T) => void;
  readonly #reject: (error: unknown) => void;
  #result: { readonly value: T } | { readonly error: unknown } | undefined = undefined;

  constructor(load: () => Promise<T>, resolve: (result: T) => void, reject: (error: unknown) => void) {
    this.#load = load;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isLoaded(): boolean {
    return this.#result !== undefined;
  }

  /** Begins once, however often it is called. */
  async begin(): Promise<void> {
    const load = this.#load;
    if (load === undefined) return;
    this.#load = undefined;
    try {
      this.#result = { value: await load() };
    } catch (error) {
      this.#result = { error };
    }
  }

  deliver(): void {
    const result = this.#result;
    if (result === undefined) return;
    if ('error' in result) this.#reject(result.error);
    else this.#resolve(result.value);
  }
}

/** The pending loads of one simulation: of its own and, in ambient time, by Node. */
export class ModuleLoads {
  readonly #modules: FreshModules | undefined;
  readonly #loads: Load[] = [];
  #imports: Pick<HeldImport<unknown>, 'isLoaded' | 'begin' | 'deliver'>[] = [];
  #isPreparing = false;
  /** Why the first pending module could not be prepared. */
  #refusal: { readonly error: unknown } | undefined;
  readonly #isNodeLoading: () => boolean;
  /** True from when Node begins to load a module for code of the simulation until it has loaded it. */
  #isNodePending = false;

  /** `isNodeLoading` returns true while Node reads files or another thread is to answer. */
  constructor(modules: FreshModules | undefined, isNodeLoading: () => boolean) {
    this.#modules = modules;
    this.#isNodeLoading = isNodeLoading;
  }

  /** While this is true no event fires. */
  get isPending(): boolean {
    return this.#isNodePending || this.isHeld;
  }

  /** True while something is loaded that has no part in the simulation until it is there. */
  get isHeld(): boolean {
    return this.#loads.length > 0 || this.#imports.length > 0;
  }

  /** Node has begun to load a module, whose code and importer run as soon as it is there. */
  noteNode(): void {
    this.#isNodePending = true;
  }

  /** The result of `load`, between two events; until then the simulation stands still. */
  hold<T>(load: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#imports.push(new HeldImport(load, resolve, reject));
    });
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
    if (this.#imports.length > 0) return this.#deliverImports();
    const [load] = this.#loads;
    if (load === undefined) return this.#passNode();
    if (this.#isPreparing) return false;
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

  #passNode(): boolean {
    this.#isNodePending &&= this.#isNodeLoading();
    return !this.#isNodePending;
  }

  /** In the order of their calls, and all of them at once, so that the order does not depend on the machine. */
  #deliverImports(): boolean {
    const imports = this.#imports;
    if (!imports.every(({ isLoaded }) => isLoaded)) return false;
    this.#imports = [];
    for (const each of imports) each.deliver();
    return true;
  }

  /** Node takes too long: events fire again. */
  leaveNode(): void {
    this.#isNodePending = false;
  }

  /** Starts to prepare the next module; true while any is held. Called outside the simulated globals. */
  prepare(): boolean {
    for (const each of this.#imports) void each.begin();
    if (this.#imports.length > 0) return true;
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
