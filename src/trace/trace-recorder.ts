/**
 * The tracer that every simulation has: it folds each event into a rolling hash and keeps the events themselves only if
 * asked to. Invariant: two recorders give the same hash if and only if they were told equal events in the same order.
 */
import { checkMethods, checkOptions, unreadable } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { plural } from '../model/plural.ts';
import type { TraceEvent, Tracer } from '../model/trace-event.ts';
import type { EventHash } from './event-hasher.ts';
import { EventHasher } from './event-hasher.ts';

/** What a recorder is made of. */
export interface TraceRecorderOptions {
  /** A fresh rolling hash; the recorder owns it from now on. */
  readonly hash: EventHash;
  /** Whether to keep the events in memory for `events()`; off by default, as a long simulation has millions. */
  readonly keep?: boolean;
}

/** A tracer that can be asked afterwards. */
export interface TraceRecorder extends Tracer {
  /** How many events were recorded so far. */
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

class HashingRecorder implements TraceRecorder {
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

  record(event: TraceEvent): void {
    this.#count += 1;
    try {
      this.#hasher.add(event);
    } catch (error) {
      throw unreadable('event', event, error);
    }
    this.#events?.push(event);
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

/**
 * Makes a recorder: hand it to a world as its `tracer` (R209).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `hash` is no rolling hash.
 * @example
 * ```ts
 * import { createTraceRecorder, createRollingHash } from 'dryrunner/trace';
 * const recorder = createTraceRecorder({ hash: createRollingHash(), keep: true });
 * recorder.record({ type: 'note', at: 0, runner: 'worker', text: 'begin' });
 * if (recorder.count !== 1 || recorder.events().length !== 1) throw new Error('not recorded');
 * ```
 */
export function createTraceRecorder(options: TraceRecorderOptions): TraceRecorder {
  checkOptions(options);
  checkMethods('hash', options.hash, ['addString', 'addNumber', 'digest']);
  return new HashingRecorder(options);
}
