import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseDrain } from '../../src/kernel/drain.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { Cancellation } from '../../src/model/cancellation.ts';
import type { Checkout } from '../../src/model/filer.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createSimFiler } from '../../src/filers/sim-filer.ts';

const drain = (clock: VirtualClock): Promise<void> => chooseDrain().run(() => clock.step());

describe('what a simulated filer watches', () => {
  test('R171 R175 R205 D89 a second release is harmless, reported, and gives the first outcome', async () => {
    const clock = createVirtualClock();
    const trace: TraceEvent[] = [];
    const tracer = { record: (event: TraceEvent): void => void trace.push(event) };
    const plan = { release: [{ latencyMs: 5, fail: { text: 'stuck', exitCode: 213 } }] };
    const filer = createSimFiler({ clock, name: 'disk', runner: 'r1', tracer, plan });
    const checkout = filer.checkout('s') as Checkout;
    const first = checkout.release();
    const second = checkout.release();
    expect(second).toBe(first);
    await Promise.all([
      drain(clock),
      expect(first).rejects.toMatchObject({ exitCode: 213, message: 'stuck' }),
    ]);
    expect(filer.openCheckouts).toBe(0);
    const text = 'checkout s was released twice';
    expect(filer.violations).toEqual([{ atMs: 0, rule: 'released-twice', text }]);
    expect(filer.verify()).toEqual(filer.violations);
    const common = { at: 0, runner: 'r1', runId: '' };
    expect(trace).toEqual([
      { ...common, type: 'fault', operation: 'release', kind: 'fail', filer: 'disk' },
      { ...common, type: 'recorded', what: 'filer/disk released-twice', error: text, exitCode: 0 },
    ]);
  });

  test('R175 R205 a checkout still out at the end is reported, a failed one is not', () => {
    const clock = createVirtualClock();
    const filer = createSimFiler({ clock, plan: { checkout: [{ fail: { text: 'no' } }] } });
    expect(() => filer.checkout('a')).toThrow('no');
    const kept = filer.checkout('b') as Checkout;
    expect(filer.openCheckouts).toBe(1);
    expect(filer.verify()).toEqual([
      { atMs: 0, rule: 'never-released', text: 'checkout b was not released' },
    ]);
    expect(filer.violations).toEqual([]);
    void kept.release();
    expect(filer.verify()).toEqual([]);
  });

  test('R175 R205 updates are independent of checkouts, and of each other', async () => {
    const clock = createVirtualClock();
    const plan = { checkout: [{ latencyMs: 10 }], update: [{ latencyMs: 10 }, { latencyMs: 10 }, {}] };
    const filer = createSimFiler({ clock, plan });
    const pending = filer.checkout('a');
    const updates = [filer.update(), filer.update()];
    const out = filer.checkout('b') as Checkout;
    await drain(clock);
    for (const update of updates) await update;
    const late = await pending;
    void filer.update();
    expect(filer.violations).toEqual([
      { atMs: 0, rule: 'update-during-checkout', text: 'update while a is out' },
      { atMs: 0, rule: 'updates-overlap', text: 'update during another update' },
      { atMs: 0, rule: 'update-during-checkout', text: 'update while a is out' },
      { atMs: 0, rule: 'checkout-during-update', text: 'checkout b during an update' },
      { atMs: 10, rule: 'update-during-checkout', text: 'update while a, b is out' },
    ]);
    void late.release();
    void out.release();
    void filer.update();
    void (filer.checkout('c') as Checkout).release();
    expect(filer.violations).toHaveLength(5);
  });

  test('R175 a failed or cancelled update and checkout are over', async () => {
    const clock = createVirtualClock();
    const plan = {
      update: [{ fail: { text: 'no' } }, { hang: true }, { latencyMs: 3, fail: { text: 'no' } }],
      checkout: [{ hang: true }, { latencyMs: 3, fail: { text: 'no' } }],
    };
    const filer = createSimFiler({ clock, plan });
    expect(() => filer.update()).toThrow('no');
    for (const begin of [
      (cancel: Cancellation): MaybePromise<unknown> => filer.update(cancel),
      (cancel: Cancellation): MaybePromise<unknown> => filer.update(cancel),
      (cancel: Cancellation): MaybePromise<unknown> => filer.checkout('a', cancel),
      (cancel: Cancellation): MaybePromise<unknown> => filer.checkout('b', cancel),
    ]) {
      const cancel = new Cancellation();
      clock.timer('cancel', 5, () => cancel.cancel());
      await Promise.all([drain(clock), expect(Promise.resolve(begin(cancel))).rejects.toThrow()]);
    }
    void filer.update();
    void (filer.checkout('c') as Checkout).release();
    expect(filer.verify()).toEqual([]);
  });

  test('R175 R205 any well-behaved user breaks no rule, and every fault is in the trace', async () => {
    const behaviour = fc.record(
      {
        latencyMs: fc.nat({ max: 20 }),
        cancelMs: fc.nat({ max: 5 }),
        fail: fc.constant({ text: 'no' }),
        deaf: fc.constant(true),
      },
      { requiredKeys: [] },
    );
    const step = fc.record({ what: fc.constantFrom('checkout', 'update'), cancelAtMs: fc.nat({ max: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour), fc.array(step), async (behaviours, steps) => {
        const clock = createVirtualClock();
        const faults: string[] = [];
        const tracer = {
          record: (event: TraceEvent): void => {
            if (event.type === 'fault') faults.push(event.kind);
          },
        };
        const plan = { checkout: behaviours, update: behaviours };
        const filer = createSimFiler({ clock, plan, tracer });
        const expected: string[] = [];
        const used = { checkout: 0, update: 0 };
        const use = async (): Promise<void> => {
          for (const { what, cancelAtMs } of steps) {
            const kind = what;
            const { fail, deaf, cancelMs = 0 } = behaviours[used[kind]++] ?? {};
            if (fail !== undefined) expected.push('fail');
            if (deaf === true) expected.push('deaf');
            if (cancelMs > 0) expected.push('slow-cancel');
            const cancel = new Cancellation();
            const timer = clock.timer('cancel', cancelAtMs, () => cancel.cancel());
            const startMs = clock.now();
            try {
              const result = await filer[kind]('s' as never, cancel);
              await (result as Checkout | undefined)?.release();
            } catch {
              // Failures are part of the plan.
            }
            timer.cancel();
            if (cancel.cancelled && deaf !== true) {
              expect(clock.now() - startMs).toBeLessThanOrEqual(cancelAtMs + filer.cancelBoundMs);
            }
          }
        };
        await Promise.all([use(), drain(clock)]);
        expect(filer.verify()).toEqual([]);
        expect(faults).toEqual(expected);
        expect(clock.pending).toBe(0);
      }),
    );
  });
});
