import { describe, expect, test } from 'vitest';
import { closeLazily } from '../../src/store/status-store.ts';
import { HEALTHY_SERVICE_STATUS, serviceStatus, type ServiceStatus } from '../../src/model/service-status.ts';
import { refused, rejectionOf, thrownBy } from '../model/thrown.ts';
import { everyRun, listed, settle, StoreWorld } from './store-world.ts';

const isHealthy = (service: ServiceStatus): boolean => service.isHealthy;
const textOf = (service: ServiceStatus | undefined): string =>
  service === undefined ? 'nothing' : `${service.initialized} ${service.isHealthy} ${service.error}`;

describe('the service status of a store', () => {
  test('R56 is replaced as a whole and touches no run', async () => {
    const world = new StoreWorld();
    world.newRuns(1);
    world.wait('run', everyRun('RUNNING'));
    world.store.updateService(serviceStatus(true, false, 'disk full'));
    expect(world.store.serviceStatus).toStrictEqual(serviceStatus(true, false, 'disk full'));
    world.store.updateService({ ...HEALTHY_SERVICE_STATUS });
    expect(world.store.serviceStatus).toStrictEqual(HEALTHY_SERVICE_STATUS);
    expect(await world.runs()).toBe('0 PENDING');
    expect(await world.news()).toEqual([]);
    expect(world.store.waitersVisited).toBe(0);
  });

  test('R39 R56 is a frozen copy', () => {
    const { store } = new StoreWorld();
    const mine = { initialized: true, isHealthy: true, error: '' };
    store.updateService(mine);
    mine.isHealthy = false;
    expect(store.serviceStatus).toStrictEqual(HEALTHY_SERVICE_STATUS);
    expect(Object.isFrozen(store.serviceStatus)).toBe(true);
  });

  test('anything but a service status is refused and changes nothing', () => {
    const { store } = new StoreWorld();
    const before = store.serviceStatus;
    const wrong = { initialized: true, isHealthy: true } as ServiceStatus;
    expect(thrownBy(() => store.updateService(wrong))).toBe(
      refused('service.error', 'a string', 'undefined'),
    );
    expect(store.serviceStatus).toBe(before);
  });
});

