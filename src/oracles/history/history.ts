/**
 * Concurrent operations as plain data, recorded from the callers' side: who called what, what came back, and between
 * which events. Invariants: events are numbered by a counter in the order in which they are recorded, so that two
 * operations at the same virtual time can still be distinguished; an operation ends at most once; results and errors of
 * operations pass unchanged.
 */
import { TIME } from '../../model/argument-shapes.ts';
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidArgument } from '../../kernel/errors.ts';

/**
 * How an operation ended. `returned`: its reply is known. `failed`: it is known to have had no effect. `open`: its
 * reply never came or was lost, so it may have taken effect at any time since its invocation, may still do so, or
 * never.
 */
export type OperationOutcome = 'returned' | 'failed' | 'open';

/** The name of a client. */
export const CLIENT: is.TextShape = is.text('a name');

/** A history to record operations in. */
export const HISTORY: is.MethodsShape = is.withMethods('begin', 'end', 'fail', 'unknown');

/** An operation of type `O` with a reply of type `R`. */
export interface HistoryOperation<O, R> {
  /** The client that called. A client may have several operations in flight. */
  readonly client: string;
  readonly operation: O;
  readonly outcome: OperationOutcome;
  /** Undefined unless it returned, or if its reply carries no information. */
  readonly reply: R | undefined;
  /** Number of the event at which it began. */
  readonly invokedAt: number;
  /** Number of the event at which it returned or failed; `Infinity` while it is open. */
  readonly respondedAt: number;
  /** When it began, in milliseconds of the history's clock. */
  readonly invokedAtMs: number;
  /** When it returned or failed, in milliseconds of the history's clock; `Infinity` while it is open. */
  readonly respondedAtMs: number;
}

/** True if the first had returned before the second began: only then is their order known. */
export function isBefore(
  first: HistoryOperation<unknown, unknown>,
  second: HistoryOperation<unknown, unknown>,
): boolean {
  return first.respondedAt < second.invokedAt;
}

/** Compares operations by the order of their invocations. */
export function byInvocation(
  a: HistoryOperation<unknown, unknown>,
  b: HistoryOperation<unknown, unknown>,
): number {
  // Not a difference, which is NaN for two freed operations: both began at −Infinity.
  if (a.invokedAt === b.invokedAt) return 0;
  return a.invokedAt < b.invokedAt ? -1 : 1;
}

/** Identifies an operation of a history. */
export type OperationID = number;

/**
 * What an error means for its operation: it is a reply like any other, shows that there was no effect, or leaves that
 * unknown.
 */
export type ErrorMeaning<R> = { readonly reply: R } | 'failed' | 'unknown';

/** The part of a history that {@link checkLinearizable} needs. */
export interface RecordedOperations<O, R> {
  /** All operations so far, in the order of their invocations. */
  operations(): HistoryOperation<O, R>[];
}

type Entry<O, R> = { -readonly [Name in keyof HistoryOperation<O, R>]: HistoryOperation<O, R>[Name] } & {
  isEnded: boolean;
};

/** A history of operations of type `O` with replies of type `R`. Made by {@link createHistory}. */
export class History<O, R> implements RecordedOperations<O, R> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #entries: Entry<O, R>[] = [];
  #events = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * Calls `act` as an operation of a client and passes on its outcome. The value it resolves with is the reply.
   *
   * An error leaves the operation open, because it may have taken effect nevertheless, unless `meaningOf` knows more:
   * undefined means that it does not. The error is rethrown in any case.
   */
  async call<T extends R>(
    client: string,
    operation: O,
    act: () => Promise<T>,
    meaningOf: (error: unknown) => ErrorMeaning<R> | undefined = () => undefined,
  ): Promise<T> {
    check('act', act, is.FUNCTION);
    check('meaningOf', meaningOf, is.FUNCTION);
    const id = this.begin(client, operation);
    try {
      const reply = await act();
      this.end(id, reply);
      return reply;
    } catch (error) {
      this.#endWith(id, meaningOf(error) ?? 'unknown');
      throw error;
    }
  }

  /** Records the start of an operation. It is open until `end`, `fail` or `unknown` is called. */
  begin(client: string, operation: O): OperationID {
    check('client', client, CLIENT);
    this.#entries.push({
      client,
      operation,
      invokedAt: this.#events,
      invokedAtMs: this.#clock.now(),
      outcome: 'open',
      isEnded: false,
      reply: undefined,
      respondedAt: Infinity,
      respondedAtMs: Infinity,
    });
    this.#events += 1;
    return this.#entries.length - 1;
  }

  /**
   * Records that an operation returned with this reply.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if there is no such operation, or it has ended; so do `fail` and
   * `unknown`.
   */
  end(id: OperationID, reply: R): void {
    this.#close(id, 'returned').reply = reply;
  }

  /** Records that an operation had no effect. */
  fail(id: OperationID): void {
    this.#close(id, 'failed');
  }

  /** Records that nothing waits for an operation any more and its effect is unknown: it stays open for good. */
  unknown(id: OperationID): void {
    this.#take(id);
  }

  operations(): HistoryOperation<O, R>[] {
    return this.#entries.map(({ isEnded: _, ...operation }) => operation);
  }

  #endWith(id: OperationID, meaning: ErrorMeaning<R>): void {
    if (meaning === 'unknown') this.unknown(id);
    else if (meaning === 'failed') this.fail(id);
    else this.end(id, meaning.reply);
  }

  #close(id: OperationID, outcome: OperationOutcome): Entry<O, R> {
    const entry = this.#take(id);
    entry.outcome = outcome;
    entry.respondedAt = this.#events;
    entry.respondedAtMs = this.#clock.now();
    this.#events += 1;
    return entry;
  }

  #take(id: OperationID): Entry<O, R> {
    const entry = Number.isSafeInteger(id) ? this.#entries[id] : undefined;
    if (entry === undefined || entry.isEnded) {
      throw invalidArgument('id', 'an operation that has begun and has not ended', id);
    }
    entry.isEnded = true;
    return entry;
  }
}

/**
 * Makes an empty history. Times are those of `clock`, in milliseconds; they are only for people, since only the order
 * of events counts.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a clock.
 * @example
 * ```ts
 * import { checkLinearizable, createHistory, registerModel, type RegisterCall } from 'dryrunner';
 * import { createVirtualClock } from 'dryrunner/kernel';
 * const history = createHistory<RegisterCall<number>, number | boolean | undefined>(createVirtualClock());
 * let register = 0;
 * const write = history.call('a', { kind: 'write', value: 1 }, async () => void (register = 1));
 * await history.call('b', { kind: 'read' }, async () => register);
 * await write;
 * const { linearizable } = checkLinearizable(history, registerModel(0));
 * if (linearizable !== true) throw new Error('a single variable is linearizable');
 * ```
 */
export function createHistory<O, R>(clock: Pick<Clock, 'now'>): History<O, R> {
  check('clock', clock, TIME);
  return new History<O, R>(clock);
}
