/**
 * The one way to stand between callers and a service. Invariants: a call goes on in the same synchronous call unless somebody delays it;
 * what is thrown, rejected or returned passes as it is.
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

/** Makes a call on the service behind. */
export type GoOn<R> = (call: ServiceCall) => Promise<R>;

/** What is done around each call. The reply comes from `goOn`, which may be called later, with another call, several times, or never. */
export type Around = <R>(call: ServiceCall, goOn: GoOn<R>) => Promise<R>;

/** A service whose calls all pass through one function; for those that have more to offer than {@link interceptService} gives. */
export class InterceptedService implements Service {
  readonly #goOn: (call: ServiceCall) => Promise<unknown>;
  readonly #around: Around;

  constructor(goOn: (call: ServiceCall) => Promise<unknown>, around: Around) {
    this.#goOn = goOn;
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
    return this.#around(call, this.#goOn as GoOn<R>);
  }
}

/**
 * A service that stands in front of another one: each call on it is given to `around`, which hands it on with `goOn`, or does not.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if not given a service and a function.
 * @example
 * ```ts
 * import { createFakeRunner, interceptService, simulate, type ServiceMethod } from 'dryrunner';
 * await simulate({
 *   scenario: async (sim) => {
 *     const calls: ServiceMethod[] = [];
 *     const runner = interceptService(createFakeRunner(sim.world), (call, goOn) => {
 *       calls.push(call.method);
 *       return goOn(call);
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
 * The service itself, with the calls on it passing through `around` from now on: it stays the object that its maker promises, private
 * parts and all. {@link interceptService} leaves a service as it is.
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
 *       void interceptInPlace(service, (call, goOn) => {
 *         calls.push(call);
 *         return goOn(call);
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

/** Calls that `act` makes synchronously are those of this client. */
export function callAs<T>(client: string, act: () => T): T {
  const before = currentClient;
  currentClient = client;
  try {
    return act();
  } finally {
    currentClient = before;
  }
}

/** Who makes the call that begins now, as a history names its callers; undefined if no history does. */
export function callingClient(): string | undefined {
  return currentClient;
}
