/**
 * Converts actions, commands, results and errors between the model and the protocol's messages. Invariant: decoding
 * returns valid data of the model, or fails with `RUNNER_BAD_MESSAGE` that names the field; a path that leads out of
 * the input root is always rejected.
 */
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import { describeValue, RunnerError } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import type {
  Action,
  ActionCommand,
  ActionMetadata,
  ActionOutcome,
  OutputSymlink,
  PlatformProperty,
  RpcCode,
  RpcStatus,
} from '../model/action.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { isPathBelow } from '../model/confined-path.ts';
import type { ContentStore } from '../model/content-store.ts';
import { DIGEST, digestKey, type Digest, isHash } from '../model/digest.ts';
import { type MaybePromise, whenThere } from '../model/maybe-promise.ts';
import {
  type ActionResultMessage,
  type ExecutedActionMetadata,
  type Init,
  MESSAGES,
  packAny,
  unpackAny,
  type PlatformMessage,
  type StatusMessage,
  type TimeMessage,
} from './codec.ts';
import { digestOf } from './digest-of.ts';

/** The error for a field that the protocol does not allow. */
export function badField(field: string, expected: string, actual: unknown): RunnerError {
  const message = onOneLine(`${field}: expected ${expected}, got ${describeValue(actual)}`);
  return new RunnerError('RUNNER_BAD_MESSAGE', message, { expected, actual });
}

/** SHA-256 of the empty blob. */
const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** What a blob is read as. */
export type MessageKind = 'action' | 'command' | 'directory' | 'tree';

/** An action or command is read while it is requested and has a few KB; a system takes no arguments of this size. */
const ACTION_BYTES_MAX = 16 * 1024 ** 2;
/** A folder of a million files has a message of about this size. */
const DIRECTORY_BYTES_MAX = 128 * 1024 ** 2;
const MESSAGE_BYTES_MAX: Readonly<Record<MessageKind, number>> = {
  action: ACTION_BYTES_MAX,
  command: ACTION_BYTES_MAX,
  directory: DIRECTORY_BYTES_MAX,
  tree: DIRECTORY_BYTES_MAX,
};

/**
 * Refuses a blob that is too large for the message that it should be, before it is read: a message is decoded as a whole,
 * and a client may name any blob of the store as one.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE`.
 */
export function requireMessage(kind: MessageKind, { sizeBytes }: Digest): void {
  const bytesMax = MESSAGE_BYTES_MAX[kind];
  if (sizeBytes > bytesMax) throw badField(kind, `a message of ${bytesMax} B at most`, sizeBytes);
}

/**
 * Reads a blob as a message.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE` if it is too large or no such message; also rejects.
 */
export function readMessage<T>(
  content: ContentStore,
  kind: MessageKind,
  digest: Digest,
  decode: (bytes: Uint8Array) => T,
  cancel?: Cancellable,
): MaybePromise<T> {
  requireMessage(kind, digest);
  return whenThere(content.read(digest, {}, cancel), decode);
}

/** The digest in a field, which must be present and a valid SHA-256 digest. */
export function soundDigest(field: string, digest: Digest | null): Digest {
  if (digest === null) throw badField(field, 'a digest', null);
  const { hash, sizeBytes } = digest;
  if (!isHash(hash)) throw badField(`${field}.hash`, '64 lower-case hexadecimal digits', hash);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw badField(`${field}.size_bytes`, `0 to ${Number.MAX_SAFE_INTEGER} bytes`, sizeBytes);
  }
  if (sizeBytes === 0 && hash !== EMPTY_HASH) throw badField(`${field}.hash`, 'the hash of no bytes', hash);
  return { hash, sizeBytes };
}

const encoder = new TextEncoder();
/** Maximum length of a name in common file systems, in bytes. */
export const NAME_BYTES_MAX = 255;
/** Maximum length of a path in common file systems, minus room for the path above the input root, in bytes. */
const PATH_BYTES_MAX = 3_584;

