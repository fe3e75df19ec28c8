/** Packages that put calls off until it has been quiet for a time, or let through one per time. */
import { passes, pauses, promised, upTo, type ForeignScenario } from './promised.ts';
import { rarely } from '../zoo/odds.ts';
import type { Simulation } from 'dryrunner';

type Listener = (value: number) => unknown;

const GAPS = [0, 10, 49, 50, 51, 120] as const;

interface Seen {
  readonly calls: { at: number; value: number }[];
  readonly runs: { at: number; value: number }[];
}

/** Calls what `make` makes at drawn times, and notes when it was called and when it ran. */
async function drive(sim: Simulation, make: (listener: Listener) => Listener): Promise<Seen> {
  const seen: Seen = { calls: [], runs: [] };
  const called = make((value) => seen.runs.push({ at: performance.now(), value }));
  for (const value of upTo(8)) {
    await pauses(sim, 'gap', GAPS);
    seen.calls.push({ at: performance.now(), value });
    called(value);
  }
  await passes(1_000);
  return seen;
}

/** What every debounce by 50 ms promises: a run comes 50 ms after the last call, with its value, and after each quiet time. */
function checkTrailing(sim: Simulation, { calls, runs }: Seen): void {
  for (const { at, value } of runs) {
    const last = calls.filter((call) => call.at < at).at(-1);
    sim.check(
      at - (last?.at ?? -Infinity) >= 50 || at - (last?.at ?? 0) >= 49,
      `ran at ${at} ms, ${at - (last?.at ?? 0)} ms after a call`,
    );
    sim.check(
      calls.some((call) => call.value === value && call.at <= at - 49),
      `ran at ${at} ms with a value of later`,
    );
  }
  const lastCall = calls.at(-1);
  const lastRun = runs.at(-1);
  sim.check(
    lastRun?.value === lastCall?.value,
    `the last call had ${lastCall?.value}, the last run ${lastRun?.value}`,
  );
  const quiet = calls.filter(({ at }, index) => (calls[index + 1]?.at ?? Infinity) - at > 51).length;
  const most = calls.filter(({ at }, index) => (calls[index + 1]?.at ?? Infinity) - at >= 50).length;
  sim.check(
    runs.length >= quiet && runs.length <= most,
    `it was quiet ${quiet} to ${most} times, and ran ${runs.length} times`,
  );
}

interface Lodash {
  readonly default: {
    debounce(
      listener: Listener,
      wait: number,
      options?: { leading?: boolean; trailing?: boolean; maxWait?: number },
    ): Listener & { flush(): void; cancel(): void };
    throttle(listener: Listener, wait: number, options?: { leading?: boolean; trailing?: boolean }): Listener;
  };
}

export const lodashDebounce: ForeignScenario = promised<Lodash>({
  package: 'lodash',
  name: 'lodash-debounce',
  says: 'delays invoking until after wait milliseconds have elapsed since the last time it was invoked',
  leftovers: 'fail',
  async run(sim, { default: { debounce } }) {
    checkTrailing(sim, await drive(sim, (listener) => debounce(listener, 50)));
  },
});

export const lodashMaxWait: ForeignScenario = promised<Lodash>({
  package: 'lodash',
  name: 'lodash-max-wait',
  says: 'maxWait is the maximum time it may be delayed before it is invoked',
  leftovers: 'fail',
  async run(sim, { default: { debounce } }) {
    const { calls, runs } = await drive(sim, (listener) => debounce(listener, 50, { maxWait: 100 }));
    for (const call of calls) {
      const run = runs.find(({ at, value }) => at >= call.at && value >= call.value);
      const delay = (run?.at ?? Infinity) - call.at;
      sim.check(delay <= 101, `a call at ${call.at} ms was delayed by ${delay} ms, expected 100 at most`);
    }
  },
});

