/**
 * The file of a timeline. Invariant: it begins with {@link TIMELINE_BEGINNING}, by which it is known when it may be
 * overwritten.
 */
import type { Timeline } from '../explore/timeline/timeline.ts';

/** How the file of a timeline begins. */
export const TIMELINE_BEGINNING = '{"displayTimeUnit":"ms","otherData":{"scenario":';

/** The JSON text in pieces, one event per line. */
export function* timelineLines({ traceEvents, otherData }: Timeline): Generator<string, void, void> {
  const { scenario = '', ...others } = otherData;
  const rest = JSON.stringify(others).slice(1);
  yield `${TIMELINE_BEGINNING}${JSON.stringify(scenario)}${rest === '}' ? rest : `,${rest}`},"traceEvents":[`;
  for (const [index, event] of traceEvents.entries()) {
    yield `${index === 0 ? '' : ','}\n${JSON.stringify(event)}`;
  }
  yield '\n]}\n';
}
