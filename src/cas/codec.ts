/**
 * The messages of the protocol as typed plain objects, and their codecs. Invariant: `decode` returns every field, with
 * `null` for an absent message, and any bytes that are not a valid message fail with one specific error.
 */
import type protobuf from 'protobufjs';
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import { describeValue, invalidArgument, messageOf, RunnerError } from '../kernel/errors.ts';
import { nearestName } from '../kernel/nearest-name.ts';
import { membersOf } from '../kernel/union-members.ts';
import type { Digest } from '../model/digest.ts';
import { hasTooManyEntries, MESSAGE_ENTRIES_MAX } from './entry-limit.ts';
import { protocolType, strictReader } from './protocol-types.ts';

/** Input of `encode`: every field of a message may be left out. */
export type Init<T> = T extends Uint8Array | string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Init<E>[]
    : { readonly [K in keyof T]?: Init<T[K]> | undefined };

/** Encodes and decodes one type of message. */
export interface MessageCodec<T> {
  /** The full name of the type, as in an `Any`: `google.rpc.Status`. */
  readonly name: string;
  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but such a message, which has no unknown fields. */
  encode(message: Init<T>): Uint8Array;
  /** @throws RunnerError `RUNNER_BAD_MESSAGE` if the bytes are not such a message, or a text in it is not UTF-8. */
  decode(bytes: Uint8Array): T;
}

