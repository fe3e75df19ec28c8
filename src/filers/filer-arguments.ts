/** What filers take: ids, absolute paths, and maps of what to ingest where. Invariant: nothing is touched before these have passed. */
import * as is from '../kernel/shape.ts';
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

/** True for a path that stays below where it is put: no empty, `.` or `..` segments, no NUL, not absolute. */
export function isPathBelow(path: string): boolean {
  if (path.includes('\0')) return false;
  return path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

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

/**
 * True if a link at `path` cannot lead out of the snapshot: not absolute, and `..` only at the start, no more often than the link
 * lies deep. A `..` further on could climb from wherever another link led.
 */
export function isConfinedLink(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const segments = target.split('/').filter((segment) => segment !== '' && segment !== '.');
  const down = segments.findIndex((segment) => segment !== '..');
  const climbs = down < 0 ? segments.length : down;
  return climbs < path.split('/').length && !segments.slice(climbs).includes('..');
}
