/**
 * A runner that wraps another and misbehaves on purpose: calls are late, fail, get lost or get stuck (R147–R153).
 * Invariant: without settings it is transparent, and after a release nothing of it remains.
 */
import { type Proceed, InterceptedService } from '../call/intercept-service.ts';
import { type ServiceCall, makeCall } from '../call/service-call.ts';
import { isRunnerError, RunnerError } from '../kernel/errors.ts';
import type { Topic } from '../kernel/question.ts';
import { RunRejectedError } from '../model/run-rejected-error.ts';
import { waitCancelled } from '../model/status-errors.ts';
import { WHOLE_SERVICE } from '../model/argument-shapes.ts';
import { checkWorldOfChoices, type World } from '../model/world.ts';
import type { InjectedFault } from './chaos-error.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { FaultKind } from '../model/faults.ts';
import { Holds, type HoldEnd } from './holds.ts';
import {
  ChaosSettings,
  CHAOS_NAME,
  type ChaosError,
  type ChaosOptions,
  CHAOS_OPTIONS,
} from './chaos-settings.ts';
import { SentCall } from './sent-call.ts';
import { watchedService, type Service } from '../model/service.ts';
import type { RunStatus } from '../model/run-status.ts';
import { check } from '../kernel/argument-check.ts';

const AGAIN = 'again';

/** The parts of the world that chaos needs. */
export type ChaosWorld = Pick<World, 'clock' | 'choices' | 'tracer' | 'onHeal' | 'watchServices'>;

/**
 * Takes one call through chaos: delay, configured error, fault point, delegate. Invariant: without delay and fault the
 * delegate is reached in the same synchronous call, and every strike is recorded as a `fault` event before it takes
 * effect (R212).
 */
class ChaosPassage {
  readonly #world: ChaosWorld;
  readonly #settings: ChaosSettings;
  readonly #holds: Holds;

  constructor(world: ChaosWorld, settings: ChaosSettings, holds: Holds) {
    this.#world = world;
    this.#settings = settings;
    this.#holds = holds;
  }

  /**
   * Delays the call, then makes it fail, strikes it or passes it on. Without a delay it may throw instead of returning
   * a rejected promise.
   */
  pass<R>(sent: SentCall, proceed: Proceed<R>): Promise<R> {
    const held = this.#hold(sent, this.#drawDelay(sent));
    return held === undefined ? this.#arrive(sent, proceed) : held.then(() => this.#arrive(sent, proceed));
  }

  #arrive<R>(sent: SentCall, proceed: Proceed<R>): Promise<R> {
    const error = this.#settings.setErrorFor(sent.operation);
    if (error !== undefined) {
      this.#traceFault(sent, 'error');
      throw error;
    }
    const kind = this.#holds.released
      ? undefined
      : this.#settings.faults.pick(sent.operation, () => sent.topic);
    return kind === undefined ? this.#reach(sent.now, proceed) : this.#strike(kind, sent, proceed);
  }

  async #strike<R>(kind: FaultKind, sent: SentCall, proceed: Proceed<R>): Promise<R> {
    this.#traceFault(sent, kind);
    switch (kind) {
      case 'before':
        throw this.#settings.faultErrorFor(sent.operation, kind);
      case 'after':
        return this.#loseReply(sent, proceed);
      case 'duplicated': {
        const reply = this.#reach(sent.now, proceed);
        void this.#sendAgain(sent, this.#drawDelay(sent, true), proceed);
        return reply;
      }
      case 'reordered':
        await this.#hold(sent, this.#settings.reorderHoldMs, true);
        return this.#reach(sent.now, proceed);
      case 'stuck':
        await this.#stick(sent);
        return this.#reach(sent.now, proceed);
    }
  }

  #drawDelay(sent: SentCall, isAgain = false): number {
    const topic = (): Topic => (isAgain ? sent.topic.plus(AGAIN) : sent.topic);
    return this.#holds.released ? 0 : this.#settings.delays.draw(topic);
  }

  /** Holds a call back, unless it has no time left; a `query` at most until its deadline (R151). */
  #hold(sent: SentCall, ms: number, isOvertakable = false): Promise<HoldEnd> | undefined {
    const { leftMs, signal } = sent;
    if (ms === 0 || leftMs === 0) return undefined;
    const isDeadline = leftMs <= ms;
    return this.#holds.hold(sent.topic, { ms: Math.min(ms, leftMs), isDeadline, isOvertakable, signal });
  }

  /** Waits until a cancellation or a release, which throw, or until healing (R204). */
  async #stick({ topic, signal, operation }: SentCall): Promise<void> {
    const end = await this.#holds.hold(topic, { signal });
    if (end === 'cancelled') throw waitCancelled(signal?.reason);
    if (end !== 'released') return;
    const message = `the runner was released while ${operation} was stuck`;
    if (operation === 'run') throw new RunRejectedError('RUNNER_RELEASED', message);
    throw new RunnerError('RUNNER_RELEASED', message);
  }

  async #loseReply<R>(sent: SentCall, proceed: Proceed<R>): Promise<R> {
    const reply = this.#reach(sent.now, proceed);
    try {
      await reply;
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) throw error;
      this.#recordUnseen(sent, 'lost reply', error);
    }
    throw this.#settings.faultErrorFor(sent.operation, 'after');
  }

  async #sendAgain<R>(sent: SentCall, delayMs: number, proceed: Proceed<R>): Promise<void> {
    if (delayMs > 0) await this.#holds.hold(sent.topic.plus(AGAIN), { ms: delayMs });
    try {
      await this.#reach(sent.again, proceed);
    } catch (error) {
      this.#recordUnseen(sent, 'reply to a duplicate', error);
    }
  }

  #reach<R>(call: ServiceCall, proceed: Proceed<R>): Promise<R> {
    const reply = proceed(call);
    this.#holds.overtake();
    return reply;
  }

  #traceFault({ operation, runId }: SentCall, kind: InjectedFault['kind']): void {
    const { tracer, clock } = this.#world;
    tracer?.record({ at: clock.now(), type: 'fault', runner: this.#settings.name, operation, kind, runId });
  }

  /** Records an error of the delegate that the caller does not see. */
  #recordUnseen({ operation, runId }: SentCall, what: string, error: unknown): void {
    if (isRunnerError(error, 'RUNNER_INVARIANT')) throw error;
    const { tracer, clock } = this.#world;
    const text = error instanceof Error ? error.message : String(error);
    tracer?.record({
      at: clock.now(),
      type: 'recorded',
      runner: this.#settings.name,
      runId,
      what: `${operation}: ${what}`,
      error: text,
      exitCode: 0,
    });
  }
}

