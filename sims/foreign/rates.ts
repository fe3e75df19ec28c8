/** Packages that limit how often something happens. Times are taken from the clock that no fault of `Date` moves. */
import {
  Crowd,
  mostWithin,
  outcome,
  passes,
  pauses,
  promised,
  upTo,
  type ForeignScenario,
} from './promised.ts';

type Throttled = () => Promise<unknown>;
interface PThrottle {
  readonly default: (options: {
    limit: number;
    interval: number;
    strict?: boolean;
    weight?: (cost: number) => number;
  }) => <A extends unknown[]>(task: (...args: A) => unknown) => (...args: A) => Promise<unknown>;
}

/** Calls `throttled` at drawn times, and says when each call was let through. */
function throttleScenario(name: string, says: string, strict: boolean, factor: number): ForeignScenario {
  return promised<PThrottle>({
    package: 'p-throttle',
    name,
    says,
    leftovers: 'fail',
    async run(sim, { default: pThrottle }) {
      const limit = sim.pick('limit', [1, 2, 3]);
      const times: number[] = [];
      const throttled = pThrottle({ limit, interval: 100, strict })(() => times.push(performance.now()));
      const calls: Promise<unknown>[] = [];
      for (let count = 0; count < 10; count += 1) {
        await pauses(sim, 'arrival', [0, 10, 50, 99, 100, 101, 150, 350]);
        calls.push(throttled());
      }
      await Promise.all(calls);
      const most = mostWithin(times, 100);
      sim.check(most <= factor * limit, `limit ${limit} per 100 ms: ${most} calls within 100 ms`);
      sim.check(times.length === 10, `10 calls, and ${times.length} were let through`);
    },
  });
}

export const pThrottleStrict: ForeignScenario = throttleScenario(
  'p-throttle-strict',
  'the strict algorithm throttles each call individually, ensuring the limit is not exceeded for any interval',
  true,
  1,
);

export const pThrottleWindow: ForeignScenario = throttleScenario(
  'p-throttle-window',
  'the windowed algorithm limits the calls per interval window, so that two windows meet in any interval at most; calls are queued',
  false,
  2,
);

export const pThrottleWeight: ForeignScenario = promised<PThrottle>({
  package: 'p-throttle',
  name: 'p-throttle-weight',
  says: 'weight determines how much of the limit is consumed by each call; strict: the limit is not exceeded for any interval',
  leftovers: 'fail',
  async run(sim, { default: pThrottle }) {
    const limit = 5;
    const times: number[] = [];
    const throttled = pThrottle({ limit, interval: 100, strict: true, weight: (cost) => cost })((
      cost: number,
    ) => {
      for (let count = 0; count < cost; count += 1) times.push(performance.now());
    });
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 50, 99, 100, 101, 150]);
      calls.push(throttled(sim.pick('weight', [1, 2, 3, 5])));
    }
    await Promise.all(calls);
    times.sort((one, other) => one - other);
    const most = mostWithin(times, 100);
    sim.check(most <= limit, `limit ${limit} per 100 ms: a weight of ${most} within 100 ms`);
  },
});

interface LimiterPackage {
  readonly RateLimiter: new (options: {
    tokensPerInterval: number;
    interval: number;
    fireImmediately?: boolean;
  }) => {
    removeTokens(count: number): Promise<number>;
    tryRemoveTokens(count: number): boolean;
    getWaitTime(count: number): number;
  };
}

export const limiterOrder: ForeignScenario = promised<LimiterPackage>({
  package: 'limiter',
  name: 'limiter-interval',
  says: 'a maximum token count per interval, not a rolling window, so twice as many at a boundary; FIFO; what getWaitTime says is enough',
  leftovers: 'fail',
  async run(sim, { RateLimiter }) {
    const tokens = sim.pick('tokens', [1, 2, 3]);
    const limiter = new RateLimiter({ tokensPerInterval: tokens, interval: 100 });
    const times: number[] = [];
    const order: number[] = [];
    const calls: Promise<unknown>[] = [];
    for (const index of upTo(8)) {
      await pauses(sim, 'arrival', [0, 10, 50, 99, 100, 101, 150]);
      calls.push(
        limiter.removeTokens(1).then(() => {
          times.push(performance.now());
          order.push(index);
        }),
      );
    }
    await Promise.all(calls);
    const most = mostWithin(times, 100);
    sim.check(most <= 2 * tokens, `${tokens} tokens per 100 ms: ${most} were removed within 100 ms`);
    sim.check(order.join() === upTo(8).join(), `expected first in first out, got ${order.join()}`);
    while (limiter.tryRemoveTokens(1));
    await passes(Math.max(1, Math.ceil(limiter.getWaitTime(1))));
    sim.check(limiter.tryRemoveTokens(1), 'expected a token after the time of getWaitTime');
  },
});

