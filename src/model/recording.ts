/**
 * A recording: everything that went into and came out of the runners of one program, in order. A replay plays back the
 * inputs (calls, clock events, answers of collaborators, output of processes). The outputs (statuses and other trace
 * events, requests to collaborators, cancellations, answers to calls) follow from them and are there to be compared.
 * Invariant: times count from the start of the recording, are whole microseconds and never go back; no step contains
 * wall time, a path or a pid of the host, except within the texts of commands, errors and output.
 */
import type { Command } from './command.ts';
import type { MemoryReport, ProcessStatus } from './execer.ts';
import type { RunState } from './run-state.ts';
import type { RunID } from './run-status.ts';
import type { RunType } from './run-type.ts';
import type { TraceEvent } from './trace-event.ts';

/**
 * Kinds of requests to a collaborator. `write` is the header or trailer of a log; the writes of a process are
 * {@link RecordedStep} `output`.
 */
export type AskKind =
  | 'init'
  | 'check'
  | 'update'
  | 'preprocess'
  | 'checkout'
  | 'tempdir'
  | 'output'
  | 'write'
  | 'exec'
  | 'wait'
  | 'ended'
  | 'kill'
  | 'measure'
  | 'upload'
  | 'close'
  | 'release'
  | 'postprocess';

/** Stands for an output or upload that has no place. */
export const NO_URI = 'none:';

/** How a collaborator answered: with an error, a value, or merely by returning (no field set). */
export interface RecordedAnswer {
  /** The text of the error that it threw or rejected with. */
  readonly error?: string;
  /** The exit code of the error, if it carries one. */
  readonly exitCode?: number;
  /** The code of the error, if it is a `RunnerError`. */
  readonly code?: string;
  /** The URI of an output or upload, without the parts that depend on the host. */
  readonly uri?: string;
  /** How a process ended. */
  readonly status?: ProcessStatus;
  /** Measured sizes: suffix → kilobytes. */
  readonly sizesKb?: Readonly<Record<string, number>>;
}

/** A filer of a recorded runner. */
export interface RecordedFiler {
  readonly type: RunType;
  /** Absent: unbounded. */
  readonly cancelBoundMs?: number;
  readonly updateIntervalMs: number;
  /** True if the runner waits for the filer's initialization before it accepts runs. */
  readonly hasInit: boolean;
}

/** A pre- or postprocessor of a recorded runner, or its uploader. */
export interface RecordedCollaborator {
  readonly name: string;
  /** Absent: unbounded. */
  readonly cancelBoundMs?: number;
  /** For an uploader: time limit of one upload. */
  readonly uploadBoundMs?: number;
}

/** The settings of a recorded runner. A bound that is absent does not exist. */
export interface RecordedSettings {
  readonly capacity: number;
  /** Absent: derived from the capacity. */
  readonly history?: number;
  readonly idPrefix: string;
  readonly updateLimitMs?: number;
  readonly localBoundMs: number;
  readonly execBoundMs?: number;
  readonly tempDirBoundMs?: number;
  readonly filers: readonly RecordedFiler[];
  readonly preprocessors: readonly RecordedCollaborator[];
  readonly postprocessors: readonly RecordedCollaborator[];
  readonly uploader?: RecordedCollaborator;
  /** True if it has a directory monitor. */
  readonly measures: boolean;
}

/** The calls that change state. */
export type RecordedCall = 'run' | 'abort' | 'release';

interface Happened {
  /** Milliseconds since the start of the recording. */
  readonly at: number;
  readonly runner: string;
}

interface InputStep extends Happened {
  /** True if it arrived while the runner was busy with something else: a collaborator or listener called back. */
  readonly nested?: boolean;
}

/**
 * A request to a collaborator: its kind, its subject, and its number among requests of that kind and subject, from 1.
 */
export interface RecordedAsk extends Happened {
  readonly what: AskKind;
  readonly name: string;
  readonly nth: number;
}

