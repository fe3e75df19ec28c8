/**
 * The contract of locks and waits as a list of cases: in a simulation, on a node, on the machine, or yours. Invariant:
 * the outcome of a case depends neither on how fast a machine is, nor on the order of simultaneous events.
 */
import type { ChannelOptions } from '../../locks/channel.ts';
import type { ConditionOptions, ConditionWait } from '../../locks/condition.ts';
import type { DeferredOptions } from '../../locks/deferred.ts';
import type { MutexOptions } from '../../locks/mutex.ts';
import type { LockWorld, NotedWait } from '../../locks/noted-wait.ts';
import type { PermitOptions, SemaphoreOptions } from '../../locks/semaphore.ts';
import type { WaitOptions } from '../../locks/wait-line.ts';
import type { TimeoutOptions } from '../../locks/with-timeout.ts';
import { sleep } from '../../kernel/clock.ts';
import { question } from '../../kernel/question.ts';
import type { World } from '../../model/world.ts';
import { createNetwork } from '../../cluster/network.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../check.ts';
import {
  inTime,
  meanwhile,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  type PartTime,
  refusalOf,
  inWords,
  ofOurWords,
} from './part-case.ts';
import { play, type Played, playHolding, simulateHolding } from './played.ts';

/** What an owner holds until it is released. */
export interface HoldUnderTest {
  readonly owner: string;
  readonly permits: number;
  readonly sinceMs: number;
  readonly isHeld: boolean;
  release(): void;
}

/** A mutex. */
export interface MutexUnderTest {
  readonly name: string;
  readonly waiting: number;
  readonly holder: string | undefined;
  acquire(options?: WaitOptions): Promise<HoldUnderTest>;
  tryAcquire(options?: Pick<WaitOptions, 'owner'>): HoldUnderTest | undefined;
  release(options?: Pick<WaitOptions, 'owner'>): void;
  run<T>(task: (hold: HoldUnderTest) => T | Promise<T>, options?: WaitOptions): Promise<T>;
}

/** A semaphore. */
export interface SemaphoreUnderTest {
  readonly name: string;
  readonly permits: number;
  readonly waiting: number;
  readonly available: number;
  readonly holders: readonly string[];
  acquire(options?: PermitOptions): Promise<HoldUnderTest>;
  tryAcquire(options?: Pick<PermitOptions, 'owner' | 'permits'>): HoldUnderTest | undefined;
  release(options?: Pick<WaitOptions, 'owner'>): void;
  run<T>(task: (hold: HoldUnderTest) => T | Promise<T>, options?: PermitOptions): Promise<T>;
}

/** A condition on a mutex. */
export interface ConditionUnderTest {
  readonly name: string;
  readonly waiting: number;
  wait(hold: HoldUnderTest, options?: ConditionWait): Promise<void>;
  notify(): boolean;
  notifyAll(): number;
}

/** A bounded queue. */
export interface ChannelUnderTest<T> extends AsyncIterable<T> {
  readonly name: string;
  readonly capacity: number;
  readonly size: number;
  readonly isClosed: boolean;
  send(value: T, options?: WaitOptions): Promise<void>;
  receive(options?: WaitOptions): Promise<T>;
  close(): void;
}

/** A result that is settled from outside. */
export interface DeferredUnderTest<T> {
  readonly name: string;
  readonly isSettled: boolean;
  wait(options?: WaitOptions): Promise<T>;
  resolve(value: T): boolean;
  reject(error: unknown): boolean;
}

/** The functions that make locks and waits, as `dryrunner/cluster` exports them. */
export interface LockParts {
  readonly createMutex: (world: LockWorld, options: MutexOptions) => MutexUnderTest;
  readonly createSemaphore: (world: LockWorld, options: SemaphoreOptions) => SemaphoreUnderTest;
  createCondition(mutex: MutexUnderTest, options: ConditionOptions): ConditionUnderTest;
  readonly createChannel: <T>(world: LockWorld, options: ChannelOptions) => ChannelUnderTest<T>;
  readonly createDeferred: <T>(world: LockWorld, options: DeferredOptions) => DeferredUnderTest<T>;
  readonly withTimeout: <T>(
    world: Pick<World, 'clock'>,
    ms: number,
    task: (signal: AbortSignal) => Promise<T> | T,
    options?: TimeoutOptions<T>,
  ) => Promise<T>;
  readonly noteWait: (world: Pick<LockWorld, 'clock' | 'tracer' | 'node'>, wait: NotedWait) => () => void;
}

/** Locks under test: see {@link lockCases}. */
export interface LockSubject extends PartSubject {
  readonly parts: LockParts;
  /** Makes a world on the machine's time. Default: the cases run in virtual time. Cases about traces always do. */
  readonly wallWorld?: () => World;
}

type Spec = PartCaseSpec<LockSubject>;
type Body = (t: PartTime, parts: LockParts) => Promise<void>;

const on = (title: string, body: Body): Spec => ({
  title,
  prove: ({ parts, wallWorld }, options) => inTime(wallWorld, options, (t) => body(t, parts)),
});

/** A case that inspects the result of a scenario in the plain order of events. */
const looks = (
  title: string,
  body: (sim: Simulation, parts: LockParts) => Promise<void>,
  look: (played: Played) => void,
  mayFail = false,
): Spec => ({
  title,
  async prove({ parts }, { signal }) {
    const run = (sim: Simulation): Promise<void> => body(sim, parts);
    look(await (mayFail ? play : playHolding)(run, {}, { signal }));
  },
});

/** `got it` if `act` resolves, or else the code that it rejects with. */
const outcome = (act: Promise<unknown>): Promise<string> =>
  // A broken part may not return a promise.
  Promise.resolve(act).then(
    () => 'got it',
    (error: { readonly code?: unknown }) => String(error.code),
  );

