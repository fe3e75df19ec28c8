/** `node:timers/promises`: `setTimeout`, `setImmediate`, `setInterval` and the scheduler. */
import timersPromises from 'node:timers/promises';
import { hub } from '../hub.ts';
import { standInFor } from './stand-in.ts';

interface TimerOptions {
  readonly signal?: AbortSignal;
  readonly ref?: boolean;
}

/** False for values that the original rejects. */
function areTimerOptions(options: unknown): options is TimerOptions | undefined {
  if (options === undefined) return true;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  const { signal, ref } = options as TimerOptions;
  return (
    (signal === undefined || signal instanceof AbortSignal) && (ref === undefined || typeof ref === 'boolean')
  );
}

/** False for values that the original rejects. */
function isDelay(ms: unknown): boolean {
  return ms === undefined || typeof ms === 'number';
}

function abortError({ reason }: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: reason });
  return Object.defineProperties(error, {
    name: { value: 'AbortError', configurable: true, writable: true, enumerable: false },
    code: { value: 'ABORT_ERR', configurable: true, writable: true, enumerable: true },
  });
}

/** A promise that `start` resolves. If the signal aborts, it rejects, and what was started is disposed of. */
function abortable<T>(
  options: TimerOptions | undefined,
  start: (resolve: (value: T) => void) => NodeJS.Timeout | NodeJS.Immediate,
): Promise<T> {
  const { signal, ref = true } = options ?? {};
  if (signal?.aborted === true) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const timer = start((result) => {
      signal?.removeEventListener('abort', cancel);
      resolve(result);
    });
    const cancel = (): void => {
      (timer as NodeJS.Timeout)[Symbol.dispose]();
      reject(abortError(signal as AbortSignal));
    };
    if (!ref) timer.unref();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

/** Puts the functions of `timers/promises` under the control of a running simulation. */
export function installPromisedTimers(): void {
  standInFor(
    'setTimeout of timers/promises',
    timersPromises,
    'setTimeout',
    (real: typeof timersPromises.setTimeout) => {
      const standIn = (ms?: number, value?: unknown, options?: TimerOptions): Promise<unknown> => {
        const { world } = hub;
        if (world === undefined || !isDelay(ms) || !areTimerOptions(options)) return real(ms, value, options);
        return abortable(options, (resolve) => world.setTimer('setTimeout', resolve, ms, [value]));
      };
      return standIn as typeof real;
    },
  );
  standInFor(
    'setImmediate of timers/promises',
    timersPromises,
    'setImmediate',
    (real: typeof timersPromises.setImmediate) => {
      const standIn = (value?: unknown, options?: TimerOptions): Promise<unknown> => {
        const { world } = hub;
        if (world === undefined || !areTimerOptions(options)) return real(value, options);
        return abortable(options, (resolve) => world.setImmediate(resolve, [value]));
      };
      return standIn as typeof real;
    },
  );
  standInFor(
    'setInterval of timers/promises',
    timersPromises,
    'setInterval',
    (real: typeof timersPromises.setInterval) => {
      const standIn = (ms?: number, value?: unknown, options?: TimerOptions): AsyncIterator<unknown> =>
        hub.world === undefined || !isDelay(ms) || !areTimerOptions(options)
          ? real(ms, value, options)
          : ticksOf(ms, value, options);
      return standIn as typeof real;
    },
  );
  installScheduler();
}

function installScheduler(): void {
  const scheduler = Object.getPrototypeOf(timersPromises.scheduler) as object;
  standInFor(
    'scheduler.wait',
    scheduler,
    'wait',
    (real: (this: unknown, ms: number, options?: TimerOptions) => Promise<unknown>) => {
      return function (ms, options) {
        if (hub.world === undefined || this !== timersPromises.scheduler) return real.call(this, ms, options);
        return timersPromises.setTimeout(ms, undefined, options);
      };
    },
  );
  standInFor('scheduler.yield', scheduler, 'yield', (real: (this: unknown) => Promise<unknown>) => {
    return function () {
      return hub.world === undefined ? real.call(this) : timersPromises.setImmediate();
    };
  });
}

/** As in Node, ticks that have not been consumed yet are kept. */
async function* ticksOf(ms: unknown, value: unknown, options: TimerOptions = {}): AsyncGenerator<unknown> {
  const { signal, ref = true } = options;
  const throwIfAborted = (): void => {
    if (signal?.aborted === true) throw abortError(signal);
  };
  throwIfAborted();
  let ticks = 0;
  let wake: (() => void) | undefined;
  const onTick = (): void => {
    ticks += 1;
    wake?.();
  };
  // Also if nobody asks for a tick any more.
  const onAbort = (): void => {
    clearInterval(interval);
    wake?.();
  };
  const interval = setInterval(onTick, ms as number);
  if (!ref) interval.unref();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      throwIfAborted();
      if (ticks === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
      for (; ticks > 0; ticks -= 1) yield value;
    }
  } finally {
    clearInterval(interval);
    signal?.removeEventListener('abort', onAbort);
  }
}
