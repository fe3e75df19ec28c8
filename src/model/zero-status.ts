/** The zero-valued status: what stands in the place of a run that does not exist. */
import { NO_TAGS } from './command.ts';
import { makeRunStatus, type RunStatus } from './run-status.ts';

/** Empty id, UNKNOWN, no tags, and perhaps an error text (R22, R149). */
export function zeroStatus(error = ''): RunStatus {
  const refs = { stdoutRef: '', stderrRef: '' };
  return makeRunStatus('', 'UNKNOWN', NO_TAGS, refs, { snapshotId: '', exitCode: 0, error });
}
