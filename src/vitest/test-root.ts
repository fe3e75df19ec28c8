/** Finds out which folder Vitest was given as `--root`, for command lines that repeat a test. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What Vitest says of a test file; `name` is its path below the root. */
interface TestFile {
  readonly filepath: string;
  readonly name: string;
  readonly projectName?: string | undefined;
}

const CONFIGS = ['vitest', 'vite'].flatMap((name) =>
  ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((ending) => `${name}.config.${ending}`),
);

/**
 * The folder; undefined if Vitest finds it without the option. A configuration in the current folder may also have set
 * it, or have split the tests into projects: then the option would only mislead.
 */
export function rootOf(
  { filepath, name, projectName = '' }: TestFile,
  folder: string = process.cwd(),
): string | undefined {
  const end = `/${name}`;
  if (name === '' || !filepath.endsWith(end)) return undefined;
  const root = filepath.slice(0, -end.length);
  if (root === folder || root === '') return undefined;
  const isConfigured = hasConfig(folder);
  if (isConfigured && (projectName !== '' || !hasConfig(root))) return undefined;
  return root;
}

function hasConfig(folder: string): boolean {
  return CONFIGS.some((name) => existsSync(join(folder, name)));
}
