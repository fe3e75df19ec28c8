/**
 * The world in which runners really run: the machine's time, no exploration, and randomness from the machine unless a
 * seed is given. The same code runs unchanged in a simulated world.
 */
import * as is from '../kernel/shape.ts';
import { randomBytes } from 'node:crypto';
import { check } from '../kernel/argument-check.ts';
import { PLAIN_CHOICES } from '../kernel/fifo-decisions.ts';
import { createRandomStream, SEED } from '../kernel/seeded-random.ts';
import type { World } from '../model/world.ts';
import { createSystemClock } from './system-clock.ts';

/** Options of {@link realWorld}. */
export interface RealWorldOptions {
  /** Makes the random stream reproducible, but neither time nor the machine. Default: real entropy. */
  readonly seed?: string | number;
}

const REAL_WORLD_OPTIONS = is.optionsOf<RealWorldOptions>({}, { seed: SEED });

/**
 * Makes the world of a runner on the machine.
 *
 * @example
 * ```ts
 * import { realWorld } from 'dryrunner/host';
 * const world = realWorld({ seed: 42 });
 * if (world.choices.choose('anything', 3) !== 0) throw new Error('nothing is explored here');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a string nor a finite number.
 */
export function realWorld(options: RealWorldOptions = {}): World {
  check('options', options, REAL_WORLD_OPTIONS);
  const { seed = randomBytes(16).toString('hex') } = options;
  return {
    clock: createSystemClock(),
    choices: PLAIN_CHOICES,
    random: createRandomStream(seed),
    warn(message) {
      check('message', message, is.TEXT);
      process.emitWarning(message);
    },
  };
}