interface SemaPackage {
  readonly default: {
    RateLimit(rps: number, options: { timeUnit: number; uniformDistribution?: boolean }): Throttled;
  };
  readonly RateLimit: (
    rps: number,
    options: { timeUnit: number; uniformDistribution?: boolean },
  ) => Throttled;
}

export const asyncSemaRate: ForeignScenario = promised<SemaPackage>({
  package: 'async-sema',
  name: 'async-sema-rate',
  says: 'RateLimit blocks whenever the rate limit is hit and resolves once the call rate is within the limit',
  leftovers: 'fail',
  async run(sim, { RateLimit }) {
    const rps = sim.pick('rps', [1, 2, 3]);
    const limit = RateLimit(rps, { timeUnit: 100 });
    const times: number[] = [];
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 50, 99, 100, 101]);
      calls.push(limit().then(() => times.push(performance.now())));
    }
    await Promise.all(calls);
    const most = mostWithin(times, 100);
    sim.check(most <= rps, `${rps} per 100 ms: ${most} within 100 ms`);
    await passes(200);
  },
});

interface FlexiblePackage {
  readonly RateLimiterMemory: new (options: {
    points: number;
    duration: number;
    blockDuration?: number;
    execEvenly?: boolean;
  }) => Flexible;
  readonly RateLimiterQueue: new (limiter: Flexible) => { removeTokens(tokens: number): Promise<number> };
}
interface Flexible {
  consume(
    key: string,
    points?: number,
  ): Promise<{ readonly remainingPoints: number; readonly msBeforeNext: number }>;
  get(key: string): Promise<{ readonly remainingPoints: number; readonly msBeforeNext: number } | null>;
}

export const rateLimiterFlexibleMemory: ForeignScenario = promised<FlexiblePackage>({
  package: 'rate-limiter-flexible',
  name: 'rate-limiter-flexible-memory',
  says: 'no more than points per duration, counted from the first; blockDuration blocks for so long; msBeforeNext is when one may come again',
  async run(sim, { RateLimiterMemory }) {
    const points = sim.pick('points', [1, 2, 3]);
    const blockDuration = sim.pick('block', [0, 2]);
    const limiter = new RateLimiterMemory({ points, duration: 1, blockDuration });
    const times: number[] = [];
    let blockedUntil = 0;
    for (let count = 0; count < 12; count += 1) {
      await pauses(sim, 'arrival', [0, 100, 500, 999, 1000, 1001]);
      const now = performance.now();
      const result = await limiter.consume('key').then(
        () => 'passed' as const,
        (rejected: { msBeforeNext: number }) => rejected.msBeforeNext,
      );
      if (result === 'passed') {
        sim.check(now >= blockedUntil, `blocked until ${blockedUntil} ms, and let through at ${now} ms`);
        times.push(now);
      } else {
        if (blockDuration > 0 && blockedUntil <= now) blockedUntil = now + blockDuration * 1000;
        sim.check(result > 0, `rejected for ${result} ms`);
      }
    }
    const most = mostWithin(times, 1000);
    sim.check(most <= 2 * points, `${points} points a second: ${most} within a second`);
  },
});

export const rateLimiterFlexibleQueue: ForeignScenario = promised<FlexiblePackage>({
  package: 'rate-limiter-flexible',
  name: 'rate-limiter-flexible-queue',
  judged: { judgement: 'bug', of: /^expected first in first out, got / },
  says: 'RateLimiterQueue is a rate limiter with a FIFO queue: requests wait and are let through in order, none is lost',
  async run(sim, { RateLimiterMemory, RateLimiterQueue }) {
    const points = sim.pick('points', [1, 2, 3]);
    const queue = new RateLimiterQueue(new RateLimiterMemory({ points, duration: 1 }));
    const times: number[] = [];
    const order: number[] = [];
    const calls: Promise<unknown>[] = [];
    for (const index of upTo(7)) {
      await pauses(sim, 'arrival', [0, 100, 500, 999, 1000, 1001]);
      calls.push(
        queue.removeTokens(1).then(() => {
          times.push(performance.now());
          order.push(index);
        }),
      );
    }
    await Promise.all(calls);
    sim.check(order.join() === upTo(7).join(), `expected first in first out, got ${order.join()}`);
    const most = mostWithin(times, 1000);
    sim.check(most <= 2 * points, `${points} points a second: ${most} within a second`);
  },
});

