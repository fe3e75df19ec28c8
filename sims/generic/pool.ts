/** A small service that has as many runs at work at once as it gets: what `atOnce` of a `ServiceSubject` is for. */
import {
  argvScript,
  type Command,
  finalStatus,
  isTerminal,
  RunnerError,
  RunRejectedError,
  type RunStatus,
  type Service,
  type Timer,
  type World,
} from 'dryrunner';
import {
  abortStatus,
  checkCommand,
  createStatusStore,
  ExitCodeError,
  failedStatus,
  HEALTHY_SERVICE_STATUS,
  makeRunStatus,
  runningStatus,
  tagsOf,
  timeoutStatus,
} from 'dryrunner/kit';

const COULD_NOT_EXEC = 240;
const NO_REFS = { stdoutRef: '', stderrRef: '' };

/** Makes such a service. */
export function createPool({ clock }: Pick<World, 'clock'>): Service {
  const store = createStatusStore({ clock, name: 'pool' });
  const timers = new Map<string, Timer[]>();
  let isReleased = false;
  store.updateService(HEALTHY_SERVICE_STATUS);
  const end = (status: RunStatus): void => {
    for (const timer of timers.get(status.runId) ?? []) timer.cancel();
    timers.delete(status.runId);
    store.update(status);
  };
  const start = (runId: string, command: Command): void => {
    const tags = tagsOf(command);
    const { timeoutMs = 0 } = command;
    const later = (what: string, ms: number, act: () => void): void => {
      if (ms < Infinity) {
        timers.set(runId, [...(timers.get(runId) ?? []), clock.timer(`pool ${what} ${runId}`, ms, act)]);
      }
    };
    try {
      const { runMs = 0, end: own = { state: 'COMPLETE', exitCode: 0 } } = argvScript(command);
      if (timeoutMs > 0) later('deadline', timeoutMs, () => end(timeoutStatus(runId, tags)));
      store.update(runningStatus(runId, `${runId}-out`, `${runId}-err`, tags));
      const outcome = { snapshotId: '', exitCode: own.exitCode, error: own.error ?? '' };
      later('end', runMs, () => end(makeRunStatus(runId, own.state, tags, NO_REFS, outcome)));
    } catch (error) {
      const text = `could not exec: ${(error as Error).message}`;
      end(failedStatus(runId, new ExitCodeError(COULD_NOT_EXEC, text), tags));
    }
  };
  return {
    async run(command) {
      checkCommand(command);
      if (isReleased) throw new RunRejectedError('RUNNER_RELEASED', 'The runner was released.');
      const own = { ...command, argv: command.argv.slice() };
      const status = store.newRun(tagsOf(own));
      timers.set(status.runId, [clock.post(`pool start ${status.runId}`, () => start(status.runId, own))]);
      return Promise.resolve(status);
    },
    async abort(runId) {
      if (isReleased) throw new RunnerError('RUNNER_RELEASED', 'The runner was released.');
      const status = store.currentStatus(runId);
      if (!isTerminal(status.state)) end(abortStatus(runId, status));
      return (await finalStatus(store, runId)).status;
    },
    release() {
      isReleased = true;
      for (const runId of timers.keys()) end(abortStatus(runId));
      store.close();
      return Promise.resolve();
    },
    query: (query, wait) => store.query(query, wait),
    queryNow: (query) => store.queryNow(query),
    status: (runId) => store.status(runId),
    statusAll: () => store.statusAll(),
  };
}
