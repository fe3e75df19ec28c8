/**
 * A small disk: files in folders that outlive the process, and the rules of what survives a crash. The same program
 * runs on a disk in memory, which loses what a real one may lose, and on a folder of the machine. Invariant: a path
 * names the same file on both, or both reject it.
 */
import * as is from '../kernel/shape.ts';
import { check, isInstance } from '../kernel/argument-check.ts';
import { RunnerError, type RunnerErrorCode } from '../kernel/errors.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';

/** Data to write: bytes, or text, which is written as UTF-8. */
export type DiskData = Uint8Array | string;

/**
 * A disk as one process uses it. Operations take effect one after another, in call order.
 *
 * Paths are relative, with slashes between their parts: `log`, `segments/0001`. Folders need not be created: a folder
 * exists while it contains a file.
 *
 * Every later `read` sees what was written, and it survives the end of the process. After a power failure:
 *
 * - A file has its content as of its last `sync(path)`, plus some prefix of what was written after that: maybe
 *   nothing, maybe up to the middle of a write, and on some disks with zeros where a part did not get there in time. A
 *   `write` replaces the content in place, and can leave a part of the new content and nothing of the old.
 * - Names are as of the last `sync` of the folder or of any file in it. A file that was created, renamed or removed
 *   after that may have its new name or the old one, or may be gone or back again. A rename into another folder affects
 *   both folders; syncing one of them is enough.
 * - A `rename` is atomic: its target is the old file or the new one, never neither. It does not make content durable:
 *   sync the file, rename it, then sync it under its new name, and a crash leaves the old content or the new.
 * - What was synced is not lost, except by a disk that breaks.
 *
 * After a `sync` that failed, the state of the disk is unknown: a second one that succeeds proves nothing about what
 * was written before the first. Write the data again, to another file.
 *
 * Every method rejects with a `RunnerError`: `RUNNER_INVALID_ARGUMENT` for an invalid path (empty, absolute, with an
 * empty part, `.`, `..`, a backslash or a NUL, or a part of more than 255 bytes) or for invalid data;
 * `RUNNER_DISK_NOT_FOUND`, `RUNNER_DISK_NO_SPACE`, `RUNNER_DISK_FAILED` for any other failure of the disk, and
 * `RUNNER_DISK_CLOSED` after `close` or a crash. See {@link createMemoryDisk}.
 */
export interface Disk {
  /** The content of a file, as a fresh copy. */
  read(path: string): Promise<Uint8Array>;
  /** The content of a file, decoded as UTF-8. */
  readText(path: string): Promise<string>;
  /**
   * Replaces the content; creates the file if it does not exist. If it fails, a part of the new content may be there.
   */
  write(path: string, data: DiskData): Promise<void>;
  /** Appends to a file; creates it if it does not exist. If it fails, a part may have been appended. */
  append(path: string, data: DiskData): Promise<void>;
  /**
   * Makes a file durable: its content, and the names in its folder. For a folder, or the top folder if no path is
   * given, only the names in it.
   */
  sync(path?: string): Promise<void>;
  /** Renames a file, replacing any file of the new name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /**
   * The sorted paths of all files in a folder and its subfolders; without a folder, of all files. Empty if there is no
   * such folder.
   */
  list(folder?: string): Promise<string[]>;
  /** Rejects all later calls, and resolves when the earlier ones are done. Does not sync. */
  close(): Promise<void>;
}

const PART_BYTES_MAX = 255;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

const PATH = is.satisfying(
  "a relative path such as 'log' or 'segments/1', without empty parts, '.' or '..'",
  (value) => typeof value === 'string' && isDiskPath(value),
);
const DATA = is.satisfying(
  'a string or a Uint8Array',
  // Also false for a proxy of a Uint8Array, whose bytes cannot be read.
  (value) => typeof value === 'string' || (ArrayBuffer.isView(value) && isInstance(value, Uint8Array)),
);

/** True if a text is a valid path of a file or folder. */
export function isDiskPath(path: string): boolean {
  if (path.includes('\\') || path.includes('\0') || LONE_SURROGATE.test(path)) return false;
  return path.split('/').every((part) => {
    if (part === '' || part === '.' || part === '..') return false;
    return part.length <= PART_BYTES_MAX / 3 || encoder.encode(part).length <= PART_BYTES_MAX;
  });
}

const KNOWN_MAX = 1_024;
/** Paths that have passed the check: programs use the same ones again and again. */
const known = new Set<unknown>();

/** Throws for anything but a valid path; `name` is the name of the argument. */
export function checkDiskPath(name: string, path: unknown): void {
  if (known.has(path)) return;
  check(name, path, PATH);
  if (known.size >= KNOWN_MAX) known.clear();
  known.add(path);
}

/** The bytes of the data, as a copy that nobody else can change. */
export function diskBytes(data: unknown): Uint8Array {
  check('data', data, DATA);
  return typeof data === 'string' ? encoder.encode(data) : Uint8Array.from(data as Uint8Array);
}

/** Decodes bytes as UTF-8. */
export function diskText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The folder that contains a path; empty for the top folder. */
export function folderOfPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** All folders above a path, innermost first, without the top folder. */
export function foldersAbove(path: string): string[] {
  const folders = [];
  for (let folder = folderOfPath(path); folder !== ''; folder = folderOfPath(folder)) folders.push(folder);
  return folders;
}

/** Operations of a disk. */
export type DiskCall = 'read' | 'write' | 'append' | 'sync' | 'rename' | 'remove' | 'list' | 'close';

/** Those of calls: many calls leave no event in the trace from which it could be learnt that their owner is a disk. */
const callTopics = new WeakSet<Topic>();

/** The topic of a call on a disk. */
export function diskCallTopic(disk: string, call: DiskCall, path: string): Topic {
  const topic = namedTopic(disk, call, path);
  callTopics.add(topic);
  return topic;
}

/** True for the topic of a call on a disk, whose `owner` is the disk, `what` the call and `subject` the path. */
export function isDiskCallTopic(
  topic: Topic,
): topic is Topic & { readonly owner: string; readonly what: DiskCall; readonly subject: string } {
  return callTopics.has(topic);
}

/** Describes a call: `append to log`, `rename of a to b`. Without `to`, the new name is not known. */
export function diskCallText(call: DiskCall, path: string, to = ''): string {
  const what = path === '' ? 'the top folder' : path;
  if (call === 'close') return 'close';
  if (call === 'write' || call === 'append') return `${call} to ${what}`;
  return `${call} of ${what}${to === '' ? '' : ` to ${to}`}`;
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
