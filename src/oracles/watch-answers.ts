/**
 * Holds what a runner answers to what it has answered before: no run goes back, no end changes, and never are two runs active. A
 * decorator, because answers are not in a trace. Invariant: calls pass in the same synchronous call, the very promises of the runner
 * are returned, and nothing is asked beside them, so that no timing changes.
 */
import { checkMethods, unreadable } from '../kernel/argument-check.ts';
import { isRunnerError, messageOf, shownText } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { Query, Wait } from '../model/query.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { SERVICE_METHODS, type Service } from '../model/service.ts';
import { ALL_MASK, maskMatches } from '../model/state-mask.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import type { World } from '../model/world.ts';
import { AnswerBook } from './answer-book.ts';
import type { ReportViolation } from './oracle.ts';
import { ServiceReach } from './service-reach.ts';

/** A runner whose answers are watched. */
export interface WatchedAnswers extends Service {
  /** What the calls have led to so far. */
  readonly reach: ServiceReach;
  /** The calls that have not returned, in order, such as `abort(3)`. */
  readonly openCalls: readonly string[];
}

/**
 * Watches the answers of a runner that runs one command at a time. Of each run, an answer may not be older than what was known when
 * its call began: no run goes back (R4), loses its refs (R206) or ends twice (R200), whichever call shows it. An answer about all
 * runs shows them in order: what has started leaves nothing open before it (R67). Only matching runs are shown (R24), and no id is
 * given twice (R44). Unlike `watchService` it asks nothing by itself. `report` takes what is wrong and must not throw: the caller's
 * own promise is the runner's.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no service.
 * @example
 * ```ts
 * import { createSimulatedRunner, finalStatus, simulate, watchAnswers } from 'dryrunner';
 * const wrong: string[] = [];
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = watchAnswers(sim.world, createSimulatedRunner(sim.world), ({ message }) => void wrong.push(message));
 *     const { runId } = await runner.run({ argv: ['complete 3'] });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *     sim.check(runner.reach.times('end COMPLETE with another exit code') === 1, 'it counts what was reached');
 *     sim.check(wrong.length === 0, 'answers fit together');
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function watchAnswers(
  world: Pick<World, 'clock'>,
  service: Service,
  report: ReportViolation,
): WatchedAnswers {
  checkMethods('service', service, SERVICE_METHODS);
  return new AnswerWatch(world, service, report);
}

class AnswerWatch implements WatchedAnswers {
  readonly reach = new ServiceReach();
  readonly #world: Pick<World, 'clock'>;
  readonly #service: Service;
  readonly #book: AnswerBook;
  readonly #calls = new Set<{ readonly call: string }>();

  constructor(world: Pick<World, 'clock'>, service: Service, report: ReportViolation) {
    this.#world = world;
    this.#service = service;
    const complain = (rule: string, message: string): void =>
      report({ rule, message, atMs: world.clock.now() });
    this.#book = new AnswerBook(complain, this.reach);
  }

  get openCalls(): readonly string[] {
    return [...this.#calls].map(({ call }) => call);
  }

  run(command: Command): Promise<RunStatus> {
    const since = this.#book.mark();
    const isBesideActive = this.#book.hasActive;
    return this.#beside(
      'run',
      this.#service.run(command),
      (status) => {
        this.#book.accept(status, since);
        if (isBesideActive) this.reach.note('run offered while another is active');
      },
      (error) => {
        if (isRunnerError(error, 'RUNNER_BUSY')) this.reach.note('run refused as full');
      },
    );
  }

  abort(runId: RunID): Promise<RunStatus> {
    const since = this.#book.mark();
    const wasOver = this.#book.isOver(runId);
    return this.#beside(`abort(${shownText(runId)})`, this.#service.abort(runId), (status) => {
      this.#book.see('abort', status, since, runId);
      if (!isTerminal(status.state)) {
        this.#book.complain('R70', `abort of run ${runId} returned ${status.state}`);
      }
      if (wasOver) this.reach.note('abort of a run that is over');
      else if (status.state === 'ABORTED') {
        this.reach.note(status.stdoutRef === '' ? 'abort of a queued run' : 'abort of an active run');
      }
    });
  }

  release(): Promise<void> {
    this.reach.note(this.#book.hasOpen ? 'release with runs left' : 'release without runs left');
    return this.#beside('release', this.#service.release(), () => undefined);
  }

  query(query: Query, wait: Wait): Promise<QueryResult> {
    const { clock } = this.#world;
    const startedAt = clock.now();
    const isWait = isForSomeTime(wait);
    const wasKnown = isWait && this.#book.matches(query);
    const see = this.#seeing('query', query);
    return this.#beside(
      'query',
      this.#service.query(query, wait),
      (result) => {
        see(result);
        if (!isWait) return;
        if (result.statuses.length > 0) {
          this.reach.note(wasKnown ? 'wait met at once' : 'wait met later');
        } else if (clock.now() > startedAt) this.reach.note('wait timed out');
      },
      (error) => {
        if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) this.reach.note('wait cancelled');
        if (isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) this.reach.note('wait that cannot be met');
        if (isRunnerError(error, 'RUNNER_RELEASED')) this.reach.note('wait ended by a release');
      },
    );
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.#beside('queryNow', this.#service.queryNow(query), this.#seeing('queryNow', query));
  }

  status(runId: RunID): Promise<StatusResult> {
    const since = this.#book.mark();
    return this.#beside(`status(${shownText(runId)})`, this.#service.status(runId), ({ status }) =>
      this.#book.see('status', status, since, runId),
    );
  }

  statusAll(): Promise<QueryResult> {
    const see = this.#seeing('statusAll', { allRuns: true, states: ALL_MASK });
    return this.#beside('statusAll', this.#service.statusAll(), see);
  }

  #seeing(call: string, query: Query): (result: QueryResult) => void {
    const since = this.#book.mark();
    return ({ statuses }) => {
      for (const status of statuses) {
        this.#book.see(call, status, since);
        if (!maskMatches(query.states, status.state)) {
          this.#book.complain('R24', `${call} shows run ${status.runId}, which is ${status.state}`);
        }
      }
      if (query.allRuns === true) this.#book.seeAll(call, statuses);
    };
  }

  /** Looks at what comes before its caller does, and hands on the runner's own promise. */
  #beside<T>(
    call: string,
    promise: Promise<T>,
    answered: (value: T) => void,
    refused: (error: unknown) => void = () => undefined,
  ): Promise<T> {
    const open = { call };
    this.#calls.add(open);
    // Whatever comes: a runner in plain JavaScript may not return a promise.
    Promise.resolve(promise).then(
      (value) => {
        this.#calls.delete(open);
        this.#look(call, () => answered(value));
      },
      (error: unknown) => {
        this.#calls.delete(open);
        if (isRunnerError(error, 'RUNNER_INJECTED_FAULT')) this.reach.note('injected fault');
        refused(error);
      },
    );
    return promise;
  }

  /** An answer of another shape than the contract's is a violation like any other. */
  #look(call: string, look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#book.complain('R38', `${call} returned something else than statuses: ${messageOf(error)}`);
    }
  }
}

/** A malformed wait is the service's to refuse, so nothing here relies on its form. */
function isForSomeTime(wait: Wait): boolean {
  try {
    const timeoutMs: unknown = (wait as Wait | undefined)?.timeoutMs;
    return typeof timeoutMs === 'number' && timeoutMs > 0;
  } catch (error) {
    throw unreadable('wait', wait, error);
  }
}
