/** Errors of the system as clients may see them. Invariant: no path of this machine is in the text. */
import { messageOf } from '../kernel/errors.ts';

/** Node's text of an error of the system: its code, what it means, the call, and often a path. */
const TEXT = /^E[A-Z0-9]+: (.+?), \w+(?: '.*)?$/s;

/** What an error of the system means, such as `permission denied`; the whole text of any other error. */
export function meaningOf(error: unknown): string {
  const text = messageOf(error);
  return TEXT.exec(text)?.[1] ?? text;
}
