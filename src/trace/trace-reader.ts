/**
 * Reads traces, decision logs and recordings of any size, line by line, and validates every line completely. Invariant:
 * reading a file to its end without an error yields exactly what was written; a file that was truncated, modified or
 * written by a newer version fails with a `TraceFormatError` that says where.
 */
import * as is from '../kernel/shape.ts';
import { describeValue, invalidArgument } from '../kernel/errors.ts';
import { HEADER_SHAPES, FOOTER_SHAPE, LINE_SHAPES } from './file-shapes.ts';
import { checkLine, withoutFields, type ParsedLine, corrupted, parseLine } from './line-check.ts';
import { type Line, LineReader, type TextSource } from './line-reader.ts';
import { type TraceProblem, TraceFormatError } from './trace-format-error.ts';
import {
  type TraceHeader,
  type TraceKind,
  TRACE_BEGINNING,
  TRACE_FORMAT,
  TRACE_VERSION,
  TRACE_VERSIONS,
  type TraceFooter,
} from './trace-header.ts';
import { check } from '../kernel/argument-check.ts';
import type { Decision } from '../kernel/decisions.ts';
import { questionFrom } from '../kernel/question.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { isStep, type RecordedStep } from '../model/recording.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { DecisionLine } from './model-shapes.ts';
import { TraceSums } from './trace-sums.ts';

/** Maximum length of a header; a foreign file without newlines is recognized after this much. */
const HEADER_BYTES_MAX = 1024 * 1024;

const KINDS_IN_WORDS: Readonly<Record<TraceKind, string>> = {
  simulation: 'a simulation',
  decisions: 'a decision log',
  recording: 'a recording',
};

/** Hints for files of an older version. */
const TOO_OLD_HINTS: Readonly<Record<TraceKind, string>> = {
  simulation: 'older ones have questions as texts only; run the scenario again with --trace',
  decisions: 'older ones have questions as texts only; run dryrunner explore again to find the failure anew',
  recording: 'older ones do not hold what an exact replay needs; record the command again',
};

/** What can be concluded about a file whose sums do not match, and a remedy. */
function changedHint(kind: TraceKind): string {
  const remedy =
    kind === 'recording'
      ? 'play it with replay --edited, or read it in code with isEdited: true'
      : 'only code can read it, with isEdited: true';
  return `the file was changed after it was written; if that was on purpose, ${remedy}`;
}

/** A header, and the text of its line. */
export interface HeaderLine {
  readonly header: TraceHeader;
  readonly text: string;
}

/** Reads the first line of a file, checks its format and version, and its kind if `kind` is given. */
async function readHeader(lines: LineReader, kind?: TraceKind): Promise<HeaderLine> {
  const line = await lines.next(HEADER_BYTES_MAX);
  if (line === undefined || line.text.trim() === '') {
    throw headerError('empty', 'a first line with format, version and kind', 'nothing');
  }
  const value = parseFirst(line);
  if (!is.isObject(value) || value['format'] !== TRACE_FORMAT) {
    throw headerError('foreign', `a file of format "${TRACE_FORMAT}"`, describeValue(line.text));
  }
  checkVersion(value['version']);
  return { header: headerOf(value, kind), text: line.text };
}

function parseFirst({ text, isEnded }: Line): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const isCut = !isEnded && (text.startsWith(TRACE_BEGINNING) || TRACE_BEGINNING.startsWith(text));
    if (isCut) throw headerError('truncated', 'a whole line', describeValue(text));
    if (text.startsWith(TRACE_BEGINNING)) {
      throw headerError('corrupted', 'a JSON object', describeValue(text));
    }
    return undefined;
  }
}

function checkVersion(version: unknown): void {
  if (!Number.isSafeInteger(version) || (version as number) < 1) {
    throw headerError('corrupted', 'version: an integer ≥ 1', describeValue(version));
  }
  if ((version as number) > TRACE_VERSION) {
    const expected = `a version up to ${TRACE_VERSION}, which is what this version of dryrunner reads`;
    throw headerError('too-new', expected, `version ${version as number}`);
  }
}

