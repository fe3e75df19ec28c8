/**
 * The clients of one service under a workload, and the checks of all their calls together. Invariant: it relies on
 * nothing but its terms; when it is over, everything still active has been released.
 */
import * as is from '../../kernel/shape.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import type { RunID } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import type { World } from '../../model/world.ts';
import { ALL_MASK, UNKNOWN_MASK } from '../../model/state-mask.ts';
import { checkLinearizable } from '../../oracles/history/check-linearizable.ts';
import { formatContradiction } from '../../oracles/history/contradiction.ts';
import { createHistory, type History } from '../../oracles/history/history.ts';
import type { SequentialModel } from '../../oracles/history/sequential-model.ts';
import type { RunBeliefs } from '../../oracles/history/service-model.ts';
import type { ServiceReply } from '../../oracles/history/service-reply.ts';
import { watchAnswers } from '../../oracles/watch-answers.ts';
import { watchHistory } from '../../oracles/history/watch-history.ts';
import type { ConformanceSubject } from '../subject.ts';
import { Draws } from './draws.ts';
import { GivenAnswers } from './given-answers.ts';
import { ReadJudge } from './read-judge.ts';
import type { RunLedger } from './run-ledger.ts';
import { RunnerClient, type SharedWork } from './runner-client.ts';
import type { RunnerReach } from './runner-reach.ts';
import { SharedSignal } from './shared-signal.ts';
import { TracedCalls } from './traced-calls.ts';
import type { WorkloadHost } from './workload-host.ts';
import { WORKLOAD_ODDS } from '../../model/odds.ts';

/** How much a workload does in one execution. */
export interface WorkloadLimits {
  /** Maximum number of clients, at least 1. Default 3. */
  readonly clients?: number;
  /**
   * Maximum number of operations per client, at least 1. Default: 12 for a runner, 8 for a service, 6 for the calls of
   * an object. A long life of a runner, which is rare, has twenty times as many, shared by all clients.
   */
  readonly operations?: number;
}

/** See {@link WorkloadLimits}. */
export const LIMIT_FIELDS: is.ShapesOf<WorkloadLimits> = {
  clients: is.integer(1),
  operations: is.integer(1),
};
/** See {@link WorkloadLimits}. */
export const WORKLOAD_LIMITS: is.RecordShape = is.optionsOf<WorkloadLimits>({}, LIMIT_FIELDS);

/** Picks the limits from among other options. */
export function limitsOf({ clients, operations }: WorkloadLimits): WorkloadLimits {
  return {
    ...(clients === undefined ? {} : { clients }),
    ...(operations === undefined ? {} : { operations }),
  };
}

const SIGNALS = 2;
/** How many of the latest runs are looked at one by one before and after the release. */
const LATEST = 2;
const LONG_LIFE = 20;
/** One in this many executions is a long life. */
const LONG_LIVES = 250;
const LINGERS_MS = [0, 20, 100, 10_000];
/** On a machine, longer pauses gain nothing. */
const LINGERS_ON_MACHINE_MS = [0, 20];

/** The world in which the service is made; sometimes it has no tracer. */
export function drawWorld({ world }: WorkloadHost, draws: Draws, reach: RunnerReach): World {
  if (!draws.rarely('no trace', WORKLOAD_ODDS.untracedOneIn)) return world;
  const { tracer, ...untraced } = world;
  if (tracer !== undefined) reach.note('world without a trace');
  return untraced;
}

/** The service that the clients call, and what is known of it. */
export interface ClientTerms {
  readonly subject: ConformanceSubject;
  readonly service: Service;
  /** The service's name in histories. */
  readonly callee: string;
  readonly ledger: RunLedger;
  readonly reach: RunnerReach;
  /** Whether runs start in the order of acceptance (R67). */
  readonly startsInOrder: boolean;
  /** The model that must explain all answers; absent if too little is known for one. */
  readonly model: SequentialModel<ServiceCall, ServiceReply, RunBeliefs> | undefined;
  /** Longer histories are not checked, because they take longer than they are worth. */
  readonly historyMax: number;
}

/** Fails the workload from code whose errors nothing awaits: the host keeps the first failure. */
function noteFailure(host: Pick<WorkloadHost, 'check'>, message: string): void {
  try {
    host.check(false, message);
  } catch {
    // The check's error is of no use to the caller, which awaits its own call.
  }
}

/** The clients of one service. */
export class WorkloadClients {
  readonly #host: WorkloadHost;
  readonly #terms: ClientTerms;
  readonly #work: SharedWork;
  readonly #history: History<ServiceCall, ServiceReply>;
  readonly #watched: Service;
  readonly #calls: TracedCalls;
  readonly #last: RunnerClient;

