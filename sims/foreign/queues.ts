/** Packages that run tasks side by side, up to a limit: each task once, no more at a time than was said, and none forgotten. */
import {
  Crowd,
  mostWithin,
  outcome,
  passes,
  pauses,
  promised,
  settled,
  upTo,
  type ForeignScenario,
  type Judged,
} from './promised.ts';
import { rarely } from '../zoo/odds.ts';

type Task<T = unknown> = () => Promise<T> | T;

interface Queue {
  readonly size: number;
  readonly pending: number;
  add(task: Task, options?: { priority?: number; timeout?: number; signal?: AbortSignal }): Promise<unknown>;
  onIdle(): Promise<void>;
  pause(): void;
  start(): void;
}
interface PQueue {
  readonly default: new (options: {
    concurrency?: number;
    interval?: number;
    intervalCap?: number;
    strict?: boolean;
    carryoverIntervalCount?: boolean;
  }) => Queue;
}

export const pQueueConcurrency: ForeignScenario = promised<PQueue>({
  package: 'p-queue',
  name: 'p-queue-concurrency',
  says: 'concurrency limit; onIdle settles when the queue becomes empty and all promises have completed, so size and pending are 0',
  leftovers: 'fail',
  async run(sim, { default: PQueue }) {
    const concurrency = sim.pick('concurrency', [1, 2, 3]);
    const queue = new PQueue({ concurrency });
    const crowd = new Crowd();
    let done = 0;
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 10]);
      const ms = sim.pick('work', [0, 5, 10]);
      const fails = rarely(sim, 'fails', 4);
      const added = queue.add(() =>
        crowd.inside(async () => {
          if (ms > 0) await passes(ms);
          done += 1;
          if (fails) throw new Error('a task failed');
        }),
      );
      added.catch(() => undefined);
    }
    if (rarely(sim, 'pause', 2)) {
      queue.pause();
      await pauses(sim, 'paused', [5, 10]);
      queue.start();
    }
    await queue.onIdle();
    sim.check(
      queue.size === 0 && queue.pending === 0,
      `idle with ${queue.size} queued and ${queue.pending} pending`,
    );
    sim.check(done === 6, `6 tasks were added, ${done} were done when it was idle`);
    sim.check(crowd.most <= concurrency, `expected at most ${concurrency} at once, got ${crowd.most}`);
  },
});

function intervalScenario(
  name: string,
  says: string,
  strict: boolean,
  factor: number,
  judged?: Judged,
): ForeignScenario {
  return promised<PQueue>({
    package: 'p-queue',
    name,
    says,
    ...(judged === undefined ? {} : { judged }),
    async run(sim, { default: PQueue }) {
      const intervalCap = sim.pick('cap', [1, 2, 3]);
      const queue = new PQueue({ intervalCap, interval: 100, strict });
      const starts: number[] = [];
      for (let count = 0; count < 10; count += 1) {
        await pauses(sim, 'arrival', [0, 50, 99, 100, 101, 250]);
        const ms = sim.pick('work', [0, 20, 100, 130]);
        void queue.add(async () => {
          starts.push(performance.now());
          if (ms > 0) await passes(ms);
        });
      }
      await queue.onIdle();
      sim.check(starts.length === 10, `10 tasks were added, ${starts.length} started`);
      const most = mostWithin(starts, 100);
      sim.check(
        most <= factor * intervalCap,
        `intervalCap ${intervalCap}: ${most} tasks started within 100 ms`,
      );
    },
  });
}

export const pQueueIntervalCap: ForeignScenario = intervalScenario(
  'p-queue-interval-cap',
  'intervalCap is the max number of runs in the given interval; a fixed window can burst at a boundary, to twice as many at most',
  false,
  2,
  { judgement: 'bug', of: /^intervalCap \d: \d+ tasks started within 100 ms$/ },
);

export const pQueueStrict: ForeignScenario = intervalScenario(
  'p-queue-strict',
  'strict mode: no more than intervalCap tasks execute in any rolling interval window',
  true,
  1,
);

export const pQueuePriority: ForeignScenario = promised<PQueue>({
  package: 'p-queue',
  name: 'p-queue-priority',
  says: 'operations with greater priority are scheduled first, those of one priority in the order of adding',
  async run(sim, { default: PQueue }) {
    const queue = new PQueue({ concurrency: 1 });
    const order: string[] = [];
    void queue.add(() => passes(10));
    const added = upTo(6).map((index) => ({ index, priority: sim.pick('priority', upTo(3)) }));
    for (const { index, priority } of added) {
      void queue.add(
        async () => {
          order.push(`${priority}.${index}`);
          await passes(1);
        },
        { priority },
      );
    }
    await queue.onIdle();
    const expected = added
      .toSorted((one, other) => other.priority - one.priority || one.index - other.index)
      .map(({ index, priority }) => `${priority}.${index}`);
    sim.check(order.join() === expected.join(), `expected ${expected.join()}, got ${order.join()}`);
  },
});

