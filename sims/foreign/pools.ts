/** Packages that lend things, and give each to one at a time: pools, mutexes, semaphores. */
import { Crowd, outcome, passes, pauses, promised, settled, type ForeignScenario } from './promised.ts';
import { rarely } from '../zoo/odds.ts';

interface Resource {
  readonly id: number;
  isLent: boolean;
  isDestroyed: boolean;
}

interface GenericPool {
  readonly default: {
    createPool(
      factory: {
        create(): Promise<Resource>;
        destroy(resource: Resource): Promise<void>;
        validate?(resource: Resource): Promise<boolean>;
      },
      options: {
        max: number;
        min: number;
        acquireTimeoutMillis?: number;
        idleTimeoutMillis?: number;
        evictionRunIntervalMillis?: number;
        testOnBorrow?: boolean;
      },
    ): {
      acquire(): Promise<Resource>;
      release(resource: Resource): Promise<void>;
      destroy(resource: Resource): Promise<void>;
      drain(): Promise<void>;
      clear(): Promise<void>;
      readonly size: number;
      readonly borrowed: number;
      readonly pending: number;
    };
  };
}

function lendsScenario(name: string, says: string, countsDestruction: boolean): ForeignScenario {
  return promised<GenericPool>({
    package: 'generic-pool',
    name,
    says,
    // `max` speaks of those that are created.
    ...(countsDestruction
      ? { judged: { judgement: 'documented', of: /^max \d: \d resources at a time$/ } }
      : {}),
    leftovers: 'fail',
    async run(sim, { default: { createPool } }) {
      const max = sim.pick('max', [1, 2, 3]);
      const made: Resource[] = [];
      const alive = new Crowd();
      const pool = createPool(
        {
          async create() {
            alive.enter();
            await pauses(sim, 'creation', [0, 5, 20]);
            const resource = { id: made.length, isLent: false, isDestroyed: false };
            made.push(resource);
            return resource;
          },
          async destroy(resource) {
            resource.isDestroyed = true;
            if (!countsDestruction) alive.leave();
            await pauses(sim, 'destruction', [0, 5]);
            if (countsDestruction) alive.leave();
          },
        },
        {
          max,
          min: sim.pick('min', [0, 1]),
          acquireTimeoutMillis: 40,
          idleTimeoutMillis: 30,
          evictionRunIntervalMillis: 20,
        },
      );
      const clients: Promise<unknown>[] = [];
      for (let count = 0; count < 6; count += 1) {
        await pauses(sim, 'arrival', [0, 5, 20]);
        clients.push(
          outcome(
            (async () => {
              const asked = performance.now();
              const acquired = pool.acquire();
              const end = await outcome(acquired);
              const took = performance.now() - asked;
              sim.check(
                took <= 41,
                `acquireTimeoutMillis 40: ${end === 'resolved' ? 'served' : 'rejected'} after ${took} ms`,
              );
              const resource = await acquired;
              sim.check(
                !resource.isLent && !resource.isDestroyed,
                `resource ${resource.id} was lent twice, or after its end`,
              );
              resource.isLent = true;
              await pauses(sim, 'use', [0, 10, 30]);
              resource.isLent = false;
              await (rarely(sim, 'broken', 4) ? pool.destroy(resource) : pool.release(resource));
            })(),
          ),
        );
      }
      await Promise.all(clients);
      await passes(sim.pick('idle', [0, 50, 100]) + 1);
      await pool.drain();
      await pool.clear();
      await settled();
      sim.check(alive.most <= max, `max ${max}: ${alive.most} resources at a time`);
      sim.check(
        alive.now === 0,
        `drained and cleared, and ${alive.now} of ${made.length} resources were not destroyed`,
      );
    },
  });
}

export const genericPoolLends: ForeignScenario = lendsScenario(
  'generic-pool-lends',
  'at most max resources at any given time, each lent to one; acquire times out; after drain and clear all are destroyed',
  false,
);

export const genericPoolDestroying: ForeignScenario = lendsScenario(
  'generic-pool-destroying',
  'max is the maximum number of resources at any given time, those whose destruction has not ended yet among them',
  true,
);

