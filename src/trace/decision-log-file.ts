/** Decision logs as files of kind `decisions`: every open question, its number of answers, and the answer taken. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { TextSource } from './line-reader.ts';
import type { DecisionsHeader } from './trace-header.ts';
import type { TraceReaderOptions } from './trace-reader.ts';
import { READER_OPTIONS, openTrace } from './trace-reader.ts';
import { createTraceWriter } from './trace-writer.ts';

/** The content of a decision log. */
export interface DecisionLogFile {
  readonly header: DecisionsHeader;
  readonly decisions: readonly Decision[];
}

/**
 * The lines of a decision log, each with its newline.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` at the first invalid decision.
 * @example
 * ```ts
 * import { question } from 'dryrunner/kernel';
 * import { decisionLogLines, readDecisionLog } from 'dryrunner/trace';
 * const log = [{ question: question('choice', 'which'), n: 3, answer: 2 }];
 * const { decisions } = await readDecisionLog(decisionLogLines(log, { seed: '42' }));
 * if (decisions[0]?.answer !== 2) throw new Error('lost');
 * ```
 */
export function* decisionLogLines(
  decisions: Iterable<Decision>,
  header: Omit<DecisionsHeader, 'kind'> = {},
): Generator<string, void, void> {
  check('decisions', decisions, is.ITERABLE);
  check('header', header, is.readable('an object'));
  const writer = createTraceWriter({ ...header, kind: 'decisions' });
  yield writer.header();
  for (const decision of decisions) yield writer.decision(decision);
  yield writer.end();
}

/**
 * Reads a whole decision log.
 * See {@link decisionLogLines}.
 *
 * @throws TraceFormatError for anything but a complete file of kind `decisions`.
 */
export async function readDecisionLog(
  source: TextSource,
  options: Omit<TraceReaderOptions, 'kind'> = {},
): Promise<DecisionLogFile> {
  check('options', options, READER_OPTIONS);
  const trace = await openTrace(source, { ...options, kind: 'decisions' });
  const decisions: Decision[] = [];
  for await (const entry of trace) if (entry.type === 'decision') decisions.push(entry.decision);
  return { header: trace.header as DecisionsHeader, decisions };
}
