/**
 * Simulations as files of kind `simulation`: the decisions that determine an execution of a scenario, then its events.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { TextSource } from './line-reader.ts';
import type { SimulationHeader, TraceFooter } from './trace-header.ts';
import type { TraceReaderOptions } from './trace-reader.ts';
import { READER_OPTIONS, openTrace } from './trace-reader.ts';
import { createTraceWriter } from './trace-writer.ts';

/** The decisions and events of a simulation. */
export interface SimulationRecord {
  readonly decisions: Iterable<Decision>;
  readonly events: Iterable<TraceEvent>;
}

/** The content of a simulation file. */
export interface SimulationFile {
  readonly header: SimulationHeader;
  readonly footer: TraceFooter;
  readonly decisions: readonly Decision[];
  readonly events: readonly TraceEvent[];
}

/**
 * The lines of a simulation, each with its newline: equal records give equal bytes (R209).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` at the first event or decision that the format cannot hold.
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { readSimulation, simulationLines } from 'dryrunner/trace';
 * const verdict = await simulate({ seed: 1, keepTrace: true, scenario: (sim) => sim.sleep(5) });
 * const lines = simulationLines({ decisions: verdict.decisions(), events: verdict.trace() }, { seed: '1' });
 * const { footer } = await readSimulation(lines);
 * if (footer.events !== verdict.trace().length) throw new Error('lost');
 * ```
 */
export function* simulationLines(
  record: SimulationRecord,
  header: Omit<SimulationHeader, 'kind'> = {},
): Generator<string, void, void> {
  check('record', record, is.readable('an object with decisions and events'));
  const { decisions, events } = record;
  check('record.decisions', decisions, is.ITERABLE);
  check('record.events', events, is.ITERABLE);
  check('header', header, is.readable('an object'));
  const writer = createTraceWriter({ ...header, kind: 'simulation' });
  yield writer.header();
  for (const decision of decisions) yield writer.decision(decision);
  for (const event of events) yield writer.event(event);
  yield writer.end();
}

/**
 * Reads a whole simulation into memory; `openTrace` reads one of any size.
 * See {@link simulationLines}.
 *
 * @throws TraceFormatError for anything but a complete file of kind `simulation`.
 */
export async function readSimulation(
  source: TextSource,
  options: Omit<TraceReaderOptions, 'kind'> = {},
): Promise<SimulationFile> {
  check('options', options, READER_OPTIONS);
  const trace = await openTrace(source, { ...options, kind: 'simulation' });
  const decisions: Decision[] = [];
  const events: TraceEvent[] = [];
  for await (const entry of trace) {
    if (entry.type === 'decision') decisions.push(entry.decision);
    if (entry.type === 'event') events.push(entry.event);
  }
  const { header, footer } = trace;
  return { header: header as SimulationHeader, footer: footer as TraceFooter, decisions, events };
}
