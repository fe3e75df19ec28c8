/** Stacks of bundled code, which name the lines of the user's files. */
import { SourceMap, type SourceMapPayload } from 'node:module';

type PrepareStackTrace = (this: void, error: Error, sites: NodeJS.CallSite[]) => unknown;

const maps = new Map<string, SourceMap>();
let mapping: PrepareStackTrace | undefined;

/**
 * Makes stacks name the user's lines: by Node's source map support or, if other code (such as Vitest) has set
 * `prepareStackTrace`, by mapping the call sites before that code sees them.
 */
export function mapStacks(href: string, payload: SourceMapPayload): void {
  maps.set(href, new SourceMap(payload));
  const before = (Error as { prepareStackTrace?: PrepareStackTrace }).prepareStackTrace;
  if (before === undefined) process.setSourceMapsEnabled(true);
  else if (before !== mapping) {
    mapping = (error, sites) => before(error, sites.map(mappedSite));
    Error.prepareStackTrace = mapping;
  }
}

function mappedSite(site: NodeJS.CallSite): NodeJS.CallSite {
  const file = site.getScriptNameOrSourceURL() as string;
  const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
  const map = maps.get(file);
  if (map === undefined || line === null || column === null) return site;
  const entry = map.findEntry(line - 1, column - 1);
  if (!('originalSource' in entry)) return site;
  const { originalSource, originalLine, originalColumn } = entry;
  // Top-level code of a module.
  const name = site.getFunctionName() === 'eval' ? null : site.getFunctionName();
  const place = `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
  const own = Reflect.apply(Reflect.get(site, 'toString') as () => string, site, []);
  const found = new Map<string | symbol, () => unknown>([
    // A URL, because Vitest would map a path of a module that it has transformed itself a second time.
    ['getFileName', () => originalSource],
    ['getScriptNameOrSourceURL', () => originalSource],
    ['getLineNumber', () => originalLine + 1],
    ['getColumnNumber', () => originalColumn + 1],
    ['getFunctionName', () => name],
    ['isEval', () => false],
    ['toString', () => (name === null ? place : `${own.slice(0, own.lastIndexOf(file))}${place})`)],
  ]);
  return new Proxy(site, {
    get(target, key) {
      const value = found.get(key) ?? (Reflect.get(target, key) as unknown);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
