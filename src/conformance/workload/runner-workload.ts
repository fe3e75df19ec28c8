/**
 * A scenario that nobody wrote for a bug: several clients do with a runner what the contract allows, all of it drawn from the decision log,
 * and what comes back is held to the contract. Invariant: it knows the contract and the subject's own words, and no bug.
 */
import { messageOf, isRunnerError } from '../../kernel/errors.ts';
import type { Service } from '../../model/service.ts';
import { isTerminal } from '../../model/run-state.ts';
import { finalStatus } from '../../model/status-lookup.ts';
import { watchAnswers } from '../../oracles/watch-answers.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkSubject, type ConformanceSubject } from '../subject.ts';
import { Draws } from './draws.ts';
import { drawParts } from './drawn-parts.ts';
import { RunBook } from './run-book.ts';
import { drawCommand } from './drawn-command.ts';

/** How much a workload does in one execution. */
export interface WorkloadLimits {
  /** Clients at most; default 3. */
  readonly clients?: number;
  /** Operations of a client at most; default 6. */
  readonly operations?: number;
}

/**
 * The workload of a runner as a scenario, for `dryrunner explore` and everything else that takes one. `exploreRunner` runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a subject that no case can be run against.
 */
export function runnerWorkload(
  subject: ConformanceSubject,
  limits: WorkloadLimits = {},
): ScenarioDefinition<unknown> {
  checkSubject(subject);
  return defineScenario<unknown>({
    name: `workload-${subject.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`,
    description: `clients do with ${subject.name} what the contract allows, and hold what comes back to it`,
    run: (sim) => new RunnerWorkload(sim, subject, limits).run(),
  });
}

class RunnerWorkload {
  readonly #sim: Simulation;
  readonly #subject: ConformanceSubject;
  readonly #limits: Required<WorkloadLimits>;

  constructor(sim: Simulation, subject: ConformanceSubject, { clients = 3, operations = 6 }: WorkloadLimits) {
    this.#sim = sim;
    this.#subject = subject;
    this.#limits = { clients, operations };
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    const setup = new Draws(sim, 'setup');
    const capacity = setup.pick('capacity', [1, 2, 3, 8]);
    const parts = drawParts(new Draws(sim, 'parts'), this.#subject, sim);
    const { service } = await this.#subject.create(sim.world, { ...parts.options, capacity, history: 0 });
    const book = new RunBook(sim);
    const watched = watchAnswers(sim.world, service, ({ rule, message }) =>
      sim.check(false, `${rule} ${message}`),
    );
    const clients = setup.count('clients', 1, this.#limits.clients);
    const work = Array.from({ length: clients }, (_, index) =>
      this.#client(`client ${index + 1}`, watched, book),
    );
    await Promise.all(work);
    sim.heal();
    book.releaseAsked();
    await watched.release();
    const { statuses } = await watched.statusAll();
    for (const status of statuses) book.ended(status);
    for (const { runId, state } of statuses) {
      sim.check(isTerminal(state), `R200 run ${runId} is ${state} after the release`);
    }
    parts.check([]);
  }

  async #client(name: string, service: Service, book: RunBook): Promise<void> {
    const draws = new Draws(this.#sim, name);
    const operations = draws.count('operations', 0, this.#limits.operations);
    for (let at = 0; at < operations; at += 1) {
      const kind = draws.pick('does', ['sleep', 'run', 'abort', 'wait'] as const);
      try {
        await this.#operation(kind, draws, service, book);
      } catch (error) {
        if (!isRunnerError(error)) throw error;
        book.refused(error.code, messageOf(error));
      }
    }
  }

  async #operation(
    kind: 'sleep' | 'run' | 'abort' | 'wait',
    draws: Draws,
    service: Service,
    book: RunBook,
  ): Promise<void> {
    if (kind === 'sleep') await this.#sim.sleep(draws.pick('sleeps', [0, 5, 10, 20, 50]));
    if (kind === 'run') {
      const drawn = drawCommand(draws, this.#subject);
      book.accepted(await service.run(drawn.command), drawn);
    }
    const runId = draws.pick('about', [...book.runIds, '']);
    if (runId === '') return;
    if (kind === 'abort') {
      book.abortAsked(runId);
      book.ended(await service.abort(runId));
    }
    if (kind === 'wait' && book.isSureToEnd(runId)) book.ended((await finalStatus(service, runId)).status);
  }
}
