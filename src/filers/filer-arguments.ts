/** What filers take: ids, absolute paths, and maps of what to ingest where. Invariant: nothing is touched before these have passed. */
import { isInstance } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';

/**
 * Refuses what no filer takes as the id of a snapshot.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is a string without NUL.
 */
export function checkSnapshotId(snapshotId: unknown): asserts snapshotId is string {
  if (typeof snapshotId === 'string' && !snapshotId.includes('\0')) return;
  throw invalidArgument('snapshotId', 'a string without NUL', snapshotId);
}

/**
 * Refuses what no filer takes as the path of a file or directory.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is an absolute path without NUL.
 */
export function checkAbsolutePath(name: string, path: unknown): asserts path is string {
  if (typeof path === 'string' && path.startsWith('/') && !path.includes('\0')) return;
  throw invalidArgument(name, 'an absolute path without NUL', path);
}

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
  if (!isInstance(paths, Map)) throw invalidArgument('paths', 'a Map of source path to target path', paths);
  for (const [source, target] of paths) {
    checkAbsolutePath('source path', source);
    if (typeof target === 'string' && (target === '' || isPathBelow(target))) continue;
    throw invalidArgument('target path', 'a relative path without empty, . or .. segments', target);
  }
}
