/**
 * Produces the lines of a trace, decision log or recording one at a time, so that a file of any size can be written
 * without holding it in memory. Invariant: equal data gives equal lines (R209), and every line can be read back.
 */
import * as is from '../kernel/shape.ts';
import { canonicalJson, sortedKeys } from './canonical-json.ts';
import { check, isInstance } from '../kernel/argument-check.ts';
import type { Decision } from '../kernel/decisions.ts';
import { RunnerError, invalidArgument } from '../kernel/errors.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { Question, questionData } from '../kernel/question.ts';
import type { RecordedStep } from '../model/recording.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { FOOTER_SHAPE, HEADER_SHAPES, LINE_SHAPES } from './file-shapes.ts';
import { type TraceHeader, TRACE_FORMAT, TRACE_VERSIONS } from './trace-header.ts';
import { TraceSums } from './trace-sums.ts';

const EVENT = is.readable('a trace event');
const DECISION = is.readable('an object with question, n and answer');
const STEP = is.readable('a step of a recording');

/**
 * Formats values as JSON with fields in the order of their shape and keys of maps sorted, so that equal data gives
 * equal bytes however it was built (R209).
 */
function shapeText(shape: is.Shape, value: unknown): string {
  switch (shape.is) {
    case 'text':
    case 'choice':
    case 'number':
    case 'boolean':
      return JSON.stringify(value);
    case 'opaque':
    case 'methods':
    case 'such':
      return canonicalJson(value);
    case 'list':
      return `[${(value as readonly unknown[]).map((held) => shapeText(shape.of, held)).join(',')}]`;
    case 'map':
      return mapText(shape, value as JsonObject);
    case 'record':
      return recordText(shape, value as JsonObject);
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function mapText({ of }: is.MapShape, map: JsonObject): string {
  return `{${sortedKeys(map)
    .map((key) => `${JSON.stringify(key)}:${shapeText(of, map[key])}`)
    .join(',')}}`;
}

/** Builds the text by hand, because it is done for every line of a file. */
function recordText({ fields }: is.RecordShape, record: JsonObject): string {
  let text = '{';
  for (const [key, shape] of fields) {
    const held = record[key];
    if (held === undefined) continue;
    if (text.length > 1) text += ',';
    text += `"${key}":${shapeText(shape, held)}`;
  }
  return `${text}}`;
}

/**
 * Produces the lines of one file, each with its newline: first `header`, then any number of lines that the kind allows,
 * finally `end`. Every method throws `RUNNER_INVALID_ARGUMENT` for data that the format cannot represent, and then
 * produces nothing.
 */
export interface TraceWriter {
  header(): string;
  /** For files of kind `simulation` and `recording`. */
  event(event: TraceEvent): string;
  /** For files of kind `simulation` and `decisions`. */
  decision(decision: Decision): string;
  /** For files of kind `recording`. */
  step(step: RecordedStep): string;
  end(): string;
}

class LineWriter implements TraceWriter {
  readonly #header: TraceHeader;
  readonly #sums: TraceSums;
  #stage: 'new' | 'open' | 'ended' = 'new';
  #latestAt = 0;

  constructor(header: TraceHeader) {
    this.#header = header;
    this.#sums = new TraceSums(header.kind);
  }

  header(): string {
    this.#expect('new', 'header');
    const line = lineOf(HEADER_SHAPES[this.#header.kind], 'header', {
      ...this.#header,
      format: TRACE_FORMAT,
      version: TRACE_VERSIONS[this.#header.kind],
    });
    this.#stage = 'open';
    this.#sums.addHeader(line);
    return `${line}\n`;
  }

  event(event: TraceEvent): string {
    check('event', event, EVENT);
    const line = lineOf(this.#shapeOf(event.type), 'event', event);
    this.#checkTime('event', event);
    this.#sums.addEvent(line, event);
    return `${line}\n`;
  }

  decision(decision: Decision): string {
    check('decision', decision, DECISION);
    const { question, answer, n } = decision;
    if (!isInstance(question, Question)) throw invalidArgument('decision.question', 'a question', question);
    if (answer >= n) throw invalidArgument('decision.answer', `an integer below ${n}`, answer);
    const line = lineOf(this.#shapeOf('decision'), 'decision', {
      type: 'decision',
      question: questionData(question),
      ...{ n, answer },
    });
    this.#sums.addDecision(line);
    return `${line}\n`;
  }

  step(step: RecordedStep): string {
    check('step', step, STEP);
    const line = lineOf(this.#shapeOf(step.type), 'step', step);
    this.#checkTime('step', step);
    this.#sums.addStep(line);
    return `${line}\n`;
  }

  end(): string {
    this.#expect('open', 'end');
    this.#stage = 'ended';
    return `${lineOf(FOOTER_SHAPE, 'end', { type: 'end', ...this.#sums.end() })}\n`;
  }

  /** The times of a recording never decrease; a reader refuses any other, for a replay could not keep them. */
  #checkTime(name: string, { at }: { readonly at: number }): void {
    if (this.#header.kind !== 'recording') return;
    if (at < this.#latestAt) {
      throw invalidArgument(`${name}.at`, `a number ≥ ${this.#latestAt}, as the line before has it`, at);
    }
    if (roundedMs(at) !== at) throw invalidArgument(`${name}.at`, 'whole microseconds', at);
    this.#latestAt = at;
  }

  #shapeOf(type: string): is.RecordShape {
    this.#expect('open', type);
    const shape = LINE_SHAPES[this.#header.kind].get(type);
    if (shape !== undefined) return shape;
    throw invalidArgument('line', `a type of line that a ${this.#header.kind} has`, type);
  }

  #expect(stage: 'new' | 'open', what: string): void {
    if (this.#stage === stage) return;
    const expected = stage === 'new' ? 'the header once, and first' : 'lines between header and end';
    throw new RunnerError(
      'RUNNER_INVALID_ARGUMENT',
      `${what}: expected ${expected}, got it when the file was ${this.#stage}`,
      { expected, actual: this.#stage },
    );
  }
}

function lineOf(shape: is.RecordShape, name: string, value: object): string {
  check(name, value, shape);
  return shapeText(shape, value);
}

/**
 * Creates a writer of one file.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `header.kind` is not a kind of file.
 * @example
 * ```ts
 * import { question } from 'dryrunner/kernel';
 * import { createTraceWriter } from 'dryrunner/trace';
 * const writer = createTraceWriter({ kind: 'decisions', seed: '42' });
 * const decision = { question: question('choice', 'toss'), n: 2, answer: 1 };
 * const text = writer.header() + writer.decision(decision) + writer.end();
 * if (text.split('\n').length !== 4) throw new Error('three lines');
 * ```
 */
export function createTraceWriter(header: TraceHeader): TraceWriter {
  check('header', header, is.readable('an object with kind'));
  if (typeof header.kind !== 'string' || !Object.hasOwn(HEADER_SHAPES, header.kind)) {
    const kinds = Object.keys(HEADER_SHAPES).join(', ');
    throw invalidArgument('header.kind', `one of ${kinds}`, header.kind);
  }
  return new LineWriter(header);
}
