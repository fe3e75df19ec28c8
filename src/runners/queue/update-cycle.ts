/**
 * Keeps filers up to date: requests an update at every interval and performs a pass when the queue allows it (R75–R80).
 * Invariants: one pass at a time, filers in the order of the map, and a pass always ends unless a filer has no bound:
 * one that exceeds limit and bound is abandoned.
 */
import * as is from '../../kernel/shape.ts';
import type { Timer } from '../../kernel/clock.ts';
import { Cancellation } from '../../model/cancellation.ts';
import { topicOf, type Topic } from '../../kernel/question.ts';
import type { Filer } from '../../model/filer.ts';
import { isPending, whenSettled } from '../../model/maybe-promise.ts';
import type { World } from '../../model/world.ts';
import { messageOf, shownText } from '../../kernel/errors.ts';
import type { RunType, RunTypeMap } from '../../model/run-type.ts';
import { check } from '../../kernel/argument-check.ts';
import type { FilerAndInit } from '../../model/run-type.ts';

/** How an update ended: normally, with its own error, cancelled at its limit and returned in time, or abandoned. */
export type UpdateEnd =
  | { readonly type: 'done' }
  | { readonly type: 'late' }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'overdue' };

/** Gets the end of an update. */
export interface FilerUpdateListener {
  onOver(end: UpdateEnd): void;
  /** An abandoned update has returned. */
  onReturn(): void;
}

const DONE: UpdateEnd = Object.freeze({ type: 'done' });
const LATE: UpdateEnd = Object.freeze({ type: 'late' });
const OVERDUE: UpdateEnd = Object.freeze({ type: 'overdue' });

/**
 * One update of one filer, with its limit (R79, R80). Invariant: `onOver` is called exactly once; an update that keeps
 * neither its limit nor its cancel bound is abandoned, and `onReturn` is called if it returns after all.
 */
class FilerUpdate {
  readonly #world: World;
  readonly #topic: Topic;
  readonly #filer: Filer;
  readonly #listener: FilerUpdateListener;
  readonly #cancellation = new Cancellation();
  #timer: Timer | undefined;
  #isLate = false;
  #over = false;

  constructor(world: World, topic: Topic, filer: Filer, listener: FilerUpdateListener) {
    this.#world = world;
    this.#topic = topic;
    this.#filer = filer;
    this.#listener = listener;
  }

  /** Starts it; `limitMs` 0 or Infinity means no limit. A synchronous update has ended before this returns. */
  start(limitMs: number): void {
    const { clock } = this.#world;
    try {
      const update = this.#filer.update(this.#cancellation);
      if (!isPending(update)) {
        this.#end(DONE);
        return;
      }
      whenSettled(
        update,
        () => clock.post(this.#topic, () => this.#end(DONE)),
        (error) => clock.post(this.#topic, () => this.#end({ type: 'failed', error })),
      );
      // An update that has released the runner is cancelled already, and its bound is its limit.
      if (limitMs > 0 && limitMs < Infinity && !this.#cancellation.cancelled) {
        this.#timer = clock.endOfInstant(this.#topic.plus('limit'), limitMs, () => {
          this.#isLate = true;
          this.cancel();
        });
      }
    } catch (error) {
      this.#end({ type: 'failed', error });
    }
  }

  /** Cancels the update and starts its cancel bound, if the filer has one. */
  cancel(): void {
    if (this.#over || this.#cancellation.cancelled) return;
    this.#cancellation.cancel();
    this.#timer?.cancel();
    const { cancelBoundMs } = this.#filer;
    if (cancelBoundMs === Infinity) return;
    const giveUp = (): void => {
      this.#over = true;
      this.#listener.onOver(OVERDUE);
    };
    this.#timer = this.#world.clock.endOfInstant(this.#topic.plus('bound'), cancelBoundMs, giveUp);
  }

  #end(end: UpdateEnd): void {
    this.#timer?.cancel();
    if (this.#over) {
      this.#listener.onReturn();
      return;
    }
    this.#over = true;
    this.#listener.onOver(this.#isLate ? LATE : end);
  }
}

/** Callbacks to the queue. */
export interface UpdateListener {
  /** A filer has requested an update; `isWanted` is true now. */
  onWanted(): void;
  /** The pass is over. `fault` names the filer whose last update exceeded the limit, if there is one. */
  onDone(fault: string | undefined): void;
}

const FILER_AND_INIT = is.objectOf<FilerAndInit>(
  'an object with filer',
  {
    filer: is.objectOf<Pick<Filer, 'updateIntervalMs' | 'cancelBoundMs'>>(
      'a filer',
      { updateIntervalMs: is.DURATION_MS, cancelBoundMs: is.limit() },
      {},
    ),
  },
  { init: is.withMethods('then') },
);

/**
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an entry without a filer, for a negative interval (R75) or bound.
 */
