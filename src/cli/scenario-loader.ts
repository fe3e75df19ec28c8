/**
 * Finds scenarios by name among the shipped ones, or loads them from a file. Invariant: a file that cannot be loaded is
 * a usage error that states which file, what was expected and what came.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { userFrameOf } from '../explore/explain/source-place.ts';
import { watchGroupsByDefault } from '../host/process/watched-groups.ts';
import { canLoadTypeScript, isTypeScript, isTypeScriptByNode } from '../host/typescript-loader.ts';
import { messageOf } from '../kernel/errors.ts';
import { nearestName } from '../kernel/nearest-name.ts';
import { packageFile, shippedScenariosModule } from '../kernel/package-files.ts';
import { shellWord } from '../model/shell-word.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import { checkScenario, type ScenarioDefinition, type ScenarioFiles } from '../simulation/scenario.ts';
import { currentFolder } from './current-folder.ts';
import { UsageError } from './exit-status.ts';
import { filesSettled } from './settled-files.ts';
import { nowLoading, nowPreparing } from './user-code.ts';
import { shownFrame } from './source-line.ts';

/** No scenario has that name, and it is not the path of a file. */
export class UnknownScenarioError extends UsageError {
  /** A string, because the class is lost when an error passes between threads. */
  static readonly code = 'UNKNOWN_SCENARIO';
  readonly code: string = UnknownScenarioError.code;
}

/** A scenario, and the files it may read. */
export interface LoadedScenario {
  readonly definition: ScenarioDefinition;
  readonly files: ScenarioFiles;
  /** Loader for `sim.load`; absent for shipped scenarios. */
  readonly modules?: FreshModules;
  /** Reference to type to run it again. */
  readonly reference: string;
}

/** A scenario by its name, loaded on demand. */
export interface NamedScenario {
  readonly name: string;
  /** Reference to type to run it. */
  readonly reference: string;
  load(): Promise<LoadedScenario>;
}

/** The shipped scenarios, in the order in which they run. */
async function shippedByName(): Promise<NamedScenario[]> {
  const { scenarios } = (await import(shippedScenariosModule().href)) as {
    scenarios: Readonly<Record<string, () => Promise<ScenarioDefinition>>>;
  };
  const files = filesBelow(fileURLToPath(packageFile('.')));
  return Object.entries(scenarios).map(([name, load]) => ({
    name,
    reference: name,
    load: async () => ({ definition: await load(), files, reference: name }),
  }));
}

/**
 * Loads the scenarios of these references, which are names or paths of files; all shipped ones if the list is empty.
 *
 * @throws UnknownScenarioError for an unknown name, UsageError for a file that cannot be loaded.
 *
 * @throws UnknownScenarioError for a name that nobody has. UsageError for a file that does not load.
 */
export async function findScenarios(references: readonly string[]): Promise<LoadedScenario[]> {
  return Promise.all((await nameScenarios(references)).map((scenario) => scenario.load()));
}

/**
 * Like {@link findScenarios}, but loads only files, to learn the names in them; shipped scenarios are loaded on demand.
 *
 * @throws UsageError as {@link findScenarios}.
 */
export async function nameScenarios(references: readonly string[]): Promise<NamedScenario[]> {
  const shipped = await shippedByName();
  if (references.length === 0) return shipped;
  const found = await Promise.all(
    references.map(async (reference) => {
      const byName = shipped.find(({ name }) => name === reference);
      if (byName !== undefined) return [byName];
      if (isModulePath(reference)) return (await loadFile(reference)).map(loadedAlready);
      const names = shipped.map(({ name }) => name);
      const meant = nearestName(reference, names);
      const hint = meant === undefined ? '' : `; the nearest is ${meant}`;
      throw new UnknownScenarioError(
        `no scenario is called ${JSON.stringify(reference)}${hint}; there are ${names.join(', ')}, or give a file such as ./my-scenario.js`,
      );
    }),
  );
  return found.flat();
}

function loadedAlready(scenario: LoadedScenario): NamedScenario {
  const { definition, reference } = scenario;
  return { name: definition.name, reference, load: () => Promise.resolve(scenario) };
}

/**
 * The one scenario that a reference names.
 *
 * @throws UsageError as {@link findScenarios}, and for a file that exports several.
 */
export async function nameScenario(reference: string): Promise<NamedScenario> {
  const [scenario, ...others] = await nameScenarios([reference]);
  if (scenario !== undefined && others.length === 0) return scenario;
  const names = [scenario, ...others].map((each) => each?.reference ?? '').join(', ');
  throw new UsageError(`${reference}: expected one scenario, got ${others.length + 1}: give one of ${names}`);
}

