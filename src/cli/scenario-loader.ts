/**
 * Finds scenarios by name among the shipped ones or loads them from a file. Invariant: what does not load is a usage error that says
 * which file, what was expected and what came.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { userFrameOf } from '../explore/explain/source-place.ts';
import { messageOf, stackOf } from '../kernel/errors.ts';
import { packageFile, shippedScenariosModule } from '../kernel/package-files.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import { checkScenario, type ScenarioDefinition, type ScenarioFiles } from '../simulation/scenario.ts';
import { UsageError } from './exit-status.ts';
import { nowLoading } from './user-code.ts';
import { shownFrame } from './source-line.ts';

/** Nobody has a scenario of that name, which is no path of a file. */
export class UnknownScenarioError extends UsageError {
  /** Outlives a thread, as the class does not. */
  static readonly code = 'UNKNOWN_SCENARIO';
  readonly code: string = UnknownScenarioError.code;
}

/** A scenario, and the files it may read. */
export interface LoadedScenario {
  readonly definition: ScenarioDefinition;
  readonly files: ScenarioFiles;
  /** What `sim.load` loads modules with; absent for shipped ones. */
  readonly modules?: FreshModules;
  /** What to type to run it again. */
  readonly reference: string;
}

/** A scenario by its name, loaded on demand. */
export interface NamedScenario {
  readonly name: string;
  /** What to type to run it. */
  readonly reference: string;
  load(): Promise<LoadedScenario>;
}

/** The shipped scenarios, in the order in which they are run. */
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
 * The scenarios of these references, names or paths of files; all shipped ones if there is none.
 *
 * @throws UnknownScenarioError for a name that nobody has. UsageError for a file that does not load.
 */
export async function findScenarios(references: readonly string[]): Promise<LoadedScenario[]> {
  return Promise.all((await nameScenarios(references)).map((scenario) => scenario.load()));
}

/**
 * The same by their names: files are loaded to learn these, shipped scenarios are not.
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
      const names = shipped.map(({ name }) => name).join(', ');
      throw new UnknownScenarioError(
        `no scenario is called ${JSON.stringify(reference)}; there are ${names}, or give a file such as ./my-scenario.js`,
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
 * The one scenario of a reference.
 *
 * @throws UsageError as {@link findScenarios}, and for a file that exports several.
 */
export async function nameScenario(reference: string): Promise<NamedScenario> {
  const [scenario, ...others] = await nameScenarios([reference]);
  if (scenario !== undefined && others.length === 0) return scenario;
  const names = [scenario, ...others].map((each) => each?.reference ?? '').join(', ');
  throw new UsageError(`${reference}: expected one scenario, got ${others.length + 1}: give one of ${names}`);
}

/** True for the name of a shipped scenario or of a module; false for a token, or a file of data. */
export async function isScenarioReference(text: string): Promise<boolean> {
  const { file } = splitReference(text);
  if (/\.[cm]?[jt]sx?$/.test(file)) return true;
  // A name has no ending, and no file that is there is taken for one.
  if (isModulePath(text) || /\.\w+$/.test(text) || existsSync(file)) return false;
  return !text.includes(':') || (await shippedByName()).some(({ name }) => name === text);
}

/** True for a reference that can only be a file. */
export function isModulePath(reference: string): boolean {
  return /[\\/]|\.[cm]?[jt]s(#|$)/.test(reference);
}

/** The files of those references that are of files. */
export function moduleFiles(references: readonly string[]): string[] {
  return references.filter(isModulePath).map((reference) => splitReference(reference).file);
}

async function loadFile(reference: string): Promise<LoadedScenario[]> {
  const { file, name } = splitReference(reference);
  const path = resolve(file);
  if (isDirectory(path, file)) {
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
  // Names of scenarios are free, and people know the export that they have written.
  const ofExport = loaded.filter(({ definition }) => exported[name] === definition);
  if (ofExport.length > 0) return ofExport;
  const names = loaded.map(({ definition }) => definition.name).join(', ');
  throw new UsageError(`${file} exports no scenario ${JSON.stringify(name)}; it has ${names}`);
}

function isDirectory(path: string, file: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    throw new UsageError(`${file}: expected a file that exports scenarios, got ${messageOf(error)}`);
  }
}

/** File and name of `FILE#NAME`. A folder or file may have a `#` in its name as well: as much is the file as there is. */
export function splitReference(reference: string): { readonly file: string; readonly name?: string } {
  const ends = [...reference.matchAll(/#|$/g)].map(({ index }) => index);
  const end = ends.findLast((at) => existsSync(reference.slice(0, at))) ?? ends[0];
  const file = reference.slice(0, end);
  return file === reference ? { file } : { file, name: reference.slice(file.length + 1) };
}

/** What an export may mean by a scenario; code that a scenario shares with others is exported beside it. */
function scenariosOfExport([name, value]: [string, unknown]): [string, unknown][] {
  if (!Array.isArray(value)) return isLikeScenario(value) ? [[name, value]] : [];
  const list: readonly unknown[] = value;
  return list.some(isLikeScenario) ? list.map((each, index) => [`${name}[${index}]`, each]) : [];
}

function isLikeScenario(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('run' in value || 'description' in value);
}

function scenariosIn(module: Record<string, unknown>, file: string, path: string): LoadedScenario[] {
  const exports = Object.entries(module);
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
    // One may be exported twice, as `default` and by name.
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
 * Reads what a scenario needs, once for all seeds.
 *
 * @throws UsageError if that fails.
 */
export async function prepareScenario({ definition, files, reference }: LoadedScenario): Promise<unknown> {
  try {
    return await definition.prepare?.(files);
  } catch (error) {
    throw new UsageError(`${reference}: prepare failed: ${messageOf(error)}`);
  }
}

const TYPESCRIPT = /\.[cm]?tsx?$/;

async function importScenario(path: string, reference: string): Promise<Record<string, unknown>> {
  const work = nowLoading(reference);
  try {
    // Packages take functions of the machine when they are loaded.
    await import('../ambient/install.ts');
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    const hint =
      TYPESCRIPT.test(path) && stackOf(error)?.includes('[ERR_UNKNOWN_FILE_EXTENSION]') === true
        ? '; Node cannot load TypeScript by itself: run `node --import tsx node_modules/.bin/dryrunner …`, or compile the file first'
        : '';
    const frame = userFrameOf(error);
    const place = frame === undefined ? '' : ` (at ${shownFrame(frame)})`;
    throw new UsageError(`${reference} does not load: ${messageOf(error)}${place}${hint}`);
  } finally {
    work.isLoaded();
  }
}

function filesBelow(root: string): ScenarioFiles {
  return { read: (path) => createReadStream(resolve(root, path)) };
}
