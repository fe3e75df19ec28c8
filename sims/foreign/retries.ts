/** Packages that try again, give up after a time, or stop trying for a while. */
import { Crowd, outcome, passes, pauses, promised, settled, upTo, type ForeignScenario } from './promised.ts';
import { rarely } from '../zoo/odds.ts';

interface PRetry {
  readonly default: (
    attempt: (number: number) => Promise<unknown>,
    options: {
      retries: number;
      minTimeout?: number;
      factor?: number;
      maxRetryTime?: number;
      signal?: AbortSignal;
    },
  ) => Promise<unknown>;
}

export const pRetryAttempts: ForeignScenario = promised<PRetry>({
  package: 'p-retry',
  name: 'p-retry-attempts',
  says: 'retries is the maximum amount of times to retry, minTimeout and factor the time before each; an aborted signal ends it at once',
  leftovers: 'fail',
  async run(sim, { default: pRetry }) {
    const retries = sim.pick('retries', [0, 1, 3]);
    const failures = sim.pick('failures', upTo(5));
    const abort = new AbortController();
    const abortedAt = sim.pick('abort at', [Infinity, 0, 10, 25, 35, 100]);
    if (abortedAt < Infinity) setTimeout(() => abort.abort(new Error('aborted')), abortedAt);
    const starts: number[] = [];
    const began = performance.now();
    let settledAt = 0;
    const end = await outcome(
      pRetry(
        async (number) => {
          starts.push(performance.now());
          await pauses(sim, 'work', [0, 5, 20]);
          if (number <= failures) throw new Error(`attempt ${number} failed`);
        },
        { retries, minTimeout: 10, factor: 2, signal: abort.signal },
      ),
    );
    settledAt = performance.now() - began;
    const startedBefore = starts.length;
    await passes(200);
    sim.check(starts.length === startedBefore, 'it was tried again after the promise had settled');
    sim.check(starts.length <= retries + 1, `retries ${retries}: tried ${starts.length} times`);
    if (end instanceof Error && end.message !== 'aborted') {
      sim.check(starts.length === retries + 1, `gave up after ${starts.length} attempts of ${retries + 1}`);
    }
    if (end === 'resolved') sim.check(failures <= retries, 'resolved, though each attempt failed');
    sim.check(settledAt <= abortedAt + 20, `aborted at ${abortedAt} ms, and settled at ${settledAt} ms`);
    starts.slice(1).forEach((start, index) => {
      const least = 10 * 2 ** index;
      const gap = start - (starts[index] ?? 0);
      sim.check(
        gap >= least - 1,
        `retry ${index + 1} came ${gap} ms after the attempt before, expected ${least} ms`,
      );
    });
  },
});

export const pRetryTime: ForeignScenario = promised<PRetry>({
  package: 'p-retry',
  name: 'p-retry-max-time',
  says: 'maxRetryTime is the maximum time that the retried operation is allowed to run, so no attempt begins after it, and some do until it',
  leftovers: 'fail',
  async run(sim, { default: pRetry }) {
    const maxRetryTime = sim.pick('time', [50, 100]);
    const starts: number[] = [];
    const began = performance.now();
    let failed = 0;
    await outcome(
      pRetry(
        async () => {
          const start = performance.now() - began;
          const waited = start - failed;
          const delay = 10 * 2 ** (starts.length - 1);
          sim.check(
            starts.length === 0 || (waited <= delay + 1 && waited >= Math.min(delay, maxRetryTime - failed)),
            `attempt ${starts.length} began ${waited} ms after the last had failed, expected ${delay}`,
          );
          starts.push(start);
          await pauses(sim, 'work', [0, 5, 20, 49]);
          failed = performance.now() - began;
          throw new Error('failed');
        },
        { retries: 20, minTimeout: 10, factor: 2, maxRetryTime },
      ),
    );
    const last = starts.at(-1) ?? 0;
    sim.check(last <= maxRetryTime, `maxRetryTime ${maxRetryTime}: an attempt began at ${last} ms`);
    sim.check(
      failed >= maxRetryTime,
      `maxRetryTime ${maxRetryTime}, 20 retries: it ended at ${failed} ms, after ${starts.length} attempts`,
    );
  },
});

