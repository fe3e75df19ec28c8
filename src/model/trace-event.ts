/**
 * What a trace is made of: plain data in the order in which things happened, with virtual times. No host path, stack, pid or
 * wall time gets into it, so that the same seed gives the same bytes anywhere (R209).
 */
import type { Command } from './command.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';

/** Phases of an invocation, in order (R88). `lookup`, `prepare` and `keep` are of the Bazel path. */
export type InvocationPhase =
  | 'preprocess'
  | 'lookup'
  | 'checkout'
  | 'outputs'
  | 'prepare'
  | 'exec'
  | 'wait'
  | 'measure'
  | 'collect'
  | 'keep'
  | 'upload'
  | 'close'
  | 'release'
  | 'postprocess'
  | 'end';

/** Things that somebody holds and must give back (R204, R205). */
export type ResourceKind =
  'process' | 'checkout' | 'output' | 'waiter' | 'tempdir' | 'update' | 'upload' | 'lock';

/** `message` is one that nobody answers. An `error` is the reply of a call that has failed. */
export type MessageKind = 'call' | 'reply' | 'error' | 'message';

/** What becomes of a message on its way. */
export type MessageStep = 'sent' | 'held' | 'duplicated' | 'lost' | 'delivered' | 'refused';

/**
 * What becomes of a file: the last four in a crash, for what was written and not synced. `zeroed` are bytes that are lost although later
 * ones are kept; `kept` is what a read will find.
 */
export type DiskStep =
  'wrote' | 'appended' | 'read' | 'synced' | 'renamed' | 'removed' | 'lost' | 'torn' | 'zeroed' | 'kept';

/** What becomes of a node by itself: another process of it has started, its program has ended it with an error, or it has left in good order. */
export type NodeStep = 'restarted' | 'failed' | 'left';

/** What a crash can take back of the names on a disk. */
export type NameChangeKind = 'creation' | 'removal' | 'rename';

/**
 * One thing that happened. `at` is milliseconds of the simulation's or runner's clock. Who records `accepted` records `abort` and `released`
 * too: without them an ABORTED run has no cause (R203).
 */
export type TraceEvent = { readonly at: number } & (
  | { readonly type: 'accepted'; readonly runner: string; readonly runId: RunID; readonly command: Command }
  | { readonly type: 'rejected'; readonly runner: string; readonly code: string }
  | { readonly type: 'status'; readonly runner: string; readonly status: RunStatus }
  | { readonly type: 'dropped'; readonly runner: string; readonly status: RunStatus }
  | { readonly type: 'evicted'; readonly runner: string; readonly runId: RunID }
  | { readonly type: 'service'; readonly runner: string; readonly service: ServiceStatus }
  | { readonly type: 'abort'; readonly runner: string; readonly runId: RunID }
  | { readonly type: 'released'; readonly runner: string }
  | {
      readonly type: 'phase';
      readonly runner: string;
      readonly runId: RunID;
      readonly phase: InvocationPhase;
    }
  | {
      readonly type: 'acquired';
      readonly runner: string;
      readonly runId: RunID;
      readonly resource: ResourceKind;
      readonly name: string;
      /** Who holds the lock, or waits; absent where a run does, or its caller. */
      readonly owner?: string;
      /** Who is to end the wait, where that does not follow from who holds what it is for. */
      readonly from?: string;
    }
  | {
      readonly type: 'freed';
      readonly runner: string;
      readonly runId: RunID;
      readonly resource: ResourceKind;
      readonly name: string;
      readonly owner?: string;
      readonly from?: string;
    }
  /** A resource that its collaborator did not give back within its bound (R106). */
  | {
      readonly type: 'abandoned';
      readonly runner: string;
      readonly runId: RunID;
      readonly resource: ResourceKind;
      readonly name: string;
      readonly owner?: string;
      readonly from?: string;
    }
  /** An error that was recorded and changed no outcome (R79, R90, R94, R123). */
  | {
      readonly type: 'recorded';
      readonly runner: string;
      readonly runId: RunID;
      /** What failed, or what is done again. */
      readonly what: string;
      readonly error: string;
      readonly exitCode: number;
      /** True if `what` is done again because of the error. */
      readonly isRepeated?: boolean;
    }
  | {
      readonly type: 'wrote';
      readonly runner: string;
      readonly runId: RunID;
      readonly output: string;
      readonly bytes: number;
      readonly digest: string;
    }
  | { readonly type: 'metric'; readonly runner: string; readonly name: string; readonly value: number }
  | {
      readonly type: 'fault';
      readonly runner: string;
      readonly operation: string;
      readonly kind: string;
      readonly runId: RunID;
      /** The filer whose operation it is; absent for all other faults. */
      readonly filer?: string;
      /** Which event it came right after, if the exploration chose one; counted from where it was asked. */
      readonly afterEvent?: number;
      /** The message that it strikes, in words; absent for all other faults. */
      readonly message?: string;
      /** Between which nodes of a network it is, in words: `a | b, c`, or `from a to b`; absent for all other faults. */
      readonly parts?: string;
      /** How long it lasts, if it was decided how long. */
      readonly ms?: number;
      /** The file that it strikes, on the disk that is called as the runner; absent for all other faults. */
      readonly file?: string;
    }
  /** A step of a message between two nodes; `runner` has sent it. */
  | {
      readonly type: 'message';
      readonly runner: string;
      readonly to: string;
      readonly step: MessageStep;
      readonly kind: MessageKind;
      /** The method that is called or answered, or what a message is called. */
      readonly name: string;
      /** The same for all steps of one message, and for a call and its reply. */
      readonly id: number;
      /** Why it is lost, held or refused, if no fault of its own is the reason. */
      readonly reason?: string;
      /** What it says, for people: the arguments, the result, or its own description. No part of the hash, and made only where events are kept. */
      readonly detail?: string;
    }
  /** A step of a file on the disk of a node. */
  | {
      readonly type: 'disk';
      readonly runner: string;
      readonly step: DiskStep;
      readonly file: string;
      /**
       * Of what was written or read, of the writes that are lost, of the part of a torn write that is there, or of all that is kept; absent
       * where no content is touched.
       */
      readonly bytes?: number;
      /** How many writes are lost. A torn one is the first of them. */
      readonly writes?: number;
      /** Of a torn write, what it was to write. */
      readonly writtenBytes?: number;
      /** Of what is kept, what was not synced. */
      readonly unsyncedBytes?: number;
      /** True if an operation was under way when its process died. */
      readonly wasUnderWay?: boolean;
      /** What the file was called before, of a rename. */
      readonly from?: string;
      /** What is lost, if it is a change of names and no content. */
      readonly change?: NameChangeKind;
    }
  /** A step of a node. Its crashes, pauses and slowness are faults. */
  | {
      readonly type: 'node';
      readonly runner: string;
      readonly step: NodeStep;
      /** Index of the process that it is about. */
      readonly incarnation: number;
      /** What its program has thrown. */
      readonly error?: string;
    }
  | { readonly type: 'note'; readonly runner: string; readonly text: string }
);

/** Takes events as they happen. Absent tracers cost nothing: no event object is made. */
export interface Tracer {
  record(event: TraceEvent): void;
  /** True if what is recorded is kept, so that details for people are worth making. Absent: it is not known. */
  readonly keepsEvents?: boolean;
}
