/**
 * Awaited virtual sleeps, three further awaits after each, on our clock under both drains and on fake-timers' own clock with
 * `runAllAsync`. Invariant: all ways do the same sleeps, in interleaved rounds of one process; a figure is the median of the
 * rounds' ratios. Alone: `npx tsx bench/sleeps.ts [rounds]`.
 */
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { createClock } from '@sinonjs/fake-timers';
import { sleep } from '../src/kernel/clock.ts';
import { chooseDrain } from '../src/kernel/drain.ts';
import { createVirtualClock } from '../src/kernel/virtual-clock.ts';
import { median } from './measure.ts';

/** What {@link measureSleeps} takes. */
export interface SleepsOptions {
  /** Sleeps per way and round. Default: 200,000. */
  readonly sleeps?: number;
  /** Default: 7. */
  readonly rounds?: number;
}

/** One way at one number of pending timers, beside its peer. */
export interface SleepsFigure {
  readonly pending: number;
  readonly drain: 'fast' | 'documented';
  /** Median of the ratios to fake-timers, by CPU time: a busy machine blurs it less than wall time. */
  readonly ratio: number;
  readonly goal: number;
  /** Medians, in sleeps per second of CPU time. */
  readonly perSecond: number;
  readonly peerPerSecond: number;
}

const GOALS = [
  { pending: 50, fast: 4.5, documented: 2.5 },
  { pending: 10_000, fast: 3, documented: 2 },
] as const;
const WARM_UP_SLEEPS = 50_000;
const DELAY_MS_MAX = 1000;

/** Resolves after that many milliseconds. */
export type Sleep = (ms: number) => Promise<unknown>;
type Way = (pending: number, sleeps: number) => Promise<void>;

const settled = Promise.resolve();

async function sleeper(sleepFor: Sleep, count: number, seed: number): Promise<void> {
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    await sleepFor(1 + ((state >>> 8) % DELAY_MS_MAX));
    await settled;
    await settled;
    await settled;
  }
}

/** Starts `pending` sleepers, who sleep `sleeps` times together. */
export function startSleepers(sleepFor: Sleep, pending: number, sleeps: number): Promise<unknown> {
  const each = sleeps / pending;
  return Promise.all(Array.from({ length: pending }, (_, i) => sleeper(sleepFor, each, i)));
}

const fakeTimers: Way = async (pending, sleeps) => {
  const clock = createClock(0, Infinity);
  const done = startSleepers(
    (ms) =>
      new Promise((resolve) => {
        clock.setTimeout(resolve, ms);
      }),
    pending,
    sleeps,
  );
  await clock.runAllAsync();
  await done;
};

function ownClock(drain: 'fast' | 'documented'): Way {
  return async (pending, sleeps) => {
    const clock = createVirtualClock();
    const done = startSleepers((ms) => sleep(clock, ms), pending, sleeps);
    await chooseDrain(drain).run(() => clock.step());
    await done;
  };
}

const ways = { fakeTimers, fast: ownClock('fast'), documented: ownClock('documented') };
type WayName = keyof typeof ways;

/** Sleeps per second of CPU time. */
async function measure(way: Way, pending: number, sleeps: number): Promise<number> {
  const before = process.cpuUsage();
  await way(pending, sleeps);
  const { user, system } = process.cpuUsage(before);
  return sleeps / ((user + system) / 1e6);
}

async function measureRound(
  pending: number,
  sleeps: number,
  round: number,
): Promise<Readonly<Record<WayName, number>>> {
  const speeds = { fakeTimers: 0, fast: 0, documented: 0 };
  const names = Object.keys(speeds) as WayName[];
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + round) % names.length] as WayName;
    speeds[name] = await measure(ways[name], pending, sleeps);
  }
  return speeds;
}

/**
 * Measures both drains beside fake-timers at 50 and 10,000 pending timers.
 *
 * @example
 * ```ts
 * for (const { drain, pending, ratio } of await measureSleeps()) console.log(drain, pending, ratio);
 * ```
 */
export async function measureSleeps(options: SleepsOptions = {}): Promise<SleepsFigure[]> {
  const { sleeps = 200_000, rounds = 7 } = options;
  const figures: SleepsFigure[] = [];
  for (const { pending, ...goals } of GOALS) {
    await measureRound(pending, WARM_UP_SLEEPS, 0);
    const speeds: Readonly<Record<WayName, number>>[] = [];
    for (let round = 0; round < rounds; round++) speeds.push(await measureRound(pending, sleeps, round));
    for (const drain of ['fast', 'documented'] as const) {
      figures.push({
        pending,
        drain,
        ratio: median(speeds.map((speed) => speed[drain] / speed.fakeTimers)),
        goal: goals[drain],
        perSecond: Math.round(median(speeds.map((speed) => speed[drain]))),
        peerPerSecond: Math.round(median(speeds.map((speed) => speed.fakeTimers))),
      });
    }
  }
  return figures;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const rounds = Number(process.argv[2] ?? 7);
  for (const { drain, pending, ratio, goal, perSecond, peerPerSecond } of await measureSleeps({ rounds })) {
    const speeds = `${perSecond} sleeps/s, fake-timers ${peerPerSecond}`;
    console.log(`${drain} drain, ${pending} pending: ${ratio.toFixed(2)} × (goal ${goal} ×), ${speeds}`);
  }
}
