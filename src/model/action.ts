/**
 * What the Bazel path runs and reports, as plain data in the vocabulary of the Remote Execution API (R184–R198). Names are camelCase; digests,
 * times and lists are values of this package, so that nothing here knows how they travel.
 */
import * as is from '../kernel/shape.ts';
import { DIGEST, type Digest } from './digest.ts';

/** A name and its value, as platforms have them. */
export interface PlatformProperty {
  readonly name: string;
  readonly value: string;
}

/** Request data of the Bazel path: which action, and how (R185, R186). */
export interface ExecuteRequest {
  readonly actionDigest: Digest;
  /** True: runs the action even if its result is cached. Default false. */
  readonly skipCacheLookup?: boolean;
  /** Of several on one server; part of the key of a cached result. Default `''`. */
  readonly instanceName?: string;
  /** When the server took it, in milliseconds since the Unix epoch on the clock of the runner. Absent: not known (D102). */
  readonly queuedAtMs?: number;
  /** Lower is sooner, as the client said. No runner of this package orders by it; a scheduler of yours may. Default 0. */
  readonly priority?: number;
}

/** What a caller's request must look like. */
export const EXECUTE_REQUEST: is.RecordShape = is.objectOf<ExecuteRequest>(
  'an object with actionDigest',
  { actionDigest: DIGEST },
  {
    skipCacheLookup: is.BOOLEAN,
    instanceName: is.TEXT,
    queuedAtMs: is.finite(),
    priority: is.WHOLE,
  },
);

/** What is cached: a command on an input root. */
export interface Action {
  readonly commandDigest: Digest;
  readonly inputRootDigest: Digest;
  /** How long the command may run; absent means as long as the run that it is of (R187). */
  readonly timeoutMs?: number;
  /** True: its result is not cached, and not shared with others that ask for the same. */
  readonly doNotCache: boolean;
  /** Makes actions different that would be the same. */
  readonly salt?: Uint8Array;
  readonly platform?: readonly PlatformProperty[];
}

/** The command of an action. Paths are relative to `workingDirectory`, which is relative to the input root. */
export interface ActionCommand {
  readonly arguments: readonly string[];
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly outputFiles: readonly string[];
  readonly outputDirectories: readonly string[];
  /** Either kind; where a client gives these, it leaves the two above empty. */
  readonly outputPaths: readonly string[];
  readonly workingDirectory: string;
  readonly platform: readonly PlatformProperty[];
}

/** A file that an action made. */
export interface OutputFile {
  readonly path: string;
  readonly digest: Digest;
  /** Any of its three x bits is set (R191). */
  readonly isExecutable: boolean;
}

/** A directory that an action made. */
export interface OutputDirectory {
  readonly path: string;
  /** Of the message that holds the directory and all below it. */
  readonly treeDigest: Digest;
}

/** A symbolic link that an action made. */
export interface OutputSymlink {
  readonly path: string;
  readonly target: string;
}

/** Outputs as they were found (R191). */
export interface ActionOutputs {
  readonly outputFiles: readonly OutputFile[];
  readonly outputDirectories: readonly OutputDirectory[];
  readonly outputSymlinks: readonly OutputSymlink[];
}

/**
 * Who did it and when, in milliseconds since the Unix epoch, all of one clock, in the order of the fields (R193). A time that is absent was
 * not known or not reached.
 */
export interface ActionMetadata {
  readonly worker: string;
  readonly queuedMs?: number;
  readonly workerStartMs?: number;
  readonly inputFetchStartMs?: number;
  readonly inputFetchCompletedMs?: number;
  readonly executionStartMs?: number;
  readonly executionCompletedMs?: number;
  readonly outputUploadStartMs?: number;
  readonly outputUploadCompletedMs?: number;
  readonly workerCompletedMs?: number;
}

/** What an action came to: what an action cache holds, and what REAPI calls an ActionResult. */
export interface ActionOutcome extends ActionOutputs {
  readonly exitCode: number;
  readonly stdoutDigest?: Digest;
  readonly stderrDigest?: Digest;
  /** What was written to standard output, from a server that answers with the bytes themselves; a digest of them may be absent then. */
  readonly stdoutRaw?: Uint8Array;
  /** The same of standard error. */
  readonly stderrRaw?: Uint8Array;
  readonly metadata: ActionMetadata;
}

/**
 * Codes of `google.rpc.Code`, by their names.
 *
 * @example
 * ```ts
 * import { RPC_CODES } from 'dryrunner/remote';
 * console.log(RPC_CODES.UNAVAILABLE); // 14
 * ```
 */
export const RPC_CODES = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** One of them by name. */
export type RpcCodeName = keyof typeof RPC_CODES;
/** One of them by number. */
export type RpcCode = (typeof RPC_CODES)[RpcCodeName];

/** Why a precondition does not hold: a blob that is missing, `blobs/HASH/SIZE` (R188). */
export interface RpcViolation {
  readonly type: 'MISSING';
  readonly subject: string;
}

/** What went wrong, as `google.rpc.Status` has it. */
export interface RpcStatus {
  readonly code: RpcCode;
  readonly message: string;
  readonly violations?: readonly RpcViolation[];
}

/** What the Bazel path reports beside a run's status (R186–R194). */
export interface ActionResult {
  readonly actionDigest: Digest;
  /** The result was in the action cache, and nothing ran. */
  readonly cached: boolean;
  /** Absent in a run that failed. */
  readonly result?: ActionOutcome;
  /** Set in a run that failed. */
  readonly grpcStatus?: RpcStatus;
}
