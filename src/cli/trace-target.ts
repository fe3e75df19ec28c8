/** Where `--trace` writes, looked at before the work whose trace it is to hold. */
import { checkTracePath } from '../host/trace-file.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { UsageError } from './exit-status.ts';

/** @throws UsageError (rejects) if no file can be written there. */
export async function requireWritable(path: string): Promise<void> {
  try {
    await checkTracePath(path);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_OUTPUT_FAILED')) throw new UsageError(error.message);
    throw error;
  }
}