  constructor(host: WorkloadHost, terms: ClientTerms) {
    const { subject, service, ledger, reach, startsInOrder } = terms;
    this.#host = host;
    this.#terms = terms;
    const judge = new ReadJudge(host, ledger, reach, { seesAll: subject.supports.exactStates === true });
    const signals = Array.from({ length: SIGNALS }, () => new SharedSignal(host));
    const given = new GivenAnswers(host);
    this.#work = { host, subject, ledger, judge, reach, signals, given, reads: [], open: [] };
    this.#history = createHistory<ServiceCall, ServiceReply>(host.world.clock);
    this.#calls = new TracedCalls(host.world);
    this.#watched = watchAnswers(host.world, given.service(service), ({ rule, message }) => {
      if (startsInOrder || rule !== 'R67') noteFailure(host, `${rule} ${message}`);
    });
    this.#last = new RunnerClient('last', this.#serviceOf('the last client'), this.#work);
  }

  /** Lets all clients perform their drawn operations concurrently; then nothing happens for a while. */
  async live(draws: Draws, { clients, operations }: Required<WorkloadLimits>): Promise<void> {
    const isOnMachine = this.#terms.subject.wallWorld !== undefined;
    const isLong = !isOnMachine && draws.rarely('a long life', LONG_LIVES);
    const count = draws.upTo('clients', clients, 1);
    await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const name = `client ${index + 1}`;
        const own = new Draws(this.#host, name);
        const steps = isLong
          ? Math.ceil((operations * LONG_LIFE) / count)
          : own.upTo('operations', operations, 0);
        return new RunnerClient(name, this.#serviceOf(name), this.#work).live(own, steps);
      }),
    );
    const lingersMs = draws.pick(
      'then nothing happens for',
      isOnMachine ? LINGERS_ON_MACHINE_MS : LINGERS_MS,
      1,
      String,
      (ms) => `after their last calls, the clients wait for ${ms} ms`,
    );
    if (lingersMs > 0) await this.#host.sleep(lingersMs);
  }

  /** Ends faults, releases everything still active, and checks that nothing is left and nothing is served. */
  async end(): Promise<void> {
    const last = this.#last;
    const { open, ledger } = this.#work;
    this.#host.heal();
    const latest = ledger.runs.slice(-LATEST).map(({ runId }) => runId);
    await lookAtAll(last, latest);
    this.#checkListeners(({ isInUse }) => !isInUse, 'once all of them have ended');
    await last.release();
    await Promise.all(open);
    await last.wait({ allRuns: true, states: UNKNOWN_MASK }, Infinity);
    await lookAtAll(last, latest);
    const [run] = ledger.runs;
    if (run !== undefined) await last.abort(run.runId);
    await last.release();
  }

  /** Checks that all runs are over, no listeners are left, and some order of the calls explains all answers. */
  judge(): void {
    const { ledger } = this.#work;
    const { model, historyMax, startsInOrder } = this.#terms;
    const host = this.#host;
    for (const run of ledger.runs) {
      const isOver = run.ended !== undefined || run.memory !== 'kept';
      host.check(isOver, `R85 run ${run.runId}: expected its end by the return of the release, got none`);
    }
    this.#checkListeners(() => true, 'after the release');
    if (model === undefined || this.#history.operations().length > historyMax) return;
    const result = checkLinearizable(this.#history, model);
    if (result.linearizable !== false) return;
    host.check(false, `R207 ${startsInOrder ? 'R67' : 'R200'} ${formatContradiction(result.contradiction)}`);
  }

  #checkListeners(concerns: (signal: SharedSignal) => boolean, when: string): void {
    for (const signal of this.#work.signals) {
      const { left } = signal;
      this.#host.check(
        left === 0 || !concerns(signal),
        `R55 R86 a signal of waits: expected no listener ${when}, got ${left}`,
      );
    }
  }

  #serviceOf(name: string): Service {
    const { judge } = this.#work;
    const service = watchHistory(this.#watched, this.#history, name);
    return this.#calls.service(service, this.#terms.callee, name, (call, sinceMs) =>
      judge.owed(call, sinceMs),
    );
  }
}

/** Reads in each way, so that each question is asked at two times. */
async function lookAtAll(client: RunnerClient, runIds: readonly RunID[]): Promise<void> {
  const all = { allRuns: true, states: ALL_MASK };
  await client.look('statusAll', all);
  await client.look('queryNow', all);
  for (const runId of runIds) await client.look('status', { runs: [runId], states: ALL_MASK });
}