/** A name and a value: an environment variable, or a platform property. */
export interface PropertyMessage {
  readonly name: string;
  readonly value: string;
}
/** Properties that a worker must have. */
export interface PlatformMessage {
  readonly properties: readonly PropertyMessage[];
}
/** Seconds and nanoseconds: a time since 1970, or a duration. */
export interface TimeMessage {
  readonly seconds: number;
  readonly nanos: number;
}
/** A message in an envelope that names its type. See {@link unpackAny}. */
export interface AnyMessage {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}
/** A unit of execution: a command on a tree of inputs. */
export interface ActionMessage {
  readonly commandDigest: Digest | null;
  readonly inputRootDigest: Digest | null;
  readonly timeout: TimeMessage | null;
  readonly doNotCache: boolean;
  readonly salt: Uint8Array;
  readonly platform: PlatformMessage | null;
}
/** A command line, and the outputs that it should produce. */
export interface CommandMessage {
  readonly arguments: readonly string[];
  readonly environmentVariables: readonly PropertyMessage[];
  readonly outputFiles: readonly string[];
  readonly outputDirectories: readonly string[];
  readonly platform: PlatformMessage | null;
  readonly workingDirectory: string;
  readonly outputPaths: readonly string[];
}
/** A file in a directory. */
export interface FileNode {
  readonly name: string;
  readonly digest: Digest | null;
  readonly isExecutable: boolean;
}
/** A directory in a directory. */
export interface DirectoryNode {
  readonly name: string;
  readonly digest: Digest | null;
}
/** A symbolic link in a directory. */
export interface SymlinkNode {
  readonly name: string;
  readonly target: string;
}
/** A directory; its subdirectories are named by digest. */
export interface DirectoryMessage {
  readonly files: readonly FileNode[];
  readonly directories: readonly DirectoryNode[];
  readonly symlinks: readonly SymlinkNode[];
}
/** A directory with all directories below it. */
export interface TreeMessage {
  readonly root: DirectoryMessage | null;
  readonly children: readonly DirectoryMessage[];
}
/** Where an action ran, and when each part of it began and ended. */
export interface ExecutedActionMetadata {
  readonly worker: string;
  readonly queuedTimestamp: TimeMessage | null;
  readonly workerStartTimestamp: TimeMessage | null;
  readonly workerCompletedTimestamp: TimeMessage | null;
  readonly inputFetchStartTimestamp: TimeMessage | null;
  readonly inputFetchCompletedTimestamp: TimeMessage | null;
  readonly executionStartTimestamp: TimeMessage | null;
  readonly executionCompletedTimestamp: TimeMessage | null;
  readonly outputUploadStartTimestamp: TimeMessage | null;
  readonly outputUploadCompletedTimestamp: TimeMessage | null;
}
/** A file that an action has made. */
export interface OutputFileMessage {
  readonly path: string;
  readonly digest: Digest | null;
  readonly isExecutable: boolean;
  readonly contents: Uint8Array;
}
/** A directory that an action has made, as the digest of a Tree. */
export interface OutputDirectoryMessage {
  readonly path: string;
  readonly treeDigest: Digest | null;
}
/** A symbolic link that an action has made. */
export interface OutputSymlinkMessage {
  readonly path: string;
  readonly target: string;
}
/** The result of an action. */
export interface ActionResultMessage {
  readonly outputFiles: readonly OutputFileMessage[];
  readonly outputDirectories: readonly OutputDirectoryMessage[];
  readonly exitCode: number;
  readonly stdoutRaw: Uint8Array;
  readonly stdoutDigest: Digest | null;
  readonly stderrRaw: Uint8Array;
  readonly stderrDigest: Digest | null;
  readonly executionMetadata: ExecutedActionMetadata | null;
  readonly outputFileSymlinks: readonly OutputSymlinkMessage[];
  readonly outputDirectorySymlinks: readonly OutputSymlinkMessage[];
  readonly outputSymlinks: readonly OutputSymlinkMessage[];
}
/** A priority; lower runs sooner. */
export interface PriorityMessage {
  readonly priority: number;
}
/** Requests the execution of an action, or its cached result. */
export interface ExecuteRequestMessage {
  readonly instanceName: string;
  readonly skipCacheLookup: boolean;
  readonly actionDigest: Digest | null;
  readonly executionPolicy: PriorityMessage | null;
  readonly resultsCachePolicy: PriorityMessage | null;
}
/** The outcome of a call or an action: `google.rpc.Status`. */
export interface StatusMessage {
  readonly code: number;
  readonly message: string;
  readonly details: readonly AnyMessage[];
}
/** The outcome of an execution, in an operation that is done. */
export interface ExecuteResponseMessage {
  readonly result: ActionResultMessage | null;
  readonly cachedResult: boolean;
  readonly status: StatusMessage | null;
  readonly serverLogs: Readonly<
    Record<string, { readonly digest: Digest | null; readonly humanReadable: boolean }>
  >;
  readonly message: string;
}
/** The progress of an execution, in each operation. */
export interface ExecuteOperationMetadata {
  /** One of {@link EXECUTION_STAGES}. */
  readonly stage: number;
  readonly actionDigest: Digest | null;
  readonly stdoutStreamName: string;
  readonly stderrStreamName: string;
}
/** Names an operation. */
export interface NameMessage {
  readonly name: string;
}
/** Requests a cached result. */
export interface GetActionResultRequest {
  readonly instanceName: string;
  readonly actionDigest: Digest | null;
  readonly inlineStdout: boolean;
  readonly inlineStderr: boolean;
  readonly inlineOutputFiles: readonly string[];
}
/** Stores a result in the cache. */
export interface UpdateActionResultRequest {
  readonly instanceName: string;
  readonly actionDigest: Digest | null;
  readonly actionResult: ActionResultMessage | null;
}
/** Asks which blobs are missing. */
export interface FindMissingBlobsRequest {
  readonly instanceName: string;
  readonly blobDigests: readonly Digest[];
}
/** The missing blobs. */
export interface FindMissingBlobsResponse {
  readonly missingBlobDigests: readonly Digest[];
}
/** Stores a batch of small blobs. */
export interface BatchUpdateBlobsRequest {
  readonly instanceName: string;
  readonly requests: readonly {
    readonly digest: Digest | null;
    readonly data: Uint8Array;
    readonly compressor: number;
  }[];
}
/** A status for each blob of the batch. */
export interface BatchUpdateBlobsResponse {
  readonly responses: readonly { readonly digest: Digest | null; readonly status: StatusMessage | null }[];
}
/** Requests a batch of small blobs. */
export interface BatchReadBlobsRequest {
  readonly instanceName: string;
  readonly digests: readonly Digest[];
  readonly acceptableCompressors: readonly number[];
}
/** The data of each small blob, or the reason why it is not returned. */
export interface BatchReadBlobsResponse {
  readonly responses: readonly {
    readonly digest: Digest | null;
    readonly data: Uint8Array;
    readonly status: StatusMessage | null;
    readonly compressor: number;
  }[];
}
/** Requests all directories below a directory. */
export interface GetTreeRequest {
  readonly instanceName: string;
  readonly rootDigest: Digest | null;
  readonly pageSize: number;
  readonly pageToken: string;
}
/** Some of the directories below a directory. */
export interface GetTreeResponse {
  readonly directories: readonly DirectoryMessage[];
  readonly nextPageToken: string;
}
/** Asks for the capabilities of a server. */
export interface GetCapabilitiesRequest {
  readonly instanceName: string;
}
/** The priorities that a server supports. */
export interface PriorityCapabilities {
  readonly priorities: readonly { readonly minPriority: number; readonly maxPriority: number }[];
}
/** A version of the protocol. */
export interface SemVer {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly prerelease: string;
}
/** The capabilities of a server. */
export interface ServerCapabilities {
  readonly cacheCapabilities: {
    readonly digestFunction: readonly number[];
    readonly actionCacheUpdateCapabilities: { readonly updateEnabled: boolean } | null;
    readonly cachePriorityCapabilities: PriorityCapabilities | null;
    readonly maxBatchTotalSizeBytes: number;
    readonly symlinkAbsolutePathStrategy: number;
    readonly supportedCompressors: readonly number[];
    readonly supportedBatchUpdateCompressors: readonly number[];
  } | null;
  readonly executionCapabilities: {
    readonly digestFunction: number;
    readonly execEnabled: boolean;
    readonly executionPriorityCapabilities: PriorityCapabilities | null;
  } | null;
  readonly deprecatedApiVersion: SemVer | null;
  readonly lowApiVersion: SemVer | null;
  readonly highApiVersion: SemVer | null;
}
/** What an action lacks; part of the details of a status. */
export interface PreconditionFailure {
  readonly violations: readonly {
    readonly type: string;
    readonly subject: string;
    readonly description: string;
  }[];
}
/** An action that is in progress or has ended: `google.longrunning.Operation`. */
export interface OperationMessage {
  readonly name: string;
  readonly metadata: AnyMessage | null;
  readonly done: boolean;
  readonly error?: StatusMessage;
  readonly response?: AnyMessage;
}
/** Requests a page of operations. */
export interface ListOperationsRequest {
  readonly filter: string;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly name: string;
}
/** A page of operations. */
export interface ListOperationsResponse {
  readonly operations: readonly OperationMessage[];
  readonly nextPageToken: string;
}
/** Requests a blob by its resource name, such as `blobs/HASH/SIZE`. */
export interface ReadRequest {
  readonly resourceName: string;
  readonly readOffset: number;
  readonly readLimit: number;
}
/** A chunk of a blob. */
export interface ReadResponse {
  readonly data: Uint8Array;
}
/** A chunk of a blob; the first one has the resource name, such as `uploads/UUID/blobs/HASH/SIZE`. */
export interface WriteRequest {
  readonly resourceName: string;
  readonly writeOffset: number;
  readonly finishWrite: boolean;
  readonly data: Uint8Array;
}
/** The number of bytes stored. */
export interface WriteResponse {
  readonly committedSize: number;
}
/** Names a resource. */
export interface ResourceMessage {
  readonly resourceName: string;
}
/** The progress of an upload. */
export interface QueryWriteStatusResponse {
  readonly committedSize: number;
  readonly complete: boolean;
}
/** A message without fields. */
export type EmptyMessage = Readonly<Record<never, never>>;

