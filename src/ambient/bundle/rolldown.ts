/** The bundler, which is installed beside this package or comes with Vite. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { RunnerError } from '../../kernel/errors.ts';

/**
 * Imports rolldown from this package, else from the user's, else from their Vite, because not every package manager
 * makes it visible to others.
 */
export async function importRolldown<T>(from: string, name: 'rolldown' | 'rolldown/utils'): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch {
    for (const way of [[], ['vite'], ['vitest', 'vite']]) {
      try {
        const path = [...way, name].reduce((at, next) => createRequire(at).resolve(next), from);
        return (await import(pathToFileURL(path).href)) as T;
      } catch {
        // Try the next place.
      }
    }
  }
  throw new RunnerError(
    'RUNNER_MISSING_PACKAGE',
    'sim.load puts modules together with rolldown, which is not installed: npm install --save-dev rolldown. Vite 8, and so Vitest with it, brings it',
    { expected: name },
  );
}
