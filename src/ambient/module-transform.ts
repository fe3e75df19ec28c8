/**
 * Transforms that rewrite the user's modules before they run, wherever they are loaded: by Vitest, the command line or
 * `sim.load`.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';

/** The result of {@link ModuleTransform.transform}. */
export interface TransformedModule {
  readonly code: string;
  /** Source map, version 3; absent or null if lines and columns are unchanged. */
  readonly map?: object | null;
}

/** Rewrites modules before they run. */
export interface ModuleTransform {
  /** Shown in errors. */
  readonly name: string;
  /**
   * `code` is JavaScript, without types; `file` is the absolute path of the module; `map` returns the source map from
   * `code` to the original source, if it is not inline. Return undefined to leave a module unchanged. An error thrown
   * here fails the load of the module.
   */
  transform(code: string, file: string, map?: () => object | undefined): TransformedModule | undefined;
}

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a list of transforms. */
export function checkTransforms(value: unknown): asserts value is readonly ModuleTransform[] {
  check('transforms', value, is.listOf(is.ANY, 'a list of transforms'));
  (value as readonly unknown[]).forEach((each, index) => {
    const name = `transforms[${index}]`;
    check(name, each, is.withMethods('transform'));
    check(`${name}.name`, (each as ModuleTransform).name, is.TEXT);
  });
}
