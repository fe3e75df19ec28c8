/** Replies are lost after the work was done: a scheduler that looks before it starts again starts every job once. */
import {
  createChaosRunner,
  createSimulatedRunner,
  defineScenario,
  type ScenarioDefinition,
  type Command,
} from 'dryrunner';
import { schedule, type Job } from './pool-scheduler.ts';

export const lostReply: ScenarioDefinition = defineScenario<unknown>({
  name: 'lost-reply',
  description:
    'a third of the replies to run are lost, before or after the start: no job starts twice, none is forgotten',
  async run(sim) {
    const starts = new Map<string, number>();
    const jobs: Job[] = Array.from({ length: 12 }, (_, index) => {
      const command: Command = {
        argv: [`sleep ${100 * (index % 4)}`, `complete ${index}`],
        taskId: `job-${index}`,
      };
      return { id: `job-${index}`, arrivalMs: 40 * index, command };
    });
    const runners = ['a', 'b', 'c'].map((name) => createSimulatedRunner(sim.world, { name, history: 4 }));
    const pool = runners.map((runner, index) =>
      createChaosRunner(sim.world, runner, {
        name: `network ${index}`,
        maxDelayMs: 20,
        plan: {
          rates: {
            run: { before: 0.1, after: 0.2 },
            statusAll: { before: 0.2, after: 0.2 },
            query: { before: 0.1 },
          },
        },
      }),
    );
    const finished = await schedule(sim, pool, jobs);
    for (const runner of runners) {
      for (const { taskId } of (await runner.statusAll()).statuses) {
        starts.set(taskId, (starts.get(taskId) ?? 0) + 1);
      }
    }
    for (const [taskId, count] of starts) sim.check(count === 1, `${taskId} was started ${count} times`);
    for (const { job, status } of finished) {
      sim.check(status.taskId === job.id, `${job.id} got the status of ${status.taskId}`);
      sim.check(
        `complete ${status.exitCode}` === job.command.argv[1],
        `${job.id} ended with exit code ${status.exitCode}`,
      );
    }
    sim.check(finished.length === jobs.length, `${jobs.length - finished.length} jobs were forgotten`);
    for (const runner of pool) await runner.release();
  },
});
