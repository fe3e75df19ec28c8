/**
 * A decorator that records in a history what one client does with any object: each method call and its outcome.
 * Invariant: calls, results and errors pass unchanged and in the same synchronous call; the history gets copies, so
 * that later changes do not affect it.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { describeValue, type RunnerErrorCode } from '../../kernel/errors.ts';
import { isEagerPromise, isPending } from '../../model/maybe-promise.ts';
import { CLIENT, type ErrorMeaning, type History, HISTORY } from './history.ts';

type Method = (...args: never[]) => unknown;
type AnyMethod = (given: unknown) => unknown;

/** The names of the methods of `T`. */
export type MethodName<T> = {
  readonly [K in keyof T]-?: T[K] extends (...args: never[]) => unknown ? K : never;
}[keyof T] &
  string;

/** A call of a method of `T`, as data. */
export type MethodCall<T> = {
  readonly [K in MethodName<T>]: {
    readonly method: K;
    readonly args: T[K] extends (...args: infer A) => unknown ? Readonly<A> : never;
  };
}[MethodName<T>];

/** The answer of a method of `T`: a value, or the code or name of an expected error. */
export type MethodReply<T> =
  | {
      readonly value: { readonly [K in MethodName<T>]: ResultOf<T[K]> }[MethodName<T>];
    }
  | { readonly refused: string };

/** The value that a method resolves with, or returns. */
export type ResultOf<M> = M extends (...args: never[]) => infer R ? Awaited<R> : never;

/** Options of {@link watchCalls}. */
export interface WatchCallsOptions<T> {
  /** Records calls of these methods only. Default: all methods. */
  readonly methods?: readonly MethodName<T>[];
  /**
   * Errors that are replies, by `code`, or by `name` if they have none, such as that a lock is taken or a version is
   * old. After any other error it is unknown whether the call took effect, and the call stays open. Default: none.
   */
  readonly refusals?: readonly string[];
  /** Decides what an error means; undefined leaves that to `refusals`. */
  readonly meaningOf?: (error: unknown, call: MethodCall<T>) => ErrorMeaning<MethodReply<T>> | undefined;
}

const WATCH_CALLS_OPTIONS = is.optionsOf<WatchCallsOptions<unknown>>(
  {},
  { methods: is.listOf(is.TEXT), refusals: is.listOf(is.TEXT), meaningOf: is.FUNCTION },
);
const TARGET = is.readable('an object with methods');

/** Errors of a network after which the call has certainly not been performed. */
const NOT_DONE: ReadonlySet<unknown> = new Set<RunnerErrorCode>(['RUNNER_NODE_DOWN', 'RUNNER_NO_METHOD']);

/**
 * Records the calls of one client on an object. Use the returned object instead of the original; `checkLinearizable`
 * decides whether the replies to all clients fit a model. Methods may return their answer or a promise of it. Wrap the
 * object that the client uses, such as its stub of another node, once per client, with one history for all clients;
 * apply `withCallOptions` first.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object, a history and a name.
 * @example
 * ```ts
 * import { checkLinearizable, createHistory, methodModel, simulate, watchCalls, type MethodCall, type MethodReply } from 'dryrunner';
 * class Counter {
 *   count = 0;
 *   async add(by: number): Promise<number> {
 *     return (this.count += by);
 *   }
 * }
 * await simulate({
 *   scenario: async (sim) => {
 *     const history = createHistory<MethodCall<Counter>, MethodReply<Counter>>(sim.world.clock);
 *     const counter = new Counter();
 *     await Promise.all(['a', 'b'].map((client) => watchCalls(counter, history, client).add(1)));
 *     const model = methodModel<Counter, number>(0, { add: (count, by) => ({ state: count + by, value: count + by }) });
 *     console.log(checkLinearizable(history, model).linearizable); // true
 *   },
 * });
 * ```
 */
export function watchCalls<T extends object>(
  target: T,
  history: History<MethodCall<T>, MethodReply<T>>,
  client: string,
  options: WatchCallsOptions<T> = {},
): T {
  check('target', target, TARGET);
  check('history', history, HISTORY);
  check('client', client, CLIENT);
  check('options', options, WATCH_CALLS_OPTIONS);
  const recorder = new CallRecorder<T>(history, client, options);
  const watched = new Map<string | symbol, Method>();
  // The proxy's target is a new object, because a proxy of a frozen object could not replace its methods.
  return new Proxy(Object.create(Object.getPrototypeOf(target) as object | null) as T, {
    get(_, name) {
      // Read from the object itself, which has the private fields.
      const held: unknown = Reflect.get(target, name, target);
      if (typeof held !== 'function' || name === 'constructor') return held;
      const known = watched.get(name);
      if (known !== undefined) return known;
      const act = (args: unknown[]): unknown =>
        Reflect.apply(Reflect.get(target, name, target) as Method, target, args as never[]);
      const isRecorded = typeof name === 'string' && recorder.isRecorded(name);
      const method = isRecorded
        ? (...args: unknown[]): unknown => recorder.record({ method: name, args }, () => act(args))
        : (...args: unknown[]): unknown => act(args);
      watched.set(name, method);
      return method;
    },
    set: (_, name, value) => Reflect.set(target, name, value, target),
    has: (_, name) => Reflect.has(target, name),
  });
}