const mutexes: readonly Spec[] = [
  on('is held by one at a time, in the order of asking', async (t, { createMutex }) => {
    const jobs = createMutex(t.world, { name: 'jobs' });
    checkEqual('its name', jobs.name, 'jobs');
    const seen: string[] = [];
    const owners = ['a', 'b', 'c', 'd'];
    const work = (owner: string): Promise<void> =>
      jobs.run(
        async () => {
          seen.push(`${owner} in`);
          await t.sleep(owner === 'a' ? 20 : 1);
          seen.push(`${owner} out`);
        },
        { owner },
      );
    const all = owners.map(work);
    checkEqual('who holds it, and how many wait', [jobs.holder, jobs.waiting], ['a', 3]);
    await Promise.all(all);
    checkEqual(
      'the holders',
      seen,
      owners.flatMap((owner) => [`${owner} in`, `${owner} out`]),
    );
    checkEqual('it then', [jobs.holder, jobs.waiting], [undefined, 0]);
    t.checkNow('all are done', 23);
  }),
  on(
    'is taken at once if free, and is not given to a newcomer while others wait',
    async (t, { createMutex }) => {
      const jobs = createMutex(t.world, { name: 'jobs' });
      await t.sleep(3);
      const hold = await jobs.acquire({ owner: 'a' });
      checkEqual('the hold', [hold.owner, hold.permits, hold.isHeld], ['a', 1, true]);
      checkThat(hold.sinceMs <= t.world.clock.now(), 'since when', 'now', hold.sinceMs);
      if (t.sim !== undefined) checkEqual('since when', hold.sinceMs, 3);
      const waiting = meanwhile(jobs.acquire({ owner: 'b' }));
      checkEqual('an attempt of another owner', jobs.tryAcquire({ owner: 'c' }), undefined);
      hold.release();
      checkEqual('the hold', hold.isHeld, false);
      // It is free, and reserved for b.
      checkEqual('it meanwhile', [jobs.holder, jobs.tryAcquire({ owner: 'c' })], [undefined, undefined]);
      const next = await waiting;
      checkEqual('who has it', [jobs.holder, next.owner, next.isHeld], ['b', 'b', true]);
      next.release();
      const third = jobs.tryAcquire({ owner: 'c' });
      checkEqual('a try that succeeds', [third?.owner, jobs.holder], ['c', 'c']);
      third?.release();
      t.checkNow('all that is done', 3);
    },
  ),
  inWords((said) =>
    on('a wait times out after its limit and leaves nothing behind', async (t, { createMutex }) => {
      const jobs = createMutex(t.world, { name: 'jobs' });
      const hold = await jobs.acquire({ owner: 'a' });
      const b = meanwhile(jobs.acquire({ owner: 'b', timeoutMs: 20 }));
      const c = meanwhile(jobs.acquire({ owner: 'c' }));
      said.equal(
        'the end of the wait',
        (await refusalOf(() => b)).replace(/since .* ms$/, 'since …'),
        'RUNNER_TIMED_OUT b did not get mutex jobs within 20 ms: a holds it since …',
      );
      t.checkNow('it ends', 20);
      said.equal('how many wait', jobs.waiting, 1);
      hold.release();
      (await c).release();
      said.equal('a wait that is not needed', (await jobs.acquire({ owner: 'd', timeoutMs: 0 })).owner, 'd');
      jobs.release({ owner: 'd' });
    }),
  ),
  inWords((said) =>
    on('a wait that is cancelled rejects with the reason as its cause', async (t, { createMutex }) => {
      const jobs = createMutex(t.world, { name: 'jobs' });
      const hold = await jobs.acquire({ owner: 'a' });
      const controller = new AbortController();
      const b = outcomeWithCause(jobs.acquire({ owner: 'b', signal: controller.signal }));
      const c = meanwhile(jobs.acquire({ owner: 'c', signal: controller.signal }));
      await t.sleep(1);
      controller.abort('enough');
      const text = 'RUNNER_WAIT_CANCELLED the wait of b for mutex jobs was cancelled';
      said.equal('the end of a wait', await b, [text, 'enough']);
      said.equal('the other one', await outcome(c), 'RUNNER_WAIT_CANCELLED');
      said.equal('how many wait', jobs.waiting, 0);
      hold.release();
      const free = outcomeWithCause(jobs.acquire({ owner: 'b', signal: controller.signal }));
      said.equal('one that was cancelled before', await free, [text, 'enough']);
      said.equal('who holds it', jobs.holder, undefined);
    }),
  ),
  inWords((said) =>
    on(
      'a hold is released once; without the hold object, release takes the owner',
      async (t, { createMutex }) => {
        const jobs = createMutex(t.world, { name: 'jobs' });
        const hold = await jobs.acquire({ owner: 'a' });
        hold.release();
        said.equal(
          'a second release',
          await refusalOf(() => hold.release()),
          'RUNNER_LOCK_RELEASED mutex jobs: a released it, and had done so before',
        );
        said.equal(
          'a release of nothing',
          await refusalOf(() => jobs.release({ owner: 'b' })),
          'RUNNER_LOCK_NOT_HELD mutex jobs: b released it without holding it; nobody holds it',
        );
        await jobs.acquire({ owner: 'c' });
        said.equal(
          'a release of another owner’s hold',
          (await refusalOf(() => jobs.release({ owner: 'b' }))).replace(/since .* ms$/, 'since …'),
          'RUNNER_LOCK_NOT_HELD mutex jobs: b released it without holding it; c holds it since …',
        );
        jobs.release({ owner: 'c' });
        const unnamed = await jobs.acquire();
        said.equal('who holds it if nobody is named', [unnamed.owner, jobs.holder], ['scenario', 'scenario']);
        jobs.release();
        said.equal('who holds it', jobs.holder, undefined);
      },
    ),
  ),
  on('is released however the task ends, also if the task releases it itself', async (t, { createMutex }) => {
    const jobs = createMutex(t.world, { name: 'jobs' });
    const no = new Error('no');
    checkEqual(
      'what a task rejects with',
      await refusalOf(() => jobs.run(() => Promise.reject(no))),
      'Error: no',
    );
    checkEqual(
      'what a task throws',
      await refusalOf(() =>
        jobs.run(() => {
          throw no;
        }),
      ),
      'Error: no',
    );
    checkEqual(
      'its value',
      await jobs.run((hold) => `${hold.owner} ${String(hold.isHeld)}`, { owner: 'a' }),
      'a true',
    );
    await jobs.run((hold) => hold.release());
    checkEqual('who holds it', jobs.holder, undefined);
    const hold = await jobs.acquire();
    checkEqual(
      'a task that does not get it',
      await outcome(jobs.run(() => 'run', { owner: 'b', timeoutMs: 1 })),
      'RUNNER_TIMED_OUT',
    );
    hold.release();
  }),
  {
    title:
      'is not lost when a waiter times out or is cancelled during the hand-over; both outcomes are possible',
    async prove({ parts }, { signal }) {
      const outcomes = new Set<string>();
      for (let seed = 0; seed < 60; seed += 1) {
        await simulated(seed, signal, async (sim) => {
          const jobs = parts.createMutex(sim.world, { name: 'jobs' });
          const hold = await jobs.acquire({ owner: 'a' });
          const controller = new AbortController();
          const b = outcome(jobs.run(() => undefined, { owner: 'b', timeoutMs: 20 }));
          const c = outcome(jobs.run(() => undefined, { owner: 'c', signal: controller.signal }));
          const d = outcome(jobs.run(() => undefined, { owner: 'd' }));
          const cancelling = sim.sleep(20, 'cancel').then(() => controller.abort());
          await sim.sleep(20, 'release');
          hold.release();
          outcomes.add(`${await b}, ${await c}, ${await d}`);
          await cancelling;
          checkEqual('it then', [jobs.holder, jobs.waiting], [undefined, 0]);
        });
      }
      checkEqual('what happened', [...outcomes].sort(), [
        'RUNNER_TIMED_OUT, RUNNER_WAIT_CANCELLED, got it',
        'RUNNER_TIMED_OUT, got it, got it',
        'got it, RUNNER_WAIT_CANCELLED, got it',
        'got it, got it, got it',
      ]);
    },
  },
  on('leaves no hand-over pending if all waiters have gone', async (t, { createMutex }) => {
    const jobs = createMutex(t.world, { name: 'jobs' });
    const hold = await jobs.acquire({ owner: 'a' });
    const controller = new AbortController();
    const b = outcome(jobs.acquire({ owner: 'b', signal: controller.signal }));
    hold.release();
    controller.abort();
    checkEqual('the wait', await b, 'RUNNER_WAIT_CANCELLED');
    checkEqual('it', [jobs.holder, jobs.waiting], [undefined, 0]);
    jobs.tryAcquire()?.release();
  }),
  ofOurWords({
    title: 'without fairness, the exploration decides which waiter gets it',
    async prove({ parts }, { signal }) {
      const order: string[] = [];
      const next = question('choice', { owner: 'mutex jobs', what: 'next' });
      const verdict = await simulateHolding('plain', {
        signal,
        source: {
          decide: (asked, n) => (asked.text === next.text ? n - 1 : 0),
          order: () => 0,
        },
        async scenario(sim) {
          const jobs = parts.createMutex(sim.world, { name: 'jobs', fair: false });
          const hold = await jobs.acquire({ owner: 'a' });
          const waits = ['b', 'c', 'd'].map((owner) => jobs.run(() => order.push(owner), { owner }));
          hold.release();
          await Promise.all(waits);
        },
      });
      checkEqual('the order', order, ['d', 'c', 'b']);
      checkEqual(
        'what was decided',
        verdict
          .decisions()
          .filter(({ question: asked }) => asked.kind === 'choice')
          .map(({ question: asked, n }) => [asked.text, n]),
        [
          [next.text, 3],
          [next.text, 2],
        ],
      );
    },
  }),
];

