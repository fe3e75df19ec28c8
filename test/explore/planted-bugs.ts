/** Scenarios with one bug each, of the kinds that schedulers have: what shrinking and explanation are held to. */
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { Service } from '../../src/model/service.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { question } from '../../src/kernel/question.ts';

/** Starts a job again when the reply to its start was lost, without looking whether it runs. */
const doubleStart = defineScenario({
  name: 'double-start',
  description: 'no job starts twice although replies get lost',
  async run(sim) {
    const workers = ['a', 'b'].map((name) => createSimulatedRunner(sim.world, { name, history: 0 }));
    const pool = workers.map((worker, index) =>
      createChaosRunner(sim.world, worker, {
        name: `network ${index}`,
        maxDelayMs: 20,
        plan: { rates: { run: { before: 0.1, after: 0.1 }, query: { before: 0.1 } } },
      }),
    );
    const jobs = Array.from({ length: 4 }, (_, index) => `job-${index}`);
    await Promise.all(
      pool.map(async (service, index) => {
        for (const job of jobs.filter((_, at) => at % 2 === index)) {
          await startUntilAnswered(sim, service, job);
        }
      }),
    );
    const starts = new Map<string, number>();
    for (const worker of workers) {
      for (const { taskId } of (await worker.statusAll()).statuses) {
        starts.set(taskId, (starts.get(taskId) ?? 0) + 1);
      }
    }
    for (const [job, count] of starts) sim.check(count === 1, `${job} was started ${count} times`);
    for (const service of pool) await service.release();
  },
});

async function startUntilAnswered(sim: Simulation, service: Service, job: string): Promise<void> {
  for (;;) {
    try {
      const { runId } = await service.run({ argv: ['sleep 30', 'complete 0'], taskId: job });
      await settled(sim, service, runId);
      return;
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_INJECTED_FAULT') && !isRunnerError(error, 'RUNNER_BUSY')) throw error;
      await sim.sleep(100);
    }
  }
}

async function settled(sim: Simulation, service: Service, runId: string): Promise<void> {
  for (;;) {
    try {
      await finalStatus(service, runId);
      return;
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_INJECTED_FAULT')) throw error;
      await sim.sleep(100);
    }
  }
}

/** Believes that who aborts first wins against a deadline at the same instant. */
const abortWins = defineScenario({
  name: 'abort-wins',
  description: 'a run that is aborted at its deadline is never TIMEDOUT, or so its author believes',
  async run(sim) {
    const worker = createSimulatedRunner(sim.world, { name: 'worker', capacity: 3 });
    for (let round = 0; round < 8; round += 1) {
      const { runId } = await worker.run({ argv: ['sleep 80', 'complete 0'], timeoutMs: 50 });
      await sim.sleep(sim.choose(`patience in round ${round}`, 3) * 25);
      const { state } = await worker.abort(runId);
      sim.check(state !== 'TIMEDOUT', `run ${runId} was aborted and is ${state}`);
    }
    await worker.release();
  },
});

/** Takes for granted that messages arrive in the order in which they were sent. */
const overtaken = defineScenario({
  name: 'overtaken',
  description: 'jobs start in the order of their submission',
  async run(sim) {
    const worker = createSimulatedRunner(sim.world, { name: 'worker', capacity: 9, history: 0 });
    const network = createChaosRunner(sim.world, worker, { name: 'network', maxDelayMs: 40, delaySteps: 40 });
    const runs: Promise<unknown>[] = [];
    for (let index = 0; index < 5; index += 1) {
      runs.push(network.run({ argv: ['complete 0'], taskId: `job-${index}` }));
      await sim.sleep(10);
    }
    await Promise.all(runs);
    const order = (await worker.statusAll()).statuses.map(({ taskId }) => taskId);
    sim.check(order.join() === [...order].sort().join(), 'a job overtook one that was submitted before it');
    await network.release();
  },
});

/** Two clients that take two locks in opposite order. */
const crossedLocks = defineScenario({
  name: 'crossed-locks',
  description: 'four clients work with two locks and all come to an end',
  async run(sim) {
    const locks = [new Lock(), new Lock()] as const;
    const client = async (name: number): Promise<void> => {
      const [first, second] = name % 2 === 0 ? locks : ([locks[1], locks[0]] as const);
      await sim.sleep(
        sim.world.choices.choose(question('delay', { subject: `client ${name}`, what: 'thinks' }), 10),
      );
      await first.take();
      await sim.sleep(2);
      await second.take();
      await sim.sleep(1);
      second.give();
      first.give();
    };
    await Promise.all([
      client(0),
      sim.sleep(4).then(() => client(1)),
      sim.sleep(12).then(() => client(2)),
      sim.sleep(30).then(() => client(3)),
    ]);
  },
});

class Lock {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  async take(): Promise<void> {
    if (this.#isTaken) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#isTaken = true;
  }

  give(): void {
    this.#isTaken = false;
    this.#waiting.shift()?.();
  }
}

/** A leader whose lease has run out while it was paused still writes. */
const staleLeader = defineScenario({
  name: 'stale-leader',
  description: 'only the holder of the lease writes',
  async run(sim) {
    let holder = '';
    const lead = async (name: string, beginsMs: number): Promise<void> => {
      await sim.sleep(beginsMs);
      for (let term = 0; term < 4; term += 1) {
        if (holder !== '') {
          await sim.sleep(7);
          continue;
        }
        holder = name;
        const expiry = sim.world.clock.timer(`${name} lease ${term}`, 10, () => {
          if (holder === name) holder = '';
        });
        await sim.sleep(
          sim.world.choices.choose(
            question('fault', { owner: name, what: 'pause', subject: String(term) }),
            6,
          ) * 5,
        );
        sim.check(holder === name, `${name} wrote although the lease of its term ${term} is with another`);
        expiry.cancel();
        holder = '';
        await sim.sleep(3);
      }
    };
    await Promise.all([lead('left', 0), lead('right', 1)]);
  },
});

/** Two faults are needed: the first makes it look, the second makes it give up. */
const forgotten = defineScenario({
  name: 'forgotten',
  description: 'every job ends, although some calls fail',
  async run(sim) {
    const worker = createSimulatedRunner(sim.world, { name: 'worker', capacity: 9, history: 0 });
    const network = createChaosRunner(sim.world, worker, {
      name: 'network',
      plan: { rates: { run: { before: 0.2 }, statusAll: { before: 0.2 } } },
    });
    const ended: string[] = [];
    for (let index = 0; index < 6; index += 1) {
      try {
        await network.run({ argv: ['complete 0'], taskId: `job-${index}` });
      } catch {
        try {
          await network.statusAll();
        } catch {
          continue;
        }
        await worker.run({ argv: ['complete 0'], taskId: `job-${index}` });
      }
      ended.push(`job-${index}`);
    }
    sim.check(ended.length === 6, `${6 - ended.length} jobs were forgotten`);
    await network.release();
  },
});

/** Numbers that must add up: the answer may be split between them in many ways. */
const overload = defineScenario({
  name: 'overload',
  description: 'the jobs never need more than 40 slots',
  run(sim) {
    const count = 1 + sim.choose('how many jobs', 6);
    let slots = 0;
    for (let job = 0; job < count; job += 1) slots += sim.choose(`slots of job ${job}`, 16);
    sim.check(slots <= 40, `${slots} slots are too many`);
  },
});

/** All of them. */
export const plantedBugs: readonly ScenarioDefinition[] = [
  doubleStart,
  abortWins,
  overtaken,
  crossedLocks,
  staleLeader,
  forgotten,
  overload,
] as readonly ScenarioDefinition[];
