/**
 * Decides whether a runner is an isolated part in an exploration. Invariant: only a runner whose options are plain
 * values is; an object that is passed in (an execer, a filer, metrics) may be shared with others, or call their code.
 */
import type { IsolatedPart } from '../../model/isolation.ts';
import type { World } from '../../model/world.ts';

/**
 * The runner's isolated part; undefined if the world does not isolate, or an option is shareable. `looked`: options
 * that the caller checks itself.
 */
export function isolateRunner(
  world: World,
  name: string,
  options: object,
  looked: readonly string[] = [],
): IsolatedPart | undefined {
  if (world.isolate === undefined) return undefined;
  // An option may be inherited too.
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const isShared = Object.entries(Object.getOwnPropertyDescriptors(options)).some(
    ([option, held]) => !('value' in held) || (isShareable(held.value) && !looked.includes(option)),
  );
  return isShared ? undefined : world.isolate(world, name);
}

function isShareable(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}