/** Checks a path inside the input root: relative, with `/` between segments, and without `.` and `..`. */
function soundPath(field: string, path: string, canBeEmpty = false): string {
  if (path === '' && canBeEmpty) return path;
  if (!isPathBelow(path)) throw badField(field, 'a path inside the input root, such as out/lib.a', path);
  checkLength(field, path);
  return path;
}

function checkLength(field: string, path: string): void {
  // A UTF-16 code unit takes at most three bytes, so that most paths need not be encoded.
  if (path.length * 3 <= NAME_BYTES_MAX) return;
  checkPathBytes(field, utf8Bytes(path));
  if (path.split('/').some((name) => utf8Bytes(name) > NAME_BYTES_MAX)) {
    throw badField(field, `a path whose names have at most ${NAME_BYTES_MAX} bytes`, path);
  }
}

/** @throws RunnerError `RUNNER_BAD_MESSAGE` for a path that is too long. */
export function checkPathBytes(field: string, bytes: number): void {
  if (bytes > PATH_BYTES_MAX) throw badField(field, `a path of at most ${PATH_BYTES_MAX} bytes`, bytes);
}

/** Length of a text in UTF-8, in bytes. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

const TEXTS = is.listOf(is.TEXT, 'a list of texts');
const PLATFORM = is.listOf(
  is.objectOf<PlatformProperty>('an object with name and value', { name: is.TEXT, value: is.TEXT }, {}),
  'a list of properties',
);
/** A misnamed field would have no effect: an action with a `timeout` would have none. */
const ACTION: is.RecordShape = {
  ...is.objectOf<Action>(
    'an action',
    { commandDigest: DIGEST, inputRootDigest: DIGEST, doNotCache: is.BOOLEAN },
    { timeoutMs: is.DURATION_MS, salt: is.instanceOf('a Uint8Array', Uint8Array), platform: PLATFORM },
  ),
  open: 'instances',
};
/** Knows what a plain command calls the same things. */
const COMMAND: is.RecordShape = {
  ...is.objectOf<ActionCommand>(
    'a command',
    {
      arguments: TEXTS,
      environmentVariables: is.mapOf(is.TEXT),
      outputFiles: TEXTS,
      outputDirectories: TEXTS,
      outputPaths: TEXTS,
      workingDirectory: is.TEXT,
      platform: PLATFORM,
    },
    {},
  ),
  open: 'instances',
  elsewhere: new Map([
    ['argv', 'arguments'],
    ...['env', 'envVars'].map((name) => [name, 'environmentVariables'] as const),
  ]),
};

const NANOS_PER_MS = 1_000_000;
const NANOS_PER_S = 1_000_000_000;

/** Splits milliseconds into whole seconds and nanoseconds. */
function timeMessage(ms: number): TimeMessage {
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * NANOS_PER_MS);
  return nanos < NANOS_PER_S ? { seconds, nanos } : { seconds: seconds + 1, nanos: 0 };
}

/** A time in milliseconds; undefined if it is absent. */
function msOfTime(time: TimeMessage | null): number | undefined {
  return time === null ? undefined : time.seconds * 1_000 + time.nanos / NANOS_PER_MS;
}

/** Decodes an Action. */
export function decodeAction(bytes: Uint8Array): Action {
  const { commandDigest, inputRootDigest, timeout, doNotCache, salt, platform } =
    MESSAGES.Action.decode(bytes);
  const timeoutMs = msOfTime(timeout);
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw badField('action.timeout', 'a duration of 0 or more', timeoutMs);
  }
  return {
    commandDigest: soundDigest('action.command_digest', commandDigest),
    inputRootDigest: soundDigest('action.input_root_digest', inputRootDigest),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    doNotCache,
    ...(salt.length === 0 ? {} : { salt }),
    ...(platform === null ? {} : { platform: platform.properties }),
  };
}

