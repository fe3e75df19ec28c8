/**
 * Awaited timers of code as it is, in a simulation with ambient time, beside fake-timers and Vitest's own fake timers; and what the stand-ins
 * cost when no simulation runs. Invariant: all ways run the same code, in interleaved rounds of one process, with real functions taken before
 * the stand-ins came.
 */
import { createClock } from '@sinonjs/fake-timers';
import { vi } from 'vitest';
import { ambientTime } from '../src/ambient/index.ts';
import { simulate } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { interleave, median, type Cost } from './measure.ts';
import { startSleepers } from './sleeps.ts';

const TIMERS = 100_000;
/** Of Vitest's timers only as many: each that fires looks at all that are pending. */
const PENDING = [
  { pending: 50, vitestTimers: 10_000 },
  { pending: 10_000, vitestTimers: 200 },
] as const;
const ROUNDS_MIN = 5;
const FAKE_TIMERS_GOAL = 3;
const VITEST_GOAL = 2;
const CALLS = 1_000_000;
const CALL_NS_MAX = 25;

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function ambient(pending: number): Promise<void> {
  const { held, failure } = await simulate({
    ambient: ambientTime(),
    scenario: async () => {
      await startSleepers(sleep, pending, TIMERS);
    },
  });
  if (!held) throw new Error(failure?.message);
}

async function fakeTimers(pending: number): Promise<void> {
  const clock = createClock(0, Infinity);
  const sleepOfClock = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimeout(() => resolve(), ms);
    });
  const done = startSleepers(sleepOfClock, pending, TIMERS);
  await clock.runAllAsync();
  await done;
}

async function vitest(pending: number, timers: number): Promise<void> {
  vi.useFakeTimers({ loopLimit: timers });
  try {
    void startSleepers(sleep, pending, TIMERS);
    const ended = await vi.runAllTimersAsync().then(
      () => 'all',
      () => 'limit',
    );
    if (ended !== 'limit') throw new Error('Vitest must fire as many as its limit says');
  } finally {
    vi.useRealTimers();
  }
}

async function measureTimers(
  { pending, vitestTimers }: (typeof PENDING)[number],
  rounds: number,
): Promise<Figure[]> {
  const timers = { ambient: TIMERS, fakeTimers: TIMERS, vitest: vitestTimers };
  const ways = {
    ambient: () => ambient(pending),
    fakeTimers: () => fakeTimers(pending),
    vitest: () => vitest(pending, vitestTimers),
  };
  // The engine is done with the code of a simulation after some 300,000 timers.
  await interleave({ ambient: ways.ambient, fakeTimers: ways.fakeTimers }, 3);
  const costs = await interleave(ways, rounds);
  const perSecond = (way: keyof typeof ways, of: (cost: Cost) => number): number =>
    Math.round(median(costs[way].map((cost) => (timers[way] * 1000) / of(cost))));
  const usEach = (way: keyof typeof ways, round: number): number =>
    ((costs[way][round]?.cpuMs ?? NaN) * 1000) / timers[way];
  const beside = (peer: 'fakeTimers' | 'vitest', call: string, goal: number): Figure => ({
    name: `ambient timers, ${pending} pending, beside ${call}`,
    value: median(costs.ambient.map((_, round) => usEach(peer, round) / usEach('ambient', round))),
    unit: '×',
    goal,
    goalIs: 'least',
    by: 'CPU time',
    peer: `${call}: ${perSecond(peer, ({ cpuMs }) => cpuMs)}/s`,
    note: 'a whole simulation with trace and ledger; three more awaits after each timer',
    more: {
      perSecond: perSecond('ambient', ({ cpuMs }) => cpuMs),
      perSecondByWallTime: perSecond('ambient', ({ wallMs }) => wallMs),
      peerPerSecondByWallTime: perSecond(peer, ({ wallMs }) => wallMs),
    },
  });
  return [
    beside('fakeTimers', 'fake-timers runAllAsync', FAKE_TIMERS_GOAL),
    beside('vitest', 'vi.runAllTimersAsync', VITEST_GOAL),
  ];
}

/** What is called of the machine, each text compiled for itself, so that the engine sees one function in it. */
const CALLED = {
  'Date.now()': 'now()',
  'new Date()': 'new DateOf()',
  'Math.random()': 'random()',
  'setTimeout and clearTimeout': 'clear(set(nothing, 1000))',
};

function loopOf(called: string): () => unknown {
  const code = `
    const { now, random } = { now: Date.now, random: Math.random };
    const { Date: DateOf, setTimeout: set, clearTimeout: clear } = globalThis;
    const nothing = () => {};
    return () => {
      let last;
      for (let i = 0; i < ${CALLS}; i += 1) last = ${called};
      return last;
    };`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one text per way, or the engine would share what it knows of the calls
  return (new Function(code) as () => () => unknown)();
}

const loops = (): (() => unknown)[] => Object.values(CALLED).map(loopOf);

async function measureCalls(real: readonly (() => unknown)[], rounds: number): Promise<Figure[]> {
  const standIns = loops();
  const figures: Figure[] = [];
  for (const [i, name] of Object.keys(CALLED).entries()) {
    const ways = { real: () => real[i]?.(), standIn: () => standIns[i]?.() };
    await interleave(ways, 2);
    const costs = await interleave(ways, rounds);
    const nsOf = ({ cpuMs }: Cost): number => (cpuMs * 1e6) / CALLS;
    figures.push({
      name: `${name} without a simulation, more than the machine's`,
      value: median(costs.standIn.map((cost, round) => nsOf(cost) - nsOf(costs.real[round] as Cost))),
      unit: 'ns',
      goal: CALL_NS_MAX,
      goalIs: 'most',
      by: 'CPU time',
      peer: `the machine's own: ${median(costs.real.map(nsOf)).toFixed(1)} ns`,
      note: `median difference of interleaved rounds of ${CALLS} calls`,
    });
  }
  return figures;
}

/** Timers in a second beside both peers, and nanoseconds for each call without a simulation. */
export async function measureAmbient(rounds: number): Promise<Figure[]> {
  const enough = Math.max(rounds, ROUNDS_MIN);
  // Outside of a worker, Vitest takes its settings from here.
  Object.assign(globalThis, { __vitest_worker__: { config: { fakeTimers: {} } } });
  const real = loops();
  vi.useFakeTimers().useRealTimers();
  ambientTime();
  const figures: Figure[] = [];
  for (const size of PENDING) figures.push(...(await measureTimers(size, enough)));
  return [...figures, ...(await measureCalls(real, enough))];
}
