/**
 * A worker that starts: two filers get ready or fail, each in its time, while clients ask already; then it crashes and comes back as
 * another incarnation, and clients of the first one ask the second.
 */
import {
  createSimulatedRunner,
  createVirtualFiler,
  defineScenario,
  finalStatus,
  isRunnerError,
  type ScenarioDefinition,
  type SimulatedRunner,
  type Simulation,
} from 'dryrunner';
import { pickMs, rarely } from './odds.ts';
import { errorText, failUnexpected } from './unexpected-error.ts';

const STEP_MS = 10;
/** Clients ask between the steps, so that what has happened by then is not a matter of order. */
const ASKS_MS = 5;

/** How a filer gets ready. */
interface Start {
  readonly name: string;
  readonly atMs: number;
  readonly fails: boolean;
}

export const slowStart: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-slow-start',
  description:
    'a worker gets its two filers ready, each in its time, and perhaps one fails; then it crashes and comes back with other run ids: clients are always answered as its state calls for',
  async run(sim) {
    const starts = ['scoot', 'bazel'].map((name): Start => {
      const atMs = pickMs(sim, { subject: name, what: 'takes its time' }, 3, STEP_MS, STEP_MS);
      return { name, atMs, fails: rarely(sim, { subject: name, what: 'fails' }) };
    });
    const runner = incarnation(sim, 0, starts);
    const clients = [0, 1].map((index) => askEarly(sim, runner, `client ${index}`, starts));
    await Promise.all(clients);
    const last = Math.max(...starts.map(({ atMs }) => atMs));
    await sim.sleep(Math.max(0, last + ASKS_MS - sim.now()));
    const { service } = await runner.statusAll();
    const failed = starts.filter(({ fails }) => fails);
    sim.check(
      service.initialized === (failed.length === 0),
      `the runner does not know whether its filers are ready\n\nExpected initialized to be ${failed.length === 0}, got ${service.initialized}.`,
    );
    const firstAtMs = Math.min(...failed.map(({ atMs }) => atMs));
    const first = failed.filter(({ atMs }) => atMs === firstAtMs).map(({ name }) => `${name} is broken`);
    const isReported = failed.length === 0 ? service.error === '' : first.includes(service.error);
    sim.check(
      isReported,
      `the runner does not report the error of the filer that failed first\n\nExpected "${first.join(' or ')}", got "${service.error}".`,
    );
    await comeBack(sim, runner, failed.length > 0);
  },
});

function incarnation(sim: Simulation, epoch: number, starts: readonly Start[]): SimulatedRunner {
  const parts = starts.map(({ name, atMs, fails }) => {
    const init = sim.sleep(atMs, `the start of filer ${name} is over`).then(() => {
      if (fails) throw new Error(`${name} is broken`);
    });
    return [name as 'scoot' | 'bazel', { filer: createVirtualFiler(), init }] as const;
  });
  const filers = parts.length === 0 ? {} : { filers: new Map(parts) };
  return createSimulatedRunner(sim.world, {
    name: `worker ${epoch}`,
    idPrefix: `e${epoch}-`,
    capacity: 2,
    ...filers,
  });
}

/** How far the filers are: `filer scoot has failed to start and filer bazel is ready`. */
function stateText(starts: readonly Start[], nowMs: number): string {
  const texts = starts.map(({ name, atMs, fails }) => {
    const state = atMs > nowMs ? 'is still starting' : fails ? 'has failed to start' : 'is ready';
    return `filer ${name} ${state}`;
  });
  return texts.join(' and ');
}

/** Offers a job before the worker may be ready. */
async function askEarly(
  sim: Simulation,
  runner: SimulatedRunner,
  name: string,
  starts: readonly Start[],
): Promise<void> {
  await sim.sleep(pickMs(sim, { subject: name, what: 'asks' }, 4, STEP_MS, ASKS_MS, 'at'), {
    subject: name,
    what: 'asks',
  });
  const isReady = starts.every(({ atMs }) => atMs <= sim.now());
  const isBroken = isReady && starts.some(({ fails }) => fails);
  const expected = isReady ? (isBroken ? 'RUNNER_BROKEN' : 'accepted') : 'RUNNER_INITIALIZING';
  let answer = 'accepted';
  try {
    const { runId } = await runner.run({ argv: ['sleep 10'] });
    await finalStatus(runner, runId);
  } catch (error) {
    if (!isRunnerError(error)) failUnexpected(sim, `the run of ${name} broke`, expected, error);
    answer = errorText(error);
  }
  sim.check(
    answer.startsWith(expected),
    `${name} was not answered as the state of the runner calls for\n\nBy then ${stateText(starts, sim.now())}.\nExpected ${expected}, got ${answer}.`,
  );
}

/** The worker crashes with a run, and its successor must not know that run. */
async function comeBack(sim: Simulation, runner: SimulatedRunner, isBroken: boolean): Promise<void> {
  if (isBroken) {
    await runner.release();
    return;
  }
  const { runId } = await runner.run({ argv: ['sleep 30'], tag: 'mine' });
  await sim.sleep(pickMs(sim, 'the worker crashes', 4, STEP_MS, 0, 'after'), 'the worker crashes');
  sim.note(`worker 0 crashes, and worker 1 takes its place`);
  await runner.release();
  const successor = incarnation(sim, 1, []);
  if (rarely(sim, 'somebody else is first')) {
    await successor.run({ argv: ['complete 0'], tag: 'theirs' });
  }
  try {
    const { status } = await successor.status(runId);
    sim.check(
      false,
      `who asked worker 1 for run ${runId} of worker 0 got the status of another run, that of ${status.tag}`,
    );
  } catch (error) {
    if (!isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) {
      failUnexpected(
        sim,
        `worker 1 was asked for run ${runId} of worker 0, and broke`,
        'RUNNER_UNKNOWN_RUN',
        error,
      );
    }
  }
  await successor.release();
}
