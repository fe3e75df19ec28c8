/**
 * Traces, recordings and workload logs on disk: read as a stream of bytes, also from gzip, and written atomically.
 * Invariants: every file descriptor is closed when its reading or writing ends, in any way; a file that is being written
 * is removed if that fails, and if its process is killed by the next write into its folder.
 */
import * as is from '../kernel/shape.ts';
import { constants } from 'node:fs';
import { access, lstat, open, readdir, readlink, realpath, rename, rm, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { check } from '../kernel/argument-check.ts';
import { describeValue, messageOf, RunnerError } from '../kernel/errors.ts';
import { ownerOf, ownName } from './own-name.ts';
import { openRegularFile, TooLargeError } from './regular-file.ts';

const CHUNK_BYTES = 256 * 1024;
/** How every gzip file begins. */
const GZIP_MAGIC = [0x1f, 0x8b] as const;
/** The same limit as in Linux. */
const LINKS_MAX = 40;
/** Lines are batched up to about this many characters per write. */
const BATCH_LENGTH = 64 * 1024;
/** The name of a file that is being written, with that of the process that writes it. */
const PARTIAL = /^\.dryrunner-(.+)\.partial$/;

/**
 * The bytes of a file, for `openTrace`, `readSwf` and the like. Opens the file when the first bytes are requested, and
 * closes it when all are read or the loop is left. A gzip file is unpacked on the way; it is recognized by its first
 * bytes.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if there is no such file or it cannot be read, `RUNNER_TRACE_FORMAT` if
 * a gzip file is truncated or corrupted.
 * @example
 * ```ts
 * import { readTraceFile } from 'dryrunner/host';
 * import { readSwf } from 'dryrunner/trace';
 * const { jobs } = await readSwf(readTraceFile('fixtures/theta-cut.swf'));
 * if (jobs.length !== 200) throw new Error('200 jobs');
 * ```
 */
export async function* readTraceFile(path: string): AsyncGenerator<Uint8Array, void, void> {
  yield* bytesOf(path, await openFile(path));
}

/**
 * Like {@link readTraceFile}, for a file that this package keeps for itself.
 *
 * @throws NotRegularError if it is not a regular file, TooLargeError if it has, or unpacks to, more than `bytesMax`.
 */
export async function* readKeptFile(path: string, bytesMax: number): AsyncGenerator<Uint8Array, void, void> {
  const { file } = await openRegularFile(path, { follow: true });
  let bytes = 0;
  for await (const chunk of bytesOf(path, file)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new TooLargeError(path, bytesMax);
    yield chunk;
  }
}

/** Closes the file at the end. */
async function* bytesOf(path: string, file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  try {
    const chunks = chunksOf(path, file);
    const head = await headOf(chunks);
    if (head.length === 0) return;
    const all = prepend(head, chunks);
    yield* isGzip(head) ? unpacked(path, all) : all;
  } finally {
    await file.close();
  }
}

/**
 * Writes lines to a file as they come. The file appears under its name once it is complete; if anything fails, an
 * existing file of that name is kept. Of concurrent writes to one path, the last to finish wins. Devices and pipes are
 * written to directly.
 *
 * @returns how many bytes were written.
 * @throws RunnerError `RUNNER_OUTPUT_FAILED` if the file cannot be written, `RUNNER_INVALID_ARGUMENT` for anything but
 * a path and lines. Errors that `lines` throws are rethrown.
 * @example
 * ```ts
 * import { question } from 'dryrunner/kernel';
 * import { writeTraceFile } from 'dryrunner/host';
 * import { decisionLogLines } from 'dryrunner/trace';
 * const log = [{ question: question('choice', 'toss'), n: 2, answer: 1 }];
 * const bytes = await writeTraceFile('/dev/null', decisionLogLines(log));
 * if (bytes === 0) throw new Error('nothing written');
 * ```
 */
export async function writeTraceFile(
  path: string,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  check('path', path, is.text('a path'));
  if (typeof lines !== 'string') check('lines', lines, is.ANY_ITERABLE);
  return writeTo(await placeOf(path), path, lines);
}

/**
 * Writes one of this package's own files. Anything that had its name, even a link or a pipe, is replaced and never
 * followed or waited for. With `isSynced`, the bytes are on the disk before the file gets its name, so that a crash of
 * the machine leaves the old or the new file complete.
 *
 * @throws RunnerError `RUNNER_OUTPUT_FAILED` if it cannot be written.
 */
export async function replaceTraceFile(
  path: string,
  lines: Iterable<string>,
  { isSynced = false }: { readonly isSynced?: boolean } = {},
): Promise<void> {
  await writeTo({ path, isPlain: true, isSynced }, path, lines);
}

/** The destination of a write. */
interface Place {
  readonly path: string;
  /** The destination can be replaced by renaming a new file. */
  readonly isPlain: boolean;
  readonly isSynced?: boolean;
}

async function writeTo(
  place: Place,
  path: string,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  const target = place.isPlain ? partialOf(place.path) : place.path;
  const mode = place.isPlain ? await modeOf(place.path) : undefined;
  if (place.isPlain) await removePartialsOfDead(dirname(place.path));
  const file = await open(target, 'w', mode).catch((cause: unknown) => {
    throw cannotWrite(path, cause);
  });
  try {
    if (mode !== undefined) await setMode(path, file, mode);
    const bytes = await writeLines(path, file, lines);
    await finish(path, file, place);
    if (place.isPlain) await move(target, place.path);
    return bytes;
  } catch (error) {
    // Whatever else fails now has the same cause, or is of no use to the caller.
    await file.close().catch(() => undefined);
    if (place.isPlain) await rm(target, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Some disks report only now that what was written has no room, or is lost. */
async function finish(path: string, file: FileHandle, { isSynced }: Place): Promise<void> {
  try {
    if (isSynced === true) await file.sync();
    await file.close();
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/** The mode of the regular file there; undefined if there is none. */
async function modeOf(path: string): Promise<number | undefined> {
  // Whatever is wrong with the path is reported when the file is opened.
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.mode & 0o777 : undefined;
}

/** A new file has its mode less what the umask takes. */
async function setMode(path: string, file: FileHandle, mode: number): Promise<void> {
  try {
    if (((await file.stat()).mode & 0o777) !== mode) await file.chmod(mode);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/** A fresh name in the same folder: a name of maximal length leaves no room for a suffix. */
function partialOf(path: string): string {
  return join(dirname(path), `.dryrunner-${ownName()}.partial`);
}

/**
 * Removes what killed processes have left half written in a folder. Files of other machines stay: nothing here shows
 * whether they are still being written.
 */
async function removePartialsOfDead(folder: string): Promise<void> {
  // A folder that cannot be listed may still be written to.
  for (const name of await readdir(folder).catch(() => [])) {
    const [, owner] = PARTIAL.exec(name) ?? [];
    if (owner === undefined || ownerOf(owner) !== 'dead') continue;
    // It is in nobody's way, and the next write tries again.
    await unlink(join(folder, name)).catch(() => undefined);
  }
}

/**
 * Checks whether a file could be written there, so that a wrong path is found before costly work, not after it. A disk
 * may still fill up later.
 *
 * @throws RunnerError (rejects) `RUNNER_OUTPUT_FAILED` if the path is a directory, or it or its folder is not writable.
 */
export async function checkTracePath(path: string): Promise<void> {
  try {
    const { path: real, isPlain } = await placeOf(path);
    const isThere = await exists(real);
    if (isThere && (await stat(real)).isDirectory()) throw new Error('it is a directory');
    await access(isThere && !isPlain ? real : dirname(real), constants.W_OK);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/** Rethrows errors other than a missing file, such as a name that is too long: they would prevent writing as well. */
async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * The path of the regular file that exists or would be made, links followed; undefined for a device, a pipe or a
 * folder.
 */
export async function plainPathOf(path: string): Promise<string | undefined> {
  const place = await placeOf(path);
  if (!place.isPlain) return undefined;
  const folder = await realpath(dirname(place.path)).catch(() => dirname(resolve(place.path)));
  return join(folder, basename(place.path));
}

async function openFile(path: string): Promise<FileHandle> {
  if (typeof path !== 'string' || path === '') throw cannotRead(path, undefined);
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

async function* chunksOf(path: string, file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null).catch((cause: unknown) => {
      throw cannotRead(path, cause);
    });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The first chunk; more of them while they are too short to show what the file is, as those of a pipe may be. */
async function headOf(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < GZIP_MAGIC.length) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* prepend(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield first;
  yield* rest;
}

function isGzip(bytes: Uint8Array): boolean {
  return GZIP_MAGIC.every((byte, at) => bytes[at] === byte);
}

async function* unpacked(
  path: string,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const { createGunzip } = await import('node:zlib');
  // pipeline requires a callback; errors reach the loop below through the stream.
  const stream = pipeline(Readable.from(packed), createGunzip(), () => undefined);
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    if (cause instanceof RunnerError) throw cause;
    const expected = 'a whole gzip file';
    throw new RunnerError('RUNNER_TRACE_FORMAT', `${path}: expected ${expected}, got ${messageOf(cause)}`, {
      expected,
      actual: messageOf(cause),
      cause,
    });
  }
}

/** Where a path leads, links followed. */
async function placeOf(path: string): Promise<Place> {
  try {
    const real = await realpath(path);
    return { path: real, isPlain: (await stat(real)).isFile() };
  } catch {
    // A pipe that is open only in a process has no real path.
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined) return { path, isPlain: stats.isFile() };
    // Nothing is there yet, so it will be a file; any other problem shows when it is opened.
    return { path: await linkedFrom(path), isPlain: true };
  }
}

/** Follows links of which the last one dangles. */
async function linkedFrom(path: string): Promise<string> {
  let place = path;
  for (let links = 0; links < LINKS_MAX; links += 1) {
    const target = await readlink(place).catch(() => undefined);
    if (target === undefined) return place;
    // Relative to the link's folder, which may itself be reached through links.
    place = resolve(await realpath(dirname(place)).catch(() => dirname(place)), target);
  }
  return path;
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    throw cannotWrite(to, cause);
  }
}

async function writeLines(
  path: string,
  file: FileHandle,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  let bytes = 0;
  let batch = '';
  const flush = async (): Promise<void> => {
    try {
      await file.writeFile(batch);
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
    bytes += Buffer.byteLength(batch);
    batch = '';
  };
  for await (const line of lines) {
    check('line', line, is.TEXT);
    batch += line;
    if (batch.length >= BATCH_LENGTH) await flush();
  }
  await flush();
  return bytes;
}

function cannotRead(path: unknown, cause: unknown): RunnerError {
  const expected = 'a file that can be read';
  // Node repeats the path at the end.
  const why = cause === undefined ? '' : ` (${messageOf(cause).replace(/, \w+(?: '[^]*')?$/, '')})`;
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `path: expected ${expected}, got ${describeValue(path)}${why}`,
    { expected, actual: path, cause },
  );
}

function cannotWrite(path: string, cause: unknown): RunnerError {
  return new RunnerError('RUNNER_OUTPUT_FAILED', `${path} cannot be written: ${messageOf(cause)}`, {
    expected: 'a file that can be written',
    actual: path,
    cause,
  });
}
