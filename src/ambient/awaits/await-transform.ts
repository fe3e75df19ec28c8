/** The transform that rewrites the awaits of selected modules. */
import { check } from '../../kernel/argument-check.ts';
import * as is from '../../kernel/shape.ts';
import type { ModuleTransform } from '../module-transform.ts';
import { rewriteAwaits } from './rewrite-awaits.ts';

/** Options of {@link awaitTransform}. */
export interface AwaitTransformOptions {
  /**
   * Modules to rewrite: those that match at least one entry. An entry is a package name (`p-queue`), a glob of paths
   * (`src/queue/**`, where two stars match any folders and one star any name; it matches the end of a path unless it
   * begins with `/`), or a regular expression that is tested against the path.
   */
  readonly include: readonly (string | RegExp)[];
}

const PACKAGE = /^(?:@[\w.~-]+\/)?[\w.~-]+$/;
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
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `include` is a list of names, globs and expressions.
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

function matcherOf(pattern: string | RegExp): RegExp {
  if (typeof pattern !== 'string') return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  if (PACKAGE.test(pattern)) return new RegExp(`/node_modules/${escaped(pattern)}/(?!(?:.*/)?node_modules/)`);
  const parts = pattern.replaceAll('\\', '/').split(/(\*\*\/|\*\*|\*|\?)/);
  const path = parts.map((part) => WILD[part] ?? escaped(part)).join('');
  return new RegExp(`${/^(?:\/|[A-Za-z]:)/.test(pattern) ? '^' : '(?:^|/)'}${path}$`);
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
