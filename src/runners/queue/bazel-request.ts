/** The first check of a command on the Bazel path (R185). */
import type { Command } from '../../model/command.ts';
import { EXIT_CODES, ExitCodeError } from '../../model/exit-code.ts';
import { runTypeOf } from '../../model/run-type.ts';

/** The failure of a command whose snapshot makes it a Bazel run but that has no request data; else undefined. */
export function missingRequest({ snapshotId, executeRequest }: Command): ExitCodeError | undefined {
  if (executeRequest !== undefined || runTypeOf(snapshotId) !== 'bazel') return undefined;
  return new ExitCodeError(EXIT_CODES.PREPROCESSING, 'no executeRequest for a run of type bazel');
}
