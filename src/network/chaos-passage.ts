/**
 * The way of one call through chaos: delay, set error, fault point, delegate. Invariant: without delay and fault the delegate is
 * reached in the same synchronous call, and every strike is a `fault` event before it takes effect (R212).
 */
import { isRunnerError, RunnerError } from '../kernel/errors.ts';
import { RunRejectedError } from '../model/run-rejected-error.ts';
import type { Service } from '../model/service.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { World } from '../model/world.ts';
import type { ChaosCall } from './chaos-call.ts';
import type { InjectedFault } from './chaos-error.ts';
import type { FaultKind } from './chaos-fault.ts';
import type { ChaosHolds, HoldEnd } from './chaos-holds.ts';
import type { ChaosSettings } from './chaos-settings.ts';

/** Hands a call to the delegate. */
export type Apply<T> = (delegate: Service) => Promise<T>;

/** The name of a call, made when it is asked for. */
type Label = () => string;

/** What chaos needs of the world. */
export type ChaosWorld = Pick<World, 'clock' | 'choices' | 'tracer' | 'onHeal' | 'watchServices'>;

/** Takes calls through. */
export class ChaosPassage {
  readonly #world: ChaosWorld;
  readonly #delegate: Service | undefined;
  readonly #settings: ChaosSettings;
  readonly #holds: ChaosHolds;

  constructor(world: ChaosWorld, delegate: Service | undefined, settings: ChaosSettings, holds: ChaosHolds) {
    this.#world = world;
    this.#delegate = delegate;
    this.#settings = settings;
    this.#holds = holds;
  }

  /**
   * Delays the call, then lets it fail, strikes it or hands it on; `again` is what a duplicate does. Without a delay it may throw
   * instead of giving back a promise that rejects.
   */
  pass<T>(call: ChaosCall, apply: Apply<T>, again: Apply<unknown> = apply): Promise<T> {
    const label = (): string => call.label(this.#settings.name);
    const held = this.#hold(call, label, this.#drawDelay(label));
    return held === undefined
      ? this.#arrive(call, label, apply, again)
      : held.then(() => this.#arrive(call, label, apply, again));
  }

  #arrive<T>(call: ChaosCall, label: Label, apply: Apply<T>, again: Apply<unknown>): Promise<T> {
    const error = this.#settings.setErrorFor(call.operation);
    if (error !== undefined) {
      this.#traceFault(call, 'error');
      throw error;
    }
    const kind = this.#holds.released ? undefined : this.#settings.faults.pick(call.operation, label);
    return kind === undefined ? this.#reach(call, apply) : this.#strike(kind, call, label, apply, again);
  }

  async #strike<T>(
    kind: FaultKind,
    call: ChaosCall,
    label: Label,
    apply: Apply<T>,
    again: Apply<unknown>,
  ): Promise<T> {
    this.#traceFault(call, kind);
    switch (kind) {
      case 'before':
        throw this.#settings.faultErrorFor(call.operation, kind);
      case 'after':
        return this.#loseReply(call, apply);
      case 'duplicated': {
        const reply = this.#reach(call, apply);
        const againLabel = (): string => `${label()} again`;
        void this.#sendAgain(call, againLabel, this.#drawDelay(againLabel), again);
        return reply;
      }
      case 'reordered':
        await this.#hold(call, label, this.#settings.reorderHoldMs, true);
        return this.#reach(call, apply);
      case 'stuck':
        await this.#stick(call, label());
        return this.#reach(call, apply);
    }
  }

  #drawDelay(label: Label): number {
    return this.#holds.released ? 0 : this.#settings.delays.draw(label);
  }

  /** Holds a call back, if there is time to; a `query` no longer than its deadline (R151). */
  #hold(call: ChaosCall, label: Label, ms: number, isOvertakable = false): Promise<HoldEnd> | undefined {
    const { leftMs, signal } = call;
    if (ms === 0 || leftMs === 0) return undefined;
    const isDeadline = leftMs <= ms;
    return this.#holds.hold(label(), { ms: Math.min(ms, leftMs), isDeadline, isOvertakable, signal });
  }

  /** Ends only with a cancel, a release or, without an error, healing (R204). */
  async #stick(call: ChaosCall, label: string): Promise<void> {
    const { signal, operation } = call;
    const end = await this.#holds.hold(label, { signal });
    if (end === 'cancelled') throw waitCancelled(signal?.reason);
    if (end !== 'released') return;
    const message = `the runner was released while ${operation} was stuck`;
    if (operation === 'run') throw new RunRejectedError('RUNNER_RELEASED', message);
    throw new RunnerError('RUNNER_RELEASED', message);
  }

  async #loseReply<T>(call: ChaosCall, apply: Apply<T>): Promise<T> {
    const reply = this.#reach(call, apply);
    try {
      await reply;
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) throw error;
      this.#recordUnseen(call, 'lost reply', error);
    }
    throw this.#settings.faultErrorFor(call.operation, 'after');
  }

  async #sendAgain(call: ChaosCall, label: Label, delayMs: number, again: Apply<unknown>): Promise<void> {
    if (delayMs > 0) await this.#holds.hold(label(), { ms: delayMs });
    try {
      await this.#reach(call, again);
    } catch (error) {
      this.#recordUnseen(call, 'reply to a duplicate', error);
    }
  }

  #reach<T>({ operation }: ChaosCall, apply: Apply<T>): Promise<T> {
    if (this.#delegate === undefined) {
      throw new RunnerError('RUNNER_NO_DELEGATE', `${operation}: there is no runner behind the chaos`);
    }
    const reply = apply(this.#delegate);
    this.#holds.overtake();
    return reply;
  }

  #traceFault({ operation, runId }: ChaosCall, kind: InjectedFault['kind']): void {
    const { tracer, clock } = this.#world;
    tracer?.record({ at: clock.now(), type: 'fault', runner: this.#settings.name, operation, kind, runId });
  }

  /** Keeps an error of the delegate that the caller does not get to see. */
  #recordUnseen({ operation, runId }: ChaosCall, what: string, error: unknown): void {
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