async function outcomeWithCause(act: Promise<unknown>): Promise<readonly unknown[]> {
  try {
    return ['got', await act];
  } catch (error) {
    const { code, message, cause } = error as Error & { readonly code?: unknown };
    return [`${String(code)} ${message}`, cause];
  }
}

async function simulated(
  seed: number,
  signal: AbortSignal | undefined,
  scenario: (sim: Simulation) => Promise<void>,
): Promise<void> {
  await simulateHolding(seed, { seed, signal, scenario });
}

const semaphores: readonly Spec[] = [
  on(
    'gives out no more than its permits, and several at once to a waiter for several',
    async (t, { createSemaphore }) => {
      const slots = createSemaphore(t.world, { name: 'slots', permits: 3 });
      checkEqual('it', [slots.name, slots.permits, slots.available, slots.holders], ['slots', 3, 3, []]);
      const order: string[] = [];
      const work = (owner: string, permits: number): Promise<void> =>
        slots.run(
          async (hold) => {
            order.push(`${hold.owner} ${hold.permits}`);
            await t.sleep(10);
          },
          { owner, permits },
        );
      const all = [work('a', 2), work('b', 3), work('c', 1)];
      // c would fit beside a, but b came first.
      checkEqual('it', [slots.available, slots.holders, slots.waiting], [1, ['a'], 2]);
      await Promise.all(all);
      checkEqual('the order', order, ['a 2', 'b 3', 'c 1']);
      t.checkNow('all are done', 30);
      checkEqual('it then', [slots.available, slots.waiting], [3, 0]);
    },
  ),
  on('lets in as many at once as there are permits', async (t, { createSemaphore }) => {
    const slots = createSemaphore(t.world, { name: 'slots', permits: 2 });
    let inside = 0;
    let most = 0;
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((owner) =>
        slots.run(
          async () => {
            inside += 1;
            most = Math.max(most, inside);
            await t.sleep(5);
            inside -= 1;
          },
          { owner },
        ),
      ),
    );
    checkEqual('the most inside', most, 2);
    t.checkNow('all are done', 15);
  }),
  on('serves the next waiters once one that needed more has given up', async (t, { createSemaphore }) => {
    const slots = createSemaphore(t.world, { name: 'slots', permits: 2 });
    const hold = await slots.acquire({ owner: 'a' });
    const b = outcome(slots.acquire({ owner: 'b', permits: 2, timeoutMs: 10 }));
    const c = slots.run(() => t.now(), { owner: 'c' });
    checkEqual('an attempt of another owner', slots.tryAcquire({ owner: 'd' }), undefined);
    checkEqual('the one that gives up', await b, 'RUNNER_TIMED_OUT');
    const atMs = await c;
    if (t.sim !== undefined) checkEqual('when the next is served', atMs, 10);
    hold.release();
    checkEqual('it then', [slots.available, slots.waiting], [2, 0]);
  }),
  on('without fairness, a waiter that needs less may go first', async (t, { createSemaphore }) => {
    const slots = createSemaphore(t.world, { name: 'slots', permits: 2, fair: false });
    const hold = await slots.acquire({ owner: 'a' });
    const b = slots.run(() => t.now(), { owner: 'b', permits: 2 });
    const passing = slots.tryAcquire({ owner: 'c' });
    checkEqual('who gets in', passing?.owner, 'c');
    passing?.release();
    await t.sleep(5);
    hold.release();
    const atMs = await b;
    if (t.sim !== undefined) checkEqual('when the first is served', atMs, 5);
  }),
  inWords((said) =>
    on('releases the oldest hold of an owner, and names all holders', async (t, { createSemaphore }) => {
      const slots = createSemaphore(t.world, { name: 'slots', permits: 4 });
      const first = await slots.acquire({ owner: 'a', permits: 2 });
      const second = await slots.acquire({ owner: 'a' });
      await slots.acquire({ owner: 'b' });
      said.equal('it', [slots.available, slots.holders], [0, ['a', 'a', 'b']]);
      said.equal(
        'a release of nothing',
        (await refusalOf(() => slots.release({ owner: 'c' }))).replace(/since [^ ]* ms/g, 'since …'),
        'RUNNER_LOCK_NOT_HELD semaphore slots: c released it without holding it; ' +
          'a holds it since … and a holds it since … and b holds it since …',
      );
      slots.release({ owner: 'a' });
      said.equal('the holds', [first.isHeld, second.isHeld, slots.available], [false, true, 2]);
      slots.release({ owner: 'a' });
      slots.release({ owner: 'b' });
      said.equal('it then', [slots.available, slots.holders], [4, []]);
    }),
  ),
];