/** True for the name of a shipped scenario or the path of a module; false for a token, or a data file. */
export async function isScenarioReference(text: string): Promise<boolean> {
  const { file } = splitReference(text);
  if (/\.[cm]?[jt]sx?$/.test(file)) return true;
  // As where scenarios are loaded, a name comes before a file or folder of that name.
  if ((await shippedByName()).some(({ name }) => name === text)) return true;
  // A name has no extension.
  return !(isModulePath(text) || /\.\w+$/.test(text) || existsSync(file) || text.includes(':'));
}

/** True for a reference that can only be a file. */
export function isModulePath(reference: string): boolean {
  return /[\\/]|\.[cm]?[jt]s(#|$)/.test(reference);
}

/** The file paths among the references. */
export function moduleFiles(references: readonly string[]): string[] {
  return references.filter(isModulePath).map((reference) => splitReference(reference).file);
}

async function loadFile(reference: string): Promise<LoadedScenario[]> {
  const { file, name } = splitReference(reference);
  const path = resolve(file);
  const what = kindOfFile(path, file);
  if (what === 'absent') {
    const from = path === file ? '' : ` (looked up from ${currentFolder() ?? 'a folder that is gone'})`;
    throw new UsageError(`${file}: expected a file that exports scenarios, but there is no such file${from}`);
  }
  if (what === 'directory') {
    throw new UsageError(`${file}: expected a file that exports scenarios, got a directory`);
  }
  const exported = await importScenario(path, file);
  const { freshModules } = await import('../ambient/fresh-modules.ts');
  const modules = freshModules(path);
  const loaded = scenariosIn(exported, file, path).map((scenario) => ({
    ...scenario,
    modules: scenario.definition.options?.modules ?? modules,
  }));
  if (name === undefined) return loaded;
  const named = loaded.filter(({ definition }) => definition.name === name);
  if (named.length > 0) return named;
  // A scenario and its export may have different names, and a user sees both in the source.
  const ofExport = loaded.filter(({ definition }) => exported[name] === definition);
  if (ofExport.length > 0) return ofExport;
  const names = loaded.map(({ definition }) => definition.name).join(', ');
  throw new UsageError(`${file} exports no scenario ${JSON.stringify(name)}; it has ${names}`);
}

function kindOfFile(path: string, file: string): 'absent' | 'directory' | 'other' {
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) return 'absent';
    return status.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    throw new UsageError(`${file}: expected a file that exports scenarios, got ${messageOf(error)}`);
  }
}

/**
 * Splits `FILE#NAME`. Folders and files may have a `#` in their names too, so the longest existing path is the file.
 */