/**
 * Encodes an Action. Equal actions have equal bytes, because their digest is their name.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an action.
 * @example
 * ```ts
 * import { createMemoryContentStore, encodeAction, encodeCommand } from 'dryrunner/remote';
 * const store = createMemoryContentStore();
 * const paths = { outputFiles: ['out.txt'], outputDirectories: [], outputPaths: [], workingDirectory: '' };
 * const command = { arguments: ['make'], environmentVariables: {}, platform: [], ...paths };
 * const commandDigest = store.add(encodeCommand(command));
 * const inputRootDigest = store.add('');
 * const action = store.add(encodeAction({ commandDigest, inputRootDigest, doNotCache: false }));
 * if (store.findMissing([action]).length > 0) throw new Error('expected the action');
 * ```
 */
export function encodeAction(action: Action): Uint8Array {
  try {
    check('action', action, ACTION);
    const { commandDigest, inputRootDigest, doNotCache, salt, timeoutMs, platform } = action;
    return MESSAGES.Action.encode({
      commandDigest: digestMessage(commandDigest),
      inputRootDigest: digestMessage(inputRootDigest),
      doNotCache,
      salt,
      timeout: timeoutMs === undefined ? null : timeMessage(timeoutMs),
      platform: platformMessage(platform),
    });
  } catch (error) {
    throw unreadable('action', action, error);
  }
}

/** Left out if empty, and sorted, so that equal platforms have equal digests. */
function platformMessage(properties: readonly PlatformProperty[] = []): PlatformMessage | null {
  return properties.length === 0 ? null : { properties: sorted(properties) };
}

function sorted(properties: readonly PlatformProperty[]): PlatformProperty[] {
  return [...properties].sort((a, b) =>
    a.name < b.name || (a.name === b.name && a.value < b.value) ? -1 : 1,
  );
}

/** Decodes a Command and checks that all its paths stay inside the input root. */
export function decodeCommand(bytes: Uint8Array): ActionCommand {
  const message = MESSAGES.Command.decode(bytes);
  const workingDirectory = soundPath('command.working_directory', message.workingDirectory, true);
  const paths = (field: string, list: readonly string[], canBeEmpty = false): readonly string[] => {
    for (const path of list) {
      soundPath(`command.${field}`, path, canBeEmpty);
      checkLength(`command.${field}`, `${workingDirectory}/${path}`);
    }
    // An output that is requested twice is stored once.
    return [...new Set(list)];
  };
  const outputFiles = paths('output_files', message.outputFiles);
  // An output directory may be the whole working directory.
  const outputDirectories = paths('output_directories', message.outputDirectories, true);
  const outputPaths = paths('output_paths', message.outputPaths, true);
  // If output paths are given, the other two lists have no meaning (REAPI 2.1).
  if (outputPaths.length === 0) checkFiles(outputFiles, outputDirectories);
  return {
    arguments: message.arguments,
    environmentVariables: environmentOf(message.environmentVariables),
    outputFiles,
    outputDirectories,
    outputPaths,
    workingDirectory,
    platform: message.platform?.properties ?? [],
  };
}

/** Checks that no output file is also a directory, or has anything below it. */
function checkFiles(files: readonly string[], directories: readonly string[]): void {
  const above = new Set(directories);
  for (const path of [...files, ...directories]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      above.add(path.slice(0, end));
    }
  }
  const both = files.find((path) => above.has(path));
  if (both !== undefined) throw badField('command.output_files', 'files that are no directories', both);
}

