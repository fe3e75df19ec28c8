/**
 * Assertions that take time (`resolves`, `rejects`, `toMatchFileSnapshot`) in a test that runs its scenario many times.
 * Of each, Vitest keeps in the test a promise, for which it waits at the end, and a check that somebody has awaited it.
 * Invariants: an execution is held to its own checks at its end; the test keeps nothing of an execution that is over,
 * whose promises nobody will settle any more, unless Vitest is still reading a snapshot. What other code adds to the
 * test stays there.
 */
import { hub } from '../ambient/hub.ts';
import { isSimulating } from '../simulation/simulating.ts';
import { snapshotFilesBeingRead } from './file-snapshots.ts';

type Check = () => void;

/** What Vitest calls the function that it makes of a hook, such as one of `onTestFinished`. */
const HOOK = 'runWithTimeout';

/** The used subset of a task of Vitest. */
export interface TaskWithAssertions {
  promises?: Promise<unknown>[] | undefined;
  /** What Vitest calls when the test has ended. */
  onFinished?: Check[] | undefined;
}

/** See the top of the file. */
export class AwaitedAssertions {
  readonly #task: TaskWithAssertions;
  readonly #isFailure: boolean;
  readonly #watched: readonly (readonly unknown[])[];
  #isRunning = false;
  /** The promise that was added last, until its check is. */
  #unchecked: Promise<unknown> | undefined;
  #promises: Promise<unknown>[] = [];
  #checks: Check[] = [];

  /**
   * `isFailure`: the check throws. Vitest 4 prints a line instead, which takes too long for an execution: it gets the
   * checks of the last one.
   */
  constructor(task: TaskWithAssertions, isFailure: boolean) {
    this.#task = task;
    this.#isFailure = isFailure;
    const promises = (task.promises ??= []);
    const checks = (task.onFinished ??= []);
    this.#watched = [promises, checks];
    watch(promises, (promise) => {
      this.#unchecked = this.#isAsserting ? promise : undefined;
      return true;
    });
    watch(checks, (check) => this.#isOfTest(check));
  }

  /** An execution begins. The one before it may have failed before its end. */
  begin(): void {
    this.#checks = [];
    this.#dropPromises();
    this.#isRunning = true;
  }

  /** An execution ends. Throws if an assertion has not been awaited, where that is a failure. */
  end(): void {
    this.#isRunning = false;
    if (!this.#isFailure) return;
    const checks = this.#checks;
    this.#checks = [];
    for (const check of checks) check();
  }

  /** The test is over: what is added from now on is Vitest's. */
  stop(): void {
    this.#isRunning = false;
    this.#dropPromises();
    for (const list of this.#watched) Reflect.deleteProperty(list, 'push');
    if (!this.#isFailure) this.#task.onFinished?.push(...this.#checks);
  }

  /** Vitest adds the check of an assertion right after its promise. A promise of an annotation has none. */
  #isOfTest(check: Check): boolean {
    const promise = this.#unchecked;
    this.#unchecked = undefined;
    if (promise === undefined || check.name === HOOK) return true;
    this.#promises.push(promise);
    this.#checks.push(check);
    return false;
  }

  /** True if code of the execution may be running: see `SoftFailures`. */
  get #isAsserting(): boolean {
    return this.#isRunning && (isSimulating() || hub.world !== undefined);
  }

  #dropPromises(): void {
    if (this.#promises.length === 0 || snapshotFilesBeingRead().length > 0) return;
    const { promises = [] } = this.#task;
    for (const promise of this.#promises) {
      const at = promises.indexOf(promise);
      if (at >= 0) void promises.splice(at, 1);
    }
    this.#promises = [];
  }
}

/** Adds to the list only what `accepts` returns true for. */
function watch<Item>(list: Item[], accepts: (item: Item) => boolean): void {
  Object.defineProperty(list, 'push', {
    configurable: true,
    value: (...items: Item[]): number => {
      for (const item of items) if (accepts(item)) list[list.length] = item;
      return list.length;
    },
  });
}
