/**
 * Worlds whose time is that of fake timers, for tests that tick a clock by hand. Invariant: the package is loaded only
 * by {@link installFakeTimers}; a clock is recognized by its methods, whichever version made it, or copy inside a test
 * framework.
 */
import type { FakeMethod } from '@sinonjs/fake-timers';
import { FAKEABLE_GLOBALS, fakeGlobal } from './fake-global.ts';
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { createDecisions } from '../kernel/decision-log.ts';
import type { Choices } from '../kernel/decisions.ts';
import { RunnerError } from '../kernel/errors.ts';
import { PLAIN_CHOICES } from '../kernel/fifo-decisions.ts';
import { loadPeer } from '../kernel/package-files.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { createRandomStream, SEED } from '../kernel/seeded-random.ts';
import { CHOICES } from '../model/argument-shapes.ts';
import type { World } from '../model/world.ts';
import { FakeTimersTime, type FakeTimersClock } from './fake-timers-clock.ts';

/** The used subset of Vitest's `vi`. */
export interface FakeTimersSwitch {
  isFakeTimers(): boolean;
}

/** Options of {@link fakeTimersWorld}. */
export interface FakeTimersWorldOptions {
  /**
   * Seed for the order of events that are due together, the faults of chaos, and the random stream. Default:
   * first-in-first-out order, only planned faults, and a fixed random stream.
   */
  readonly seed?: string | number;
  /** Makes these choices instead of a seed, such as `createDecisions(…)`, whose log can be read afterwards. */
  readonly choices?: Choices;
}

const OPTIONS = is.optionsOf<FakeTimersWorldOptions>({}, { seed: SEED, choices: CHOICES });
const INSTALL_OPTIONS = is.optionsOf<InstallFakeTimersOptions>(
  {},
  { seed: SEED, choices: CHOICES, epochMs: is.NUMBER },
);

/**
 * A world for runners whose time passes when a test ticks: `tickAsync`, `runAllAsync`, `vi.advanceTimersByTimeAsync`
 * and the like drive fake, simulated, chaos and polling runners. Each event of a runner is one timer of that clock.
 * Prefer the `Async` functions: runners use promises, and the synchronous functions run no promise reactions between
 * timers.
 *
 * @param timers - A clock of `@sinonjs/fake-timers` (`createClock()`, `install()`), or Vitest's `vi` after
 * `vi.useFakeTimers()`.
 *
 * `setSystemTime` moves `Date` and not the world's clock. A reset (`vi.clearAllTimers`) forgets all events, as it does
 * all timers. After `uninstall` (`vi.useRealTimers`) the clock throws `RUNNER_SIMULATION_MISUSE` for new events.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is neither, and for `vi` without fake timers.
 * @example
 * ```ts
 * import { createClock } from '@sinonjs/fake-timers';
 * import { createSimulatedRunner, finalStatus } from 'dryrunner';
 * import { fakeTimersWorld } from 'dryrunner/fake-timers';
 * const clock = createClock();
 * const runner = createSimulatedRunner(fakeTimersWorld(clock));
 * const { runId } = await runner.run({ argv: ['sleep 60000', 'complete 3'] });
 * await clock.tickAsync(60_000);
 * const { status } = await finalStatus(runner, runId);
 * if (status.exitCode !== 3) throw new Error('a minute has passed');
 * ```
 */
export function fakeTimersWorld(
  timers: FakeTimersClock | FakeTimersSwitch,
  options: FakeTimersWorldOptions = {},
): World {
  check('options', options, OPTIONS);
  const { seed, choices = seed === undefined ? undefined : createDecisions(randomDecisions(seed)) } = options;
  return {
    clock: timeOn(timers, choices),
    choices: choices ?? PLAIN_CHOICES,
    random: createRandomStream(seed ?? 1),
  };
}

const EXPECTED = 'a clock of @sinonjs/fake-timers such as createClock(), or vi';
const METHODS = is.withMethods('setTimeout', 'clearTimeout', 'setSystemTime', 'reset');
const PARTS = is.objectOf<Pick<FakeTimersClock, 'now' | 'performance'>>(
  EXPECTED,
  { now: is.NUMBER, performance: is.withMethods('now') },
  {},
);
function timeOn(timers: FakeTimersClock | FakeTimersSwitch, choices: Choices | undefined): Clock {
  try {
    return new FakeTimersTime(clockOf(timers), choices);
  } catch (error) {
    throw unreadable('timers', timers, error);
  }
}

