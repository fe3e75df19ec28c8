/**
 * A small disk: files in folders that outlive the process, and what of them survives a crash. The same program runs on a disk in memory, which
 * loses what a real one may lose, and on a folder of the machine. Invariant: a path names the same file on both, or is refused by both.
 */
import * as is from '../kernel/shape.ts';
import { check, isInstance } from '../kernel/argument-check.ts';
import { RunnerError, type RunnerErrorCode } from '../kernel/errors.ts';

/** What is written: bytes, or a text, which is written as UTF-8. */
export type DiskData = Uint8Array | string;

/**
 * A disk as one process uses it. Operations take effect one after another, in the order of the calls.
 *
 * Paths are relative and their parts stand between slashes: `log`, `segments/0001`. Folders need not be made: they are there while a file is
 * in them.
 *
 * What is written is seen by every later `read`, and survives the end of the process. A power failure is another matter; what survives it:
 *
 * - The content of a file as of its last `sync(path)`. Of what was written after that, a first part survives: maybe none of it, maybe up
 *   to the middle of a write, and on some disks with zeros where a part did not get there in time. A `write` replaces the content in place,
 *   and can leave a part of the new content and nothing of the old.
 * - The names as of the last `sync` of the folder, or of any file in it. Files that were created, renamed or removed after that may be
 *   there under their new name or the old one, or gone or there again. A rename into another folder counts for both: one sync will do.
 * - A `rename` happens as a whole: its target is the old file or the new one, never neither. It says nothing about content: sync the file
 *   first, then rename it, then sync it by its new name, and a crash leaves the old content or the new.
 * - Nothing that was synced is lost, except by a disk that breaks.
 *
 * After a `sync` that failed nobody knows what is on the disk; a second one that succeeds proves nothing about what was written before the
 * first. Write it again, to another file.
 *
 * Every method rejects with a `RunnerError`: `RUNNER_INVALID_ARGUMENT` for an invalid path (empty, absolute, with an empty part, `.`,
 * `..`, a backslash or a NUL, or a part of more than 255 bytes) or other data; `RUNNER_DISK_NOT_FOUND`, `RUNNER_DISK_NO_SPACE`,
 * `RUNNER_DISK_FAILED` for whatever else the disk cannot do, and `RUNNER_DISK_CLOSED` after `close` or a crash. See {@link createMemoryDisk}.
 */
export interface Disk {
  /** All bytes of a file, freshly copied. */
  read(path: string): Promise<Uint8Array>;
  /** All of a file as UTF-8. */
  readText(path: string): Promise<string>;
  /** Replaces the content, and makes the file if there is none. If it fails, a part of the new content may be there. */
  write(path: string, data: DiskData): Promise<void>;
  /** Adds to the end, and makes the file if there is none. If it fails, a part may have been added. */
  append(path: string, data: DiskData): Promise<void>;
  /** Makes a file durable: its content, and the names in its folder. For a folder, or the top folder if no path is given, only the names in it. */
  sync(path?: string): Promise<void>;
  /** Gives a file another name; a file of that name is replaced. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** The paths of all files in a folder and the folders in it, sorted; without a folder, of all there are. None if there is no such folder. */
  list(folder?: string): Promise<string[]>;
  /** Refuses what comes later, and resolves when what was asked before is done. It syncs nothing. */
  close(): Promise<void>;
}

const PART_BYTES_MAX = 255;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

const PATH = is.such(
  "a relative path such as 'log' or 'segments/1', without empty parts, '.' or '..'",
  (value) => typeof value === 'string' && isDiskPath(value),
);
const DATA = is.such(
  'a string or a Uint8Array',
  // A proxy of one has no bytes.
  (value) => typeof value === 'string' || (ArrayBuffer.isView(value) && isInstance(value, Uint8Array)),
);

/** Whether a text is the path of a file or folder on a disk. */
export function isDiskPath(path: string): boolean {
  if (path.includes('\\') || path.includes('\0') || LONE_SURROGATE.test(path)) return false;
  return path.split('/').every((part) => {
    if (part === '' || part === '.' || part === '..') return false;
    return part.length <= PART_BYTES_MAX / 3 || encoder.encode(part).length <= PART_BYTES_MAX;
  });
}

const KNOWN_MAX = 1_024;
/** Paths that were found to be some: programs use the same ones again and again. */
const known = new Set<unknown>();

/** Refuses anything but a path of a file or folder on a disk. `name` is the argument's. */
export function checkDiskPath(name: string, path: unknown): void {
  if (known.has(path)) return;
  check(name, path, PATH);
  if (known.size >= KNOWN_MAX) known.clear();
  known.add(path);
}

/** The bytes that data stands for; a copy, which nobody else can change. */
export function diskBytes(data: unknown): Uint8Array {
  check('data', data, DATA);
  return typeof data === 'string' ? encoder.encode(data) : Uint8Array.from(data as Uint8Array);
}

/** Bytes as text. */
export function diskText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The folder that a path is in; empty for the top. */
export function folderOfPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** All folders above a path, the nearest first, without the top. */
export function foldersAbove(path: string): string[] {
  const folders = [];
  for (let folder = folderOfPath(path); folder !== ''; folder = folderOfPath(folder)) folders.push(folder);
  return folders;
}

/** What a disk can be asked for. */
export type DiskCall = 'read' | 'write' | 'append' | 'sync' | 'rename' | 'remove' | 'list' | 'close';

/** A call in words: `append to log`, `rename of a to b`. */
export function diskCallText(call: DiskCall, path: string, to = ''): string {
  const what = path === '' ? 'the top' : path;
  if (call === 'close') return 'close';
  if (call === 'write' || call === 'append') return `${call} to ${what}`;
  return call === 'rename' ? `rename of ${what} to ${to}` : `${call} of ${what}`;
}

/** The error of a call on a disk: `read of log on disk n1: no such file`. */
export function diskError(
  code: Extract<RunnerErrorCode, `RUNNER_DISK_${string}`>,
  disk: string,
  callText: string,
  why: string,
  cause?: unknown,
): RunnerError {
  const message = `${callText} on disk ${disk}: ${why}`;
  return new RunnerError(code, message, cause === undefined ? {} : { cause });
}
