// What the package offers: its doors as package.json's "exports" lists them, each with the source file behind
// it, and its command. Everything that a door re-exports is public; nothing else is.
import { readProjectFile } from './module-graph.ts';

/** The parts of package.json that the tooling reads. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** One entry of "exports". */
export interface PackageDoor {
  /** What users import, such as `dryrunner/trace`. */
  readonly specifier: string;
  /** The source file behind it, such as `src/trace/index.ts`. */
  readonly source: string;
}

/** Reads package.json. */
export function readManifest(): PackageManifest {
  return JSON.parse(readProjectFile('package.json')) as PackageManifest;
}

/** The doors that hold code, in the order of package.json. */
export function packageDoors(manifest: PackageManifest = readManifest()): PackageDoor[] {
  return Object.entries(manifest.exports).flatMap(([key, target]) =>
    typeof target === 'string'
      ? []
      : [{ specifier: manifest.name + key.slice(1), source: sourceOf(target.default) }],
  );
}

/** Packages whose code, and licence, becomes part of the build: finding and loading them takes a tenth of the time for `--help`. */
export const BUNDLED: readonly string[] = ['commander'];

/** The source files of the package's commands. */
export function commandSources(manifest: PackageManifest = readManifest()): string[] {
  return Object.values(manifest.bin).map(sourceOf);
}

function sourceOf(built: string): string {
  return built.replace(/^(\.\/)?dist\//, 'src/').replace(/\.js$/, '.ts');
}
