/**
 * A runner that misbehaves on purpose around another one: late, failing, forgetful or stuck (R147–R153). Invariant: without settings
 * it is transparent, and nothing of it is left after a release.
 */
import { checkWorld } from '../model/world-check.ts';
import { checkOptions } from '../kernel/argument-check.ts';
import { checkCommand } from '../model/command-check.ts';
import { copyCommand } from '../model/command-copy.ts';
import { watchedCalls } from '../model/service-watch.ts';
import type { Command } from '../model/command.ts';
import { checkQuery } from '../model/query-check.ts';
import { copyQuery } from '../model/query-copy.ts';
import type { Query, Wait } from '../model/query.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import { checkWait } from '../model/wait.ts';
import { ChaosCall } from './chaos-call.ts';
import type { FaultPlan } from './chaos-fault.ts';
import { ChaosHolds } from './chaos-holds.ts';
import { ChaosPassage } from './chaos-passage.ts';
import type { ChaosWorld } from './chaos-passage.ts';
import { ChaosSettings } from './chaos-settings.ts';
import { CHAOS_NAME, type ChaosError, type ChaosOptions } from './chaos-settings.ts';

/** A service with its knobs. Settings hold from the call on; a delayed call uses those in force when its delay ends (R150). */
export interface ChaosRunner extends Service {
  /**
   * Delays calls by less than `maxDelayMs`, 0 for not at all (R148).
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is negative or not finite.
   */
  setDelay(maxDelayMs: number): void;
  /** Makes every call but `release` fail, until it is set to `undefined` (R147, R149). */
  setError(error: ChaosError | undefined): void;
  /** The status that `run` carries in its error (R149). */
  setRunStatus(status: RunStatus): void;
  /**
   * Replaces the plan of faults (R153); its schedule counts calls from now on.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a plan that is none.
   */
  setPlan(plan: FaultPlan): void;
  /** No delay, error or fault any more; calls that are held back, stuck ones included, reach the delegate now. */
  heal(): void;
}

/**
 * Wraps a service in chaos. Delays and faults by chance are decisions of `world.choices`, labelled `NAME OPERATION SUBJECT delay` and
 * `… fault`, and answer 0 is no delay and no fault; faults by schedule are input. Every fault is a `fault` event of the tracer (R212).
 *
 * When the faults of its world end (`World.onHeal`) it heals.
 *
 * Without a delegate, calls that would be passed on reject with `RUNNER_NO_DELEGATE`; `release` is fine (R152). `release` goes
 * straight on and ends all chaos: what is delayed goes on at once, what is stuck rejects with `RUNNER_RELEASED`, and later calls are
 * neither delayed nor struck.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that are out of range.
 * @example
 * ```ts
 * import { createChaosRunner, type Service, type World } from 'dryrunner';
 * function unreliable(world: World, runner: Service): Service {
 *   return createChaosRunner(world, runner, {
 *     maxDelayMs: 200,
 *     plan: { rates: { run: { after: 0.05 } }, schedule: [{ operation: 'abort', call: 1, kind: 'before' }] },
 *   });
 * }
 * ```
 */
export function createChaosRunner(
  world: ChaosWorld,
  delegate?: Service,
  options: ChaosOptions = {},
): ChaosRunner {
  checkWorld(world, ['clock', 'choices']);
  checkOptions(options);
  const chaos = new ChaosService(world, delegate, options);
  world.onHeal?.(() => chaos.heal());
  return watchedCalls(world, options.name ?? CHAOS_NAME, chaos);
}

class ChaosService implements ChaosRunner {
  readonly #world: ChaosWorld;
  readonly #delegate: Service | undefined;
  readonly #settings: ChaosSettings;
  readonly #holds: ChaosHolds;
  readonly #passage: ChaosPassage;

  constructor(world: ChaosWorld, delegate: Service | undefined, options: ChaosOptions) {
    this.#world = world;
    this.#delegate = delegate;
    this.#settings = new ChaosSettings(world.choices, options);
    this.#holds = new ChaosHolds(world.clock);
    this.#passage = new ChaosPassage(world, delegate, this.#settings, this.#holds);
  }

  async run(offered: Command): Promise<RunStatus> {
    checkCommand(offered);
    const command = copyCommand(offered);
    return this.#passage.pass(ChaosCall.run(command), (delegate) => delegate.run(command));
  }

  async abort(runId: RunID): Promise<RunStatus> {
    return this.#passage.pass(ChaosCall.onRun('abort', runId), (delegate) => delegate.abort(runId));
  }

  async query(asked: Query, askedWait: Wait): Promise<QueryResult> {
    checkQuery(asked);
    checkWait(askedWait);
    const [query, wait] = [copyQuery(asked), { ...askedWait }];
    const call = ChaosCall.query(query, this.#world.clock, wait);
    return this.#passage.pass(
      call,
      (delegate) => delegate.query(query, { ...wait, timeoutMs: call.leftMs }),
      (delegate) => delegate.queryNow(query),
    );
  }

  async queryNow(asked: Query): Promise<QueryResult> {
    checkQuery(asked);
    const query = copyQuery(asked);
    return this.#passage.pass(ChaosCall.queryNow(query), (delegate) => delegate.queryNow(query));
  }

  async status(runId: RunID): Promise<StatusResult> {
    return this.#passage.pass(ChaosCall.onRun('status', runId), (delegate) => delegate.status(runId));
  }

  async statusAll(): Promise<QueryResult> {
    return this.#passage.pass(ChaosCall.statusAll(), (delegate) => delegate.statusAll());
  }

  async release(): Promise<void> {
    const released = this.#delegate?.release();
    this.#holds.release();
    await released;
  }

  setDelay(maxDelayMs: number): void {
    this.#settings.setDelay(maxDelayMs);
  }

  setError(error: ChaosError | undefined): void {
    this.#settings.setError(error);
  }

  setRunStatus(status: RunStatus): void {
    this.#settings.setRunStatus(status);
  }

  setPlan(plan: FaultPlan): void {
    this.#settings.setPlan(plan);
  }

  heal(): void {
    this.#settings.clear();
    this.#holds.heal();
  }
}