export function checkFilers(filers: RunTypeMap): void {
  for (const [type, entry] of filers) {
    const runType = shownText(type);
    check(`filers.get(${runType})`, entry, FILER_AND_INIT);
  }
}

/** Updates of one runner's filers. */
export class UpdateCycle {
  readonly #world: World;
  readonly #name: string;
  readonly #filers: RunTypeMap;
  readonly #limitMs: number;
  readonly #listener: UpdateListener;
  /** Filers that request an update; created for the first interval, because most filers have none. */
  #asked: Set<RunType> | undefined;
  /** Filers whose update was abandoned and has not returned; they are not updated again before it does. */
  #overdue: Set<RunType> | undefined;
  /** Filers whose last update exceeded the limit, whether it has returned or not; the first to do so is first. */
  #late: Set<RunType> | undefined;
  #timers: Map<RunType, Timer> | undefined;
  #isAtWork = false;
  #isStopped = false;
  #update: FilerUpdate | undefined;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` as {@link checkFilers}. */
  constructor(world: World, name: string, filers: RunTypeMap, limitMs: number, listener: UpdateListener) {
    checkFilers(filers);
    this.#world = world;
    this.#name = name;
    this.#filers = filers;
    this.#limitMs = limitMs;
    this.#listener = listener;
  }

  /** True if a filer waits for its update. */
  get isWanted(): boolean {
    return this.#asked !== undefined && this.#asked.size > 0;
  }

  /** True during a pass. */
  get isAtWork(): boolean {
    return this.#isAtWork;
  }

  /** Starts the intervals. */
  start(): void {
    for (const [type, { filer }] of this.#filers) {
      if (filer.updateIntervalMs > 0) this.#setTimer(type, filer.updateIntervalMs);
    }
  }

  /** Ends the intervals and cancels the current update; the pass still ends with `onDone`. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers?.values() ?? []) timer.cancel();
    this.#timers?.clear();
    this.#asked?.clear();
    this.#update?.cancel();
  }

  /** Performs one pass over the filers that requested an update. May call `onDone` before it returns. */
  begin(): void {
    this.#isAtWork = true;
    const types = [...this.#filers.keys()].filter((type) => this.#asked?.has(type));
    this.#asked?.clear();
    this.#next(types);
  }

  #setTimer(type: RunType, intervalMs: number): void {
    const fire = (): void => {
      this.#setTimer(type, intervalMs);
      if (this.#overdue?.has(type) === true) return;
      (this.#asked ??= new Set()).add(type);
      this.#listener.onWanted();
    };
    const timer = this.#world.clock.timer(this.#topicOf(type), intervalMs, fire);
    (this.#timers ??= new Map()).set(type, timer);
  }

  #topicOf(type: RunType): Topic {
    return topicOf({ owner: this.#name, what: `update ${type}` });
  }

  #next(types: readonly RunType[]): void {
    const [type, ...rest] = types;
    if (type === undefined || this.#isStopped) {
      this.#isAtWork = false;
      this.#update = undefined;
      this.#listener.onDone(this.#fault());
      return;
    }
    this.#trace({ type: 'acquired', resource: 'update', name: type });
    const { filer } = this.#filers.get(type) as { filer: Filer };
    this.#update = new FilerUpdate(this.#world, this.#topicOf(type).plus('done'), filer, {
      onOver: (end) => {
        this.#conclude(type, end);
        this.#next(rest);
      },
      onReturn: () => {
        this.#overdue?.delete(type);
      },
    });
    this.#update.start(this.#limitMs);
  }

  /** Traces how an update ended, and notes whether it exceeded its limit. An error affects neither health nor runs (R79). */
  #conclude(type: RunType, end: UpdateEnd): void {
    if (end.type === 'late' || end.type === 'overdue') (this.#late ??= new Set()).add(type);
    else this.#late?.delete(type);
    if (end.type === 'overdue') {
      (this.#overdue ??= new Set()).add(type);
      this.#asked?.delete(type);
      this.#trace({ type: 'abandoned', resource: 'update', name: type });
      return;
    }
    if (end.type === 'failed') {
      const error = messageOf(end.error);
      this.#trace({ type: 'recorded', what: `update ${type}`, error, exitCode: 0 });
    }
    this.#trace({ type: 'freed', resource: 'update', name: type });
  }

  /** The fault to show (R80). An update of another filer that keeps the limit does not end it. */
  #fault(): string | undefined {
    const [type] = this.#late ?? [];
    return type === undefined ? undefined : `update of filer ${type} took longer than ${this.#limitMs} ms`;
  }

  #trace(event: UpdateTrace): void {
    const { clock, tracer } = this.#world;
    tracer?.record({ at: clock.now(), runner: this.#name, runId: '', ...event });
  }
}

type UpdateTrace =
  | { readonly type: 'acquired' | 'freed' | 'abandoned'; readonly resource: 'update'; readonly name: string }
  | { readonly type: 'recorded'; readonly what: string; readonly error: string; readonly exitCode: number };
