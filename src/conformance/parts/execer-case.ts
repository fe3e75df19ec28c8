/** Helpers for the cases of execers: commands, and statuses of processes. */
import type { ExecCommand, Process, ProcessStatus } from '../../model/execer.ts';
import { isPending } from '../../model/maybe-promise.ts';

/** A command without ids or tag. */
export const plain = (argv: readonly string[]): ExecCommand => ({
  argv,
  dir: '/',
  jobId: '',
  taskId: '',
  tag: '',
});

/** The final status of a process; `running` if it has not ended. */
export function statusOf(process: Process): ProcessStatus | 'running' {
  const status = process.wait();
  return isPending(status) ? 'running' : status;
}

/** The status of a process that ended with that exit code. */
export const complete = (exitCode: number): ProcessStatus => ({ state: 'COMPLETE', exitCode, error: '' });

/** The status of a process that was stopped, in the end by that signal. */
export const aborted = (signal: 'SIGTERM' | 'SIGKILL'): ProcessStatus => ({
  ...{ state: 'FAILED', exitCode: -1, error: `Aborted (${signal})` },
  signal,
});