export const lodashThrottle: ForeignScenario = promised<Lodash>({
  package: 'lodash',
  name: 'lodash-throttle',
  judged: { judgement: 'known', of: /^two invocations \d+ ms apart, expected 50$/ },
  says: 'invokes at most once per every wait milliseconds, and on the trailing edge with the last arguments',
  leftovers: 'fail',
  async run(sim, { default: { throttle } }) {
    const { calls, runs } = await drive(sim, (listener) => throttle(listener, 50));
    runs.slice(1).forEach(({ at }, index) => {
      const gap = at - (runs[index]?.at ?? 0);
      sim.check(gap >= 49, `two invocations ${gap} ms apart, expected 50`);
    });
    sim.check(
      runs.at(-1)?.value === calls.at(-1)?.value,
      `the last call had ${calls.at(-1)?.value}, the last run ${runs.at(-1)?.value}`,
    );
  },
});

interface ThrottleDebounce {
  throttle(
    delay: number,
    listener: Listener,
    options?: { noLeading?: boolean; noTrailing?: boolean },
  ): Listener;
  debounce(delay: number, listener: Listener, options?: { atBegin?: boolean }): Listener;
}

export const throttleDebounceDebounce: ForeignScenario = promised<ThrottleDebounce>({
  package: 'throttle-debounce',
  name: 'throttle-debounce-debounce',
  says: 'executes once, at the end of a series of calls that are less than delay apart',
  leftovers: 'fail',
  async run(sim, { debounce }) {
    checkTrailing(sim, await drive(sim, (listener) => debounce(50, listener)));
  },
});

export const throttleDebounceThrottle: ForeignScenario = promised<ThrottleDebounce>({
  package: 'throttle-debounce',
  name: 'throttle-debounce-throttle',
  says: 'executes at most once per delay, and once more after the last call',
  leftovers: 'fail',
  async run(sim, { throttle }) {
    const { calls, runs } = await drive(sim, (listener) => throttle(50, listener));
    runs.slice(1).forEach(({ at }, index) => {
      const gap = at - (runs[index]?.at ?? 0);
      sim.check(gap >= 49, `two executions ${gap} ms apart, expected 50`);
    });
    sim.check(
      runs.at(-1)?.value === calls.at(-1)?.value,
      `the last call had ${calls.at(-1)?.value}, the last run ${runs.at(-1)?.value}`,
    );
  },
});

interface DebounceFn {
  readonly default: (
    listener: Listener,
    options: { wait?: number; maxWait?: number; before?: boolean; after?: boolean },
  ) => Listener & { cancel(): void };
}

export const debounceFnTrailing: ForeignScenario = promised<DebounceFn>({
  package: 'debounce-fn',
  name: 'debounce-fn-trailing',
  says: 'waits until wait milliseconds have passed since the last call',
  leftovers: 'fail',
  async run(sim, { default: debounceFn }) {
    checkTrailing(sim, await drive(sim, (listener) => debounceFn(listener, { wait: 50 })));
  },
});

export const debounceFnMaxWait: ForeignScenario = promised<DebounceFn>({
  package: 'debounce-fn',
  name: 'debounce-fn-max-wait',
  judged: { judgement: 'bug', of: /^the last call had \d+, the last run \d+$/ },
  says: 'maxWait is the maximum time before the function is called, so the last call of a burst is not lost',
  leftovers: 'fail',
  async run(sim, { default: debounceFn }) {
    const { calls, runs } = await drive(sim, (listener) => debounceFn(listener, { wait: 50, maxWait: 100 }));
    sim.check(
      runs.at(-1)?.value === calls.at(-1)?.value,
      `the last call had ${calls.at(-1)?.value}, the last run ${runs.at(-1)?.value}`,
    );
    for (const call of calls) {
      const delay = (runs.find(({ at }) => at >= call.at)?.at ?? Infinity) - call.at;
      sim.check(
        delay <= 101,
        `a call at ${call.at} ms was followed by a run after ${delay} ms, expected 100 at most`,
      );
    }
  },
});

export const debounceFnMaxValue: ForeignScenario = promised<DebounceFn>({
  package: 'debounce-fn',
  name: 'debounce-fn-max-value',
  judged: { judgement: 'bug', of: /^ran at \d+ ms with \d+, though \d+ came at \d+ ms$/ },
  says: 'the last arguments given are those it is called with, also when maxWait ends the wait',
  leftovers: 'fail',
  async run(sim, { default: debounceFn }) {
    const { calls, runs } = await drive(sim, (listener) => debounceFn(listener, { wait: 50, maxWait: 100 }));
    for (const run of runs) {
      const last = calls.filter(({ at }) => at < run.at - 1).at(-1);
      sim.check(
        run.value >= (last?.value ?? 0),
        `ran at ${run.at} ms with ${run.value}, though ${last?.value} came at ${last?.at} ms`,
      );
    }
  },
});

