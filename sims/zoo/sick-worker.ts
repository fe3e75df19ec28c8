/**
 * A worker whose machine may be broken: checkouts fail, memory is short, commands exit with codes that look like the machinery's. Its
 * dispatcher keeps its own account of the worker's health, and must find it confirmed with every status that it sees.
 */
import {
  type Checkout,
  composeFiler,
  createMemoryMetrics,
  createSimulatedRunner,
  createVirtualFiler,
  defineScenario,
  type Filer,
  finalStatus,
  isRunnerError,
  METRIC_NAMES,
  type RunStatus,
  type ScenarioDefinition,
  type SimulatedRunner,
  type Simulation,
  type StatusResult,
} from 'dryrunner';
import { createSimExecer, ExitCodeError, WORKER_UNHEALTHY_MSG } from 'dryrunner/kit';
import { pick, pickIndex } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';

const BATCHES = 2;
const BATCH = 3;
/** Longer than any job takes. */
const LOOK_AGAIN_MS = 100;

interface Job {
  readonly argv: readonly string[];
  readonly snapshotId?: string;
}

const JOBS: readonly Job[] = [
  { argv: ['complete 0'] },
  { argv: ['sleep 10', 'complete 241'] },
  { argv: ['complete 211'] },
  { argv: ['complete 0'], snapshotId: 'broken 211' },
  { argv: ['complete 0'], snapshotId: 'broken 212' },
  { argv: ['sleep 20'], snapshotId: 'good' },
  { argv: ['mem 500', 'sleep 10'] },
];

export const sickWorker: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-sick-worker',
  description:
    'a worker must call itself sick once a process begins over its memory cap, or two checkouts in a row fail in the same way, whatever runs were aborted between them: it is sick when the run that made it so has ended, and then takes no more runs and lets nobody wait',
  async run(sim) {
    const { clock, tracer } = sim.world;
    const metrics = createMemoryMetrics({ clock, tracer, name: 'runner' });
    const runner = createSimulatedRunner(sim.world, {
      capacity: BATCH,
      metrics,
      filers: new Map([['scoot', { filer: breakableFiler() }]]),
      execer: createSimExecer({ clock, tracer, memoryCapBytes: 100 }),
    });
    const dispatcher = new Dispatcher(sim, runner);
    for (let batch = 0; batch < BATCHES; batch += 1) await dispatcher.runBatch(`batch ${batch}`);
    const gauge = metrics.value(METRIC_NAMES.UNHEALTHY);
    sim.check(
      gauge === (dispatcher.isHealthy ? 0 : 1),
      `the gauge of unhealthy workers is wrong\n\nExpected ${dispatcher.isHealthy ? 0 : 1}, got ${gauge}.`,
    );
    await runner.release();
  },
});

/** Fails to check out what is named after an exit code. */
function breakableFiler(): Filer {
  const files = createVirtualFiler();
  return composeFiler({
    checkouter: {
      checkout: (id): Checkout => {
        const [word, code] = id.split(' ');
        if (word === 'broken') throw new ExitCodeError(Number(code), 'the disk is full');
        return files.checkout(id);
      },
      checkoutAt: (id, dir) => files.checkoutAt(id, dir),
    },
    ingester: files,
    updater: files,
  });
}

function jobText({ argv, snapshotId = '' }: Job): string {
  return `${JSON.stringify(argv)}${snapshotId === '' ? '' : ` with a snapshot that is ${snapshotId}`}`;
}

const abortText = (step: number): string => (step === 0 ? 'never' : `after ${(step - 1) * 10} ms`);

const healthText = (isHealthy: boolean): string => (isHealthy ? 'healthy' : 'sick');

class Dispatcher {
  isHealthy = true;
  readonly #sim: Simulation;
  readonly #runner: SimulatedRunner;
  #lastCode = 0;
  /** Why the dispatcher takes the worker for what it does. */
  #why = 'Nothing has happened that makes a worker sick.';

  constructor(sim: Simulation, runner: SimulatedRunner) {
    this.#sim = sim;
    this.#runner = runner;
  }

  /** Offers some jobs at once and sees them through in their order. */
  async runBatch(name: string): Promise<void> {
    const ends: Promise<StatusResult>[] = [];
    for (
      let index = 0;
      index <= this.#sim.choose({ subject: name, what: 'has more jobs' }, BATCH, (more) => `${more} more`);
      index += 1
    ) {
      const label = `${name} job ${index}`;
      const job = pick(this.#sim, label, JOBS, 12, jobText);
      const accepted = await this.#offer(job);
      if (accepted === undefined) break;
      ends.push(this.#seeThrough(label, accepted.runId));
    }
    for (const end of ends) {
      const { status, service } = await end;
      // One that was aborted in the queue ended before those ahead of it.
      if (status.state === 'ABORTED') continue;
      this.#judge(status);
      if (service.isHealthy !== this.isHealthy) await this.#failHealth(status, service.isHealthy);
    }
  }

  /** Fails, and says whether the worker calls itself what it should a while later. */
  async #failHealth({ runId }: RunStatus, isHealthy: boolean): Promise<void> {
    const endedAtMs = this.#sim.now();
    await this.#sim.sleep(LOOK_AGAIN_MS, 'another look at the worker');
    const later = (await this.#runner.statusAll()).service.isHealthy;
    this.#sim.check(
      false,
      `run ${runId} has ended, and the worker calls itself ${healthText(isHealthy)}\n\n${this.#why}\nExpected ${healthText(this.isHealthy)} with the status of run ${runId}, at ${endedAtMs} ms, got ${healthText(isHealthy)}; after ${LOOK_AGAIN_MS} ms more it is ${healthText(later)}.`,
    );
  }

  /** A sick worker takes nothing, and one with room takes everything. */
  async #offer(job: Job): Promise<RunStatus | undefined> {
    const wasHealthy = this.isHealthy;
    try {
      const accepted = await this.#runner.run(job);
      this.#sim.check(wasHealthy, `run ${accepted.runId} was accepted by a sick worker`);
      return accepted;
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_UNHEALTHY')) return undefined;
      failUnexpected(
        this.#sim,
        'a run was neither accepted nor refused by a sick worker',
        wasHealthy ? 'an accepted run, or RUNNER_UNHEALTHY' : 'RUNNER_UNHEALTHY',
        error,
      );
    }
  }

  async #seeThrough(label: string, runId: string): Promise<StatusResult> {
    const end = finalStatus(this.#runner, runId);
    const step = pickIndex(this.#sim, { subject: label, what: 'is aborted' }, 3, 10, abortText, 'clause');
    if (step === 0) return end;
    await this.#sim.sleep((step - 1) * 10, { subject: label, what: 'is aborted' });
    await this.#runner.abort(runId);
    return end;
  }

  /** Over memory at the start once, or the same failure of a checkout twice in a row; an abort says nothing about the machine. */
  #judge({ state, exitCode, error }: RunStatus): void {
    if (error === WORKER_UNHEALTHY_MSG) return;
    const code = state === 'FAILED' ? exitCode : 0;
    const isRepeated = code === this.#lastCode && (code === 211 || code === 212);
    if (code === 241) this.#why = 'A process has begun over its memory cap (exit code 241).';
    else if (isRepeated) {
      this.#why = `Two checkouts in a row have failed with exit code ${code}; runs that were aborted between them do not count.`;
    }
    if (code === 241 || isRepeated) this.isHealthy = false;
    this.#lastCode = code;
  }
}
