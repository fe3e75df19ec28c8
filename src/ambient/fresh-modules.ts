/**
 * Evaluates modules of the code under test anew for each execution. A module and its imports are bundled once into a
 * function; each call of it evaluates them again, in a tenth of a millisecond. Invariant: every load uses the code as
 * it was when this object first loaded it, so that all executions of an exploration run the same code.
 */
import * as is from '../kernel/shape.ts';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, isInstance } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import type { ModuleBundle } from './bundle/module-bundle.ts';
import { type ModuleTransform, TRANSFORMS } from './module-transform.ts';

/** Options of {@link freshModules}. */
export interface FreshModulesOptions {
  /**
   * Packages that are not evaluated anew: the simulation shares one copy with other code. Modules of Node, `dryrunner`
   * and `vitest` are always shared. Default: none.
   */
  readonly shared?: readonly string[];
  /**
   * Replacements for import prefixes: with `{ '@': '/work/src' }`, `@/lock.ts` is `/work/src/lock.ts`, as with
   * `resolve.alias` of Vite. Default: none.
   */
  readonly alias?: Readonly<Record<string, string>>;
  /** Transforms applied to each module, one after the other. Default: none. */
  readonly transforms?: readonly ModuleTransform[];
}

const OPTIONS = is.optionsOf<FreshModulesOptions>(
  {},
  {
    shared: is.listOf(is.text('the name of a package'), 'a list of names of packages'),
    alias: is.mapOf(is.TEXT, 'an object of absolute paths'),
    transforms: TRANSFORMS,
  },
);

/**
 * Lets `sim.load` evaluate modules anew in each execution. Relative paths are resolved against `from`, the URL or path
 * of a file.
 *
 * Needs the package `rolldown`, which comes with Vite 8.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `from` is the URL or path of a file and all options are known.
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { ambientTime, freshModules } from 'dryrunner/ambient';
 * const verdict = await simulate({
 *   ambient: ambientTime(),
 *   modules: freshModules(import.meta.url),
 *   scenario: async (sim) => {
 *     const { EventEmitter } = await sim.load<typeof import('node:events')>('node:events');
 *     sim.check(new EventEmitter().listenerCount('x') === 0, 'it is new');
 *   },
 * });
 * if (!verdict.held) throw verdict.failure?.cause;
 * ```
 */
export function freshModules(from: string | URL, options: FreshModulesOptions = {}): FreshModules {
  const file = fileOf(from);
  check('options', options, OPTIONS);
  const { shared = [], alias = {}, transforms = [] } = options;
  const bundles = new Map<string, ModuleBundle>();
  return {
    async prepare(specifier) {
      // Loaded lazily: most simulations load no module.
      const { bundleOf } = await import('./bundle/module-bundle.ts');
      bundles.set(specifier, await bundleOf(specifier, file, { shared, alias, transforms }));
    },
    evaluate: (specifier) => bundles.get(specifier)?.evaluate(),
  };
}

function fileOf(from: unknown): string {
  const text = isInstance(from, URL) ? from.href : from;
  if (typeof text === 'string') {
    if (isAbsolute(text)) return text;
    if (text.startsWith('file:')) return fileURLToPath(text);
  }
  throw invalidArgument('from', 'the URL or the absolute path of a file, such as import.meta.url', from);
}
