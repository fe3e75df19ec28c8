/** Finds the configurations of Vitest: those of Vite do as well. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';

const CONFIGS = ['vitest', 'vite'].flatMap((name) =>
  ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((ending) => `${name}.config.${ending}`),
);

/** The configuration in a folder that Vitest takes. */
export function vitestConfigOf(folder: string): string | undefined {
  return CONFIGS.map((name) => join(folder, name)).find((file) => existsSync(file));
}

/**
 * The folder to give to Vitest as `--root` for a test file of which only the path is known: the nearest one above it with
 * a configuration of its own, below `folder`. Undefined if `folder` has a configuration, which says itself where tests
 * are, or if there is none in between.
 */
export function vitestRootAbove(file: string, folder: string = process.cwd()): string | undefined {
  if (vitestConfigOf(folder) !== undefined) return undefined;
  for (let at = dirname(resolve(folder, file)); at.startsWith(`${folder}${sep}`); at = dirname(at)) {
    if (vitestConfigOf(at) !== undefined) return at;
  }
  return undefined;
}
