// The generic scenario of locks finds what broken locks do wrong. Each breaks one promise of docs/locks.md.
import { expect, test } from 'vitest';
import { createChannel } from '../../src/locks/channel.ts';
import { createDeferred } from '../../src/locks/deferred.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { createSemaphore } from '../../src/locks/semaphore.ts';
import { withTimeout } from '../../src/locks/with-timeout.ts';
import { type LockParts, locksWorkload } from '../../sims/generic/locks.ts';
import { failureOf } from './first-failure.ts';

const FOUND_WITHIN = 4_000;

const broken: readonly (readonly [string, Partial<LockParts>, RegExp])[] = [
  [
    'serve in any order',
    {
      createMutex: (world, options) => {
        createMutex(world, options);
        return createMutex(world, { ...options, fair: false });
      },
    },
    /wait/,
  ],
  [
    'have a permit too many',
    {
      createSemaphore: (world, options) =>
        createSemaphore(world, { ...options, permits: options.permits + 1 }),
    },
    /are free, not/,
  ],
  [
    'wait a millisecond longer',
    { createChannel: (world, options) => longer(createChannel(world, options), 'receive') },
    /wait/,
  ],
  [
    'keep one value more',
    {
      createChannel: (world, options) =>
        createChannel(world, { ...options, capacity: (options.capacity ?? 0) + 1 }),
    },
    /as it was made|refused/,
  ],
  ['forget cancels', { createDeferred: (world, options) => patient(createDeferred(world, options)) }, /wait/],
  [
    'are settled twice',
    {
      createDeferred: (world, options) =>
        Object.assign(createDeferred<never>(world, options), { resolve: () => true }) as never,
    },
    /settled|wait/,
  ],
  [
    'drop late values',
    {
      withTimeout: (world, ms, task, options) =>
        withTimeout(
          world,
          ms,
          task,
          options?.signal === undefined ? { label: options?.label ?? '' } : options,
        ),
    },
    /too late|refused|wait/,
  ],
  [
    'are called otherwise in the trace',
    {
      createMutex: (world, options) =>
        createMutex(
          world,
          typeof options.name === 'string' && options.name !== ''
            ? { ...options, name: `${options.name}s` }
            : options,
        ),
    },
    /RUNNER_LOCK_NOT_HELD mutex \w+s:/,
  ],
];

/** A part of which one method waits longer than it is asked to. */
function longer<T extends object>(part: T, method: keyof T): T {
  const own = part[method] as (options?: { timeoutMs?: number }) => unknown;
  return Object.assign(part, {
    [method]: (options: { timeoutMs?: number } = {}) =>
      own.call(
        part,
        options.timeoutMs === undefined ? options : { ...options, timeoutMs: options.timeoutMs + 1 },
      ),
  });
}

function patient<T extends object>(part: T): T {
  const { wait: own } = part as unknown as { wait: (options: object) => unknown };
  return Object.assign(part, {
    wait: ({ signal: _, ...options }: { signal?: AbortSignal } = {}) => own.call(part, options),
  });
}

test.for(broken)('generic-locks finds locks that %s', async ([, parts, message]) => {
  expect(await failureOf(locksWorkload(parts), FOUND_WITHIN, message)).toMatch(message);
});