function clockOf(timers: FakeTimersClock | FakeTimersSwitch): FakeTimersClock {
  if (!isSwitch(timers)) {
    check('timers', timers, PARTS);
    check('timers', timers, METHODS);
    return timers;
  }
  if (!timers.isFakeTimers()) {
    const message = 'timers: expected vi with fake timers, got vi without: call vi.useFakeTimers() first';
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected: EXPECTED, actual: timers });
  }
  const fake = fakeGlobal();
  if (fake !== undefined) return fake.clock as FakeTimersClock;
  throw new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `timers: expected one of ${FAKEABLE_GLOBALS.join(', ')} to be faked by vi, got none of them`,
    { expected: EXPECTED, actual: timers },
  );
}

function isSwitch(timers: FakeTimersClock | FakeTimersSwitch): timers is FakeTimersSwitch {
  check(
    'timers',
    timers,
    is.satisfying(EXPECTED, (value) => typeof value === 'object' && value !== null),
  );
  return typeof (timers as Partial<FakeTimersSwitch>).isFakeTimers === 'function';
}

/** Options of {@link installFakeTimers}. */
export interface InstallFakeTimersOptions extends FakeTimersWorldOptions {
  /**
   * Initial `Date.now()`, in milliseconds since the Unix epoch. Default: the start of 2000, UTC, as in a simulation.
   */
  readonly epochMs?: number;
}

/** The subset of an installed clock that tests use. The object is a complete `@sinonjs/fake-timers` clock. */
export interface TickedClock extends FakeTimersClock {
  tick(ms: number): number;
  tickAsync(ms: number): Promise<number>;
  nextAsync(): Promise<number>;
  runAllAsync(): Promise<number>;
  runToLastAsync(): Promise<number>;
  countTimers(): number;
  uninstall(): unknown;
}

/** Result of {@link installFakeTimers}. */
export interface InstalledFakeTimers {
  readonly world: World;
  /** The clock to tick. Call its `uninstall` at the end. */
  readonly clock: TickedClock;
}

const STAYS_REAL: readonly FakeMethod[] = ['nextTick', 'queueMicrotask'];
const DEFAULT_EPOCH_MS = 946_684_800_000;
/** Each event of a runner is a timer, so a busy runner soon exceeds the default limit of fake-timers, 1,000. */
const LOOP_LIMIT = 1_000_000;

/**
 * Installs the fake timers of `@sinonjs/fake-timers`, an optional peer dependency, and creates a world on their clock;
 * for tests without Vitest. `nextTick` and `queueMicrotask` stay real, because promises and runners need them.
 * `runAllAsync` gives up after a million timers instead of a thousand.
 *
 * Rejects with `RUNNER_MISSING_PACKAGE` if the package is not installed, and with the error of that package if timers
 * are faked already.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { installFakeTimers } from 'dryrunner/fake-timers';
 * const { world, clock } = await installFakeTimers({ seed: 7 });
 * try {
 *   const runner = createSimulatedRunner(world);
 *   const { runId } = await runner.run({ argv: ['sleep 60000', 'complete 0'] });
 *   setTimeout(() => void runner.abort(runId), 1000);
 *   await clock.runAllAsync();
 *   if ((await runner.status(runId)).status.state !== 'ABORTED') throw new Error('aborted after a second');
 * } finally {
 *   clock.uninstall();
 * }
 * ```
 */
export async function installFakeTimers(
  options: InstallFakeTimersOptions = {},
): Promise<InstalledFakeTimers> {
  check('options', options, INSTALL_OPTIONS);
  const { epochMs = DEFAULT_EPOCH_MS, ...rest } = options;
  const load = () => import('@sinonjs/fake-timers');
  const { install, timers } = await loadPeer('@sinonjs/fake-timers', 'installFakeTimers', load);
  const toFake = (Object.keys(timers) as FakeMethod[]).filter((name) => !STAYS_REAL.includes(name));
  const clock: TickedClock = install({ now: epochMs, loopLimit: LOOP_LIMIT, toFake });
  return { world: fakeTimersWorld(clock, rest), clock };
}
