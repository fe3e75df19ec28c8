/**
 * The environment that a process was started with, as /proc shows it. Invariant: a known environment certainly has the
 * token or certainly lacks it; a process that has none for a moment, in the middle of an exec, is reported as unknown.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { TOKEN_LENGTH } from './process-cookie.ts';
import { hasImage, hasMemory, listThreads, readUserIds } from './process-table.ts';

const TRIES = 3;
const TOKENS = new RegExp(`[0-9a-f]{${TOKEN_LENGTH},}`, 'g');
/** The start of a piece that is no name with a value, such as an empty one; each piece ends with a zero. */
const NO_VARIABLE = /(^|\0)(?!$|[^=\s\0]+=)/;
const NOTHING: Buffer = Buffer.alloc(0);
let buffer = Buffer.allocUnsafe(64 * 1024);

/** An environment as it was read. */
export class ProcessEnvironment {
  /** False if the process was in the middle of an exec, or ending: it has to be read again. */
  readonly isKnown: boolean;
  readonly #bytes: Buffer;
  readonly #isOurs: boolean;

  constructor(bytes: Buffer | undefined, isOurs = true) {
    this.isKnown = bytes !== undefined;
    this.#bytes = bytes ?? NOTHING;
    this.#isOurs = isOurs;
  }

  /** Whether it was cleared, overwritten or hidden, so that it says nothing of where the process is from. */
  isBare(): boolean {
    if (!this.isKnown || !this.#isOurs) return false;
    const text = this.#bytes.toString('latin1');
    return !text.endsWith('\0') || NO_VARIABLE.test(text);
  }

  /** Whether it contains the text. */
  holds(text: string): boolean {
    return this.#bytes.includes(text);
  }

  /** Everything in it that could be the token of a cookie. */
  *tokens(): Generator<string> {
    for (const [digits] of this.#bytes.toString('latin1').matchAll(TOKENS)) {
      for (let at = 0; at + TOKEN_LENGTH <= digits.length; at++) yield digits.slice(at, at + TOKEN_LENGTH);
    }
  }
}

const UNKNOWN = new ProcessEnvironment(undefined);
const EMPTY = new ProcessEnvironment(NOTHING);
const FOREIGN = new ProcessEnvironment(NOTHING, false);

/**
 * Reads the environment of a process; empty if it has ended or may not be read.
 *
 * @throws Error if it cannot be read for another reason, such as a lack of file descriptors.
 */
export function readEnvironment(pid: number): ProcessEnvironment {
  const process = `/proc/${pid}`;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const environment = readThread(process, pid);
    if (environment !== undefined) return environment;
    if (!hasImage(process)) return readOtherThreads(process, pid);
    // Nothing could be read, although the process has an image by now: it may be a new one.
  }
  return EMPTY;
}

/** A process whose first thread has ended shows no environment of its own; its other threads still do. */
function readOtherThreads(process: string, pid: number): ProcessEnvironment {
  const threads = listThreads(pid);
  if (threads.length === 0) return FOREIGN;
  for (const thread of threads) {
    if (thread === pid) continue;
    const path = `${process}/task/${thread}`;
    const environment = readThread(path, pid);
    if (environment !== undefined) return environment;
    if (hasImage(path)) return EMPTY;
  }
  return UNKNOWN;
}

/** Undefined if there is nothing to read, because the environment is empty or the thread has ended. */
function readThread(path: string, pid: number): ProcessEnvironment | undefined {
  let file: number | undefined;
  try {
    file = openSync(`${path}/environ`, 'r');
    const bytes = readAll(file);
    return bytes.length === 0 ? undefined : new ProcessEnvironment(bytes);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'ENOENT') return undefined;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    if (!isOfOurUser(pid)) return FOREIGN;
    // A process may hide its environment from its own user too, as those that keep secrets do. The file of a thread that
    // has ended belongs to the superuser.
    return hasMemory(path) ? EMPTY : undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Whether our user started it, and so may signal it, even if it runs as another user now. */
function isOfOurUser(pid: number): boolean {
  const ours = [process.getuid?.(), process.geteuid?.()];
  const { real, saved } = readUserIds(pid);
  return ours.includes(real) || ours.includes(saved);
}

function readAll(file: number): Buffer {
  for (let filled = 0; ;) {
    const count = readSync(file, buffer, filled, buffer.length - filled, null);
    filled += count;
    if (count === 0) return Buffer.from(buffer.subarray(0, filled));
    if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
  }
}