export const genericPoolServes: ForeignScenario = promised<GenericPool>({
  package: 'generic-pool',
  name: 'generic-pool-serves',
  says: 'who acquires is served once a resource becomes available, also when creations fail meanwhile or resources turn out invalid',
  async run(sim, { default: { createPool } }) {
    let faults = 2;
    const pool = createPool(
      {
        async create() {
          await pauses(sim, 'creation', [0, 5]);
          if (faults > 0 && rarely(sim, 'creation fails', 3)) {
            faults -= 1;
            throw new Error('not created');
          }
          return { id: 0, isLent: false, isDestroyed: false };
        },
        destroy: () => Promise.resolve(),
        async validate() {
          await pauses(sim, 'validation', [0, 5]);
          if (faults === 0 || !rarely(sim, 'invalid', 3)) return true;
          faults -= 1;
          return false;
        },
      },
      { max: 1, min: 0, testOnBorrow: true },
    );
    for (let count = 0; count < 4; count += 1) {
      const acquired = pool.acquire();
      const end = await Promise.race([outcome(acquired), passes(500).then(() => 'late' as const)]);
      sim.check(
        end !== 'late',
        `nobody holds a resource, and acquire waits: ${pool.pending} pending, size ${pool.size}`,
      );
      if (end === 'resolved') await pool.release(await acquired);
    }
    sim.check(pool.borrowed === 0, `all were released: ${pool.borrowed} borrowed`);
  },
});

interface Tarn {
  readonly Pool: new (options: {
    create: () => Promise<Resource>;
    destroy: (resource: Resource) => Promise<void>;
    validate?: (resource: Resource) => boolean;
    min: number;
    max: number;
    acquireTimeoutMillis?: number;
    createTimeoutMillis?: number;
    destroyTimeoutMillis?: number;
    idleTimeoutMillis?: number;
    reapIntervalMillis?: number;
    createRetryIntervalMillis?: number;
    propagateCreateError?: boolean;
  }) => {
    acquire(): { readonly promise: Promise<Resource>; abort(): void };
    release(resource: Resource): boolean;
    destroy(): Promise<void>;
    numUsed(): number;
    numFree(): number;
    numPendingAcquires(): number;
    numPendingCreates(): number;
  };
}

function tarnScenario(name: string, says: string, countsLate: boolean): ForeignScenario {
  return promised<Tarn>({
    package: 'tarn',
    name,
    says,
    ...(countsLate ? { judged: { judgement: 'known', of: /^max \d: \d resources at a time$/ } } : {}),
    leftovers: 'fail',
    async run(sim, { Pool }) {
      const max = sim.pick('max', [1, 2, 3]);
      const made: Resource[] = [];
      /** Those whose destruction has not begun. */
      const alive = new Crowd();
      const left = new Set<Resource>();
      const late = new Set<Resource>();
      const pool = new Pool({
        async create() {
          const asked = performance.now();
          await pauses(sim, 'creation', [0, 5, 20, 35]);
          if (rarely(sim, 'creation fails', 5)) throw new Error('not created');
          const resource = { id: made.length, isLent: false, isDestroyed: false };
          const isLate = performance.now() - asked >= 30;
          if (isLate) late.add(resource);
          if (countsLate || !isLate) alive.enter();
          left.add(resource);
          made.push(resource);
          return resource;
        },
        async destroy(resource) {
          sim.check(!resource.isLent, `resource ${resource.id} was destroyed while it was lent`);
          if (countsLate || !late.has(resource)) alive.leave();
          await pauses(sim, 'destruction', [0, 5]);
          resource.isDestroyed = true;
          left.delete(resource);
        },
        min: sim.pick('min', [0, 1]),
        max,
        acquireTimeoutMillis: 60,
        createTimeoutMillis: 30,
        idleTimeoutMillis: 30,
        reapIntervalMillis: 10,
        createRetryIntervalMillis: 10,
      });
      const clients: Promise<unknown>[] = [];
      for (let count = 0; count < 6; count += 1) {
        await pauses(sim, 'arrival', [0, 5, 20]);
        clients.push(
          outcome(
            (async () => {
              const acquiring = pool.acquire();
              if (rarely(sim, 'abort', 5)) {
                setTimeout(() => acquiring.abort(), sim.pick('abort after', [1, 5, 20]));
              }
              const asked = performance.now();
              const end = await outcome(acquiring.promise);
              const took = performance.now() - asked;
              sim.check(
                took <= 61,
                `acquireTimeoutMillis 60: ${end === 'resolved' ? 'served' : 'rejected'} after ${took} ms`,
              );
              const resource = await acquiring.promise;
              sim.check(
                !resource.isLent && !resource.isDestroyed,
                `resource ${resource.id} was lent twice, or after its end`,
              );
              resource.isLent = true;
              await pauses(sim, 'use', [0, 10, 30]);
              resource.isLent = false;
              pool.release(resource);
            })(),
          ),
        );
      }
      await Promise.all(clients);
      await passes(sim.pick('idle', [0, 50, 100]) + 1);
      await pool.destroy();
      await passes(100);
      sim.check(alive.most <= max, `max ${max}: ${alive.most} resources at a time`);
      sim.check(left.size === 0, `destroyed, and ${left.size} of ${made.length} resources are left`);
      sim.check(pool.numUsed() === 0, `destroyed, and ${pool.numUsed()} are used`);
    },
  });
}

