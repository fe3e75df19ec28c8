/**
 * A module with all its imports, bundled by rolldown into one function that evaluates them. Invariants: lines and
 * columns of stacks and breakpoints are those of the user's files.
 */
import { statSync } from 'node:fs';
import { createRequire, type SourceMapPayload } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as rolldownModule from 'rolldown';
import type { OutputChunk } from 'rolldown';
import { RunnerError } from '../../kernel/errors.ts';
import {
  ENTRY,
  entryPlugin,
  foundPlugin,
  type Shared,
  sharedPlugin,
  sloppyPlugin,
  typesPlugin,
} from './bundle-plugins.ts';
import { mapStacks } from './mapped-stacks.ts';
import { placeOf, type PlaceOf } from './module-place.ts';
import { ownPlacePlugin } from './own-place-plugin.ts';
import { importRolldown } from './rolldown.ts';
import { type Missing, notFound, reasonOf } from './unmade-bundle.ts';
import { type ModuleTransform, transformPlugin } from '../module-transform.ts';

type Require = (specifier: string) => unknown;
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

async function makeBundle(
  { rolldown }: Rolldown,
  specifier: string,
  from: string,
  { shared, alias, transforms }: BundleOptions,
  missing: Missing[],
): Promise<ModuleBundle> {
  const sharedModules: Shared[] = [];
  const sloppy: string[] = [];
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier;
  const build = await rolldown({
    input: ENTRY,
    cwd: dirname(from),
    platform: 'node',
    treeshake: false,
    // A module of a circle of imports would have a constant before the line that makes it.
    optimization: { inlineConst: false },
    resolve: { alias },
    logLevel: 'silent',
    plugins: [
      entryPlugin(path, from, missing),
      sharedPlugin(sharedModules, shared),
      foundPlugin(missing),
      sloppyPlugin(sloppy),
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
      // Two modules may have a class of the same name, and code shows the names of its errors.
      keepNames: true,
    });
    const [chunk] = output;
    return new ModuleBundle(
      compiled(chunk, file, sloppy.length === 0),
      createRequire(from),
      sharedModules,
      chunk.moduleIds.filter(isAbsolute),
    );
  } finally {
    await build.close();
  }
}

function pathOfId(id: string): string | undefined {
  return isAbsolute(id) ? id : undefined;
}

const MAP_COMMENT = /\n\/\/# sourceMappingURL=.*\s*$/;

/**
 * Compiles the bundle to its function. By `eval` and not as a script, so that it belongs to the calling context, which
 * may be one of Vitest's.
 */
function compiled({ code, map }: OutputChunk, file: string, isStrict: boolean): Evaluate {
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
      `(function (require, module, exports, $dr_shared, $dr_place) {${isStrict ? "'use strict';" : ''}${code.replace(MAP_COMMENT, '')}`,
      '})',
      `//# sourceMappingURL=data:application/json;base64,${data}`,
      `//# sourceURL=${href}`,
    ].join('\n'),
  ) as Evaluate;
}
