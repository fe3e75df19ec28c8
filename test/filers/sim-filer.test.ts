import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { chooseDrain } from '../../src/kernel/drain.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { Cancellation } from '../../src/model/cancellation.ts';
import type { Checkout } from '../../src/model/filer.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createCountingUpdater } from '../../src/filers/counting-updater.ts';
import { composeFiler } from '../../src/filers/composed-filer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import { createMemoryFiler } from '../../src/filers/memory-filer.ts';
import { createMemoryTree } from '../../src/filers/memory-tree.ts';
import { createSimFiler } from '../../src/filers/sim-filer.ts';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createContentFiler } from '../../src/remote/content-filer.ts';
import type { Question } from '../../src/kernel/question.ts';

const drain = (clock: VirtualClock): Promise<void> => chooseDrain().run(() => clock.step());

/** Notes when and how a call ended, in the order of ends. */
function watch(clock: VirtualClock): {
  ends: string[];
  call: (name: string, begin: () => MaybePromise<unknown>) => void;
} {
  const ends: string[] = [];
  const call = (name: string, begin: () => MaybePromise<unknown>): void => {
    const attempt = async (): Promise<unknown> => begin();
    void attempt().then(
      (value) =>
        ends.push(`${clock.now()} ${name} ${(value as Checkout | undefined)?.path ?? String(value)}`),
      (error: Error & { code?: string }) =>
        ends.push(`${clock.now()} ${name} ${error.code ?? error.message}`),
    );
  };
  return { ends, call };
}

test('R191 a checkout of a simulated filer finds out that its directory is gone if that of its delegate does', async () => {
  const tree = createMemoryTree();
  const content = createMemoryContentStore();
  const delegate = createContentFiler({ content, tree });
  tree.writeFile('/src/main.c', 'int main;');
  const filer = createSimFiler({ clock: createVirtualClock(), delegate });
  const checkout = await filer.checkout(await filer.ingest('/src'));
  await checkout.requireIntact?.();
  tree.remove(checkout.path);
  await expect((async () => checkout.requireIntact?.())()).rejects.toMatchObject({
    code: 'RUNNER_DISK_FAILED',
  });
  const plain = await createSimFiler({ clock: createVirtualClock() }).checkout('a');
  expect('requireIntact' in plain).toBe(false);
});

