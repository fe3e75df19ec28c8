/**
 * The environment cookie: a variable with a random token that a command and all its descendants carry, so that those are found
 * that left its group and its session and were adopted by process 1. What clears its environment as well escapes the cookie.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { hasImage } from './process-table.ts';

/** The variable's name. Its value lists tokens, the outermost command's first: runners may run inside of runs. */
export const COOKIE_VARIABLE = 'DRYRUNNER_COOKIE';

/** A token of one command and the variable's value that holds it. */
export interface ProcessCookie {
  readonly token: string;
  readonly value: string;
}

/** A new cookie; `inherited` is the value in the environment around the command, whose tokens stay valid inside. */
export function createProcessCookie(inherited: string | undefined): ProcessCookie {
  const token = randomBytes(12).toString('hex');
  return { token, value: inherited === undefined || inherited === '' ? token : `${inherited}:${token}` };
}

const buffer = Buffer.allocUnsafe(64 * 1024);

const TRIES = 3;

/**
 * Whether the environment that the process was started with holds the token; false if it may not be read. Undefined if the process
 * is just becoming another program, or ending: then it has no environment for a moment, and somebody has to look again.
 */
export function carriesCookie(pid: number, token: string): boolean | undefined {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const carries = readEnvironment(pid, token);
    if (carries !== undefined) return carries;
    if (!hasImage(pid)) return undefined;
    // Nothing could be read, yet by now there is an image: it may be a new one.
  }
  return false;
}

function readEnvironment(pid: number, token: string): boolean | undefined {
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/environ`, 'r');
    return holds(file, token);
  } catch {
    // It has ended, or is another user's: neither can be a member that we could signal.
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Undefined if there is nothing to read. */
function holds(file: number, token: string): boolean | undefined {
  // The end of each piece is kept in front of the next one, for a token that lies across the border.
  const keep = token.length - 1;
  let kept = 0;
  for (let pieces = 0; ; pieces++) {
    const count = readSync(file, buffer, kept, buffer.length - kept, null);
    if (count === 0) return pieces === 0 ? undefined : false;
    const filled = kept + count;
    if (buffer.subarray(0, filled).includes(token)) return true;
    kept = Math.min(keep, filled);
    buffer.copyWithin(0, filled - kept, filled);
  }
}
