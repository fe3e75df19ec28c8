/** Temporary directories that exist in name only, for runners whose commands touch no disk (R92). */
import * as is from '../kernel/shape.ts';
import type { TempDirs } from '../model/collaborators.ts';
import type { Checkout } from '../model/filer.ts';
import { check } from '../kernel/argument-check.ts';
import { ABSOLUTE_PATH } from '../filers/filer-arguments.ts';

const DEFAULT_ROOT = '/virtual/tmp';

/** Directories in name only; lists those that are not released yet. */
export interface VirtualTempDirs extends TempDirs {
  readonly held: ReadonlySet<string>;
}

/** Directories of a runner that nothing else refers to, so that they need no bookkeeping. */
export class PrivateTempDirs implements TempDirs {
  readonly boundMs = 0;

  create(name: string): Checkout {
    return { path: this.pathOf(name), id: '', release: () => {} };
  }

  pathOf(name: string): string {
    return `${DEFAULT_ROOT}/${name}`;
  }
}

/**
 * Returns `ROOT/NAME` for each name and creates nothing on any disk.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `root` is not absolute.
 * @example
 * ```ts
 * import { createSimulatedRunner, simulate, virtualTempDirs } from 'dryrunner';
 * const tempDirs = virtualTempDirs();
 * await simulate({
 *   async scenario(sim) {
 *     const runner = createSimulatedRunner(sim.world, { tempDirs });
 *     await runner.run({ argv: ['complete 0'] });
 *     await runner.release();
 *   },
 * });
 * console.log(tempDirs.held.size); // 0
 * ```
 */
export function virtualTempDirs(root: string = DEFAULT_ROOT): VirtualTempDirs {
  check('root', root, ABSOLUTE_PATH);
  const held = new Set<string>();
  const create = (name: string): Checkout => {
    check('name', name, is.TEXT);
    const path = `${root}/${name}`;
    held.add(path);
    return { path, id: '', release: () => void held.delete(path) };
  };
  return { held, boundMs: 0, create };
}
