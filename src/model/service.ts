/**
 * The contract of all runners (start, abort, query, wait, release), the watcher of a world's services, and the name of
 * a runner.
 */
import { membersOf } from '../kernel/union-members.ts';
import type { Command } from './command.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { StatusReader } from './status-reader.ts';

/** Starts and stops runs. */
export interface Controller {
  /**
   * Offers a command. Commands are accepted in the order of the synchronous calls. Resolves within the same instant
   * with the new run's status, normally PENDING (R65), without waiting for the run to start or end.
   *
   * Rejects with a `RunRejectedError` of code `RUNNER_INITIALIZING`, `RUNNER_BROKEN`, `RUNNER_UNHEALTHY`, `RUNNER_BUSY`
   * or `RUNNER_RELEASED`, or with `RUNNER_INVALID_ARGUMENT`; then no run exists (R22).
   */
  run(command: Command): Promise<RunStatus>;
  /**
   * Stops a run and resolves with its terminal status, which need not be ABORTED if the run was faster (R70–R73).
   *
   * Rejects with `RUNNER_UNKNOWN_RUN` or, after `release`, `RUNNER_RELEASED`.
   */
  abort(runId: RunID): Promise<RunStatus>;
  /** Aborts all runs, and resolves when nothing of the runner is still running. May be called again (R84–R86). */
  release(): Promise<void>;
}

/** A runner as its callers see it. */
export interface Service extends Controller, StatusReader {}

/** A method of a {@link Service}. */
export type ServiceMethod = keyof Service;

/** The methods of a {@link Service}. */
export const SERVICE_METHODS: readonly ServiceMethod[] = membersOf<ServiceMethod>({
  run: true,
  abort: true,
  query: true,
  queryNow: true,
  status: true,
  statusAll: true,
  release: true,
});

/** Watches the services of a world. Invariant: in a world without a watcher, services are left as they are. */
export interface ServiceWatch {
  /** Called with each new service before it is handed out; `interceptInPlace` makes its calls visible. */
  service(name: string, service: Service): void;
  /** Called with the state of each new node, and after anything that may change it. */
  node(name: string, state: string): void;
}

/** Shows a service to the watcher of its world, if there is one, and returns the service. */
export function watchedService<S extends Service>(
  { watchServices }: { readonly watchServices?: ServiceWatch | undefined },
  name: string,
  service: S,
): S {
  watchServices?.service(name, service);
  return service;
}

/** Names a runner, for your own traces, metrics and reports. */
export interface RunnerID {
  readonly id: string;
}
