/**
 * A status store used directly: runs go through their lives, with late and repeated writes and little room, while watchers wait for
 * all kinds of states with timeouts and cancels. Every wait must come to what the writer's diary says.
 */
import {
  abortStatus,
  codedError,
  completeStatus,
  createStatusesRO,
  createStatusStore,
  ExitCodeError,
  failedStatus,
  makeRunStatus,
  NO_TAGS,
  pendingStatus,
  runningStatus,
  serviceStatus,
  timeoutStatus,
} from 'dryrunner/kit';
import {
  defaultRules,
  defineScenario,
  endCause,
  isRunnerError,
  ALL_MASK,
  type RunnerErrorCode,
  type RunStatus,
  type ScenarioDefinition,
  type Simulation,
  startOrder,
  watchRuns,
} from 'dryrunner';
import { pick, pickCount, pickIndex, pickMs, rarely } from './odds.ts';
import { Watcher } from './board-watcher.ts';
import { Diary } from './diary.ts';
import { failUnexpected } from './unexpected-error.ts';

const WAITS = 1;
const ENDS: readonly ((runId: string) => RunStatus)[] = [
  (runId) => completeStatus(runId, '', 0),
  (runId) => failedStatus(runId, new ExitCodeError(250, 'lost')),
  (runId) => abortStatus(runId),
  (runId) => timeoutStatus(runId),
  (runId) =>
    makeRunStatus(
      runId,
      'UNKNOWN',
      NO_TAGS,
      { stdoutRef: '', stderrRef: '' },
      { snapshotId: '', exitCode: 0, error: '' },
    ),
];

export const statusBoard: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-status-board',
  description:
    'runs live in a status store that has little room, and watchers wait there for states of runs, with timeouts and cancels: every wait ends at once, refused if its timeout is below 0, or at the first write, timeout or cancel that calls for it, and with what was written then; a write counts before a timeout or a cancel of the same instant',
  // The runs of this writer start in no order, and end as it likes.
  options: { oracles: [watchRuns(defaultRules.filter((rule) => rule !== startOrder && rule !== endCause))] },
  async run(sim) {
    const { clock, tracer } = sim.world;
    const capacity = pickIndex(sim, 'room for runs', 3, 8, (at) => (at === 0 ? 'without limit' : at));
    const store = createStatusStore({ clock, tracer, capacity });
    const diary = new Diary(sim, store, capacity);
    const lives = Array.from({ length: pickCount(sim, 'more runs', 3) }, (_, index) =>
      live(sim, diary, `worker ${index}`),
    );
    const watchers = Array.from({ length: pickCount(sim, 'another watcher', 2) }, (_, index) =>
      new Watcher(sim, diary, `watcher ${index}`).watch(WAITS),
    );
    await Promise.all([...lives, ...watchers]);
    sim.check(
      store.waiterCount === 0,
      `${store.waiterCount} waits are still registered in the store after all of them have ended`,
    );
    const { statuses, service } = await store.statusAll();
    const ids = statuses.map(({ runId }) => runId).join();
    sim.check(
      ids === diary.runIds.join(),
      `the store keeps other runs than it should\n\nThere is room for ${capacity} in the store, whose oldest run that has ended makes room for a new one.\nExpected it to keep run ${diary.runIds.join(' and ')}, got run ${statuses.map(({ runId }) => runId).join(' and ')}.`,
    );
    if (!rarely(sim, "a remote reader asks for run 'nobody'", 25)) return;
    const copy = createStatusesRO(statuses, service);
    await refused(sim, "queryNow of run 'nobody', which does not exist,", 'RUNNER_UNKNOWN_RUN', () =>
      copy.queryNow({ runs: ['nobody'], states: ALL_MASK }),
    );
    await refused(sim, "status of run 'nobody', which does not exist,", 'RUNNER_UNKNOWN_RUN', () =>
      copy.status('nobody'),
    );
  },
});

/** One run from its creation to its end, reported by a worker that repeats itself now and then. */
async function live(sim: Simulation, diary: Diary, name: string): Promise<void> {
  const pause = (what: string, n: number): Promise<void> =>
    sim.sleep(pickMs(sim, `${name} ${what}`, n, 10, 0, 'after'), `${name} ${what}`);
  await pause('creates its run', 6);
  const runId = diary.newRun({ jobId: 'job', taskId: name, tag: '' });
  await pause('starts its run', 4);
  if (!rarely(sim, { subject: name, what: 'skips RUNNING' })) {
    diary.update(runningStatus(runId, `${name}.out`, `${name}.err`));
    if (rarely(sim, { subject: name, what: 'reports PENDING late' }, 25)) {
      await refused(
        sim,
        `an update of run ${runId} from RUNNING to PENDING`,
        'RUNNER_ILLEGAL_MOVE',
        async () => diary.store.update(pendingStatus(runId)),
      );
    }
    await pause('ends its run', 4);
  }
  if (rarely(sim, { subject: name, what: 'makes its runner sick' }, 20)) {
    diary.updateService(serviceStatus(true, false, name));
  }
  if (rarely(sim, { subject: name, what: 'fails its run without an error' }, 40)) {
    await failWithoutError(sim, runId);
  }
  const end = pick(sim, { subject: name, what: 'ends its run as' }, ENDS, 10, stateOf, 'clause');
  diary.update(end(runId));
  if (rarely(sim, { subject: name, what: 'reports the end twice' })) {
    diary.update(completeStatus(runId, '', 1));
  }
}

const stateOf = (ending: (runId: string) => RunStatus): string => ending('').state;

/** A coded error that is made from no error is none, and no run fails of it. */
async function failWithoutError(sim: Simulation, runId: string): Promise<void> {
  await refused(sim, 'codedError of no error with exit code 250', 'RUNNER_INVALID_ARGUMENT', async () =>
    failedStatus(runId, codedError(undefined, 250) as ExitCodeError),
  );
}

async function refused(
  sim: Simulation,
  call: string,
  code: RunnerErrorCode,
  action: () => Promise<unknown>,
): Promise<void> {
  let answer: unknown;
  try {
    answer = await action();
  } catch (error) {
    if (isRunnerError(error, code)) return;
    failUnexpected(sim, `${call} was not refused as it should be`, code, error);
  }
  sim.check(
    false,
    `${call} was not refused\n\nExpected ${code}, got ${answer === undefined ? 'no error' : JSON.stringify(answer)}.`,
  );
}
