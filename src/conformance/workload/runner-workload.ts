/**
 * A scenario that nobody wrote for a bug: several clients do with a runner what the contract allows, all of it drawn from the decision log,
 * and what comes back is held to the contract. Invariant: it knows the contract and the subject's own words, and no bug.
 */
import type { RunID } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { ALL_MASK, UNKNOWN_MASK } from '../../model/state-mask.ts';
import { checkLinearizable } from '../../oracles/history/check-linearizable.ts';
import { formatContradiction } from '../../oracles/history/contradiction.ts';
import { createHistory, type History } from '../../oracles/history/history.ts';
import { queueModel } from '../../oracles/history/queue-model.ts';
import { watchHistory } from '../../oracles/history/watch-history.ts';
import type { ServiceReply } from '../../oracles/history/service-reply.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import { watchAnswers } from '../../oracles/watch-answers.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import {
  checkWholeSubject,
  type ConformanceSubject,
  type RunnerUnderTest,
  type SubjectOptions,
} from '../subject.ts';
import { drawParts, type DrawnParts } from './drawn-parts.ts';
import { Draws, workloadName } from './draws.ts';
import { checkOutputs } from './output-judge.ts';
import { ReadJudge } from './read-judge.ts';
import { RunBook } from './run-book.ts';
import { RunnerClient, type SharedWork } from './runner-client.ts';
import { CAPACITIES, HISTORIES, requiredOf, RunnerReach } from './runner-reach.ts';
import { sharedSignal } from './shared-signals.ts';
import { TracedCalls } from './traced-calls.ts';
import type { WorkloadHost } from './workload-host.ts';

/** How much a workload does in one execution. */
export interface WorkloadLimits {
  /** Clients at most; default 3. */
  readonly clients?: number;
  /** Operations of a client at most. Default: 12 for a runner, 8 for a service, 6 for the calls of an object. A long life of a runner, which is rare, has twenty times as many, shared by all clients. */
  readonly operations?: number;
}

/**
 * The workload of a runner as a scenario, for `dryrunner explore` and everything else that takes one. See {@link exploreRunner}, which runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a subject that no case can be run against.
 */
export function runnerWorkload(
  subject: ConformanceSubject,
  limits: WorkloadLimits = {},
): ScenarioDefinition<unknown> {
  checkWholeSubject(subject);
  return defineScenario<unknown>({
    name: workloadName('workload', subject.name),
    description: `clients do with ${subject.name} what the contract allows, and hold what comes back to it`,
    run: (sim) => new RunnerWorkload(sim, subject, limits).run(),
  });
}

const SIGNALS = 2;
/** So many of the latest runs are looked at one by one before and after the release. */
const LATEST = 2;
const LONG_LIFE = 20;
/** One execution in so many is a long life. */
const LONG_LIVES = 250;
/** A longer history takes longer to judge than it is worth. */
const HISTORY_MAX = 60;

interface Setup {
  readonly options: SubjectOptions;
  readonly capacity: number;
  readonly history: number | undefined;
}

