/**
 * A decorator that records in a history what one client does with any object: each method call and its outcome.
 * Invariant: calls, results and errors pass unchanged and in the same synchronous call; the history gets copies, so
 * that later changes do not affect it.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { describeValue, type RunnerErrorCode } from '../../kernel/errors.ts';
import { forwardingProxy } from '../../call/forwarding-proxy.ts';
import { isEagerPromise } from '../../model/maybe-promise.ts';
import { CLIENT, type ErrorMeaning, type History, HISTORY } from './history.ts';
import { isOwnThenable, watchThenable } from './watched-thenable.ts';

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
  return forwardingProxy(target, ({ name, method, args }) => {
    const act = (): unknown => Reflect.apply(method, target, args);
    if (typeof name !== 'string' || !recorder.isRecorded(name)) return act();
    return recorder.record({ method: name, args }, act);
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
    const returned = (value: unknown): void => {
      this.#history.end(id, { value: copyOf(value) } as MethodReply<T>);
    };
    const failed = (error: unknown): void => this.#endWith(id, this.#meaning(error, call));
    let result: unknown;
    try {
      result = act();
    } catch (error) {
      failed(error);
      throw error;
    }
    if (isOwnThenable(result)) return watchThenable(result, { returned, failed });
    if (!isEagerPromise(result)) {
      returned(result);
      return result;
    }
    return result.then(
      (value) => {
        returned(value);
        return value;
      },
      (error: unknown) => {
        failed(error);
        throw error;
      },
    );
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
