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
import { pick, pickIndex, pickMs, rarely } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';

const STEP_MS = 10;
const PERIODS_MS: readonly number[] = [5, 15, 40];
const TIMEOUTS_MS: readonly number[] = [120, 0, 15, 30, 60];

export const remotePoller: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-remote-poller',
  description:
    'a client that waits for the end of a run by polling is answered by its timeout, at the moment of a cancel, and with what is true then',
  // A poller that never pauses would go on for ever.
  options: { maxEvents: 5_000 },
  async run(sim) {
    const runner = createSimulatedRunner(sim.world, { capacity: 2, history: 4 });
    const periodMs = pick(sim, 'period', PERIODS_MS, 1, (ms) => `${ms} ms from poll to poll`);
    const remote = createPollingService(sim.world, runner, runner, { periodMs });
    const clients = Array.from({ length: rarely(sim, 'another client', 5) ? 2 : 1 }, (_, index) =>
      waitOnce(sim, remote, `client ${index}`),
    );
    await Promise.all(clients);
    await remote.release();
  },
});

const msText = (ms: number): string => `${ms} ms`;
const cancelText = (at: number): string => (at === 0 ? 'never' : `after ${msText(at * STEP_MS)}`);

/** How a wait ended: with a status, without any, or by its cancel. */
function endText(answer: QueryResult | undefined): string {
  if (answer === undefined) return 'ends by its cancel';
  const [status] = answer.statuses;
  return status === undefined
    ? 'ends with no status, as after a timeout'
    : `ends with run ${status.runId} ${status.state}`;
}

async function waitOnce(sim: Simulation, remote: Service, name: string): Promise<void> {
  const runMs = pickMs(sim, { subject: name, what: 'runs' }, 6, STEP_MS, STEP_MS, 'a command of');
  const { runId } = await remote.run({ argv: [`sleep ${runMs}`] });
  const timeoutMs = pick(
    sim,
    { subject: name, what: 'waits' },
    TIMEOUTS_MS,
    12,
    (ms) => `for ${msText(ms)} at most`,
    'clause',
  );
  const cancelMs =
    pickIndex(sim, { subject: name, what: 'cancels its wait' }, 4, 20, cancelText, 'clause') * STEP_MS;
  const beganAtMs = sim.now();
  const stop = new AbortController();
  const timer =
    cancelMs === 0
      ? undefined
      : sim.world.clock.timer({ subject: name, what: 'cancels its wait' }, cancelMs, () => {
          stop.abort();
        });
  let answer: QueryResult | undefined;
  try {
    answer = await remote.query({ runs: [runId], states: DONE_MASK }, { timeoutMs, signal: stop.signal });
  } catch (error) {
    if (!isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) {
      failUnexpected(sim, `the wait of ${name} broke`, 'an answer, or RUNNER_WAIT_CANCELLED', error);
    }
  }
  timer?.cancel();
  sim.note(`the wait of ${name} ${endText(answer)}`);
  const durationMs = sim.now() - beganAtMs;
  const limitMs = answer === undefined ? cancelMs : timeoutMs;
  sim.check(
    durationMs <= limitMs,
    `${name} was answered too late\n\nIts timeout was ${timeoutMs} ms${cancelMs > 0 ? `, and it cancelled its wait after ${cancelMs} ms` : ''}.\nExpected an answer after at most ${limitMs} ms, got it after ${durationMs} ms.`,
  );
  if (answer === undefined) return;
  sim.check(
    answer.service.isHealthy,
    `${name} was answered with the status of a sick runner, and the runner is healthy\n\nExpected a service status that is initialized and healthy, got ${JSON.stringify(answer.service)}.`,
  );
  const { status } = await remote.status(runId);
  // With a timeout the last poll comes after all else of its instant; without one it comes when it comes.
  sim.check(
    answer.statuses.length > 0 || timeoutMs === 0 || status.state !== 'COMPLETE',
    `${name} was answered at its timeout that run ${runId} goes on, and it had ended by then\n\nThe timeout was ${timeoutMs} ms, it was answered after ${durationMs} ms.`,
  );
  await remote.abort(runId);
}
