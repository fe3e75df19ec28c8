/**
 * The environment that a process was started with, as /proc shows it. Invariant: an environment that is known holds the token for
 * certain or lacks it for certain; what has none for a moment, between two programs, is said to be unknown.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { TOKEN_LENGTH } from './process-cookie.ts';
import { hasImage, listThreads } from './process-table.ts';

const TRIES = 3;
const TOKENS = new RegExp(`[0-9a-f]{${TOKEN_LENGTH},}`, 'g');
/** A name and its value, at the beginning or behind another one. */
const VARIABLE = /(^|\0)[A-Za-z_][^=\0]*=/;
const NOTHING: Buffer = Buffer.alloc(0);
let buffer = Buffer.allocUnsafe(64 * 1024);

/** An environment that was read once. */
export class ProcessEnvironment {
  /** False if the process was just becoming another program, or ending: somebody has to look again. */
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

  /** Whether the text stands anywhere in it. */
  holds(text: string): boolean {
    return this.#bytes.includes(text);
  }

  /** Everything in it that may be the token of a cookie. */
  *tokens(): Generator<string> {
    for (const [digits] of this.#bytes.toString('latin1').matchAll(TOKENS)) {
      for (let at = 0; at + TOKEN_LENGTH <= digits.length; at++) yield digits.slice(at, at + TOKEN_LENGTH);
    }
  }
}

const UNKNOWN = new ProcessEnvironment(undefined);
const EMPTY = new ProcessEnvironment(NOTHING);
const HIDDEN = new ProcessEnvironment(NOTHING, false);

/** The environment of a process; an empty one if it has ended or may not be looked at: then we could not signal it either. */
export function readEnvironment(pid: number): ProcessEnvironment {
  const process = `/proc/${pid}`;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const environment = readThread(process);
    if (environment !== undefined) return environment;
    if (!hasImage(process)) return readOtherThreads(process, pid);
    // Nothing could be read, yet by now there is an image: it may be a new one.
  }
  return EMPTY;
}

/** A process whose first thread has ended shows nothing of its own; the other threads still have what it was started with. */
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

/** Undefined if there is nothing to read, because it is empty or the thread has ended. */
function readThread(path: string): ProcessEnvironment | undefined {
  let file: number | undefined;
  try {
    file = openSync(`${path}/environ`, 'r');
    const bytes = readAll(file);
    return bytes.length === 0 ? undefined : new ProcessEnvironment(bytes);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // What is another user's cannot be read, and cannot be signalled by us either.
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
