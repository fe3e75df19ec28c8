/**
 * The timeline of `performance`: `mark`, `measure`, `getEntries…`, `clear…`, and `PerformanceObserver`. Arguments that
 * Node rejects are passed to Node, so that its errors appear here too.
 */
import perfHooks, {
  PerformanceObserver,
  type MarkOptions,
  type MeasureOptions,
  type PerformanceEntry,
  type PerformanceObserverCallback,
} from 'node:perf_hooks';
import { hub } from '../hub.ts';
import {
  asMarkOf,
  namedEntries,
  type ObserverOptions,
  type PerformanceTimeline,
} from '../performance-timeline.ts';
import { replaceProperty, standInFor } from './stand-in.ts';

type Args = readonly unknown[];
type Method = (this: unknown, ...args: unknown[]) => unknown;
/** Calls Node's own function, which returns or throws. */
type AskNode = () => unknown;

/** Names of Node's milestones, which `performance` accepts as marks. */
const MILESTONES: ReadonlySet<unknown> = new Set([
  ...['nodeStart', 'v8Start', 'environment', 'loopStart', 'loopExit', 'bootstrapComplete'],
]);

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Puts marks and measures of `performance` under the control of a running simulation. */
export function installTimeline(): void {
  const prototype = Object.getPrototypeOf(performance) as object;
  const Performance = prototype.constructor as new () => object;
  /** `answer` gets the arguments, of which there are at least as many as Node's function requires. */
  const method = (
    key: string,
    argCount: number,
    answer: (timeline: PerformanceTimeline, args: Args, askNode: AskNode) => unknown,
  ): void => {
    standInFor<Method>(`performance.${key}`, prototype, key, (real): Method => {
      return function (...args) {
        const { world } = hub;
        if (world === undefined || args.length < argCount || !(this instanceof Performance)) {
          return real.apply(this, args);
        }
        return answer(world.timeline, args, () => real.apply(this, args));
      };
    });
  };
  method('mark', 1, (timeline, [name, options], askNode) => markOn(timeline, 'mark', name, options, askNode));
  method('measure', 1, (timeline, [name, start, end], askNode) => {
    if (typeof name !== 'string') return askNode();
    return measureOn(timeline, name, start, end, askNode);
  });
  method('clearMarks', 0, (timeline, [name], askNode) => {
    const text = textOf(name);
    if (MILESTONES.has(text)) return askNode();
    timeline.clearMarks(text);
    return undefined;
  });
  method('clearMeasures', 0, (timeline, [name]) => {
    timeline.clearMeasures(textOf(name));
  });
  method('getEntries', 0, (timeline) => timeline.entries());
  method('getEntriesByName', 1, (timeline, [name, type]) =>
    namedEntries(timeline.entries(), `${name as string}`, textOf(type)),
  );
  method('getEntriesByType', 1, (timeline, [type]) => {
    const wanted = `${type as string}`;
    return timeline.entries().filter(({ entryType }) => entryType === wanted);
  });
  installObservers();
  installClasses();
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : `${value as string}`;
}

function markOn(
  timeline: PerformanceTimeline,
  how: 'mark' | 'constructMark',
  name: unknown,
  options: unknown,
  askNode: AskNode,
): unknown {
  const text = `${name as string}`;
  const given = (options ?? {}) as MarkOptions;
  const startTime = isObject(given) && !Array.isArray(given) ? (given.startTime ?? undefined) : -1;
  const isRefused = startTime !== undefined && !(typeof startTime === 'number' && !(startTime < 0));
  if (isRefused || MILESTONES.has(text)) return askNode();
  return timeline[how](text, startTime, given.detail);
}

function measureOn(
  timeline: PerformanceTimeline,
  name: string,
  startOrOptions: unknown,
  endMark: unknown,
  askNode: AskNode,
): unknown {
  const options = isObject(startOrOptions) ? (startOrOptions as MeasureOptions) : {};
  const { start, end, duration, detail } = options;
  const areAll = start !== undefined && end !== undefined && duration !== undefined;
  const isPlaced = start !== undefined || end !== undefined;
  if (areAll || (isPlaced && endMark !== undefined)) return askNode();
  const timeOf = (mark: unknown): number => timeOfMark(timeline, mark);
  const given = endMark === undefined ? end : endMark;
  const endMs =
    given === undefined ? (afterStart(start, duration, timeOf) ?? performance.now()) : timeOf(given);
  const before = typeof startOrOptions === 'string' ? startOrOptions : start;
  if (before !== undefined) return timeline.measure(name, timeOf(before), endMs, detail);
  return timeline.measure(
    name,
    isPlaced && duration !== undefined ? endMs - timeOf(duration) : 0,
    endMs,
    detail,
  );
}

