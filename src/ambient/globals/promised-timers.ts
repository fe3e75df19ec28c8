/** `node:timers/promises`: `setTimeout`, `setImmediate`, `setInterval` and the scheduler. */
import { addAbortListener } from 'node:events';
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
  return (signal === undefined || isSignal(signal)) && (ref === undefined || typeof ref === 'boolean');
}

/** What Node takes for a signal, such as one of a package. */
function isSignal(signal: unknown): boolean {
  return typeof signal === 'object' && signal !== null && 'aborted' in signal;
}

/** False for values that the original rejects. */
function isDelay(ms: unknown): boolean {
  return ms === undefined || typeof ms === 'number';
}

/** As Node's, of which there is no constructor to call. */
class AbortError extends Error {
  readonly code: string = 'ABORT_ERR';
  override readonly name: string = 'AbortError';

  constructor({ reason }: AbortSignal) {
    super('The operation was aborted', { cause: reason });
  }
}

/** A promise that `start` resolves. If the signal aborts, it rejects, and what was started is disposed of. */
function abortable<T>(
  options: TimerOptions | undefined,
  start: (resolve: (value: T) => void) => NodeJS.Timeout | NodeJS.Immediate,
): Promise<T> {
  const { signal, ref = true } = options ?? {};
  if (signal?.aborted === true) return Promise.reject(new AbortError(signal));
  let listening: Disposable | undefined;
  const settled = new Promise<T>((resolve, reject) => {
    const timer = start(resolve);
    if (!ref) timer.unref();
    if (signal === undefined) return;
    // Node's listener, too, is called although another one stops the event.
    listening = addAbortListener(signal, () => {
      (timer as NodeJS.Timeout)[Symbol.dispose]();
      reject(new AbortError(signal));
    });
  });
  return listening === undefined ? settled : finished(settled, listening);
}

/** Settled: to await it takes one microtask. */
const SETTLED: Promise<void> = Promise.resolve();

/** Takes as many microtasks as the `finally` with which Node removes its listener. */
async function finished<T>(settled: Promise<T>, listening: Disposable): Promise<T> {
  try {
    return await settled;
  } finally {
    await SETTLED;
    listening[Symbol.dispose]();
    for (let more = 0; more < 3; more += 1) await SETTLED;
  }
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
      if (hub.world === undefined || this !== timersPromises.scheduler) return real.call(this);
      return timersPromises.setImmediate();
    };
  });
}

/** As in Node, ticks that have not been consumed yet are kept. */
async function* ticksOf(ms: unknown, value: unknown, options: TimerOptions = {}): AsyncGenerator<unknown> {
  const { signal, ref = true } = options;
  const throwIfAborted = (): void => {
    if (signal?.aborted === true) throw new AbortError(signal);
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
  const listening = signal && addAbortListener(signal, onAbort);
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
    listening?.[Symbol.dispose]();
  }
}
