/**
 * Where a runner lives: its time, its choices, its randomness, and who watches. The same body runs in a simulated world
 * (`simulate`) and in the real one (`realWorld` of `dryrunner/host`); nothing else differs between them.
 */
import * as is from '../kernel/shape.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Isolate } from './isolation.ts';
import type { ProcessHost } from './process-host.ts';
import type { ServiceWatch } from './service.ts';
import type { Tracer } from './trace-event.ts';
import type { WaitWatch } from './wait-watch.ts';
import { check } from '../kernel/argument-check.ts';
import { CHOICES, TRACER } from './argument-shapes.ts';

/** The surroundings handed to every `create…Runner`. */
export interface World {
  readonly clock: Clock;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer?: Tracer;
  /** The node whose process lives here: who holds locks and waits by default. Absent: the scenario. */
  readonly node?: string;
  /**
   * Registers to be called once, when all faults are to end; what injects faults asks when it is made. Absent: they never end by themselves.
   */
  readonly onHeal?: (heal: () => void) => void;
  /** Asked by parts that share nothing with others, when they are made. Absent: nobody wants to know. */
  readonly isolate?: Isolate;
  /** Gets the calls of services and the states of nodes that are made here. Absent: nobody wants to know, and nothing is watched. */
  readonly watchServices?: ServiceWatch;
  /** What the simulation does for processes of simulated machines. Absent: nothing. */
  readonly processes?: ProcessHost;
  /** Asked to ask for waits when it reports. Absent: nobody reports. */
  readonly waits?: WaitWatch;
}

const SAYS = 'a World such as sim.world or realWorld()';
const PARTS = { clock: is.CLOCK, choices: CHOICES, random: is.withMethods('fork', 'int') };
const ENDS = { tracer: TRACER, onHeal: is.FUNCTION };
const EXTRAS = {
  node: is.TEXT,
  isolate: is.FUNCTION,
  watchServices: is.withMethods('service', 'node'),
  processes: is.withMethods('begin'),
  waits: is.withMethods('add'),
};
/** What options that take the clock and the tracer of a world take no notice of, so that they may be the world: `createSimExecer(sim.world)`. */
export const REST_OF_WORLD: is.ShapesOf<Omit<World, 'clock' | 'tracer'>> = {
  choices: is.ANY,
  random: is.ANY,
  onHeal: is.ANY,
  node: is.ANY,
  isolate: is.ANY,
  watchServices: is.ANY,
  processes: is.ANY,
  waits: is.ANY,
};
/** Where a runner is made. */
const WORLD = is.objectOf<World>(SAYS, PARTS, { ...ENDS, ...EXTRAS });
/** Where simulations happen. */
export const SIMULATED_WORLD: is.RecordShape = is.objectOf<
  World & Required<Pick<World, 'tracer' | 'onHeal'>>
>(SAYS, { ...PARTS, ...ENDS }, EXTRAS);
/** Where nothing is drawn. */
export const WORLD_OF_CHOICES: is.RecordShape = is.objectOf<Omit<World, 'random'>>(
  SAYS,
  { clock: is.CLOCK, choices: CHOICES },
  { ...ENDS, ...EXTRAS },
);
/** Where only time passes. */
export const WORLD_OF_TIME: is.RecordShape = is.objectOf<Pick<World, 'clock'>>(SAYS, { clock: is.CLOCK }, {});

/** Who holds and waits where no node does and nobody is named. */
export const SCENARIO_OWNER = 'scenario';

/** Worlds with all parts: many runners are made in one, and a look at every field costs more than making some of them. */
const whole = new WeakSet();

/**
 * Refuses anything but a world with all parts, when a runner is made in it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the part.
 */
export function checkWorld(world: unknown): void {
  if (typeof world === 'object' && world !== null && whole.has(world)) return;
  check('world', world, WORLD);
  whole.add(world as World);
}