function environmentOf(variables: readonly PlatformProperty[]): Readonly<Record<string, string>> {
  for (const { name, value } of variables) {
    if (name === '' || /[=\0]/.test(name)) {
      throw badField('command.environment_variables', 'names without "=" and NUL bytes', name);
    }
    if (value.includes('\0')) {
      throw badField('command.environment_variables', 'values without NUL bytes', value);
    }
  }
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

/**
 * Encodes a Command. Equal commands have equal bytes. See {@link encodeAction}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a command.
 */
export function encodeCommand(command: ActionCommand): Uint8Array {
  try {
    check('command', command, COMMAND);
    const { environmentVariables, platform, outputFiles, outputDirectories, outputPaths } = command;
    const variables = Object.entries(environmentVariables).map(([name, value]) => ({ name, value }));
    return MESSAGES.Command.encode({
      arguments: command.arguments,
      environmentVariables: sorted(variables),
      outputFiles,
      outputDirectories,
      outputPaths,
      workingDirectory: command.workingDirectory,
      platform: platformMessage(platform),
    });
  } catch (error) {
    throw unreadable('command', command, error);
  }
}

/** The time fields of the metadata: name in the model, name in the message. */
const TIMES = [
  ['queuedMs', 'queuedTimestamp'],
  ['workerStartMs', 'workerStartTimestamp'],
  ['inputFetchStartMs', 'inputFetchStartTimestamp'],
  ['inputFetchCompletedMs', 'inputFetchCompletedTimestamp'],
  ['executionStartMs', 'executionStartTimestamp'],
  ['executionCompletedMs', 'executionCompletedTimestamp'],
  ['outputUploadStartMs', 'outputUploadStartTimestamp'],
  ['outputUploadCompletedMs', 'outputUploadCompletedTimestamp'],
  ['workerCompletedMs', 'workerCompletedTimestamp'],
] as const;

function metadataMessage(metadata: ActionMetadata): Init<ExecutedActionMetadata> {
  const times = TIMES.flatMap(([own, field]) => {
    const ms = metadata[own];
    return ms === undefined ? [] : [[field, timeMessage(ms)] as const];
  });
  return { worker: metadata.worker, ...Object.fromEntries(times) };
}

function metadataOf(message: ExecutedActionMetadata | null): ActionMetadata {
  if (message === null) return { worker: '' };
  const times = TIMES.flatMap(([own, field]) => {
    const ms = msOfTime(message[field]);
    return ms === undefined ? [] : [[own, ms] as const];
  });
  return { worker: message.worker, ...Object.fromEntries(times) };
}

/** Only the fields of a message: a content store or an action cache of a user's may keep more in its data. */
export function digestMessage({ hash, sizeBytes }: Digest): Digest {
  return { hash, sizeBytes };
}

/** Converts an outcome to an ActionResult, with the fields of a message only, see {@link digestMessage}. */
export function outcomeMessage(outcome: ActionOutcome): Init<ActionResultMessage> {
  const { outputFiles, outputDirectories, exitCode, stdoutDigest, stderrDigest } = outcome;
  const outputSymlinks = outcome.outputSymlinks.map(({ path, target }) => ({ path, target }));
  return {
    outputFiles: outputFiles.map(({ path, digest, isExecutable }) => ({
      path,
      digest: digestMessage(digest),
      isExecutable,
    })),
    outputDirectories: outputDirectories.map(({ path, treeDigest }) => ({
      path,
      treeDigest: digestMessage(treeDigest),
    })),
    // Older clients read only the lists that give the kind of a link's target; newer ones read both.
    outputSymlinks,
    outputFileSymlinks: outputSymlinks,
    exitCode,
    stdoutDigest: stdoutDigest === undefined ? null : digestMessage(stdoutDigest),
    stderrDigest: stderrDigest === undefined ? null : digestMessage(stderrDigest),
    ...(outcome.stdoutRaw === undefined ? {} : { stdoutRaw: outcome.stdoutRaw }),
    ...(outcome.stderrRaw === undefined ? {} : { stderrRaw: outcome.stderrRaw }),
    executionMetadata: metadataMessage(outcome.metadata),
  };
}

/** Checks that each output is there once, and that none lies below a file. */
function checkOutputs({ outputFiles, outputDirectories, outputSymlinks }: ActionOutcome): void {
  const files = new Set(outputFiles.map(({ path }) => path));
  const seen = new Set<string>();
  for (const { path } of [...outputFiles, ...outputDirectories, ...outputSymlinks]) {
    if (seen.has(path)) throw badField('outputs', 'each output once', path);
    seen.add(path);
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (files.has(path.slice(0, end))) throw badField('outputs', 'no output below a file', path);
    }
  }
}