const conditions: readonly Spec[] = [
  on('a waiter gives up the mutex, and holds it again when it continues', async (t, parts) => {
    const mutex = parts.createMutex(t.world, { name: 'queue' });
    const filled = parts.createCondition(mutex, { name: 'filled' });
    checkEqual('its name', filled.name, 'filled');
    const queue: number[] = [];
    const taken: number[] = [];
    const consume = (owner: string): Promise<void> =>
      mutex.run(
        async (hold) => {
          // Bounded, because a condition whose waits end at once would make this loop endless.
          for (let waits = 0; queue.length === 0 && waits < 9; waits += 1) await filled.wait(hold);
          checkEqual('the mutex', [hold.isHeld, mutex.holder], [true, owner]);
          taken.push(queue.shift() ?? NaN);
        },
        { owner },
      );
    const consumers = ['a', 'b', 'c'].map((owner) => meanwhile(consume(owner)));
    for (let left = 999; filled.waiting < 3 && left > 0; left -= 1) await t.sleep(1);
    checkEqual('the mutex while all wait', [mutex.holder, filled.waiting], [undefined, 3]);
    for (const job of [1, 2, 3]) {
      await mutex.run(() => queue.push(job), { owner: 'producer' });
      checkEqual('whether somebody was woken', filled.notify(), true);
    }
    await Promise.all(consumers);
    checkEqual('what was taken', taken, [1, 2, 3]);
    checkEqual('how many wait', filled.waiting, 0);
  }),
  on('a notification wakes the first current waiter, and no later one', async (t, parts) => {
    const mutex = parts.createMutex(t.world, { name: 'queue' });
    const filled = parts.createCondition(mutex, { name: 'filled' });
    checkEqual('notifications without a waiter', [filled.notify(), filled.notifyAll()], [false, 0]);
    const order: string[] = [];
    const wait = (owner: string): Promise<number> =>
      mutex.run(
        async (hold) => {
          await filled.wait(hold);
          return order.push(owner);
        },
        { owner },
      );
    const first = [meanwhile(wait('a')), meanwhile(wait('b'))];
    await t.sleep(1);
    checkEqual('whether one was woken', filled.notify(), true);
    const late = meanwhile(wait('c'));
    await t.sleep(1);
    checkEqual('the waiters that went on', order, ['a']);
    checkEqual('how many are woken', filled.notifyAll(), 2);
    await Promise.all([...first, late]);
    checkEqual('the waiters that went on', order.slice(1).sort(), ['b', 'c']);
  }),
  inWords((said) =>
    on('a wait that times out, or is cancelled, has the mutex again before it rejects', async (t, parts) => {
      const mutex = parts.createMutex(t.world, { name: 'queue' });
      const filled = parts.createCondition(mutex, { name: 'filled' });
      const controller = new AbortController();
      const held: unknown[] = [];
      const wait = (owner: string, limits: ConditionWait): Promise<unknown> =>
        mutex.run(
          async (hold) => {
            const text = await refusalOf(() => filled.wait(hold, limits));
            held.push(hold.isHeld, mutex.holder);
            return text;
          },
          { owner },
        );
      const cancelled = wait('a', { signal: controller.signal });
      await t.sleep(1);
      const other = meanwhile(mutex.run(() => t.sleep(10), { owner: 'b' }));
      controller.abort();
      said.equal(
        'the end of the wait',
        await cancelled,
        'RUNNER_WAIT_CANCELLED the wait of a for condition filled was cancelled',
      );
      t.checkNow('it ends', 11);
      await other;
      said.equal(
        'the end of another',
        await wait('c', { timeoutMs: 5 }),
        'RUNNER_TIMED_OUT c did not get condition filled within 5 ms',
      );
      said.equal('who had the mutex', held, [true, 'a', true, 'c']);
      said.equal('it then', [mutex.holder, filled.waiting], [undefined, 0]);
    }),
  ),
  {
    title: 'a wait that has been notified neither times out nor is cancelled in the same instant',
    async prove({ parts }, { signal }) {
      const outcomes = new Set<string>();
      for (let seed = 0; seed < 40; seed += 1) {
        await simulated(seed, signal, async (sim) => {
          const mutex = parts.createMutex(sim.world, { name: 'queue' });
          const filled = parts.createCondition(mutex, { name: 'filled' });
          const waits = ['a', 'b'].map((owner) =>
            mutex.run((hold) => outcome(filled.wait(hold, { timeoutMs: 10 })), { owner }),
          );
          await sim.sleep(10, 'notify');
          const isWoken = filled.notify();
          const ends = await Promise.all(waits);
          // A notification that somebody received must have woken a waiter.
          checkEqual('whether one was woken', isWoken, ends.includes('got it'));
          outcomes.add(ends.join(', '));
        });
      }
      checkEqual('what happened', [...outcomes].sort(), [
        'RUNNER_TIMED_OUT, RUNNER_TIMED_OUT',
        'RUNNER_TIMED_OUT, got it',
        'got it, RUNNER_TIMED_OUT',
      ]);
    },
  },
  inWords((said) =>
    on('waiting without the mutex is refused', async (t, parts) => {
      const mutex = parts.createMutex(t.world, { name: 'queue' });
      const filled = parts.createCondition(mutex, { name: 'filled' });
      const other = parts.createMutex(t.world, { name: 'other' });
      const hold = await mutex.acquire({ owner: 'a' });
      hold.release();
      const expected =
        'RUNNER_MUTEX_REQUIRED condition filled: expected a hold of mutex queue to wait with, got';
      said.equal(
        'the refusal',
        await refusalOf(() => filled.wait(hold)),
        `${expected} the hold of a, which has released it`,
      );
      const foreign = await other.acquire({ owner: 'a' });
      for (const wrong of [foreign, undefined, {}] as HoldUnderTest[]) {
        said.equal('the refusal', await refusalOf(() => filled.wait(wrong)), `${expected} something else`);
      }
      foreign.release();
    }),
  ),
];