interface PLimit {
  readonly default: (options: { concurrency: number; rejectOnClear?: boolean }) => {
    (task: Task): Promise<unknown>;
    readonly activeCount: number;
    readonly pendingCount: number;
    concurrency: number;
    clearQueue(): void;
  };
}

export const pLimitConcurrency: ForeignScenario = promised<PLimit>({
  package: 'p-limit',
  name: 'p-limit-concurrency',
  says: 'runs promise-returning functions with limited concurrency, which can be changed; clearQueue discards what is pending and rejects it if asked',
  leftovers: 'fail',
  async run(sim, { default: pLimit }) {
    const first = sim.pick('concurrency', [1, 2, 3]);
    const limit = pLimit({ concurrency: first, rejectOnClear: true });
    const crowd = new Crowd();
    const tasks: Promise<'resolved' | Error>[] = [];
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 10]);
      const ms = sim.pick('work', [0, 5, 10]);
      tasks.push(outcome(limit(() => crowd.inside(() => (ms === 0 ? undefined : passes(ms))))));
    }
    let allowed = first;
    if (rarely(sim, 'change', 2)) {
      const next = sim.pick('concurrency', [1, 2, 3]);
      allowed = Math.max(first, next);
      limit.concurrency = next;
    }
    if (rarely(sim, 'clear', 3)) {
      await settled();
      limit.clearQueue();
      sim.check(limit.pendingCount === 0, `expected nothing pending, got ${limit.pendingCount}`);
    }
    await Promise.all(tasks);
    await settled();
    sim.check(limit.activeCount === 0, `all have settled, and ${limit.activeCount} are active`);
    sim.check(crowd.most <= allowed, `expected at most ${allowed} at once, got ${crowd.most}`);
  },
});

interface FastQueue {
  push(task: number): Promise<unknown>;
  unshift(task: number): Promise<unknown>;
  pause(): void;
  resume(): void;
  idle(): boolean;
  length(): number;
  drained(): Promise<void>;
}
interface FastQ {
  readonly default: { promise(worker: (ms: number) => Promise<unknown>, concurrency: number): FastQueue };
}

export const fastqDrained: ForeignScenario = promised<FastQ>({
  package: 'fastq',
  name: 'fastq-drained',
  says: 'drained() resolves when the queue is empty and all tasks have been processed by the worker, failed ones too',
  leftovers: 'fail',
  async run(sim, { default: fastq }) {
    const concurrency = sim.pick('concurrency', [1, 2, 3]);
    const crowd = new Crowd();
    let done = 0;
    const queue = fastq.promise(
      (ms) =>
        crowd.inside(async () => {
          if (ms > 0) await passes(ms);
          done += 1;
          if (ms === 7) throw new Error('a task failed');
        }),
      concurrency,
    );
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 10]);
      const ms = sim.pick('work', [0, 5, 7, 10]);
      const add = rarely(sim, 'first', 3) ? queue.unshift.bind(queue) : queue.push.bind(queue);
      add(ms).catch(() => undefined);
    }
    if (rarely(sim, 'pause', 3)) {
      queue.pause();
      await pauses(sim, 'paused', [5, 20]);
      queue.resume();
    }
    await queue.drained();
    sim.check(done === 6, `6 tasks were added, ${done} were done when it was drained`);
    sim.check(queue.idle(), 'expected it to be idle');
    sim.check(crowd.most <= concurrency, `expected at most ${concurrency} at once, got ${crowd.most}`);
  },
});

type Done = (error?: Error | null) => void;
interface AsyncQueue {
  push(task: number): Promise<unknown>;
  unshift(task: number): Promise<unknown>;
  drain(handler: () => void): void;
  idle(): boolean;
  length(): number;
  running(): number;
  pause(): void;
  resume(): void;
}
interface AsyncPackage {
  queue(worker: (task: number, done: Done) => void, concurrency: number): AsyncQueue;
  cargo(worker: (tasks: number[], done: Done) => void, payload: number): AsyncQueue;
  retry(
    options: { times: number; interval: (count: number) => number },
    task: (done: Done) => void,
  ): Promise<unknown>;
}