interface Retry {
  readonly default: RetryModule;
}
interface RetryModule {
  operation(options: {
    retries: number;
    minTimeout: number;
    factor: number;
    randomize?: boolean;
    maxTimeout?: number;
    maxRetryTime?: number;
  }): {
    attempt(run: (number: number) => void): void;
    retry(error?: Error): boolean;
    mainError(): Error | null;
  };
  timeouts(options: {
    retries: number;
    minTimeout: number;
    factor: number;
    maxTimeout: number;
    randomize: boolean;
  }): number[];
}

export const retryTimes: ForeignScenario = promised<Retry>({
  package: 'retry',
  name: 'retry-times',
  says: 'retry returns false when the maximum amount of retries is reached; each timeout is minTimeout × factor^attempt, randomized between 1 and 2, up to maxTimeout',
  leftovers: 'fail',
  async run(sim, { default: retry }) {
    const retries = sim.pick('retries', [1, 2, 4]);
    const options = { retries, minTimeout: 10, factor: 2, maxTimeout: 50, randomize: true };
    const starts: number[] = [];
    const ends: number[] = [];
    const retried = retry.operation(options);
    await new Promise<void>((resolve) => {
      retried.attempt(() => {
        starts.push(performance.now());
        void pauses(sim, 'work', [0, 5]).then(() => {
          ends.push(performance.now());
          if (!retried.retry(new Error('failed'))) resolve();
        });
      });
    });
    sim.check(starts.length === retries + 1, `retries ${retries}: tried ${starts.length} times`);
    const waits = starts.slice(1).map((start, index) => start - (ends[index] ?? 0));
    const made = retry.timeouts(options);
    [...made.entries(), ...waits.entries()].forEach(([index, timeout]) => {
      const [least, most] = [Math.min(50, 10 * 2 ** index), Math.min(50, 20 * 2 ** index)];
      sim.check(
        timeout >= least && timeout <= most + 1,
        `timeout ${index}: expected ${least} to ${most} ms, got ${timeout}`,
      );
    });
    sim.check(made.length === retries, `retries ${retries}: ${made.length} timeouts`);
  },
});

interface AsyncRetry {
  readonly default: (
    attempt: (bail: (error: Error) => void, number: number) => unknown,
    options: {
      retries: number;
      minTimeout: number;
      factor?: number;
      randomize?: boolean;
      onRetry?: (error: Error) => void;
    },
  ) => Promise<unknown>;
}

export const asyncRetryBail: ForeignScenario = promised<AsyncRetry>({
  package: 'async-retry',
  name: 'async-retry-bail',
  says: 'bail aborts the retrying: the promise rejects with its error and nothing is tried again',
  leftovers: 'fail',
  async run(sim, { default: retry }) {
    const retries = sim.pick('retries', [1, 3]);
    const bailAt = sim.choose('bail at', 5, (attempt) =>
      attempt === 0 ? 'no attempt' : `attempt ${attempt}`,
    );
    let attempts = 0;
    const end = await outcome(
      retry(
        async (bail, number) => {
          attempts += 1;
          await pauses(sim, 'work', [0, 5]);
          if (number === bailAt) {
            bail(new Error('bailed'));
            return;
          }
          throw new Error(`attempt ${number} failed`);
        },
        { retries, minTimeout: 10 },
      ),
    );
    await passes(500);
    const expected = bailAt >= 1 && bailAt <= retries + 1 ? bailAt : retries + 1;
    const message = expected === bailAt ? 'bailed' : `attempt ${expected} failed`;
    sim.check(
      end instanceof Error && end.message === message,
      `expected it to reject with "${message}": ${String(end)}`,
    );
    sim.check(attempts === expected, `expected ${expected} attempts, got ${attempts}`);
  },
});

interface ExponentialBackoff {
  backOff(
    request: () => Promise<unknown>,
    options: {
      numOfAttempts: number;
      startingDelay: number;
      timeMultiple: number;
      maxDelay?: number;
      delayFirstAttempt?: boolean;
      jitter?: 'none' | 'full';
      retry?: (error: unknown, number: number) => boolean;
    },
  ): Promise<unknown>;
}

