/**
 * The workload of any finished service, such as a scheduler over many runners, a remote client or a cache: the clients of a runner's workload, held to
 * what every service promises. Invariant: it relies on nothing that the service does not claim, times least of all.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import type { Service } from '../../model/service.ts';
import { ALL_MASK, UNKNOWN_MASK } from '../../model/state-mask.ts';
import type { World } from '../../model/world.ts';
import { checkLinearizable } from '../../oracles/history/check-linearizable.ts';
import { formatContradiction } from '../../oracles/history/contradiction.ts';
import { createHistory, type History } from '../../oracles/history/history.ts';
import { queueModel } from '../../oracles/history/queue-model.ts';
import type { ServiceReply } from '../../oracles/history/service-reply.ts';
import { statusStoreModel } from '../../oracles/history/status-store-model.ts';
import { watchAnswers } from '../../oracles/watch-answers.ts';
import { watchHistory } from '../../oracles/history/watch-history.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import type { Capability, Supports } from '../capability.ts';
import type { CommandVocabulary } from '../command-vocabulary.ts';
import type { ConformanceSubject, RunnerUnderTest } from '../subject.ts';
import { Draws, workloadName } from './draws.ts';
import { ReadJudge } from './read-judge.ts';
import { RunBook } from './run-book.ts';
import { RunnerClient, type SharedWork } from './runner-client.ts';
import { requiredOf, RunnerReach } from './runner-reach.ts';
import type { WorkloadLimits } from './runner-workload.ts';
import { sharedSignal } from './shared-signals.ts';
import { TracedCalls } from './traced-calls.ts';
import type { WorkloadHost } from './workload-host.ts';

/** What a service can do beside what each of them can. */
export type ServiceCapability = Extract<Capability, 'timeouts' | 'failures' | 'signals' | 'stubborn'>;

/**
 * A finished service, and what is known of it. What is left out is not relied on.
 *
 * @example
 * ```ts
 * import { createChaosRunner, createSimulatedRunner } from 'dryrunner';
 * import { simCommands, type ServiceSubject } from 'dryrunner/conformance';
 * const remote: ServiceSubject = {
 *   name: 'remote',
 *   commands: simCommands,
 *   create: (world) => ({
 *     service: createChaosRunner(world, createSimulatedRunner(world, { capacity: 8 }), {
 *       plan: { rates: { run: { after: 0.1 } } },
 *     }),
 *   }),
 *   capacity: 8,
 *   losesCalls: true,
 * };
 * if (remote.atOnce !== undefined) throw new Error('one run at once is the default');
 * ```
 */
export interface ServiceSubject {
  readonly name: string;
  readonly commands: CommandVocabulary;
  /** Makes the service in a new world, with whatever it stands on. `heal` of the world must end all its faults. */
  create(world: World): RunnerUnderTest | Promise<RunnerUnderTest>;
  /** Which commands it can run beside those that exit and hang. Default: none. */
  readonly supports?: readonly ServiceCapability[];
  /** How many runs it holds, those at work included; absent if that is not known, and then it may refuse any as `RUNNER_BUSY`. */
  readonly capacity?: number;
  /** How many runs can be at work at once; default 1, and then they start in the order of acceptance. */
  readonly atOnce?: number;
  /** Whether it forgets runs that are over. Default false. */
  readonly mayEvict?: boolean;
  /** Whether a command can be run twice. Default false. */
  readonly mayDuplicate?: boolean;
  /** Whether a call, or its reply, can be lost: it fails with `RUNNER_INJECTED_FAULT`, done or not. Default false. */
  readonly losesCalls?: boolean;
}

const SUBJECT = is.objectOf<ServiceSubject>(
  'a ServiceSubject',
  { name: is.TEXT, commands: is.withMethods('exit', 'hang', 'unstartable'), create: is.FUNCTION },
  {
    supports: is.listOf(is.oneOf('timeouts', 'failures', 'signals', 'stubborn')),
    ...is.each(['capacity', 'atOnce'], is.integer(1)),
    ...is.each(['mayEvict', 'mayDuplicate', 'losesCalls'], is.BOOLEAN),
  },
);

const SIGNALS = 2;
/** A longer history takes longer to judge than it is worth. */
const HISTORY_MAX = 40;
const NOT_CLAIMED = 'it is not claimed';
/** What need not come about in a service of which so little is known. */
const PERHAPS: ReadonlySet<string> = new Set([
  'run refused as full',
  'run refused as unhealthy',
  'wait that can no longer be met',
  'wait until just when something happens',
]);

/**
 * The workload of a service as a scenario, for `dryrunner explore` and everything else that takes one. See {@link exploreService}, which runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a subject.
 */
export function serviceWorkload(
  subject: ServiceSubject,
  limits: WorkloadLimits = {},
): ScenarioDefinition<unknown> {
  check('subject', subject, SUBJECT);
  return defineScenario<unknown>({
    name: workloadName('workload', subject.name),
    description: `clients do with ${subject.name} what the contract allows, and hold what comes back to it`,
    run: (sim) => new ServiceWorkload(sim, subject, limits).run(),
  });
}

class ServiceWorkload {
  readonly #host: WorkloadHost;
  readonly #subject: ServiceSubject;
  readonly #limits: Required<WorkloadLimits>;

  constructor(host: WorkloadHost, subject: ServiceSubject, { clients = 3, operations = 8 }: WorkloadLimits) {
    this.#host = host;
    this.#subject = subject;
    this.#limits = { clients, operations };
  }

