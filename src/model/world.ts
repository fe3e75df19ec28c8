/**
 * The surroundings of a runner: its time, its choices, its randomness, and its watchers. The same code runs in a
 * simulated world (`simulate`) and in the real one (`realWorld` of `dryrunner/host`); nothing else differs between
 * them.
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

/** The surroundings that every `create…Runner` takes. */
export interface World {
  readonly clock: Clock;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer?: Tracer;
  /** The node whose process lives here; it is the default owner of locks and waits. Absent: the scenario is. */
  readonly node?: string;
  /**
   * Registers a callback that is called once, when all faults must end; an injector of faults registers when it is
   * created. Absent: faults never end by themselves.
   */
  readonly onHeal?: (heal: () => void) => void;
  /** Called on creation by parts that share nothing with others. Absent: nothing is isolated. */
  readonly isolate?: Isolate;
  /** Sees the service calls and the states of nodes created here. Absent: nothing is watched. */
  readonly watchServices?: ServiceWatch;
  /** What the simulation provides for processes of simulated machines. Absent: nothing. */
  readonly processes?: ProcessHost;
  /** Takes sources of waits for reports. Absent: no reports are made. */
  readonly waits?: WaitWatch;
  /** Reports what no caller gets, such as an error of a callback. Absent: only the trace has it. */
  readonly warn?: (message: string) => void;
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
  warn: is.FUNCTION,
};
/**
 * The fields of a world that options with `clock` and `tracer` ignore, so that the world itself can be passed as
 * options: `createSimExecer(sim.world)`.
 */
export const REST_OF_WORLD: is.ShapesOf<Omit<World, 'clock' | 'tracer'>> = {
  choices: is.ANY,
  random: is.ANY,
  onHeal: is.ANY,
  node: is.ANY,
  isolate: is.ANY,
  watchServices: is.ANY,
  processes: is.ANY,
  waits: is.ANY,
  warn: is.ANY,
};
/** Argument shape of a complete {@link World}. */
const WORLD = is.objectOf<World>(SAYS, PARTS, { ...ENDS, ...EXTRAS });
/** Argument shape of a world for simulations. */
export const SIMULATED_WORLD: is.RecordShape = is.objectOf<
  World & Required<Pick<World, 'tracer' | 'onHeal'>>
>(SAYS, { ...PARTS, ...ENDS }, EXTRAS);
/** Argument shape of a world in which nothing is drawn. */
export const WORLD_OF_CHOICES: is.RecordShape = is.objectOf<Omit<World, 'random'>>(
  SAYS,
  { clock: is.CLOCK, choices: CHOICES },
  { ...ENDS, ...EXTRAS },
);
/** Argument shape of a world of which only the clock is used. */
export const WORLD_OF_TIME: is.RecordShape = is.objectOf<Pick<World, 'clock'>>(SAYS, { clock: is.CLOCK }, {});

/** The default owner of locks and waits where there is no node. */
export const SCENARIO_OWNER = 'scenario';

/**
 * Worlds that have passed the check: many runners are created in one, and checking every field costs more than creating
 * some of them.
 */
const whole = new WeakSet();

/**
 * Checks, when a runner is created, that its world has all parts.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the part.
 */
export function checkWorld(world: unknown): void {
  if (isWhole(world)) return;
  check('world', world, WORLD);
  whole.add(world as World);
}

/** As {@link checkWorld}, for what draws, but not from the world's random stream. */
export function checkWorldOfChoices(world: unknown): void {
  if (!isWhole(world)) check('world', world, WORLD_OF_CHOICES);
}

function isWhole(world: unknown): boolean {
  return typeof world === 'object' && world !== null && whole.has(world);
}
