/** The one contract of all runners: start, abort, look, wait, release; who watches the services of a world; and the name of a runner. */
import { membersOf } from '../kernel/union-members.ts';
import type { Command } from './command.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { StatusReader } from './status-reader.ts';

/** Starts and stops runs. */
export interface Controller {
  /**
   * Offers a command. The order of acceptance is the order of the synchronous calls. Resolves within the same instant with the
   * new run's status, PENDING as a rule (R65), without waiting for the run to start or end.
   *
   * Rejects with a `RunRejectedError` of code `RUNNER_INITIALIZING`, `RUNNER_BROKEN`, `RUNNER_UNHEALTHY`, `RUNNER_BUSY` or
   * `RUNNER_RELEASED`, or with `RUNNER_INVALID_ARGUMENT`; then no run exists (R22).
   */
  run(command: Command): Promise<RunStatus>;
  /**
   * Stops a run and resolves with its terminal status, which need not be ABORTED if the run was faster (R70–R73).
   *
   * Rejects with `RUNNER_UNKNOWN_RUN` or, after `release`, `RUNNER_RELEASED`.
   */
  abort(runId: RunID): Promise<RunStatus>;
  /** Aborts everything, and resolves when nothing of the runner is left running. May be called again (R84–R86). */
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

/** Who wants to see the services of a world. Invariant: a service of a world that nobody watches is left as it is. */
export interface ServiceWatch {
  /** Gets each service once it is made, before its maker hands it out; `interceptInPlace` lets its calls be seen. */
  service(name: string, service: Service): void;
  /** Gets the state of a node once it is made, and after whatever may change it. */
  node(name: string, state: string): void;
}

/** The service itself, once the watcher of its world's services has seen it. */
export function watchedService<S extends Service>(
  { watchServices }: { readonly watchServices?: ServiceWatch | undefined },
  name: string,
  service: S,
): S {
  watchServices?.service(name, service);
  return service;
}

/** Names a runner; for your own traces, metrics and reports. */
export interface RunnerID {
  readonly id: string;
}
