/**
 * The Vite plugin that installs the stand-ins before Vitest imports any of the user's modules. Invariant: it is loaded
 * in the process that reads the configuration, so it must not import anything that tests need.
 */
import * as is from '../kernel/shape.ts';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { importTransform } from '../ambient/import-transform.ts';
import { type ModuleTransform, transformPlugin, TRANSFORMS } from '../ambient/module-transform.ts';
import { check } from '../kernel/argument-check.ts';
import { codeModule } from '../kernel/package-files.ts';

/** Options of {@link dryrunnerPlugin}. */
export interface DryrunnerPluginOptions {
  /**
   * Transforms applied, one after the other, to the modules that Vitest transforms. Vitest does not transform packages
   * unless `server.deps.inline` lists them. Default: none.
   */
  readonly transforms?: readonly ModuleTransform[];
}

/** The used subset of a Vitest project's configuration. */
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

const OPTIONS = is.optionsOf<DryrunnerPluginOptions>({}, { transforms: TRANSFORMS });
const INSTALL = codeModule('ambient/install');
const QUERY = /[?#].*$/;

/**
 * Lets simulations run code that uses the machine's timers, dates and randomness, however that code gets hold of them:
 * a package that keeps `performance.now` or `setTimeout` when it is loaded keeps a stand-in that follows the
 * simulation. Outside simulations the stand-ins behave like the originals. Add it to the `plugins` of every project,
 * except browser projects.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for unknown options.
 * @example
 * ```ts
 * import { defineConfig } from 'vitest/config';
 * import dryrunner from 'dryrunner/vitest-plugin';
 * export default defineConfig({ plugins: [dryrunner()] });
 * ```
 */
export function dryrunnerPlugin(options: DryrunnerPluginOptions = {}): Plugin[] {
  check('options', options, OPTIONS);
  const transforms = [...(options.transforms ?? []), importTransform];
  return [installPlugin(), watchPlugin(), ...transforms.map((each) => transformPlugin(each, fileOf))];
}

function installPlugin(): Plugin {
  return {
    name: 'dryrunner:install',
    config(config) {
      const test = ((config as { test?: TestConfig }).test ??= {});
      if (test.browser?.enabled === true) return;
      const file = fileURLToPath(INSTALL);
      // Must precede the user's setup files, which may import the code under test; by default setup files are loaded in
      // parallel.
      test.setupFiles = [file, ...[test.setupFiles ?? []].flat().filter((each) => each !== file)];
      test.sequence = { setupFiles: 'list', ...test.sequence };
      // A context of the vm pools copies Node's modules when it is created, so the stand-ins must be in place before.
      const imports = ['--import', INSTALL.href];
      if (test.execArgv?.includes(INSTALL.href) !== true) {
        test.execArgv = [...imports, ...(test.execArgv ?? [])];
      }
    },
  };
}

const LOADED = /\.load\(\s*(["'])(\.{1,2}\/[^"']+)\1/g;

/**
 * In watch mode, reruns a test when a file changes that it loads by `sim.load` with a literal path; Vitest does not see
 * that as an import.
 */
function watchPlugin(): Plugin {
  const loadedBy = new Map<string, string[]>();
  const testsOf = (file: string): string[] | undefined => {
    const tests = [...loadedBy].filter(([, files]) => files.includes(file)).map(([test]) => test);
    return tests.length === 0 ? undefined : tests;
  };
  return {
    name: 'dryrunner:watch',
    // Types have been stripped by then.
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

/** Virtual modules have no file. */
function fileOf(id: string): string | undefined {
  return id.startsWith('\0') ? undefined : id.replace(QUERY, '');
}
