import { describe, expect, test } from 'vitest';
import { createClock } from '@sinonjs/fake-timers';
import { fakeTimersWorld } from '../../src/ambient/fake-timers-world.ts';
import type { CaseContext } from '../../src/conformance/case-context.ts';
import { checkEqual } from '../../src/conformance/check.ts';
import type { ConformanceSubject, HeldWorld } from '../../src/conformance/subject.ts';
import { realWorld } from '../../src/host/real-world.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { waitForever } from '../../src/model/query.ts';
import type { RunState } from '../../src/model/run-state.ts';
import { type RunStatus, zeroStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK } from '../../src/model/state-mask.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import type { World } from '../../src/model/world.ts';
import { caseOf, noService } from './hand-made-cases.ts';
import { simulated } from './subjects.ts';

test('R211 a case of a simulation that does not end names the call without an answer, since when, and who waits', async () => {
  const never = (): Promise<never> => new Promise<never>(() => {});
  const subject: ConformanceSubject = {
    ...simulated,
    name: 'my queue',
    create: () => ({
      service: { ...noService, statusAll: () => Promise.reject(new Error('no')), abort: never },
    }),
  };
  const aborting = caseOf(async (t) => {
    const runner = await t.runner();
    await runner.statusAll().catch(() => undefined);
    await t.sleep(1);
    void runner.abort('3');
    await runner.abort('3');
  });
  const error: unknown = await aborting.prove(subject, { seeds: [1] }).catch((thrown: unknown) => thrown);
  expect((error as Error).message).toBe(
    [
      'R211 abort(run 3) of my queue, called at 10 ms, has no answer. Deadlock: nothing is due any more, and the scenario awaits a promise that nothing is left to settle (seed 1)',
      'the case waits for the answer to abort(run 3) from my queue since 10 ms (2 times)',
    ].join('\n'),
  );
});

test('R211 P2 a case of a simulation that waits while only periodic work fires has stalled, and says for what', async () => {
  const subject: ConformanceSubject = {
    ...simulated,
    name: 'my queue',
    create({ clock }) {
      const beat = (): void => void clock.timer('heartbeat', 1_000, beat);
      beat();
      return { service: { ...noService, abort: () => new Promise<never>(() => {}) } };
    },
  };
  const aborting = caseOf(async (t) => {
    await (await t.runner()).abort('3');
  });
  const error: unknown = await aborting.prove(subject, { seeds: [1] }).catch((thrown: unknown) => thrown);
  expect((error as Error).message).toBe(
    [
      'R211 abort(run 3) of my queue, called at 0 ms, has no answer. Stall: nothing but periodic work fires, and the scenario awaits a promise that nothing is left to settle (seed 1)',
      'the case waits for the answer to abort(run 3) from my queue since 0 ms',
      'repeats: heartbeat, every 1000 ms',
    ].join('\n'),
  );
});

test('a case of a simulation that sleeps for ever is cut off after a million events', async () => {
  const sleeping = caseOf(async (t) => {
    for (;;) await t.sleep(1);
  });
  await expect(sleeping.prove(simulated, { seeds: [1] })).rejects.toThrow(
    /^budget 1000000 events have fired/,
  );
});