/** The workload of one runner, once. */
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
    const draws = new Draws(host, 'setup');
    const parts = drawParts(new Draws(host, 'parts'), this.#subject, host);
    const setup = this.#setup(draws, reach);
    const made = await this.#subject.create(host.world, { ...parts.options, ...setup.options });
    this.#made = made;
    const book = this.#book(setup, parts, reach);
    const { supports } = this.#subject;
    const judge = new ReadJudge(host, book, reach, { seesAll: supports.exactStates === true });
    const signals = Array.from({ length: SIGNALS }, () => sharedSignal(host));
    const work: SharedWork = {
      host,
      subject: this.#subject,
      book,
      judge,
      reach,
      signals,
      reads: [],
      open: [],
    };
    const history = createHistory<ServiceCall, ServiceReply>(host.world.clock);
    const watched = watchAnswers(host.world, made.service, ({ rule, message }) =>
      host.check(false, `${rule} ${message}`),
    );
    const calls = new TracedCalls(host.world);
    const serviceOf = (name: string): Service =>
      calls.service(watchHistory(watched, history, name), 'the runner', name);
    const last = new RunnerClient('last', serviceOf('the last client'), work);
    await this.#live(draws, work, serviceOf);
    await this.#end(last, work);
    await this.#judge(made, work, history, setup);
    await made.dispose?.();
    this.#made = undefined;
  }

  /** Releases what a workload that has failed leaves behind. */
  async close(): Promise<void> {
    const made = this.#made;
    await made?.service.release();
    await made?.dispose?.();
  }

  #setup(draws: Draws, reach: RunnerReach): Setup {
    const { supports } = this.#subject;
    const options: { capacity?: number; history?: number; idPrefix?: string } = {};
    if (supports.capacity === true) {
      options.capacity = draws.pick('capacity', CAPACITIES, 2);
      reach.note(`capacity ${options.capacity}`);
    }
    const capacity = Math.max(1, options.capacity ?? 1);
    let history: number | undefined =
      supports.capacity === true || supports.history === true ? (capacity === 1 ? 1 : 0) : undefined;
    if (supports.history === true) {
      const drawn = draws.pick('history', HISTORIES, 2);
      reach.note(`history ${drawn}`);
      if (drawn !== 'by default') history = options.history = drawn;
    }
    if (supports.idPrefix === true && draws.rarely('prefix', 4)) {
      options.idPrefix = 'node 7-';
      reach.note('ids with a prefix');
    }
    return { options, capacity, history };
  }

  #book({ options, capacity, history }: Setup, parts: DrawnParts, reach: RunnerReach): RunBook {
    const { supports, graceMs } = this.#subject;
    const isExact = supports.virtualTime === true;
    // On a machine a runner may have a prefix of its own, so that its incarnations differ (R45).
    const ownPrefix = isExact ? '' : undefined;
    const idPrefix = supports.idPrefix === true ? (options.idPrefix ?? ownPrefix) : undefined;
    return new RunBook(this.#host, { capacity, history, idPrefix, isExact, graceMs, parts }, reach);
  }

  async #live(draws: Draws, work: SharedWork, serviceOf: (name: string) => Service): Promise<void> {
    const { clients, operations } = this.#limits;
    const isOnMachine = this.#subject.wallWorld !== undefined;
    const isLong = !isOnMachine && draws.rarely('a long life', LONG_LIVES);
    const count = draws.upTo('clients', clients, Math.min(1, clients));
    await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const name = `client ${index + 1}`;
        const own = new Draws(this.#host, name);
        const steps = isLong
          ? Math.ceil((operations * LONG_LIFE) / count)
          : own.upTo('operations', operations, 0);
        return new RunnerClient(name, serviceOf(name), work).live(own, steps);
      }),
    );
    const lingersMs = draws.pick('then nothing happens for', isOnMachine ? [0, 20] : [0, 20, 100, 10_000]);
    if (lingersMs > 0) await this.#host.sleep(lingersMs);
  }

  /** Whatever is still at work is released, and then nothing is left and nothing is served. */
  async #end(last: RunnerClient, { host, open, book }: SharedWork): Promise<void> {
    host.heal();
    const latest = book.runs.slice(-LATEST).map(({ runId }) => runId);
    await lookAtAll(last, latest);
    await last.release();
    await Promise.all(open);
    await last.wait({ allRuns: true, states: UNKNOWN_MASK }, Infinity);
    await lookAtAll(last, latest);
    const [run] = book.runs;
    if (run !== undefined) {
      await last.abort(run.runId);
    }
    await last.release();
  }

  async #judge(
    made: RunnerUnderTest,
    { host, book, signals, reach }: SharedWork,
    history: History<ServiceCall, ServiceReply>,
    { capacity }: Setup,
  ): Promise<void> {
    for (const run of book.runs) {
      const isOver = run.ended !== undefined || run.memory !== 'kept';
      host.check(isOver, `R85 R200 run ${run.runId} is not over after the release`);
    }
    for (const { listeners, signal } of signals) {
      host.check(listeners === 0 || signal.aborted, `R55 R86 ${listeners} still listen to a signal of waits`);
    }
    if (made.readOutput !== undefined) await checkOutputs(host, book, made.readOutput, reach);
    book.terms.parts.check(book.endedRuns);
    const operations = history.operations();
    if (operations.length > HISTORY_MAX) return;
    const model = queueModel({ capacity, mayEvict: book.terms.history !== 0 });
    const result = checkLinearizable(history, model);
    if (result.linearizable !== false) return;
    host.check(false, `R207 R67 ${formatContradiction(result.contradiction)}`);
  }
}

/** In each of the ways that there are, so that each is asked the same at two times. */
async function lookAtAll(client: RunnerClient, runIds: readonly RunID[]): Promise<void> {
  const all = { allRuns: true, states: ALL_MASK };
  await client.look('statusAll', all);
  await client.look('queryNow', all);
  for (const runId of runIds) await client.look('status', { runs: [runId], states: ALL_MASK });
}
