/** The folder in which the command was typed. It may have been removed since; work that does not need it continues. */
import { stackOf } from '../kernel/errors.ts';

/** The folder, or undefined if it is gone. */
export function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** True if the error was caused by the missing folder. */
export function isOfLostFolder(error: unknown): boolean {
  return currentFolder() === undefined && /\buv_cwd\b/.test(stackOf(error) ?? '');
}
