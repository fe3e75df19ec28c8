/**
 * Transforms that rewrite the user's modules before they run, wherever they are loaded: by Vitest, the command line or
 * `sim.load`.
 */
import * as is from '../kernel/shape.ts';

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

/** The shape of a list of transforms. */
export const TRANSFORMS: is.Shape = is.listOf(
  is.objectOf<ModuleTransform>('a transform', { name: is.TEXT, transform: is.FUNCTION }, {}),
  'a list of transforms',
);

/** A plugin that applies a transform, as Vite and rolldown take it. */
export interface TransformPlugin {
  readonly name: string;
  /** In Vite, after types have been stripped; rolldown does not read it. */
  readonly enforce: 'post';
  transform(
    this: { getCombinedSourcemap(): object },
    code: string,
    id: string,
  ): { code: string; map: null } | undefined;
}

/** Applies the transform to each module for whose id `fileOf` returns a path. */
export function transformPlugin(
  transform: ModuleTransform,
  fileOf: (id: string) => string | undefined,
): TransformPlugin {
  return {
    name: `dryrunner:${transform.name}`,
    enforce: 'post',
    transform(code, id) {
      const file = fileOf(id);
      if (file === undefined) return undefined;
      const transformed = transform.transform(code, file, () => this.getCombinedSourcemap());
      return transformed === undefined
        ? undefined
        : // The types of the bundlers know no map that is any object.
          { code: transformed.code, map: (transformed.map ?? null) as null };
    },
  };
}
