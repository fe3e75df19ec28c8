/**
 * The workload of a scheduler: the clients of any service give it jobs, and its workers lose calls, crash, pause and
 * come back, with new ids or with their old ones. Its answers are checked against what its workers were really asked to
 * do. Invariant: it relies on nothing but the scheduler's claims.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { interceptService } from '../../call/intercept-service.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { Command } from '../../model/command.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import type { World } from '../../model/world.ts';
import { createChaosRunner } from '../../network/chaos-runner.ts';
import { createSimulatedRunner } from '../../runners/simulated-runner.ts';
import { defineScenario, type ScenarioDefinition } from '../../simulation/scenario.ts';
import type { NodeFaults } from '../../simulation/node-strikes.ts';
import { createNode, type Node } from '../../simulation/service-node.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { simCommands } from '../command-vocabulary.ts';
import { Draws, workloadName } from './draws.ts';
import type { RunLedger } from './run-ledger.ts';
import { SERVICE_CAPABILITY, type ServiceCapability, ServiceWorkload } from './service-workload.ts';
import { WORKLOAD_LIMITS, type WorkloadLimits } from './workload-clients.ts';

/**
 * Faults that a scheduler may claim to survive: calls to workers, or their replies, that are lost or late; workers that
 * crash and restart, pause and slow down; and workers that give their runs the ids of earlier ones after a restart, so
 * that an id alone proves nothing (R45).
 */
export type FleetFault = 'lost calls' | 'crashes' | 'old ids';

/**
 * A scheduler, and its claims. It is a service whose runs are jobs. It must pass on the command of a job with its
 * `jobId`, and with the arguments, environment, timeout and snapshot that it was given; and when its `release` has returned, nothing that it started may be active.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner, type Service } from 'dryrunner';
 * import { exploreScheduler, type SchedulerSubject } from 'dryrunner/conformance';
 * const first: SchedulerSubject = {
 *   name: 'all to the first',
 *   create: (_world, workers) => workers[0] as Service,
 *   startsOnce: true,
 * };
 * const { failure } = await exploreScheduler(first, { executions: 20 });
 * if (failure !== undefined) throw new Error(failure.text);
 * ```
 */
export interface SchedulerSubject {
  readonly name: string;
  /** Makes the scheduler in a new world. Each worker has room for two runs, one of them active, and remembers all. */
  create(world: World, workers: readonly Service[]): Service | Promise<Service>;
  /** The faults that it survives. Default: none, and then no faults occur. */
  readonly survives?: readonly FleetFault[];
  /**
   * Whether it starts a job at most once, except for a job whose worker has crashed, before or since. Default false.
   */
  readonly startsOnce?: boolean;
  /** Which jobs it can run besides those that exit and hang. Default: none. */
  readonly supports?: readonly ServiceCapability[];
}

const SUBJECT = is.objectOf<SchedulerSubject>(
  'a SchedulerSubject',
  { name: is.TEXT, create: is.FUNCTION },
  {
    survives: is.listOf(is.oneOf('lost calls', 'crashes', 'old ids')),
    startsOnce: is.BOOLEAN,
    supports: is.listOf(SERVICE_CAPABILITY),
  },
);

/**
 * The workload of a scheduler as a scenario, for `dryrunner explore` and everything else that takes one. See
 * {@link exploreScheduler}, which runs it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a subject, and for limits that are not counts.
 */
export function schedulerWorkload(
  subject: SchedulerSubject,
  limits: WorkloadLimits = {},
): ScenarioDefinition<unknown> {
  check('limits', limits, WORKLOAD_LIMITS);
  check('subject', subject, SUBJECT);
  return defineScenario<unknown>({
    name: workloadName('scheduler', subject.name),
    description: `clients give ${subject.name} jobs, and what becomes of its workers is what it says`,
    run: (sim) => new SchedulerWorkload(sim, subject, limits).run(),
  });
}

const WORKERS_MAX = 3;
const WORKER_CAPACITY = 2;
const MANY = 100;
const LOSSES = { before: 0.05, after: 0.1 };
const LOSSY = {
  run: LOSSES,
  abort: LOSSES,
  status: LOSSES,
  query: LOSSES,
  queryNow: LOSSES,
  statusAll: LOSSES,
};
const DELAYS_MS = [0, 20];
const STRIKES: NodeFaults = {
  ...{ crash: 24, pause: 48, slow: 48 },
  ...{ downMsMax: 200, pauseMsMax: 200, slowMsMax: 200, strikesMax: 2 },
};
/** How long a run on a worker may take to end after the request to stop. */
const ENDS_WITHIN_MS = 1_000;