export const asyncQueueDrain: ForeignScenario = promised<AsyncPackage>({
  package: 'async',
  name: 'async-queue-drain',
  says: 'at most concurrency workers run at once; drain is called when the last item has returned from the worker',
  leftovers: 'fail',
  async run(sim, { queue: makeQueue }) {
    const concurrency = sim.pick('concurrency', [1, 2, 3]);
    const crowd = new Crowd();
    let done = 0;
    let drains = 0;
    const queue = makeQueue((ms, callback) => {
      crowd.enter();
      const end = (): void => {
        crowd.leave();
        done += 1;
        callback(ms === 7 ? new Error('a task failed') : null);
      };
      if (ms > 0) setTimeout(end, ms);
      else end();
    }, concurrency);
    queue.drain(() => {
      drains += 1;
      sim.check(queue.idle(), `drained with ${queue.length()} waiting and ${queue.running()} running`);
    });
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 10]);
      const add = rarely(sim, 'first', 3) ? queue.unshift.bind(queue) : queue.push.bind(queue);
      add(sim.pick('work', [0, 5, 7, 10])).catch(() => undefined);
    }
    await passes(200);
    sim.check(done === 6, `6 tasks were added, ${done} were done`);
    sim.check(drains >= 1, 'all tasks have returned, and drain was never called');
    sim.check(crowd.most <= concurrency, `expected at most ${concurrency} at once, got ${crowd.most}`);
  },
});

export const asyncCargo: ForeignScenario = promised<AsyncPackage>({
  package: 'async',
  name: 'async-cargo',
  says: 'a cargo passes an array of up to payload tasks to a single worker; while it works, others accumulate',
  leftovers: 'fail',
  async run(sim, { cargo: makeCargo }) {
    const payload = sim.pick('payload', [1, 2, 3]);
    const crowd = new Crowd();
    const sizes: number[] = [];
    let pushed = 0;
    let worked = 0;
    const cargo = makeCargo((tasks, callback) => {
      crowd.enter();
      sim.check(
        tasks.length === Math.min(payload, pushed - worked),
        `payload ${payload}, ${pushed - worked} waited: a worker got ${tasks.length}`,
      );
      sizes.push(tasks.length);
      worked += tasks.length;
      setTimeout(() => {
        crowd.leave();
        callback();
      }, tasks[0]);
    }, payload);
    for (let count = 0; count < 7; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 10]);
      pushed += 1;
      void cargo.push(sim.pick('work', [1, 5, 10]));
    }
    await passes(200);
    sim.check(worked === 7, `7 tasks were pushed, ${worked} were worked on`);
    sim.check(Math.max(...sizes) <= payload, `payload ${payload}: a worker got ${Math.max(...sizes)} tasks`);
    sim.check(crowd.most === 1, `expected one worker, got ${crowd.most}`);
  },
});

interface PMap {
  readonly default: (
    input: Iterable<number>,
    mapper: (element: number, index: number) => Promise<unknown>,
    options: { concurrency: number; stopOnError?: boolean; signal?: AbortSignal },
  ) => Promise<unknown[]>;
}

export const pMapConcurrency: ForeignScenario = promised<PMap>({
  package: 'p-map',
  name: 'p-map-concurrency',
  says: 'maps over promises with limited concurrency and keeps the order; with stopOnError false all run before it rejects',
  leftovers: 'fail',
  async run(sim, { default: pMap }) {
    const concurrency = sim.pick('concurrency', [1, 2, 3]);
    const crowd = new Crowd();
    const works = upTo(6).map(() => sim.pick('work', [0, 5, 7, 10]));
    let ran = 0;
    const result = await outcome(
      pMap(
        works,
        (ms, index) =>
          crowd.inside(async () => {
            if (ms > 0) await passes(ms);
            ran += 1;
            if (ms === 7) throw new Error('a task failed');
            return index;
          }),
        { concurrency, stopOnError: false },
      ).then((mapped) =>
        sim.check(mapped.join() === '0,1,2,3,4,5', `expected them in order, got ${mapped.join()}`),
      ),
    );
    const fails = works.includes(7);
    sim.check((result !== 'resolved') === fails, fails ? 'expected it to reject' : 'expected it to resolve');
    sim.check(ran === 6, `6 elements, and ${ran} were mapped before it settled`);
    sim.check(crowd.most <= concurrency, `expected at most ${concurrency} at once, got ${crowd.most}`);
  },
});
