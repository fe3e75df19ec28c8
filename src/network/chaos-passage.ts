/**
 * The way of one call through chaos: delay, set error, fault point, delegate. Invariant: without delay and fault the delegate is
 * reached in the same synchronous call, and every strike is a `fault` event before it takes effect (R212).
 */
import type { GoOn } from '../call/intercept-service.ts';
import type { ServiceCall } from '../call/service-call.ts';
import { isRunnerError, RunnerError } from '../kernel/errors.ts';
import type { Topic } from '../kernel/question.ts';
import { RunRejectedError } from '../model/run-rejected-error.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { World } from '../model/world.ts';
import type { InjectedFault } from './chaos-error.ts';
import type { FaultKind } from './chaos-fault.ts';
import type { ChaosHolds, HoldEnd } from './chaos-holds.ts';
import type { ChaosSettings } from './chaos-settings.ts';
import type { SentCall } from './sent-call.ts';

const AGAIN = 'again';

/** What chaos needs of the world. */
export type ChaosWorld = Pick<World, 'clock' | 'choices' | 'tracer' | 'onHeal' | 'watchServices'>;

/** Takes calls through. */
export class ChaosPassage {
  readonly #world: ChaosWorld;
  readonly #settings: ChaosSettings;
  readonly #holds: ChaosHolds;

  constructor(world: ChaosWorld, settings: ChaosSettings, holds: ChaosHolds) {
    this.#world = world;
    this.#settings = settings;
    this.#holds = holds;
  }

  /**
   * Delays the call, then lets it fail, strikes it or lets it go on. Without a delay it may throw instead of giving back a promise that
   * rejects.
   */
  pass<R>(sent: SentCall, goOn: GoOn<R>): Promise<R> {
    const held = this.#hold(sent, this.#drawDelay(sent));
    return held === undefined ? this.#arrive(sent, goOn) : held.then(() => this.#arrive(sent, goOn));
  }

  #arrive<R>(sent: SentCall, goOn: GoOn<R>): Promise<R> {
    const error = this.#settings.setErrorFor(sent.operation);
    if (error !== undefined) {
      this.#traceFault(sent, 'error');
      throw error;
    }
    const kind = this.#holds.released
      ? undefined
      : this.#settings.faults.pick(sent.operation, () => sent.topic);
    return kind === undefined ? this.#reach(sent.now, goOn) : this.#strike(kind, sent, goOn);
  }

  async #strike<R>(kind: FaultKind, sent: SentCall, goOn: GoOn<R>): Promise<R> {
    this.#traceFault(sent, kind);
    switch (kind) {
      case 'before':
        throw this.#settings.faultErrorFor(sent.operation, kind);
      case 'after':
        return this.#loseReply(sent, goOn);
      case 'duplicated': {
        const reply = this.#reach(sent.now, goOn);
        void this.#sendAgain(sent, this.#drawDelay(sent, true), goOn);
        return reply;
      }
      case 'reordered':
        await this.#hold(sent, this.#settings.reorderHoldMs, true);
        return this.#reach(sent.now, goOn);
      case 'stuck':
        await this.#stick(sent);
        return this.#reach(sent.now, goOn);
    }
  }

  #drawDelay(sent: SentCall, isAgain = false): number {
    const topic = (): Topic => (isAgain ? sent.topic.plus(AGAIN) : sent.topic);
    return this.#holds.released ? 0 : this.#settings.delays.draw(topic);
  }

  /** Holds a call back, if there is time to; a `query` no longer than its deadline (R151). */
  #hold(sent: SentCall, ms: number, isOvertakable = false): Promise<HoldEnd> | undefined {
    const { leftMs, signal } = sent;
    if (ms === 0 || leftMs === 0) return undefined;
    const isDeadline = leftMs <= ms;
    return this.#holds.hold(sent.topic, { ms: Math.min(ms, leftMs), isDeadline, isOvertakable, signal });
  }

  /** Ends only with a cancel, a release or, without an error, healing (R204). */
  async #stick({ topic, signal, operation }: SentCall): Promise<void> {
    const end = await this.#holds.hold(topic, { signal });
    if (end === 'cancelled') throw waitCancelled(signal?.reason);
    if (end !== 'released') return;
    const message = `the runner was released while ${operation} was stuck`;
    if (operation === 'run') throw new RunRejectedError('RUNNER_RELEASED', message);
    throw new RunnerError('RUNNER_RELEASED', message);
  }

  async #loseReply<R>(sent: SentCall, goOn: GoOn<R>): Promise<R> {
    const reply = this.#reach(sent.now, goOn);
    try {
      await reply;
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) throw error;
      this.#recordUnseen(sent, 'lost reply', error);
    }
    throw this.#settings.faultErrorFor(sent.operation, 'after');
  }

  async #sendAgain<R>(sent: SentCall, delayMs: number, goOn: GoOn<R>): Promise<void> {
    if (delayMs > 0) await this.#holds.hold(sent.topic.plus(AGAIN), { ms: delayMs });
    try {
      await this.#reach(sent.again, goOn);
    } catch (error) {
      this.#recordUnseen(sent, 'reply to a duplicate', error);
    }
  }

  #reach<R>(call: ServiceCall, goOn: GoOn<R>): Promise<R> {
    const reply = goOn(call);
    this.#holds.overtake();
    return reply;
  }

  #traceFault({ operation, runId }: SentCall, kind: InjectedFault['kind']): void {
    const { tracer, clock } = this.#world;
    tracer?.record({ at: clock.now(), type: 'fault', runner: this.#settings.name, operation, kind, runId });
  }

  /** Keeps an error of the delegate that the caller does not get to see. */
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
