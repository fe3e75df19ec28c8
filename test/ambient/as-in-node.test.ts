// Small programs that log the same in a simulation as in Node.
import crypto from 'node:crypto';
import timersPromises from 'node:timers/promises';
import { expect, test } from 'vitest';
import { logOf } from './ambient-log.ts';

type Note = (what: unknown) => void;

/** How many microtasks pass from `settle` until a reaction of the promise runs. */
async function microtasksUntil(settled: Promise<unknown>, settle: () => void): Promise<number> {
  let isSettled = false as boolean;
  const end = (): void => void (isSettled = true);
  const resolved = Promise.resolve();
  settled.then(end, end);
  settle();
  let microtasks = 0;
  for (; !isSettled && microtasks < 20; microtasks += 1) await resolved;
  return microtasks;
}

function outcomeOf(call: () => unknown): string {
  try {
    return `returns ${String(call())}`;
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

test.for<readonly [title: string, play: (note: Note) => Promise<void> | void]>([
  [
    'a promised timer settles in the same microtask, with and without a signal',
    async (note) => {
      for (const options of [{}, { signal: new AbortController().signal }]) {
        let resolve: (() => void) | undefined;
        const value = new Promise<void>((settle) => {
          resolve = settle;
        });
        const settled = timersPromises.setImmediate(value, options);
        await timersPromises.setImmediate();
        note(await microtasksUntil(settled, () => resolve?.()));
      }
    },
  ],
  [
    'a promised timer that is aborted rejects in the same microtask, with the same error',
    async (note) => {
      const controller = new AbortController();
      const aborted = timersPromises.setTimeout(60_000, 'value', { signal: controller.signal });
      note(await microtasksUntil(aborted, () => controller.abort('why')));
      const error = await aborted.catch((thrown: unknown) => thrown as Error);
      note([String(error), (error as Error).constructor.name, { ...(error as Error) }]);
    },
  ],
  [
    'a promised timer takes a signal that is not of Node',
    async (note) => {
      const signal = Object.assign(new EventTarget(), { aborted: false, reason: 'why' });
      note(await timersPromises.setImmediate('value', { signal: signal as AbortSignal }));
      const aborted = timersPromises.setTimeout(60_000, 'value', { signal: signal as AbortSignal });
      signal.dispatchEvent(new Event('abort'));
      note(await aborted.catch((error: unknown) => (error as Error).cause));
    },
  ],
  [
    'a promised timer is aborted although a listener stops the event',
    async (note) => {
      for (const { begin } of [
        { begin: (signal: AbortSignal) => timersPromises.setTimeout(60_000, 'value', { signal }) },
        {
          begin: (signal: AbortSignal) =>
            timersPromises.setInterval(60_000, 'value', { signal })[Symbol.asyncIterator]().next(),
        },
      ]) {
        const controller = new AbortController();
        controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
        const aborted = begin(controller.signal).catch((error: unknown) => (error as Error).name);
        controller.abort();
        note(await Promise.race([aborted, timersPromises.setTimeout(5, 'not yet', { ref: false })]));
      }
    },
  ],
  [
    'the methods of the scheduler need their receiver',
    async (note) => {
      const { scheduler } = timersPromises;
      for (const begin of [() => scheduler.wait.call(null, 1), () => scheduler.yield.call(null)]) {
        note(await (async () => begin())().catch((error: unknown) => (error as Error).name));
      }
    },
  ],
  [
    'an immediate keeps no process alive once it has run or is cleared',
    async (note) => {
      const cleared = setImmediate(() => undefined);
      note(cleared.hasRef());
      clearImmediate(cleared);
      note([cleared.hasRef(), cleared.ref().hasRef()]);
      await new Promise<void>((resolve) => {
        const own = setImmediate(() => {
          note(own.hasRef());
          resolve();
        });
      });
    },
  ],
  [
    'null is no mark',
    (note) => {
      for (const given of [{ end: null }, { start: null }]) {
        note(outcomeOf(() => performance.measure('m', given as never)));
      }
      note(outcomeOf(() => performance.measure('m', undefined, null as never)));
    },
  ],
  [
    'an observer of nothing that is known is not called, and can observe something else',
    async (note) => {
      const observer = new PerformanceObserver((list) => note(list.getEntries().length));
      observer.observe({ type: 'unknown' as never, buffered: true });
      await timersPromises.setImmediate();
      observer.disconnect();
      observer.observe({ entryTypes: ['unknown' as never] });
      note(outcomeOf(() => observer.observe({ type: 'mark' })));
      observer.disconnect();
    },
  ],
  [
    'the global randomUUID needs its receiver, and that of node:crypto does not',
    (note) => {
      for (const { randomUUID } of [globalThis.crypto, crypto]) note(outcomeOf(() => randomUUID().length));
    },
  ],
  [
    'the callback of randomInt gets no error',
    (note) =>
      new Promise<void>((resolve) => {
        crypto.randomInt(5, (error, drawn) => {
          note([error, typeof drawn]);
          resolve();
        });
      }),
  ],
])('%s', async ([, play]) => {
  const real: unknown[] = [];
  await play((what) => void real.push(what));
  expect(real).not.toEqual([]);
  expect(await logOf(play)).toEqual(real);
});
