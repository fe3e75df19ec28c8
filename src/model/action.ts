/**
 * What the Bazel path runs and reports, as plain data in the vocabulary of the Remote Execution API (R184–R198). Names
 * are camelCase; digests, times and lists are values of this package, independent of any wire format.
 */
import * as is from '../kernel/shape.ts';
import { DIGEST, type Digest } from './digest.ts';

/** A platform property: a name and its value. */
export interface PlatformProperty {
  readonly name: string;
  readonly value: string;
}

/** Request data of the Bazel path: which action, and how (R185, R186). */
export interface ExecuteRequest {
  readonly actionDigest: Digest;
  /** True: runs the action even if its result is cached. Default false. */
  readonly skipCacheLookup?: boolean;
  /** Selects one of several instances on a server; part of the key of a cached result. Default `''`. */
  readonly instanceName?: string;
  /**
   * When the server accepted the request, in milliseconds since the Unix epoch on the runner's clock. Absent if unknown
   * (D102).
   */
  readonly queuedAtMs?: number;
  /**
   * Priority set by the client; lower values run sooner. No runner of this package orders by it, but your scheduler
   * may. Default 0.
   */
  readonly priority?: number;
}

/** Argument shape of an {@link ExecuteRequest}. */
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

/** The unit of caching: a command on an input root. */
export interface Action {
  readonly commandDigest: Digest;
  readonly inputRootDigest: Digest;
  /** How long the command may run; if absent, the timeout of its run applies (R187). */
  readonly timeoutMs?: number;
  /** True: the result is neither cached nor shared with other requests for the same action. */
  readonly doNotCache: boolean;
  /** Distinguishes actions that would otherwise have the same digest. */
  readonly salt?: Uint8Array;
  readonly platform?: readonly PlatformProperty[];
}

/** The command of an action. Paths are relative to `workingDirectory`, which is relative to the input root. */
export interface ActionCommand {
  readonly arguments: readonly string[];
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly outputFiles: readonly string[];
  readonly outputDirectories: readonly string[];
  /** Output files or directories. Clients that set these leave the two fields above empty. */
  readonly outputPaths: readonly string[];
  readonly workingDirectory: string;
  readonly platform: readonly PlatformProperty[];
}

/** A file that an action made. */
export interface OutputFile {
  readonly path: string;
  readonly digest: Digest;
  /** True if any of the file's three x bits is set (R191). */
  readonly isExecutable: boolean;
}

/** A directory that an action made. */
export interface OutputDirectory {
  readonly path: string;
  /** Digest of the message that describes the directory and everything below it. */
  readonly treeDigest: Digest;
}

/** A symbolic link that an action made. */
export interface OutputSymlink {
  readonly path: string;
  readonly target: string;
}

/** Outputs as found after the command ended (R191). */
export interface ActionOutputs {
  readonly outputFiles: readonly OutputFile[];
  readonly outputDirectories: readonly OutputDirectory[];
  readonly outputSymlinks: readonly OutputSymlink[];
}

/**
 * Which worker ran the action, and when: times in milliseconds since the Unix epoch, all from one clock, in field order
 * (R193). A time is absent if it is unknown or was not reached.
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

/** The result of an action: what an action cache stores; REAPI calls it an ActionResult. */
export interface ActionOutcome extends ActionOutputs {
  readonly exitCode: number;
  readonly stdoutDigest?: Digest;
  readonly stderrDigest?: Digest;
  /** Standard output inlined by the server; a server that inlines it may leave out the digest. */
  readonly stdoutRaw?: Uint8Array;
  /** Standard error inlined by the server; see {@link stdoutRaw}. */
  readonly stderrRaw?: Uint8Array;
  readonly metadata: ActionMetadata;
}

const copyOfFile = ({ digest, ...file }: OutputFile): OutputFile => ({ ...file, digest: { ...digest } });

const copyOfDirectory = ({ treeDigest, ...directory }: OutputDirectory): OutputDirectory => {
  return { ...directory, treeDigest: { ...treeDigest } };
};

/** A copy that shares nothing with `outcome`. Written out, because `structuredClone` takes ten times as long. */
export function copyOfOutcome(outcome: ActionOutcome): ActionOutcome {
  const { stdoutDigest, stderrDigest, stdoutRaw, stderrRaw } = outcome;
  return {
    ...outcome,
    outputFiles: outcome.outputFiles.map(copyOfFile),
    outputDirectories: outcome.outputDirectories.map(copyOfDirectory),
    outputSymlinks: outcome.outputSymlinks.map((link) => ({ ...link })),
    metadata: { ...outcome.metadata },
    ...(stdoutDigest === undefined ? {} : { stdoutDigest: { ...stdoutDigest } }),
    ...(stderrDigest === undefined ? {} : { stderrDigest: { ...stderrDigest } }),
    ...(stdoutRaw === undefined ? {} : { stdoutRaw: stdoutRaw.slice() }),
    ...(stderrRaw === undefined ? {} : { stderrRaw: stderrRaw.slice() }),
  };
}

/**
 * Status codes of `google.rpc.Code` by name.
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

/** Name of a {@link RPC_CODES} entry. */
export type RpcCodeName = keyof typeof RPC_CODES;
/** Number of a {@link RPC_CODES} entry. */
export type RpcCode = (typeof RPC_CODES)[RpcCodeName];

/** A violated precondition; for a missing blob the subject is `blobs/HASH/SIZE` (R188). */
export interface RpcViolation {
  readonly type: 'MISSING';
  readonly subject: string;
}

/** An error in the form of `google.rpc.Status`. */
export interface RpcStatus {
  readonly code: RpcCode;
  readonly message: string;
  readonly violations?: readonly RpcViolation[];
}

/** What the Bazel path reports in addition to a run's status (R186–R194). */
export interface ActionResult {
  readonly actionDigest: Digest;
  /** True if the result came from the action cache and nothing ran. */
  readonly cached: boolean;
  /** Absent if the run failed. */
  readonly result?: ActionOutcome;
  /** Set if the run failed. */
  readonly grpcStatus?: RpcStatus;
}
