import { readFileSync, watch as watchFolder, type FSWatcher } from 'node:fs';
import { promiseHooks } from 'node:v8';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { STALL_EVENTS_LEAST, STALL_STRETCH, StallWatch } from '../../src/simulation/stall-watch.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** Beats for ever, or until it is stopped. */
function heartbeat(sim: Simulation, ms: number, label = 'heartbeat'): () => void {
  let isOn = true;
  const beat = async (): Promise<void> => {
    while (isOn) await sleep(sim.world.clock, ms, label);
  };
  void beat();
  return () => {
    isOn = false;
  };
}

function nothing(): void {}

function never(): Promise<never> {
  return new Promise(nothing);
}

afterEach(() => {
  vi.restoreAllMocks();
});

async function rehearse(scenario: (sim: Simulation) => Promise<void>): Promise<Verdict> {
  return simulate({ scenario, leftovers: 'ignore' });
}

describe('P2: a scenario that waits while only periodic work fires has stalled', () => {
  test('with the wait that was lost, who waits, and the work with its period', async () => {
    const lost = async (sim: Simulation): Promise<void> => {
      heartbeat(sim, 1_000);
      heartbeat(sim, 250, 'look 7 of the watchdog');
      const runner = createSimulatedRunner(sim.world, { name: 'worker' });
      const { runId } = await runner.run({ argv: ['hang'] });
      await finalStatus(runner, runId);
    };
    const verdict = await rehearse(lost);
    expect(verdict.failure).toMatchObject({ kind: 'stall', rule: 'R211' });
    expect(verdict.failure?.message).toMatch(
      /^Stall: nothing but periodic work fires, and the scenario has not ended. Still held or awaited: /,
    );
    const details = verdict.failure?.details.join('\n');
    expect(details).toMatch(/^the wait for the end of run 0 on worker, since 0 ms\n/);
    expect(details).toMatch(
      /\nrepeats: look 7 of the watchdog, every 250 ms\nrepeats: heartbeat, every 1000 ms$/,
    );
    expect(verdict.firedEvents).toBeLessThan(140_000);
    const again = await simulate({ scenario: lost, replay: verdict.decisions(), leftovers: 'ignore' });
    expect([again.failure?.kind, again.traceHash]).toEqual(['stall', verdict.traceHash]);
  });

  test('also on a bare promise, beside work at one instant, and under the documented drain', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      const { clock } = sim.world;
      let turns = 0;
      const turn = (): void => {
        turns += 1;
        clock.post({ subject: String(turns), what: 'turn' }, turn);
      };
      turn();
      await never();
    };
    const { failure, virtualMs } = await simulate({ scenario, drain: 'documented' });
    expect(failure).toMatchObject({
      kind: 'stall',
      message:
        'Stall: nothing but periodic work fires, and the scenario awaits a promise that nothing is left to settle',
      details: ['repeats at one instant: # turn'],
    });
    expect(virtualMs).toBe(0);
  });

  test('at the line at which the scenario waits, if it is visible', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      heartbeat(sim, 5);
      await never();
    };
    const plain = await simulate({ scenario });
    const seen = await simulate({ scenario, captureAwaits: true });
    expect(seen.failure?.details[0]).toMatch(
      /^the scenario waits here, for a promise that nothing settles\n +at scenario \(.*stall\.test\.ts:\d+:\d+\)/,
    );
    expect(seen.failure?.details.slice(-1)).toEqual(plain.failure?.details);
    expect([seen.traceHash, seen.firedEvents]).toEqual([plain.traceHash, STALL_EVENTS_LEAST]);
  });

  test('in fewer events if checked for more often, and the page gives the default number', async () => {
    const { failure, firedEvents } = await simulate({
      stallLookEvery: 1_024,
      async scenario(sim) {
        heartbeat(sim, 5);
        await never();
      },
    });
    expect([failure?.kind, firedEvents]).toEqual(['stall', 5_504]);
    const page = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8');
    const stated = /A \*stall\* is noticed after ([\d,]+) events at the earliest: for ([\d,]+) of them/.exec(
      page,
    );
    const numbers = stated?.slice(1).map((text) => Number(text.replaceAll(',', '')));
    expect(numbers).toEqual([STALL_EVENTS_LEAST, STALL_STRETCH]);
  });

  test('something real that it waits for is an escape', async () => {
    const watchers: FSWatcher[] = [];
    const { failure } = await rehearse(async (sim) => {
      heartbeat(sim, 1);
      await new Promise((resolve) => {
        watchers.push(watchFolder(import.meta.dirname, resolve));
      });
    });
    watchers.forEach((watcher) => watcher.close());
    expect(failure).toMatchObject({ kind: 'escape', details: ['repeats: heartbeat, every 1 ms'] });
  });

  test('a bound that the scenario states is the only one, and its failure says who waits', async () => {
    const { failure, firedEvents } = await simulate({
      maxEvents: 200_000,
      leftovers: 'ignore',
      async scenario(sim) {
        heartbeat(sim, 5);
        const runner = createSimulatedRunner(sim.world, { name: 'worker' });
        const { runId } = await runner.run({ argv: ['hang'] });
        await finalStatus(runner, runId);
      },
    });
    expect([failure?.kind, firedEvents]).toEqual(['budget', 200_000]);
    expect(failure?.details[0]).toBe('repeats every event: heartbeat');
    expect(failure?.details.join()).toContain('worker');
  });
});

