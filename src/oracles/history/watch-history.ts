/**
 * A decorator that writes what one client does with a runner into a history. Invariant: calls, results and errors pass unchanged and in
 * the same synchronous call; only what the client can know gets into the history.
 */
import { checkMethods, unreadable } from '../../kernel/argument-check.ts';
import { invalidArgument, isRunnerError, type RunnerErrorCode, shownText } from '../../kernel/errors.ts';
import { callAs } from '../../model/service-watch.ts';
import type { Command } from '../../model/command.ts';
import type { Query, Wait } from '../../model/query.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import { SERVICE_METHODS, type Service } from '../../model/service.ts';
import { ALL_MASK } from '../../model/state-mask.ts';
import type { QueryResult, StatusResult } from '../../model/status-reader.ts';
import type { ErrorMeaning, History } from './history.ts';
import type { SeenRun, ServiceCall, ServiceReply } from './service-call.ts';

/** Refusals of `run`: no run exists then (R22). */
const RUN_REFUSALS: ReadonlySet<RunnerErrorCode> = new Set<RunnerErrorCode>([
  'RUNNER_INITIALIZING',
  'RUNNER_BROKEN',
  'RUNNER_UNHEALTHY',
  'RUNNER_BUSY',
  'RUNNER_RELEASED',
  'RUNNER_INVALID_ARGUMENT',
]);

/** Refusals that say something about runs (R26, R36). */
const STATUS_REFUSALS: ReadonlySet<RunnerErrorCode> = new Set<RunnerErrorCode>([
  'RUNNER_UNKNOWN_RUN',
  'RUNNER_CANNOT_HAPPEN',
]);

/** The longest label of a command, in characters. */
const LABEL_MAX = 24;

/**
 * Records the calls of one client: `run`, `abort`, `status`, `statusAll`, `queryNow` and `query`; `release` is passed on and not
 * recorded. Wrap what the client holds, such as the chaos around a runner, once per client and with one history for all of them.
 *
 * A typed refusal is a reply. Any other error leaves a `run` or `abort` open, because it may have taken effect; a read that fails
 * has no effect.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no service, no history or no name.
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
  checkMethods('service', service, SERVICE_METHODS);
  checkMethods('history', history, ['begin', 'end', 'fail', 'unknown']);
  if (typeof client !== 'string') throw invalidArgument('client', 'a name', client);
  return new HistoryWatch(service, history, client);
}

class HistoryWatch implements Service {
  readonly #service: Service;
  readonly #history: History<ServiceCall, ServiceReply>;
  readonly #client: string;

  constructor(service: Service, history: History<ServiceCall, ServiceReply>, client: string) {
    this.#service = service;
    this.#history = history;
    this.#client = client;
  }

  run(command: Command): Promise<RunStatus> {
    return this.#record(
      { method: 'run', label: labelOf(command) },
      () => this.#service.run(command),
      (status) => [status],
    );
  }

  abort(runId: RunID): Promise<RunStatus> {
    return this.#record(
      { method: 'abort', runId },
      () => this.#service.abort(runId),
      (status) => [status],
    );
  }

  release(): Promise<void> {
    return this.#service.release();
  }

  query(query: Query, wait: Wait): Promise<QueryResult> {
    return this.#record(queryCall(query), () => this.#service.query(query, wait), statusesOf);
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.#record(queryCall(query), () => this.#service.queryNow(query), statusesOf);
  }

  status(runId: RunID): Promise<StatusResult> {
    return this.#record(
      { method: 'status', runId },
      () => this.#service.status(runId),
      ({ status }) => [status],
    );
  }

  statusAll(): Promise<QueryResult> {
    const call = queryCall({ allRuns: true, states: ALL_MASK });
    return this.#record(call, () => this.#service.statusAll(), statusesOf);
  }

  async #record<T>(
    call: ServiceCall,
    act: () => Promise<T>,
    seen: (result: T) => readonly RunStatus[],
  ): Promise<T> {
    const id = this.#history.begin(this.#client, call);
    try {
      const result = await callAs(this.#client, act);
      this.#history.end(id, { runs: seen(result).map(seenRun) });
      return result;
    } catch (error) {
      const meaning = meaningOf(call, error);
      if (meaning === 'failed') this.#history.fail(id);
      else if (meaning === 'unknown') this.#history.unknown(id);
      else this.#history.end(id, meaning.reply);
      throw error;
    }
  }
}

function meaningOf({ method }: ServiceCall, error: unknown): ErrorMeaning<ServiceReply> {
  const refusals = method === 'run' ? RUN_REFUSALS : STATUS_REFUSALS;
  if (isRunnerError(error) && refusals.has(error.code)) return { reply: { refused: error.code } };
  return method === 'run' || method === 'abort' ? 'unknown' : 'failed';
}

function statusesOf({ statuses }: QueryResult): readonly RunStatus[] {
  return statuses;
}

function seenRun({ runId, state, exitCode, error }: RunStatus): SeenRun {
  return { runId, state, exitCode, error };
}

/** A malformed query is the service's to refuse, so nothing here relies on its form. */
function queryCall(query: Query): ServiceCall {
  try {
    const { runs, allRuns, states } = (query as Query | null | undefined) ?? { states: ALL_MASK };
    return {
      method: 'query',
      runs: Array.isArray(runs) ? Array.from(runs as readonly RunID[]) : [],
      allRuns: allRuns === true,
      states,
    };
  } catch (error) {
    throw unreadable('query', query, error);
  }
}

function labelOf(command: Command): string {
  try {
    const argv: unknown = (command as Command | null | undefined)?.argv;
    const text = Array.isArray(argv) ? argv.map(shownText).join(' ') : '';
    return text.length > LABEL_MAX ? `${text.slice(0, LABEL_MAX)}…` : text;
  } catch (error) {
    throw unreadable('command', command, error);
  }
}
