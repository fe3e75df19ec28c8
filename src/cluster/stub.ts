/** An object of another node as its callers hold it. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { CallOptions, Stub } from '../model/node-context.ts';
import { checkCallOptions, type Endpoint, isReserved } from './endpoint.ts';

interface StubParts {
  readonly endpoint: Endpoint;
  readonly to: string;
  readonly options: CallOptions;
}

const parts = new WeakMap<object, StubParts>();

type Methods = Record<string | symbol, ((...args: unknown[]) => Promise<unknown>) | undefined>;

/** Methods are made when they are first asked for. */
const HANDLER: ProxyHandler<Methods> = {
  get(methods, name) {
    // As a text it is one of its own, so that its `toString` may be the object's.
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

/** What stands for an object of node `to`. */
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
  // By its methods it is found also through what inherits from it.
  parts.set(methods, own);
  parts.set(stub, own);
  return stub as unknown as Stub<T>;
}

/**
 * The same object with other options for the calls that are made on it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a stub and options.
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
  // Whatever is spread below would pass for options.
  checkCallOptions(options);
  return createStub(own.endpoint, own.to, { ...own.options, ...options }) as unknown as S;
}