export const exponentialBackoffDelays: ForeignScenario = promised<ExponentialBackoff>({
  package: 'exponential-backoff',
  name: 'exponential-backoff-delays',
  says: 'startingDelay is multiplied by timeMultiple between reattempts, up to maxDelay; at most numOfAttempts; full jitter stays below it',
  leftovers: 'fail',
  async run(sim, { backOff }) {
    const numOfAttempts = sim.pick('attempts', [1, 2, 5]);
    const jitter = sim.pick('jitter', ['none', 'full'] as const);
    const delayFirstAttempt = rarely(sim, 'first delayed', 2);
    const times: [start: number, end: number][] = [];
    await outcome(
      backOff(
        async () => {
          const start = performance.now();
          await pauses(sim, 'work', [0, 5]);
          times.push([start, performance.now()]);
          throw new Error('failed');
        },
        { numOfAttempts, startingDelay: 10, timeMultiple: 2, maxDelay: 50, jitter, delayFirstAttempt },
      ),
    );
    sim.check(times.length === numOfAttempts, `expected ${numOfAttempts} attempts, got ${times.length}`);
    times.forEach(([start], index) => {
      if (index === 0) return;
      const gap = start - (times[index - 1]?.[1] ?? 0);
      const delay = Math.min(50, 10 * 2 ** (index - 1 + (delayFirstAttempt ? 1 : 0)));
      sim.check(
        gap <= delay + 1,
        `before reattempt ${index} it waited for ${gap} ms, expected at most ${delay}`,
      );
      if (jitter === 'none') {
        sim.check(gap >= delay, `before reattempt ${index} it waited for ${gap} ms, expected ${delay}`);
      }
    });
  },
});

interface PTimeout {
  readonly default: (
    promise: Promise<unknown>,
    options: { milliseconds: number },
  ) => Promise<unknown> & { clear(): void };
  readonly TimeoutError: new () => Error;
}

export const pTimeoutRejects: ForeignScenario = promised<PTimeout>({
  package: 'p-timeout',
  name: 'p-timeout-rejects',
  says: 'rejects with a TimeoutError after the specified amount of time, and leaves no timer once settled',
  leftovers: 'fail',
  async run(sim, { default: pTimeout, TimeoutError }) {
    const work = sim.pick('work', [0, 10, 49, 51, 100]);
    const began = performance.now();
    const end = await outcome(pTimeout(passes(work), { milliseconds: 50 }));
    const took = performance.now() - began;
    sim.check(end instanceof TimeoutError === work > 50, `${work} ms of work, 50 ms allowed: ${String(end)}`);
    sim.check(took <= 50, `it took ${took} ms, expected 50 at most`);
    await passes(work + 1);
  },
});

interface PWaitFor {
  readonly default: (
    condition: () => Promise<boolean>,
    options: { interval: number; timeout: number; before?: boolean },
  ) => Promise<unknown>;
}

export const pWaitForStops: ForeignScenario = promised<PWaitFor>({
  package: 'p-wait-for',
  name: 'p-wait-for-stops',
  judged: { judgement: 'bug', of: /^timeout 60: it settled at \d+ ms$/ },
  says: 'waits interval after the condition was false before calling it again; rejects after timeout, and calls it no more',
  leftovers: 'fail',
  async run(sim, { default: pWaitFor }) {
    const interval = sim.pick('interval', [5, 10, 50]);
    const trueAt = sim.pick('true at', [0, 20, 59, 61, 1000]);
    let calls = 0;
    const began = performance.now();
    const end = await outcome(
      pWaitFor(
        async () => {
          calls += 1;
          await pauses(sim, 'work', [0, 5, 20]);
          return performance.now() - began >= trueAt;
        },
        { interval, timeout: 60 },
      ),
    );
    const at = performance.now() - began;
    const before = calls;
    sim.check(at <= 60, `timeout 60: it settled at ${at} ms`);
    sim.check(end !== 'resolved' || trueAt <= at, `true at ${trueAt} ms, and resolved at ${at} ms`);
    await passes(200);
    sim.check(calls === before, `it had settled, and the condition was called ${calls - before} times more`);
  },
});

interface Breaker {
  fire(...args: unknown[]): Promise<unknown>;
  shutdown(): void;
  readonly opened: boolean;
  readonly halfOpen: boolean;
  readonly closed: boolean;
}
interface Opossum {
  readonly default: new (
    action: (...args: unknown[]) => Promise<unknown>,
    options: {
      timeout?: number | false;
      errorThresholdPercentage?: number;
      resetTimeout?: number;
      capacity?: number;
      rollingCountTimeout?: number;
      enableSnapshots?: boolean;
    },
  ) => Breaker;
}

