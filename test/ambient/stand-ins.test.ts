/** Leaves out each stand-in in turn: what simulates with the rest has to show it. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import perfHooks, { performance as hooksPerformance } from 'node:perf_hooks';
import nodeTimers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { MessageChannel as ThreadChannel, type MessagePort as ThreadPort } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { defineScenario, type Simulation } from 'dryrunner';
import { ambientTime, watchEscapes } from 'dryrunner/ambient';
import { createExecutor } from 'dryrunner/explore';
import { fifoDecisions } from 'dryrunner/kernel';
import { replacedStandIn, standIns, type StandIn } from '../../src/ambient/globals/stand-in.ts';

const ambient = ambientTime({ allow: [] });

const nothing = (): void => {};
const fires = (set: (resolve: () => void) => unknown): Promise<void> =>
  new Promise((resolve) => {
    set(resolve);
  });

const messageOn = (port: ThreadPort): Promise<unknown> =>
  new Promise((resolve) => {
    port.on('message', resolve);
  });

/** The class that code kept before the stand-ins were there. */
const { value: NodeDate } = (standIns.find(({ name }) => name === 'Date') as StandIn).before as {
  readonly value: DateConstructor;
};

/** The used subset of `Temporal`, which Node has since version 26. */
interface TemporalGlobal {
  readonly Now: Readonly<
    Record<
      'instant' | 'zonedDateTimeISO' | 'plainDateTimeISO' | 'plainTimeISO' | 'plainDateISO',
      () => { toJSON(): string }
    >
  >;
}

function useTemporal(sim: Simulation): void {
  const { Temporal } = globalThis as unknown as { readonly Temporal?: TemporalGlobal };
  if (Temporal === undefined) return;
  const { Now } = Temporal;
  const [day = '', ...seen] = [
    Now.plainDateISO(),
    Now.instant(),
    Now.zonedDateTimeISO(),
    Now.plainDateTimeISO(),
    Now.plainTimeISO(),
  ].map((one) => one.toJSON());
  sim.note(seen.join(' '));
  // Two runs on one day would see one date of the machine.
  sim.check(seen.join(' ').includes(`${day}T`), 'all are of one day');
}

/** Uses what there is, and puts all that it sees into the trace. */
async function useAll(sim: Simulation): Promise<void> {
  const note = (...seen: readonly unknown[]): void => sim.note(seen.map(String).join(' '));
  note(
    Date.now(),
    NodeDate.now(),
    new Date().getTime(),
    Date(),
    new (new Date(0).constructor as DateConstructor)().getTime(),
  );
  const format = new Intl.DateTimeFormat('en', {
    timeZone: 'UTC',
    fractionalSecondDigits: 3,
    second: 'numeric',
    minute: 'numeric',
  });
  note(
    format.format(),
    format
      .formatToParts()
      .map(({ value }) => value)
      .join(''),
  );
  note(
    performance.now(),
    hooksPerformance.timeOrigin,
    performance.mark('m').startTime,
    performance.measure('n', 'm').duration,
  );
  note(
    performance.measure('o').duration,
    performance.eventLoopUtilization().active,
    new Event('e').timeStamp,
  );
  note(
    process.hrtime().join(),
    process.hrtime.bigint(),
    process.uptime(),
    JSON.stringify(process.cpuUsage()),
    JSON.stringify((process as { threadCpuUsage?(): NodeJS.CpuUsage }).threadCpuUsage?.()),
  );
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  note(userCPUTime, systemCPUTime);
  note(Math.random(), crypto.randomInt(1e9), crypto.randomUUID(), globalThis.crypto.randomUUID());
  note(
    crypto.randomBytes(8).toString('hex'),
    crypto.getRandomValues(new Uint8Array(8)),
    globalThis.crypto.getRandomValues(new Uint8Array(8)),
  );
  note(crypto.randomFillSync(new Uint8Array(8)));
  const filled = new Uint8Array(8);
  await fires((done) => crypto.randomFill(filled, () => done()));
  note(filled);
  for (const {
    setTimeout: set,
    clearTimeout: clear,
    setInterval: repeat,
    clearInterval: end,
    setImmediate: soon,
    clearImmediate: not,
  } of [globalThis, nodeTimers]) {
    await fires((done) => set(done, 1));
    clear(set(nothing, 60_000));
    await fires((done) => {
      const interval = repeat(() => {
        end(interval);
        done();
      }, 1);
    });
    await fires((done) => soon(done));
    not(soon(nothing));
    note(performance.now());
  }
  await timersPromises.setTimeout(1);
  await timersPromises.setImmediate();
  await timersPromises.scheduler.wait(1);
  await timersPromises.scheduler.yield();
  const ticks = timersPromises.setInterval(1)[Symbol.asyncIterator]();
  await ticks.next();
  await ticks.return?.();
  await fires((done) => AbortSignal.timeout(1).addEventListener('abort', done));
  for (const make of [() => new MessageChannel(), () => new ThreadChannel()]) {
    const { port1, port2 } = make();
    const received = messageOn(port2);
    port1.postMessage('message');
    note(await received);
    port1.close();
    await timersPromises.setTimeout(1);
  }
}