const channels: readonly Spec[] = [
  on('a sender waits while it is full, a receiver while it is empty', async (t, { createChannel }) => {
    const jobs = createChannel<string>(t.world, { name: 'jobs', capacity: 2 });
    checkEqual('it', [jobs.name, jobs.capacity, jobs.size, jobs.isClosed], ['jobs', 2, 0, false]);
    await jobs.send('a');
    await jobs.send('b');
    let isSent = false;
    const sending = meanwhile(jobs.send('c').then(() => (isSent = true)));
    await t.sleep(5);
    checkEqual('it', [jobs.size, isSent], [2, false]);
    checkEqual('the first value', await jobs.receive(), 'a');
    await sending;
    checkEqual('the rest', [await jobs.receive(), await jobs.receive(), jobs.size], ['b', 'c', 0]);
    const receiving = meanwhile(jobs.receive());
    await jobs.send('d');
    checkEqual('what was waited for', await receiving, 'd');
  }),
  on('without capacity each sender waits for a receiver', async (t, { createChannel }) => {
    const jobs = createChannel<undefined>(t.world, { name: 'jobs' });
    checkEqual('its capacity', jobs.capacity, 0);
    let isSent = false;
    const sending = meanwhile(jobs.send(undefined).then(() => void (isSent = true)));
    await t.sleep(5);
    checkEqual('whether it is sent, and what is kept', [isSent, jobs.size], [false, 0]);
    checkEqual('the values', await Promise.all([jobs.receive()]), [undefined]);
    await sending;
  }),
  on('values arrive in the order of sending, each once', async (t, { createChannel }) => {
    for (const capacity of [0, 1, 3, Infinity]) {
      const jobs = createChannel<number>(t.world, { name: 'jobs', capacity });
      const values = [1, 2, 3, 4, 5, 6];
      const sends = values.map((value) => meanwhile(jobs.send(value)));
      checkEqual('how many it keeps', jobs.size, Math.min(capacity, 6));
      const received: number[] = [];
      while (received.length < values.length) received.push(await jobs.receive());
      await Promise.all(sends);
      checkEqual('what was received', received, values);
      const receives = values.map(() => meanwhile(jobs.receive()));
      for (const value of values) await jobs.send(value);
      checkEqual('what the waiters got', await Promise.all(receives), values);
      checkEqual('what is left', jobs.size, 0);
    }
  }),
  inWords((said) =>
    on(
      'after closing, values already sent can be received, and nothing can be sent',
      async (t, { createChannel }) => {
        const jobs = createChannel<number>(t.world, { name: 'jobs', capacity: 2 });
        await jobs.send(1);
        await jobs.send(2);
        const late = refusalOf(() => jobs.send(3, { owner: 'a' }));
        jobs.close();
        jobs.close();
        const closed = 'RUNNER_CHANNEL_CLOSED channel jobs is closed:';
        said.equal('one that waited', await late, `${closed} a waited to send to it`);
        said.equal('one that comes', await refusalOf(() => jobs.send(4)), `${closed} scenario sends to it`);
        const values: number[] = [];
        for await (const value of jobs) values.push(value);
        said.equal('the values', [values, jobs.isClosed], [[1, 2], true]);
        said.equal(
          'a receive',
          await refusalOf(() => jobs.receive({ owner: 'b' })),
          `${closed} it is empty, and b receives from it`,
        );
      },
    ),
  ),
  inWords((said) =>
    on(
      'closing ends the waits to receive once all values have been received',
      async (t, { createChannel }) => {
        const jobs = createChannel<number>(t.world, { name: 'jobs', capacity: 9 });
        const all = async (): Promise<number[]> => {
          const values: number[] = [];
          for await (const value of jobs) values.push(value);
          return values;
        };
        const both = meanwhile(Promise.all([all(), all()]));
        await t.sleep(1);
        for (const value of [1, 2, 3, 4, 5]) await jobs.send(value);
        jobs.close();
        said.equal(
          'what came',
          (await both).flat().sort((one, other) => one - other),
          [1, 2, 3, 4, 5],
        );
        const waiting = createChannel<number>(t.world, { name: 'other' });
        const received = refusalOf(() => waiting.receive({ owner: 'c' }));
        await t.sleep(1);
        waiting.close();
        said.equal(
          'one that waited',
          await received,
          'RUNNER_CHANNEL_CLOSED channel other is closed: it is empty, and c receives from it',
        );
      },
    ),
  ),
  inWords((said) =>
    on(
      'a wait that ends without a value takes none, and one that ends without sending sends nothing',
      async (t, { createChannel }) => {
        const jobs = createChannel<number>(t.world, { name: 'jobs' });
        const controller = new AbortController();
        const { signal } = controller;
        const ends = [
          refusalOf(() => jobs.send(1, { owner: 'a', timeoutMs: 5 })),
          refusalOf(() => jobs.send(2, { owner: 'b', signal })),
        ];
        await t.sleep(1);
        controller.abort();
        said.equal('the ends', await Promise.all(ends), [
          'RUNNER_TIMED_OUT a did not get room in channel jobs within 5 ms',
          'RUNNER_WAIT_CANCELLED the wait of b for room in channel jobs was cancelled',
        ]);
        t.checkNow('they end', 5);
        const receives = [
          refusalOf(() => jobs.receive({ owner: 'c', timeoutMs: 5 })),
          refusalOf(() => jobs.receive({ owner: 'd', signal })),
        ];
        said.equal('the ends', await Promise.all(receives), [
          'RUNNER_TIMED_OUT c did not get a value from channel jobs within 5 ms',
          'RUNNER_WAIT_CANCELLED the wait of d for a value from channel jobs was cancelled',
        ]);
        const sent = meanwhile(jobs.send(3));
        said.equal('the value', await jobs.receive(), 3);
        await sent;
        const open = createChannel<number>(t.world, { name: 'open', capacity: 1 });
        said.equal(
          'a send that was cancelled before',
          await outcome(open.send(1, { signal })),
          'RUNNER_WAIT_CANCELLED',
        );
        await open.send(1);
        said.equal(
          'a receive that was cancelled before',
          await outcome(open.receive({ signal })),
          'RUNNER_WAIT_CANCELLED',
        );
        said.equal('what is kept', open.size, 1);
        said.equal('the value', await open.receive({ timeoutMs: 0 }), 1);
      },
    ),
  ),
  on('leaves no event pending if all waiters have gone', async (t, { createChannel }) => {
    const jobs = createChannel<number>(t.world, { name: 'jobs' });
    const controller = new AbortController();
    const { signal } = controller;
    const both = [outcome(jobs.send(1, { signal })), outcome(jobs.receive({ signal }))];
    controller.abort();
    checkEqual('the ends', await Promise.all(both), ['RUNNER_WAIT_CANCELLED', 'RUNNER_WAIT_CANCELLED']);
  }),
];