interface Bottleneck {
  readonly default: new (options: {
    maxConcurrent?: number;
    minTime?: number;
    reservoir?: number;
    reservoirRefreshAmount?: number;
    reservoirRefreshInterval?: number;
  }) => {
    schedule(
      options: { priority?: number; expiration?: number },
      task: () => Promise<unknown>,
    ): Promise<unknown>;
    disconnect(): Promise<void>;
    stop(options: { dropWaitingJobs: boolean }): Promise<void>;
  };
}

export const bottleneckMinTime: ForeignScenario = promised<Bottleneck>({
  package: 'bottleneck',
  name: 'bottleneck-min-time',
  says: 'minTime is how long to wait after launching a job before launching another one, maxConcurrent how many run at the same time',
  async run(sim, { default: Limiter }) {
    const maxConcurrent = sim.pick('concurrent', [1, 2, 3]);
    const minTime = sim.pick('minimum', [0, 10, 100]);
    const limiter = new Limiter({ maxConcurrent, minTime });
    const crowd = new Crowd();
    const starts: number[] = [];
    const jobs: Promise<unknown>[] = [];
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 9, 10, 99, 100]);
      const ms = sim.pick('work', [0, 5, 10, 120]);
      const job = (): Promise<unknown> => {
        starts.push(performance.now());
        return crowd.inside(() => (ms === 0 ? undefined : passes(ms)));
      };
      jobs.push(limiter.schedule({ priority: sim.pick('priority', [5, 1, 9]) }, job));
    }
    await Promise.all(jobs);
    sim.check(crowd.most <= maxConcurrent, `expected at most ${maxConcurrent} at once, got ${crowd.most}`);
    const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
    const least = Math.min(...gaps);
    sim.check(least >= minTime - 1, `minTime ${minTime}: two jobs were launched ${least} ms apart`);
    await limiter.disconnect();
  },
});

export const bottleneckReservoir: ForeignScenario = promised<Bottleneck>({
  package: 'bottleneck',
  name: 'bottleneck-reservoir',
  says: 'reservoir is how many jobs can be executed before the limiter stops; it is set to the refresh amount every refresh interval',
  async run(sim, { default: Limiter }) {
    const reservoir = sim.pick('reservoir', [1, 2, 3]);
    const interval = 250;
    const limiter = new Limiter({
      reservoir,
      reservoirRefreshAmount: reservoir,
      reservoirRefreshInterval: interval,
    });
    const starts: number[] = [];
    const jobs: Promise<unknown>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 249, 250, 251, 500]);
      jobs.push(limiter.schedule({}, async () => void starts.push(performance.now())));
    }
    await Promise.all(jobs);
    const most = mostWithin(starts, interval);
    sim.check(
      most <= 2 * reservoir,
      `reservoir ${reservoir} per ${interval} ms: ${most} started within that`,
    );
    await limiter.disconnect();
  },
});

export const bottleneckExpiration: ForeignScenario = promised<Bottleneck>({
  package: 'bottleneck',
  name: 'bottleneck-expiration',
  says: 'a job that takes longer than its expiration fails with a BottleneckError, and its place is free again',
  async run(sim, { default: Limiter }) {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const works = upTo(4).map(() => sim.pick('work', [0, 10, 45, 55, 100]));
    const ends = await Promise.all(
      works.map((ms) =>
        outcome(limiter.schedule({ expiration: 50 }, async () => (ms === 0 ? undefined : passes(ms)))),
      ),
    );
    ends.forEach((end, index) => {
      const ms = works[index] ?? 0;
      sim.check(
        (end === 'resolved') === ms < 50,
        `a job of ${ms} ms that expires after 50 ms: ${String(end)}`,
      );
    });
    const next = await outcome(limiter.schedule({}, async () => undefined));
    sim.check(next === 'resolved', `expected the next job to run, got ${String(next)}`);
    await limiter.disconnect();
  },
});
