/** A client that can only ask how things stand now waits for runs by polling: in time, without a hot loop, and with the latest news. */
import {
  createPollingService,
  createSimulatedRunner,
  defineScenario,
  DONE_MASK,
  isRunnerError,
  type QueryResult,
  type ScenarioDefinition,
  type Service,
  type Simulation,
} from 'dryrunner';
import { pick, pickIndex, rarely } from './odds.ts';

const STEP_MS = 10;
const PERIODS_MS: readonly number[] = [5, 15, 40];
const TIMEOUTS_MS: readonly number[] = [120, 0, 15, 30, 60];

export const remotePoller: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-remote-poller',
  description: 'who waits by polling is answered by the deadline, with what is true at the deadline',
  // A poller that never pauses would go on for ever.
  options: { maxEvents: 5_000 },
  async run(sim) {
    const runner = createSimulatedRunner(sim.world, { capacity: 2, history: 4 });
    const periodMs = pick(sim, 'period', PERIODS_MS, 1);
    const remote = createPollingService(sim.world, runner, runner, { periodMs });
    const clients = Array.from({ length: rarely(sim, 'another client', 5) ? 2 : 1 }, (_, index) =>
      waitOnce(sim, remote, `client ${index}`),
    );
    await Promise.all(clients);
    await remote.release();
  },
});

async function waitOnce(sim: Simulation, remote: Service, name: string): Promise<void> {
  const choose = (what: string, n: number): number => sim.choose(`${name} ${what}`, n);
  const runMs = (1 + choose('runs', 6)) * STEP_MS;
  const { runId } = await remote.run({ argv: [`sleep ${runMs}`] });
  const timeoutMs = pick(sim, `${name} waits`, TIMEOUTS_MS, 12);
  const cancelMs = pickIndex(sim, `${name} gives up`, 4, 20) * STEP_MS;
  const beganAtMs = sim.now();
  const stop = new AbortController();
  const timer = sim.world.clock.timer(`${name} gives up`, cancelMs, () => {
    if (cancelMs > 0) stop.abort();
  });
  let answer: QueryResult | undefined;
  try {
    answer = await remote.query({ runs: [runId], states: DONE_MASK }, { timeoutMs, signal: stop.signal });
  } catch (error) {
    if (!isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) throw error;
  }
  timer.cancel();
  const tookMs = sim.now() - beganAtMs;
  const limitMs = answer === undefined ? cancelMs : timeoutMs;
  sim.check(tookMs <= limitMs, `${name} was answered after ${tookMs} ms, ${limitMs} were expected`);
  if (answer === undefined) return;
  sim.check(answer.service.isHealthy, `${name} was told that the runner is sick`);
  const { status } = await remote.status(runId);
  // With a timeout the last poll comes after all else of its instant; without one it comes when it comes.
  sim.check(
    answer.statuses.length > 0 || timeoutMs === 0 || status.state !== 'COMPLETE',
    `${name} was told after ${tookMs} ms that run ${runId} goes on, and it has ended`,
  );
  await remote.abort(runId);
}