const deferreds: readonly Spec[] = [
  on('the first outcome is final, for every waiter', async (t, { createDeferred }) => {
    const answer = createDeferred<number>(t.world, { name: 'answer', by: 'worker' });
    checkEqual('its name', answer.name, 'answer');
    const waits = ['a', 'b'].map((owner) => meanwhile(answer.wait({ owner })));
    await t.sleep(3);
    checkEqual(
      'what settles it',
      [
        answer.isSettled,
        answer.resolve(42),
        answer.isSettled,
        answer.resolve(43),
        answer.reject(new Error('late')),
      ],
      [false, true, true, false, false],
    );
    checkEqual('the values', await Promise.all([...waits, answer.wait()]), [42, 42, 42]);
    t.checkNow('it is settled', 3);
  }),
  on(
    'an error without a waiter is not reported as unhandled; a waiter gets it',
    async (t, { createDeferred }) => {
      const answer = createDeferred<number>(t.world, { name: 'answer' });
      const waiting = refusalOf(() => answer.wait());
      const no = new Error('no answer');
      checkEqual('whether it settles it', [answer.reject(no), answer.resolve(1)], [true, false]);
      await t.sleep(1);
      checkEqual(
        'what it rejects with',
        [await waiting, await refusalOf(() => answer.wait())],
        ['Error: no answer', 'Error: no answer'],
      );
      const unheard = createDeferred<number>(t.world, { name: 'unheard' });
      unheard.reject(undefined);
      await t.sleep(1);
      checkEqual('what it rejects with', await unheard.wait().catch((error: unknown) => [error]), [
        undefined,
      ]);
    },
  ),
  inWords((said) =>
    on('a waiter that has given up leaves nothing behind', async (t, { createDeferred }) => {
      const answer = createDeferred<number>(t.world, { name: 'answer' });
      const controller = new AbortController();
      const ends = [
        refusalOf(() => answer.wait({ owner: 'a', timeoutMs: 10 })),
        refusalOf(() => answer.wait({ owner: 'b', signal: controller.signal })),
      ];
      controller.abort();
      said.equal('the ends', await Promise.all(ends), [
        'RUNNER_TIMED_OUT a did not get deferred answer within 10 ms',
        'RUNNER_WAIT_CANCELLED the wait of b for deferred answer was cancelled',
      ]);
      t.checkNow('they end', 10);
      answer.resolve(1);
      said.equal(
        'one that was cancelled before',
        await outcome(answer.wait({ signal: controller.signal })),
        'RUNNER_WAIT_CANCELLED',
      );
      said.equal('the value', await answer.wait({ timeoutMs: 0 }), 1);
    }),
  ),
  on(
    'a wait ends once, also if it is settled and times out in the same instant',
    async (t, { createDeferred }) => {
      const answer = createDeferred<number>(t.world, { name: 'answer' });
      const ends = [answer.wait({ timeoutMs: 10 }), answer.wait({ timeoutMs: 10 }), answer.wait()].map(
        outcome,
      );
      await t.sleep(10);
      answer.resolve(1);
      const [one, other, last] = await Promise.all(ends);
      for (const end of [one, other]) {
        checkThat(end === 'got it' || end === 'RUNNER_TIMED_OUT', 'the end', 'the value or a timeout', end);
      }
      checkEqual('the end of a wait without limit', last, 'got it');
    },
  ),
];