describe('awaitService', () => {
  test('R56 gives the current status if it satisfies, else the first that does', async () => {
    const world = new StoreWorld();
    const { store } = world;
    const wait = { timeoutMs: 50 };
    world.note(
      'now',
      store.awaitService((service) => !service.isHealthy, wait),
      textOf,
    );
    world.note('healthy', store.awaitService(isHealthy, wait), textOf);
    world.note(
      'broken',
      store.awaitService(({ error }) => error !== '', wait),
      textOf,
    );
    await world.pass(3);
    store.updateService(serviceStatus(true, false));
    await world.pass(1);
    store.updateService(serviceStatus(true, true));
    store.updateService(serviceStatus(true, true, 'noise'));
    expect(await world.news()).toEqual([
      '0 now false false ',
      '4 healthy true true ',
      '4 broken true true noise',
    ]);
    expect([store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R56 wakes in order of registration, each once', async () => {
    const world = new StoreWorld();
    for (const name of ['a', 'b', 'c']) {
      world.note(name, world.store.awaitService(isHealthy, { timeoutMs: Infinity }), textOf);
    }
    world.store.updateService(HEALTHY_SERVICE_STATUS);
    world.store.updateService(HEALTHY_SERVICE_STATUS);
    expect(await world.news()).toEqual(['a', 'b', 'c'].map((name) => `0 ${name} true true `));
  });

  test('R31 R32 R34 R35 ends at its deadline with nothing, by its signal, or never', async () => {
    const world = new StoreWorld();
    const stop = new AbortController();
    const { store } = world;
    world.note('at once', store.awaitService(isHealthy, { timeoutMs: 0, signal: stop.signal }), textOf);
    world.note('deadline', store.awaitService(isHealthy, { timeoutMs: 10 }), textOf);
    world.note('cancelled', store.awaitService(isHealthy, { timeoutMs: 40, signal: stop.signal }), textOf);
    world.note('met', store.awaitService(isHealthy, { timeoutMs: 30 }), textOf);
    world.note('for ever', store.awaitService(isHealthy, { timeoutMs: Infinity }), textOf);
    expect(world.clock.pending).toBe(3);
    await world.pass(20);
    stop.abort();
    await world.pass(0);
    world.clock.timer('heal', 10, () => store.updateService(HEALTHY_SERVICE_STATUS));
    await world.pass(10);
    expect(await world.news()).toEqual([
      '0 at once nothing',
      '10 deadline nothing',
      '20 cancelled RUNNER_WAIT_CANCELLED',
      '30 met true true ',
      '30 for ever true true ',
    ]);
    expect([store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('a predicate that throws ends its own wait and no other', async () => {
    const world = new StoreWorld();
    const { store } = world;
    const throwing = (thrown: unknown) => (service: ServiceStatus) => {
      if (service.isHealthy) throw thrown;
      return false;
    };
    const wait = { timeoutMs: Infinity };
    world.note('error', store.awaitService(throwing(new Error('mine')), wait));
    const bare = store.awaitService(throwing('bare'), wait);
    world.note('text', bare);
    world.note('other', store.awaitService(isHealthy, wait), textOf);
    store.updateService(HEALTHY_SERVICE_STATUS);
    expect(await world.news()).toEqual(['0 error mine', '0 text bare', '0 other true true ']);
    await expect(bare).rejects.toMatchObject({ message: 'bare', cause: 'bare' });
    world.note('at once', store.awaitService(throwing(new Error('now')), wait));
    expect(await world.news()).toEqual(['0 at once now']);
    expect(store.waiterCount).toBe(0);
  });

  test('a predicate that does not say true or false ends its own wait with what it returned', async () => {
    const world = new StoreWorld();
    const { store } = world;
    const wait = { timeoutMs: Infinity };
    const never: unknown = async () => false;
    expect(await rejectionOf(store.awaitService(never as typeof isHealthy, wait))).toBe(
      refused('predicate()', 'true or false', 'a Promise'),
    );
    const text: unknown = (service: ServiceStatus) => service.isHealthy && 'yes';
    world.note('text', store.awaitService(text as typeof isHealthy, wait), textOf);
    world.note('other', store.awaitService(isHealthy, wait), textOf);
    store.updateService(serviceStatus(true, false, 'down'));
    expect(await world.news()).toEqual([]);
    store.updateService(HEALTHY_SERVICE_STATUS);
    expect(await world.news()).toEqual(['0 text RUNNER_INVALID_ARGUMENT', '0 other true true ']);
    expect(store.waiterCount).toBe(0);
  });

  test('a predicate that writes to the store ends its wait once', async () => {
    const world = new StoreWorld();
    const { store } = world;
    const writing = (service: ServiceStatus): boolean => {
      if (service.error === 'outer') store.updateService(serviceStatus(true, true, 'inner'));
      return service.error !== '';
    };
    world.note('writing', store.awaitService(writing, { timeoutMs: 5 }), textOf);
    store.updateService(serviceStatus(true, true, 'outer'));
    expect(await world.news()).toEqual(['0 writing true true inner']);
    expect([store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R33 D15 a negative timeout and a missing predicate are refused', async () => {
    const { store } = new StoreWorld();
    expect(await rejectionOf(store.awaitService(() => true, { timeoutMs: -1 }))).toBe(
      refused('wait.timeoutMs', 'a number of milliseconds, 0 or more', '-1'),
    );
    expect(
      await rejectionOf(store.awaitService(undefined as unknown as typeof isHealthy, { timeoutMs: 1 })),
    ).toBe(refused('predicate', 'a function', 'undefined'));
  });
});

describe('close', () => {
  test('R84 ends all waits with the released error, in order of registration', async () => {
    const world = new StoreWorld({ name: 'node7' });
    world.newRuns(2);
    const stop = new AbortController();
    world.wait('run', listed(['0'], 'COMPLETE'), { timeoutMs: 50, signal: stop.signal });
    world.wait('runs', listed(['0', '1'], 'COMPLETE'));
    world.wait('all', everyRun('COMPLETE'));
    const last = world.store.query(everyRun('FAILED'), { timeoutMs: Infinity });
    world.note('service', world.store.awaitService(isHealthy, { timeoutMs: 50 }));
    world.store.close();
    expect(await rejectionOf(last)).toBe('RUNNER_RELEASED: node7 was released');
    expect(await world.news()).toEqual(
      ['run', 'runs', 'all', 'service'].map((name) => `0 ${name} RUNNER_RELEASED`),
    );
    stop.abort();
    expect([world.store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R84 afterwards reads that need no waiting and late writes still work, waits and new runs do not', async () => {
    const world = new StoreWorld();
    world.newRuns(2);
    world.write('0', 'COMPLETE');
    world.store.close();
    const text = 'RUNNER_RELEASED: store was released';
    const { store } = world;
    expect(world.write('1', 'RUNNING')).toBe('accepted');
    store.updateService(HEALTHY_SERVICE_STATUS);
    expect(await world.runs()).toBe('0 COMPLETE, 1 RUNNING');
    expect((await store.status('0')).status.state).toBe('COMPLETE');
    expect((await store.query(listed(['0'], 'COMPLETE'), { timeoutMs: 9 })).statuses).toHaveLength(1);
    expect((await store.query(everyRun('FAILED'), { timeoutMs: 0 })).statuses).toEqual([]);
    expect((await store.query(listed([]), { timeoutMs: 9 })).statuses).toEqual([]);
    expect(await store.awaitService(isHealthy, { timeoutMs: 9 })).toStrictEqual(HEALTHY_SERVICE_STATUS);
    expect(await rejectionOf(store.query(everyRun('FAILED'), { timeoutMs: 9 }))).toBe(text);
    expect(await rejectionOf(store.query(listed(['1'], 'FAILED'), { timeoutMs: Infinity }))).toBe(text);
    expect(await rejectionOf(store.awaitService(() => false, { timeoutMs: 9 }))).toBe(text);
    expect(await rejectionOf(store.query(listed(['0'], 'FAILED'), { timeoutMs: 9 }))).toMatch(
      /^RUNNER_CANNOT_HAPPEN/,
    );
    expect(thrownBy(() => store.newRun())).toBe(text);
    expect([store.waiterCount, world.clock.pending]).toEqual([0, 0]);
  });

  test('R84 accepts an error from the caller, and only the first call counts', async () => {
    const world = new StoreWorld();
    world.wait('first', everyRun('FAILED'));
    world.store.close(new Error('mine'));
    world.store.close(new Error('other'));
    world.store.close();
    world.wait('second', everyRun('FAILED'));
    expect(await world.news()).toEqual(['0 first mine', '0 second mine']);
    expect(() => world.store.newRun()).toThrow('mine');
    await settle();
  });

  test('R84 makes the error once, for whom it ends or refuses first, and for nobody if nobody asks', async () => {
    const idle = new StoreWorld();
    idle.newRuns(1);
    idle.wait('over', listed(['0'], 'COMPLETE'));
    idle.write('0', 'COMPLETE');
    await settle();
    closeLazily(idle.store, () => {
      throw new Error('made for nobody');
    });
    const [waited, unwaited] = [new StoreWorld(), new StoreWorld()];
    waited.wait('first', everyRun('FAILED'));
    for (const world of [waited, unwaited]) {
      let made = 0;
      closeLazily(world.store, () => new Error(`made ${(made += 1)}`));
      closeLazily(world.store, () => new Error('of another call'));
      world.wait('second', everyRun('FAILED'));
      expect(() => world.store.newRun()).toThrow('made 1');
    }
    expect(await waited.news()).toEqual(['0 first made 1', '0 second made 1']);
    expect(await unwaited.news()).toEqual(['0 second made 1']);
  });
});