describe('an answer that breaks a rule', () => {
  const statusOf = (state: RunState): RunStatus => ({ ...zeroStatus(''), runId: '7', state });
  const service = { initialized: true, isHealthy: true, error: '' };
  const never = (): Promise<never> => new Promise<never>(() => {});
  /** Shows run 7 as COMPLETE, and later as RUNNING to a wait, which ends when `release` is called. */
  const goesBack = (release: () => Promise<void>): Service => {
    const waits: (() => void)[] = [];
    const answers: Promise<QueryResult>[] = [];
    return {
      ...noService,
      status: () => Promise.resolve({ status: statusOf('COMPLETE'), service }),
      query() {
        const answer = { statuses: [statusOf('RUNNING')], service };
        const wait = new Promise<QueryResult>((resolve) => {
          waits.push(() => resolve(answer));
        });
        answers.push(wait);
        return wait;
      },
      async release() {
        for (const end of waits) end();
        await Promise.all(answers);
        await release();
      },
    };
  };
  const waitFor = (t: CaseContext, runner: Service): Promise<QueryResult> =>
    t.meanwhile(runner.query({ runs: ['7'], states: ALL_MASK }, waitForever()));
  const wanted = /^R4 query: expected run 7 to be COMPLETE, as an answer before it has shown, got RUNNING/;
  const heldWorld = (): HeldWorld => {
    const timers = createClock();
    return {
      world: fakeTimersWorld(timers),
      async advance() {
        await timers.tickAsync(0);
        const hasMore = timers.countTimers() > 0;
        if (hasMore) await timers.nextAsync();
        return hasMore;
      },
    };
  };
  const worlds: readonly (readonly [string, Partial<ConformanceSubject>])[] = [
    ['in virtual time', {}],
    ['on the machine’s time', { wallWorld: () => realWorld({ seed: 1 }) }],
    ['in held time', { heldWorld }],
  ];

  test.for(worlds)('fails a case %s also if it comes while the case is cleaned up', async ([, world]) => {
    const waiting = caseOf(async (t) => {
      const runner = await t.runner();
      await runner.status('7');
      void waitFor(t, runner);
    });
    for (const release of world.wallWorld === undefined
      ? [() => Promise.resolve()]
      : [() => Promise.resolve(), () => Promise.reject(new Error('no')), never]) {
      const subject = { ...simulated, ...world, create: () => ({ service: goesBack(release) }) };
      await expect(waiting.prove(subject, { cutOffMs: 300 })).rejects.toThrow(wanted);
    }
  });

  test.for(worlds)('is what a case %s fails with if it does not end afterwards', async ([, world]) => {
    const hanging = caseOf(async (t) => {
      const runner = await t.runner();
      await runner.status('7');
      const waiting = waitFor(t, runner);
      await runner.release();
      await waiting;
      await runner.statusAll();
    });
    const subject = {
      ...simulated,
      ...world,
      create: () => ({ service: { ...goesBack(() => Promise.resolve()), statusAll: never } }),
    };
    await expect(hanging.prove(subject, { cutOffMs: 300 })).rejects.toThrow(wanted);
  });
});

describe('a release that fails, or does not end', () => {
  const never = (): Promise<never> => new Promise<never>(() => {});
  const refuses = (): Promise<never> => Promise.reject(new Error('no release'));
  /** Two runners, of which the first one has that release. */
  const twoRunners = (log: string[], release: () => Promise<void>): ConformanceSubject => ({
    ...simulated,
    create() {
      const isFirst = log.push('create') === 1;
      return {
        service: {
          ...noService,
          release: async () => {
            log.push('release');
            if (isFirst) return release();
            for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
            log.push('released');
          },
        },
        dispose: async () => {
          log.push('dispose');
          if (isFirst) throw new Error('no dispose');
          return Promise.resolve();
        },
      };
    },
  });
  const both = caseOf(async (t) => {
    await t.runner();
    await t.runner();
  });
  const ALL = ['create', 'create', 'release', 'release', 'released', 'dispose', 'dispose'];
  const machine = { wallWorld: () => realWorld({ seed: 1 }) };

  test.for<readonly [string, Partial<ConformanceSubject>, () => Promise<void>, RegExp]>([
    ['in virtual time', {}, refuses, /^no release/],
    ['on the machine’s time', machine, refuses, /^no release/],
    ['on the machine’s time', machine, never, /^cut off after 30 ms: release\(\) of .*, has no answer$/],
    ['in virtual time', {}, () => Promise.resolve(), /^no dispose/],
    ['on the machine’s time', machine, () => Promise.resolve(), /^no dispose/],
  ])('R86 keeps no runner %s from being released and disposed of', async ([, world, release, message]) => {
    const log: string[] = [];
    const subject = { ...twoRunners(log, release), ...world };
    await expect(both.prove(subject, { cutOffMs: 300, seeds: [1] })).rejects.toThrow(message);
    expect(log).toEqual(ALL);
  });
});

