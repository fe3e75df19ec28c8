/** Refuses what is no world, when a runner is made in it. */
import { checkClock, checkMethods, checkRecord } from '../kernel/argument-check.ts';
import type { World } from './world.ts';

type Part = 'clock' | 'choices' | 'random';

const ALL_PARTS: readonly Part[] = ['clock', 'choices', 'random'];

/** Worlds with all parts: many runners are made in one, and a look at every field costs more than making some of them. */
const whole = new WeakSet();

/**
 * Checks the parts of a world that are needed; a tracer, and who watches services, only if there is one.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the part.
 */
export function checkWorld(world: unknown, parts: readonly Part[] = ALL_PARTS): void {
  if (typeof world === 'object' && world !== null && whole.has(world)) return;
  checkRecord('world', 'a World such as sim.world or realWorld()', world);
  const { clock, choices, random, tracer, watchServices } = world as {
    readonly [part in keyof World]: unknown;
  };
  if (parts.includes('clock')) checkClock('world.clock', clock);
  if (parts.includes('choices')) checkMethods('world.choices', choices, ['choose']);
  if (parts.includes('random')) checkMethods('world.random', random, ['fork', 'int']);
  if (tracer !== undefined) checkMethods('world.tracer', tracer, ['record']);
  if (watchServices !== undefined) checkMethods('world.watchServices', watchServices, ['service', 'node']);
  if (parts.length === ALL_PARTS.length) whole.add(world as World);
}
