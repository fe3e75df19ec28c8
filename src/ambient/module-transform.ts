/** What rewrites modules of the user's before they run, wherever they are loaded: by Vitest, by the command line, by `sim.load`. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';

/** What {@link ModuleTransform.transform} returns. */
export interface TransformedModule {
  readonly code: string;
  /** A source map in its usual form; absent if each line and column is where it was. */
  readonly map?: object | null;
}

/** Rewrites modules before they run. */
export interface ModuleTransform {
  /** Shown where it fails. */
  readonly name: string;
  /**
   * `code` is JavaScript, types are gone; `file` is the absolute path of the module; `map` gives the source map from `code` to what was
   * written, if there is one beside the code. Returns undefined for a module that stays as it is. What it throws fails the module.
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