/** A run that a worker has accepted. */
interface WorkerRun {
  readonly worker: Worker;
  /** The worker's process that accepted it. */
  readonly process: Service;
  readonly runId: RunID;
  readonly jobId: string;
  readonly atMs: number;
}

interface Worker {
  readonly name: string;
  readonly node: Node;
  /** The live process, or the last one. */
  readonly current: { readonly process: Service | undefined };
}

class SchedulerWorkload {
  readonly #sim: Simulation;
  readonly #subject: SchedulerSubject;
  readonly #limits: WorkloadLimits;
  readonly #workers: Worker[] = [];
  readonly #runs: WorkerRun[] = [];
  /** The commands of the jobs that clients have given the scheduler. */
  readonly #offered = new Map<string, Command>();

  constructor(sim: Simulation, subject: SchedulerSubject, limits: WorkloadLimits) {
    this.#sim = sim;
    this.#subject = subject;
    this.#limits = limits;
  }

  async run(): Promise<void> {
    const { name, supports = [], survives = [] } = this.#subject;
    for (const reached of reachable(survives)) this.#sim.sometimes(reached, false);
    const workers = this.#makeWorkers();
    const clients = new ServiceWorkload(
      this.#sim,
      {
        ...{ name, supports, commands: simCommands, atOnce: MANY },
        create: async (world) => ({ service: await this.#subject.create(world, workers) }),
      },
      this.#limits,
      (_, command, mark) => {
        const jobId = command.jobId ?? `job ${mark}`;
        const job = { ...command, jobId };
        this.#offered.set(jobId, job);
        return job;
      },
    );
    const ledger = await clients.run();
    await this.#check(ledger);
    await Promise.all(workers.map((worker) => worker.release()));
    await Promise.all(this.#workers.map(({ node }) => node.release()));
  }

  #makeWorkers(): Service[] {
    const draws = new Draws(this.#sim, 'fleet');
    const { survives = [] } = this.#subject;
    const count = draws.upTo('workers', WORKERS_MAX, 1);
    if (count > 1) this.#sim.sometimes('several workers');
    return Array.from({ length: count }, (_, at) => {
      const own = draws.of(`worker ${at + 1}`);
      const strikes = survives.includes('crashes') && own.rarely('strikes', 2);
      const reusesIds = survives.includes('old ids') && own.rarely('has old ids', 2);
      const worker = this.#makeWorker(`worker-${at + 1}`, strikes, reusesIds);
      const delayMs = survives.includes('lost calls') ? own.pick('delays', DELAYS_MS) : 0;
      const isLossy = survives.includes('lost calls') && own.rarely('loses calls', 2);
      if (!isLossy && delayMs === 0) return worker.node;
      const plan = isLossy ? { plan: { rates: LOSSY } } : {};
      const options = { name: `way to ${worker.name}`, maxDelayMs: delayMs, ...plan };
      const lossy = createChaosRunner(this.#sim.world, worker.node, options);
      return isLossy ? this.#noting(lossy) : lossy;
    });
  }

  #makeWorker(name: string, strikes: boolean, reusesIds: boolean): Worker {
    const current: { process: Service | undefined } = { process: undefined };
    const node = createNode(this.#sim, {
      name,
      reusesIds,
      ...(strikes ? { faults: STRIKES } : {}),
      start: (world, incarnation) => {
        const { index, idPrefix } = incarnation;
        const runner = createSimulatedRunner(world, {
          name: incarnation.name,
          idPrefix,
          capacity: WORKER_CAPACITY,
          history: 0,
        });
        if (index > 0) this.#sim.sometimes('a worker that has restarted');
        if (index > 0 && reusesIds) this.#sim.sometimes('a worker that has restarted with its old ids');
        current.process = runner;
        return this.#watched(runner, () => worker);
      },
    });
    const worker: Worker = { name, node, current };
    this.#workers.push(worker);
    return worker;
  }

  /** Records what the scheduler really starts, whatever answers it gets. */
  #watched(process: Service, worker: () => Worker): Service {
    return interceptService(process, async (call, proceed) => {
      const answer = await proceed(call);
      if (call.method !== 'run') return answer;
      const [command] = call.args;
      const { jobId = '' } = command;
      const { runId } = answer as RunStatus;
      this.#checkCommand(jobId, command);
      if (this.#runs.some((run) => run.jobId === jobId)) this.#sim.sometimes('a job that was started again');
      this.#runs.push({ worker: worker(), process, runId, jobId, atMs: this.#sim.now() });
      return answer;
    });
  }

  #checkCommand(jobId: string, got: Command): void {
    const offered = this.#offered.get(jobId);
    if (offered === undefined) return;
    const [wanted, came] = [offered, got].map(({ argv, envVars = {}, timeoutMs = 0, snapshotId = '' }) =>
      JSON.stringify({
        argv,
        // A scheduler may add variables of its own.
        envVars: Object.keys(offered.envVars ?? {}).map((name) => [name, envVars[name]]),
        timeoutMs: Math.max(timeoutMs, 0),
        snapshotId,
      }),
    );
    this.#sim.check(
      wanted === came,
      `R16 job "${jobId}" was started with another command: expected ${wanted}, got ${came}`,
    );
  }