/** Of the timeline of `performance`, each left out answers something else at once or is never heard of. */
async function useTimeline(sim: Simulation): Promise<void> {
  const isNamed = (entries: readonly { readonly name: string }[], ...names: readonly string[]): void =>
    sim.check(entries.map(({ name }) => name).join() === names.join(), `the entries are ${names.join()}`);
  performance.clearMarks();
  performance.clearMeasures();
  isNamed(performance.getEntries());
  for (const { PerformanceObserver: Observer, PerformanceMark: Mark } of [globalThis, perfHooks]) {
    const constructed = Reflect.construct(Mark, ['constructed']) as { readonly startTime: number };
    sim.note(String(constructed.startTime));
    const seen: string[] = [];
    const observer = new Observer((list) => seen.push(...list.getEntries().map(({ name }) => name)));
    observer.observe({ entryTypes: ['mark', 'measure'] });
    performance.mark('taken');
    isNamed(observer.takeRecords(), 'taken');
    performance.measure('heard');
    await timersPromises.setTimeout(1);
    observer.disconnect();
    performance.mark('unheard');
    await timersPromises.setTimeout(1);
    sim.check(seen.join() === 'heard', `${seen.join()} is heard`);
    isNamed(performance.getEntries(), 'heard', 'taken', 'unheard');
    isNamed(performance.getEntriesByType('measure'), 'heard');
    isNamed(performance.getEntriesByName('taken'), 'taken');
    performance.clearMarks('taken');
    isNamed(performance.getEntries(), 'heard', 'unheard');
    performance.clearMarks();
    performance.clearMeasures('heard');
  }
  isNamed(performance.getEntries());
}

const scenario = defineScenario({
  name: 'use-all',
  description: 'of a test',
  options: { ambient },
  async run(sim) {
    await useAll(sim);
    useTemporal(sim);
    await useTimeline(sim);
  },
});

/** What shows a leak: a failure, an escape, or two runs that differ. */
async function signs(): Promise<string[]> {
  const plain = createExecutor(scenario);
  const run = (executor = plain) => executor.execute({ source: fifoDecisions(), capturePlaces: true });
  const one = await run();
  // Two runs within a millisecond would see one date of the machine.
  for (const ended = Date.now(); Date.now() === ended;);
  const other = await run();
  const watch = watchEscapes(plain);
  await run(watch.executor);
  return [
    ...(one.failure === undefined ? [] : [`${one.failure.kind}: ${one.failure.message}`]),
    ...(one.traceHash === other.traceHash ? [] : ['two runs differ']),
    ...watch.escapes().map(({ what }) => what),
  ];
}

/** As if nobody had thought of it. */
async function without<T>(standIn: StandIn, run: () => Promise<T>): Promise<T> {
  const at = standIns.indexOf(standIn);
  standIns.splice(at, 1);
  Object.defineProperty(standIn.owner, standIn.key, standIn.before);
  syncBuiltinESMExports();
  try {
    return await run();
  } finally {
    Object.defineProperty(standIn.owner, standIn.key, standIn.now);
    standIns.splice(at, 0, standIn);
    // Or the next simulation would have the check that was made without it.
    replacedStandIn();
    syncBuiltinESMExports();
  }
}

/**
 * What clears knows the timers of a simulation by itself, these global classes come out of the module that has the stand-in too, and the
 * rest is only watched: that code replaces it is seen in bad-input.test.ts.
 */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['clearTimeout', 'clearInterval', 'clearImmediate'].flatMap((name) => [name, `${name} of node:timers`]),
  ...['MessageChannel', 'PerformanceObserver', 'PerformanceMark'],
  ...['Date.now', 'performance', 'crypto'],
]);
/** The same in two runs of one process: other tests look at what they give. */
const CONSTANT: ReadonlySet<string> = new Set([
  'performance.timeOrigin',
  'performance.eventLoopUtilization',
  'perf_hooks.eventLoopUtilization',
]);

describe('each stand-in left out', () => {
  test('with all of them two runs are equal and nothing escapes', async () => {
    expect(await signs()).toEqual([]);
  });

  test.for(
    standIns.filter(({ isOptional }) => !isOptional).map((standIn) => [standIn.name, standIn] as const),
  )('%s is missed by the double run, the watch for escapes or the end', async ([name, standIn]) => {
    const found = await without(standIn, signs);
    if (!HARMLESS.has(name) && !CONSTANT.has(name)) expect(found).not.toEqual([]);
    // What the machine was asked for may still come, in the next simulations.
    expect(replacedStandIn()).toBeUndefined();
  });

  test.for(
    standIns.filter(({ isOptional }) => !isOptional).map((standIn) => [standIn.name, standIn] as const),
  )('%s is named while it is replaced', ([name, { owner, key, before, now }]) => {
    Object.defineProperty(owner, key, before);
    // Node has getters of some global classes that read the module, whose own stand-in is in place.
    const isReplaced = now.get !== undefined || Reflect.get(owner, key) !== now.value;
    const replaced = replacedStandIn();
    Object.defineProperty(owner, key, now);
    expect(isReplaced || HARMLESS.has(name)).toBe(true);
    expect(replaced).toBe(isReplaced ? name : undefined);
    expect(replacedStandIn()).toBeUndefined();
  });
});
