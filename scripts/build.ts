// `npm run build`: what is published, in `dist`. Modules are put together into some hundred and forty files, because a command
// that loads five hundred takes twice as long to start; the shipped scenarios remain one file each. Invariant: a module of
// `src/FOLDER` comes into a file of `dist/FOLDER`, because that is how a line of a stack shows what it belongs to
// (`src/kernel/package-files.ts`).
//   --code              leaves the declarations out
//   --code FOLDER       puts the code there, with what it needs to run
//   --help              this text
// Exits 1 if it does not build, 2 on wrong usage.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { rolldown, type CodeSplittingNameFunction, type ModuleInfo, type OutputChunk } from 'rolldown';
import { optionsOrEnd } from './command-line.ts';
import { listFiles, projectRoot, readProjectFile } from './module-graph.ts';
import { BUNDLED, commandSources, packageDoors } from './package-doors.ts';

type NeededIds = readonly [name: string, ids: ReadonlySet<string>];
type InfoOf = (id: string) => ModuleInfo | null;

/**
 * What is loaded together lies together: what every command needs, what exploring adds, what its threads need with a
 * scenario that uses whatever a user's may. A module that several need lies with those that the same ones need, so that
 * files never import in circles.
 */
const NEEDS: readonly (readonly [name: string, from: readonly string[]])[] = [
  ['command', ['src/cli/load-command.ts', 'src/cli/program.ts']],
  ['explore', ['src/cli/explore-command.ts']],
  ['thread', ['src/cli/worker-entry.ts', 'src/threads/campaign-work.ts', 'src/index.ts']],
];
/**
 * What is left lies with the first of these that needs it, so that they load nothing else of it: the commands that take
 * single executions, and `exec`. Finer groups would be more files, and more time, for exploring and its threads.
 */
const REST: readonly (readonly [name: string, from: readonly string[]])[] = [
  ['single', ['src/cli/run-command.ts', 'src/cli/explain-command.ts', 'src/cli/replay-command.ts']],
  ['exec', ['src/cli/exec-command.ts']],
];
/** Threads are started with them by their paths. */
const WORKERS = [
  'src/cli/worker-entry.ts',
  'src/host/cluster/node-thread.ts',
  'src/conformance/parts/network-programs.ts',
];
/** Loaded by the first test that runs, and by the first that fails. */
const LAZY = ['vitest/simulated-test', 'vitest/search', 'vitest/failed-test', 'ambient/looping-line'];
/** Loaded by a configuration, where Vitest itself cannot be. */
const PLUGIN = 'vitest/dryrunner-plugin';
/** Stacks distinguish these from others in their folder. */
const APART = ['kernel/drain', 'simulation/node', 'simulation/service-node', PLUGIN, ...LAZY];

const pathOf = (id: string): string => id.slice(projectRoot.length + 1);

function reachedFrom(paths: readonly string[], infoOf: InfoOf): ReadonlySet<string> {
  const reached = new Set<string>();
  const left = paths.map((path) => join(projectRoot, path));
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    left.push(...(infoOf(id)?.importedIds ?? []));
  }
  return reached;
}

/** Names the file of a module: its folder, and with whom it is loaded. */
function createNaming(): CodeSplittingNameFunction {
  let needs: readonly NeededIds[] | undefined;
  let ofRest: readonly NeededIds[] | undefined;
  return (id, chunking) => {
    const infoOf: InfoOf = (module) => chunking.getModuleInfo(module);
    const bundled = BUNDLED.find((name) => id.includes(`/node_modules/${name}/`));
    if (bundled !== undefined) return `cli/${bundled}`;
    const [, folder, rest] = /^src\/(\w+)\/(.*)$/.exec(pathOf(id)) ?? [];
    if (folder === undefined || rest === undefined || isEntry(pathOf(id))) return null;
    const apart = APART.find((start) => `${folder}/${rest}`.startsWith(start));
    if (apart !== undefined) return apart;
    needs ??= NEEDS.map(([name, from]) => [name, reachedFrom(from, infoOf)] as const);
    ofRest ??= REST.map(([name, from]) => [name, reachedFrom(from, infoOf)] as const);
    const names = needs.filter(([, ids]) => ids.has(id)).map(([name]) => name);
    const [first = 'rest'] = ofRest.find(([, ids]) => ids.has(id)) ?? [];
    // What only another command loads lies with that.
    return folder === 'cli' && names.length === 0 ? null : `${folder}/${names.join('-') || first}`;
  };
}

