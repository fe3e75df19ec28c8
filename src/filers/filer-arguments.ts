/** What filers take: ids, absolute paths, and maps of what to ingest where. Invariant: nothing is touched before these have passed. */
import * as is from '../kernel/shape.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { check } from '../kernel/argument-check.ts';

/** The id of a snapshot, known or not. */
export const SNAPSHOT_ID: is.TextShape = is.text('a string without NUL', /^[^\0]*$/);
/** The path of a file or directory. */
export const ABSOLUTE_PATH: is.TextShape = is.text('an absolute path without NUL', /^\/[^\0]*$/);
const TARGET_PATH = is.such(
  'a relative path without empty, . or .. segments',
  (value) => typeof value === 'string' && (value === '' || isPathBelow(value)),
);
const MAP_OF_PATHS = is.instanceOf('a Map of source path to target path', Map);

/**
 * Refuses what no filer takes as a map of source path → path inside the snapshot. A directory may go to '', the snapshot's root.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT`.
 */
export function checkIngestPaths(paths: unknown): asserts paths is ReadonlyMap<string, string> {
  check('paths', paths, MAP_OF_PATHS);
  for (const [source, target] of paths as ReadonlyMap<unknown, unknown>) {
    check('source path', source, ABSOLUTE_PATH);
    check('target path', target, TARGET_PATH);
  }
}
