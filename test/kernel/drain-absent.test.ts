import { afterEach, describe, expect, test, vi } from 'vitest';
import type { chooseDrain as ChooseDrain } from '../../src/kernel/drain.ts';
import type { Drain } from '../../src/kernel/drain-run.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

const host = process as { _tickCallback?: unknown };
const { _tickCallback: original } = host;

/** The drains as they are on a Node where `process._tickCallback` is `replacement`. */
async function loadWith(replacement: unknown): Promise<{
  readonly chooseDrain: typeof ChooseDrain;
  readonly fastDrain: Drain | undefined;
}> {
  host._tickCallback = replacement;
  vi.resetModules();
  const { fastDrain } = await import('../../src/kernel/drain-fast.ts');
  const { chooseDrain } = await import('../../src/kernel/drain.ts');
  return { chooseDrain, fastDrain };
}

async function sleepsUnder(drain: Drain): Promise<number> {
  const clock = createVirtualClock();
  const slept = (async () => {
    for (let i = 0; i < 3; i++) await sleep(clock, 5);
    return clock.now();
  })();
  await drain.run(() => clock.step());
  return slept;
}

afterEach(() => {
  host._tickCallback = original;
  vi.resetModules();
});

describe('on a Node without process._tickCallback', () => {
  test('there is no fast drain, and auto is the documented one', async () => {
    const { chooseDrain, fastDrain } = await loadWith(undefined);
    expect(fastDrain).toBeUndefined();
    expect(chooseDrain('auto').name).toBe('documented');
    expect(await sleepsUnder(chooseDrain('auto'))).toBe(15);
    expect(() => chooseDrain('fast')).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'drain: expected "auto" or "documented" on this Node, got "fast"',
      }),
    );
  });
});

describe('on a Node where process._tickCallback does not run everything', () => {
  const doNothing = (): void => {};

  test('auto falls back to the documented drain', async () => {
    const { chooseDrain } = await loadWith(doNothing);
    expect(await sleepsUnder(chooseDrain())).toBe(15);
  });

  test('the fast drain refuses to run', async () => {
    const { chooseDrain } = await loadWith(doNothing);
    await expect(chooseDrain('fast').run(() => 'stop')).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'drain: expected "documented", as this Node has no fast one',
    });
  });
});
