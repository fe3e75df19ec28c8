/**
 * Imports and requires by a name that is known only at run time, for a module within a bundle. Invariant: the name has
 * the meaning that it has in the original file. What else a file knows of its own place, such as `import.meta.dirname`,
 * is written into its text (`own-place-plugin.ts`).
 */
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { RunnerError } from '../../kernel/errors.ts';
import { hub } from '../hub.ts';
import { languageOf } from './source-language.ts';

/** What the code of a bundled module asks of its place. */
interface ModulePlace {
  readonly require: NodeJS.Require;
  /** The exports of a module that Node loads, as `import(name)` gives them; the module is not new. */
  readonly load: (specifier: string) => Promise<object>;
  /** As `import.meta.resolve`. */
  readonly resolve: (specifier: string) => string;
}

/** The place of the module with that URL. */
export type PlaceOf = (url: string) => ModulePlace;

const known = new Map<string, ModulePlace>();

/** See {@link PlaceOf}. */
export function placeOf(url: string): ModulePlace {
  const place = known.get(url) ?? newPlace(url);
  known.set(url, place);
  return place;
}

function newPlace(url: string): ModulePlace {
  const require = createRequire(url);
  const resolve = (specifier: string): string => {
    if (/^(?:\.{0,2}\/|file:)/.test(specifier)) return new URL(specifier, url).href;
    const path = pathOf(specifier, require);
    if (isAbsolute(path)) return pathToFileURL(path).href;
    return path.startsWith('node:') ? path : `node:${path}`;
  };
  const load = async (specifier: string): Promise<object> => {
    await Promise.resolve();
    const found = resolve(String(specifier));
    if (!found.startsWith('file:')) return asNamespace(require(found));
    const path = fileURLToPath(found);
    if (languageOf(path).startsWith('ts')) return imported(found);
    try {
      return asNamespace(require(path));
    } catch (error) {
      if (!isOfModule(error)) throw error;
      return imported(found);
    }
  };
  return { require, load, resolve };
}

function pathOf(name: string, require: NodeJS.Require): string {
  try {
    return require.resolve(name);
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    const path = code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? pathForImport(name, require) : undefined;
    if (path === undefined) throw error;
    return path;
  }
}

/** The file of a package that exports it for `import` alone; undefined if there is none, or only by a pattern. */
function pathForImport(name: string, require: NodeJS.Require): string | undefined {
  const [, of = '', path = ''] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(name) ?? [];
  for (const folder of require.resolve.paths(name) ?? []) {
    const root = join(folder, of);
    let exported: unknown;
    try {
      // Node reads it: a simulation may not.
      ({ exports: exported } = require(join(root, 'package.json')) as { readonly exports?: unknown });
    } catch {
      continue;
    }
    const whole = path === '' ? exported : undefined;
    const target = targetIn((Object(exported) as Readonly<Record<string, unknown>>)[`.${path}`] ?? whole);
    return target === undefined ? undefined : join(root, target);
  }
  return undefined;
}

/** What an `import()` follows in `exports`. */
const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default']);

function targetIn(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported;
  for (const [key, value] of Object.entries(Object(exported) as object)) {
    const target = CONDITIONS.has(key) ? targetIn(value) : undefined;
    if (target !== undefined) return target;
  }
  return undefined;
}

/** True if the file is an ES module that this Node loads by `import` alone. */
function isOfModule(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'ERR_REQUIRE_ESM' || code === 'ERR_REQUIRE_ASYNC_MODULE';
}

/** Imports it while the simulation, if one runs, stands still. */
function imported(url: string): Promise<object> {
  const load = async (): Promise<object> => {
    try {
      return (await import(/* @vite-ignore */ url)) as object;
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
      const file = fileURLToPath(url);
      throw new RunnerError(
        'RUNNER_INVALID_ARGUMENT',
        `import(${JSON.stringify(file)}): Node cannot load TypeScript that sim.load does not know: write the name into import("…"), or import the module before and pass it on`,
        { actual: file, cause: error },
      );
    }
  };
  return hub.world?.held(load) ?? load();
}

/** What `import()` gives for these exports. */
function asNamespace(exports: unknown): object {
  const isNamespace = Object.prototype.toString.call(exports) === '[object Module]';
  if (isNamespace) return exports as object;
  const named = typeof exports === 'object' || typeof exports === 'function' ? exports : {};
  return { ...named, default: exports };
}
