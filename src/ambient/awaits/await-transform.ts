/** The transform that rewrites the awaits of selected modules. */
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import * as is from '../../kernel/shape.ts';
import type { ModuleTransform } from '../module-transform.ts';
import { rewriteAwaits } from './rewrite-awaits.ts';

/** Options of {@link awaitTransform}. */
export interface AwaitTransformOptions {
  /**
   * Modules to rewrite: those that match at least one entry. An entry is a package name (`p-queue`), a file
   * (`queue.ts`), a folder (`src/queue`), a glob of paths (`src/queue/**`, where two stars match any folders and one
   * star any name), or a regular expression that is tested against the path. A single word is a package name: the
   * folder `src` is `./src`. Paths match the end of a path, or the folders in it, unless they begin with `/`.
   */
  readonly include: readonly (string | RegExp)[];
}

const PACKAGE = /^(?:@[\w.~-]+\/)?[\w.~-]+$/;
/** A package may be called so too. */
const FILE = /\.[cm]?[jt]sx?$/;
/** Would be taken literally, and so match no module. */
const NOT_TAKEN = /[{}]|^!|(?:^|\/)\.\.(?:\/|$)/;
/** The package's own modules are never rewritten. */
const OWN = /\/node_modules\/dryrunner\//;

const OPTIONS: is.RecordShape = is.optionsOf<AwaitTransformOptions>(
  {
    include: is.listOf(
      is.anyOf(
        'the name of a package, a glob or an expression',
        is.text('a glob', /./),
        is.instanceOf('an expression', RegExp),
      ),
    ),
  },
  {},
);

/**
 * Rewrites the awaits of selected modules, so that `ambientTime({ awaits })` can decide how late each of them
 * continues. Outside a simulation the rewritten awaits behave as before. Pass it in `transforms` of the Vitest plugin.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `include` is a list of names, paths, globs and expressions, or if
 *   a glob has braces, `..` or a `!` at its beginning.
 * @example
 * ```ts
 * import { awaitTransform } from 'dryrunner/ambient';
 * const { transform } = awaitTransform({ include: ['p-queue', 'src/queue/**'] });
 * console.log(transform('await a', '/code/src/queue/queue.ts') !== undefined); // true
 * console.log(transform('await a', '/code/src/pool.ts') !== undefined); // false
 * ```
 */
export function awaitTransform(options: AwaitTransformOptions): ModuleTransform {
  check('options', options, OPTIONS);
  const chosen = options.include.map(matcherOf);
  return {
    name: 'awaits',
    transform(code, file, map) {
      const path = file.replaceAll('\\', '/');
      if (OWN.test(path) || !chosen.some((one) => one.test(path))) return undefined;
      return rewriteAwaits(code, { file, map: map?.() });
    },
  };
}

function matcherOf(pattern: string | RegExp, at: number): RegExp {
  if (typeof pattern !== 'string') return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  const given = pattern.replaceAll('\\', '/');
  if (NOT_TAKEN.test(given)) {
    throw invalidArgument(`include[${at}]`, 'a glob without braces, "!" and "..", or an expression', pattern);
  }
  const inPackage = `/node_modules/${escaped(given)}/(?!(?:.*/)?node_modules/)`;
  if (!PACKAGE.test(given)) return new RegExp(pathSource(given));
  return new RegExp(FILE.test(given) ? `${inPackage}|${pathSource(given)}` : inPackage);
}

/** A path without wildcards is a file, or a folder with all that is in it. */
function pathSource(given: string): string {
  const path = given.replace(/^(?:\.\/)+|\/+$/g, '');
  const parts = path.split(/(\*\*\/|\*\*|\*|\?)/);
  const source = parts.map((part) => WILD[part] ?? escaped(part)).join('');
  const start = /^(?:\/|[A-Za-z]:)/.test(path) ? '^' : '(?:^|/)';
  return `${start}${source}${parts.length === 1 ? '(?:/.*)?' : ''}$`;
}

const WILD: Readonly<Record<string, string>> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