/**
 * A service with settings that can be changed. They apply to calls made from then on; a delayed call uses those in
 * force when its delay ends (R150).
 */
export interface ChaosRunner extends Service {
  /**
   * Delays calls by less than `maxDelayMs`; 0 means no delay (R148).
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is negative or not finite.
   */
  setDelay(maxDelayMs: number): void;
  /** Makes every call except `release` fail, until it is set to `undefined` (R147, R149). */
  setError(error: ChaosError | undefined): void;
  /** The status that `run` carries in its error (R149). */
  setRunStatus(status: RunStatus): void;
  /**
   * Replaces the plan of faults (R153); its schedule counts calls from now on.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an invalid plan.
   */
  setPlan(plan: FaultPlan): void;
  /** Ends all delays, errors and faults; calls that are held back, stuck ones included, reach the delegate now. */
  heal(): void;
}

/**
 * Wraps a service in chaos. Delays and random faults are decisions of `world.choices`, labelled
 * `NAME OPERATION SUBJECT delay` and `… fault`; answer 0 means no delay and no fault. Scheduled faults are input. Every
 * fault is a `fault` event of the tracer (R212).
 *
 * When the faults of its world end (`World.onHeal`), it heals.
 *
 * Without a delegate, calls that would be passed on reject with `RUNNER_NO_DELEGATE`, while `release` succeeds (R152).
 * `release` is passed on at once and ends all chaos: delayed calls continue immediately, stuck calls reject with
 * `RUNNER_RELEASED`, and later calls are neither delayed nor struck.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a delegate that is not a service, and for options that are out of range.
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
  checkWorldOfChoices(world);
  if (delegate !== undefined) check('delegate', delegate, WHOLE_SERVICE);
  check('options', options, CHAOS_OPTIONS);
  const chaos = new ChaosService(world, delegate, options);
  world.onHeal?.(() => chaos.heal());
  return watchedService(world, options.name ?? CHAOS_NAME, chaos);
}

/** Stands in for a missing delegate: `release` succeeds, everything else fails. */
const NOBODY: Service = new InterceptedService(
  () => Promise.resolve(),
  (call, proceed) => {
    if (call.method === 'release') return proceed(call);
    throw new RunnerError('RUNNER_NO_DELEGATE', `${call.method}: there is no runner behind the chaos`);
  },
);

class ChaosService extends InterceptedService implements ChaosRunner {
  readonly #world: ChaosWorld;
  readonly #settings: ChaosSettings;
  readonly #holds: Holds;
  readonly #passage: ChaosPassage;

  constructor(world: ChaosWorld, delegate: Service | undefined, options: ChaosOptions) {
    const behind = delegate ?? NOBODY;
    super(
      (call) => makeCall(behind, call),
      (call, proceed) => this.#take(call, proceed),
    );
    this.#world = world;
    this.#settings = new ChaosSettings(world.choices, options);
    this.#holds = new Holds(world.clock);
    this.#passage = new ChaosPassage(world, this.#settings, this.#holds);
  }

  /** Not `async`: most calls are neither late nor struck, and must not cost a promise of their own. */
  #take<R>(call: ServiceCall, proceed: Proceed<R>): Promise<R> {
    try {
      if (call.method !== 'release') {
        return this.#passage.pass(new SentCall(call, this.#settings.name, this.#world.clock), proceed);
      }
      const released = proceed(call);
      this.#holds.release();
      return released;
    } catch (error) {
      return Promise.reject(error);
    }
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