interface PDebounce {
  readonly default: {
    (
      action: (value: number) => Promise<unknown>,
      wait: number,
      options?: { before?: boolean },
    ): (value: number) => Promise<unknown>;
    promise(
      action: (value: number) => Promise<unknown>,
      options?: { after?: boolean },
    ): (value: number) => Promise<unknown>;
  };
}

export const pDebounceShared: ForeignScenario = promised<PDebounce>({
  package: 'p-debounce',
  name: 'p-debounce-shared',
  judged: { judgement: 'bug', of: /^call \d+ got undefined$/ },
  says: 'calls the function after wait milliseconds since the last call, and all calls of the burst get its result',
  leftovers: 'fail',
  async run(sim, { default: pDebounce }) {
    const before = rarely(sim, 'before', 2);
    let runs = 0;
    const debounced = pDebounce(
      async (value) => {
        runs += 1;
        await pauses(sim, 'work', [0, 10, 70]);
        return value;
      },
      50,
      { before },
    );
    const results: Promise<unknown>[] = [];
    for (const value of upTo(6)) {
      await pauses(sim, 'gap', GAPS);
      results.push(
        debounced(value).then((result) =>
          sim.check(typeof result === 'number', `call ${value} got ${String(result)}`),
        ),
      );
    }
    await Promise.all(results);
    await passes(100);
    sim.check(runs >= 1 && runs <= 6, `6 calls, ${runs} runs`);
  },
});

export const pDebouncePromise: ForeignScenario = promised<PDebounce>({
  package: 'p-debounce',
  name: 'p-debounce-promise-after',
  says: 'with after, a call while another runs queues the latest arguments: never two at once, and the latest data is never lost',
  leftovers: 'fail',
  async run(sim, { default: pDebounce }) {
    let running = 0;
    let last = -1;
    const saved = pDebounce.promise(
      async (value) => {
        running += 1;
        sim.check(running === 1, `${running} run at once`);
        await pauses(sim, 'work', [0, 10, 70]);
        last = value;
        running -= 1;
        if (rarely(sim, 'fails', 4)) throw new Error('failed');
        return value;
      },
      { after: true },
    );
    const results: Promise<unknown>[] = [];
    for (const value of upTo(6)) {
      await pauses(sim, 'gap', [0, 10, 70]);
      results.push(saved(value).catch(() => undefined));
    }
    await Promise.all(results);
    await passes(200);
    sim.check(last === 5, `the last call had 5, the last run ${last}`);
  },
});

interface PerfectDebounce {
  debounce(
    action: (value: number) => Promise<unknown>,
    wait: number,
    options?: { leading?: boolean; trailing?: boolean },
  ): ((value: number) => Promise<unknown>) & {
    cancel(): void;
    flush(): Promise<unknown>;
    isPending(): boolean;
  };
}

export const perfectDebounceLast: ForeignScenario = promised<PerfectDebounce>({
  package: 'perfect-debounce',
  name: 'perfect-debounce-last',
  judged: { judgement: 'known', of: /^the last call had 5, the last run \d+$/ },
  says: 'duplicate calls are prevented while the function runs, and a last call will happen; every caller gets an answer',
  leftovers: 'fail',
  async run(sim, { debounce }) {
    let running = 0;
    let last = -1;
    const leading = rarely(sim, 'leading', 2);
    const debounced = debounce(
      async (value) => {
        running += 1;
        sim.check(running === 1, `${running} run at once`);
        await pauses(sim, 'work', [0, 10, 70, 120]);
        last = value;
        running -= 1;
        return value;
      },
      50,
      { leading },
    );
    const results: Promise<unknown>[] = [];
    for (const value of upTo(6)) {
      await pauses(sim, 'gap', GAPS);
      results.push(debounced(value));
    }
    await Promise.all(results);
    await passes(500);
    sim.check(last === 5, `the last call had 5, the last run ${last}`);
    sim.check(!debounced.isPending(), 'expected nothing to be pending');
  },
});
