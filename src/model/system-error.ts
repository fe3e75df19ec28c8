/** Errors of the system as clients may see them. Invariant: no path of this machine is in the text. */
import { messageOf } from '../kernel/errors.ts';

/** Node's text of an error of the system: its code, what it means, the call, and often a path. */
const TEXT = /^E[A-Z0-9]+: (.+?), \w+(?: '.*)?$/s;

/** EDQUOT, for which Node 20 has no name: its numbers on Linux and macOS. No error of files has either number on the other. */
export const OUT_OF_QUOTA: readonly string[] = [
  'EDQUOT',
  'Unknown system error -122',
  'Unknown system error -69',
];

/** True for an error of a call of the system, whose text may have a path. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall !== undefined;
}

/**
 * What an error of the system means, such as `permission denied`, or its code if Node's text does not say so; the whole
 * text of any other error.
 */
export function meaningOf(error: unknown): string {
  const text = messageOf(error);
  const meaning = TEXT.exec(text)?.[1];
  if (meaning !== undefined || !isSystemError(error)) return meaning ?? text;
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string') return 'an error of the system';
  return OUT_OF_QUOTA.includes(code) ? 'disk quota exceeded' : code;
}