/** One input or output of a runner, apart from the events of its trace. */
export type RecordedStep =
  /** In: the runner was created. */
  | (InputStep & { readonly type: 'runner'; readonly settings: RecordedSettings })
  /** In: the runner was called. `command` is absent if what was passed is not a command. */
  | (InputStep & {
      readonly type: 'call';
      readonly call: RecordedCall;
      readonly nth: number;
      readonly command?: Command;
      readonly runId?: RunID;
    })
  /** In: an event of the runner's clock fired; it was scheduled `afterMs` ago with a delay of `delayMs`. */
  | (InputStep & {
      readonly type: 'fired';
      readonly label: string;
      readonly nth: number;
      readonly delayMs: number;
      readonly afterMs: number;
    })
  /** Out: the runner sent a request to a collaborator. `answer` is present if it was answered at once. */
  | (RecordedAsk & { readonly type: 'asked'; readonly answer?: RecordedAnswer })
  /** Out: the runner asked the collaborator to stop. */
  | (RecordedAsk & { readonly type: 'cancelled' })
  /** In: the collaborator answered later, `afterMs` after the request. */
  | (RecordedAsk &
      InputStep & { readonly type: 'answered'; readonly afterMs: number; readonly answer: RecordedAnswer })
  /** In: the process of a run wrote, `afterMs` after it was requested. Output that was not kept is only counted. */
  | (InputStep & {
      readonly type: 'output';
      readonly runId: RunID;
      readonly stream: 'stdout' | 'stderr';
      readonly afterMs: number;
      /** The process wrote text. */
      readonly text?: string;
      /** The process wrote bytes, which are this text in UTF-8. */
      readonly utf8?: string;
      /** The process wrote bytes that are not valid UTF-8. */
      readonly base64?: string;
      readonly cutBytes?: number;
    })
  /** In: the process of a run exceeded its memory cap, `afterMs` after it was requested. */
  | (InputStep & {
      readonly type: 'memory';
      readonly runId: RunID;
      readonly afterMs: number;
      readonly kind: MemoryReport['kind'];
      readonly status: ProcessStatus;
    })
  /** Out: a call returned, `afterMs` after it was made, with a status or an error. */
  | (Happened & {
      readonly type: 'returned';
      readonly call: RecordedCall;
      readonly nth: number;
      readonly afterMs: number;
      readonly runId?: RunID;
      readonly state?: RunState;
      readonly exitCode?: number;
      readonly error?: string;
      readonly code?: string;
    });

/** A step, or an event of a runner's trace; a recording has both in one order. */
export type RecordedEntry = RecordedStep | TraceEvent;

/** Everything that happened to the recorded runners. */
export interface Recording {
  readonly entries: readonly RecordedEntry[];
}

const INPUT_TYPES: ReadonlySet<string> = new Set(['runner', 'call', 'fired', 'answered', 'output', 'memory']);

const STEPS: ReadonlySet<string> = new Set([...INPUT_TYPES, 'asked', 'cancelled', 'returned']);

/** True for a step, false for an event of a runner's trace. */
export function isStep(entry: RecordedEntry): entry is RecordedStep {
  return STEPS.has(entry.type);
}

/** A step that went into a runner. */
export type RecordedInput = Extract<
  RecordedStep,
  { readonly type: 'runner' | 'call' | 'fired' | 'answered' | 'output' | 'memory' }
>;

/** True for inputs, which are played back; everything else follows from them. */
export function isInput(entry: RecordedEntry): entry is RecordedInput {
  return INPUT_TYPES.has(entry.type);
}

/** One chunk of output: its time since the process started, its stream, and its text or base64 bytes. */
export interface RecordedChunk {
  readonly atMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text?: string;
  readonly base64?: string;
}

/** A status as it was observed, at a time since the run was accepted. */
export interface RecordedStatus {
  readonly atMs: number;
  readonly state: RunState;
  readonly exitCode: number;
  readonly error: string;
}

/** One run as it really happened. */
export interface RecordedRun {
  readonly runId: string;
  /** The runner of the run, because another one may have a run of the same id. Absent: there is only one runner. */
  readonly runner?: string;
  readonly command: Command;
  /** Time of its acceptance, since the start of the recording. */
  readonly acceptedAtMs: number;
  readonly statuses: readonly RecordedStatus[];
  readonly output: readonly RecordedChunk[];
  /** Time at which an abort was requested, since the acceptance; absent if none was. */
  readonly abortedAtMs?: number;
}

/**
 * Numbers the requests, clock events and calls of one recorded runner: each is named by its kind, its own name, and a
 * number among equals, from 1. Invariant: the recorder and the player both take names from here, so that a replay,
 * which does things in the same order, finds each of them again.
 */
export class RecordedNames {
  readonly #counts = new Map<string, number>();

  /** Number of a request to a collaborator. */
  ask(what: AskKind, name: string): number {
    return this.#next(`${what} ${name}`);
  }

  /** Number of an event that the runner schedules on its clock. */
  event(label: string): number {
    return this.#next(`timer ${label}`);
  }

  /** Number of a call on the runner. */
  call(call: RecordedCall): number {
    return this.#next(`call ${call}`);
  }

  /** Number of the address that an upload was given. */
  uploadUri(): number {
    return this.#next('upload uri');
  }

  #next(name: string): number {
    const nth = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, nth);
    return nth;
  }
}

/** Name of an upload: that of its file, because every runner draws a new folder. */
export function uploadName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
