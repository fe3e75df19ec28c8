/**
 * Modules of the code under test, evaluated anew for each execution. A module and all that it imports are put together once, and what came
 * of it is a function that is called again and again, which takes a tenth of a millisecond. Invariant: it is the code as it was when it was
 * first loaded through this object, so that no execution of an exploration sees another.
 */
import * as is from '../kernel/shape.ts';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, isInstance } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { FreshModules } from '../simulation/module-loads.ts';
import type { ModuleBundle } from './module-bundle.ts';
import { checkTransforms, type ModuleTransform } from './module-transform.ts';

/** What {@link freshModules} takes. */
export interface FreshModulesOptions {
  /** Packages that are not loaded anew: the simulation and other tests share one copy. Those of Node, `dryrunner` and `vitest` never are. */
  readonly shared?: readonly string[];
  /**
   * What imports mean that are no paths: `{ '@': '/work/src' }` lets `@/lock.ts` be `/work/src/lock.ts`, as `resolve.alias` of Vite. Default:
   * nothing.
   */
  readonly alias?: Readonly<Record<string, string>>;
  /** Rewrite the modules, one after the other. */
  readonly transforms?: readonly ModuleTransform[];
}

const OPTIONS: readonly string[] = ['shared', 'alias', 'transforms'];

/**
 * Lets `sim.load` load modules anew in each execution. Paths start at `from`, the URL or path of a file.
 *
 * It takes the package `rolldown`, which comes with Vite 8.
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
  check('options', options, is.readable('an object of options'));
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) throw invalidArgument('options', `some of ${OPTIONS.join(', ')}`, unknown);
  const { shared = [], alias = {}, transforms = [] } = options;
  check('shared', shared, is.listOf(is.ANY, 'a list of names of packages'));
  for (const name of shared) check('shared', name, is.text('a list of names of packages'));
  check('alias', alias, is.readable('an object of absolute paths'));
  for (const [name, path] of Object.entries(alias)) check(`alias[${JSON.stringify(name)}]`, path, is.TEXT);
  checkTransforms(transforms);
  const bundles = new Map<string, ModuleBundle>();
  return {
    async prepare(specifier) {
      // Most simulations load nothing.
      const { bundleOf } = await import('./module-bundle.ts');
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
