/**
 * A module with all its imports, bundled by rolldown into one function that evaluates them. Invariants: lines and
 * columns of stacks and breakpoints are those of the user's files.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { builtinModules, createRequire, SourceMap, type SourceMapPayload } from 'node:module';
import { basename, dirname, extname, isAbsolute, join, parse, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as rolldownModule from 'rolldown';
import type { OutputChunk, Plugin } from 'rolldown';
import type * as rolldownUtils from 'rolldown/utils';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { nearestName } from '../kernel/nearest-name.ts';
import { languageOf, ownPlacePlugin, placeOf, type PlaceOf } from './module-place.ts';
import { type ModuleTransform, transformPlugin } from './module-transform.ts';

type Require = (specifier: string) => unknown;
/** The exports of a module that is not evaluated anew. */
type Shared = Readonly<Record<string, unknown>>;
type Evaluate = (
  require: Require,
  module: { exports: object },
  exports: object,
  shared: readonly Shared[],
  placeOf: PlaceOf,
) => void;
type Rolldown = Pick<typeof rolldownModule, 'rolldown'>;

/** Options of {@link bundleOf}. */
export interface BundleOptions {
  readonly shared: readonly string[];
  readonly alias: Readonly<Record<string, string>>;
  readonly transforms: readonly ModuleTransform[];
}

/** A bundled module that can be evaluated any number of times. */
export class ModuleBundle {
  readonly #run: Evaluate;
  readonly #require: Require;
  readonly #shared: readonly Shared[];
  /** Modification time and size of each file when the bundle was made. */
  readonly #stamps: ReadonlyMap<string, string>;

  constructor(run: Evaluate, require: Require, shared: readonly Shared[], files: readonly string[]) {
    this.#run = run;
    this.#require = require;
    this.#shared = shared;
    this.#stamps = new Map(files.map((file) => [file, stampOf(file)]));
  }

