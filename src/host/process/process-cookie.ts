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

/** A new cookie; `inherited` is the value in the environment around the command, whose tokens stay valid inside. */
export function createProcessCookie(inherited: string | undefined): ProcessCookie {
  const token = randomBytes(TOKEN_LENGTH / 2).toString('hex');
  return { token, value: inherited === undefined || inherited === '' ? token : `${inherited}:${token}` };
}