export function splitReference(reference: string): { readonly file: string; readonly name?: string } {
  const ends = [...reference.matchAll(/#|$/g)].map(({ index }) => index);
  const end = ends.findLast((at) => existsSync(reference.slice(0, at))) ?? ends[0];
  const file = reference.slice(0, end);
  return file === reference ? { file } : { file, name: reference.slice(file.length + 1) };
}

/** The values of an export that look like scenarios; a module may export other values beside them. */
function scenariosOfExport([name, value]: [string, unknown]): [string, unknown][] {
  if (!Array.isArray(value)) return isLikeScenario(value) ? [[name, value]] : [];
  const list: readonly unknown[] = value;
  return list.some(isLikeScenario) ? list.map((each, index) => [`${name}[${index}]`, each]) : [];
}

function isLikeScenario(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('run' in value || 'description' in value);
}

function scenariosIn(module: Record<string, unknown>, file: string, path: string): LoadedScenario[] {
  // Those of an ES module are already in this order.
  const exports = Object.entries(module).sort(([one], [other]) => (one < other ? -1 : 1));
  if (exports.length === 0) {
    throw new UsageError(`${file}: expected it to export scenarios, got a module without exports`);
  }
  const exported = exports.flatMap(scenariosOfExport);
  if (exported.length === 0) {
    const names = exports.map(([name]) => name).join(', ');
    throw new UsageError(
      `${file}: expected it to export a scenario, got ${names}: make one with defineScenario`,
    );
  }
  const named = new Map<string, { readonly definition: ScenarioDefinition; readonly exportName: string }>();
  for (const [exportName, value] of exported) {
    try {
      checkScenario(value);
    } catch (error) {
      throw new UsageError(`${file}: its export ${exportName} is no scenario: ${messageOf(error)}`);
    }
    const other = named.get(value.name);
    // A scenario may be exported twice, as `default` and by name.
    if (other === undefined) named.set(value.name, { definition: value, exportName });
    else if (other.definition !== value) {
      throw new UsageError(
        `${file}: its exports ${other.exportName} and ${exportName} are both called ${JSON.stringify(value.name)}: expected a name for each, for a scenario is found by it`,
      );
    }
  }
  return [...named.values()].map(({ definition }) => ({
    definition,
    files: filesBelow(dirname(path)),
    reference: `${file}#${definition.name}`,
  }));
}

/**
 * Reads the input of a scenario, once for all seeds.
 *
 * @throws UsageError if that fails.
 */
export async function prepareScenario({ definition, files, reference }: LoadedScenario): Promise<unknown> {
  await filesSettled();
  if (definition.prepare !== undefined) nowPreparing(definition.name);
  try {
    return await definition.prepare?.(files);
  } catch (error) {
    throw new UsageError(`${reference}: prepare failed: ${messageOf(error)}`);
  }
}

/** What Vitest throws where a test is declared outside of its own process. */
const OUTSIDE_VITEST = /^Vitest (failed to (find|access)|cannot be imported)/;
/** What Node says of a TypeScript module that another module imports. */
const NO_TYPESCRIPT = /Unknown file extension "\.[cm]?tsx?"/;

/** What Node says where it loads TypeScript itself, of an enum and of the file `a.ts` that is imported as `./a.js`. */
const MORE_THAN_TYPES = /not supported in strip-only mode|Cannot find module '.*\.[cm]?js'/;

async function importScenario(path: string, reference: string): Promise<Record<string, unknown>> {
  if (isTypeScript(path) && !(await canLoadTypeScript(path))) {
    throw new UsageError(
      `${reference}: Node ${process.versions.node} cannot load TypeScript by itself: install tsx (npm install --save-dev tsx), or compile the file first`,
    );
  }
  const work = nowLoading(reference);
  // Real commands of a scenario are to end with this process: a signal ends it, and it ends its threads, without exit
  // listeners.
  watchGroupsByDefault();
  try {
    // Installs the stand-ins first: packages keep references to the machine's functions when they are loaded.
    await import('../ambient/install.ts');
    const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    const { default: exported } = module;
    if (typeof exported !== 'object' || exported === null) return module;
    // What a compiler made of an ES module for `require`, as tsx does where package.json has no "type": "module".
    return '__esModule' in exported ? { ...exported } : withScenariosOf(exported, module);
  } catch (error) {
    if (OUTSIDE_VITEST.test(messageOf(error))) {
      throw new UsageError(
        `${reference}: expected a file that exports scenarios, got a test of Vitest: run it with \`npx vitest run ${shellWord(reference)}\``,
      );
    }
    const frame = userFrameOf(error);
    const place = frame === undefined ? '' : ` (at ${shownFrame(frame)})`;
    throw new UsageError(
      `${reference} does not load: ${messageOf(error)}${place}${loaderHint(path, messageOf(error))}`,
    );
  } finally {
    work.isLoaded();
  }
}

/** What helps against an error of loading TypeScript; empty for any other. */
function loaderHint(path: string, message: string): string {
  if (NO_TYPESCRIPT.test(message)) {
    return '; Node cannot load TypeScript by itself: run `node --import tsx node_modules/.bin/dryrunner …`, or compile the file first';
  }
  return isTypeScript(path) && isTypeScriptByNode() && MORE_THAN_TYPES.test(message)
    ? '; Node itself knows no enums, and does not find ./a.ts as ./a.js: install tsx (npm install --save-dev tsx)'
    : '';
}

/**
 * Adds the scenarios of a default export: Node finds only some names of a CommonJS module, such as the first of
 * `module.exports = { a: define(), b: define() }`.
 */
function withScenariosOf(exported: object, module: Record<string, unknown>): Record<string, unknown> {
  const missing = Object.entries(exported).filter(
    ([name, value]) => module[name] !== value && scenariosOfExport([name, value]).length > 0,
  );
  if (missing.length === 0) return module;
  const added = missing.map(([name, value]) => [name in module ? `default.${name}` : name, value] as const);
  return { ...module, ...Object.fromEntries(added) };
}

function filesBelow(root: string): ScenarioFiles {
  return { read: (path) => createReadStream(resolve(root, path)) };
}
