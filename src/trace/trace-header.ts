/**
 * The first and the last line of a file. The first says what the file is, the last how much it holds, so that a file that was
 * cut off or changed is known for one. Invariant: wall time and places on the host occur in the header of a recording only.
 */

/** What the first line calls the format. See {@link openTrace}. */
export const TRACE_FORMAT = 'dryrunner';
/** The newest version that this package reads. */
export const TRACE_VERSION = 2;

/** What a file holds. */
export type TraceKind = 'simulation' | 'decisions' | 'recording';

/** The version that this package writes and reads, by kind: what has not changed keeps its number. */
export const TRACE_VERSIONS: Readonly<Record<TraceKind, number>> = Object.freeze({
  simulation: 2,
  decisions: 2,
  recording: 2,
});

interface SimulatedHeader {
  /** The scenario's name, or its file as given on the command line. */
  readonly scenario?: string;
  /** The seed as text; absent if decisions did not come from one. */
  readonly seed?: string;
  /** Name and version of the program that wrote the file. */
  readonly writtenBy?: string;
  /** Anything else that the writer of the file wants to find again. */
  readonly meta?: Readonly<Record<string, string>>;
}

/** Header of what a simulation did: its decisions and its events. */
export interface SimulationHeader extends SimulatedHeader {
  readonly kind: 'simulation';
}

/** Header of a decision log. */
export interface DecisionsHeader extends SimulatedHeader {
  readonly kind: 'decisions';
}

/** Header of runs that really happened. */
export interface RecordingHeader {
  readonly kind: 'recording';
  /** When the recording began: wall time, ISO 8601. */
  readonly startedAt?: string;
  /** The machine's name. */
  readonly host?: string;
  /** The working directory on that machine. */
  readonly directory?: string;
  readonly writtenBy?: string;
  readonly meta?: Readonly<Record<string, string>>;
}

/** The first line, without format and version, which are the package's business. */
export type TraceHeader = SimulationHeader | DecisionsHeader | RecordingHeader;

/** The last line. */
export interface TraceFooter {
  readonly decisions: number;
  readonly events: number;
  /** Always 0: recordings of version 1 had lines of that type. */
  readonly runs: number;
  /** In a recording: what went in and out of the runners, events left out. */
  readonly steps?: number;
  /** The rolling hash of all events, in a simulation only: equal to the `hash()` of the recorder that got them. */
  readonly traceHash?: string;
  /** SHA-256 of all lines before this one, each with a single newline at its end. */
  readonly sha256: string;
}