  /** False once a file has changed. */
  get isCurrent(): boolean {
    return [...this.#stamps].every(([file, stamp]) => stampOf(file) === stamp);
  }

  /** Evaluates all modules of the bundle; returns the exports of the entry module. */
  evaluate(): object {
    const module = { exports: {} };
    this.#run(this.#require, module, module.exports, this.#shared, placeOf);
    return (module.exports as { loaded: object }).loaded;
  }
}

function stampOf(file: string): string {
  const { mtimeMs = 0, size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${mtimeMs} ${size}`;
}

/** The bundles made in this thread. In watch mode, and for the next test of a file, most files have not changed. */
const made = new Map<string, ModuleBundle>();
let count = 0;

/**
 * The bundle of the module that `specifier` names in the file `from`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a module that cannot be found or bundled, `RUNNER_MISSING_PACKAGE`
 * without rolldown.
 */
export async function bundleOf(
  specifier: string,
  from: string,
  options: BundleOptions,
): Promise<ModuleBundle> {
  // Not cached with transforms, which cannot be compared.
  const key =
    options.transforms.length > 0
      ? undefined
      : JSON.stringify([specifier, from, options.shared, options.alias]);
  const known = key === undefined ? undefined : made.get(key);
  if (known?.isCurrent === true) return known;
  const rolldown = await importRolldown<Rolldown>(from, 'rolldown');
  const missing: Missing[] = [];
  try {
    const bundle = await makeBundle(rolldown, specifier, from, options, missing);
    if (key !== undefined) made.set(key, bundle);
    return bundle;
  } catch (error) {
    const [first] = missing;
    if (first !== undefined) throw notFound(specifier, from, first);
    throw new RunnerError(
      'RUNNER_INVALID_ARGUMENT',
      `sim.load(${JSON.stringify(specifier)}), from ${from}: ${reasonOf(error)}`,
      { actual: specifier, cause: error },
    );
  }
}

/**
 * Imports rolldown from this package, else from the user's, else from their Vite, because not every package manager
 * makes it visible to others.
 */
async function importRolldown<T>(from: string, name: 'rolldown' | 'rolldown/utils'): Promise<T> {
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

/**
 * An import that could not be resolved. Kept aside, because the bundler would wrap the error of a plugin in words of
 * its own.
 */
interface Missing {
  readonly source: string;
  readonly importer: string;
}

function notFound(specifier: string, from: string, { source, importer }: Missing): RunnerError {
  const place = importer === from ? '' : ` in ${importer}`;
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `sim.load(${JSON.stringify(specifier)}), from ${from}: Could not resolve ${JSON.stringify(source)}${place}${hintOf(source, importer)}`,
    { actual: source },
  );
}

/** Names what may have been meant. */
function hintOf(source: string, importer: string): string {
  if (/^[@~#$]\//.test(source)) {
    return ': it looks like an alias, and sim.load knows those of modules: freshModules(import.meta.url, { alias })';
  }
  if (!/^\.{1,2}\//.test(source) && !isAbsolute(source)) return '';
  const path = resolve(dirname(importer), source);
  const folder = dirname(path);
  if (!existsSync(folder)) return `: there is no folder ${folder}`;
  const typed = basename(path);
  const names = readdirSync(folder);
  // A missing extension is not the mistake.
  const shown = extname(typed) === '' ? names.map((name) => parse(name).name) : names;
  const nearest = nearestName(typed, shown);
  if (nearest === undefined) return `: there is no such file in ${folder}`;
  const start = source.slice(0, source.lastIndexOf('/') + 1);
  return `: the nearest is ${JSON.stringify(`${start}${names[shown.indexOf(nearest)] as string}`)}`;
}

const ENTRY = '\0dryrunner-entry';

async function makeBundle(
  { rolldown }: Rolldown,
  specifier: string,
  from: string,
  { shared, alias, transforms }: BundleOptions,
  missing: Missing[],
): Promise<ModuleBundle> {
  const sharedModules: Shared[] = [];
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier;
  const build = await rolldown({
    input: ENTRY,
    cwd: dirname(from),
    platform: 'node',
    treeshake: false,
    resolve: { alias },
    logLevel: 'silent',
    plugins: [
      entryPlugin(path, from, missing),
      sharedPlugin(sharedModules, shared),
      foundPlugin(missing),
      ownPlacePlugin(),
      ...(transforms.length === 0
        ? []
        : [await typesPlugin(from), ...transforms.map((each) => transformPlugin(each, pathOfId))]),
    ],
  });
  try {
    count += 1;
    // Where the bundle would lie; it is never written.
    const file = join(dirname(from), `.dryrunner-bundle-${count}.js`);
    const { output } = await build.generate({
      ...{ file, format: 'cjs', exports: 'named', codeSplitting: false, sourcemap: true },
      // The default is a regular expression, which the bundler does not accept from a context of `node:vm`.
      sourcemapIgnoreList: false,
    });
    const [chunk] = output;
    return new ModuleBundle(
      compiled(chunk, file),
      createRequire(from),
      sharedModules,
      chunk.moduleIds.filter(isAbsolute),
    );
  } finally {
    await build.close();
  }
}

/** The bundler's message without its source excerpts. */
function reasonOf(error: unknown): string {
  const { errors = [] } = error as { readonly errors?: readonly BuildError[] };
  const [first = error] = errors;
  const text = messageOf(first).replace(/\u001B\[[\d;]*m/g, '');
  if (text.includes('top-level await')) {
    return 'a module awaits at its top level, which cannot be evaluated anew in one go: put the await into a function, or import the module and pass it on';
  }
  const sentence = text.split('\n').find((line) => line.trim() !== '') ?? text;
  const { loc } = first as Partial<BuildError>;
  return loc?.file === undefined ? sentence : `${sentence} at ${loc.file}:${loc.line}:${loc.column + 1}`;
}

interface BuildError {
  readonly message: string;
  readonly loc?: { readonly file?: string; readonly line: number; readonly column: number };
}

function entryPlugin(specifier: string, from: string, missing: Missing[]): Plugin {
  return {
    name: 'dryrunner:entry',
    async resolveId(source, importer) {
      if (source === ENTRY) return source;
      if (importer !== ENTRY) return undefined;
      const resolved = await this.resolve(source, from);
      // The bundler would leave it to Node.
      if (resolved === null) missing.push({ source, importer: from });
      return resolved ?? lost(source);
    },
    load: (id) =>
      id === ENTRY
        ? `import * as loaded from ${JSON.stringify(specifier)};\nexport { loaded };\n`
        : undefined,
  };
}

/** Aborts the build. */
function lost(source: string): never {
  throw new Error(`Could not resolve ${JSON.stringify(source)}`);
}

/** Always one copy per process: a second copy of this package would not see the world of the first. */
const ALWAYS_SHARED = ['dryrunner', 'vitest'];
/** Begins the id of a module that stands for a shared one; its number follows. */
const SHARED = '\0dryrunner-shared-';
/** Ends the id of a CommonJS module with its exports: bundled code reads those where it uses them, as ES modules do. */
const SHARED_EXPORTS = '.cjs';
const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

function sharedPlugin(shared: Shared[], names: readonly string[]): Plugin {
  const isOf = (source: string, name: string): boolean => source === name || source.startsWith(`${name}/`);
  return {
    name: 'dryrunner:shared',
    async resolveId(source, importer, { kind }) {
      if (source.startsWith(SHARED)) return source;
      if (source.startsWith('node:') || BUILTINS.has(source) || source.endsWith('.node')) {
        return { id: source, external: true };
      }
      const isOurs = ALWAYS_SHARED.some((name) => isOf(source, name));
      if (!isOurs && !names.some((name) => isOf(source, name))) return undefined;
      const resolved = isOurs ? undefined : await this.resolve(source, importer, { skipSelf: true });
      const id = resolved?.id ?? source;
      if (kind === 'require-call') return { id, external: true };
      shared.push(liveExports((await import(isAbsolute(id) ? pathToFileURL(id).href : id)) as Shared));
      return `${SHARED}${shared.length - 1}`;
    },
    load(id) {
      if (!id.startsWith(SHARED)) return undefined;
      const index = Number.parseInt(id.slice(SHARED.length), 10);
      if (id.endsWith(SHARED_EXPORTS)) return `module.exports = $dr_shared[${index}];`;
      const exported = Object.keys(shared[index] as Shared).map((name) => JSON.stringify(name));
      return `export { ${exported.join(', ')} } from ${JSON.stringify(`${id}${SHARED_EXPORTS}`)};`;
    },
  };
}

/** The exports as they are whenever they are read, marked as those of an ES module. */
function liveExports(module: Shared): Shared {
  const live = {};
  for (const name of Object.keys(module)) {
    Object.defineProperty(live, name, { get: () => module[name], enumerable: true, configurable: true });
  }
  const enumerable = Object.hasOwn(live, '__esModule');
  return Object.defineProperty(live, '__esModule', { value: true, enumerable });
}

/**
 * Fails for an import that is not found. The bundler would leave it to Node, which resolves it relative to the test
 * instead of the importing module.
 */
function foundPlugin(missing: Missing[]): Plugin {
  return {
    name: 'dryrunner:found',
    async resolveId(source, importer, { kind }) {
      if (kind !== 'import-statement' || importer === undefined || !isAbsolute(importer)) return undefined;
      const resolved = await this.resolve(source, importer, { kind, skipSelf: true });
      if (resolved !== null) return resolved;
      missing.push({ source, importer });
      return lost(source);
    },
  };
}

/** Strips types, because transforms get JavaScript. */
async function typesPlugin(from: string): Promise<Plugin> {
  const { transformSync } = await importRolldown<typeof rolldownUtils>(from, 'rolldown/utils');
  return {
    name: 'dryrunner:types',
    transform(code, id) {
      if (languageOf(id) === 'js' || !isAbsolute(id)) return undefined;
      const { code: text, map } = transformSync(id, code, { lang: languageOf(id), sourcemap: true });
      return { code: text, map: map ?? null, moduleType: 'js' };
    },
  };
}

function pathOfId(id: string): string | undefined {
  return isAbsolute(id) ? id : undefined;
}

const MAP_COMMENT = /\n\/\/# sourceMappingURL=.*\s*$/;

/**
 * Compiles the bundle to its function. By `eval` and not as a script, so that it belongs to the calling context, which
 * may be one of Vitest's.
 */
function compiled({ code, map }: OutputChunk, file: string): Evaluate {
  const { href } = pathToFileURL(file);
  const payload = {
    ...(map as unknown as SourceMapPayload),
    sources: (map?.sources ?? []).map((source) => pathToFileURL(resolve(dirname(file), source)).href),
  };
  // A bundle of a Node module has no lines of the user's.
  if (map !== null) mapStacks(href, payload);
  const data = Buffer.from(JSON.stringify(payload)).toString('base64');
  return (0, eval)(
    [
      `(function (require, module, exports, $dr_shared, $dr_place) {${code.replace(MAP_COMMENT, '')}`,
      '})',
      `//# sourceMappingURL=data:application/json;base64,${data}`,
      `//# sourceURL=${href}`,
    ].join('\n'),
  ) as Evaluate;
}

type PrepareStackTrace = (this: void, error: Error, sites: NodeJS.CallSite[]) => unknown;

const maps = new Map<string, SourceMap>();
let mapping: PrepareStackTrace | undefined;

/**
 * Makes stacks name the user's lines: by Node's source map support or, if other code (such as Vitest) has set
 * `prepareStackTrace`, by mapping the call sites before that code sees them.
 */
function mapStacks(href: string, payload: SourceMapPayload): void {
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
