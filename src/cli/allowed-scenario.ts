/**
 * Decides which code a token or a file may load. Both name a module and may come from a stranger, and a replay runs the
 * code they name. Invariant: only shipped scenarios are loaded, and modules whose real path lies below the folder in
 * which the command runs or below a folder that the user allowed. A scenario that a person types is not restricted.
 */
import { realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { realpathSync } from 'node:fs';
import { describeValue } from '../kernel/errors.ts';
import { UsageError } from './exit-status.ts';
import { isBelow } from './is-below.ts';
import { isModulePath, splitReference } from './scenario-loader.ts';

/** Begins every message that refuses a module. */
const RULE =
  'a token or a file loads only modules under the folder in which the command runs, or under a folder given with --allow';
/** A scheme such as `file:` or `data:`; a single letter is a drive. */
const ADDRESS = /^[a-z][\w+.-]+:/i;

/**
 * Refuses a reference from a token, a log or a trace that leads to code outside the allowed folders.
 *
 * @param allow further folders, as typed.
 * @throws UsageError (rejects) with the rule, the reference and where it leads; or if a folder of `allow` does not
 * exist.
 */
export async function checkAllowedScenario(reference: string, allow: readonly string[] = []): Promise<void> {
  const allowed = await Promise.all(allow.map(realFolder));
  if (!isModulePath(reference)) return;
  // Rejects if the current folder has been removed: then no file is below it.
  const here = await realpath('.').catch(() => undefined);
  const folders = [...(here === undefined ? [] : [here]), ...allowed];
  const { file } = splitReference(reference);
  const place = resolve(file);
  const real = await realpath(place).catch(() => undefined);
  if (real === undefined) {
    // The file does not exist. The loader reports that, but not for a place outside, so as not to reveal whether a file
    // exists there.
    const isNear = [...folders, resolve('.')].some((folder) => isBelow(folder, place));
    if (isNear && !ADDRESS.test(file)) return;
    throw refused(file, undefined);
  }
  const isAllowed = folders.some((folder) => isBelow(folder, real)) && (await stat(real)).isFile();
  if (!isAllowed) throw refused(file, real === place ? undefined : real);
}

/** The folder that has to be allowed so that this reference can be replayed from here; undefined if none has to. */
export function folderToAllow(reference: string): string | undefined {
  if (!isModulePath(reference)) return undefined;
  const { file } = splitReference(reference);
  try {
    const real = realpathSync(file);
    if (isBelow(realpathSync('.'), real)) return undefined;
    const typed = dirname(file);
    return isBelow(realpathSync(typed), real) ? typed : dirname(real);
  } catch {
    // The file existed when it was loaded; the replay will report that it is gone.
    return undefined;
  }
}

async function realFolder(folder: string): Promise<string> {
  const real = await realpath(folder).catch(() => undefined);
  if (real !== undefined && (await stat(real)).isDirectory()) return real;
  throw new UsageError(`--allow: expected a folder, got ${describeValue(folder)}`);
}

function refused(file: string, real: string | undefined): UsageError {
  const leads = real === undefined ? '' : `, which is ${describeValue(real)}`;
  return new UsageError(`${RULE}: it names ${describeValue(file)}${leads}`);
}