  #noting(lossy: Service): Service {
    return interceptService(lossy, async (call, proceed) => {
      try {
        return await proceed(call);
      } catch (error) {
        this.#sim.sometimes('a call to a worker that was lost');
        throw error;
      }
    });
  }

  async #check(ledger: RunLedger): Promise<void> {
    const ended = new Map(ledger.endedRuns.map((run) => [run.command.jobId ?? '', run.status]));
    const seenMs = new Map(
      ledger.runs.map(({ drawn, endSeenAtMs }) => [drawn.command.jobId ?? '', endSeenAtMs]),
    );
    await this.#sim.sleep(ENDS_WITHIN_MS);
    const found = await Promise.all(this.#runs.map((run) => this.#statusOf(run)));
    for (const [at, run] of this.#runs.entries()) {
      const { jobId, worker, runId, atMs } = run;
      const what = `job "${jobId}", as run ${runId} of ${worker.name},`;
      const status = found[at];
      const isLost = this.#hasCrashed(run.process);
      this.#sim.check(
        isLost || status === undefined || isTerminal(status.state),
        `R85 ${what} is ${status?.state} after the scheduler was released: expected it to be over`,
      );
      this.#sim.check(
        seenMs.has(jobId) || !this.#offered.has(jobId),
        `R22 ${what} was started at ${atMs} ms: expected no run of it, since it was refused`,
      );
      const overMs = seenMs.get(jobId) ?? Infinity;
      this.#sim.check(
        atMs <= overMs,
        `R4 ${what} was started at ${atMs} ms: expected no start after its end, which a client saw at ${overMs} ms`,
      );
    }
    for (const [jobId, status] of ended) this.#checkJob(jobId, status, found);
  }

  #checkJob(jobId: string, { state, exitCode }: RunStatus, found: readonly (RunStatus | undefined)[]): void {
    const starts = this.#runs.flatMap((run, at) => (run.jobId === jobId ? [{ run, status: found[at] }] : []));
    if (this.#subject.startsOnce === true) {
      const isExcused =
        starts.length <= 1 || starts.some(({ run: { worker } }) => worker.node.incarnation > 0);
      this.#sim.check(
        isExcused,
        `R202 job "${jobId}" was started ${starts.length} times, on ${starts.map(({ run }) => run.worker.name).join(' and ')}: expected one start`,
      );
    }
    if (state !== 'COMPLETE' && state !== 'TIMEDOUT') return;
    const isTrue = starts.some(({ status }) => status?.state === state && status.exitCode === exitCode);
    this.#sim.check(
      isTrue,
      // How a job's end follows from its workers' answers is the scheduler's claim, and not a rule of the contract.
      `job "${jobId}" is ${state} ${exitCode}: expected a run of it that ended so, got ${starts.map(({ status }) => status?.state ?? 'nothing').join(', ') || 'none'}`,
    );
  }

  #hasCrashed(process: Service): boolean {
    return !this.#workers.some(({ node, current }) => node.state !== 'down' && current.process === process);
  }

  async #statusOf({ process, runId }: WorkerRun): Promise<RunStatus | undefined> {
    const { statuses } = await process.statusAll();
    return statuses.find((status) => status.runId === runId);
  }
}

function reachable(survives: readonly FleetFault[]): readonly string[] {
  return [
    'several workers',
    ...(survives.includes('lost calls') ? ['a call to a worker that was lost'] : []),
    ...(survives.includes('crashes') ? ['a worker that has restarted', 'a job that was started again'] : []),
    ...(survives.includes('crashes') && survives.includes('old ids')
      ? ['a worker that has restarted with its old ids']
      : []),
  ];
}
