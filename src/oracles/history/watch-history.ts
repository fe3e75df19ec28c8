/**
 * A decorator that records in a history what one client does with a runner. Invariant: calls, results and errors pass
 * unchanged and in the same synchronous call; the history gets only what the client can know.
 */
import { callAs, type Proceed, interceptService } from '../../call/intercept-service.ts';
import { ownCall, type ServiceCall, statusesOf } from '../../call/service-call.ts';
import { check } from '../../kernel/argument-check.ts';
import { isRunnerError, type RunnerErrorCode } from '../../kernel/errors.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { WHOLE_SERVICE } from '../../model/argument-shapes.ts';
import type { Service } from '../../model/service.ts';
import { checkQuery, copyQuery } from '../../model/query.ts';
import { ALL_MASK } from '../../model/state-mask.ts';
import { CLIENT, type ErrorMeaning, type History, HISTORY } from './history.ts';
import type { SeenRun, ServiceReply } from './service-reply.ts';

/** Refusals of `run` after which no run exists (R22). */
const RUN_REFUSALS: ReadonlySet<RunnerErrorCode> = new Set<RunnerErrorCode>([
  'RUNNER_INITIALIZING',
  'RUNNER_BROKEN',
  'RUNNER_UNHEALTHY',
  'RUNNER_BUSY',
  'RUNNER_RELEASED',
  'RUNNER_INVALID_ARGUMENT',
]);

/** Refusals that are information about runs (R26, R36). */
const STATUS_REFUSALS: ReadonlySet<RunnerErrorCode> = new Set<RunnerErrorCode>([
  'RUNNER_UNKNOWN_RUN',
  'RUNNER_CANNOT_HAPPEN',
]);

/**
 * Records the calls of one client: `run`, `abort`, `status`, `statusAll`, `queryNow` and `query`; `release` is passed
 * on, but not recorded. Wrap the service that the client uses, such as the chaos around a runner, once per client, with
 * one history for all clients.
 *
 * A refusal of a `run` is a reply; so is `RUNNER_UNKNOWN_RUN` or `RUNNER_CANNOT_HAPPEN` of any other call. Any other
 * error leaves a `run` or `abort` open, because it may have taken effect; a read that fails has no effect.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a service, a history and a name.
 * @example
 * ```ts
 * import { createFakeRunner, createHistory, simulate, watchHistory, type ServiceCall, type ServiceReply } from 'dryrunner';
 * await simulate({
 *   scenario: async (sim) => {
 *     const history = createHistory<ServiceCall, ServiceReply>(sim.world.clock);
 *     const runner = watchHistory(createFakeRunner(sim.world), history, 'a');
 *     await runner.run({ argv: ['build'] });
 *     await runner.release();
 *     const [run] = history.operations();
 *     if (run?.client !== 'a' || run.outcome !== 'returned') throw new Error('the call is in the history');
 *   },
 * });
 * ```
 */
export function watchHistory(
  service: Service,
  history: History<ServiceCall, ServiceReply>,
  client: string,
): Service {
  check('service', service, WHOLE_SERVICE);
  check('history', history, HISTORY);
  check('client', client, CLIENT);
  const record = async <R>(call: ServiceCall, proceed: Proceed<R>): Promise<R> => {
    const id = history.begin(client, keptCall(call));
    try {
      const reply = await callAs(client, () => proceed(call));
      history.end(id, { runs: statusesOf(call, reply).map(seenRun) });
      return reply;
    } catch (error) {
      const meaning = meaningOf(call, error);
      if (meaning === 'failed') history.fail(id);
      else if (meaning === 'unknown') history.unknown(id);
      else history.end(id, meaning.reply);
      throw error;
    }
  };
  return interceptService(service, (call, proceed) =>
    call.method === 'release' ? proceed(call) : record(call, proceed),
  );
}

function meaningOf({ method }: ServiceCall, error: unknown): ErrorMeaning<ServiceReply> {
  const refusals = method === 'run' ? RUN_REFUSALS : STATUS_REFUSALS;
  if (isRunnerError(error) && refusals.has(error.code)) return { reply: { refused: error.code } };
  return method === 'run' || method === 'abort' ? 'unknown' : 'failed';
}

function seenRun({ runId, state, exitCode, error }: RunStatus): SeenRun {
  return { runId, state, exitCode, error };
}

/**
 * The recorded form of a call. A malformed one, which the service has to refuse, is recorded as one without
 * information.
 */
function keptCall(call: ServiceCall): ServiceCall {
  try {
    if (call.method !== 'query') return ownCall(call);
    const [query, wait] = call.args;
    checkQuery(query);
    return { method: 'query', args: [copyQuery(query), { timeoutMs: timeoutOf(wait) }] };
  } catch {
    return call.method === 'run'
      ? { method: 'run', args: [{ argv: [] }] }
      : { method: 'queryNow', args: [{ states: ALL_MASK }] };
  }
}

/** A service may answer even if the wait is missing or malformed. */
function timeoutOf(wait: unknown): number {
  const { timeoutMs } = (wait ?? {}) as { readonly timeoutMs?: unknown };
  return typeof timeoutMs === 'number' ? timeoutMs : 0;
}
