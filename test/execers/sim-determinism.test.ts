import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readModules } from '../../scripts/module-graph.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import type { SimStep } from '../../src/execers/sim-step.ts';
import { simScript } from '../../src/execers/sim-step.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { aborted, complete, fireAll, loggedCommand, statusOf, traceLine } from './sim-world.ts';
import { shortScript } from './step-arbitrary.ts';

/** All that can be seen of some processes under one seed; each is aborted and resumed at times of its own. */
function rehearse(scripts: readonly (readonly SimStep[])[], seed: number): string[] {
  const seen: string[] = [];
  const choices = createDecisions(randomDecisions(seed));
  const clock = createVirtualClock({ choices, onFire: ({ topic }) => seen.push(`fired ${topic.text}`) });
  const tracer = { record: (event: TraceEvent) => void seen.push(traceLine(event)) };
  const execer = createSimExecer({ clock, tracer, graceMs: 4, memoryCapBytes: 100, memoryPeriodMs: 5 });
  scripts.forEach((script, index) => {
    const process = execer.exec({ ...loggedCommand(clock, seen, simScript(...script)), runId: `${index}` });
    clock.timer(`resume ${index}`, 2 * index, () => void execer.resume());
    clock.timer(`abort ${index}`, 5 * index, () => {
      void process.abort();
    });
    clock.timer(`end ${index}`, 100, () => seen.push(JSON.stringify(statusOf(process))));
  });
  fireAll(clock);
  return seen;
}

describe('the simulation of processes', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  const scripts = fc.array(shortScript, { minLength: 1, maxLength: 5 });

  test('R143 the same scripts under the same seed give the same events in the same order', () => {
    fc.assert(
      fc.property(scripts, fc.nat(), (some, seed) => {
        expect(rehearse(some, seed)).toEqual(rehearse(some, seed));
      }),
    );
  });

  test('R120 R129 R141 under every seed each process has ended once its abort is over, and none is left', () => {
    fc.assert(
      fc.property(scripts, fc.nat(), (some, seed) => {
        const seen = rehearse(some, seed);
        expect(seen.filter((line) => line === '"running"')).toEqual([]);
        const count = (what: string) => seen.filter((line) => line.includes(` ${what} process/`)).length;
        expect(count('freed')).toBe(count('acquired'));
      }),
    );
  });

  test('R104 R120 D60 end and abort at one instant: in either order all calls give one status, and both orders occur', () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const clock = createVirtualClock({ choices: createDecisions(randomDecisions(seed)) });
      const execer = createSimExecer({ clock });
      const process = execer.exec({ ...loggedCommand(clock, [], ['sleep 10', 'complete 7']), runId: 'r' });
      const statuses: unknown[] = [];
      clock.timer('abort', 10, () => void statuses.push(process.abort()));
      clock.timer('wait', 20, () => void statuses.push(process.wait(), process.abort()));
      fireAll(clock);
      const [first, ...others] = statuses;
      expect(others).toEqual([first, first]);
      expect([complete(7), aborted('SIGTERM')]).toContainEqual(first);
      outcomes.add(JSON.stringify(first));
    }
    expect(outcomes.size).toBe(2);
  });

  test('R143 no real clock, timer or random source is touched while scripts run', () => {
    const some = fc.sample(scripts, { seed: 7, numRuns: 50 });
    const expected = some.map((script) => rehearse(script, 1));
    const touched: string[] = [];
    const trap = (name: string) => () => {
      touched.push(name);
      throw new Error(`${name} was touched`);
    };
    const names = [
      'Date',
      'performance',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'queueMicrotask',
      'crypto',
    ];
    for (const name of names) {
      vi.stubGlobal(name, new Proxy(trap(name), { get: trap(name), construct: trap(name) }));
    }
    vi.spyOn(Math, 'random').mockImplementation(trap('Math.random'));
    const actual = some.map((script) => rehearse(script, 1));
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    expect(touched).toEqual([]);
    expect(actual).toEqual(expected);
  });

  test('R143 the execers import the kernel and the model only: no file, process or network', () => {
    const targets = readModules(['src/execers']).flatMap(({ imports }) =>
      imports.map(({ specifier }) => specifier),
    );
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.filter((specifier) => !/^\.(\.\/(kernel|model))?\/[a-z-]+\.ts$/.test(specifier))).toEqual(
      [],
    );
  });
});
