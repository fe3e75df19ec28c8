/**
 * The environment cookie: a variable with a random token that a command and all its descendants carry, so that those are found
 * that left its group and its session and were adopted by process 1. What overwrites its environment escapes the cookie.
 */
import { randomBytes } from 'node:crypto';

/** The variable's name. Its value lists tokens, the outermost command's first: runners may run inside of runs. */
export const COOKIE_VARIABLE = 'DRYRUNNER_COOKIE';

/** Hexadecimal digits of a token. */
export const TOKEN_LENGTH = 24;

/** A token of one command and the variable's value that holds it. */
export interface ProcessCookie {
  readonly token: string;
  readonly value: string;
}

/** A token that nobody else has. */
export function createToken(): string {
  return randomBytes(TOKEN_LENGTH / 2).toString('hex');
}

/** A new cookie; `inherited` are the values and tokens around the command, which stay valid inside. */
export function createProcessCookie(...inherited: readonly (string | undefined)[]): ProcessCookie {
  const token = createToken();
  return { token, value: cookieValue(...inherited, token) };
}

/** The value of the variable that holds all of these; those that are missing or empty do not count. */
export function cookieValue(...tokens: readonly (string | undefined)[]): string {
  return tokens.filter((token) => token !== undefined && token !== '').join(':');
}
