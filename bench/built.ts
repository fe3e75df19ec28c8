/**
 * The compiled package, which is what people install: measuring sources through a loader would measure the loader's wrappers too.
 * Invariant: what is measured is not older than the sources.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type * as Dryrunner from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The built command. */
export const BUILT_COMMAND: string = `${root}dist/cli/main.js`;

/** Builds the package if that was never done, or if a source has changed since. */
export function buildIfNeeded(): void {
  const built = `${root}dist/index.js`;
  if (existsSync(built) && statSync(built).mtimeMs >= newestSourceMs()) return;
  process.stderr.write('building…\n');
  const { status } = spawnSync('npm', ['run', '-s', 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) return;
  process.stderr.write('The build failed, so there is nothing to measure.\n');
  process.exit(1);
}

function newestSourceMs(): number {
  const files = readdirSync(`${root}src`, { recursive: true, withFileTypes: true });
  const sources = files.filter((file) => file.isFile() && file.name.endsWith('.ts'));
  return Math.max(...sources.map(({ parentPath, name }) => statSync(`${parentPath}/${name}`).mtimeMs));
}

/** The front door of the built package. */
export async function loadBuilt(): Promise<typeof Dryrunner> {
  return (await import(new URL('../dist/index.js', import.meta.url).href)) as typeof Dryrunner;
}
