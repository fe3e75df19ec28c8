/** Tracks which user code runs in this thread, so that its effects on the whole process are reported with its name. */
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';

/** A module or a scenario, and the exit status of the command if that code ends the process. */
export interface ForeignCode {
  /** Such as `the scenario race`. */
  readonly name: string;
  readonly status: ExitStatus;
}

const loading = new Set<string>();
let current: ForeignCode | undefined;
let hasLoadedModule = false;

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

/** Called before a scenario runs in this thread. */
export function nowRunning(name: string): void {
  current = { name: `the scenario ${name}`, status: EXIT_STATUS.FAILED };
}

/** The code that was loaded or run last; undefined if there was none. */
export function lastForeignCode(): ForeignCode | undefined {
  return current;
}

/** True if a module of the user's has been loaded in this thread. */
export function holdsForeignModule(): boolean {
  return hasLoadedModule;
}
