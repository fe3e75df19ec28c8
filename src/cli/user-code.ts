/** Which code of the user's is at work in this thread, so that what it does to the whole process is reported with its name. */
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';

/** A module or a scenario, and how the command ends if it does not come to its end. */
export interface ForeignCode {
  /** Such as `the scenario race`. */
  readonly name: string;
  readonly status: ExitStatus;
}

const loading = new Set<string>();
let current: ForeignCode | undefined;
let hasLoadedModule = false;

/** A module of the user's is about to be loaded; `isLoaded` is called when that is over. */
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

/** A scenario is about to run in this thread. */
export function nowRunning(name: string): void {
  current = { name: `the scenario ${name}`, status: EXIT_STATUS.FAILED };
}

/** What was loaded or run last; undefined if nothing was. */
export function lastForeignCode(): ForeignCode | undefined {
  return current;
}

/** True if this thread holds a module that is not ours. */
export function holdsForeignModule(): boolean {
  return hasLoadedModule;
}
