/**
 * The events of a trace: plain data in the order in which things happened, with virtual times. They never contain a
 * host path, stack, pid or wall time, so that the same seed gives the same bytes on any machine (R209).
 */
import type { Command } from './command.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';

/** Phases of an invocation, in order (R88). `lookup`, `prepare` and `keep` belong to the Bazel path. */
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

/** Kinds of things that are held and must be given back (R204, R205). */
export type ResourceKind =
  'process' | 'checkout' | 'output' | 'waiter' | 'tempdir' | 'update' | 'upload' | 'lock';

/** A `message` expects no reply. An `error` is the reply to a call that has failed. */
export type MessageKind = 'call' | 'reply' | 'error' | 'message';

/** What happens to a message on its way. */
export type MessageStep = 'sent' | 'held' | 'duplicated' | 'lost' | 'delivered' | 'refused';

/**
 * What happens to a file. The last four occur in a crash, to data that was written but not synced: `zeroed` bytes are
 * lost although later ones survive; `kept` is what a read will find.
 */
export type DiskStep =
  'wrote' | 'appended' | 'read' | 'synced' | 'renamed' | 'removed' | 'lost' | 'torn' | 'zeroed' | 'kept';

/**
 * What a node itself does: another process of it has started, its program has ended with an error, or it has left in
 * good order.
 */
export type NodeStep = 'restarted' | 'failed' | 'left';

/** Changes of names on a disk that a crash can undo. */
export type NameChangeKind = 'creation' | 'removal' | 'rename';

/**
 * One thing that happened. `at` is in milliseconds on the simulation's or runner's clock. A recorder of `accepted` must
 * also record `abort` and `released`: without them an ABORTED run has no cause (R203).
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
      /** Who holds the lock or waits; absent if it is a run or its caller. */
      readonly owner?: string;
      /** Who is expected to end the wait, unless that follows from who holds the awaited resource. */
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
      /** What failed, or what is retried. */
      readonly what: string;
      readonly error: string;
      readonly exitCode: number;
      /** True if `what` is retried because of the error. */
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
      /** The filer whose operation fails; absent for all other faults. */
      readonly filer?: string;
      /**
       * The event right after which the fault struck, if the exploration chose one; counted from the call that asked.
       */
      readonly afterEvent?: number;
      /** The affected message, in words; absent for all other faults. */
      readonly message?: string;
      /** The affected nodes of a network, in words: `a | b, c`, or `from a to b`; absent for all other faults. */
      readonly parts?: string;
      /** How long the fault lasts, if that was decided. */
      readonly ms?: number;
      /** The affected file, on the disk named by `runner`; absent for all other faults. */
      readonly file?: string;
      /**
       * The remote runner whose call is affected, the run that it makes the call for, and what the call is about, for
       * people. Absent if unknown and for all other faults; not part of the hash, and only made if events are kept.
       */
      readonly client?: string;
      readonly clientRunId?: RunID;
      readonly detail?: string;
    }
  /** A step of a message between two nodes; `runner` is the sender. */
  | {
      readonly type: 'message';
      readonly runner: string;
      readonly to: string;
      readonly step: MessageStep;
      readonly kind: MessageKind;
      /** The method that is called or answered, or the name of a message. */
      readonly name: string;
      /** Shared by all steps of one message, and by a call and its reply. */
      readonly id: number;
      /** Why the message is lost, held or refused, unless a fault of its own is the reason. */
      readonly reason?: string;
      /**
       * The content, for people: the arguments, the result, or the message's own description. Not part of the hash, and
       * only made if events are kept.
       */
      readonly detail?: string;
    }
  /** A step of a file on the disk of a node. */
  | {
      readonly type: 'disk';
      readonly runner: string;
      readonly step: DiskStep;
      readonly file: string;
      /**
       * Number of bytes: written or read, of the lost writes, of the part of a torn write that survives, or of
       * everything kept; absent if no content is touched.
       */
      readonly bytes?: number;
      /** Number of lost writes. A torn write is the first of them. */
      readonly writes?: number;
      /** For a torn write: number of bytes it was to write. */
      readonly writtenBytes?: number;
      /** For kept content: number of bytes not synced. */
      readonly unsyncedBytes?: number;
      /** True if the operation was in progress when its process died. */
      readonly wasUnderWay?: boolean;
      /** For a rename: the old name of the file. */
      readonly from?: string;
      /** What kind of change is lost, if it is a change of names and not of content. */
      readonly change?: NameChangeKind;
    }
  /** A step of a node. Crashes, pauses and slowness are recorded as faults. */
  | {
      readonly type: 'node';
      readonly runner: string;
      readonly step: NodeStep;
      /** Index of the node's process. */
      readonly incarnation: number;
      /** The error that its program threw. */
      readonly error?: string;
    }
  | { readonly type: 'note'; readonly runner: string; readonly text: string }
);

/** The run that an event is about; the id is empty before there is one, and undefined if the event is about none. */
export function runIdIn(event: TraceEvent): RunID | undefined {
  if ('runId' in event) return event.runId;
  return 'status' in event ? event.status.runId : undefined;
}

/** Records events as they happen. Without a tracer no event object is created. */
export interface Tracer {
  record(event: TraceEvent): void;
  /** True if recorded events are kept, so that details for people are worth making. Absent if unknown. */
  readonly keepsEvents?: boolean;
}
