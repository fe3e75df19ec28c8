/** Commands that wait: for an end, with or without a limit, and for what ends a wait in another way. */
import { isRunnerError } from '../kernel/errors.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { DONE_MASK, maskMatches, PENDING_MASK, RUNNING_MASK } from '../model/state-mask.ts';
import { type Query, waitForever } from '../model/query.ts';
import {
  answered,
  later,
  LONG_WAIT_MS,
  runnerCommand,
  type CommandedRunner,
  type RunnerCommand,
} from './runner-command.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import type { RunnerModel } from './runner-model.ts';

const hasRun =
  (index: number) =>
  (model: Readonly<RunnerModel>): boolean =>
    model.runAt(index) !== undefined;

/** Waits for the end of a run, for at most `timeoutMs`. */
export function waitForEnd(index: number, timeoutMs: number): RunnerCommand {
  const wait: RunnerCommand['run'] = async (model, { service, world }) => {
    // A wait with a timeout is worth its time only for a run that is not over.
    const run = timeoutMs > 0 ? model.openAt(index) : model.runAt(index);
    if (run === undefined) return;
    const [startedAt, since] = [world.clock.now(), model.mark()];
    try {
      const query = { runs: [run.runId], states: DONE_MASK };
      const result = await answered(service.query(query, { timeoutMs }));
      result?.statuses.forEach((status) => model.saw(status, since));
      const waitedMs = world.clock.now() - startedAt;
      if (result?.statuses.length === 0 && waitedMs < timeoutMs) {
        throw new ContractBrokenError('R31', `a wait of ${timeoutMs} ms gave up after ${waitedMs} ms`);
      }
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_RELEASED') || !model.isReleased) throw error;
    }
  };
  return runnerCommand(`wait(run ${index}, ${timeoutMs} ms)`, wait, hasRun(index));
}

/** Waits without limit for the end of a run, if it is sure to come. */
export function finishing(index: number): RunnerCommand {
  const run: RunnerCommand['run'] = async (model, real) => {
    const found = model.runAt(index);
    if (found !== undefined) await finish(model, real, found.runId);
  };
  return runnerCommand(`finish(run ${index})`, run, hasRun(index));
}

/** Waits for the end of a run if it is certain to come: behind chaos there may be runs that the model does not know. */
export async function finish(
  model: RunnerModel,
  { service, chaos }: CommandedRunner,
  runId: RunID,
): Promise<void> {
  if (!model.isSureToEnd(runId)) return;
  const wait = chaos === undefined ? waitForever() : { timeoutMs: LONG_WAIT_MS };
  const since = model.mark();
  const result = await answered(service.query({ runs: [runId], states: DONE_MASK }, wait));
  result?.statuses.forEach((status) => model.saw(status, since));
}

/** Waits until the first run that is not over is RUNNING, and resolves with its id; undefined if none does. */
export async function firstActive(
  model: RunnerModel,
  { service }: CommandedRunner,
): Promise<RunID | undefined> {
  const askedAt = model.mark();
  const all = await answered(service.statusAll());
  if (all !== undefined) model.sawTogether('statusAll', all.statuses, askedAt);
  const first = all?.statuses.find(({ state }) => !isTerminal(state));
  if (first === undefined) return undefined;
  const query = { runs: [first.runId], states: RUNNING_MASK };
  const since = model.mark();
  try {
    const active = await answered(service.query(query, { timeoutMs: LONG_WAIT_MS }));
    active?.statuses.forEach((status) => model.saw(status, since));
    return active?.statuses[0]?.runId;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_RELEASED') && model.isReleased) return undefined;
    if (!isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) throw error;
    await requireHopeless(query, service);
    return undefined;
  }
}

/**
 * Judges a wait that was given up as one that can no longer be met (R36): all its runs must be over, in other states.
 * For a wait on all runs a new one can always come.
 */
async function requireHopeless({ runs, states }: Query, service: Service): Promise<void> {
  if (runs === undefined) {
    throw new ContractBrokenError('R36', 'a wait for any run was given up, but a new run can always come');
  }
  for (const runId of runs) {
    const now = await answered(service.status(runId));
    if (now === undefined) continue;
    const { state } = now.status;
    if (isTerminal(state) && !maskMatches(states, state)) continue;
    throw new ContractBrokenError('R36', `a wait for run ${runId} was given up, which is ${state}`);
  }
}

/** What ends the wait of {@link unusualWait}. */
type UnusualWait = 'cancelled' | 'for RUNNING' | 'for a new run';

/** All kinds of such waits. */
export const UNUSUAL_WAITS: readonly UnusualWait[] = Object.freeze([
  'cancelled',
  'for RUNNING',
  'for a new run',
] as const);

/** A wait that is cancelled, cannot be met, or outlasts the runner. */
export function unusualWait(index: number, kind: UnusualWait): RunnerCommand {
  const run: RunnerCommand['run'] = (model, real) => {
    const found = kind === 'cancelled' ? model.openAt(index) : model.runAt(index);
    if (found !== undefined) later(real, waitUnusually(kind, model, real, found.runId));
    return Promise.resolve();
  };
  return runnerCommand(`wait ${kind}(run ${index})`, run, hasRun(index));
}

async function waitUnusually(
  kind: UnusualWait,
  model: RunnerModel,
  { service, world }: CommandedRunner,
  runId: RunID,
): Promise<void> {
  const isCancelled = kind === 'cancelled';
  const stop = new AbortController();
  const timer = world.clock.timer('cancel a wait', 1, () => {
    if (isCancelled) stop.abort();
  });
  const query: Query =
    kind === 'for a new run'
      ? { allRuns: true, states: PENDING_MASK }
      : { runs: [runId], states: isCancelled ? DONE_MASK : RUNNING_MASK };
  const wait = { timeoutMs: LONG_WAIT_MS, signal: stop.signal };
  const since = model.mark();
  try {
    const result = await answered(service.query(query, wait));
    // A new run may be seen here before its caller knows its id.
    const known = result?.statuses.filter((status) => model.runIds.includes(status.runId)) ?? [];
    known.forEach((status) => model.saw(status, since));
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_RELEASED') && model.isReleased) return;
    if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED') && stop.signal.aborted) return;
    if (!isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) throw error;
    await requireHopeless(query, service);
  } finally {
    timer.cancel();
  }
}
