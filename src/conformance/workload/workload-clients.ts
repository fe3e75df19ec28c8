/**
 * The clients of one service under a workload, and what their calls must come to as a whole. Invariant: it relies on nothing but what its terms
 * say; when it is over, whatever is still at work was released.
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
  /** Clients at most, 1 or more; default 3. */
  readonly clients?: number;
  /** Operations of a client at most, 1 or more. Default: 12 for a runner, 8 for a service, 6 for the calls of an object. A long life of a runner, which is rare, has twenty times as many, shared by all clients. */
  readonly operations?: number;
}

/** See {@link WorkloadLimits}. */
export const LIMIT_FIELDS: is.ShapesOf<WorkloadLimits> = {
  clients: is.integer(1),
  operations: is.integer(1),
};
/** See {@link WorkloadLimits}. */
export const WORKLOAD_LIMITS: is.RecordShape = is.optionsOf<WorkloadLimits>({}, LIMIT_FIELDS);

/** The limits among other options. */
export function limitsOf({ clients, operations }: WorkloadLimits): WorkloadLimits {
  return {
    ...(clients === undefined ? {} : { clients }),
    ...(operations === undefined ? {} : { operations }),
  };
}

const SIGNALS = 2;
/** So many of the latest runs are looked at one by one before and after the release. */
const LATEST = 2;
const LONG_LIFE = 20;
/** One execution in so many is a long life. */
const LONG_LIVES = 250;
const LINGERS_MS = [0, 20, 100, 10_000];
/** On a machine nothing is gained by more. */
const LINGERS_ON_MACHINE_MS = [0, 20];

/** The world that the service is made in: it need not have a trace. */
export function drawWorld({ world }: WorkloadHost, draws: Draws, reach: RunnerReach): World {
  if (!draws.rarely('no trace', WORKLOAD_ODDS.untracedOneIn)) return world;
  const { tracer, ...untraced } = world;
  if (tracer !== undefined) reach.note('world without a trace');
  return untraced;
}

/** Whom the clients call, and what is known of it. */
export interface ClientTerms {
  readonly subject: ConformanceSubject;
  readonly service: Service;
  /** What a history calls the service. */
  readonly callee: string;
  readonly ledger: RunLedger;
  readonly reach: RunnerReach;
  /** Whether runs start in the order of acceptance (R67). */
  readonly startsInOrder: boolean;
  /** What explains all answers; absent if nothing is known that does. */
  readonly model: SequentialModel<ServiceCall, ServiceReply, RunBeliefs> | undefined;
  /** A longer history takes longer to judge than it is worth. */
  readonly historyMax: number;
}

/** Fails the workload where nobody waits for what would be thrown: the host keeps the first failure. */
function noteFailure(host: Pick<WorkloadHost, 'check'>, message: string): void {
  try {
    host.check(false, message);
  } catch {
    // What it throws is of no use to the caller, who awaits its own call.
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

  /** They do what is drawn, all at once; and then nothing happens for a while. */
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

  /** Faults end; whatever is still at work is released, and then nothing is left and nothing is served. */
  async end(): Promise<void> {
    const last = this.#last;
    const { open, ledger } = this.#work;
    this.#host.heal();
    const latest = ledger.runs.slice(-LATEST).map(({ runId }) => runId);
    await lookAtAll(last, latest);
    await last.release();
    await Promise.all(open);
    await last.wait({ allRuns: true, states: UNKNOWN_MASK }, Infinity);
    await lookAtAll(last, latest);
    const [run] = ledger.runs;
    if (run !== undefined) await last.abort(run.runId);
    await last.release();
  }

  /** All runs are over, nobody listens any more, and there is an order of the calls that explains all answers. */
  judge(): void {
    const { ledger, signals } = this.#work;
    const { model, historyMax, startsInOrder } = this.#terms;
    const host = this.#host;
    for (const run of ledger.runs) {
      const isOver = run.ended !== undefined || run.memory !== 'kept';
      host.check(isOver, `R85 run ${run.runId}: expected its end by the return of the release, got none`);
    }
    for (const { left } of signals) {
      host.check(
        left === 0,
        `R55 R86 a signal of waits: expected no listener after the release, got ${left}`,
      );
    }
    if (model === undefined || this.#history.operations().length > historyMax) return;
    const result = checkLinearizable(this.#history, model);
    if (result.linearizable !== false) return;
    host.check(false, `R207 ${startsInOrder ? 'R67' : 'R200'} ${formatContradiction(result.contradiction)}`);
  }

  #serviceOf(name: string): Service {
    const { judge } = this.#work;
    const service = watchHistory(this.#watched, this.#history, name);
    return this.#calls.service(service, this.#terms.callee, name, (call, sinceMs) =>
      judge.owed(call, sinceMs),
    );
  }
}

/** In each of the ways that there are, so that each is asked the same at two times. */
async function lookAtAll(client: RunnerClient, runIds: readonly RunID[]): Promise<void> {
  const all = { allRuns: true, states: ALL_MASK };
  await client.look('statusAll', all);
  await client.look('queryNow', all);
  for (const runId of runIds) await client.look('status', { runs: [runId], states: ALL_MASK });
}
