/**
 * A runner that misbehaves on purpose around another one: late, failing, forgetful or stuck (R147–R153). Invariant: without settings
 * it is transparent, and nothing of it is left after a release.
 */
import { type GoOn, InterceptedService } from '../call/intercept-service.ts';
import { makeCall, type ServiceCall } from '../call/service-call.ts';
import { RunnerError } from '../kernel/errors.ts';
import { checkWorld } from '../model/world.ts';
import { checkOptions } from '../kernel/argument-check.ts';
import { watchedService } from '../model/service-watch.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import type { FaultPlan } from './chaos-fault.ts';
import { ChaosHolds } from './chaos-holds.ts';
import { ChaosPassage } from './chaos-passage.ts';
import type { ChaosWorld } from './chaos-passage.ts';
import { ChaosSettings } from './chaos-settings.ts';
import { CHAOS_NAME, type ChaosError, type ChaosOptions } from './chaos-settings.ts';
import { SentCall } from './sent-call.ts';

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
  return watchedService(world, options.name ?? CHAOS_NAME, chaos);
}

/** What is behind a chaos runner without a delegate: it has nothing to release, and cannot do anything else. */
const NOBODY: Service = new InterceptedService(
  () => Promise.resolve(),
  (call, goOn) => {
    if (call.method === 'release') return goOn(call);
    throw new RunnerError('RUNNER_NO_DELEGATE', `${call.method}: there is no runner behind the chaos`);
  },
);

class ChaosService extends InterceptedService implements ChaosRunner {
  readonly #world: ChaosWorld;
  readonly #settings: ChaosSettings;
  readonly #holds: ChaosHolds;
  readonly #passage: ChaosPassage;

  constructor(world: ChaosWorld, delegate: Service | undefined, options: ChaosOptions) {
    const behind = delegate ?? NOBODY;
    super(
      (call) => makeCall(behind, call),
      (call, goOn) => this.#take(call, goOn),
    );
    this.#world = world;
    this.#settings = new ChaosSettings(world.choices, options);
    this.#holds = new ChaosHolds(world.clock);
    this.#passage = new ChaosPassage(world, this.#settings, this.#holds);
  }

  async #take<R>(call: ServiceCall, goOn: GoOn<R>): Promise<R> {
    if (call.method !== 'release') {
      return this.#passage.pass(new SentCall(call, this.#settings.name, this.#world.clock), goOn);
    }
    const released = goOn(call);
    this.#holds.release();
    return await released;
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