const timeouts: readonly Spec[] = [
  on(
    'a task that ends in time gives its value or its error, and leaves no timer',
    async (t, { withTimeout }) => {
      const no = new Error('no');
      checkEqual(
        'the value',
        await withTimeout(t.world, 60_000, () => t.sleep(20).then(() => 'done')),
        'done',
      );
      checkEqual(
        'a rejection',
        await refusalOf(() => withTimeout(t.world, 60_000, () => Promise.reject(no))),
        'Error: no',
      );
      checkEqual(
        'an error at once',
        await refusalOf(() =>
          withTimeout(t.world, 60_000, () => {
            throw no;
          }),
        ),
        'Error: no',
      );
      checkEqual('a plain value', await withTimeout(t.world, 0, () => 7), 7);
      t.checkNow('all are done', 20);
    },
  ),
  {
    title: 'a task that is done just at the limit is in time, in every order of that instant',
    async prove({ parts: { withTimeout } }, { signal }) {
      for (let seed = 0; seed < 10; seed += 1) {
        await simulated(seed, signal, async (sim) => {
          const { clock } = sim.world;
          const done = withTimeout(sim.world, 20, () => sleep(clock, 20, 'work').then(() => 'done'));
          checkEqual('the value', await done, 'done');
        });
      }
    },
  },
  inWords((said) =>
    on(
      'the signal of a task that is late aborts, and its value or error is dropped',
      async (t, { withTimeout }) => {
        const reasons: unknown[] = [];
        const late: string[] = [];
        const slow = async (signal: AbortSignal, end: () => string): Promise<string> => {
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          reasons.push(signal.reason);
          await t.sleep(30);
          return end();
        };
        const fail = (): string => {
          throw new Error('late');
        };
        const limited = withTimeout(t.world, 50, (signal) => slow(signal, fail), { label: 'commit' });
        said.equal(
          'its end',
          await refusalOf(() => limited),
          'RUNNER_TIMED_OUT commit was not done within 50 ms',
        );
        t.checkNow('it ends', 50);
        const onLate = (value: string): number => late.push(value);
        const other = withTimeout(t.world, 50, (signal) => slow(signal, () => 'value'), { onLate });
        said.equal(
          'its end',
          await refusalOf(() => other),
          'RUNNER_TIMED_OUT task was not done within 50 ms',
        );
        t.checkNow('it ends', 100);
        await t.sleep(100);
        said.equal('what came late', late, ['value']);
        said.equal(
          'the reasons of the signals',
          reasons.map((reason) => (reason as { code?: unknown }).code),
          ['RUNNER_TIMED_OUT', 'RUNNER_TIMED_OUT'],
        );
      },
    ),
  ),
  on('a signal of the caller ends it with its reason', async (t, { withTimeout }) => {
    const controller = new AbortController();
    const seen: unknown[] = [];
    const limited = withTimeout(
      t.world,
      60_000,
      async (signal) => {
        signal.addEventListener('abort', () => seen.push(signal.reason));
        await new Promise(() => {});
      },
      { signal: controller.signal },
    ).catch((reason: unknown) => reason);
    await t.sleep(5);
    controller.abort('stop');
    checkEqual('its end', await limited, 'stop');
    checkEqual('what the task has seen', seen, ['stop']);
    t.checkNow('it ends', 5);
    let isRun = false;
    const before = withTimeout(t.world, 50, () => void (isRun = true), { signal: controller.signal });
    checkEqual('one that was cancelled before', await before.catch((reason: unknown) => reason), 'stop');
    checkEqual('whether its task has run', isRun, false);
  }),
  looks(
    'an error thrown by onLate fails the simulation',
    async (sim, { withTimeout }) => {
      const onLate = (): never => {
        throw new Error('cannot give it back');
      };
      await withTimeout(sim.world, 50, () => sim.sleep(80), { onLate }).catch(() => undefined);
      await sim.sleep(100);
    },
    ({ failure }) => {
      checkThat(failure?.message.includes('cannot give it back') === true, 'the failure', 'that', failure);
      checkEqual('its time', failure?.atMs, 80);
    },
    true,
  ),
];

/** Two owners that wait for each other. */
async function circle({ world }: Simulation, { createMutex }: LockParts): Promise<void> {
  const jobs = createMutex(world, { name: 'jobs' });
  const results = createMutex(world, { name: 'results' });
  const both = async (owner: string, first: MutexUnderTest, second: MutexUnderTest): Promise<void> => {
    await first.acquire({ owner });
    await sleep(world.clock, 10);
    await second.acquire({ owner });
  };
  await Promise.all([both('a', jobs, results), both('b', results, jobs)]);
}

const reports: readonly Spec[] = [
  looks(
    'R211 a deadlock names each holder, each waiter and the circle',
    circle,
    ({ failure }) => {
      checkEqual('its kind', failure?.kind, 'deadlock');
      checkEqual('its details', failure?.details.slice(0, 5), [
        'a circular wait: a → mutex results (b) → mutex jobs (a)',
        'a waits for mutex results since 10 ms, held by b since 0 ms',
        'b waits for mutex jobs since 10 ms, held by a since 0 ms',
        'a holds mutex jobs since 0 ms',
        'b holds mutex results since 0 ms',
      ]);
    },
    true,
  ),
  looks(
    'R204 a lock that is still held when the scenario ends is left over',
    async (sim, { createMutex }) => {
      await createMutex(sim.world, { name: 'jobs' }).acquire({ owner: 'a' });
    },
    ({ failure }) => {
      checkEqual('its kind', failure?.kind, 'leftovers');
      checkThat(
        failure?.details.some((detail) => detail.includes('mutex jobs')) === true,
        'its details',
        'the mutex',
        failure?.details,
      );
    },
    true,
  ),
  looks(
    'each wait and each hold is in the trace from its beginning to its end',
    async (sim, parts) => {
      const jobs = parts.createMutex(sim.world, { name: 'jobs' });
      const hold = await jobs.acquire({ owner: 'a' });
      const next = jobs.acquire({ owner: 'b' });
      await sim.sleep(5);
      hold.release();
      (await next).release();
      const answer = parts.createDeferred<number>(sim.world, { name: 'answer', by: 'worker' });
      const settled = answer.wait({ owner: 'c' });
      answer.resolve(1);
      await settled;
      const end = parts.noteWait(sim.world, { owner: 'd', name: 'the vote', from: 'e' });
      end();
      end();
      parts.noteWait(sim.world, { name: 'the end' })();
    },
    ({ events, lines }) => {
      const lock = { runner: '', runId: '', resource: 'lock', name: 'mutex jobs' } as const;
      const wait = { runner: '', runId: '', resource: 'waiter' } as const;
      checkEqual('the trace', events, [
        { at: 0, type: 'acquired', ...lock, owner: 'a' },
        { at: 0, type: 'acquired', ...wait, name: 'mutex jobs', owner: 'b' },
        { at: 5, type: 'freed', ...lock, owner: 'a' },
        { at: 5, type: 'freed', ...wait, name: 'mutex jobs', owner: 'b' },
        { at: 5, type: 'acquired', ...lock, owner: 'b' },
        { at: 5, type: 'freed', ...lock, owner: 'b' },
        { at: 5, type: 'acquired', ...wait, name: 'deferred answer', owner: 'c', from: 'worker' },
        { at: 5, type: 'freed', ...wait, name: 'deferred answer', owner: 'c', from: 'worker' },
        { at: 5, type: 'acquired', ...wait, name: 'the vote', owner: 'd', from: 'e' },
        { at: 5, type: 'freed', ...wait, name: 'the vote', owner: 'd', from: 'e' },
        { at: 5, type: 'acquired', ...wait, name: 'the end', owner: 'scenario' },
        { at: 5, type: 'freed', ...wait, name: 'the end', owner: 'scenario' },
      ]);
      checkEqual('the history', lines.slice(0, 4), [
        '0 ms: a took mutex jobs',
        '0 ms: b waits for mutex jobs',
        '5 ms: a released mutex jobs',
        '5 ms: the wait of b for mutex jobs ended',
      ]);
    },
  ),
  looks(
    'locks made in the world of a node belong to the node, and end with it',
    async (sim, { createMutex }) => {
      const net = createNetwork(sim);
      const owners: string[] = [];
      const node = net.node('a', async ({ world }) => {
        const jobs = createMutex(world, { name: 'jobs' });
        owners.push((await jobs.acquire()).owner);
        await jobs.acquire({ owner: 'b' });
      });
      await sim.sleep(5);
      node.crash();
      checkEqual('who holds it', owners, ['a']);
    },
    ({ events }) =>
      checkEqual(
        'the trace',
        events.flatMap((event) =>
          event.type === 'acquired' || event.type === 'abandoned'
            ? [`${event.type} ${event.runner} ${event.resource} ${event.name} ${event.owner ?? ''}`]
            : [],
        ),
        [
          'acquired a lock mutex jobs a',
          'acquired a waiter mutex jobs b',
          'abandoned a lock mutex jobs a',
          'abandoned a waiter mutex jobs b',
        ],
      ),
  ),
];

