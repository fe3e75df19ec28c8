/**
 * R207: the answers of a service agree with its next answers. A decorator, because answers are not in a trace.
 * Invariant: calls and results pass unchanged; a result is held back until the extra questions about it are answered.
 */
import { type Proceed, interceptService } from '../call/intercept-service.ts';
import { type ServiceCall, statusesOf } from '../call/service-call.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { isTerminal } from '../model/run-state.ts';
import { STATUS_FIELDS, type RunID, type RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { DONE_MASK } from '../model/state-mask.ts';
import { NO_WAIT } from '../model/query.ts';
import type { World } from '../model/world.ts';
import type { ReportViolation } from './oracle.ts';

/**
 * Watches a service from the callers' side: the status that `abort` returns is the one that `status` returns
 * afterwards, and a query for terminal runs right after any observed terminal status includes that run (R207). A run
 * that was evicted meanwhile proves nothing, nor does a question that fails. Wrap the runner itself, not chaos in front
 * of it that may get stuck: every answer waits for the questions about it.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner, finalStatus, simulate, watchService } from 'dryrunner';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = watchService(sim.world, createSimulatedRunner(sim.world), ({ message }) => sim.check(false, message));
 *     const { runId } = await runner.run({ argv: ['complete 0'] });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function watchService(
  world: Pick<World, 'clock'>,
  service: Service,
  report: ReportViolation,
): Service {
  const watch = new AgreementWatch(world, service, report);
  return interceptService(service, (call, proceed) => watch.around(call, proceed));
}

class AgreementWatch {
  readonly #service: Service;
  readonly #world: Pick<World, 'clock'>;
  readonly #report: ReportViolation;

  constructor(world: Pick<World, 'clock'>, service: Service, report: ReportViolation) {
    this.#service = service;
    this.#world = world;
    this.#report = report;
  }

  async around<R>(call: ServiceCall, proceed: Proceed<R>): Promise<R> {
    const reply = await proceed(call);
    const statuses = statusesOf(call, reply);
    if (call.method === 'abort') await this.#confirmAbort(call.args[0], statuses);
    await this.#confirm(statuses);
    return reply;
  }

  async #confirmAbort(runId: RunID, [answer]: readonly RunStatus[]): Promise<void> {
    if (answer === undefined) return;
    if (!isTerminal(answer.state)) this.#complain(`abort of run ${runId} returned ${answer.state}`);
    const now = await this.#ask(async () => (await this.#service.status(runId)).status);
    if (now !== undefined) this.#compare(`abort of run ${runId} returned`, answer, 'status', now);
  }

  async #confirm(observed: readonly RunStatus[]): Promise<void> {
    for (const status of observed) {
      if (!isTerminal(status.state)) continue;
      const { runId, state } = status;
      const query = { runs: [runId], states: DONE_MASK };
      const done = await this.#ask(() => this.#service.query(query, NO_WAIT));
      if (done === undefined) continue;
      const found = done.statuses.find((candidate) => candidate.runId === runId);
      if (found === undefined) {
        this.#complain(
          `run ${runId} was seen as ${state}, but a query for terminal runs does not include it`,
        );
      } else this.#compare(`run ${runId} was seen as`, status, 'a query for terminal runs', found);
    }
  }

  /** The answer; undefined if the question failed in a way that proves nothing. */
  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_INVARIANT')) throw error;
      return undefined;
    }
  }

  #compare(what: string, first: RunStatus, source: string, then: RunStatus): void {
    const differing = STATUS_FIELDS.find((field) => first[field] !== then[field]);
    if (differing === undefined) return;
    const seen = `${differing} ${JSON.stringify(first[differing])}`;
    this.#complain(`${what} ${seen}, but ${source} says ${JSON.stringify(then[differing])}`);
  }

  #complain(message: string): void {
    this.#report({ rule: 'R207', message, atMs: this.#world.clock.now() });
  }
}