export const opossumHalfOpen: ForeignScenario = promised<Opossum>({
  package: 'opossum',
  name: 'opossum-half-open',
  says: 'an open circuit rejects without executing; after resetTimeout it is half open, and the next execution alone decides whether it closes',
  leftovers: 'fail',
  async run(sim, { default: CircuitBreaker }) {
    let failing = true;
    let isProbeRunning = false;
    const executed: { at: number; isHalfOpen: boolean; isBesideProbe: boolean }[] = [];
    const breaker: Breaker = new CircuitBreaker(
      async (ms) => {
        const isProbe = executed.length === 0;
        executed.push({
          ...{ at: performance.now(), isHalfOpen: breaker.halfOpen, isBesideProbe: isProbeRunning },
        });
        if (isProbe) isProbeRunning = true;
        try {
          if (Number(ms) > 0) await passes(Number(ms));
          if (failing) throw new Error('failed');
        } finally {
          if (isProbe) isProbeRunning = false;
        }
      },
      { timeout: false, errorThresholdPercentage: 50, resetTimeout: 100 },
    );
    await outcome(breaker.fire(0));
    sim.check(breaker.opened, 'expected it to be open after a failure');
    const openedAt = performance.now();
    executed.length = 0;
    failing = rarely(sim, 'still failing', 2);
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 5; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 50, 99, 100, 101]);
      const wasOpen = breaker.opened && !breaker.halfOpen;
      const before = executed.length;
      calls.push(outcome(breaker.fire(sim.pick('work', [0, 10, 60]))));
      sim.check(!wasOpen || executed.length === before, 'it was open, and executed');
    }
    await Promise.all(calls);
    const early = executed.find(({ at }) => at < openedAt + 100);
    sim.check(early === undefined, `opened at ${openedAt} ms for 100 ms, and executed at ${early?.at} ms`);
    if (executed.length === 0) {
      await passes(Math.max(1, openedAt + 101 - performance.now()));
      sim.check(breaker.halfOpen, `opened at ${openedAt} ms for 100 ms, and not half open`);
      await outcome(breaker.fire(0));
    }
    const [probe, ...others] = executed;
    sim.check(probe !== undefined, `opened at ${openedAt} ms for 100 ms, and never executed again`);
    sim.check(probe?.isHalfOpen === true, 'expected it to be half open when it executes again');
    sim.check(!others.some(({ isBesideProbe }) => isBesideProbe), 'expected the first execution to be alone');
    sim.check(
      breaker.closed === !failing,
      `${failing ? 'the probe' : 'no call'} failed, and it is ${breaker.closed ? '' : 'not '}closed`,
    );
    breaker.shutdown();
  },
});

export const opossumProbe: ForeignScenario = promised<Opossum>({
  package: 'opossum',
  name: 'opossum-one-probe',
  says: 'in the half open state the next execution is a probe; meanwhile other calls are rejected',
  leftovers: 'fail',
  async run(sim, { default: CircuitBreaker }) {
    let failing = true;
    const crowd = new Crowd();
    const breaker = new CircuitBreaker(
      (ms) =>
        crowd.inside(async () => {
          if (Number(ms) > 0) await passes(Number(ms));
          if (failing) throw new Error('failed');
        }),
      { timeout: false, errorThresholdPercentage: 50, resetTimeout: 100 },
    );
    await outcome(breaker.fire(0));
    failing = false;
    await passes(101);
    crowd.most = 0;
    await Promise.all([
      outcome(breaker.fire(20)),
      outcome(breaker.fire(sim.pick('work', [0, 10]))),
      settled(),
    ]);
    sim.check(crowd.most === 1, `half open: ${crowd.most} executions at once, expected one probe`);
    breaker.shutdown();
  },
});

export const opossumTimeout: ForeignScenario = promised<Opossum>({
  package: 'opossum',
  name: 'opossum-timeout',
  says: 'an action that takes longer than timeout fails with ETIMEDOUT',
  leftovers: 'fail',
  async run(sim, { default: CircuitBreaker }) {
    const breaker = new CircuitBreaker((ms) => (Number(ms) > 0 ? passes(Number(ms)) : Promise.resolve()), {
      ...{ timeout: 50, errorThresholdPercentage: 100 },
    });
    const calls: Promise<void>[] = [];
    for (let count = 0; count < 5; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 40]);
      const ms = sim.pick('work', [0, 10, 49, 51]);
      const began = performance.now();
      const ended = (end: 'resolved' | Error): void => {
        const took = performance.now() - began;
        sim.check(took <= 50, `timeout 50: a call settled after ${took} ms`);
        const isAsSaid = ms < 50 ? end === 'resolved' : codeOf(end) === 'ETIMEDOUT';
        sim.check(isAsSaid, `timeout 50: a call of ${ms} ms ended with ${String(end)}`);
      };
      calls.push(outcome(breaker.fire(ms)).then(ended));
    }
    await Promise.all(calls);
    await passes(100);
    breaker.shutdown();
  },
});

