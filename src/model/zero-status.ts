/** The zero-valued status: what stands in the place of a run that does not exist. */
import type { RunStatus } from './run-status.ts';

const ZERO: RunStatus = Object.freeze({
  runId: '',
  state: 'UNKNOWN',
  jobId: '',
  taskId: '',
  tag: '',
  stdoutRef: '',
  stderrRef: '',
  snapshotId: '',
  exitCode: 0,
  error: '',
});

/** Empty id, UNKNOWN, no tags, and perhaps an error text (R22, R149). */
export function zeroStatus(error = ''): RunStatus {
  return error === '' ? ZERO : Object.freeze({ ...ZERO, error });
}