describe('what goes on has not stalled:', () => {
  test('a long sleep beside a heartbeat', async () => {
    const { held, failure } = await rehearse(async (sim) => {
      heartbeat(sim, 1_000);
      await sim.sleep(250_000_000);
    });
    expect([held, failure]).toEqual([true, undefined]);
  });

  test('a loop of the scenario, however far down', async () => {
    const { held, failure } = await rehearse(async (sim) => {
      heartbeat(sim, 1, 'scenario sleep');
      const loop = async (): Promise<void> => {
        for (let i = 0; i < 150_000; i += 1) await sim.sleep(1);
      };
      await Promise.all([loop(), (async () => loop())()]);
    });
    expect([held, failure]).toEqual([true, undefined]);
  });

  // Once they were watched, all promises of the thread cost a tenth more for good.
  test('a loop of the scenario, without watching its promises', async () => {
    const watched = vi.spyOn(promiseHooks, 'createHook');
    const { held } = await rehearse(async (sim) => {
      heartbeat(sim, 1);
      for (let i = 0; i < 150_000; i += 1) await sim.sleep(1);
    });
    expect([held, watched.mock.calls.length]).toEqual([true, 0]);
    const { failure } = await rehearse(async (sim) => {
      heartbeat(sim, 1);
      await never();
    });
    expect([failure?.kind, watched.mock.calls.length]).toEqual(['stall', 1]);
  });

  test.for<readonly [string, (sim: Simulation) => void]>([
    ['in promises', (sim) => void heartbeat(sim, 1)],
    [
      'in events that are async',
      (sim) => {
        const beat = async (): Promise<void> => {
          sim.world.clock.timer('beat', 1, () => void beat());
          await Promise.resolve();
        };
        void beat();
      },
    ],
  ])('other code %s is not asked again and again who awaits it', async ([, start]) => {
    const defined = vi.spyOn(Reflect, 'defineProperty');
    const { failure } = await rehearse(async (sim) => {
      start(sim);
      await never();
    });
    const stacks = defined.mock.calls.filter(([, key]) => key === 'prepareStackTrace').length;
    expect(failure?.kind).toBe('stall');
    expect(stacks).toBeGreaterThan(0);
    expect(stacks).toBeLessThan(1_000);
  });

  test('a loop each round of which takes thousands of events of others', async () => {
    const { held, failure } = await rehearse(async (sim) => {
      heartbeat(sim, 1, 'scenario sleep');
      for (let i = 0; i < 60; i += 1) await sim.sleep(5_000);
    });
    expect([held, failure]).toEqual([true, undefined]);
  });

  test('a hook of the end that takes long', async () => {
    const { held, failure } = await rehearse(async (sim) => {
      await sim.sleep(1);
      sim.onEnd(async () => {
        for (let i = 0; i < 150_000; i += 1) await sim.sleep(1);
      });
    });
    expect([held, failure]).toEqual([true, undefined]);
  });

  // The last of these continues in none but the last of the events that are looked at.
  test.for([1, 300, 24_000, 61_550])(
    'a loop that only takes what others bring in %d events',
    async (events) => {
      const { held, failure } = await rehearse(async (sim) => {
        let bring = (): void => undefined;
        let ticks = 0;
        const tick = (): void => {
          sim.world.clock.timer('tick', 1, tick);
          ticks += 1;
          if (ticks % events === 0) bring();
        };
        tick();
        while (ticks < 300_000) {
          await new Promise<void>((resolve) => {
            bring = resolve;
          });
        }
      });
      expect([held, failure]).toEqual([true, undefined]);
    },
  );

  test('a queue of runs that somebody else works through', async () => {
    const { held, failure } = await rehearse(async (sim) => {
      const runner = createFakeRunner(sim.world, { script: () => ({ runMs: 1 }) });
      await new Promise<void>((resolve) => {
        const work = async (left: number): Promise<void> => {
          const { runId } = await runner.run({ argv: ['build'] });
          await finalStatus(runner, runId);
          if (left === 0) resolve();
          else sim.world.clock.post('next', () => void work(left - 1));
        };
        void work(60_000);
      });
    });
    expect([held, failure]).toEqual([true, undefined]);
  });
});