/** Stages of an execution by number. See {@link unpackAny}. */
export const EXECUTION_STAGES = {
  UNKNOWN: 0,
  CACHE_CHECK: 1,
  QUEUED: 2,
  EXECUTING: 3,
  COMPLETED: 4,
} as const;
/** Compressors by number. */
export const COMPRESSORS = { IDENTITY: 0, ZSTD: 1, DEFLATE: 2 } as const;
/** The only digest function of this package. */
export const DIGEST_FUNCTION_SHA256 = 1;
/** Symbolic links with absolute targets are rejected. */
export const SYMLINKS_DISALLOWED = 1;

const V2 = 'build.bazel.remote.execution.v2';

/** 64-bit integers become numbers: a size or offset above 2^53 is rejected where it is checked. */
const OPTIONS: protobuf.IConversionOptions = { longs: Number, defaults: true };

type Fields = Readonly<Record<string, unknown>>;

/** What a value of a field has to be. */
type Kind = 'string' | 'bytes' | 'bool' | 'int32' | 'int64';

const EXPECTED: Readonly<Record<Kind, string>> = {
  string: 'a string',
  bytes: 'a Uint8Array',
  bool: 'true or false',
  int32: 'a whole number of 32 bits',
  int64: 'a whole number of 64 bits',
};
const INT32_END = 2 ** 31;
const INT64_END = 2 ** 63;

