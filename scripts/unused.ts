// Finds what nobody uses: exports without an importer, source files that nothing reaches, and dependencies that
// no source imports. Names that a package door re-exports are public and count as used. An import from a test
// keeps an export alive only if the module needs the name itself, so that tests cannot keep dead code alive.
//   --help              this text
// Exits 1 if anything is found, 2 on wrong usage.
import process from 'node:process';
import { helpOrNothing } from './command-line.ts';
import { listRootFiles, readModule, readModules } from './module-graph.ts';
import type { ModuleImport, SourceModule } from './module-graph.ts';
import { BUNDLED, commandSources, packageDoors, readManifest } from './package-doors.ts';

const checkedFolders = ['src', 'scripts', 'bench', 'sims', 'test'];

interface Uses {
  /** Keys are `path#name`, or `path#*` when the whole module is taken. */
  readonly fromCode: ReadonlySet<string>;
  readonly fromTests: ReadonlySet<string>;
  readonly importedFiles: ReadonlySet<string>;
}

function collectUses(modules: readonly SourceModule[]): Uses {
  const fromCode = new Set<string>();
  const fromTests = new Set<string>();
  const importedFiles = new Set<string>();
  for (const module of modules) {
    const uses = module.path.startsWith('test/') ? fromTests : fromCode;
    for (const { target, names } of module.imports) {
      if (target === undefined) continue;
      importedFiles.add(target);
      for (const name of names ?? ['*']) uses.add(`${target}#${name}`);
    }
  }
  return { fromCode, fromTests, importedFiles };
}

function unusedExports(module: SourceModule, { fromCode, fromTests }: Uses): string[] {
  const isTest = module.path.startsWith('test/');
  const isTool = module.path.startsWith('scripts/');
  const takenBy = (uses: ReadonlySet<string>, name: string): boolean =>
    uses.has(`${module.path}#${name}`) || uses.has(`${module.path}#*`);
  return module.exports
    .filter(({ name, usedInside, isType }) => {
      // A type that stands in the signatures of its own module is worth having a name.
      if (takenBy(fromCode, name) || (isType && usedInside)) return false;
      // Vitest and Stryker load what stands here by path, and take the default export.
      if (isTool && name === 'default') return false;
      return !(takenBy(fromTests, name) && (isTest || usedInside));
    })
    .map(({ name, line }) => {
      const why = takenBy(fromTests, name) ? 'only tests use it' : 'nothing imports it';
      return `${module.path}:${line} exports ${name}, but ${why}`;
    });
}

function unusedDependencies(modules: readonly SourceModule[]): string[] {
  const manifest = readManifest();
  const imports = modules.filter(({ path }) => path.startsWith('src/')).flatMap((module) => module.imports);
  const used = new Set(imports.map(packageOf));
  const declared = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.peerDependencies),
    ...BUNDLED,
  ];
  const idle = declared
    .filter((name) => !used.has(name))
    .map((name) => `package.json depends on ${name}, but src does not import it`);
  const missing = [...used]
    .filter((name) => name !== undefined && !declared.includes(name))
    .map((name) => `src imports ${name}, but package.json does not depend on it`);
  return [...idle, ...missing];
}

function packageOf({ specifier }: ModuleImport): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

function findUnused(): string[] {
  const modules = readModules(checkedFolders);
  const uses = collectUses([...modules, ...listRootFiles('.config.ts').map(readModule)]);
  const doors = new Set([...packageDoors().map(({ source }) => source), ...commandSources()]);
  const isEntry = ({ path }: SourceModule): boolean =>
    doors.has(path) ||
    path.startsWith('sims/') ||
    // Threads and processes are started from these by their path.
    /^(src\/cli\/worker-entry|src\/host\/cluster\/node-thread|test\/.+\/(?:worker-entry|.+-process)|scripts\/(?:zoo|mutant-hunt|silence)\/.+-process)\.ts$/.test(
      path,
    ) ||
    /\.(test|d)\.ts$/.test(path) ||
    /^(scripts|bench)\/[^/]+$/.test(path);
  const unreached = modules
    .filter((module) => !isEntry(module) && !uses.importedFiles.has(module.path))
    .map(({ path }) => `${path} is imported by nothing`);
  const idle = modules
    .filter(({ path }) => !doors.has(path) && !path.startsWith('sims/'))
    .flatMap((module) => unusedExports(module, uses));
  return [...unreached, ...idle, ...unusedDependencies(modules)];
}

helpOrNothing(import.meta.url);
const findings = findUnused();
for (const finding of findings) console.log(finding);
console.log(findings.length === 0 ? 'unused: nothing' : `unused: ${findings.length} found`);
process.exitCode = findings.length === 0 ? 0 : 1;
