/**
 * The environment cookie: a variable with a random token that a command and all its descendants carry, so that
 * descendants are found even if they left its group and its session and were adopted by process 1. A process that
 * overwrites its environment escapes the cookie.
 */
import { randomBytes } from 'node:crypto';

/**
 * The variable's name. Its value lists tokens, the outermost command's first, because runners may run inside of runs.
 */
export const COOKIE_VARIABLE = 'DRYRUNNER_COOKIE';

/** Hexadecimal digits of a token. */
export const TOKEN_LENGTH = 24;

/** The token of one command, and the variable's value that contains it. */
export interface ProcessCookie {
  readonly token: string;
  readonly value: string;
}

/** A new random token. */
export function createToken(): string {
  return randomBytes(TOKEN_LENGTH / 2).toString('hex');
}

/** Makes a new cookie. `inherited` are the values and tokens from around the command, which stay valid inside it. */
export function createProcessCookie(...inherited: readonly (string | undefined)[]): ProcessCookie {
  const token = createToken();
  return { token, value: cookieValue(...inherited, token) };
}

/** The variable's value with all of these tokens; missing and empty ones are skipped. */
export function cookieValue(...tokens: readonly (string | undefined)[]): string {
  return tokens.filter((token) => token !== undefined && token !== '').join(':');
}