/** A call of any method. */
interface AnyCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

class CallRecorder<T> {
  readonly #history: History<MethodCall<T>, MethodReply<T>>;
  readonly #client: string;
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #refusals: ReadonlySet<unknown>;
  readonly #meaningOf: WatchCallsOptions<T>['meaningOf'];

  constructor(
    history: History<MethodCall<T>, MethodReply<T>>,
    client: string,
    { methods, refusals, meaningOf }: WatchCallsOptions<T>,
  ) {
    this.#history = history;
    this.#client = client;
    this.#methods = methods === undefined ? undefined : new Set<string>(methods);
    this.#refusals = new Set(refusals);
    this.#meaningOf = meaningOf;
  }

  isRecorded(name: string): boolean {
    return this.#methods?.has(name) !== false;
  }

  record(asked: AnyCall, act: () => unknown): unknown {
    const call = { method: asked.method, args: copyOf(asked.args) } as MethodCall<T>;
    const id = this.#history.begin(this.#client, call);
    const failed = (error: unknown): never => {
      this.#endWith(id, this.#meaning(error, call));
      throw error;
    };
    let result: unknown;
    try {
      result = act();
    } catch (error) {
      return failed(error);
    }
    if (isEagerPromise(result)) return result.then((value) => this.#returned(id, value), failed);
    if (!isLazy(result)) return this.#returned(id, result);
    return watchThenable(
      result,
      firstOf({
        fulfilled: (value) => void this.#returned(id, value),
        failed: (error) => this.#endWith(id, this.#meaning(error, call)),
      }),
    );
  }

  #returned(id: number, value: unknown): unknown {
    this.#history.end(id, { value: copyOf(value) } as MethodReply<T>);
    return value;
  }

  #meaning(error: unknown, call: MethodCall<T>): ErrorMeaning<MethodReply<T>> {
    const meaning = this.#meaningOf?.(error, call);
    if (meaning !== undefined) return meaning;
    const name = nameOf(error);
    if (this.#refusals.has(name)) return { reply: { refused: String(name) } };
    return NOT_DONE.has(name) ? 'failed' : 'unknown';
  }

  #endWith(id: number, meaning: ErrorMeaning<MethodReply<T>>): void {
    if (meaning === 'unknown') this.#history.unknown(id);
    else if (meaning === 'failed') this.#history.fail(id);
    else this.#history.end(id, meaning.reply);
  }
}

type Report = (given: unknown) => void;

/** What a watched object with a `then` reports. */
interface ThenReports {
  readonly fulfilled: Report;
  readonly failed: Report;
}

/** Reports that pass on the first of them alone. */
function firstOf({ fulfilled, failed }: ThenReports): ThenReports {
  let isOver = false;
  const first =
    (report: Report): Report =>
    (given) => {
      if (isOver) return;
      isOver = true;
      report(given);
    };
  return { fulfilled: first(fulfilled), failed: first(failed) };
}

/**
 * The object with the same methods, which reports what others get from its `then`, and never calls that itself. What
 * its methods return is watched as well if it has a `then` of its own kind, as the next step of a builder does.
 */
function watchThenable(target: object, reports: ThenReports): object {
  const then =
    (own: Method) =>
    (onFulfilled: unknown, onRejected: unknown): unknown => {
      const rejected = (error: unknown): unknown => {
        if (typeof onRejected === 'function') return (onRejected as AnyMethod)(error);
        throw error;
      };
      // An error of a report rejects the call: thrown here, it would leave the await without an end.
      const reporting = (report: Report, goOn: AnyMethod) => (given: unknown) => {
        try {
          report(given);
        } catch (error) {
          return rejected(error);
        }
        return goOn(given);
      };
      const fulfilled: AnyMethod = (value) =>
        typeof onFulfilled === 'function' ? (onFulfilled as AnyMethod)(value) : value;
      const given = [reporting(reports.fulfilled, fulfilled), reporting(reports.failed, rejected)];
      return Reflect.apply(own, target, given as never[]);
    };
  const watched: object = new Proxy(Object.create(Object.getPrototypeOf(target) as object | null) as object, {
    get(_, name) {
      const held: unknown = Reflect.get(target, name, target);
      if (typeof held !== 'function' || name === 'constructor') return held;
      if (name === 'then') return then(held as Method);
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(held as Method, target, args as never[]);
        if (answer === target) return watched;
        return isLazy(answer) ? watchThenable(answer, reports) : answer;
      };
    },
    set: (_, name, value) => Reflect.set(target, name, value, target),
    has: (_, name) => Reflect.has(target, name),
  });
  return watched;
}

function isLazy(value: unknown): value is object {
  return isPending(value) && !isEagerPromise(value);
}

/** Its code, or else its name. */
function nameOf(error: unknown): unknown {
  try {
    const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
    return code ?? name;
  } catch {
    return describeValue(error);
  }
}

/** A copy, or the value itself if it cannot be copied. */
function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}
