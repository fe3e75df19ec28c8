import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { documentedDrain } from '../../src/kernel/drain-documented.ts';
import { fastDrain } from '../../src/kernel/drain-fast.ts';
import type { Drain } from '../../src/kernel/drain-run.ts';
import { bindContext } from '../../src/kernel/drain-host.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

describe.each([fastDrain as Drain, documentedDrain])('AsyncLocalStorage under the $name drain', (drain) => {
  test('awaited sleeps keep the store of their own task, however they interleave', async () => {
    const storage = new AsyncLocalStorage<string>();
    const clock = createVirtualClock();
    const seen: string[] = [];
    const work = async (name: string, everyMs: number): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await sleep(clock, everyMs);
        await Promise.resolve();
        if (storage.getStore() === name) seen.push(name);
        await new Promise<void>((resolve) => {
          process.nextTick(resolve);
        });
        if (storage.getStore() === name) seen.push(name);
      }
    };
    const names = Array.from({ length: 20 }, (_, i) => `task ${i}`);
    const done = Promise.all(names.map((name, i) => storage.run(name, work, name, 1 + (i % 4))));
    await storage.run('driver', () => drain.run(() => clock.step()));
    await done;
    for (const name of names) expect(seen.filter((each) => each === name)).toHaveLength(10);
    expect(storage.getStore()).toBeUndefined();
  });

  test('a raw callback sees the store of its driver, a bound one that of its creator', async () => {
    const storage = new AsyncLocalStorage<string>();
    const clock = createVirtualClock();
    const seen: (string | undefined)[] = [];
    storage.run('maker', () => {
      clock.timer('raw', 1, () => seen.push(storage.getStore()));
      clock.timer(
        'bound',
        2,
        bindContext(() => void seen.push(storage.getStore())),
      );
    });
    await storage.run('driver', () => drain.run(() => clock.step()));
    expect(seen).toEqual(['driver', 'maker']);
  });
});

test('a bound function keeps its arguments and result', () => {
  expect(bindContext((a: number, b: string) => `${a}${b}`)(1, 'x')).toBe('1x');
});