function headerOf(value: ParsedLine, wanted: TraceKind | undefined): TraceHeader {
  const kind = Object.keys(HEADER_SHAPES).find((known): known is TraceKind => known === value['kind']);
  if (kind === undefined) {
    const expected = `kind: one of ${Object.keys(HEADER_SHAPES).join(', ')}`;
    throw headerError('corrupted', expected, describeValue(value['kind']));
  }
  checkVersionOf(kind, value['version'] as number);
  checkLine(1, HEADER_SHAPES[kind], value);
  if (wanted !== undefined && wanted !== kind) {
    throw headerError('wrong-kind', `a file of kind ${wanted}`, `one of kind ${kind}`);
  }
  return withoutFields(value, 'format', 'version') as unknown as TraceHeader;
}

function checkVersionOf(kind: TraceKind, version: number): void {
  const known = TRACE_VERSIONS[kind];
  if (version === known) return;
  const actual = `version ${version}`;
  const expected = `${KINDS_IN_WORDS[kind]} of version ${known}`;
  if (version > known) throw headerError('too-new', expected, actual);
  throw headerError('too-old', expected, actual, TOO_OLD_HINTS[kind]);
}

function headerError(
  problem: TraceProblem,
  expected: string,
  actual: string,
  hint?: string,
): TraceFormatError {
  const advice = hint === undefined ? {} : { hint };
  return new TraceFormatError({ problem, line: 1, expected, actual, ...advice });
}

/** The content of a line between the first and the last. */
export type TraceEntry =
  | { readonly type: 'event'; readonly event: TraceEvent }
  | { readonly type: 'decision'; readonly decision: Decision }
  | { readonly type: 'step'; readonly step: RecordedStep };

/** Options of {@link openTrace}. */
export interface TraceReaderOptions {
  /** The kind that is required; any kind if absent. */
  readonly kind?: TraceKind;
  /**
   * Maximum length in bytes of a line after the first, which bounds the memory used; the first has at most 1 MiB.
   * Default: 256 MiB for recordings, 16 MiB for other kinds.
   */
  readonly maxLineBytes?: number;
  /**
   * True: the file was edited on purpose, so the sums in its last line are not checked; every line still is. Writing
   * the entries again gives a file with correct sums. Default: false.
   */
  readonly isEdited?: boolean;
}

/** Argument shape of {@link TraceReaderOptions}. */
export const READER_OPTIONS: is.RecordShape = is.optionsOf<TraceReaderOptions>(
  {},
  { kind: is.TEXT, maxLineBytes: is.integer(1), isEdited: is.BOOLEAN },
);

