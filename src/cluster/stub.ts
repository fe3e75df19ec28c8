/** A stub: the object of another node, as callers see it. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { CallOptions, Stub } from '../model/node-context.ts';
import { markUncopyable } from '../kernel/plain-copy.ts';
import { CALL_FIELDS, checkCallOptions, type Endpoint, isReserved } from './endpoint.ts';

interface StubParts {
  readonly endpoint: Endpoint;
  readonly to: string;
  readonly options: CallOptions;
}

const parts = new WeakMap<object, StubParts>();

type Methods = Record<string | symbol, ((...args: unknown[]) => Promise<unknown>) | undefined>;

/** Creates methods when they are first read. */
const HANDLER: ProxyHandler<Methods> = {
  get(methods, name) {
    // Converting a stub to text must not call the remote `toString`.
    if (name === Symbol.toPrimitive) return () => `stub of ${(parts.get(methods) as StubParts).to}`;
    if (typeof name === 'symbol' || isReserved(name)) return undefined;
    const known = methods[name];
    if (known !== undefined) return known;
    const { endpoint, to, options } = parts.get(methods) as StubParts;
    const method = (...args: unknown[]): Promise<unknown> => endpoint.call(to, name, args, options);
    methods[name] = method;
    return method;
  },
  set() {
    return false;
  },
};

/** Makes a stub for the object of node `to`. */
export function createStub<T extends object>(
  endpoint: Endpoint,
  to: string,
  options: CallOptions = {},
): Stub<T> {
  check('to', to, is.TEXT);
  checkCallOptions(options);
  const methods = Object.create(null) as Methods;
  const stub = new Proxy<Methods>(methods, HANDLER);
  const own = { endpoint, to, options };
  // The handler gets `methods` also for objects that inherit from the stub.
  parts.set(methods, own);
  parts.set(stub, own);
  // Reading any of its fields makes a method that calls the other node.
  markUncopyable(stub);
  return stub as unknown as Stub<T>;
}

/**
 * Returns a stub for the same object whose calls have other options. Options that are absent stay as they are.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `stub` is not a stub or `options` are not call options.
 * @example
 * ```ts
 * import { isRunnerError, simulate } from 'dryrunner';
 * import { createNetwork, withCallOptions } from 'dryrunner/cluster';
 * const { held } = await simulate({
 *   async scenario(sim) {
 *     const net = createNetwork(sim, { latencyMs: 5 });
 *     const server = net.through('server', { work: () => sim.sleep(1_000) });
 *     try {
 *       await withCallOptions(server, { timeoutMs: 100 }).work();
 *     } catch (error) {
 *       sim.check(isRunnerError(error, 'RUNNER_CALL_TIMED_OUT'), 'it gives up');
 *     }
 *     await sim.sleep(1_000);
 *   },
 * });
 * if (!held) throw new Error('expected it to hold');
 * ```
 */
export function withCallOptions<S extends object>(stub: S, options: CallOptions): S {
  const own = parts.get(stub);
  if (own === undefined) throw invalidArgument('stub', 'what connect() gives', stub);
  checkCallOptions(options);
  const merged = { ...is.only(CALL_FIELDS, own.options), ...is.only(CALL_FIELDS, options) };
  return createStub(own.endpoint, own.to, merged) as unknown as S;
}
