/** Checks that paths and links cannot lead out of the directory that they are put into. */

/** True for a path that stays below its directory: no empty, `.` or `..` segments, no NUL, not absolute. */
export function isPathBelow(path: string): boolean {
  if (path.includes('\0')) return false;
  return path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/**
 * True if a link at `path` cannot lead out of the directory that `path` is put into: its target is not absolute and has
 * `..` only at the start, at most once per level that the link lies deep. A later `..` could climb out of whatever
 * another link led to.
 */
export function isConfinedLink(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const segments = target.split('/').filter((segment) => segment !== '' && segment !== '.');
  const down = segments.findIndex((segment) => segment !== '..');
  const climbs = down < 0 ? segments.length : down;
  return climbs < path.split('/').length && !segments.slice(climbs).includes('..');
}
