/** The time and the entropy of one simulation, as the globals of the machine show them. */
import type { Choices } from '../kernel/decisions.ts';
import { RunnerError } from '../kernel/errors.ts';
import { question } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { Ambience, AmbientParts, AmbientSession } from '../simulation/ambience.ts';
import { installGlobals } from './globals/install-globals.ts';
import { replacedStandIn } from './globals/stand-in.ts';
import { hub, type AmbientWorld } from './hub.ts';
import { AmbientTimers, type TimerKind } from './ambient-timers.ts';

/**
 * Of each draw of `Math.random` a decision makes the first bits, so that an exploration can look at the small ones and the large ones; the
 * others come out of a stream, so that two draws never agree by decision: they are made into ids too.
 */
const DRAW_BITS = 4;
const DRAWN = question('draw', 'Math.random');

type Callback = (...args: unknown[]) => void;

class AmbientExecution implements AmbientWorld, AmbientSession {
  readonly #clock: VirtualClock;
  readonly #choices: Choices;
  readonly #draws: RandomStream;
  readonly #entropy: RandomStream;
  readonly #timers: AmbientTimers;

  constructor({ clock, choices, random, capturePlaces }: AmbientParts) {
    this.#clock = clock;
    this.#choices = choices;
    this.#draws = random.fork('Math.random');
    this.#entropy = random.fork('crypto');
    this.#timers = new AmbientTimers(clock, capturePlaces);
  }

  enter(): void {
    hub.world = this;
  }

  leave(): void {
    hub.world = undefined;
  }

  leftovers(): readonly string[] {
    return this.#timers.leftovers();
  }

  end(): void {
    this.#timers.end();
  }

  setTimer(kind: TimerKind, callback: unknown, ms: unknown, args: unknown[]): NodeJS.Timeout {
    return this.#timers.setTimer(kind, callback as Callback, ms, args);
  }

  setImmediate(callback: unknown, args: unknown[]): NodeJS.Immediate {
    return this.#timers.setImmediate(callback as Callback, args);
  }

  clear(timer: unknown): boolean {
    return this.#timers.clear(timer);
  }

  dateMs(): number {
    return Math.floor(this.#clock.epochMs + this.#clock.now());
  }

  now(): number {
    return this.#clock.now();
  }

  random(): number {
    const first = this.#choices.choose(DRAWN, 2 ** DRAW_BITS);
    return (first + this.#draws.float()) / 2 ** DRAW_BITS;
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = this.#entropy.int(256);
  }
}

const AMBIENT: Ambience = Object.freeze({
  begin(parts: AmbientParts): AmbientSession {
    installGlobals();
    const replaced = replacedStandIn();
    if (replaced !== undefined) {
      throw new RunnerError(
        'RUNNER_SIMULATION_MISUSE',
        `${replaced} is not the machine's any more: something like vi.useFakeTimers has replaced it, and code would see that and not the ` +
          'simulation. Use one of the two: call vi.useRealTimers before the simulation, or simulate with `ambient: false`',
      );
    }
    return new AmbientExecution(parts);
  },
});

/**
 * Makes timers, dates and randomness of the machine those of the simulation, for code that is used as it is: `setTimeout`, `Date`,
 * `Math.random` and their like run in virtual time, and in the decision log, while code of the simulation runs.
 *
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { ambientTime } from 'dryrunner/ambient';
 * const verdict = await simulate({
 *   ambient: ambientTime(),
 *   scenario: async (sim) => {
 *     const began = Date.now();
 *     await new Promise((resolve) => setTimeout(resolve, 3_600_000));
 *     sim.check(Date.now() - began === 3_600_000, 'an hour has passed');
 *   },
 * });
 * if (!verdict.held) throw verdict.failure?.cause;
 * ```
 */
export function ambientTime(): Ambience {
  return AMBIENT;
}
