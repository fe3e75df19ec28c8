/**
 * A generated scenario, not written for a particular bug: several clients do with a runner what the contract allows,
 * all of it drawn from the decision log, and the answers are checked against the contract. This file sets it up; what
 * clients do is in `runner-client.ts`, what they share in `workload-clients.ts`. Invariant: it knows the contract and
 * the subject's vocabulary, and no bug.
 */
import { check } from '../../kernel/argument-check.ts';
import type { Service } from '../../model/service.ts';
import { queueModel } from '../../oracles/history/queue-model.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import { makeRunner } from './made-runner.ts';
import {
  checkWholeSubject,
  type ConformanceSubject,
  type RunnerUnderTest,
  type SubjectOptions,
} from '../subject.ts';
import { drawParts, type DrawnParts } from './drawn-parts.ts';
import { Draws, workloadName } from './draws.ts';
import { checkOutputs } from './output-judge.ts';
import { PartsWorkload, partsTermsOf } from './parts-workload.ts';
import { RunLedger } from './run-ledger.ts';
import { CAPACITIES, HISTORIES, plannedText, requiredOf, RunnerReach, takesPlans } from './runner-reach.ts';
import { drawWorld, WORKLOAD_LIMITS, WorkloadClients, type WorkloadLimits } from './workload-clients.ts';
import type { WorkloadHost } from './workload-host.ts';

/**
 * The workload of a runner as a scenario, for `dryrunner explore` and everything else that takes one. See
 * {@link exploreRunner}, which runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a subject that no case can run against, and for limits that are not
 * counts.
 */
export function runnerWorkload(
  subject: ConformanceSubject,
  limits: WorkloadLimits = {},
): ScenarioDefinition<unknown> {
  check('limits', limits, WORKLOAD_LIMITS);
  checkWholeSubject(subject);
  return defineScenario<unknown>({
    name: workloadName('workload', subject.name),
    description: `clients do with ${subject.name} what the contract allows, and hold what comes back to it`,
    run: (sim) => new RunnerWorkload(sim, subject, limits).run(),
  });
}

/** Longer histories are not checked, because they take longer than they are worth. */
const HISTORY_MAX = 60;
/**
 * In one in this many executions every part has a plan, which the runner is checked against: more often if it has more
 * parts.
 */
function plannedOneIn(subject: ConformanceSubject): number {
  return subject.createOn === undefined ? 6 : 3;
}
/** Longer than any work that ends by itself. */
const LATE_MS = 400;

function madeWith(option: 'capacity' | 'history'): (value: number | 'by default') => string {
  return (value) => `the runner is made with ${option} ${value}`;
}

/** What a subject in plain JavaScript may make. */
type Made = { readonly service?: Partial<Service>; readonly dispose?: () => Promise<void> } | undefined;

interface Setup {
  readonly options: SubjectOptions;
  readonly capacity: number;
  readonly history: number | undefined;
}

/** One execution of a runner's workload. */
export class RunnerWorkload {
  readonly #host: WorkloadHost;
  readonly #subject: ConformanceSubject;
  readonly #limits: Required<WorkloadLimits>;
  #made: RunnerUnderTest | undefined;

  constructor(
    host: WorkloadHost,
    subject: ConformanceSubject,
    { clients = 3, operations = 12 }: WorkloadLimits,
  ) {
    this.#host = host;
    this.#subject = subject;
    this.#limits = { clients, operations };
  }

  async run(): Promise<void> {
    const host = this.#host;
    const reach = new RunnerReach(host, requiredOf(this.#subject));
    const drawn = new Draws(host, 'parts', true);
    if (takesPlans(this.#subject) && drawn.rarely('all of them planned', plannedOneIn(this.#subject))) {
      const planned = new PartsWorkload(host, partsTermsOf(this.#subject, host));
      await planned.run((name) => reach.note(plannedText(name)));
      return;
    }
    const draws = new Draws(host, 'setup', true);
    const parts = drawParts(drawn, this.#subject, host, reach);
    const setup = this.#setup(draws, reach);
    const world = drawWorld(host, draws, reach);
    const options = { ...parts.options, ...setup.options };
    const { supports } = this.#subject;
    const create = async (): Promise<RunnerUnderTest> => {
      const created = await this.#subject.create(world, options);
      // Before it is checked, so that one that is refused is released too.
      this.#made = created;
      return created;
    };
    const made = await makeRunner(host, 'create', create, supports);
    const ledger = this.#ledger(setup, parts, reach);
    const clients = new WorkloadClients(host, {
      subject: this.#subject,
      service: made.service,
      callee: 'the runner',
      ledger,
      reach,
      startsInOrder: true,
      model: queueModel({ capacity: setup.capacity, mayEvict: setup.history !== 0 }),
      historyMax: HISTORY_MAX,
    });
    await clients.live(draws, this.#limits);
    await clients.end();
    clients.judge();
    await this.#endLeaks(parts);
    if (made.readOutput !== undefined) await checkOutputs(host, ledger, made.readOutput, reach);
    parts.check(ledger.endedRuns);
    await made.dispose?.();
    this.#made = undefined;
  }

  /** Ends what was given up, and leaves time for the consequences. */
  async #endLeaks(parts: DrawnParts): Promise<void> {
    if (parts.endLeaks === undefined) return;
    await this.#host.sleep(LATE_MS);
    parts.endLeaks();
    await this.#host.sleep(1);
  }

  /** Releases what a failed workload has left behind, as far as that has the functions for it. */
  async close(): Promise<void> {
    const made: Made = this.#made;
    try {
      await made?.service?.release?.();
    } finally {
      await made?.dispose?.();
    }
  }

  #setup(draws: Draws, reach: RunnerReach): Setup {
    const { supports } = this.#subject;
    const options: { capacity?: number; history?: number; idPrefix?: string } = {};
    if (supports.capacity === true) {
      options.capacity = draws.pick('capacity', CAPACITIES, 2, String, madeWith('capacity'));
      reach.note(`capacity ${options.capacity}`);
    }
    const capacity = Math.max(1, options.capacity ?? 1);
    let history: number | undefined =
      supports.capacity === true || supports.history === true ? (capacity === 1 ? 1 : 0) : undefined;
    if (supports.history === true) {
      const drawn = draws.pick('history', HISTORIES, 2, String, madeWith('history'));
      reach.note(`history ${drawn}`);
      if (drawn !== 'by default') history = options.history = drawn;
    }
    if (supports.idPrefix === true && draws.rarely('prefix', 4)) {
      options.idPrefix = 'node 7-';
      reach.note('ids with a prefix');
    }
    return { options, capacity, history };
  }

  #ledger({ options, capacity, history }: Setup, parts: DrawnParts, reach: RunnerReach): RunLedger {
    const { supports, graceMs } = this.#subject;
    const hasExactTimes = supports.virtualTime === true && parts.keepsTimes !== false;
    // On a machine, a runner may have a prefix of its own, so that ids of its incarnations differ (R45).
    const ownPrefix = supports.virtualTime === true ? '' : undefined;
    const idPrefix = supports.idPrefix === true ? (options.idPrefix ?? ownPrefix) : undefined;
    const hasOutputs = supports.outputs === true;
    const takesTime = this.#subject.wallWorld !== undefined;
    return new RunLedger(
      this.#host,
      { capacity, history, idPrefix, hasExactTimes, graceMs, parts, hasOutputs, takesTime },
      reach,
    );
  }
}
