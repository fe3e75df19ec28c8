/**
 * The source maps of bundled modules. Invariant: a place in a bundle is shown as the line that the user wrote, also where
 * no error has been made there.
 */
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

/** A place in a file of the user's. Lines and columns count from 1. */
export interface MappedPlace {
  readonly source: string;
  readonly line: number;
  readonly column: number;
  /** `SOURCE:LINE:COLUMN`. */
  readonly place: string;
}

/** The place in the user's file; undefined if `href` is not a bundle, or none of its lines led there. */
export function placeInBundle(href: string, line: number, column: number): MappedPlace | undefined {
  return mappedPlace(maps.get(href), line, column);
}

/** The place to which the source map leads. */
export function mappedPlace(
  map: SourceMap | undefined,
  line: number,
  column: number,
): MappedPlace | undefined {
  const entry = map?.findEntry(line - 1, column - 1);
  if (entry === undefined || !('originalSource' in entry)) return undefined;
  const { originalSource: source, originalLine, originalColumn } = entry;
  const found = { source, line: originalLine + 1, column: originalColumn + 1 };
  return { ...found, place: `${source}:${found.line}:${found.column}` };
}

function mappedSite(site: NodeJS.CallSite): NodeJS.CallSite {
  const file = site.getScriptNameOrSourceURL() as string;
  const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
  if (line === null || column === null) return site;
  const mapped = mappedPlace(maps.get(file), line, column);
  if (mapped === undefined) return site;
  const { source, place } = mapped;
  // Top-level code of a module.
  const name = site.getFunctionName() === 'eval' ? null : site.getFunctionName();
  const own = Reflect.apply(Reflect.get(site, 'toString') as () => string, site, []);
  const found = new Map<string | symbol, () => unknown>([
    // A URL, because Vitest would map a path of a module that it has transformed itself a second time.
    ['getFileName', () => source],
    ['getScriptNameOrSourceURL', () => source],
    ['getLineNumber', () => mapped.line],
    ['getColumnNumber', () => mapped.column],
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