describe('a simulated filer by plan', () => {
  test('R175 a hang ends once, when faults end, unless it was asked to stop or has ended', async () => {
    const clock = createVirtualClock();
    const heals: (() => void)[] = [];
    const plan = {
      checkout: [
        { hang: true },
        { hang: true, fail: { text: 'no' } },
        { hang: true, cancelMs: 20 },
        { hang: true },
        { latencyMs: 50 },
      ],
    };
    const filer = createSimFiler({ clock, plan, onHeal: (heal) => heals.push(heal) });
    const cancel = new Cancellation();
    const ends: string[] = [];
    const checkOut = async (id: string, cancellable?: Cancellation): Promise<void> => {
      try {
        const checkout = await filer.checkout(id, cancellable);
        ends.push(`${clock.now()} ${id}`);
        await checkout.release();
      } catch (error) {
        ends.push(`${clock.now()} ${id} ${(error as Error).message}`);
      }
    };
    const checkouts = ['a', 'b'].map((id) => checkOut(id));
    checkouts.push(checkOut('c', cancel), checkOut('d', cancel), checkOut('e'));
    clock.timer('cancel', 10, () => cancel.cancel());
    clock.timer('heal', 15, () => heals.forEach((heal) => heal()));
    clock.timer('heal again', 16, () => heals.forEach((heal) => heal()));
    await clock.runUntilIdle();
    await Promise.all(checkouts);
    expect(ends).toEqual([
      '10 d filer/sim checkout d was cancelled',
      '15 a',
      '15 b no',
      '30 c filer/sim checkout c was cancelled',
      '50 e',
    ]);
    expect([filer.openCheckouts, filer.verify()]).toEqual([0, []]);
  });

  test('R175 no fault of plan or menu strikes a call that begins after faults have ended', async () => {
    const clock = createVirtualClock();
    const heals: (() => void)[] = [];
    const faults: string[] = [];
    const filer = createSimFiler({
      clock,
      plan: {
        checkout: [
          { fail: { text: 'before' } },
          { hang: true },
          { latencyMs: 7, deaf: true },
          { latencyMs: 70, cancelMs: 20 },
        ],
        ingest: [{ fail: { text: 'no' } }],
        release: [{ fail: { text: 'no' } }],
      },
      menu: { checkout: [{ hang: true }] },
      choices: { choose: () => 1 },
      tracer: { record: (event: TraceEvent) => void faults.push(event.type) },
      onHeal: (heal) => heals.push(heal),
    });
    const { ends, call } = watch(clock);
    call('a', () => filer.checkout('a'));
    await drain(clock);
    heals.forEach((heal) => heal());
    const cancel = new Cancellation();
    for (const id of ['b', 'c', 'd']) call(id, () => filer.checkout(id, cancel));
    clock.timer('cancel', 5, () => cancel.cancel());
    await clock.runUntilIdle();
    call('e', async () => {
      const checkout = await filer.checkout('e');
      await checkout.release();
      return checkout;
    });
    call('ingest', () => filer.ingest('/a'));
    await clock.runUntilIdle();
    await drain(clock);
    expect([ends, faults]).toEqual([
      [
        '0 a RUNNER_FILER_FAILED',
        '0 b /virtual/checkout-0',
        '5 c RUNNER_CANCELLED',
        '5 d RUNNER_CANCELLED',
        '5 ingest 0',
        '5 e /virtual/checkout-1',
      ],
      ['fault'],
    ]);
  });

  test('R175 a release takes no time unless planned, and an empty menu asks nobody', () => {
    const clock = createVirtualClock();
    const choices = {
      choose: (): number => {
        throw new Error('was asked');
      },
    };
    const filer = createSimFiler({
      clock,
      latencyMs: 5,
      plan: { checkout: [{}] },
      menu: { checkout: [], release: [] },
      choices,
    });
    expect((filer.checkout('a') as Checkout).release()).toBeUndefined();
  });

  test('R175 a filer that is slow to cancel takes its usual time if not cancelled', () => {
    const filer = createSimFiler({ clock: createVirtualClock(), plan: { checkout: [{ cancelMs: 9 }] } });
    expect((filer.checkout('a', new Cancellation()) as Checkout).id).toBe('a');
  });

  test("R175 the delegate's content, failures and time are passed on", async () => {
    const clock = createVirtualClock();
    const memory = createMemoryFiler();
    memory.tree.writeFile('/src/x', '1');
    const updater = createCountingUpdater();
    const delegate = composeFiler({ checkouter: memory, ingester: memory, updater });
    const filer = createSimFiler({ clock, delegate, plan: { checkout: [{ latencyMs: 5 }, {}] } });
    const id = filer.ingest('/src') as string;
    const { ends, call } = watch(clock);
    call('late', () => filer.checkout('7'));
    call('now', () => filer.checkout('7'));
    call('update', () => filer.update());
    await drain(clock);
    expect(ends).toEqual(['0 now RUNNER_UNKNOWN_SNAPSHOT', '5 late RUNNER_UNKNOWN_SNAPSHOT']);
    updater.unpause();
    await drain(clock);
    expect(ends.slice(2)).toEqual(['5 update undefined']);
    const checkout = filer.checkout(id) as Checkout;
    expect(memory.tree.kindOf(`${checkout.path}/x`)).toBe('file');
    void checkout.release();
    expect(memory.tree.kindOf(checkout.path)).toBeUndefined();
    expect(filer.openCheckouts).toBe(0);
  });

  test('R173 R175 a finished operation leaves neither timer nor listener', async () => {
    const clock = createVirtualClock();
    const plan = {
      checkout: [{ latencyMs: 5 }, { latencyMs: 50, cancelMs: 20 }, { hang: true }, { latencyMs: 50 }],
    };
    const filer = createSimFiler({ clock, plan });
    for (const cancelAtMs of [undefined, 1, 1, 1]) {
      const cancel = new Cancellation();
      let listeners = 0;
      const { signal } = cancel;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...args: Parameters<typeof addEventListener>): void => {
        listeners += 1;
        addEventListener.apply(signal, args);
      };
      signal.removeEventListener = (...args: Parameters<typeof removeEventListener>): void => {
        if (args[0] === 'abort') listeners -= 1;
        removeEventListener.apply(signal, args);
      };
      if (cancelAtMs !== undefined) clock.timer('cancel', cancelAtMs, () => cancel.cancel());
      const ended = Promise.resolve(filer.checkout('s', cancel)).then(
        () => clock.pending,
        () => clock.pending,
      );
      await drain(clock);
      expect([await ended, listeners]).toEqual([0, 0]);
    }
  });

  test('R175 timers and errors name the call', async () => {
    const clock = createVirtualClock();
    const menu = { ingest: [{ latencyMs: 3 }] };
    const labels: string[] = [];
    // The length after the first push is the answer: 1.
    const choices = {
      choose: (asked: Question | string): number =>
        labels.push(typeof asked === 'string' ? asked : asked.text),
    };
    const filer = createSimFiler({ clock, latencyMs: 3, menu, choices });
    const cancel = new Cancellation();
    const checkout = filer.checkout('a', cancel);
    const paths = new Map([
      ['/x', 'one'],
      ['/y', 'two'],
    ]);
    const ingested = filer.ingestMap(paths);
    expect(clock.pendingEvents().map(({ topic }) => topic.text)).toEqual([
      'filer/sim checkout a',
      'filer/sim ingest one two',
    ]);
    cancel.cancel();
    await expect(checkout).rejects.toMatchObject({ message: 'filer/sim checkout a was cancelled' });
    await drain(clock);
    expect([await ingested, labels]).toEqual(['0', ['filer/sim ingest one two fault']]);
    const slow = createSimFiler({ clock, plan: { checkout: [{ hang: true, cancelMs: 4 }] } });
    const late = expect(slow.checkout('b', cancel)).rejects.toMatchObject({ code: 'RUNNER_CANCELLED' });
    expect(clock.pendingEvents().map(({ topic }) => topic.text)).toEqual(['filer/sim checkout b cancel']);
    await drain(clock);
    await late;
  });

  test('R175 every kind of fault is reported; latency is not a fault', () => {
    const clock = createVirtualClock();
    const kinds: unknown[] = [];
    const tracer = {
      record: (event: TraceEvent): void => {
        if (event.type === 'fault') kinds.push([event.runner, event.operation, event.kind]);
      },
    };
    const all = { latencyMs: 1, fail: { text: 'no' }, hang: true, deaf: true, cancelMs: 1 };
    const filer = createSimFiler({ clock, tracer, plan: { update: [all, { latencyMs: 1 }] } });
    void filer.update();
    void filer.update();
    const operation = 'update';
    expect(kinds).toEqual(['fail', 'hang', 'deaf', 'slow-cancel'].map((kind) => ['', operation, kind]));
  });

  test('a cancellation that is never used makes no signal', () => {
    const cancel = new Cancellation();
    const unread = {
      cancelled: false,
      get signal(): AbortSignal {
        throw new Error('signal was made');
      },
    };
    const filer = createSimFiler({ clock: createVirtualClock(), delegate: createVirtualFiler() });
    expect((filer.checkout('a', unread) as Checkout).id).toBe('a');
    expect(filer.ingest('/a', cancel)).toBe('0');
  });
});

