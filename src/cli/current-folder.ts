/** The folder in which the command was typed. It may have been removed since: what does not need it goes on without. */
import { stackOf } from '../kernel/errors.ts';

/** Undefined if it is gone. */
export function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** True if this error came of it being gone. */
export function isOfLostFolder(error: unknown): boolean {
  return currentFolder() === undefined && /\buv_cwd\b/.test(stackOf(error) ?? '');
}
