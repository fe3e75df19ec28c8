/** Reads the first line of a file: what it is, how new it is, and whether it is of the kind that was asked for. */
import { describeValue } from '../kernel/errors.ts';
import { HEADER_SHAPES } from './file-shapes.ts';
import { checkLine, withoutFields } from './line-check.ts';
import type { ParsedLine } from './line-check.ts';
import type { Line, LineReader } from './line-reader.ts';
import { isObject } from './shape-check.ts';
import type { TraceProblem } from './trace-format-error.ts';
import { TraceFormatError } from './trace-format-error.ts';
import type { TraceHeader, TraceKind } from './trace-header.ts';
import { TRACE_FORMAT, TRACE_VERSION, TRACE_VERSIONS } from './trace-header.ts';

/** No header is longer; a foreign file without newlines is known for one after this much. */
const HEADER_BYTES_MAX = 1024 * 1024;
const BEGINNING = `{"format":"${TRACE_FORMAT}"`;

const KINDS_IN_WORDS: Readonly<Record<TraceKind, string>> = {
  simulation: 'a simulation',
  decisions: 'a decision log',
  recording: 'a recording',
};

/** What to do with a file of an older version. */
const TOO_OLD_HINTS: Readonly<Record<TraceKind, string>> = {
  simulation: 'older ones have questions as texts only; run the scenario again with --trace',
  decisions: 'older ones have questions as texts only; run dryrunner explore again to find the failure anew',
  recording: 'older ones do not hold what an exact replay needs; record the command again',
};

/** A header and the line it stood on. */
export interface HeaderLine {
  readonly header: TraceHeader;
  readonly text: string;
}

/** Reads the header, and checks that it is of `kind` if one is given. */
export async function readHeader(lines: LineReader, kind?: TraceKind): Promise<HeaderLine> {
  const line = await lines.next(HEADER_BYTES_MAX);
  if (line === undefined || line.text.trim() === '') {
    throw headerError('empty', 'a first line with format, version and kind', 'nothing');
  }
  const value = parseFirst(line);
  if (!isObject(value) || value['format'] !== TRACE_FORMAT) {
    throw headerError('foreign', `a file of format "${TRACE_FORMAT}"`, describeValue(line.text));
  }
  checkVersion(value['version']);
  return { header: headerOf(value, kind), text: line.text };
}

function parseFirst({ text, isEnded }: Line): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const isCut = !isEnded && (text.startsWith(BEGINNING) || BEGINNING.startsWith(text));
    if (isCut) throw headerError('truncated', 'a whole line', describeValue(text));
    return undefined;
  }
}

function checkVersion(version: unknown): void {
  if (!Number.isSafeInteger(version) || (version as number) < 1) {
    throw headerError('corrupted', 'version: a whole number ≥ 1', describeValue(version));
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