/** A field as {@link Canonical} reads it: looking all this up for each value would take longer than checking it. */
interface CanonicalField {
  readonly name: string;
  readonly isList: boolean;
  readonly isMap: boolean;
  /** The type of a message; undefined for other values, which are of a `kind`. */
  readonly type: protobuf.Type | undefined;
  readonly kind: Kind;
  /** Made when the first value comes, because types may contain each other. */
  inner: Canonical | undefined;
}

/**
 * A message without the fields that have their default value, which the official libraries also omit: content that is
 * named by digest must always have the same bytes.
 */
class Canonical {
  readonly #name: string;
  readonly #fields: readonly CanonicalField[];
  static readonly #known = new Map<protobuf.Type, Canonical>();

  private constructor(type: protobuf.Type) {
    this.#name = type.name;
    this.#fields = type.fieldsArray.map(({ name, type: kind, resolvedType, repeated, map }) => ({
      name,
      isList: repeated,
      isMap: map,
      type: isMessageType(resolvedType) ? resolvedType : undefined,
      // Those of enumerations are numbers of 32 bits.
      kind: isKind(kind) ? kind : 'int32',
      inner: undefined,
    }));
  }

  static of(type: protobuf.Type): Canonical {
    const known = Canonical.#known.get(type);
    if (known !== undefined) return known;
    const made = new Canonical(type);
    Canonical.#known.set(type, made);
    return made;
  }

  /** A map, a date or a promise that was not awaited has no fields, and would pass for an empty message. */
  accepts(value: unknown): value is Fields {
    if (!is.isObject(value)) return false;
    return isPlain(value) || is.isRecord(value) || this.#fields.some(({ name }) => name in value);
  }

  /**
   * Returns `message` itself if it has no such field: most have none, and a copy takes longer than the checks.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for fields that there are not, and for values of another type.
   */
  message(message: Fields): Fields {
    const isOwn = isPlain(message);
    // Only fields of its own are written.
    let copy: Record<string, unknown> | undefined = isOwn ? undefined : {};
    let there = 0;
    for (const field of this.#fields) {
      const { name } = field;
      const value = message[name];
      if (value === undefined) continue;
      there += 1;
      const written = value === null ? value : this.#written(field, value);
      if (copy !== undefined) copy[name] = written;
      else if (written !== value) (copy = { ...message })[name] = written;
    }
    if (!isOwn || Object.keys(message).length > there) this.#refuseOthers(message);
    return copy ?? message;
  }

  /** Undefined for the default of a field. */
  #written(field: CanonicalField, value: unknown): unknown {
    if (field.isList) return this.#list(field, value);
    if (field.isMap) return this.#map(field, value);
    const single = this.#single(field, value);
    return isDefault(single) ? undefined : single;
  }

  #list(field: CanonicalField, value: unknown): readonly unknown[] {
    if (!Array.isArray(value)) throw this.#refusal(field, 'a list', value);
    const list: readonly unknown[] = value;
    let copy: unknown[] | undefined;
    // Holes count as undefined.
    for (let at = 0; at < list.length; at += 1) {
      const written = this.#single(field, list[at]);
      if (written !== list[at]) (copy ??= [...list])[at] = written;
    }
    return copy ?? list;
  }

  #map(field: CanonicalField, value: unknown): Fields {
    if (!is.isObject(value) || !is.isRecord(value)) {
      throw this.#refusal(field, 'an object with names and values', value);
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.#single(field, each)]));
  }

  #single(field: CanonicalField, value: unknown): unknown {
    const { kind, type } = field;
    if (type === undefined) {
      if (!isOfKind(kind, value)) throw this.#refusal(field, EXPECTED[kind], value);
      return value;
    }
    const inner = (field.inner ??= Canonical.of(type));
    if (!inner.accepts(value)) throw this.#refusal(field, `a ${type.name}`, value);
    return inner.message(value);
  }

  #refusal({ name }: CanonicalField, expected: string, value: unknown): RunnerError {
    return invalidArgument(`${this.#name}.${name}`, expected, value);
  }

  /** A field that is undefined counts as absent. */
  #refuseOthers(message: Fields): void {
    const names = this.#fields.map(({ name }) => name);
    const other = Object.keys(message).find((key) => message[key] !== undefined && !names.includes(key));
    if (other === undefined) return;
    const expected = `only the fields ${names.join(', ')}`;
    const nearest = nearestName(other, names);
    const hint = nearest === undefined ? '' : `; the nearest is ${nearest}`;
    const text = `${this.#name}: expected ${expected}, got a field ${describeValue(other)}${hint}`;
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', text, { expected, actual: message });
  }
}

