/**
 * A small scheduler for single-slot runners that lose replies: what a scheduler author would plug in instead of this one. Invariant:
 * a job is started once, however often its runner's answers get lost, because a lost reply is settled by looking before starting again.
 */
import {
  finalStatus,
  isRunnerError,
  type Command,
  type RunStatus,
  type Service,
  type Simulation,
} from 'dryrunner';

/** A job: what to run, and when it comes. */
export interface Job {
  readonly id: string;
  readonly arrivalMs: number;
  readonly command: Command;
}

/** How a job ended, and where it ran. */
export interface FinishedJob {
  readonly job: Job;
  readonly status: RunStatus;
}

const RETRY_MS = 1_000;

/** Runs every job on some runner of the pool, first come first served. Resolves when all have ended. */
export async function schedule(
  sim: Simulation,
  pool: readonly Service[],
  jobs: readonly Job[],
): Promise<FinishedJob[]> {
  const finished: FinishedJob[] = [];
  const waiting = [...jobs].sort((a, b) => a.arrivalMs - b.arrivalMs);
  await Promise.all(
    pool.map(async (runner) => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        await sim.sleep(Math.max(0, job.arrivalMs - sim.now()));
        finished.push({ job, status: await runToItsEnd(sim, runner, job) });
      }
    }),
  );
  return finished;
}

async function runToItsEnd(sim: Simulation, runner: Service, job: Job): Promise<RunStatus> {
  const { runId } = await start(sim, runner, job);
  const { status } = await untilAnswered(sim, () => finalStatus(runner, runId));
  return status;
}

/** Starts the job, or finds it started: the reply to an earlier attempt may have been lost after the work was done. */
async function start(sim: Simulation, runner: Service, job: Job): Promise<RunStatus> {
  for (;;) {
    try {
      return await runner.run(job.command);
    } catch (error) {
      if (!isTransient(error)) throw error;
      const { statuses } = await untilAnswered(sim, () => runner.statusAll());
      const started = statuses.find(({ taskId }) => taskId === job.id);
      if (started !== undefined) return started;
      await sim.sleep(RETRY_MS);
    }
  }
}

async function untilAnswered<T>(sim: Simulation, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await sim.sleep(RETRY_MS);
    }
  }
}

function isTransient(error: unknown): boolean {
  return isRunnerError(error, 'RUNNER_INJECTED_FAULT') || isRunnerError(error, 'RUNNER_BUSY');
}
