/**
 * A writer's diary of a status store: what was written when, and what every wait on the store has to come to because of it. Invariant:
 * store and diary are written in one synchronous step, so that nobody sees one without the other.
 */
import {
  isTerminal,
  type LogTags,
  type Query,
  type RunState,
  type RunStatus,
  type ServiceStatus,
  type Simulation,
  type Wait,
} from 'dryrunner';
import type { StatusStore } from 'dryrunner/kit';

/** What a wait comes to. `found` are the statuses in order, and the service status of the same instant. */
export type Outcome =
  | { readonly kind: 'found'; readonly found: readonly RunStatus[]; readonly service: ServiceStatus }
  | { readonly kind: 'empty' | 'unknown run' | 'cannot happen' | 'cancelled' | 'invalid' };

/** What is asked, with the states of its mask by name. */
export interface Question extends Query {
  readonly stateNames: readonly RunState[];
}

/** A wait as the diary sees it; undecided until something settles it. */
export class Expectation {
  readonly question: Question;
  outcome: Outcome | undefined;
  decidedAtMs = -1;
  /** What decided it, in words. */
  decidedBy = '';

  constructor(question: Question) {
    this.question = question;
  }
}

const UNKNOWN_RUN: Outcome = { kind: 'unknown run' };
const CANNOT_HAPPEN: Outcome = { kind: 'cannot happen' };
const EMPTY: Outcome = { kind: 'empty' };

/** Why a wait is over as it begins. */
const AT_ONCE: Readonly<Record<Outcome['kind'], string>> = {
  found: 'a run in such a state is there as the wait begins',
  empty: 'nothing is there that could be waited for, or the timeout of 0 ms asks for what is there',
  'unknown run': 'the store does not know that run as the wait begins',
  'cannot happen': 'all runs of the question have ended in other states as the wait begins',
  cancelled: 'it is cancelled as it begins',
  invalid: 'its timeout is below 0',
};

/** See above. */
export class Diary {
  readonly store: StatusStore;
  readonly #sim: Simulation;
  readonly #capacity: number;
  /** Runs that are kept, in order of creation. */
  readonly #runs = new Map<string, RunStatus>();
  readonly #open = new Set<Expectation>();
  #service: ServiceStatus;

  constructor(sim: Simulation, store: StatusStore, capacity: number) {
    this.#sim = sim;
    this.store = store;
    this.#capacity = capacity;
    this.#service = store.serviceStatus;
  }

  /** Ids of the runs that are kept, in order of creation. */
  get runIds(): readonly string[] {
    return [...this.#runs.keys()];
  }

  get(runId: string): RunStatus | undefined {
    return this.#runs.get(runId);
  }

  newRun(tags: LogTags): string {
    const status = this.store.newRun(tags);
    const { runId } = status;
    this.#sim.check(
      status.jobId === tags.jobId && status.taskId === tags.taskId,
      `run ${runId} was created without the names of its command\n\nExpected job "${tags.jobId}" and task "${tags.taskId}", got job "${status.jobId}" and task "${status.taskId}".`,
    );
    this.#runs.set(runId, status);
    this.#written(status);
    this.#evict();
    return runId;
  }

  /** Writes a status that the run may go to; what it has and the write does not give is kept. */
  update(update: RunStatus): void {
    const old = this.#runs.get(update.runId);
    const outcome = this.store.update(update);
    const isLate = old === undefined || isTerminal(old.state);
    const expected = isLate ? 'dropped' : 'accepted';
    this.#sim.check(
      outcome === expected,
      `a write to run ${update.runId} was ${outcome}\n\nIt said ${update.state}, and the run was ${old?.state ?? 'unknown'}.\nExpected it to be ${expected}.`,
    );
    if (isLate) return;
    const { jobId, taskId, stdoutRef, stderrRef } = old;
    const status = {
      ...update,
      jobId: update.jobId || jobId,
      taskId: update.taskId || taskId,
      stdoutRef: update.stdoutRef || stdoutRef,
      stderrRef: update.stderrRef || stderrRef,
    };
    this.#runs.set(update.runId, status);
    this.#written(status);
  }

  updateService(service: ServiceStatus): void {
    this.store.updateService(service);
    this.#service = service;
  }

  /** What a wait that begins now has to come to; decided at once, or by what is written later. */
  expect(question: Question, { timeoutMs }: Wait): Expectation {
    const expectation = new Expectation(question);
    const outcome = this.#answerNow(question, timeoutMs);
    if (outcome === undefined) this.#open.add(expectation);
    else this.#decide(expectation, outcome, AT_ONCE[outcome.kind]);
    return expectation;
  }

  #answerNow(question: Question, timeoutMs: number): Outcome | undefined {
    const { allRuns = false, runs = [] } = question;
    if (timeoutMs < 0) return { kind: 'invalid' };
    if (runs.some((runId) => !this.#runs.has(runId))) return UNKNOWN_RUN;
    const asked = allRuns ? this.runIds : [...new Set(runs)];
    const found = asked.flatMap((runId) => {
      const status = this.#runs.get(runId);
      return status !== undefined && question.stateNames.includes(status.state) ? [status] : [];
    });
    if (found.length > 0) return { kind: 'found', found, service: this.#service };
    if (timeoutMs === 0 || (!allRuns && runs.length === 0)) return EMPTY;
    return this.#isHopeless(question) ? CANNOT_HAPPEN : undefined;
  }

  #isHopeless({ allRuns = false, runs = [] }: Question): boolean {
    return !allRuns && runs.every((runId) => isTerminal(this.#runs.get(runId)?.state ?? 'UNKNOWN'));
  }

  #written(status: RunStatus): void {
    for (const expectation of this.#open) {
      const { allRuns = false, runs = [], stateNames } = expectation.question;
      const isAsked = allRuns || runs.includes(status.runId);
      if (isAsked && stateNames.includes(status.state)) {
        const found: Outcome = { kind: 'found', found: [status], service: this.#service };
        this.#decide(expectation, found, `run ${status.runId} became ${status.state}`);
      } else if (isAsked && this.#isHopeless(expectation.question)) {
        this.#decide(expectation, CANNOT_HAPPEN, `run ${status.runId} became ${status.state}`);
      }
    }
  }

  /** The oldest runs that have ended make room. */
  #evict(): void {
    if (this.#capacity === 0) return;
    for (const { runId, state } of [...this.#runs.values()]) {
      if (this.#runs.size <= this.#capacity) return;
      if (!isTerminal(state)) continue;
      this.#runs.delete(runId);
      for (const expectation of this.#open) {
        if (expectation.question.runs?.includes(runId) !== true) continue;
        this.#decide(expectation, UNKNOWN_RUN, `run ${runId} made room for a new one`);
      }
    }
  }

  #decide(expectation: Expectation, outcome: Outcome, decidedBy: string): void {
    this.#open.delete(expectation);
    Object.assign(expectation, { outcome, decidedAtMs: this.#sim.now(), decidedBy });
  }
}
