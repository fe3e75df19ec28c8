/**
 * Starts threads so that each can load whatever the starting thread can. `tsx` registers itself in the main thread
 * only, so a thread that loads TypeScript has to register it first.
 */
import process from 'node:process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFile } from '../kernel/package-files.ts';

/**
 * The URL to start a thread with so that it runs the module `entry`. `loadsTypeScript`: the thread will load other
 * TypeScript modules.
 */
export function threadEntry(entry: URL, loadsTypeScript = false): URL {
  if (!loadsTypeScript && !entry.pathname.endsWith('.ts') && !isUnderTsx()) return entry;
  const { href } = pathToFileURL(resolveTsx());
  const program = `import { register } from ${JSON.stringify(href)}; register(); await import(${JSON.stringify(entry.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(program)}`);
}

function isUnderTsx(): boolean {
  return [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((text) => /\btsx\b/.test(text));
}

/** Prefers the user's own tsx, as that one loaded their files. */
function resolveTsx(): string {
  const bases = [join(process.cwd(), 'package.json'), packageFile('package.json')];
  for (const base of bases) {
    try {
      // `require.resolve` gives the CommonJS variant; only the ESM one registers itself for `import`.
      return createRequire(base)
        .resolve('tsx/esm/api')
        .replace(/\.cjs$/, '.mjs');
    } catch {
      // Try the next place.
    }
  }
  throw new Error('tsx, under which this command was started, is not found from here');
}
