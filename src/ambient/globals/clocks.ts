/**
 * Stand-ins for the other APIs that read a clock: `performance`, `process.hrtime`, `process.uptime`, the processor times
 * of `process`, `AbortSignal.timeout`, `Event.timeStamp`.
 */
import perfHooks from 'node:perf_hooks';
import { hub } from '../hub.ts';
import { keepGlobal, replaceProperty, standInFor } from './stand-in.ts';

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;
const UINT32_MAX = 2 ** 32 - 1;

/** Puts the clocks of `performance`, `process`, `AbortSignal` and events under the control of a running simulation. */
export function installClocks(): void {
  installPerformance();
  installEventTimes();
  type HrTime = (this: unknown, since?: [number, number]) => [number, number];
  standInFor('process.hrtime', process, 'hrtime', (real: HrTime): HrTime => (since) => {
    const { world } = hub;
    const isRefused = since !== undefined && !(Array.isArray(since) && (since as number[]).length === 2);
    if (world === undefined || isRefused) return real(since);
    const ns = nsOf(world.now());
    const [sinceS, sinceNs] = since ?? [0, 0];
    const restNs = Number(ns % NS_PER_S) - sinceNs;
    const s = Number(ns / NS_PER_S) - sinceS;
    return restNs < 0 ? [s - 1, restNs + Number(NS_PER_S)] : [s, restNs];
  });
  standInFor('process.hrtime.bigint', process.hrtime, 'bigint', (real: () => bigint) => () => {
    const { world } = hub;
    return world === undefined ? real() : nsOf(world.now());
  });
  standInFor('process.uptime', process, 'uptime', (real: () => number) => () => {
    const { world } = hub;
    return world === undefined ? real() : world.now() / 1000;
  });
  installProcessorTimes();
  standInFor('AbortSignal.timeout', AbortSignal, 'timeout', (real: (ms: number) => AbortSignal) => (ms) => {
    const { world } = hub;
    const isDelay = Number.isInteger(ms) && ms >= 0 && ms <= UINT32_MAX;
    if (world === undefined || !isDelay) return real.call(AbortSignal, ms);
    const controller = new AbortController();
    const abort = (): void =>
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    world.setTimer('setTimeout', abort, ms, []).unref();
    return controller.signal;
  });
}

function installProcessorTimes(): void {
  type CpuUsage = (this: unknown, before?: NodeJS.CpuUsage) => NodeJS.CpuUsage;
  // The second is newer than Node 22.
  for (const key of ['cpuUsage', 'threadCpuUsage']) {
    standInFor(`process.${key}`, process, key, (real: CpuUsage): CpuUsage => {
      return (before) => {
        // The original throws for an invalid previous value.
        const used = real(before);
        return hub.world === undefined ? used : { user: 0, system: 0 };
      };
    });
  }
  type ResourceUsage = (this: unknown) => NodeJS.ResourceUsage;
  standInFor(
    'process.resourceUsage',
    process,
    'resourceUsage',
    (real: ResourceUsage): ResourceUsage =>
      () => {
        const used = real();
        return hub.world === undefined ? used : { ...used, userCPUTime: 0, systemCPUTime: 0 };
      },
  );
}

function installPerformance(): void {
  keepGlobal('performance');
  const prototype = Object.getPrototypeOf(performance) as object;
  standInFor('performance.now', prototype, 'now', (real: (this: unknown) => number) => {
    return function () {
      const { world } = hub;
      if (world === undefined) return real.call(this);
      // The original throws for any other receiver.
      if (this !== performance) {
        real.call(this);
      }
      return world.now();
    };
  });
  replaceGetter('performance.timeOrigin', prototype, 'timeOrigin', () => hub.world?.originMs);
  type Utilization = (this: unknown, ...args: unknown[]) => object;
  const utilization = (real: Utilization): Utilization => {
    return function (...args) {
      return hub.world === undefined ? real.call(this, ...args) : { idle: 0, active: 0, utilization: 0 };
    };
  };
  // The second is newer than Node 22.
  const owners = {
    'performance.eventLoopUtilization': prototype,
    'perf_hooks.eventLoopUtilization': perfHooks,
  };
  for (const [name, owner] of Object.entries(owners)) {
    standInFor<Utilization>(name, owner, 'eventLoopUtilization', utilization);
  }
}

/** Gives an event its time when it is dispatched or, if it never is in this way, when `timeStamp` is first read. */
function installEventTimes(): void {
  const times = new WeakMap<object, number>();
  type Dispatch = (this: unknown, event: unknown) => boolean;
  const dispatch = (real: Dispatch): Dispatch =>
    function (event) {
      const { world } = hub;
      if (world !== undefined && event instanceof Event && !times.has(event)) times.set(event, world.now());
      return real.call(this, event);
    };
  standInFor<Dispatch>('EventTarget.dispatchEvent', EventTarget.prototype, 'dispatchEvent', dispatch, true);
  replaceGetter('Event.timeStamp', Event.prototype, 'timeStamp', (event) => {
    const { world } = hub;
    const known = times.get(event);
    if (known !== undefined || world === undefined) return known;
    times.set(event, world.now());
    return world.now();
  });
}

/** `give` returns undefined to fall back to the original getter. */
function replaceGetter(
  name: string,
  owner: object,
  key: string,
  give: (self: object) => number | undefined,
): void {
  replaceProperty(name, owner, key, (before) => {
    const { get: real } = before as { readonly get?: (this: object) => unknown };
    if (real === undefined) return undefined;
    return {
      ...before,
      get(this: object) {
        return give(this) ?? real.call(this);
      },
    };
  });
}

function nsOf(ms: number): bigint {
  return BigInt(Math.round(ms * NS_PER_MS));
}
