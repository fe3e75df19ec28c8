/**
 * Stands between code of a simulation and the machine. Invariants: calls made by that code itself are refused and fail
 * the simulation, unless allowed by name; calls by Node, test frameworks, loaders and this package pass; a call that is
 * not refused leaves no trace.
 */
import * as is from '../kernel/shape.ts';
import { shortPlaceOf } from '../explore/explain/source-place.ts';
import { activeResources, bindContext, resourcesSince } from '../kernel/drain-host.ts';
import { RunnerError, type RunnerErrorCode, stackOf } from '../kernel/errors.ts';
import type { AmbientParts } from '../simulation/ambience.ts';
import type { FailureKind, ReportFailure } from '../simulation/verdict.ts';
import { isImporting, isOfOthers, isTool, listeningFile, nearestFile, withStack } from './calling-code.ts';
import { OUTSIDE_AREAS } from './globals/outside-calls.ts';
import type { BroughtCallback, CallbackUse, OutsideFunction, WayBack } from './hub.ts';

type Callback = (...args: unknown[]) => unknown;

/** The shape of the names in `allow`. */
export const ALLOWED: is.Shape = is.listOf(
  is.satisfying(
    `a function, or one of ${OUTSIDE_AREAS.join(', ')}`,
    (name) => typeof name === 'string' && OUTSIDE_AREAS.includes(name.split('.')[0] as string),
  ),
  'a list of names',
);

/** What a gate needs of its simulation. */
interface GateHost extends Pick<WayBack, 'letThrough'>, Pick<AmbientParts, 'noteLoading'> {
  /** The way in which results reach the code that runs now; the same function for the same asker. */
  wayToAsker(): WayToAsker;
}

/** Calls a function where code of the asker runs. */
type WayToAsker = (deliver: () => void) => void;

/** A callback that is given once more by each call of `owe`. */
interface OwedCallback extends BroughtCallback {
  owe(): void;
}

/** See the top of the file; one per simulation. */
export class OutsideGate implements WayBack {
  readonly #allowed: ReadonlySet<string>;
  readonly #report: ReportFailure;
  readonly #host: GateHost;
  readonly #arrived: (() => void)[] = [];
  /** Those that a later call may remove, by asker. */
  readonly #listeners = new WeakMap<WayToAsker, WeakMap<Callback, OwedCallback>>();
  /** Callbacks that the machine will call. */
  #awaited = 0;
  /** Listeners that it has not called yet, and may never call. */
  #listening = 0;
  /** What kept the process alive before the first of them. */
  #aliveBefore: readonly string[] | undefined;
  #isLooking = false;
  /** True once a call was allowed. What it began, such as a socket, may call the simulation's code at any time. */
  hasLetThrough = false;

  constructor(allowed: ReadonlySet<string>, report: ReportFailure, host: GateHost) {
    this.#allowed = allowed;
    this.#report = report;
    this.#host = host;
  }

  /** True while an allowed call has not delivered its result, or something that it began may still call a listener. */
  get isWaiting(): boolean {
    if (this.#awaited > 0 || this.#arrived.length > 0) return true;
    return this.#listening > 0 && resourcesSince(this.#aliveBefore ?? []).length > 0;
  }

  /** See `AmbientWorld.outside`. */
  outside({ area, name, instead }: OutsideFunction): Error | WayBack | undefined {
    if (this.#isLooking) return undefined;
    const file = nearestFile();
    if (isOfOthers(file)) {
      if (isImporting(file)) this.#host.noteLoading();
      return undefined;
    }
    if (this.#allowed.has(area) || this.#allowed.has(name)) {
      this.hasLetThrough = true;
      return this;
    }
    return this.#refuse(
      `${name} is called`,
      `and what the machine does there cannot be repeated. ${capitalized(instead)}; ambientTime({ allow: ['${name}'] }) lets it through`,
    );
  }

  /** See `AmbientWorld.isCalledByTool`. */
  isCalledByTool(): boolean {
    return !this.#isLooking && isTool(nearestFile() ?? '');
  }

  /** See `AmbientWorld.isCalledByOthers`. */
  isCalledByOthers(): boolean {
    return this.#isLooking || isOfOthers(nearestFile());
  }

  /** True if Node, a tool or this package adds a listener now, and not code of the simulation. */
  isListenerOfOthers(): boolean {
    return this.#isLooking || isOfOthers(listeningFile());
  }

  /** See `AmbientWorld.realTimer`. */
  realTimer(what: string): Error | undefined {
    if (this.isCalledByOthers()) return undefined;
    return this.#refuse(
      `${what} of the machine is called`,
      'because the code took it before ambient time was in place. Under Vitest, add dryrunner/vitest-plugin to its plugins; elsewhere load dryrunner/ambient/install before that code, by node --import',
    );
  }

  letThrough<T>(call: () => T): T {
    return this.#host.letThrough(call);
  }

  bringPromise<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (by: unknown, value: unknown): unknown => (by as Callback)(value);
      const { callback } = this.bringCallback(settle, 'result');
      result.then(
        (value) => callback(resolve, value),
        (error: unknown) => callback(reject, error),
      );
    });
  }

  bringCallback(callback: Callback, use: CallbackUse): BroughtCallback {
    const isKept = use === 'added' || use === 'removed';
    const known = isKept ? this.#listenersOfAsker().get(callback) : undefined;
    if (use === 'removed') return { callback: known?.callback ?? callback, takeBack: () => {} };
    const brought = known ?? this.#brought(callback, use !== 'result');
    if (isKept) this.#listenersOfAsker().set(callback, brought);
    brought.owe();
    return brought;
  }

  #listenersOfAsker(): WeakMap<Callback, OwedCallback> {
    const asker = this.#host.wayToAsker();
    const listeners = this.#listeners.get(asker) ?? new WeakMap<Callback, OwedCallback>();
    this.#listeners.set(asker, listeners);
    return listeners;
  }

  #brought(callback: Callback, isListener: boolean): OwedCallback {
    if (isListener) this.#aliveBefore ??= activeResources();
    const called = bindContext(callback);
    const toAsker = this.#host.wayToAsker();
    let owed = 0;
    const owe = (calls: number): void => {
      owed += calls;
      if (isListener) this.#listening += calls;
      else this.#awaited += calls;
    };
    return {
      owe: () => owe(1),
      takeBack: () => owe(-Math.min(1, owed)),
      callback: (...args) => {
        this.#arrived.push(() => {
          owe(-owed);
          toAsker(function result() {
            called(...args);
          });
        });
      },
    };
  }

  /** Runs the callbacks that have arrived; called while code of the simulation may run. */
  handOver(): void {
    for (let next = this.#arrived.shift(); next !== undefined; next = this.#arrived.shift()) next();
  }

  #refuse(what: string, why: string): RunnerError {
    return this.fail('escape', 'RUNNER_OUTSIDE_CALL', what, ` while a simulation runs, ${why}`);
  }

  /**
   * Fails the simulation because of a call by its code, and returns the error for the caller: `WHAT at queue.ts:12WHY`.
   */
  fail(kind: FailureKind, code: RunnerErrorCode, what: string, why: string): RunnerError {
    // Loaders read files to map a stack.
    this.#isLooking = true;
    try {
      const error = withStack(() => new RunnerError(code, what));
      const place = shortPlaceOf(stackOf(error) ?? '');
      error.message = `${what}${place === undefined ? '' : ` ${place}`}${why}`;
      this.#report(kind, error.message, error);
      return error;
    } finally {
      this.#isLooking = false;
    }
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
