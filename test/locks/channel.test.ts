import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { createChannel } from '../../src/locks/channel.ts';
import { movedItems } from '../moved-items.ts';
import { holds, refusal } from './in-simulation.ts';

test('who sends waits while it is full, who receives while it is empty', async () => {
  await holds(async (sim) => {
    const jobs = createChannel<string>(sim.world, { name: 'jobs', capacity: 2 });
    await jobs.send('a');
    await jobs.send('b');
    let isSent = false;
    const sending = jobs.send('c').then(() => (isSent = true));
    await sim.sleep(5);
    expect([jobs.size, isSent]).toEqual([2, false]);
    expect(await jobs.receive()).toBe('a');
    await sending;
    expect([await jobs.receive(), await jobs.receive(), jobs.size]).toEqual(['b', 'c', 0]);
    const receiving = jobs.receive();
    await jobs.send('d');
    expect(await receiving).toBe('d');
  });
});

test('without capacity each sender waits for a receiver', async () => {
  await holds(async (sim) => {
    const jobs = createChannel<undefined>(sim.world, { name: 'jobs' });
    const sending = jobs.send(undefined).then(() => sim.now());
    await sim.sleep(5);
    expect(await jobs.receive()).toBe(undefined);
    expect(await sending).toBe(5);
  });
});

test('what was sent can be received after closing, and nothing can be sent', async () => {
  await holds(async (sim) => {
    const jobs = createChannel<number>(sim.world, { name: 'jobs', capacity: 2 });
    await jobs.send(1);
    await jobs.send(2);
    const late = refusal(() => jobs.send(3, { owner: 'a' }));
    jobs.close();
    jobs.close();
    expect(await late).toBe('RUNNER_CHANNEL_CLOSED channel jobs is closed: a waited to send to it');
    expect(await refusal(() => jobs.send(4))).toBe(
      'RUNNER_CHANNEL_CLOSED channel jobs is closed: scenario sends to it',
    );
    const values: number[] = [];
    for await (const value of jobs) values.push(value);
    expect([values, jobs.isClosed]).toEqual([[1, 2], true]);
    expect(await refusal(() => jobs.receive({ owner: 'b' }))).toBe(
      'RUNNER_CHANNEL_CLOSED channel jobs is closed: it is empty, and b receives from it',
    );
  });
});

test('closing ends those who wait to receive, once what is there was received', async () => {
  await holds(async (sim) => {
    const jobs = createChannel<number>(sim.world, { name: 'jobs', capacity: 9 });
    const all = async (): Promise<number[]> => {
      const values: number[] = [];
      for await (const value of jobs) values.push(value);
      return values;
    };
    const both = Promise.all([all(), all()]);
    await sim.sleep(1);
    for (const value of [1, 2, 3, 4, 5]) await jobs.send(value);
    jobs.close();
    expect((await both).flat().toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4, 5]);
  });
});

test('leaves no event behind if those whom it would serve have gone', async () => {
  await holds(async (sim) => {
    const jobs = createChannel<number>(sim.world, { name: 'jobs' });
    const { signal, abort } = cancelled();
    const both = [jobs.send(1, { signal }), jobs.receive({ signal })].map((wait) => refusal(() => wait));
    abort();
    expect((await Promise.all(both)).map((text) => text.split(' ')[0])).toEqual([
      'RUNNER_WAIT_CANCELLED',
      'RUNNER_WAIT_CANCELLED',
    ]);
  });
});

function cancelled(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

test('refuses a capacity that is none', async () => {
  await holds(async (sim) => {
    for (const capacity of [-1, 0.5, Number.NaN]) {
      expect(await refusal(() => createChannel(sim.world, { name: 'jobs', capacity }))).toBe(
        `RUNNER_INVALID_ARGUMENT capacity: expected an integer ≥ 0, or Infinity, got ${capacity}`,
      );
    }
    const unbounded = createChannel<number>(sim.world, { name: 'jobs', capacity: Infinity });
    for (let value = 0; value < 100; value += 1) await unbounded.send(value);
    expect(unbounded.size).toBe(100);
  });
});

const act = fc.record({
  kind: fc.constantFrom('send', 'receive'),
  atMs: fc.nat(6),
  timeoutMs: fc.constantFrom(0, 1, 2, 3),
  isCancelled: fc.boolean(),
});

test('each value that was sent is received by one, in the order of sending, also if others give up meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 14 }),
      fc.nat(3),
      fc.nat(1_000),
      async (acts, capacity, seed) => {
        await holds(async (sim) => {
          const jobs = createChannel<number>(sim.world, { name: 'jobs', capacity });
          const asked: number[] = [];
          const unsent = new Set<number>();
          const received: number[] = [];
          const receivers: number[] = [];
          const got = new Map<number, number>();
          const perform = async (
            { kind, atMs, timeoutMs, isCancelled }: (typeof acts)[number],
            id: number,
          ): Promise<void> => {
            await sim.sleep(atMs);
            const controller = new AbortController();
            const timer = sim.world.clock.timer('cancel', timeoutMs, () => controller.abort());
            const limits = isCancelled ? { signal: controller.signal } : { timeoutMs };
            try {
              if (kind === 'send') {
                asked.push(id);
                await jobs.send(id, limits);
              } else {
                receivers.push(id);
                const value = await jobs.receive(limits);
                received.push(value);
                got.set(id, value);
              }
            } catch (error) {
              if (!isRunnerError(error)) throw error;
              if (kind === 'send') unsent.add(id);
            } finally {
              timer.cancel();
            }
          };
          await Promise.all(acts.map(perform));
          jobs.close();
          const rest: number[] = [];
          for await (const value of jobs) rest.push(value);
          expect([...received, ...rest]).toEqual(asked.filter((id) => !unsent.has(id)));
          // Who asked first got first.
          expect(receivers.flatMap((id) => got.get(id) ?? [])).toEqual(received);
          expect(rest.length).toBeLessThanOrEqual(capacity);
        }, seed);
      },
    ),
    { numRuns: 300 },
  );
});

test('a value costs the same however many wait', async () => {
  const values = 2_000;
  await holds(async (sim) => {
    const jobs = createChannel<number>(sim.world, { name: 'jobs', capacity: values });
    for (let n = 0; n < values; n += 1) await jobs.send(n);
    const received: number[] = [];
    const moved = await movedItems(async () => {
      while (jobs.size > 0) received.push(await jobs.receive());
    });
    expect(moved).toBeLessThan(20 * values);
    expect(received).toEqual(Array.from({ length: values }, (_, n) => n));
  });
});
