/**
 * A recording: everything that went in and out of the runners of one program, in the order in which it happened. What went in (calls,
 * events of the clock, answers of collaborators, output of processes) is played again; what came out (statuses and other trace events,
 * requests to collaborators, cancellations, answers to calls) follows from it, and is there to be compared. Invariant: times count from
 * the beginning of the recording, are whole microseconds and never go back; no wall time, path or pid of the host is in a step, but for
 * the texts of commands, errors and output.
 */
import type { Command } from './command.ts';
import type { MemoryReport, ProcessStatus } from './execer.ts';
import type { RunState } from './run-state.ts';
import type { RunID } from './run-status.ts';
import type { RunType } from './run-type.ts';
import type { TraceEvent } from './trace-event.ts';

/** What a collaborator can be asked for. `write` is the header or trailer of a log: the writes of a process are {@link RecordedStep} `output`. */
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

/** What a collaborator answered: nothing but its coming back, a value, or an error. */
export interface RecordedAnswer {
  /** The text of what it threw or rejected with. */
  readonly error?: string;
  /** Of an error that carries one. */
  readonly exitCode?: number;
  /** Of a `RunnerError`. */
  readonly code?: string;
  /** Of an output or upload, without what belongs to the host. */
  readonly uri?: string;
  /** How a process ended. */
  readonly status?: ProcessStatus;
  /** What was measured: suffix → kilobytes. */
  readonly sizesKb?: Readonly<Record<string, number>>;
}

/** A filer of a recorded runner. */
export interface RecordedFiler {
  readonly type: RunType;
  /** Absent: without bound. */
  readonly cancelBoundMs?: number;
  readonly updateIntervalMs: number;
  /** The runner waits for it before it takes runs. */
  readonly hasInit: boolean;
}

/** What helps a recorded runner: a pre- or postprocessor, or the uploader. */
export interface RecordedCollaborator {
  readonly name: string;
  /** Absent: without bound. */
  readonly cancelBoundMs?: number;
  /** Of an uploader: how long one upload may take. */
  readonly uploadBoundMs?: number;
}

/** How a recorded runner was set up. A bound that is absent does not exist. */
export interface RecordedSettings {
  readonly capacity: number;
  /** Absent: follows from the capacity. */
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
  /** It has a monitor of directories. */
  readonly measures: boolean;
}

/** The calls that change something. */
export type RecordedCall = 'run' | 'abort' | 'release';

interface Happened {
  /** Milliseconds from the beginning of the recording. */
  readonly at: number;
  readonly runner: string;
}

interface WentIn extends Happened {
  /** True if it came in the middle of something that the runner was doing: a collaborator or listener that calls back. */
  readonly nested?: boolean;
}

/** A request to a collaborator: its kind, what it is about, and which of the like of it this is, from 1. */
export interface RecordedAsk extends Happened {
  readonly what: AskKind;
  readonly name: string;
  readonly nth: number;
}

/** One thing that went in or out of a runner, beside the events of its trace. */
export type RecordedStep =
  /** In: the runner was made. */
  | (WentIn & { readonly type: 'runner'; readonly settings: RecordedSettings })
  /** In: somebody called the runner. A command that is none is absent. */
  | (WentIn & {
      readonly type: 'call';
      readonly call: RecordedCall;
      readonly nth: number;
      readonly command?: Command;
      readonly runId?: RunID;
    })
  /** In: an event of the runner's clock fired, which it had asked for `delayMs` ahead, `afterMs` ago. */
  | (WentIn & {
      readonly type: 'fired';
      readonly label: string;
      readonly nth: number;
      readonly delayMs: number;
      readonly afterMs: number;
    })
  /** Out: the runner asked something of a collaborator. `answer` is there if it was answered at once. */
  | (RecordedAsk & { readonly type: 'asked'; readonly answer?: RecordedAnswer })
  /** Out: it asked the collaborator to stop. */
  | (RecordedAsk & { readonly type: 'cancelled' })
  /** In: the collaborator answered later, `afterMs` after it was asked. */
  | (RecordedAsk &
      WentIn & { readonly type: 'answered'; readonly afterMs: number; readonly answer: RecordedAnswer })
  /** In: the process of a run wrote, `afterMs` after it was asked for. What was not kept is only counted. */
  | (WentIn & {
      readonly type: 'output';
      readonly runId: RunID;
      readonly stream: 'stdout' | 'stderr';
      readonly afterMs: number;
      /** It wrote a text. */
      readonly text?: string;
      /** It wrote bytes, which are this text in UTF-8. */
      readonly utf8?: string;
      /** It wrote bytes that are not. */
      readonly base64?: string;
      readonly cutBytes?: number;
    })
  /** In: the process of a run passed its memory cap, `afterMs` after it was asked for. */
  | (WentIn & {
      readonly type: 'memory';
      readonly runId: RunID;
      readonly afterMs: number;
      readonly kind: MemoryReport['kind'];
      readonly status: ProcessStatus;
    })
  /** Out: a call was answered, `afterMs` after it was made, with a status or an error. */
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

