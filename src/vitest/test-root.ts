/** Finds Vitest's root, and whether it was given as `--root`, for command lines that repeat a test. */
import { readFileSync } from 'node:fs';
import { vitestConfigOf } from '../host/vitest-config.ts';

/** What Vitest says of a test file; `name` is its path below the root. */
interface TestFile {
  readonly filepath: string;
  readonly name: string;
  readonly projectName?: string | undefined;
}

/** What sets the root in the text of a configuration: `root: 'lib'`, `{ root }`. */
const SETS_ROOT = /\broot\s*[:,}]/;

/**
 * The folder; undefined if Vitest finds it without the option. A configuration in the current folder may also have set
 * it, or have split the tests into projects: then the option would only mislead. It reads files: call it for a failure
 * only.
 */
export function rootOf(
  { filepath, name, projectName = '' }: TestFile,
  folder: string = process.cwd(),
): string | undefined {
  const root = rootFolder({ filepath, name });
  if (root === undefined || root === folder) return undefined;
  const config = vitestConfigOf(folder);
  if (config === undefined) return root;
  const mayBeSet = projectName !== '' || vitestConfigOf(root) === undefined || SETS_ROOT.test(textOf(config));
  return mayBeSet ? undefined : root;
}

/** Vitest's root, or that of the project that the file belongs to; undefined if the file is elsewhere. */
export function rootFolder({ filepath, name }: TestFile): string | undefined {
  const end = `/${name}`;
  if (name === '' || !filepath.endsWith(end)) return undefined;
  const root = filepath.slice(0, -end.length);
  return root === '' ? undefined : root;
}

function textOf(config: string): string {
  try {
    return readFileSync(config, 'utf8');
  } catch {
    // What cannot be read is not the configuration that Vitest took, and sets nothing.
    return '';
  }
}
