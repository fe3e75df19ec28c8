/** Options of ambient time, and how simulations begin with them. */
import { AmbientExecution, type AmbientSettings } from './ambient-execution.ts';
import { checkOneVersion } from './one-version.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import type { Ambience, AmbientParts, AmbientSession } from '../simulation/ambience.ts';
import { check } from '../kernel/argument-check.ts';
import * as is from '../kernel/shape.ts';
import { AWAIT_LEVELS, type AwaitOptions } from './awaits/await-level.ts';
import { watchOutsideCalls } from './globals/outside-calls.ts';
import { installGlobals } from './globals/install-globals.ts';
import { replacedStandIn } from './globals/stand-in.ts';
import { ALLOWED } from './outside-gate.ts';
import { ChosenTimeFaults, type TimeFaults } from './time-faults.ts';

/** More than a burst of streams needs; an endless loop reaches it in less than a second. */
const TICKS_MAX = 1_000_000;
/** The same for microtasks and timers, each of which takes more time and memory. */
const OTHERS_MAX = 100_000;

function begin(parts: AmbientParts, settings: AmbientSettings): AmbientSession {
  installGlobals();
  // Again each time, for modules of Node that were loaded after the first.
  watchOutsideCalls();
  const replaced = replacedStandIn();
  if (replaced !== undefined) {
    throw new RunnerError(
      'RUNNER_SIMULATION_MISUSE',
      `${replaced} is not the machine's any more: something like vi.useFakeTimers has replaced it before the simulation, whose code would ` +
        'see that and not virtual time. Put it back first, by vi.useRealTimers if it was that, or simulate without ambient time ' +
        '(a simTest with `ambient: false`)',
    );
  }
  return new AmbientExecution(parts, settings);
}

/**
 * Begins each simulation with the same settings. A class, so that every simulation in this thread begins with the same
 * functions.
 */
class SharedAmbience implements Ambience {
  declare readonly native?: Ambience;
  readonly #settings: AmbientSettings;

  constructor(settings: AmbientSettings, native: Ambience | undefined) {
    this.#settings = settings;
    if (native !== undefined) this.native = native;
    Object.freeze(this);
  }

  begin(parts: AmbientParts): AmbientSession {
    return begin(parts, this.#settings);
  }
}

/** Options of {@link ambientTime}. */
export interface AmbientOptions extends AwaitOptions {
  /**
   * Machine APIs that code of the simulation may call although no simulation can repeat their results: functions
   * (`fs.readFileSync`) or whole modules and globals (`fs`, `fetch`, `process`). Their promises and callbacks arrive
   * when nothing else is due. Default: none.
   */
  readonly allow?: readonly string[];
  /** Faults of time itself, as decisions. They end with `sim.heal`. Default: none. */
  readonly faults?: TimeFaults;
  /**
   * How many calls of `process.nextTick`, and how many microtasks and timers of the others, one event may lead to. One
   * more counts as an endless loop and fails the simulation. Default: 1,000,000 calls of `process.nextTick`, 100,000 of
   * `queueMicrotask` and the functions that set timers.
   */
  readonly maxTicks?: number;
}

const OPTIONS: is.RecordShape = is.optionsOf<AmbientOptions>(
  {},
  {
    allow: ALLOWED,
    faults: is.ANY,
    maxTicks: is.limit(1),
    awaits: is.oneOf(...AWAIT_LEVELS),
    thens: is.BOOLEAN,
  },
);

/**
 * Replaces the machine's timers, dates and randomness by those of the simulation, so that unmodified code can run in
 * it: while code of the simulation runs, `setTimeout`, `Date`, `Math.random` and the like use virtual time and the
 * decision log.
 *
 * What cannot be simulated, such as files and networks, is refused: the simulation fails with kind `escape`, and the
 * caller gets a RunnerError `RUNNER_OUTSIDE_CALL` that names the remedy.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but options, `RUNNER_SIMULATION_MISUSE` if another version
 * of this package is loaded too, or if fake timers are installed before the first call.
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
export function ambientTime(options: AmbientOptions = {}): Ambience {
  check('options', options, OPTIONS);
  const { allow = [], faults, maxTicks, awaits, thens = false } = options;
  if (thens && awaits === undefined) throw invalidArgument('thens', 'awaits beside it', thens);
  const limits = { ticks: maxTicks ?? TICKS_MAX, others: maxTicks ?? OTHERS_MAX };
  const settings = { allowed: new Set(allow), faults: new ChosenTimeFaults(faults), limits, thens };
  checkOneVersion();
  installGlobals();
  return new SharedAmbience(
    awaits === undefined ? settings : { ...settings, awaits },
    awaits === 'latency' ? new SharedAmbience({ ...settings, awaits: 'hops' }, undefined) : undefined,
  );
}
