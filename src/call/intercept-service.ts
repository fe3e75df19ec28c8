/**
 * The single way to stand between callers and a service. Invariants: a call is passed on in the same synchronous call
 * unless an interceptor delays it; results and errors are passed back unchanged.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { Query, Wait } from '../model/query.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { WHOLE_SERVICE } from '../model/argument-shapes.ts';
import { SERVICE_METHODS, type Service } from '../model/service.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import { makeCall, type ServiceCall } from './service-call.ts';

/** Passes a call on to the inner service. */
export type Proceed<R> = (call: ServiceCall) => Promise<R>;

/**
 * Wraps each call. The reply comes from `proceed`, which may be called later, with another call, several times, or
 * never.
 */
export type Around = <R>(call: ServiceCall, proceed: Proceed<R>) => Promise<R>;

/**
 * A service whose calls all pass through one function; a base for classes that offer more than
 * {@link interceptService}.
 */
export class InterceptedService implements Service {
  readonly #proceed: (call: ServiceCall) => Promise<unknown>;
  readonly #around: Around;

  constructor(proceed: (call: ServiceCall) => Promise<unknown>, around: Around) {
    this.#proceed = proceed;
    this.#around = around;
  }

  run(command: Command): Promise<RunStatus> {
    return this.#call({ method: 'run', args: [command] });
  }

  abort(runId: RunID): Promise<RunStatus> {
    return this.#call({ method: 'abort', args: [runId] });
  }

  query(query: Query, wait: Wait): Promise<QueryResult> {
    return this.#call({ method: 'query', args: [query, wait] });
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.#call({ method: 'queryNow', args: [query] });
  }

  status(runId: RunID): Promise<StatusResult> {
    return this.#call({ method: 'status', args: [runId] });
  }

  statusAll(): Promise<QueryResult> {
    return this.#call({ method: 'statusAll', args: [] });
  }

  release(): Promise<void> {
    return this.#call({ method: 'release', args: [] });
  }

  #call<R>(call: ServiceCall): Promise<R> {
    return this.#around(call, this.#proceed as Proceed<R>);
  }
}

/**
 * Wraps a service: each call goes to `around`, which may pass it on with `proceed`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if not given a service and a function.
 * @example
 * ```ts
 * import { createFakeRunner, interceptService, simulate, type ServiceMethod } from 'dryrunner';
 * await simulate({
 *   scenario: async (sim) => {
 *     const calls: ServiceMethod[] = [];
 *     const runner = interceptService(createFakeRunner(sim.world), (call, proceed) => {
 *       calls.push(call.method);
 *       return proceed(call);
 *     });
 *     await runner.run({ argv: ['build'] });
 *     await runner.release();
 *     if (calls.join() !== 'run,release') throw new Error(calls.join());
 *   },
 * });
 * ```
 */
export function interceptService(service: Service, around: Around): Service {
  check('service', service, WHOLE_SERVICE);
  check('around', around, is.FUNCTION);
  return new InterceptedService((call) => makeCall(service, call), around);
}

/**
 * Intercepts the calls of a service in place: from now on they pass through `around`, but the object stays the same,
 * with its private fields. {@link interceptService} in contrast leaves the service unchanged.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if not given a service and a function.
 * @example
 * ```ts
 * import { createFakeRunner, interceptInPlace, simulate, type ServiceCall } from 'dryrunner';
 * const calls: ServiceCall[] = [];
 * await simulate({
 *   scenario: async (sim) => {
 *     const runner = createFakeRunner(sim.world);
 *     await runner.run({ argv: ['build'] });
 *     await runner.release();
 *   },
 *   watchServices: {
 *     service: (_name, service) =>
 *       void interceptInPlace(service, (call, proceed) => {
 *         calls.push(call);
 *         return proceed(call);
 *       }),
 *     node: () => {},
 *   },
 * });
 * if (calls.length !== 2) throw new Error('run and release');
 * ```
 */
export function interceptInPlace<S extends Service>(service: S, around: Around): S {
  check('service', service, WHOLE_SERVICE);
  if (!Object.isExtensible(service)) {
    throw invalidArgument('service', 'one whose methods can be replaced', service);
  }
  const methods = SERVICE_METHODS.map((method) => [method, service[method].bind(service)] as const);
  const front = interceptService(Object.fromEntries(methods) as unknown as Service, around);
  for (const method of SERVICE_METHODS) {
    Object.defineProperty(service, method, {
      configurable: true,
      writable: true,
      value: front[method].bind(front),
    });
  }
  return service;
}

let currentClient: string | undefined;

/** Attributes the calls that `act` makes synchronously to this client. */
export function callAs<T>(client: string, act: () => T): T {
  const before = currentClient;
  currentClient = client;
  try {
    return act();
  } finally {
    currentClient = before;
  }
}

/** The client that makes the current call, as histories name it; undefined without a history. */
export function callingClient(): string | undefined {
  return currentClient;
}
