/** What cases of execers start, and what becomes of it: commands and statuses of processes. */
import type { ExecCommand, Process, ProcessStatus } from '../../model/execer.ts';
import { isPending } from '../../model/maybe-promise.ts';

/** A command of nobody. */
export const plain = (argv: readonly string[]): ExecCommand => ({
  argv,
  dir: '/',
  jobId: '',
  taskId: '',
  tag: '',
});

/** What a process has ended with; `running` if it has not. */
export function statusOf(process: Process): ProcessStatus | 'running' {
  const status = process.wait();
  return isPending(status) ? 'running' : status;
}

/** It has ended with that exit code. */
export const complete = (exitCode: number): ProcessStatus => ({ state: 'COMPLETE', exitCode, error: '' });

/** It was stopped, at last by that signal. */
export const aborted = (signal: 'SIGTERM' | 'SIGKILL'): ProcessStatus => ({
  ...{ state: 'FAILED', exitCode: -1, error: `Aborted (${signal})` },
  signal,
});