function codeOf(end: 'resolved' | Error): unknown {
  return end === 'resolved' ? undefined : (end as Error & { readonly code?: unknown }).code;
}

function capacityScenario(name: string, says: string, countsActions: boolean): ForeignScenario {
  return promised<Opossum>({
    package: 'opossum',
    name,
    says,
    ...(countsActions ? { judged: { judgement: 'known', of: /^capacity \d: \d at once$/ } } : {}),
    leftovers: 'fail',
    async run(sim, { default: CircuitBreaker }) {
      const capacity = sim.pick('capacity', [1, 2, 3]);
      const crowd = new Crowd();
      const breaker = new CircuitBreaker(
        (ms) => crowd.inside(() => (Number(ms) > 0 ? passes(Number(ms)) : undefined)),
        { timeout: 50, errorThresholdPercentage: 100, capacity },
      );
      let open = 0;
      const calls: Promise<void>[] = [];
      for (let count = 0; count < 6; count += 1) {
        await pauses(sim, 'arrival', [0, 10, 40]);
        await settled();
        const isFull = open === capacity;
        const at = performance.now();
        if (!isFull) open += 1;
        const ended = (end: 'resolved' | Error): void => {
          if (!isFull) open -= 1;
          const isRefused = codeOf(end) === 'ESEMLOCKED';
          sim.check(
            isRefused === isFull,
            `capacity ${capacity}, ${isFull ? 'all' : 'not all'} of it in use at ${at} ms: the call ended with ${String(end)}`,
          );
        };
        calls.push(outcome(breaker.fire(sim.pick('work', [0, 10, 49, 51, 80]))).then(ended));
      }
      await Promise.all(calls);
      await passes(100);
      breaker.shutdown();
      sim.check(!countsActions || crowd.most <= capacity, `capacity ${capacity}: ${crowd.most} at once`);
    },
  });
}

export const opossumCapacity: ForeignScenario = capacityScenario(
  'opossum-capacity',
  'capacity is the number of concurrent requests that are allowed; others are rejected with ESEMLOCKED',
  false,
);

export const opossumActions: ForeignScenario = capacityScenario(
  'opossum-capacity-of-actions',
  'while as many function calls execute as capacity says, others are rejected, also while those that have timed out go on',
  true,
);

interface Policy {
  execute(
    action: (context: { signal: AbortSignal }) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<unknown>;
}
interface Cockatiel {
  readonly handleAll: object;
  readonly ConsecutiveBreaker: new (threshold: number) => object;
  readonly ConstantBackoff: new (ms: number) => object;
  readonly TimeoutStrategy: { readonly Aggressive: 'aggressive' };
  circuitBreaker(
    policy: object,
    options: { halfOpenAfter: number; breaker: object },
  ): Policy & { readonly state: number };
  bulkhead(
    limit: number,
    queue?: number,
  ): Policy & { readonly executionSlots: number; readonly queueSlots: number };
  retry(policy: object, options: { maxAttempts: number; backoff: object }): Policy;
  timeout(ms: number, strategy: 'aggressive'): Policy;
}

export const cockatielHalfOpen: ForeignScenario = promised<Cockatiel>({
  package: 'cockatiel',
  name: 'cockatiel-half-open',
  says: 'breaks after so many consecutive failures; after halfOpenAfter one test call runs, others wait for how it ends',
  leftovers: 'fail',
  async run(sim, { circuitBreaker, handleAll, ConsecutiveBreaker }) {
    const threshold = sim.pick('threshold', [1, 2]);
    const breaker = circuitBreaker(handleAll, {
      halfOpenAfter: 100,
      breaker: new ConsecutiveBreaker(threshold),
    });
    let failing = true;
    let ran = 0;
    const probe = { isDone: false };
    const crowd = new Crowd();
    const action = (ms: number) => (): Promise<unknown> => {
      ran += 1;
      return crowd.inside(async () => {
        if (ms > 0) await passes(ms);
        if (failing) throw new Error('failed');
        probe.isDone = true;
      });
    };
    for (let count = 0; count < threshold; count += 1) await outcome(breaker.execute(action(0)));
    const brokenAt = performance.now();
    ran = 0;
    crowd.most = 0;
    failing = rarely(sim, 'still failing', 2);
    const calls: Promise<unknown>[] = [];
    let besideProbe = 0;
    for (let count = 0; count < 5; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 50, 99, 100, 101]);
      const isEarly = performance.now() < brokenAt + 100;
      calls.push(outcome(breaker.execute(action(sim.pick('work', [0, 10, 60])))));
      await settled();
      sim.check(!isEarly || ran === 0, 'it was open, and executed');
      if (!probe.isDone) besideProbe = Math.max(besideProbe, crowd.now);
    }
    await Promise.all(calls);
    if (ran === 0) {
      await passes(Math.max(1, brokenAt + 101 - performance.now()));
      await outcome(breaker.execute(action(0)));
    }
    sim.check(ran > 0, `broken at ${brokenAt} ms, half open after 100 ms, and nothing ran`);
    const runs = ran;
    const end = await outcome(breaker.execute(action(0)));
    sim.check(
      failing || (end === 'resolved' && ran === runs + 1),
      `the test call succeeded, and the next one did not run: ${String(end)}`,
    );
    sim.check(besideProbe <= 1, `half open: ${besideProbe} executions at once, expected one test call`);
  },
});