/** The end of a measure that has a start and a duration; undefined for others. */
function afterStart(
  start: unknown,
  duration: unknown,
  timeOf: (mark: unknown) => number,
): number | undefined {
  return start === undefined || duration === undefined ? undefined : timeOf(start) + timeOf(duration);
}

function timeOfMark(timeline: PerformanceTimeline, mark: unknown): number {
  if (typeof mark === 'number') {
    // Node throws for it, before it keeps anything.
    if (mark < 0) performance.mark('refused', { startTime: mark });
    return mark;
  }
  const name = `${mark as string}`;
  if (MILESTONES.has(name)) {
    return (performance.nodeTiming as unknown as Readonly<Record<string, number>>)[name] as number;
  }
  return timeline.timeOfMark(name);
}

/** The callback of each observer created since the stand-ins were installed. */
const callbacks = new WeakMap<object, PerformanceObserverCallback>();

type Observe = (this: unknown, options?: unknown) => void;
type Disconnect = (this: unknown) => void;
type TakeRecords = (this: unknown) => PerformanceEntry[];

function installObservers(): void {
  const Real = PerformanceObserver;
  const prototype = Real.prototype as { observe: Observe; disconnect: Disconnect };
  const { observe, disconnect } = prototype;
  /** Throws what Node throws for invalid options. */
  const check = (options: unknown): void => {
    const probe = new Real(() => {});
    observe.call(probe, isObject(options) ? { ...options, buffered: false } : options);
    disconnect.call(probe);
  };
  standInFor<Observe>('PerformanceObserver.observe', prototype, 'observe', (real): Observe => {
    return function (options) {
      const { world } = hub;
      const callback = callbacks.get(Object(this) as object);
      if (world === undefined || callback === undefined) real.call(this, options);
      else {
        check(options);
        world.timeline.observe(this as PerformanceObserver, callback, options as ObserverOptions);
      }
    };
  });
  standInFor<Disconnect>('PerformanceObserver.disconnect', prototype, 'disconnect', (real): Disconnect => {
    return function () {
      if (hub.world?.timeline.disconnect(this as PerformanceObserver) !== true) real.call(this);
    };
  });
  standInFor<TakeRecords>(
    'PerformanceObserver.takeRecords',
    prototype,
    'takeRecords',
    (real): TakeRecords => {
      return function () {
        return hub.world?.timeline.takeRecords(this as PerformanceObserver) ?? real.call(this);
      };
    },
  );
}

function installClasses(): void {
  standInForClass('PerformanceObserver', (args, make) => {
    const observer = make();
    callbacks.set(observer, args[0] as PerformanceObserverCallback);
    return observer;
  });
  standInForClass('PerformanceMark', (args, make, heir) => {
    const { world } = hub;
    if (world === undefined || args.length === 0) return make();
    const mark = markOn(world.timeline, 'constructMark', args[0], args[1], make) as object;
    return heir === undefined ? mark : asMarkOf(mark, heir);
  });
}

/** Replaces a class, as a global and in `node:perf_hooks`. */
function standInForClass(
  key: 'PerformanceObserver' | 'PerformanceMark',
  /** `heir` is the prototype of a class that extends this one. */
  construct: (args: Args, make: () => object, heir: object | undefined) => object,
): void {
  const Real = perfHooks[key] as new (...args: unknown[]) => object;
  const standIn = new Proxy(Real, {
    construct: (_, args: unknown[], made) =>
      construct(
        args,
        () => Reflect.construct(Real, args, made) as object,
        made.prototype === Real.prototype ? undefined : (made.prototype as object),
      ),
  });
  for (const [name, owner] of Object.entries({
    [key]: globalThis,
    [`${key} of node:perf_hooks`]: perfHooks,
  })) {
    replaceProperty(name, owner, key, ({ enumerable = false }) => ({
      value: standIn,
      writable: true,
      configurable: true,
      enumerable,
    }));
  }
}
