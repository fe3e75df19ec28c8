/** Finds the first event in which two traces differ, and describes it. Equal traces have none (R209). */
import * as is from '../kernel/shape.ts';
import { check, checkedIterable, startOf } from '../kernel/argument-check.ts';
import { onOneLine } from '../kernel/one-line.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { DataDifference } from './data-difference.ts';
import { findDataDifference, formatDataDifference } from './data-difference.ts';
import { formatEvent } from './event-text.ts';

/** The first difference of two traces. */
export interface EventDifference {
  /** Position of the event, from 0. */
  readonly index: number;
  /** `undefined` if that trace has ended. */
  readonly first: TraceEvent | undefined;
  readonly second: TraceEvent | undefined;
  /** The field, such as `status.state`; empty if one trace has ended or the events are of different types. */
  readonly path: string;
  /** Description in one line. */
  readonly text: string;
}

/**
 * The first difference of two lists of events; `undefined` if they are equal.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a list. Errors thrown by a list are passed on.
 * @example
 * ```ts
 * import { diffEvents } from 'dryrunner/trace';
 * const difference = diffEvents([{ type: 'released', at: 1, runner: 'worker' }], []);
 * if (difference?.index !== 0) throw new Error('the first event');
 * ```
 */
export function diffEvents(
  first: Iterable<TraceEvent>,
  second: Iterable<TraceEvent>,
): EventDifference | undefined {
  const one = checkedIterable('first', first)[Symbol.iterator]();
  const other = checkedIterable('second', second)[Symbol.iterator]();
  for (let index = 0; ; index++) {
    const a = valueOf(one.next());
    const b = valueOf(other.next());
    const difference = differenceAt(index, a, b);
    if (difference === undefined && a !== undefined) continue;
    if (a !== undefined) one.return?.();
    if (b !== undefined) other.return?.();
    return difference;
  }
}

/**
 * As {@link diffEvents}, for traces that are still being read; reads only up to the first difference.
 *
 * @param partOf what is compared of each event; default all of it.
 */
export async function diffEventStreams(
  first: AsyncIterable<TraceEvent> | Iterable<TraceEvent>,
  second: AsyncIterable<TraceEvent> | Iterable<TraceEvent>,
  partOf: (event: TraceEvent) => object = (event) => event,
): Promise<EventDifference | undefined> {
  const one = iterate('first', first);
  const other = iterate('second', second);
  try {
    for (let index = 0; ; index++) {
      const a = valueOf(await one.next());
      const b = valueOf(await other.next());
      const difference = differenceAt(index, a, b, partOf);
      if (difference !== undefined || a === undefined) return difference;
    }
  } finally {
    await one.return?.();
    await other.return?.();
  }
}

type Events = Iterator<TraceEvent, unknown> | AsyncIterator<TraceEvent, unknown>;

function iterate(name: string, source: AsyncIterable<TraceEvent> | Iterable<TraceEvent>): Events {
  check(name, source, is.ANY_ITERABLE);
  return startOf<Events>(name, source, () =>
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator](),
  );
}

function valueOf(result: IteratorResult<TraceEvent, unknown>): TraceEvent | undefined {
  return result.done === true ? undefined : result.value;
}

function differenceAt(
  index: number,
  first: TraceEvent | undefined,
  second: TraceEvent | undefined,
  partOf: (event: TraceEvent) => object = (event) => event,
): EventDifference | undefined {
  const [one, other] = [first, second].map((event) => event && partOf(event));
  const found = findDataDifference(one, other);
  if (found === undefined) return undefined;
  const isSameType = first?.type === second?.type;
  const path = isSameType ? found.path : '';
  return { index, first, second, path, text: textOf(index, first, second, isSameType ? found : undefined) };
}

function textOf(
  index: number,
  first: TraceEvent | undefined,
  second: TraceEvent | undefined,
  field: DataDifference | undefined,
): string {
  const [one, other] = [first, second].map((event) =>
    event === undefined ? 'the end' : `"${formatEvent(event)}"`,
  );
  const where = field === undefined ? '' : ` in ${formatDataDifference(field)}`;
  return onOneLine(`event ${index} differs${where}: first ${one}, second ${other}`);
}