function isOfKind(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'bool':
      return typeof value === 'boolean';
    case 'int32':
      return isWhole(value, INT32_END);
    case 'int64':
      return isWhole(value, INT64_END);
  }
}

function isWhole(value: unknown, end: number): boolean {
  return Number.isInteger(value) && (value as number) >= -end && (value as number) < end;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isKind(type: string): type is Kind {
  return type in EXPECTED;
}

function isMessageType(type: protobuf.Field['resolvedType']): type is protobuf.Type {
  return type !== null && 'fieldsArray' in type;
}

function isDefault(value: unknown): boolean {
  return (
    value === '' || value === 0 || value === false || (value instanceof Uint8Array && value.length === 0)
  );
}

class TypeCodec<T> implements MessageCodec<T> {
  readonly name: string;
  #known: protobuf.Type | undefined;
  #canonical: Canonical | undefined;

  constructor(name: string) {
    this.name = name;
  }

  encode(message: Init<T>): Uint8Array {
    try {
      const type = this.#type();
      const canonical = (this.#canonical ??= Canonical.of(type));
      const given: unknown = message;
      if (!canonical.accepts(given)) throw invalidArgument('message', `a ${this.name}`, given);
      return type.encode(canonical.message(given)).finish();
    } catch (error) {
      throw unreadable('message', message, error);
    }
  }

  decode(bytes: Uint8Array): T {
    const type = this.#type();
    try {
      if (hasTooManyEntries(type, strictReader(bytes))) {
        throw new Error(`expected at most ${MESSAGE_ENTRIES_MAX} entries in its lists`);
      }
      return type.toObject(type.decode(strictReader(bytes)), OPTIONS) as T;
    } catch (cause) {
      const message = `${this.name}: expected a message, got ${describeValue(bytes)} of ${bytes.length} B: ${messageOf(cause)}`;
      throw new RunnerError('RUNNER_BAD_MESSAGE', message, { cause });
    }
  }

  #type(): protobuf.Type {
    return (this.#known ??= protocolType(this.name));
  }
}

/** Message types by name. */
export interface Messages {
  readonly Action: ActionMessage;
  readonly Command: CommandMessage;
  readonly Directory: DirectoryMessage;
  readonly Tree: TreeMessage;
  readonly ActionResult: ActionResultMessage;
  readonly ExecuteRequest: ExecuteRequestMessage;
  readonly ExecuteResponse: ExecuteResponseMessage;
  readonly ExecuteOperationMetadata: ExecuteOperationMetadata;
  readonly WaitExecutionRequest: NameMessage;
  readonly GetActionResultRequest: GetActionResultRequest;
  readonly UpdateActionResultRequest: UpdateActionResultRequest;
  readonly FindMissingBlobsRequest: FindMissingBlobsRequest;
  readonly FindMissingBlobsResponse: FindMissingBlobsResponse;
  readonly BatchUpdateBlobsRequest: BatchUpdateBlobsRequest;
  readonly BatchUpdateBlobsResponse: BatchUpdateBlobsResponse;
  readonly BatchReadBlobsRequest: BatchReadBlobsRequest;
  readonly BatchReadBlobsResponse: BatchReadBlobsResponse;
  readonly GetTreeRequest: GetTreeRequest;
  readonly GetTreeResponse: GetTreeResponse;
  readonly GetCapabilitiesRequest: GetCapabilitiesRequest;
  readonly ServerCapabilities: ServerCapabilities;
  readonly Status: StatusMessage;
  readonly PreconditionFailure: PreconditionFailure;
  readonly Operation: OperationMessage;
  readonly GetOperationRequest: NameMessage;
  readonly ListOperationsRequest: ListOperationsRequest;
  readonly ListOperationsResponse: ListOperationsResponse;
  readonly CancelOperationRequest: NameMessage;
  readonly DeleteOperationRequest: NameMessage;
  readonly ReadRequest: ReadRequest;
  readonly ReadResponse: ReadResponse;
  readonly WriteRequest: WriteRequest;
  readonly WriteResponse: WriteResponse;
  readonly QueryWriteStatusRequest: ResourceMessage;
  readonly QueryWriteStatusResponse: QueryWriteStatusResponse;
  readonly Empty: EmptyMessage;
}

/** Packages of the types that do not belong to the Remote Execution API. */
const PACKAGES: Partial<Readonly<Record<keyof Messages, string>>> = {
  Status: 'google.rpc',
  PreconditionFailure: 'google.rpc',
  Operation: 'google.longrunning',
  GetOperationRequest: 'google.longrunning',
  ListOperationsRequest: 'google.longrunning',
  ListOperationsResponse: 'google.longrunning',
  CancelOperationRequest: 'google.longrunning',
  DeleteOperationRequest: 'google.longrunning',
  ReadRequest: 'google.bytestream',
  ReadResponse: 'google.bytestream',
  WriteRequest: 'google.bytestream',
  WriteResponse: 'google.bytestream',
  QueryWriteStatusRequest: 'google.bytestream',
  QueryWriteStatusResponse: 'google.bytestream',
  Empty: 'google.protobuf',
};
const NAMES: readonly (keyof Messages)[] = membersOf<keyof Messages>({
  Action: true,
  Command: true,
  Directory: true,
  Tree: true,
  ActionResult: true,
  ExecuteRequest: true,
  ExecuteResponse: true,
  ExecuteOperationMetadata: true,
  WaitExecutionRequest: true,
  GetActionResultRequest: true,
  UpdateActionResultRequest: true,
  FindMissingBlobsRequest: true,
  FindMissingBlobsResponse: true,
  BatchUpdateBlobsRequest: true,
  BatchUpdateBlobsResponse: true,
  BatchReadBlobsRequest: true,
  BatchReadBlobsResponse: true,
  GetTreeRequest: true,
  GetTreeResponse: true,
  GetCapabilitiesRequest: true,
  ServerCapabilities: true,
  Status: true,
  PreconditionFailure: true,
  Operation: true,
  GetOperationRequest: true,
  ListOperationsRequest: true,
  ListOperationsResponse: true,
  CancelOperationRequest: true,
  DeleteOperationRequest: true,
  ReadRequest: true,
  ReadResponse: true,
  WriteRequest: true,
  WriteResponse: true,
  QueryWriteStatusRequest: true,
  QueryWriteStatusResponse: true,
  Empty: true,
});

/** Codecs of all message types by name. */
export type Codecs = { readonly [K in keyof Messages]: MessageCodec<Messages[K]> };

/**
 * Encodes and decodes each message type.
 *
 * @example
 * ```ts
 * import { MESSAGES } from 'dryrunner/remote';
 * const bytes = MESSAGES.WaitExecutionRequest.encode({ name: 'operations/7' });
 * console.log(MESSAGES.WaitExecutionRequest.decode(bytes).name); // operations/7
 * ```
 */
export const MESSAGES: Codecs = Object.fromEntries(
  NAMES.map((name) => [name, new TypeCodec<never>(`${PACKAGES[name] ?? V2}.${name}`)]),
) as unknown as Codecs;

const TYPE_URL = 'type.googleapis.com/';

const CODEC = is.withMethods('encode', 'decode');
const ANY_MESSAGE = is.objectOf<AnyMessage>(
  'a message in an envelope',
  { typeUrl: is.TEXT, value: is.instanceOf('a Uint8Array', Uint8Array) },
  {},
);

/** Checks only the method used, because every state of every operation passes through here. */
function checkType(type: object): void {
  if (typeof (type as Partial<MessageCodec<unknown>> | undefined)?.decode !== 'function') {
    check('type', type, CODEC);
  }
}

/**
 * Wraps a message in an envelope that names its type. See {@link unpackAny}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a message type and a message of it.
 */
export function packAny<T>(type: MessageCodec<T>, message: Init<T>): AnyMessage {
  try {
    checkType(type);
    return { typeUrl: TYPE_URL + type.name, value: type.encode(message) };
  } catch (error) {
    throw unreadable('type', type, error);
  }
}

/**
 * The message in an envelope; undefined if it is of another type, or if there is no envelope.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE` if the content is not a valid message, `RUNNER_INVALID_ARGUMENT` for
 * anything but an envelope.
 * @example
 * ```ts
 * import { EXECUTION_STAGES, MESSAGES, packAny, unpackAny } from 'dryrunner/remote';
 * const metadata = packAny(MESSAGES.ExecuteOperationMetadata, { stage: EXECUTION_STAGES.QUEUED });
 * console.log(unpackAny(MESSAGES.ExecuteOperationMetadata, metadata)?.stage); // 2
 * console.log(unpackAny(MESSAGES.ExecuteResponse, metadata)); // undefined
 * ```
 */
export function unpackAny<T>(type: MessageCodec<T>, any: AnyMessage | null | undefined): T | undefined {
  if (any === undefined || any === null) return undefined;
  try {
    checkType(type);
    if (typeof any.typeUrl !== 'string' || !(any.value instanceof Uint8Array)) check('any', any, ANY_MESSAGE);
  } catch (error) {
    throw unreadable('any', any, error);
  }
  return any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1) === type.name
    ? type.decode(any.value)
    : undefined;
}
