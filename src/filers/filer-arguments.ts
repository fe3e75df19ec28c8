/**
 * Argument shapes of filers: ids, absolute paths, and maps of paths to ingest. Invariant: arguments are checked before
 * anything is touched.
 */
import * as is from '../kernel/shape.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { check } from '../kernel/argument-check.ts';

/** A snapshot id, known or not. */
export const SNAPSHOT_ID: is.TextShape = is.text('a string without NUL', /^[^\0]*$/);
/** The path of a file or directory. */
export const ABSOLUTE_PATH: is.TextShape = is.text('an absolute path without NUL', /^\/[^\0]*$/);
const TARGET_PATH = is.satisfying(
  'a relative path without empty, . or .. segments',
  (value) => typeof value === 'string' && (value === '' || isPathBelow(value)),
);
const MAP_OF_PATHS = is.instanceOf('a Map of source path to target path', Map);

/**
 * Checks a map of source path → path inside the snapshot. A directory may map to '', the root of the snapshot.
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
