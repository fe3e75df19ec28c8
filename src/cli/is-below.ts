/** Whether a path lies in a folder, as both are written. Invariant: a name may begin with two dots. */
import { isAbsolute, relative, sep } from 'node:path';

/** True if `path` is below `folder` ('' is the current one). The folder itself is not. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
