// Timelines as a reader of the format that is not ours sees them.
import { buildModel } from '@tracerbench/trace-model';

/** What the reader makes of a file. */
export type TimelineModel = ReturnType<typeof buildModel>;
type LaneEvent = TimelineModel['processes'][number]['threads'][number]['events'][number];

/** The timeline in this JSON text. */
export function readTimeline(json: string): TimelineModel {
  return buildModel(JSON.parse(json));
}

/** Lanes by name, each with its slices and marks. */
export function lanesOf(model: TimelineModel): Map<string | undefined, LaneEvent[]> {
  const threads = model.processes.flatMap((process) => process.threads);
  return new Map(
    threads.map((thread) => [thread.name, thread.events.filter(({ ph }) => ['X', 'i'].includes(ph))]),
  );
}

/** What happened in a lane, in order. */
export function namesIn(model: TimelineModel, lane: string): string[] {
  return (lanesOf(model).get(lane) ?? []).map(({ name }) => name);
}