export const cockatielBulkhead: ForeignScenario = promised<Cockatiel>({
  package: 'cockatiel',
  name: 'cockatiel-bulkhead',
  judged: { judgement: 'known', of: /^Deadlock: |places of 2 in the queue are free$/ },
  says: 'limits the number of concurrent calls and those that are queued; slots come back, also those of aborted calls',
  leftovers: 'fail',
  async run(sim, { bulkhead }) {
    const limit = sim.pick('limit', [1, 2]);
    const policy = bulkhead(limit, 2);
    const crowd = new Crowd();
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 10]);
      const ms = sim.pick('work', [0, 5, 20]);
      const abort = new AbortController();
      const abortAfter = sim.pick('abort after', [0, 1, 5, 20]);
      if (abortAfter > 0) setTimeout(() => abort.abort(), abortAfter);
      const work = (): Promise<unknown> => crowd.inside(() => (ms === 0 ? undefined : passes(ms)));
      calls.push(outcome(policy.execute(work, abort.signal)));
    }
    await Promise.all(calls);
    await passes(100);
    sim.check(crowd.most <= limit, `limit ${limit}: ${crowd.most} at once`);
    sim.check(
      policy.executionSlots === limit,
      `all have ended: ${policy.executionSlots} slots of ${limit} are free`,
    );
    sim.check(
      policy.queueSlots === 2,
      `all have ended: ${policy.queueSlots} places of 2 in the queue are free`,
    );
  },
});

export const cockatielRetry: ForeignScenario = promised<Cockatiel>({
  package: 'cockatiel',
  name: 'cockatiel-retry',
  says: 'retry makes up to maxAttempts retries with the backoff between them; an aggressive timeout rejects after so long',
  leftovers: 'fail',
  async run(sim, { retry, timeout, handleAll, ConstantBackoff, TimeoutStrategy }) {
    const maxAttempts = sim.pick('attempts', [1, 3]);
    const failures = sim.pick('failures', upTo(5));
    let calls = 0;
    const policy = retry(handleAll, { maxAttempts, backoff: new ConstantBackoff(20) });
    const end = await outcome(
      policy.execute(async () => {
        calls += 1;
        await pauses(sim, 'work', [0, 5]);
        if (calls <= failures) throw new Error('failed');
      }),
    );
    sim.check(
      (end === 'resolved') === failures <= maxAttempts,
      `${failures} failures, ${maxAttempts} retries: ${String(end)}`,
    );
    sim.check(
      calls === Math.min(failures, maxAttempts) + 1,
      `${failures} failures, ${maxAttempts} retries: ${calls} calls`,
    );
    const work = sim.pick('work', [0, 29, 31]);
    const began = performance.now();
    const limited = await outcome(timeout(30, TimeoutStrategy.Aggressive).execute(() => passes(work)));
    sim.check((limited === 'resolved') === work < 30, `${work} ms of work, 30 allowed: ${String(limited)}`);
    sim.check(performance.now() - began <= 30, 'expected it to settle after 30 ms at most');
    await passes(50);
  },
});