/** Checks that a log is the same in the message as in the store. */
function checkLog(name: 'stdout' | 'stderr', raw: Uint8Array | undefined, digest: Digest | undefined): void {
  if (raw === undefined || digest === undefined || digestKey(digestOf(raw)) === digestKey(digest)) return;
  const expected = `the bytes that ${name}_digest names`;
  throw new RunnerError('RUNNER_BAD_MESSAGE', `${name}_raw: expected ${expected}, got others`, {
    expected,
    actual: raw,
  });
}

/**
 * Converts an ActionResult to an outcome. Of files it keeps only the digests; logs may exist only in the message and
 * are kept whole.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE` for a result that no action can have.
 */
export function outcomeOf(message: ActionResultMessage): ActionOutcome {
  const { outputFiles, outputDirectories, stdoutDigest, stderrDigest, stdoutRaw, stderrRaw } = message;
  const outcome: ActionOutcome = {
    outputFiles: outputFiles.map(({ path, digest, isExecutable }) => ({
      path: soundPath('output_files.path', path),
      digest: soundDigest('output_files.digest', digest),
      isExecutable,
    })),
    outputDirectories: outputDirectories.map(({ path, treeDigest }) => ({
      path: soundPath('output_directories.path', path, true),
      treeDigest: soundDigest('output_directories.tree_digest', treeDigest),
    })),
    outputSymlinks: linksOf(message),
    exitCode: message.exitCode,
    ...(stdoutDigest === null ? {} : { stdoutDigest: soundDigest('stdout_digest', stdoutDigest) }),
    ...(stderrDigest === null ? {} : { stderrDigest: soundDigest('stderr_digest', stderrDigest) }),
    ...(stdoutRaw.length === 0 ? {} : { stdoutRaw }),
    ...(stderrRaw.length === 0 ? {} : { stderrRaw }),
    metadata: metadataOf(message.executionMetadata),
  };
  checkOutputs(outcome);
  checkLog('stdout', outcome.stdoutRaw, outcome.stdoutDigest);
  checkLog('stderr', outcome.stderrRaw, outcome.stderrDigest);
  return outcome;
}

/** The links in all three lists: servers of version 2.1 put each into two of them. */
function linksOf({
  outputFileSymlinks,
  outputDirectorySymlinks,
  outputSymlinks,
}: ActionResultMessage): readonly OutputSymlink[] {
  const links = new Map<string, string>();
  for (const { path, target } of [...outputFileSymlinks, ...outputDirectorySymlinks, ...outputSymlinks]) {
    const other = links.get(soundPath('output_symlinks.path', path));
    if (other !== undefined && other !== target) {
      throw badField('output_symlinks.target', `${describeValue(other)} as before for ${path}`, target);
    }
    links.set(path, target);
  }
  return [...links].map(([path, target]) => ({ path, target }));
}

/** Every blob that an outcome names; files inside its directories are named by their trees. */
export function digestsOfOutcome(outcome: ActionOutcome): Digest[] {
  const { outputFiles, outputDirectories, stdoutDigest, stderrDigest } = outcome;
  return [
    ...outputFiles.map(({ digest }) => digest),
    ...outputDirectories.map(({ treeDigest }) => treeDigest),
    ...(stdoutDigest === undefined ? [] : [stdoutDigest]),
    ...(stderrDigest === undefined ? [] : [stderrDigest]),
  ];
}

/** Converts a status; its missing blobs become a PreconditionFailure. */
export function statusMessage({ code, message, violations = [] }: RpcStatus): Init<StatusMessage> {
  const details = violations.length === 0 ? [] : [packAny(MESSAGES.PreconditionFailure, { violations })];
  return { code, message, details };
}

/** Reads a status; ignores details other than a PreconditionFailure. */
export function rpcStatusOf({ code, message, details }: StatusMessage): RpcStatus {
  const violations = details
    .flatMap((any) => unpackAny(MESSAGES.PreconditionFailure, any)?.violations ?? [])
    .filter(({ type }) => type === 'MISSING')
    .map(({ subject }) => ({ type: 'MISSING', subject }) as const);
  return { code: code as RpcCode, message, ...(violations.length === 0 ? {} : { violations }) };
}
