/** Commands that wait: for an end with a limit or without, and the waits that end in another way. */
import { isRunnerError } from '../kernel/errors.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID } from '../model/run-status.ts';
import { DONE_MASK, PENDING_MASK, RUNNING_MASK } from '../model/state-mask.ts';
import { waitForever } from '../model/query.ts';
import { answered, later, LONG_WAIT_MS, RunnerCommandBase, type CommandedRunner } from './runner-command.ts';
import { ContractBrokenError, type RunnerModel } from './runner-model.ts';

export class WaitForEnd extends RunnerCommandBase {
  readonly #index: number;
  readonly #timeoutMs: number;

  constructor(index: number, timeoutMs: number) {
    super();
    this.#index = index;
    this.#timeoutMs = timeoutMs;
  }

  override check(model: Readonly<RunnerModel>): boolean {
    return model.runAt(this.#index) !== undefined;
  }

  async run(model: RunnerModel, { service, sim }: CommandedRunner): Promise<void> {
    // A wait that is worth its time, for a run that is not over.
    const run = this.#timeoutMs > 0 ? model.openAt(this.#index) : model.runAt(this.#index);
    if (run === undefined) return;
    const startedAt = sim.now();
    try {
      const result = await answered(
        service.query({ runs: [run.runId], states: DONE_MASK }, { timeoutMs: this.#timeoutMs }),
      );
      result?.statuses.forEach((status) => model.saw(status));
      if (result?.statuses.length === 0 && sim.now() - startedAt < this.#timeoutMs) {
        throw new ContractBrokenError(
          'R31',
          `a wait of ${this.#timeoutMs} ms gave up after ${sim.now() - startedAt} ms`,
        );
      }
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_RELEASED') || !model.isReleased) throw error;
    }
  }

  toString(): string {
    return `wait(run ${this.#index}, ${this.#timeoutMs} ms)`;
  }
}

/** Waits for the end of a run without limit, if it is sure to come. */
export class Finish extends RunnerCommandBase {
  readonly #index: number;

  constructor(index: number) {
    super();
    this.#index = index;
  }

  override check(model: Readonly<RunnerModel>): boolean {
    return model.runAt(this.#index) !== undefined;
  }

  async run(model: RunnerModel, real: CommandedRunner): Promise<void> {
    const run = model.runAt(this.#index);
    if (run !== undefined) await finish(model, real, run.runId);
  }

  toString(): string {
    return `finish(run ${this.#index})`;
  }
}

/** The end of a run, unless nobody can be sure that it comes: behind chaos there may be runs that nobody knows of. */
export async function finish(
  model: RunnerModel,
  { service, chaos }: CommandedRunner,
  runId: RunID,
): Promise<void> {
  if (!model.isSureToEnd(runId)) return;
  const wait = chaos === undefined ? waitForever() : { timeoutMs: LONG_WAIT_MS };
  const result = await answered(service.query({ runs: [runId], states: DONE_MASK }, wait));
  result?.statuses.forEach((status) => model.saw(status));
}

/** Waits until the first run that is not over runs, and gives its id; undefined if none does. */
export async function firstActive(
  model: RunnerModel,
  { service }: CommandedRunner,
): Promise<RunID | undefined> {
  const all = await answered(service.statusAll());
  all?.statuses.forEach((status) => model.saw(status));
  const first = all?.statuses.find(({ state }) => !isTerminal(state));
  if (first === undefined) return undefined;
  try {
    const query = { runs: [first.runId], states: RUNNING_MASK };
    const active = await answered(service.query(query, { timeoutMs: LONG_WAIT_MS }));
    active?.statuses.forEach((status) => model.saw(status));
    return active?.statuses[0]?.runId;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_CANNOT_HAPPEN') || isRunnerError(error, 'RUNNER_RELEASED')) {
      return undefined;
    }
    throw error;
  }
}

/** How a wait of {@link OddWait} goes. */
type OddKind = 'cancelled' | 'for RUNNING' | 'for a new run';

/** All of them. */
export const ODD_KINDS: readonly OddKind[] = Object.freeze([
  'cancelled',
  'for RUNNING',
  'for a new run',
] as const);

/** A wait that is given up, cannot be met, or outlasts the runner. */
export class OddWait extends RunnerCommandBase {
  readonly #index: number;
  readonly #kind: OddKind;

  constructor(index: number, kind: OddKind) {
    super();
    this.#index = index;
    this.#kind = kind;
  }

  override check(model: Readonly<RunnerModel>): boolean {
    return model.runAt(this.#index) !== undefined;
  }

  run(model: RunnerModel, real: CommandedRunner): Promise<void> {
    const run = this.#kind === 'cancelled' ? model.openAt(this.#index) : model.runAt(this.#index);
    if (run !== undefined) later(real, this.#wait(model, real, run.runId));
    return Promise.resolve();
  }

  async #wait(model: RunnerModel, { service, sim }: CommandedRunner, runId: RunID): Promise<void> {
    const stop = new AbortController();
    const giveUp = (): void => {
      if (this.#kind === 'cancelled') stop.abort();
    };
    const timer = sim.world.clock.timer('cancel a wait', 1, giveUp);
    const query =
      this.#kind === 'for a new run'
        ? { allRuns: true, states: PENDING_MASK }
        : { runs: [runId], states: this.#kind === 'cancelled' ? DONE_MASK : RUNNING_MASK };
    const wait = { timeoutMs: LONG_WAIT_MS, signal: stop.signal };
    try {
      const result = await answered(service.query(query, wait));
      // A new run may be seen here before its caller knows its id.
      const known = result?.statuses.filter((status) => model.runIds.includes(status.runId)) ?? [];
      known.forEach((status) => model.saw(status));
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_RELEASED') && model.isReleased) return;
      if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED') && stop.signal.aborted) return;
      if (!isRunnerError(error, 'RUNNER_CANNOT_HAPPEN')) throw error;
      const now = await answered(service.status(runId));
      if (now !== undefined && !isTerminal(now.status.state)) {
        throw new ContractBrokenError(
          'R36',
          `a wait for run ${runId} was given up, which is ${now.status.state}`,
        );
      }
    } finally {
      timer.cancel();
    }
  }

  toString(): string {
    return `wait ${this.#kind}(run ${this.#index})`;
  }
}