export const tarnLends: ForeignScenario = tarnScenario(
  'tarn-lends',
  'at most max resources, each lent to one; acquire times out; destroy waits for all to be returned and destroys them',
  false,
);

export const tarnLate: ForeignScenario = tarnScenario(
  'tarn-late-creations',
  'at most max resources, those among them whose creation took longer than createTimeoutMillis',
  true,
);

export const tarnServes: ForeignScenario = promised<Tarn>({
  package: 'tarn',
  name: 'tarn-serves',
  says: 'when a create fails it is retried until acquireTimeoutMillis has passed; with resources free, who acquires is served',
  leftovers: 'fail',
  async run(sim, { Pool }) {
    let faults = 2;
    let lent = 0;
    const pool = new Pool({
      async create() {
        await pauses(sim, 'creation', [0, 5]);
        if (faults > 0 && rarely(sim, 'creation fails', 3)) {
          faults -= 1;
          throw new Error('not created');
        }
        return { id: 0, isLent: false, isDestroyed: false };
      },
      destroy: () => Promise.resolve(),
      validate() {
        if (faults === 0 || !rarely(sim, 'invalid', 3)) return true;
        faults -= 1;
        return false;
      },
      min: 0,
      max: 2,
      acquireTimeoutMillis: 500,
      createRetryIntervalMillis: 10,
      idleTimeoutMillis: 20,
      reapIntervalMillis: 10,
    });
    const clients: Promise<unknown>[] = [];
    for (let count = 0; count < 5; count += 1) {
      await pauses(sim, 'arrival', [0, 5, 20]);
      const use = async (): Promise<void> => {
        const resource = await pool.acquire().promise;
        lent += 1;
        await pauses(sim, 'use', [0, 10]);
        pool.release(resource);
      };
      clients.push(outcome(use()));
    }
    await Promise.all(clients);
    sim.check(lent === 5, `5 acquired, ${lent} were served`);
    await pool.destroy();
    // A validation that has failed looks for further work a millisecond later, and finds none.
    await passes(2);
  },
});

interface MutexLock {
  acquire(): Promise<() => void>;
  runExclusive<T>(task: () => Promise<T> | T): Promise<T>;
  isLocked(): boolean;
  waitForUnlock(): Promise<void>;
  cancel(): void;
}
interface AsyncMutex {
  readonly Mutex: new () => MutexLock;
  readonly Semaphore: new (value: number) => {
    acquire(weight?: number): Promise<[value: number, release: () => void]>;
    getValue(): number;
  };
  readonly E_TIMEOUT: Error;
  withTimeout(mutex: MutexLock, ms: number): MutexLock;
}

