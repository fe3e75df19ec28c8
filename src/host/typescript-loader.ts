/**
 * Loads TypeScript by the `tsx` of the project, and by Node itself where the project has none: Node leaves types out, but
 * knows no enums and does not find `./a.ts` as `./a.js`. Invariant: a loader that was chosen for this process is never
 * replaced.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageFile } from '../kernel/package-files.ts';

const TYPESCRIPT = /\.[cm]?tsx?$/;
const LOADER_OPTION = /(?:^|\s)(?:--import|--loader|--experimental-loader|--require|-r)\b/;
/** Of this thread: hooks of modules are not inherited. */
let isRegistered = false;

/** True for the path or URL of a TypeScript module. */
export function isTypeScript(path: string): boolean {
  return TYPESCRIPT.test(path);
}

/** True if this process was started under `tsx`. */
export function isUnderTsx(): boolean {
  return nodeOptions().some((text) => /\btsx\b/.test(text));
}

/**
 * Makes this thread load TypeScript by the `tsx` that is installed for the module at that path, unless it was started
 * with a loader. Resolves with false if there is none, and Node cannot load TypeScript itself.
 */
export async function canLoadTypeScript(path: string): Promise<boolean> {
  if (isRegistered || isUnderTsx() || hasOwnLoader()) return true;
  const folders = [dirname(path)];
  const modules = [moduleFrom(folders, 'tsx/cjs/api'), moduleFrom(folders, 'tsx/esm/api')];
  for (const module of modules) {
    if (module === undefined) return hasNodeTypes();
    const { register } = (await import(module)) as { readonly register: () => unknown };
    register();
  }
  isRegistered = true;
  return true;
}

/** True if Node itself loads TypeScript in this thread, as far as it can. */
export function isTypeScriptByNode(): boolean {
  return !isRegistered && !isUnderTsx() && !hasOwnLoader() && hasNodeTypes();
}

/**
 * The module that registers `tsx` for a thread: that of the current folder, as it has loaded the user's files, or ours.
 */
export function tsxModule(): string {
  const folders = [process.cwd(), dirname(fileURLToPath(packageFile('package.json')))];
  const module = moduleFrom(folders, 'tsx/esm/api');
  if (module === undefined) {
    throw new Error('tsx, under which this command was started, is not found from here');
  }
  return module;
}

function nodeOptions(): readonly string[] {
  return [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''];
}

/** True if this process was started with a loader, which may load anything. */
function hasOwnLoader(): boolean {
  return nodeOptions().some((text) => LOADER_OPTION.test(text));
}

/** True from Node 22.18 on, and before with `--experimental-strip-types`. */
function hasNodeTypes(): boolean {
  const { typescript = false } = process.features as { readonly typescript?: string | false };
  return typescript !== false;
}

/** `require.resolve` gives the CommonJS variant; only the ESM one registers itself for `import`. */
function moduleFrom(folders: readonly string[], name: string): string | undefined {
  for (const folder of folders) {
    try {
      const path = createRequire(join(folder, 'package.json')).resolve(name);
      return pathToFileURL(path.replace(/\.cjs$/, '.mjs')).href;
    } catch {
      // Try the next folder.
    }
  }
  return undefined;
}
