/**
 * The environment that a process was started with, as /proc shows it. Invariant: a known environment certainly has the
 * token or certainly lacks it; a process that has none for a moment, in the middle of an exec, is reported as unknown.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { TOKEN_LENGTH } from './process-cookie.ts';
import { hasImage, listThreads } from './process-table.ts';

const TRIES = 3;
const TOKENS = new RegExp(`[0-9a-f]{${TOKEN_LENGTH},}`, 'g');
/** A name and its value, at the start or after another variable. */
const VARIABLE = /(^|\0)[A-Za-z_][^=\0]*=/;
const NOTHING: Buffer = Buffer.alloc(0);
let buffer = Buffer.allocUnsafe(64 * 1024);

/** An environment as it was read. */
export class ProcessEnvironment {
  /** False if the process was in the middle of an exec, or ending: it has to be read again. */
  readonly isKnown: boolean;
  readonly #bytes: Buffer;
  readonly #isReadable: boolean;

  constructor(bytes: Buffer | undefined, isReadable = true) {
    this.isKnown = bytes !== undefined;
    this.#bytes = bytes ?? NOTHING;
    this.#isReadable = isReadable;
  }

  /** Whether it was cleared or overwritten: it could be read, and shows no variable. */
  isBare(): boolean {
    return this.isKnown && this.#isReadable && !VARIABLE.test(this.#bytes.toString('latin1'));
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
const HIDDEN = new ProcessEnvironment(NOTHING, false);

/**
 * Reads the environment of a process; empty if it has ended or may not be read, in which case we could not signal it
 * either.
 */
export function readEnvironment(pid: number): ProcessEnvironment {
  const process = `/proc/${pid}`;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const environment = readThread(process);
    if (environment !== undefined) return environment;
    if (!hasImage(process)) return readOtherThreads(process, pid);
    // Nothing could be read, although the process has an image by now: it may be a new one.
  }
  return EMPTY;
}

/** A process whose first thread has ended shows no environment of its own; its other threads still do. */
function readOtherThreads(process: string, pid: number): ProcessEnvironment {
  const threads = listThreads(pid);
  if (threads.length === 0) return HIDDEN;
  for (const thread of threads) {
    if (thread === pid) continue;
    const path = `${process}/task/${thread}`;
    const environment = readThread(path);
    if (environment !== undefined) return environment;
    if (hasImage(path)) return EMPTY;
  }
  return UNKNOWN;
}

/** Undefined if there is nothing to read, because the environment is empty or the thread has ended. */
function readThread(path: string): ProcessEnvironment | undefined {
  let file: number | undefined;
  try {
    file = openSync(`${path}/environ`, 'r');
    const bytes = readAll(file);
    return bytes.length === 0 ? undefined : new ProcessEnvironment(bytes);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // The process belongs to another user, and we cannot signal it either.
    return code === 'ESRCH' || code === 'ENOENT' ? undefined : HIDDEN;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readAll(file: number): Buffer {
  for (let filled = 0; ;) {
    const count = readSync(file, buffer, filled, buffer.length - filled, null);
    filled += count;
    if (count === 0) return Buffer.from(buffer.subarray(0, filled));
    if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
  }
}