export const asyncMutexExclusion: ForeignScenario = promised<AsyncMutex>({
  package: 'async-mutex',
  name: 'async-mutex-timeout',
  says: 'one holder at a time, in order; withTimeout rejects who has waited too long, who then never holds it',
  leftovers: 'fail',
  async run(sim, { Mutex, withTimeout }) {
    const plain = new Mutex();
    const mutex = withTimeout(plain, 40);
    const crowd = new Crowd();
    let served = -1;
    const clients: Promise<'resolved' | Error>[] = [];
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 10, 30]);
      const began = performance.now();
      const use = (): Promise<unknown> => {
        const took = performance.now() - began;
        sim.check(took <= 40, `timeout 40: served after ${took} ms`);
        sim.check(count > served, `call ${count} was served after call ${served}`);
        served = count;
        return crowd.inside(() => pauses(sim, 'use', [0, 10, 30, 40]));
      };
      const waited = (end: 'resolved' | Error): 'resolved' | Error => {
        const took = performance.now() - began;
        sim.check(end === 'resolved' || took <= 40, `timeout 40: rejected after ${took} ms`);
        return end;
      };
      clients.push(outcome(mutex.runExclusive(use)).then(waited));
    }
    await Promise.all(clients);
    await passes(200);
    sim.check(crowd.most <= 1, `${crowd.most} held it at once`);
    sim.check(!plain.isLocked(), 'all have settled, and it is locked');
  },
});

export const asyncMutexSemaphore: ForeignScenario = promised<AsyncMutex>({
  package: 'async-mutex',
  name: 'async-mutex-semaphore',
  says: 'a semaphore hands out no more than its value, by weight; each waiter is served once there is enough',
  leftovers: 'fail',
  async run(sim, { Semaphore }) {
    const semaphore = new Semaphore(3);
    let held = 0;
    const clients: Promise<unknown>[] = [];
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 10]);
      const weight = sim.pick('weight', [1, 2, 3]);
      const use = async (): Promise<void> => {
        const [, release] = await semaphore.acquire(weight);
        held += weight;
        sim.check(held <= 3, `value 3: ${held} were handed out`);
        await pauses(sim, 'use', [0, 10, 30]);
        held -= weight;
        release();
      };
      clients.push(use());
    }
    await Promise.all(clients);
    sim.check(semaphore.getValue() === 3, `all were released: ${semaphore.getValue()} of 3 are there`);
  },
});

interface AsyncSema {
  readonly Sema: new (
    count: number,
    options?: { capacity?: number },
  ) => {
    acquire(): Promise<unknown>;
    tryAcquire(): unknown;
    release(token?: unknown): void;
    drain(): Promise<unknown[]>;
    nrWaiting(): number;
  };
}

export const asyncSemaDrain: ForeignScenario = promised<AsyncSema>({
  package: 'async-sema',
  name: 'async-sema-drain',
  says: 'at most nr callers hold it at once; drain gets all tokens, so that no task is pending',
  leftovers: 'fail',
  async run(sim, { Sema }) {
    const capacity = sim.pick('capacity', [1, 2, 3]);
    const sema = new Sema(capacity);
    const crowd = new Crowd();
    const clients: Promise<unknown>[] = [];
    for (let count = 0; count < 6; count += 1) {
      await pauses(sim, 'arrival', [0, 10]);
      const use = async (): Promise<void> => {
        const token = await sema.acquire();
        await crowd.inside(() => pauses(sim, 'use', [0, 10, 30]));
        sema.release(token);
      };
      clients.push(use());
    }
    const tokens = await sema.drain();
    sim.check(crowd.now === 0, `drained, and ${crowd.now} hold it`);
    sim.check(tokens.length === capacity, `${capacity} tokens, and drain got ${tokens.length}`);
    sim.check(crowd.most <= capacity, `${capacity} tokens: ${crowd.most} held one at once`);
    for (const token of tokens) sema.release(token);
    await Promise.all(clients);
  },
});
