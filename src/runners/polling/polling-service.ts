/** A service composed of a controller, whose calls pass through, and a poller for the waits (R159). */
import * as is from '../../kernel/shape.ts';
import { watchedService, type Controller, type Service } from '../../model/service.ts';
import { statusAll, statusNow } from '../../model/status-lookup.ts';
import type { StatusQueryNower } from '../../model/status-reader.ts';
import type { World } from '../../model/world.ts';
import { createPollingQuerier } from './polling-querier.ts';
import type { PollingOptions } from './polling-querier.ts';
import { check } from '../../kernel/argument-check.ts';

const CONTROLLER = is.withMethods('run', 'abort', 'release');

/**
 * Creates a service from the parts that a remote runner offers: a controller and a `queryNow`. `query` polls as
 * described at {@link createPollingQuerier}; an error of a poll is returned, not retried (R159). After `release` has
 * ended, waits end too (R84, R86).
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
  check('controller', controller, CONTROLLER);
  const querier = createPollingQuerier(world, nower, options);
  const service: Service = {
    run: (command) => controller.run(command),
    abort: (runId) => controller.abort(runId),
    async release() {
      await controller.release();
      querier.release();
    },
    query: (query, wait) => querier.query(query, wait),
    queryNow: (query) => querier.queryNow(query),
    status: (runId) => statusNow(querier, runId),
    statusAll: () => statusAll(querier),
  };
  return watchedService(world, 'polling service', service);
}
