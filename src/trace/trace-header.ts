/**
 * The first and the last line of a file. The first identifies the file; the last states how much it contains, so that a
 * truncated or modified file is detected. Invariant: wall time and places on the host occur only in the header of a
 * recording.
 */

/** Name of the format in the first line. See {@link openTrace}. */
export const TRACE_FORMAT = 'dryrunner';
/** How the first line of every file begins. */
export const TRACE_BEGINNING: string = `{"format":"${TRACE_FORMAT}"`;

/** The kind of a file. */
export type TraceKind = 'simulation' | 'decisions' | 'recording';

/** The version that this package writes and reads, by kind; a kind that has not changed keeps its version. */
export const TRACE_VERSIONS: Readonly<Record<TraceKind, number>> = Object.freeze({
  simulation: 2,
  decisions: 2,
  recording: 2,
});
/** The newest version that this package reads, of any kind. */
export const TRACE_VERSION: number = Math.max(...Object.values(TRACE_VERSIONS));

/** True for the beginning of a file of one of `kinds`, of any version. */
export function beginsAsTrace(text: string, kinds: readonly TraceKind[]): boolean {
  const rest = text.startsWith(TRACE_BEGINNING) ? text.slice(TRACE_BEGINNING.length) : '';
  const [, kind] = /^,"version":\d+,"kind":"(\w+)"/.exec(rest) ?? [];
  return kinds.some((known) => known === kind);
}

interface SimulatedHeader {
  /** The scenario's name, or its file as given on the command line. */
  readonly scenario?: string;
  /** The seed as text; absent if decisions did not come from one. */
  readonly seed?: string;
  /** Name and version of the program that wrote the file. */
  readonly writtenBy?: string;
  /** Any other data of the file's writer. */
  readonly meta?: Readonly<Record<string, string>>;
}

/** Header of a simulation: its decisions and its events. */
export interface SimulationHeader extends SimulatedHeader {
  readonly kind: 'simulation';
}

/** Header of a decision log. */
export interface DecisionsHeader extends SimulatedHeader {
  readonly kind: 'decisions';
}

/** Header of a recording of real runs. */
export interface RecordingHeader {
  readonly kind: 'recording';
  /** Start of the recording: wall time, ISO 8601. */
  readonly startedAt?: string;
  /** The machine's name. */
  readonly host?: string;
  /** The working directory on that machine. */
  readonly directory?: string;
  readonly writtenBy?: string;
  readonly meta?: Readonly<Record<string, string>>;
}

/** The first line, without format and version, which the package manages itself. */
export type TraceHeader = SimulationHeader | DecisionsHeader | RecordingHeader;

/** The last line: counts and sums of the lines before it. */
export interface TraceFooter {
  readonly decisions: number;
  readonly events: number;
  /** Always 0: no line has that type. */
  readonly runs: number;
  /** In a recording: number of steps, without events. */
  readonly steps?: number;
  /** In a simulation: the rolling hash of all events, equal to `hash()` of the recorder that received them. */
  readonly traceHash?: string;
  /** SHA-256 of all earlier lines, each terminated by a single newline. */
  readonly sha256: string;
}
