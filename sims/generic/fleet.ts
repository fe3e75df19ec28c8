/**
 * A small scheduler over workers that lose calls, crash and come back with the ids of others, under the workload of any scheduler. Invariants: a worker is asked
 * for two jobs at a time; an id of a worker stands for a job only as long as its status has the tag of that job; what is over is not started again.
 */
import {
  type Command,
  DONE_MASK,
  finalStatus,
  isRunnerError,
  isTerminal,
  maskForState,
  RunnerError,
  RunRejectedError,
  type RunStatus,
  type ScenarioDefinition,
  type Service,
  sleep,
  type World,
} from 'dryrunner';
import { schedulerWorkload, type SchedulerSubject } from 'dryrunner/conformance';
import {
  abortStatus,
  checkCommand,
  createStatusStore,
  HEALTHY_SERVICE_STATUS,
  runningStatus,
  type StatusStore,
  tagsOf,
} from 'dryrunner/kit';

const RETRY_MS = 40;
const BEGUN = maskForState('RUNNING', 'COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT');
const LOOK_MS = 500;
/** What comes of a call that was lost on its way, or whose reply was; what a worker says that has forgotten all. */
const LOST = new Set(['RUNNER_INJECTED_FAULT', 'RUNNER_BUSY']);

interface Job {
  readonly id: string;
  readonly command: Command;
  isUnwanted: boolean;
  /** Where it is at work, as far as is known. */
  at: { readonly worker: Service; readonly runId: string } | undefined;
}

/** What a scheduler does that can be got wrong. */
export interface FleetHabits {
  /** Whether it looks before it starts a job again whose start has got no answer. */
  readonly looks: boolean;
  /** Whether it knows runs by the tag of their job, and not by their ids alone. */
  readonly knowsByTag: boolean;
  /** Whether it stops a job on its worker before it is ABORTED. */
  readonly stops: boolean;
}

const CAREFUL: FleetHabits = { looks: true, knowsByTag: true, stops: true };

class Fleet implements Service {
  readonly #clock: World['clock'];
  readonly #store: StatusStore;
  readonly #habits: FleetHabits;
  readonly #jobs = new Map<string, Job>();
  readonly #waiting: Job[] = [];
  readonly #idle: Service[];
  readonly #working = new Set<Promise<void>>();
  #isReleased = false;
  #released: Promise<void> | undefined;

  constructor({ clock }: Pick<World, 'clock'>, workers: readonly Service[], habits: FleetHabits) {
    this.#clock = clock;
    this.#habits = habits;
    this.#idle = [...workers, ...workers];
    this.#store = createStatusStore({ clock, name: 'fleet', idPrefix: 'job-' });
    this.#store.updateService(HEALTHY_SERVICE_STATUS);
  }

