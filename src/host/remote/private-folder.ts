/** The refusal of work that has no folder of its own in which it would be safe from other users. */
import { RunnerError } from '../../kernel/errors.ts';
import { meaningOf } from '../../model/system-error.ts';
import type { TempFolder } from '../temp-folder.ts';

/** @throws RunnerError `RUNNER_DISK_FAILED` if the folder is not one of this process alone, and none can be made. */
export function requirePrivateFolder(folder: TempFolder, what: string): void {
  try {
    folder.restore();
  } catch (cause) {
    const message = `the cluster has no folder for ${what}: ${meaningOf(cause)}`;
    throw new RunnerError('RUNNER_DISK_FAILED', message, { cause });
  }
}
