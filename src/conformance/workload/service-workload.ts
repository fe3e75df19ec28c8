/**
 * The workload of any finished service, such as a scheduler over many runners, a remote client or a cache: the clients
 * of a runner's workload, checked against what every service promises. Invariant: it relies on nothing that the service
 * does not claim, least of all on times.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { World } from '../../model/world.ts';
import { queueModel } from '../../oracles/history/queue-model.ts';
import { statusStoreModel } from '../../oracles/history/status-store-model.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import type { Capability, Supports } from '../capability.ts';
import type { CommandVocabulary } from '../command-vocabulary.ts';
import { makeRunner } from './made-runner.ts';
import type { ConformanceSubject, RunnerUnderTest } from '../subject.ts';
import { Draws, workloadName } from './draws.ts';
import type { DrawnParts } from './drawn-parts.ts';
import { RunLedger } from './run-ledger.ts';
import { requiredOf, RunnerReach } from './runner-reach.ts';
import {
  drawWorld,
  WORKLOAD_LIMITS,
  type ClientTerms,
  WorkloadClients,
  type WorkloadLimits,
} from './workload-clients.ts';
import type { WorkloadHost } from './workload-host.ts';

const SERVICE_CAPABILITIES = ['timeouts', 'unstartable', 'failures', 'signals', 'stubborn'] as const;

/** A capability that a service may have beyond those of every service. */
export type ServiceCapability = Extract<Capability, (typeof SERVICE_CAPABILITIES)[number]>;

/** The shape of such a capability. */
export const SERVICE_CAPABILITY: is.Shape = is.oneOf(...SERVICE_CAPABILITIES);

/**
 * A finished service, and what is known of it. Absent facts are not relied on.
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
  /**
   * Makes the service in a new world, with everything that it depends on. `heal` of the world must end all its faults.
   */
  create(world: World): RunnerUnderTest | Promise<RunnerUnderTest>;
  /** Which commands it can run besides those that exit and hang. Default: none. */
  readonly supports?: readonly ServiceCapability[];
  /**
   * How many runs fit into it, including active ones; absent if unknown, and then it may refuse any run as
   * `RUNNER_BUSY`.
   */
  readonly capacity?: number;
  /** How many runs can be active at once. Default 1, and then they start in the order of acceptance. */
  readonly atOnce?: number;
  /** Whether it forgets runs that are over. Default false. */
  readonly mayEvict?: boolean;
  /** Whether a command may be run twice. Default false. */
  readonly mayDuplicate?: boolean;
  /**
   * Whether a call, or its reply, can be lost: it fails with `RUNNER_INJECTED_FAULT`, whether or not it took effect.
   * Default false.
   */
  readonly losesCalls?: boolean;
}

const SUBJECT = is.objectOf<ServiceSubject>(
  'a ServiceSubject',
  { name: is.TEXT, commands: is.withMethods('exit', 'hang'), create: is.FUNCTION },
  {
    supports: is.listOf(SERVICE_CAPABILITY),
    ...is.each(['capacity', 'atOnce'], is.integer(1)),
    ...is.each(['mayEvict', 'mayDuplicate', 'losesCalls'], is.BOOLEAN),
  },
);

/** Longer histories are not checked, because they take longer than they are worth. */
const HISTORY_MAX = 40;
const NOT_CLAIMED = 'it is not claimed';
/** What need not be reached in a service of which so little is known. */
const PERHAPS: ReadonlySet<string> = new Set(['run refused as full', 'wait that can no longer be met']);

/**
 * The workload of a service as a scenario, for `dryrunner explore` and everything else that takes one. See
 * {@link exploreService}, which runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a subject, and for limits that are not counts.
 */
export function serviceWorkload(
  subject: ServiceSubject,
  limits: WorkloadLimits = {},
): ScenarioDefinition<unknown> {
  check('limits', limits, WORKLOAD_LIMITS);
  check('subject', subject, SUBJECT);
  return defineScenario<unknown>({
    name: workloadName('workload', subject.name),
    description: `clients do with ${subject.name} what the contract allows, and hold what comes back to it`,
    async run(sim) {
      await new ServiceWorkload(sim, subject, limits).run();
    },
  });
}

/** One execution of a service's workload. */
export class ServiceWorkload {
  readonly #host: WorkloadHost;
  readonly #subject: ServiceSubject;
  readonly #limits: Required<WorkloadLimits>;
  readonly #prepare: DrawnParts['prepare'];

  constructor(
    host: WorkloadHost,
    subject: ServiceSubject,
    { clients = 3, operations = 8 }: WorkloadLimits,
    prepare?: DrawnParts['prepare'],
  ) {
    this.#prepare = prepare;
    this.#host = host;
    this.#subject = subject;
    this.#limits = { clients, operations };
  }

  /** Runs it; resolves with what is known of the service's runs. */
  async run(): Promise<RunLedger> {
    const host = this.#host;
    const subject = asRunner(this.#subject);
    const reach = new RunnerReach(host, this.#required(subject));
    const draws = new Draws(host, 'setup', true);
    const world = drawWorld(host, draws, reach);
    const made = await makeRunner(host, 'create', () => this.#subject.create(world));
    const { name, atOnce = 1 } = this.#subject;
    const ledger = this.#ledger(reach);
    const clients = new WorkloadClients(host, {
      subject,
      service: made.service,
      callee: name,
      ledger,
      reach,
      startsInOrder: atOnce === 1,
      model: this.#model(),
      historyMax: HISTORY_MAX,
    });
    await clients.live(draws, this.#limits);
    await clients.end();
    clients.judge();
    await made.dispose?.();
    return ledger;
  }

  #required(subject: ConformanceSubject): readonly string[] {
    const { losesCalls = false } = this.#subject;
    const required = requiredOf(subject).filter((name) => !PERHAPS.has(name));
    return losesCalls ? [...required, 'call that was lost'] : required;
  }

  #ledger(reach: RunnerReach): RunLedger {
    const { capacity = Infinity, atOnce = 1, mayEvict, mayDuplicate, losesCalls } = this.#subject;
    return new RunLedger(
      this.#host,
      {
        capacity,
        ...(atOnce === 1 ? {} : { atOnce }),
        history: mayEvict === true ? undefined : 0,
        idPrefix: undefined,
        hasExactTimes: false,
        graceMs: undefined,
        parts: {
          options: {},
          check: () => undefined,
          ...(this.#prepare === undefined ? {} : { prepare: this.#prepare }),
        },
        mayBeDown: true,
        losesCalls: losesCalls === true,
        mayHaveUnknownRuns: mayDuplicate === true,
        isOrdered: atOnce === 1 && losesCalls !== true,
      },
      reach,
    );
  }

  /** The model of the service; none if it may run a command twice, because no model predicts the result. */
  #model(): ClientTerms['model'] {
    const { capacity, atOnce = 1, mayEvict = false, mayDuplicate = false } = this.#subject;
    if (mayDuplicate) return undefined;
    return atOnce === 1 && capacity !== undefined
      ? queueModel({ capacity, mayEvict })
      : statusStoreModel({ mayEvict });
  }
}

/** The service, described as a subject for a runner's clients. */
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
    unstartable: claims('unstartable'),
    stubborn: claims('stubborn'),
    outputs: NOT_CLAIMED,
    filers: NOT_CLAIMED,
    collaborators: NOT_CLAIMED,
    actions: NOT_CLAIMED,
  };
  return { name, commands, supports: all, create: (world) => subject.create(world) };
}
