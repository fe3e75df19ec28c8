/**
 * Where this package is, and which files belong to it. Invariant: this works in the checkout, as built and as
 * installed, because a folder of `src` has the same name in `dist`. No other module computes these locations, except
 * for those that load before everything else or in a thread of their own (`HOME` in `src/ambient/hub.ts`).
 */

import { RunnerError } from './errors.ts';

/** The folder of package.json. */
const PACKAGE = new URL('../..', import.meta.url);
/** True in the checkout, which runs TypeScript; the package runs JavaScript. */
export const runsSources: boolean = import.meta.url.endsWith('.ts');

/** A file of the package, by its path relative to package.json. */
export function packageFile(path: string): URL {
  return new URL(path, PACKAGE);
}

/** A module of the running code, by its path in `src` without its extension. */
export function codeModule(path: string): URL {
  return packageFile(runsSources ? `src/${path}.ts` : `dist/${path}.js`);
}

/** The module of the shipped scenarios. */
export function shippedScenariosModule(): URL {
  return packageFile(runsSources ? 'sims/index.ts' : 'dist/sims/index.js');
}

const PACKAGE_PATH = decodeURIComponent(PACKAGE.pathname);
/** Folders of the running code, and of the code to which a source map leads. */
const CODE = ['src/', 'dist/'].map((folder) => `${PACKAGE_PATH}${folder}`);
const SCENARIOS = 'sims/';

/**
 * The path of a file in `src`, such as `kernel/drain.ts`, if it is code of this package other than its shipped
 * scenarios.
 */
export function codePathOf(file: string): string | undefined {
  const path = CODE.flatMap((folder) => (file.startsWith(folder) ? [file.slice(folder.length)] : []))[0];
  return path?.startsWith(SCENARIOS) === true ? undefined : path;
}

/** True for a file that the package does not contain: the running code is built, and its source map leads to `src`. */
export function isOnlyMapped(file: string, sources: boolean = runsSources): boolean {
  return !sources && codePathOf(file) !== undefined && file.startsWith(`${PACKAGE_PATH}src/`);
}

/** The path of a file in `sims`, if it is one of the shipped scenarios, compiled or not. */
export function scenarioPathOf(file: string): string | undefined {
  const folder = ['', 'src/', 'dist/']
    .map((start) => `${PACKAGE_PATH}${start}${SCENARIOS}`)
    .find((start) => file.startsWith(start));
  return folder === undefined ? undefined : file.slice(folder.length);
}

const URL_SCHEME = 'file://';

/** URLs are decoded; a path that only looks like an encoded one stays unchanged. */
export function pathOfLocation(location: string): string {
  if (!location.startsWith(URL_SCHEME)) return location;
  const path = location.slice(URL_SCHEME.length);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Loads an optional peer dependency on first use.
 *
 * Rejects with `RUNNER_MISSING_PACKAGE` if it is not installed, and with any other error of the import.
 */
export async function loadPeer<T>(
  name: string,
  neededBy: string,
  load: () => Promise<T>,
  { beside = [] }: { readonly beside?: readonly string[] } = {},
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const names = [name, ...beside];
    const which = `the package${names.length > 1 ? 's' : ''} ${names.join(' and ')}`;
    const message = `${neededBy} needs ${which}: npm install ${names.join(' ')}`;
    throw new RunnerError('RUNNER_MISSING_PACKAGE', message, { expected: name, cause: error });
  }
}
