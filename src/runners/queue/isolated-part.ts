/**
 * Decides whether a runner is a part of its own in an exploration. Invariant: only one whose options are plain values is; what is
 * handed to it from outside (an execer, a filer, metrics) may be handed to others as well, or lead to code of others.
 */
import type { IsolatedPart } from '../../model/isolation.ts';
import type { World } from '../../model/world.ts';

/**
 * The part that the runner is, if somebody wants to know and it shares nothing. `looked`: options that the caller looks after himself.
 */
export function isolateRunner(
  world: World,
  name: string,
  options: object,
  looked: readonly string[] = [],
): IsolatedPart | undefined {
  if (world.isolate === undefined) return undefined;
  const isShared = Object.entries(options).some(
    ([option, value]) => isShareable(value) && !looked.includes(option),
  );
  return isShared ? undefined : world.isolate(world, name);
}

function isShareable(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}
