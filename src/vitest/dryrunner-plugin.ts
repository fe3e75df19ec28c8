/**
 * The plugin of Vite that puts the stand-ins in place before Vitest imports anything of the user's. Invariant: it is loaded in the process
 * that reads the configuration, so it imports nothing that a test needs.
 */
import * as is from '../kernel/shape.ts';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { checkTransforms, type ModuleTransform } from '../ambient/module-transform.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { codeModule } from '../kernel/package-files.ts';

/** What {@link dryrunnerPlugin} takes. */
export interface DryrunnerPluginOptions {
  /** Rewrite the modules that Vitest transforms, one after the other; those of packages it does not, unless `server.deps.inline` says so. */
  readonly transforms?: readonly ModuleTransform[];
}

/** The parts of the configuration of a project of Vitest that are looked at. */
interface TestConfig {
  setupFiles?: string | string[];
  execArgv?: string[];
  sequence?: object;
  browser?: { readonly enabled?: boolean };
  watchTriggerPatterns?: {
    readonly pattern: RegExp;
    readonly testsToRun: (file: string) => string[] | undefined;
  }[];
}

const OPTIONS: readonly string[] = ['transforms'];
const INSTALL = codeModule('ambient/install');
const QUERY = /[?#].*$/;

/**
 * Lets simulations run code that uses timers, dates and randomness of the machine, however it gets hold of them: packages that take
 * `performance.now` or `setTimeout` when they are loaded take what follows the simulation. Where no simulation runs, everything is the
 * machine's own. It goes into the `plugins` of each project that is not one of a browser.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for other options than these.
 * @example
 * ```ts
 * import { defineConfig } from 'vitest/config';
 * import dryrunner from 'dryrunner/vitest-plugin';
 * export default defineConfig({ plugins: [dryrunner()] });
 * ```
 */
export function dryrunnerPlugin(options: DryrunnerPluginOptions = {}): Plugin[] {
  check('options', options, is.readable('an object of options'));
  const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) throw invalidArgument('options', `some of ${OPTIONS.join(', ')}`, unknown);
  const { transforms = [] } = options;
  checkTransforms(transforms);
  return [installPlugin(), watchPlugin(), ...transforms.map(transformPlugin)];
}

function installPlugin(): Plugin {
  return {
    name: 'dryrunner:install',
    config(config) {
      const test = ((config as { test?: TestConfig }).test ??= {});
      if (test.browser?.enabled === true) return;
      const file = fileURLToPath(INSTALL);
      // Before the files of the user's: these may import the code under test, and by default they are loaded together.
      test.setupFiles = [file, ...[test.setupFiles ?? []].flat().filter((each) => each !== file)];
      test.sequence = { setupFiles: 'list', ...test.sequence };
      // A context of the vm pools gets modules of Node as they are when it is made, so they have to be replaced before.
      const imports = ['--import', INSTALL.href];
      if (test.execArgv?.includes(INSTALL.href) !== true) {
        test.execArgv = [...imports, ...(test.execArgv ?? [])];
      }
    },
  };
}

const LOADED = /\.load\(\s*(["'])(\.{1,2}\/[^"']+)\1/g;

/** In watch mode a test runs again when a file changes that it loads by `sim.load` and a path that stands there: to Vitest it is no import. */
function watchPlugin(): Plugin {
  const loadedBy = new Map<string, string[]>();
  const testsOf = (file: string): string[] | undefined => {
    const tests = [...loadedBy].filter(([, files]) => files.includes(file)).map(([test]) => test);
    return tests.length === 0 ? undefined : tests;
  };
  return {
    name: 'dryrunner:watch',
    // Types are taken out by then.
    enforce: 'post',
    config(config) {
      const test = ((config as { test?: TestConfig }).test ??= {});
      if (test.browser?.enabled === true) return;
      test.watchTriggerPatterns = [
        ...(test.watchTriggerPatterns ?? []),
        { pattern: /./, testsToRun: testsOf },
      ];
    },
    transform(code, id) {
      const file = id.replace(QUERY, '');
      const paths = Array.from(code.matchAll(LOADED), ([, , path = '']) => join(dirname(file), path));
      loadedBy.delete(file);
      if (paths.length > 0 && isAbsolute(file)) loadedBy.set(file, paths);
    },
  };
}

function transformPlugin(transform: ModuleTransform): Plugin {
  return {
    name: `dryrunner:${transform.name}`,
    // Types are taken out by then.
    enforce: 'post',
    transform(code, id) {
      if (id.startsWith('\0')) return undefined;
      const transformed = transform.transform(code, id.replace(QUERY, ''), () => this.getCombinedSourcemap());
      return transformed === undefined
        ? undefined
        : { code: transformed.code, map: (transformed.map ?? null) as null };
    },
  };
}
