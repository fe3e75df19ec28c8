/**
 * A result of a recorded call with a `then` of its own kind, such as a query builder, as the client gets it.
 * Invariants: `then` is called only by those who want the value, since it may begin the work; what it gives them first
 * ends the call, once; everything else is forwarded to the result. What its methods return is watched as well if it has
 * such a `then`, as the next step of a builder does.
 */
import { forwardingProxy } from '../../call/forwarding-proxy.ts';
import { isEagerPromise, isPending } from '../../model/maybe-promise.ts';

type Method = (...args: unknown[]) => unknown;

/** Records how the call ends. */
export interface CallEnd {
  returned(value: unknown): void;
  failed(error: unknown): void;
}

/** True for an object with a `then` that is not a promise of the language. */
export function isOwnThenable(value: unknown): value is object {
  return isPending(value) && !isEagerPromise(value);
}

/**
 * Returns a proxy of such an object that reports to `end` what others get from its `then`, and never calls that itself.
 */
export function watchThenable(target: object, end: CallEnd): object {
  return new ThenableCall(end).watch(target);
}

/** All steps of one recorded call. */
class ThenableCall {
  readonly #end: CallEnd;
  readonly #watched = new WeakMap<object, object>();
  #hasEnded = false;

  constructor(end: CallEnd) {
    this.#end = end;
  }

  watch(target: object): object {
    const known = this.#watched.get(target);
    if (known !== undefined) return known;
    const watched = forwardingProxy(target, ({ name, method, args }) => {
      if (name === 'then') return Reflect.apply(method, target, this.#handlersFor(args));
      const answer: unknown = Reflect.apply(method, callsThen(method) ? watched : target, args);
      return isOwnThenable(answer) ? this.watch(answer) : answer;
    });
    this.#watched.set(target, watched);
    return watched;
  }

  #handlersFor([onFulfilled, onRejected]: readonly unknown[]): Method[] {
    const reject = (error: unknown): unknown => {
      if (typeof onRejected === 'function') return (onRejected as Method)(error);
      throw error;
    };
    const resolve = (value: unknown): unknown =>
      typeof onFulfilled === 'function' ? (onFulfilled as Method)(value) : value;
    const ending = (how: keyof CallEnd, proceed: Method) => (given: unknown) => {
      try {
        if (!this.#hasEnded) {
          this.#hasEnded = true;
          this.#end[how](given);
        }
      } catch (error) {
        // Thrown here, an error of the report would leave the await without an end.
        return reject(error);
      }
      return proceed(given);
    };
    return [ending('returned', resolve), ending('failed', reject)];
  }
}

/** True for the methods of promises that do nothing but call `then`, which must be the watched one. */
function callsThen(method: unknown): boolean {
  return method === Promise.prototype.catch || method === Promise.prototype.finally;
}