/** Does its work when it is loaded; of a module that is none of the entries only what is imported would be left. */
const PROGRAM = 'src/cli/program.ts';
const entries = [...packageDoors().map(({ source }) => source), ...commandSources(), PROGRAM, ...WORKERS];
const isEntry = (path: string): boolean =>
  entries.includes(path) || NEEDS.some(([, from]) => from.includes(path));
const named = (paths: readonly string[], from = ''): Record<string, string> =>
  Object.fromEntries(
    paths.map((path) => [path.slice(from.length).replace(/\.ts$/, ''), join(projectRoot, path)]),
  );
/** Other packages, and this one by its own name. */
const external = (id: string): boolean => /^[^./]/.test(id) && !BUNDLED.includes(id);

function licencesIn({ moduleIds }: { readonly moduleIds: readonly string[] }): string {
  const found = BUNDLED.filter((name) => moduleIds.some((id) => id.includes(`/node_modules/${name}/`)));
  return found.map((name) => `/*! ${name}\n${readProjectFile(`node_modules/${name}/LICENSE`)}*/\n`).join('');
}

async function writeCode(dist: string): Promise<void> {
  const code = await rolldown({
    input: named(entries, 'src/'),
    platform: 'node',
    external,
    treeshake: { moduleSideEffects: false },
    preserveEntrySignatures: 'allow-extension',
  });
  const { output } = await code.write({
    dir: dist,
    sourcemap: true,
    banner: licencesIn,
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => `${name.includes('/') ? '' : 'cli/'}[name]-[hash].js`,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: createNaming(), debugName: 'folders' }],
    },
  });
  checkCircles(output.filter((file) => file.type === 'chunk'));
}

/** A file that is loaded before one that it needs fails in any order of imports but one. */
function checkCircles(chunks: readonly OutputChunk[]): void {
  const left = new Map(chunks.map(({ fileName, imports }) => [fileName, imports] as const));
  const isFree = (name: string): boolean => !(left.get(name) ?? []).some((imported) => left.has(imported));
  for (let free = [...left.keys()].filter(isFree); free.length > 0; free = [...left.keys()].filter(isFree)) {
    for (const name of free) left.delete(name);
  }
  if (left.size === 0) return;
  // What only leads to a circle is in none.
  const isOuter = (name: string): boolean => ![...left.values()].some((all) => all.includes(name));
  for (
    let outer = [...left.keys()].filter(isOuter);
    outer.length > 0;
    outer = [...left.keys()].filter(isOuter)
  ) {
    for (const name of outer) left.delete(name);
  }
  const imports = [...left].map(
    ([name, all]) => `  ${name} imports ${all.filter((one) => left.has(one)).join(', ')}`,
  );
  throw new Error(
    [
      'files import in circles:',
      ...imports,
      `A module lies in the file of its folder, unless its path begins with one of ${APART.join(', ')}.`,
      'What such a module imports, and what imports it, may not lie in one file: let the path of the new module begin as that of those that',
      'need it (kernel/drain-NAME.ts for what kernel/drain-… needs), or add it to APART in scripts/build.ts.',
    ].join('\n'),
  );
}

/** Scenarios stay what they are, a file each: users read them, and name them on the command line. */
async function writeScenarios(dist: string): Promise<void> {
  // Those over foreign packages run where these are installed, which is in a checkout only.
  const shipped = listFiles(['sims']).filter((path) => !path.startsWith('sims/foreign/'));
  const scenarios = await rolldown({ input: named(shipped), platform: 'node', external });
  await scenarios.write({
    dir: dist,
    preserveModules: true,
    preserveModulesRoot: projectRoot,
    entryFileNames: '[name].js',
  });
}

function writeDeclarations(): void {
  const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: projectRoot,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

function options() {
  const { values, positionals } = parseArgs({
    options: {
      code: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const [folder = projectRoot, extra] = values.code ? positionals : [undefined, ...positionals];
  if (extra !== undefined) throw new Error(`expected --code FOLDER at most, got ${extra}`);
  return { ...values, folder };
}

const { code, folder } = optionsOrEnd(import.meta.url, options);
const dist = join(folder, 'dist');
rmSync(dist, { recursive: true, force: true });
await writeCode(dist);
await writeScenarios(dist);
if (!code) writeDeclarations();
if (folder !== projectRoot) {
  cpSync(join(projectRoot, 'package.json'), join(folder, 'package.json'));
  rmSync(join(folder, 'fixtures'), { force: true });
  symlinkSync(join(projectRoot, 'fixtures'), join(folder, 'fixtures'));
}