  run(command: Command): Promise<RunStatus> {
    try {
      checkCommand(command);
      if (this.#isReleased) throw new RunRejectedError('RUNNER_RELEASED', 'The scheduler was released.');
    } catch (error) {
      return Promise.reject(error);
    }
    const own = { ...command, argv: [...command.argv], envVars: { ...command.envVars } };
    const status = this.#store.newRun(tagsOf(own));
    const job: Job = { id: status.runId, command: own, isUnwanted: false, at: undefined };
    this.#jobs.set(job.id, job);
    this.#waiting.push(job);
    this.#assign();
    return Promise.resolve(status);
  }

  async abort(runId: string): Promise<RunStatus> {
    if (this.#isReleased) throw new RunnerError('RUNNER_RELEASED', 'The scheduler was released.');
    const status = this.#store.currentStatus(runId);
    if (isTerminal(status.state)) return status;
    this.#stop(this.#jobs.get(runId) as Job);
    return (await finalStatus(this.#store, runId)).status;
  }

  release(): Promise<void> {
    this.#released ??= this.#shutDown();
    return this.#released;
  }

  query: Service['query'] = (query, wait) => this.#store.query(query, wait);
  queryNow: Service['queryNow'] = (query) => this.#store.queryNow(query);
  status: Service['status'] = (runId) => this.#store.status(runId);
  statusAll: Service['statusAll'] = () => this.#store.statusAll();

  async #shutDown(): Promise<void> {
    this.#isReleased = true;
    for (const job of this.#jobs.values()) this.#stop(job);
    while (this.#working.size > 0) await Promise.all(this.#working);
    this.#store.close();
  }

  /** It is over at once if it waits, else once its worker has stopped it. */
  #stop(job: Job): void {
    if (job.isUnwanted || isTerminal(this.#store.currentStatus(job.id).state)) return;
    job.isUnwanted = true;
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (at >= 0 || !this.#habits.stops) {
      this.#end(job, abortStatus(job.id, this.#store.currentStatus(job.id)));
    } else if (job.at !== undefined) this.#keep(this.#stopAt(job, job.at));
  }

  #assign(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const [job, worker] = [this.#waiting.shift() as Job, this.#idle.shift() as Service];
      this.#keep(
        this.#carryOut(job, worker).then(() => {
          this.#idle.push(worker);
          this.#assign();
        }),
      );
    }
  }

  #keep(work: Promise<void>): void {
    const kept: Promise<void> = work.finally(() => this.#working.delete(kept));
    this.#working.add(kept);
  }

  async #carryOut(job: Job, worker: Service): Promise<void> {
    for (;;) {
      const runId = await this.#start(job, worker);
      if (runId === undefined) break;
      const status = await this.#watch(job, worker, runId);
      job.at = undefined;
      if (status !== undefined && (status.state !== 'ABORTED' || job.isUnwanted)) {
        // Where the logs of a job are, is the same on every worker.
        const hasRun = status.stdoutRef !== '' || this.#store.currentStatus(job.id).state === 'RUNNING';
        this.#end(job, {
          ...status,
          runId: job.id,
          ...tagsOf(job.command),
          ...(hasRun ? refsOf(job) : NO_REFS),
        });
        return;
      }
      // Its worker has forgotten it in a crash.
    }
    this.#end(job, abortStatus(job.id, this.#store.currentStatus(job.id)));
  }

  /** Starts it, or finds it started; undefined once nobody wants it. */
  async #start(job: Job, worker: Service): Promise<string | undefined> {
    for (let isFirst = true; ; isFirst = false) {
      const found = isFirst || !this.#habits.looks ? undefined : await this.#find(job, worker);
      if (found !== undefined && !isTerminal(found.state)) return this.#started(job, worker, found.runId);
      if (found !== undefined) return found.runId;
      if (job.isUnwanted) return undefined;
      try {
        const { runId } = await worker.run({ ...job.command, tag: job.id });
        return this.#started(job, worker, runId);
      } catch (error) {
        if (!isLost(error)) throw error;
        await sleep(this.#clock, RETRY_MS, 'again');
      }
    }
  }

  #started(job: Job, worker: Service, runId: string): string {
    job.at = { worker, runId };
    if (job.isUnwanted) this.#keep(this.#stopAt(job, job.at));
    return runId;
  }

  async #find(job: Job, worker: Service): Promise<RunStatus | undefined> {
    const all = await this.#untilAnswered(() => worker.statusAll());
    return all?.statuses.find(({ tag }) => tag === job.id);
  }

  /** Its end on the worker; undefined if the worker does not know it any more. No wait is long: the id may be that of another job by now. */
  async #watch(job: Job, worker: Service, runId: string): Promise<RunStatus | undefined> {
    for (let states = BEGUN; ;) {
      const found = await this.#untilAnswered(async () => {
        const met = await worker.query({ runs: [runId], states }, { timeoutMs: LOOK_MS });
        return met.statuses[0] ?? (await worker.status(runId)).status;
      });
      if (found === undefined || !this.#isOf(job, found)) return undefined;
      if (isTerminal(found.state)) return found;
      if (found.state !== 'RUNNING') continue;
      this.#running(job);
      states = DONE_MASK;
    }
  }

  #running(job: Job): void {
    if (this.#store.currentStatus(job.id).state !== 'PENDING') return;
    this.#store.update(
      runningStatus(job.id, refsOf(job).stdoutRef, refsOf(job).stderrRef, tagsOf(job.command)),
    );
  }

  /** It looks before each try: meanwhile the id may be that of another job. */
  async #stopAt(job: Job, { worker, runId }: NonNullable<Job['at']>): Promise<void> {
    await this.#untilAnswered(async () => {
      const { status } = await worker.status(runId);
      if (this.#isOf(job, status)) await worker.abort(runId);
    });
  }

  #isOf(job: Job, { tag }: RunStatus): boolean {
    return !this.#habits.knowsByTag || tag === job.id;
  }

  /** Undefined if the worker knows nothing of it. */
  async #untilAnswered<T>(ask: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) return undefined;
        if (!isLost(error)) throw error;
        await sleep(this.#clock, RETRY_MS, 'again');
      }
    }
  }

  #end(job: Job, status: RunStatus): void {
    if (!isTerminal(this.#store.currentStatus(job.id).state)) this.#store.update(status);
  }
}

const NO_REFS = { stdoutRef: '', stderrRef: '' };

function refsOf({ id }: Job): typeof NO_REFS {
  return { stdoutRef: `${id}-out`, stderrRef: `${id}-err` };
}

function isLost(error: unknown): boolean {
  return isRunnerError(error) && LOST.has(error.code);
}

/** The scheduler as a subject, careful or not. */
export function fleetSubject(habits: Partial<FleetHabits> = {}): SchedulerSubject {
  return {
    name: 'fleet',
    survives: ['lost calls', 'crashes', 'old ids'],
    startsOnce: true,
    supports: ['timeouts', 'unstartable', 'signals'],
    create: (world, workers) => new Fleet(world, workers, { ...CAREFUL, ...habits }),
  };
}

export const fleet: ScenarioDefinition<unknown> = schedulerWorkload(fleetSubject());
