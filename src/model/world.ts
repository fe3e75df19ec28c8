/**
 * Where a runner lives: its time, its choices, its randomness, and who watches. The same body runs in a simulated world
 * (`simulate`) and in the real one (`realWorld` of `dryrunner/host`); nothing else differs between them.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Isolate } from './isolation.ts';
import type { ServiceWatch } from './service.ts';
import type { Tracer } from './trace-event.ts';
import { checkClock, checkMethods, checkRecord } from '../kernel/argument-check.ts';

/** The surroundings handed to every `create…Runner`. */
export interface World {
  readonly clock: Clock;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer?: Tracer;
  /**
   * Registers to be called once, when all faults are to end; what injects faults asks when it is made. Absent: they never end by themselves.
   */
  readonly onHeal?: (heal: () => void) => void;
  /** Asked by parts that share nothing with others, when they are made. Absent: nobody wants to know. */
  readonly isolate?: Isolate;
  /** Gets the calls of services and the states of nodes that are made here. Absent: nobody wants to know, and nothing is watched. */
  readonly watchServices?: ServiceWatch;
}

type Part = 'clock' | 'choices' | 'random';

const ALL_PARTS: readonly Part[] = ['clock', 'choices', 'random'];

/** Worlds with all parts: many runners are made in one, and a look at every field costs more than making some of them. */
const whole = new WeakSet();

/**
 * Refuses anything but a world, when a runner is made in it.
 *
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