describe('the watch', () => {
  /** Drives a clock with one ticking timer by hand; what is stalled, and when. */
  function watchOf(
    onTick: (fired: number) => void,
    held = (): number => 0,
  ): { at: number; repeats: unknown } {
    const clock = createVirtualClock();
    const watch = new StallWatch(clock, () => ({ progress: 0, held: held() }));
    const tick = (): void => {
      clock.timer('tick', 1, tick);
      onTick(clock.fired);
    };
    tick();
    while (clock.fired < 400_000) {
      if (clock.fired >= watch.lookAt) {
        const repeats = watch.look();
        if (repeats !== undefined) return { at: clock.fired, repeats };
      }
      clock.step();
    }
    watch.stop();
    return { at: Infinity, repeats: undefined };
  }

  test('decides after some hundred thousand events, and leaves the clock as it was', () => {
    const { at, repeats } = watchOf(() => undefined);
    expect(repeats).toEqual(['repeats: tick, every 1 ms']);
    expect(at).toBeGreaterThan(100_000);
    expect(at).toBeLessThan(200_000);
  });

  test('starts again at an unknown label', () => {
    const clock = createVirtualClock();
    let names = 'a';
    const watch = new StallWatch(clock, () => ({ progress: 0, held: 0 }));
    const tick = (): void => {
      if (clock.fired % 30_000 === 0) names += 'a';
      clock.timer(names, 1, tick);
    };
    tick();
    for (; clock.fired < 400_000; clock.step()) {
      if (clock.fired >= watch.lookAt) expect(watch.look()).toBeUndefined();
    }
    watch.stop();
  });

  test('ignores what grows: there is more each time', () => {
    let held = 0;
    const growing = watchOf(
      (fired) => {
        if (fired % 100 === 0) held += 1;
      },
      () => held,
    );
    expect(growing.repeats).toBeUndefined();
  });
});

test('a simulation whose flow is inspected restores how stacks are prepared', async () => {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const prepare = (): string => 'prepared';
  Object.defineProperty(Error, 'prepareStackTrace', { configurable: true, writable: true, value: prepare });
  try {
    const { failure } = await simulate({
      scenario: async (sim) => {
        const beat = async (): Promise<void> => {
          for (;;) await sim.sleep(1, 'heartbeat');
        };
        void beat();
        await new Promise(() => {});
      },
    });
    expect([failure?.kind, Error.prepareStackTrace]).toEqual(['stall', prepare]);
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', before);
  }
});