/** An opened file whose header has been read. Its entries can be read once. */
export interface OpenTrace extends AsyncIterable<TraceEntry> {
  readonly header: TraceHeader;
  /** The content of the last line; `undefined` until all entries have been read. */
  readonly footer: TraceFooter | undefined;
  /**
   * Whether the sums of the last line are those of the lines before it; false only with `isEdited`, `undefined` until
   * all entries have been read.
   */
  readonly sumsFit: boolean | undefined;
  /** Closes the source without reading on. Reading to the end, or leaving a `for await`, also closes it. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
const TRACE_LINE_BYTES_MAX: Readonly<Record<TraceKind, number>> = Object.freeze({
  simulation: 16 * MEBIBYTE,
  decisions: 16 * MEBIBYTE,
  recording: 256 * MEBIBYTE,
});

const SUMS = ['decisions', 'events', 'runs', 'steps', 'traceHash', 'sha256'] as const;

class StreamedTrace implements OpenTrace {
  readonly header: TraceHeader;
  footer: TraceFooter | undefined;
  sumsFit: boolean | undefined;
  readonly #lines: LineReader;
  readonly #sums: TraceSums;
  readonly #lineBytesMax: number;
  readonly #isEdited: boolean;
  #isTaken = false;
  #latestAt = 0;

  constructor({ header, text }: HeaderLine, lines: LineReader, options: TraceReaderOptions) {
    this.header = header;
    this.#lines = lines;
    this.#lineBytesMax = options.maxLineBytes ?? TRACE_LINE_BYTES_MAX[header.kind];
    this.#isEdited = options.isEdited ?? false;
    this.#sums = new TraceSums(header.kind);
    this.#sums.addHeader(text);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TraceEntry, void, void> {
    if (this.#isTaken) throw invalidArgument('trace', 'to be read once', 'a second reading');
    this.#isTaken = true;
    try {
      for (;;) {
        const line = await this.#lines.next(this.#lineBytesMax, 'maxLineBytes');
        if (line === undefined) throw this.#truncated();
        const value = parseLine(line);
        if (value['type'] === 'end') {
          this.#finish(line.number, value);
          await this.#expectNothingMore();
          return;
        }
        yield this.#entry(line, value);
      }
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    return this.#lines.close();
  }

  #entry({ number, text }: Line, value: ParsedLine): TraceEntry {
    const { kind } = this.header;
    const type = value['type'];
    const shape = typeof type === 'string' ? LINE_SHAPES[kind].get(type) : undefined;
    if (shape === undefined) {
      const types = [...LINE_SHAPES[kind].keys(), 'end'].join(', ');
      throw corrupted(number, `a type of line that a ${kind} has (${types})`, describeValue(type));
    }
    checkLine(number, shape, value);
    if (type === 'decision') return this.#decision(number, text, value as unknown as DecisionLine);
    if (kind === 'recording') this.#checkTime(number, value['at'] as number);
    const entry = value as unknown as RecordedStep | TraceEvent;
    if (!isStep(entry)) return this.#event(number, text, entry);
    this.#sums.addStep(text);
    return { type: 'step', step: entry };
  }

  #decision(number: number, text: string, { question, n, answer }: DecisionLine): TraceEntry {
    if (answer >= n) throw corrupted(number, `answer: an integer below ${n}`, String(answer));
    this.#sums.addDecision(text);
    try {
      return { type: 'decision', decision: { question: questionFrom(question), n, answer } };
    } catch (cause) {
      throw corrupted(number, 'question: its kind, owner, what and subject', describeValue(text), cause);
    }
  }

  /** Checks that times never decrease. */
  #checkTime(number: number, at: number): void {
    if (at < this.#latestAt) {
      throw corrupted(number, `at: a number ≥ ${this.#latestAt}, as the line before has it`, String(at));
    }
    if (roundedMs(at) !== at) throw corrupted(number, 'at: whole microseconds', String(at));
    this.#latestAt = at;
  }

  #event(number: number, text: string, event: TraceEvent): TraceEntry {
    try {
      this.#sums.addEvent(text, event);
    } catch (cause) {
      throw corrupted(number, 'data that is not nested too deeply', describeValue(text), cause);
    }
    return { type: 'event', event };
  }

  #finish(number: number, value: ParsedLine): void {
    checkLine(number, FOOTER_SHAPE, value);
    const footer = withoutFields(value, 'type') as unknown as TraceFooter;
    const counted = this.#sums.end();
    this.footer = counted;
    const wrong = SUMS.find((key) => footer[key] !== counted[key]);
    this.sumsFit = wrong === undefined;
    if (wrong === undefined || this.#isEdited) return;
    throw new TraceFormatError({
      problem: 'corrupted',
      line: number,
      expected: `${wrong}: ${counted[wrong] ?? 'nothing'}, as the lines before have it`,
      actual: String(footer[wrong]),
      hint: changedHint(this.header.kind),
    });
  }

  async #expectNothingMore(): Promise<void> {
    for (;;) {
      const line = await this.#lines.next(this.#lineBytesMax, 'maxLineBytes');
      if (line === undefined) return;
      if (line.text.trim() === '') continue;
      throw corrupted(line.number, 'nothing after the line of type "end"', describeValue(line.text));
    }
  }

  #truncated(): TraceFormatError {
    return new TraceFormatError({
      problem: 'truncated',
      line: this.#lines.number + 1,
      expected: 'a last line of type "end"',
      actual: 'the end of the file',
    });
  }
}

/**
 * Opens a file of this package: reads its header, and provides its entries as a stream.
 *
 * @throws TraceFormatError if the header does not match `options`, and while reading for any other problem; RunnerError
 * `RUNNER_INVALID_ARGUMENT` for a source or option of the wrong type. Errors of the source are passed on.
 * @example
 * ```ts
 * import { createTraceWriter, openTrace } from 'dryrunner/trace';
 * const writer = createTraceWriter({ kind: 'simulation', seed: '42' });
 * const event = { type: 'note', at: 0, runner: 'worker', text: 'begin' } as const;
 * const trace = await openTrace([writer.header(), writer.event(event), writer.end()]);
 * for await (const entry of trace) if (entry.type !== 'event') throw new Error('no event');
 * if (trace.footer?.events !== 1) throw new Error('one event');
 * ```
 */
export async function openTrace(source: TextSource, options: TraceReaderOptions = {}): Promise<OpenTrace> {
  check('options', options, READER_OPTIONS);
  const lines = new LineReader(source);
  try {
    return new StreamedTrace(await readHeader(lines, options.kind), lines, options);
  } catch (error) {
    await lines.close();
    throw error;
  }
}
