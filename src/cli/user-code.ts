/** Tracks which user code runs in this thread, so that its effects on the whole process are reported with its name. */
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';

/** A module or a scenario, and the exit status of the command if that code ends the process. */
export interface ForeignCode {
  /** Such as `the scenario race`. */
  readonly name: string;
  readonly status: ExitStatus;
  /** True for the `prepare` of a scenario. */
  readonly isPreparing?: boolean;
}

const loading = new Set<string>();
let current: ForeignCode | undefined;
let hasLoadedModule = false;
let unprinted: ResultsSoFar | undefined;

/** Called before a module of the user's is loaded; call `isLoaded` when loading is over. */
export function nowLoading(file: string): { isLoaded(): void } {
  hasLoadedModule = true;
  loading.add(file);
  const name = [...loading].join(' or ');
  current = { name, status: EXIT_STATUS.USAGE };
  return {
    isLoaded: () => {
      loading.delete(file);
    },
  };
}

/** The modules that have not been loaded to their end; undefined if there are none. */
function stillLoading(): string | undefined {
  return loading.size === 0 ? undefined : [...loading].join(' or ');
}

/** Called before the input of a scenario is read in this thread. */
export function nowPreparing(name: string): void {
  current = { name: `prepare of the scenario ${name}`, status: EXIT_STATUS.USAGE, isPreparing: true };
}

/** Called before a scenario runs in this thread. */
export function nowRunning(name: string): void {
  current = { name: `the scenario ${name}`, status: EXIT_STATUS.FAILED };
}

/** The code that was loaded or run last; undefined if there was none. */
export function lastForeignCode(): ForeignCode | undefined {
  return current;
}

/** The code that this thread awaits before anything runs: a `prepare`, or the modules not loaded to their end. */
export function awaitedCode(): string {
  return current?.isPreparing === true ? current.name : (stillLoading() ?? 'what was loaded');
}

/** True if a module of the user's has been loaded in this thread. */
export function holdsForeignModule(): boolean {
  return hasLoadedModule;
}

/** The results of a command until now. */
export interface ResultsSoFar {
  print(): void;
  /** The exit status that they ask for, whatever else happens; undefined if they ask for none. */
  readonly status: ExitStatus | undefined;
}

/** Sets the results that are printed if user code ends the process before {@link resultsPrinted}. */
export function keepResults(results: ResultsSoFar): void {
  unprinted = results;
}

/** Called before the results are printed; their status still counts. */
export function resultsPrinted(): void {
  const { status } = unprinted ?? {};
  unprinted = { status, print: () => undefined };
}

/** User code ends the process: prints the results so far, once, and returns the exit status. */
export function endedBy(foreign: ForeignCode): ExitStatus {
  const results = unprinted;
  resultsPrinted();
  results?.print();
  return results?.status ?? foreign.status;
}
