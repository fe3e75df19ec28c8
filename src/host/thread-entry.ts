/**
 * Starts threads so that each can load whatever the starting thread can. `tsx` registers itself in the main thread
 * only, so a thread that loads TypeScript has to register it first.
 */
import { isTypeScript, isUnderTsx, tsxModule } from './typescript-loader.ts';

/**
 * The URL to start a thread with so that it runs the module `entry`. `loadsTypeScript`: the thread will load other
 * TypeScript modules.
 */
export function threadEntry(entry: URL, loadsTypeScript = false): URL {
  if (!loadsTypeScript && !isTypeScript(entry.pathname) && !isUnderTsx()) return entry;
  const program = `import { register } from ${JSON.stringify(tsxModule())}; register(); await import(${JSON.stringify(entry.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(program)}`);
}