test.for<readonly [string, object, readonly string[]]>([
  ['status()', { status: undefined }, ['release', 'dispose']],
  ['release()', { release: undefined }, ['dispose']],
])(
  'a service on the machine’s time that lacks %s is released, if it can be, and disposed of',
  async ([, lacks, ends]) => {
    const log: string[] = [];
    const release = async (): Promise<void> => void log.push('release');
    const subject: ConformanceSubject = {
      ...simulated,
      wallWorld: () => realWorld({ seed: 1 }),
      create: () => ({
        service: { ...noService, release, ...lacks },
        dispose: async () => void log.push('dispose'),
      }),
    };
    const asking = caseOf(async (t) => {
      await t.runner();
    });
    await expect(asking.prove(subject, { cutOffMs: 300 })).rejects.toThrow('expected { service } with');
    expect(log).toEqual(ends);
  },
);

describe('a case on the machine’s time that does not end', () => {
  const onMachine = (service: Service): ConformanceSubject => ({
    ...simulated,
    wallWorld: () => realWorld({ seed: 1 }),
    create: () => ({ service }),
  });
  const never = (): Promise<never> => new Promise<never>(() => {});
  const released = { ...noService, release: () => Promise.resolve() };

  test('is cut off, and says what it was waiting for', async () => {
    const waiting = caseOf(async (t) => {
      const runner = await t.runner();
      void runner.status('7');
      await t.until('the moon is blue', () => false);
    });
    const subject = onMachine({ ...released, status: never });
    await expect(waiting.prove(subject, { cutOffMs: 300 })).rejects.toThrow(
      /cut off after 300 ms: expected that the moon is blue; status\(run 7\) of .*, called at [\d.]+ ms, has no answer$/,
    );
    const abandoned = caseOf(async (t) => {
      await (await t.runner()).abort('3');
    });
    await expect(
      abandoned.prove(onMachine({ ...released, abort: never }), { cutOffMs: 300 }),
    ).rejects.toThrow(/cut off after 300 ms: abort\(run 3\) of .*, called at [\d.]+ ms, has no answer$/);
  });

  test('leaves no timer behind, although the case would wait on', async () => {
    let looks = 0;
    const waiting = caseOf(async (t) => {
      await t.runner();
      await t.until('the moon is blue', () => {
        looks += 1;
        return false;
      });
    });
    let pending = 0;
    const counting = (): World => {
      const world = realWorld({ seed: 1 });
      const timer: Clock['timer'] = (label, ms, fire) => {
        pending += 1;
        let isPending = true;
        const end = (): void => {
          if (isPending) pending -= 1;
          isPending = false;
        };
        const made = world.clock.timer(label, ms, () => {
          end();
          fire();
        });
        return {
          cancel() {
            end();
            made.cancel();
          },
        };
      };
      const { clock } = world;
      return {
        ...world,
        clock: {
          now: () => clock.now(),
          epochMs: clock.epochMs,
          timer,
          post: (label, fire) => clock.post(label, fire),
          endOfInstant: (label, ms, fire) => clock.endOfInstant(label, ms, fire),
        },
      };
    };
    const subject = { ...onMachine(released), wallWorld: counting };
    await expect(waiting.prove(subject, { cutOffMs: 300 })).rejects.toThrow('cut off after 300 ms');
    expect(looks).toBeGreaterThan(0);
    expect(pending).toBe(0);
  });

  test('is also cut off if only the release never returns, and a failure of the body comes first', async () => {
    const subject = onMachine({ ...noService, release: never });
    const making = caseOf(async (t) => {
      await t.runner();
    });
    await expect(making.prove(subject, { cutOffMs: 300 })).rejects.toThrow(
      /cut off after 30 ms: release\(\) of .*, has no answer$/,
    );
    const failing = caseOf(async (t) => {
      await t.runner();
      checkEqual('it', 1, 2);
    });
    await expect(failing.prove(subject, { cutOffMs: 300 })).rejects.toThrow('it: expected 2, got 1');
  });

  test('has no test framework time limit; in virtual time it has the configured one', () => {
    const some = caseOf(() => undefined);
    expect(some.timeoutMs(onMachine(noService))).toBe(0);
    expect(some.timeoutMs(simulated)).toBeUndefined();
  });
});