  async run(): Promise<void> {
    const host = this.#host;
    const subject = asRunner(this.#subject);
    const reach = new RunnerReach(host, this.#required(subject));
    const made = await this.#subject.create(host.world);
    const book = this.#book(reach);
    const judge = new ReadJudge(host, book, reach, { seesAll: false });
    const signals = Array.from({ length: SIGNALS }, () => sharedSignal(host));
    const work: SharedWork = { host, subject, book, judge, reach, signals, reads: [], open: [] };
    const history = createHistory<ServiceCall, ServiceReply>(host.world.clock);
    const watched = this.#watched(made.service);
    const calls = new TracedCalls(host.world);
    const serviceOf = (name: string): Service =>
      calls.service(watchHistory(watched, history, name), this.#subject.name, name);
    const last = new RunnerClient('last', serviceOf('the last client'), work);
    await this.#live(new Draws(host, 'setup'), work, serviceOf);
    await this.#end(last, work);
    this.#judge(work, history);
    await made.dispose?.();
  }

  #required(subject: ConformanceSubject): readonly string[] {
    const { losesCalls = false } = this.#subject;
    const required = requiredOf(subject).filter((name) => !PERHAPS.has(name));
    return losesCalls ? [...required, 'call that was lost'] : required;
  }

  #book(reach: RunnerReach): RunBook {
    const { capacity = Infinity, atOnce = 1, mayEvict, mayDuplicate, losesCalls } = this.#subject;
    return new RunBook(
      this.#host,
      {
        capacity,
        history: mayEvict === true ? undefined : 0,
        idPrefix: undefined,
        isExact: false,
        graceMs: undefined,
        parts: { options: {}, check: () => undefined },
        mayBeDown: true,
        losesCalls: losesCalls === true,
        hasStrangers: mayDuplicate === true,
        isOrdered: atOnce === 1 && losesCalls !== true,
      },
      reach,
    );
  }

  /** Of a service with several runs at work, runs may overtake one another. */
  #watched(service: Service): Service {
    const { atOnce = 1 } = this.#subject;
    return watchAnswers(this.#host.world, service, ({ rule, message }) => {
      const isOfOrder = rule === 'R67' && atOnce > 1;
      if (!isOfOrder) this.#host.check(false, `${rule} ${message}`);
    });
  }

  async #live(draws: Draws, work: SharedWork, serviceOf: (name: string) => Service): Promise<void> {
    const { clients, operations } = this.#limits;
    const count = draws.count('clients', 1, clients);
    await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const name = `client ${index + 1}`;
        const own = new Draws(this.#host, name);
        const steps = own.count('operations', 0, operations);
        return new RunnerClient(name, serviceOf(name), work).live(own, steps);
      }),
    );
    const lingersMs = draws.pick('then nothing happens for', [0, 20, 100, 10_000]);
    if (lingersMs > 0) await this.#host.sleep(lingersMs);
  }

  /** Faults end; whatever is still at work is released, and then nothing is left and nothing is served. */
  async #end(last: RunnerClient, { host, open, book }: SharedWork): Promise<void> {
    host.heal();
    await last.look('statusAll', { allRuns: true, states: ALL_MASK });
    await last.release();
    await Promise.all(open);
    await last.wait({ allRuns: true, states: UNKNOWN_MASK }, Infinity);
    await last.look('statusAll', { allRuns: true, states: ALL_MASK });
    const [run] = book.runs;
    if (run !== undefined) {
      await last.look('status', { runs: [run.runId], states: ALL_MASK });
      await last.abort(run.runId);
    }
    await last.release();
  }

  #judge({ host, book, signals }: SharedWork, history: History<ServiceCall, ServiceReply>): void {
    for (const run of book.runs) {
      const isOver = run.ended !== undefined || run.memory !== 'kept';
      host.check(isOver, `R85 R200 run ${run.runId} is not over after the release`);
    }
    for (const { listeners, signal } of signals) {
      host.check(listeners === 0 || signal.aborted, `R55 R86 ${listeners} still listen to a signal of waits`);
    }
    const { capacity, atOnce = 1, mayEvict = false, mayDuplicate = false } = this.#subject;
    if (mayDuplicate || history.operations().length > HISTORY_MAX) return;
    const model =
      atOnce === 1 && capacity !== undefined
        ? queueModel({ capacity, mayEvict })
        : statusStoreModel({ mayEvict });
    const result = checkLinearizable(history, model);
    if (result.linearizable !== false) return;
    host.check(false, `R207 R200 ${formatContradiction(result.contradiction)}`);
  }
}

/** The service in the words of the clients of a runner. */
function asRunner(subject: ServiceSubject): ConformanceSubject {
  const { name, commands, supports = [], atOnce = 1 } = subject;
  const claims = (capability: ServiceCapability): true | string =>
    supports.includes(capability) ? true : NOT_CLAIMED;
  const all: Supports = {
    capacity: NOT_CLAIMED,
    history: NOT_CLAIMED,
    idPrefix: NOT_CLAIMED,
    exactStates: NOT_CLAIMED,
    virtualTime: atOnce > 1 ? 'runs do not wait for each other' : NOT_CLAIMED,
    timeouts: claims('timeouts'),
    failures: claims('failures'),
    signals: claims('signals'),
    stubborn: claims('stubborn'),
    outputs: NOT_CLAIMED,
    filers: NOT_CLAIMED,
    collaborators: NOT_CLAIMED,
  };
  return { name, commands, supports: all, create: (world) => subject.create(world) };
}
