/**
 * The tracer of every simulation: it adds each event to a rolling hash, and keeps the events only on request.
 * Invariant: two recorders have the same hash if and only if they received equal events in the same order.
 */
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { plural } from '../model/plural.ts';
import type { Command } from '../model/command.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { InvocationPhase, ResourceKind, TraceEvent, Tracer } from '../model/trace-event.ts';
import { eachOfRow, type RunTracer } from '../model/run-tracer.ts';
import { ENDED_ROW, STARTED_ROW } from '../model/undisturbed-run.ts';
import type { EventHash } from './event-hasher.ts';
import { EventHasher } from './event-hasher.ts';

/** Options of {@link createTraceRecorder}. */
export interface TraceRecorderOptions {
  /** A fresh rolling hash, owned by the recorder from now on. */
  readonly hash: EventHash;
  /** True: keeps the events in memory for `events()`. Default false, because a long simulation has millions. */
  readonly keep?: boolean;
}

const RECORDER_OPTIONS = is.optionsOf<TraceRecorderOptions>(
  { hash: is.withMethods('addString', 'addNumber', 'digest') },
  { keep: is.BOOLEAN },
);

/** A tracer whose result can be read. */
export interface TraceRecorder extends Tracer {
  /** Number of events recorded so far. */
  readonly count: number;
  /** The hash of all events so far, 16 hexadecimal characters. */
  hash(): string;
  /**
   * The events so far, in order; the list grows with the recorder.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the recorder was made without `keep`.
   */
  events(): readonly TraceEvent[];
}

/** The recorder of a simulation, which accepts calls and rows. */
export class HashingRecorder implements TraceRecorder, RunTracer {
  readonly #hash: EventHash;
  readonly #hasher: EventHasher;
  readonly #events: TraceEvent[] | undefined;
  #count = 0;

  constructor({ hash, keep = false }: TraceRecorderOptions) {
    this.#hash = hash;
    this.#hasher = new EventHasher(hash);
    this.#events = keep ? [] : undefined;
  }

  get count(): number {
    return this.#count;
  }

  get keepsEvents(): boolean {
    return this.#events !== undefined;
  }

  record(event: TraceEvent): void {
    this.#count += 1;
    this.#hasher.record(event);
    this.#events?.push(event);
  }

  accepted(at: number, runner: string, runId: RunID, command: Command): void {
    this.#count += 1;
    this.#hasher.accepted(at, runner, runId, command);
    this.#events?.push({ at, type: 'accepted', runner, runId, command });
  }

  status(at: number, runner: string, status: RunStatus): void {
    this.#count += 1;
    this.#hasher.status(at, runner, status);
    this.#events?.push({ at, type: 'status', runner, status });
  }

  evicted(at: number, runner: string, runId: RunID): void {
    this.#count += 1;
    this.#hasher.evicted(at, runner, runId);
    this.#events?.push({ at, type: 'evicted', runner, runId });
  }

  phase(at: number, runner: string, runId: RunID, phase: InvocationPhase): void {
    this.#count += 1;
    this.#hasher.phase(at, runner, runId, phase);
    this.#events?.push({ at, type: 'phase', runner, runId, phase });
  }

  acquired(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    this.#count += 1;
    this.#hasher.acquired(at, runner, runId, resource, name);
    this.#events?.push({ at, type: 'acquired', runner, runId, resource, name });
  }

  freed(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    this.#count += 1;
    this.#hasher.freed(at, runner, runId, resource, name);
    this.#events?.push({ at, type: 'freed', runner, runId, resource, name });
  }

  started(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void {
    if (this.#events !== undefined) {
      eachOfRow(this, STARTED_ROW, { at, runner, runId, checkout, status });
      return;
    }
    this.#count += STARTED_ROW.length;
    this.#hasher.started(at, runner, runId, checkout, status);
  }

  ended(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void {
    if (this.#events !== undefined) {
      eachOfRow(this, ENDED_ROW, { at, runner, runId, checkout, status });
      return;
    }
    this.#count += ENDED_ROW.length;
    this.#hasher.ended(at, runner, runId, checkout, status);
  }

  hash(): string {
    return this.#hash.digest();
  }

  events(): readonly TraceEvent[] {
    if (this.#events !== undefined) return this.#events;
    throw new RunnerError(
      'RUNNER_INVALID_ARGUMENT',
      `events: expected a recorder made with keep: true, got one that kept none of its ${this.#count} ${plural(this.#count, 'event')}`,
    );
  }
}

/** The recorder of {@link createTraceRecorder}: accepts only events, and validates them. */
class EventRecorder implements TraceRecorder {
  readonly #recorder: HashingRecorder;

  constructor(options: TraceRecorderOptions) {
    this.#recorder = new HashingRecorder(options);
  }

  get count(): number {
    return this.#recorder.count;
  }

  record(event: TraceEvent): void {
    try {
      this.#recorder.record(event);
    } catch (error) {
      throw unreadable('event', event, error);
    }
  }

  hash(): string {
    return this.#recorder.hash();
  }

  events(): readonly TraceEvent[] {
    return this.#recorder.events();
  }
}

/**
 * Creates a recorder: pass it to a world as its `tracer` (R209).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `hash` is not a rolling hash.
 * @example
 * ```ts
 * import { createTraceRecorder } from 'dryrunner/trace';
 * import { createRollingHash } from 'dryrunner/kernel';
 * const recorder = createTraceRecorder({ hash: createRollingHash(), keep: true });
 * recorder.record({ type: 'note', at: 0, runner: 'worker', text: 'begin' });
 * if (recorder.count !== 1 || recorder.events().length !== 1) throw new Error('not recorded');
 * ```
 */
export function createTraceRecorder(options: TraceRecorderOptions): TraceRecorder {
  check('options', options, RECORDER_OPTIONS);
  return new EventRecorder(options);
}