describe('a simulated filer by choice', () => {
  const menu = { checkout: [{ latencyMs: 10 }, { fail: { text: 'no' } }], update: [{ latencyMs: 1 }] };

  test('R175 the same seed behaves the same, and seeds differ', async () => {
    const endsOf = async (seed: number): Promise<string> => {
      const clock = createVirtualClock();
      const filer = createSimFiler({ clock, menu, choices: createDecisions(randomDecisions(seed)) });
      const { ends, call } = watch(clock);
      for (let nth = 0; nth < 10; nth += 1) call(String(nth), () => filer.checkout('s'));
      await drain(clock);
      return ends.join('\n');
    };
    const seeds = [1, 2, 3, 4, 5];
    const once = await Promise.all(seeds.map(endsOf));
    expect(await Promise.all(seeds.map(endsOf))).toEqual(once);
    expect(new Set(once).size).toBe(seeds.length);
  });
});

describe('the options of a simulated filer', () => {
  test('R175 its bound is its slowest known cancellation, or the stated one', () => {
    const clock = createVirtualClock();
    const choices = { choose: (): number => 0 };
    const plan = { checkout: [{ cancelMs: 5 }, {}] };
    const menu = { ingest: [{ cancelMs: 9 }, { cancelMs: 8 }] };
    expect(createSimFiler({ clock, plan, menu, choices }).cancelBoundMs).toBe(9);
    expect(createSimFiler({ clock, plan, cancelBoundMs: 1 }).cancelBoundMs).toBe(1);
    expect(createSimFiler({ clock, updateIntervalMs: 7 }).updateIntervalMs).toBe(7);
  });

  test.for([
    [{ plan: { checkout: [{ latencyMs: -1 }] } }, 'a finite number ≥ 0'],
    [{ plan: { release: [{ cancelMs: Number.POSITIVE_INFINITY }] } }, 'a finite number ≥ 0'],
    [{ plan: { update: [{ fail: { text: '', exitCode: 0.5 } }] } }, 'an integer'],
  ] as const)('R175 %j is refused', ([options, expected]) => {
    expect(() => createSimFiler({ clock: createVirtualClock(), ...options })).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected }),
    );
  });

  test('R170 an id with NUL is refused before anything is counted', () => {
    const filer = createSimFiler({ clock: createVirtualClock() });
    expect(() => filer.checkout('a\0')).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }));
    expect(() => filer.checkoutAt('a', 'b')).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
    expect(filer.openCheckouts).toBe(0);
  });
});
