/**
 * Where a runner lives: its time, its choices, its randomness, and who watches. The same body runs in a simulated world
 * (`simulate`) and in the real one (`realWorld` of `dryrunner/host`); nothing else differs between them.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Isolate } from './isolation.ts';
import type { ServiceWatch } from './service-watch.ts';
import type { Tracer } from './trace-event.ts';

/** The surroundings handed to every `create…Runner`. */
export interface World {
  readonly clock: Clock;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer?: Tracer;
  /**
   * Asks to be told, once, when all faults are to end; what injects faults asks when it is made. Absent: they never end by themselves.
   */
  readonly onHeal?: (heal: () => void) => void;
  /** Asked by parts that share nothing with others, when they are made. Absent: nobody wants to know. */
  readonly isolate?: Isolate;
  /** Told of the calls of services and the states of nodes that are made here. Absent: nobody wants to know, and nothing is looked at. */
  readonly watchServices?: ServiceWatch;
}