const one = (): number => 1;
const odd = 7 as never;

const refusals: readonly Spec[] = [
  inWords((said) =>
    on('wrong use is refused with what was expected and what came', async ({ world }, parts) => {
      const jobs = parts.createMutex(world, { name: 'jobs' });
      const slots = parts.createSemaphore(world, { name: 'slots', permits: 3 });
      const channel = parts.createChannel<number>(world, { name: 'channel' });
      await said.wrongUse([
        [() => parts.createMutex(world, { name: '' }), 'name: expected a name, got ""'],
        [() => parts.createMutex(world, odd), 'options: expected an object of options, got 7'],
        [() => parts.createMutex(world, { name: 'a', fair: odd }), 'fair: expected true or false, got 7'],
        [() => parts.createCondition({} as never, { name: 'a' }), 'mutex: expected a Mutex, got an object'],
        [() => parts.createCondition(jobs, { name: odd }), 'name: expected a name, got 7'],
        ...[0, -1, 1.5, NaN].map(
          (permits) =>
            [
              () => parts.createSemaphore(world, { name: 'a', permits }),
              `permits: expected an integer ≥ 1, got ${permits}`,
            ] as const,
        ),
        ...[-1, 0.5, NaN].map(
          (capacity) =>
            [
              () => parts.createChannel(world, { name: 'a', capacity }),
              `capacity: expected an integer ≥ 0, or Infinity, got ${capacity}`,
            ] as const,
        ),
        [() => parts.createDeferred(world, { name: 'a', by: '' }), 'by: expected a name, got ""'],
        [() => slots.acquire({ permits: -2 }), 'permits: expected an integer ≥ 1, got -2'],
        [() => slots.acquire({ permits: 4 }), 'permits: expected at most the 3 of semaphore slots, got 4'],
        [() => slots.tryAcquire({ permits: 4 }), 'permits: expected at most the 3 of semaphore slots, got 4'],
        [() => jobs.acquire({ timeoutMs: -1 }), 'timeoutMs: expected a number ≥ 0, got -1'],
        [() => jobs.acquire({ owner: odd }), 'owner: expected a name, got 7'],
        [() => jobs.acquire({ signal: odd }), 'signal: expected an AbortSignal, got 7'],
        [() => jobs.tryAcquire({ owner: odd }), 'owner: expected a name, got 7'],
        [() => jobs.release({ owner: odd }), 'owner: expected a name, got 7'],
        [() => jobs.run(odd), 'task: expected a function, got 7'],
        [() => slots.run(odd), 'task: expected a function, got 7'],
        [() => channel.send(1, { timeoutMs: NaN }), 'timeoutMs: expected a number ≥ 0, got NaN'],
        [() => channel.receive({ owner: '' }), 'owner: expected a name, got ""'],
        ...[-1, Infinity, NaN].map(
          (ms) =>
            [() => parts.withTimeout(world, ms, one), `ms: expected a finite number ≥ 0, got ${ms}`] as const,
        ),
        [() => parts.withTimeout(world, 1, odd), 'task: expected a function, got 7'],
        [() => parts.withTimeout(world, 1, one, { label: '' }), 'label: expected a name, got ""'],
        [() => parts.noteWait(world, { name: '' }), 'wait.name: expected a name, got ""'],
      ]);
      said.equal('it', [jobs.holder, jobs.waiting, slots.available, channel.size], [undefined, 0, 3, 0]);
    }),
  ),
];

/**
 * The contract of mutexes, semaphores, conditions, channels, deferred results and `withTimeout`, case by case: for
 * those of `dryrunner/cluster` in a simulation or on the machine, or yours.
 *
 * @example
 * ```ts
 * import * as cluster from 'dryrunner/cluster';
 * import { lockCases, type LockSubject } from 'dryrunner/conformance';
 * const subject: LockSubject = { name: 'mine', parts: cluster };
 * for (const each of lockCases.filter(({ group }) => group === 'channel')) await each.prove(subject);
 * ```
 */
export const lockCases: readonly PartCase<LockSubject>[] = partCases({
  mutex: mutexes,
  semaphore: semaphores,
  condition: conditions,
  channel: channels,
  deferred: deferreds,
  withTimeout: timeouts,
  ...{ reports: reports.map(ofOurWords), refusals },
});
