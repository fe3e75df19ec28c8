/**
 * Finds the copy of this package that a project has installed. Invariant: whichever copy is typed, the one runs that the
 * project's scenarios import, because two copies do not know each other's classes.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageFile, runsSources } from '../kernel/package-files.ts';

const NAME = 'dryrunner';

/**
 * The command of the copy that code in `folder` imports; undefined if that is this one, or there is none. Sources run
 * themselves: they are typed to be tried.
 */
export function projectCommand(folder: string): URL | undefined {
  if (runsSources) return undefined;
  const home = installedFor(folder);
  if (home === undefined || home === realpathSync(fileURLToPath(packageFile('')))) return undefined;
  return commandIn(home);
}

/** The folder of the nearest copy, as Node looks for it. */
function installedFor(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const home = realFolder(join(at, 'node_modules', NAME));
    if (home !== undefined) return home;
    if (at === dirname(at)) return undefined;
  }
}

function realFolder(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // It is not there, or cannot be read: then Node does not load it for scenarios either.
    return undefined;
  }
}

function commandIn(home: string): URL | undefined {
  try {
    const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
      readonly bin?: Readonly<Record<string, unknown>>;
    };
    const path = bin?.[NAME];
    return typeof path === 'string' ? pathToFileURL(join(home, path)) : undefined;
  } catch {
    // A folder without a sound package.json holds no package.
    return undefined;
  }
}
