/** A service made of a controller, whose calls pass through, and a poller for the waits (R159). */
import { checkMethods } from '../../kernel/argument-check.ts';
import { watchedCalls } from '../../model/service-watch.ts';
import type { Command } from '../../model/command.ts';
import type { Query, Wait } from '../../model/query.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { Controller, Service } from '../../model/service.ts';
import { statusAll, statusNow } from '../../model/status-lookup.ts';
import type { QueryResult, StatusQueryNower, StatusResult } from '../../model/status-reader.ts';
import type { World } from '../../model/world.ts';
import { createPollingQuerier } from './polling-querier.ts';
import type { PollingOptions, PollingQuerier } from './polling-querier.ts';

/**
 * Makes a service out of what a remote runner offers: a controller and a `queryNow`. `query` polls as {@link createPollingQuerier}
 * says; an error of a poll is returned, not retried (R159). After `release` has ended, waits end too (R84, R86).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `periodMs` is finite and at least a microsecond (R158).
 * @example
 * ```ts
 * import { createPollingService, type Service, type World } from 'dryrunner';
 * function asIfRemote(world: World, runner: Service): Service {
 *   return createPollingService(world, runner, runner, { periodMs: 250 });
 * }
 * ```
 */
export function createPollingService(
  world: Pick<World, 'clock' | 'watchServices'>,
  controller: Controller,
  nower: StatusQueryNower,
  options: PollingOptions,
): Service {
  checkMethods('controller', controller, ['run', 'abort', 'release']);
  const service = new PollingService(controller, createPollingQuerier(world, nower, options));
  return watchedCalls(world, 'polling service', service);
}

class PollingService implements Service {
  readonly #controller: Controller;
  readonly #querier: PollingQuerier;

  constructor(controller: Controller, querier: PollingQuerier) {
    this.#controller = controller;
    this.#querier = querier;
  }

  run(command: Command): Promise<RunStatus> {
    return this.#controller.run(command);
  }

  abort(runId: RunID): Promise<RunStatus> {
    return this.#controller.abort(runId);
  }

  async release(): Promise<void> {
    await this.#controller.release();
    this.#querier.release();
  }

  query(query: Query, wait: Wait): Promise<QueryResult> {
    return this.#querier.query(query, wait);
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.#querier.queryNow(query);
  }

  status(runId: RunID): Promise<StatusResult> {
    return statusNow(this.#querier, runId);
  }

  statusAll(): Promise<QueryResult> {
    return statusAll(this.#querier);
  }
}