/** What happened, in order: steps, and the events of the runners' traces among them. */
export type RecordedEntry = RecordedStep | TraceEvent;

/** Everything that happened to the recorded runners. */
export interface Recording {
  readonly entries: readonly RecordedEntry[];
}

const WENT_IN: ReadonlySet<string> = new Set(['runner', 'call', 'fired', 'answered', 'output', 'memory']);

const STEPS: ReadonlySet<string> = new Set([...WENT_IN, 'asked', 'cancelled', 'returned']);

/** True for what is not an event of a runner's trace. */
export function isStep(entry: RecordedEntry): entry is RecordedStep {
  return STEPS.has(entry.type);
}

/** A step that went into a runner. */
export type RecordedInput = Extract<
  RecordedStep,
  { readonly type: 'runner' | 'call' | 'fired' | 'answered' | 'output' | 'memory' }
>;

/** True for what is played; the rest follows from it. */
export function wentIn(entry: RecordedEntry): entry is RecordedInput {
  return WENT_IN.has(entry.type);
}

/** One chunk of output: when, relative to the start of the process, on which stream, and its text or base64 bytes. */
export interface RecordedChunk {
  readonly atMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text?: string;
  readonly base64?: string;
}

/** A status as it was seen, relative to the acceptance of the run. */
export interface RecordedStatus {
  readonly atMs: number;
  readonly state: RunState;
  readonly exitCode: number;
  readonly error: string;
}

/** One run as it really happened. Times are relative. */
export interface RecordedRun {
  readonly runId: string;
  /** The runner that it is of: another one may have a run of the same id. Absent: it is the only one. */
  readonly runner?: string;
  readonly command: Command;
  /** When it was accepted, relative to the start of the recording. */
  readonly acceptedAtMs: number;
  readonly statuses: readonly RecordedStatus[];
  readonly output: readonly RecordedChunk[];
  /** When an abort was asked for, relative to the acceptance; absent if none was. */
  readonly abortedAtMs?: number;
}

/**
 * The names of what a recorded runner asks, sets and is called for: its kind, its own name, and a number that counts those alike. Invariant:
 * the recorder and the player both take names from here, so that a replay, which does things in the same order, finds each again.
 *
 * Counts for one runner; the first of its kind is number 1.
 */
export class RecordedNames {
  readonly #counts = new Map<string, number>();

  /** The number of a request to a collaborator. */
  ask(what: AskKind, name: string): number {
    return this.#next(`${what} ${name}`);
  }

  /** The number of an event that the runner sets on its clock. */
  event(label: string): number {
    return this.#next(`timer ${label}`);
  }

  /** The number of a call on the runner. */
  call(call: RecordedCall): number {
    return this.#next(`call ${call}`);
  }

  /** The number of the address that an upload was given. */
  uploadUri(): number {
    return this.#next('upload uri');
  }

  #next(name: string): number {
    const nth = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, nth);
    return nth;
  }
}

/** What an upload is called: the name of its file, because the folder is drawn anew by each runner. */
export function uploadName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
