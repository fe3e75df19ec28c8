// The third kind of time: a clock of fake timers, moved by the suite one timer after another.
import { describe, expect, test } from 'vitest';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import type { Service } from '../../src/model/service.ts';
import { checkEqual } from '../../src/conformance/check.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { having } from './broken-services.ts';
import { caseOf, noService } from './hand-made-cases.ts';
import { heldWorld } from './held-world.ts';
import { chaosWithoutFaults, fake, polling, simulated } from './subjects.ts';

const onFakeTimers = (subject: ConformanceSubject): ConformanceSubject => ({
  ...subject,
  name: `${subject.name} on fake timers`,
  heldWorld,
});

for (const subject of [fake, simulated, chaosWithoutFaults, polling]) {
  describeRunner(onFakeTimers(subject), conformanceCases);
}

describe('a case in held time', () => {
  const released = { ...noService, release: () => Promise.resolve() };
  const of = (service: Service): ConformanceSubject =>
    onFakeTimers({ ...simulated, create: () => ({ service }) });

  test('fails as soon as nothing is left to happen, and says what it was waiting for', async () => {
    const never = (): Promise<never> => new Promise<never>(() => {});
    const aborting = caseOf(async (t) => {
      await t.sleep(1);
      await (await t.runner()).abort('3');
    });
    await expect(aborting.prove(of({ ...released, abort: never }))).rejects.toThrow(
      /^nothing is left to happen: abort\(run 3\) of .*, called at 10 ms, has no answer \(seed 1\)/,
    );
  });

  test('fails for a timer that is left', async () => {
    const leaving = caseOf(async (t) => {
      t.world.clock.timer('left', 20, () => undefined);
      await t.sleep(1);
    });
    await expect(leaving.prove(of(released))).rejects.toThrow(
      'a timer is left when all is released (seed 1)',
    );
    const ending = caseOf((t) => void t.world.clock.post('now', () => undefined));
    await ending.prove(of(released));
  });

  test('that goes on for ever is cut off', async () => {
    const endless = {
      ...simulated,
      heldWorld: (seed: string | number) => ({
        world: heldWorld(seed).world,
        advance: () => Promise.resolve(true),
      }),
    };
    await expect(caseOf(() => new Promise(() => {})).prove(endless)).rejects.toThrow(
      /^cut off after 200000 events: /,
    );
    const { failure } = await exploreRunner(endless, { sequences: 1 });
    expect(failure?.message).toMatch(
      /^cut off after 200000 events, and a call has not returned \(sequence 1 /,
    );
  });

  test('that goes on for ever is ended by a signal', async () => {
    const endless = caseOf(async (t) => {
      for (;;) await t.sleep(0.001);
    });
    const controller = new AbortController();
    let moves = 0;
    const stopping = {
      ...simulated,
      heldWorld: (seed: string | number) => {
        const held = heldWorld(seed);
        return {
          ...held,
          advance: () => {
            moves += 1;
            if (moves === 50) controller.abort(new Error('time is up'));
            return held.advance();
          },
        };
      },
    };
    await expect(endless.prove(stopping, { signal: controller.signal })).rejects.toThrow('time is up');
    expect(moves).toBe(50);
  });

  /** In its time something always happens at once as soon as a runner is released. */
  const withoutEnd = (onMove: () => void = () => undefined): ConformanceSubject => {
    let isOver = false;
    return {
      ...simulated,
      heldWorld(seed) {
        isOver = false;
        const { world, advance } = heldWorld(seed);
        const next = (): Promise<boolean> => {
          onMove();
          return Promise.resolve(true);
        };
        return { world, advance: () => (isOver ? next() : advance()) };
      },
      async create(world, options) {
        const { service, ...made } = await simulated.create(world, options);
        const release: Service['release'] = async () => {
          await service.release();
          isOver = true;
        };
        return { ...made, service: having(service, { release }) };
      },
    };
  };

  test('R86 fails for events without end when all is released, and ends', async () => {
    const making = caseOf(async (t) => {
      await t.runner();
    });
    await expect(making.prove(withoutEnd(), { seeds: [4] })).rejects.toThrow(
      'events without end are left when all is released: cut off after 200000 (seed 4)',
    );
    const { held, failure } = await exploreRunner(withoutEnd(), { sequences: 1 });
    expect(held).toBe(false);
    expect(failure?.message).toMatch(
      /^R86 events without end are left when all is released: cut off after 200000 \(sequence 1 of seed 1\)/,
    );
  });

  test.for<
    readonly [
      what: string,
      wrong: (service: Service) => Partial<Service>,
      message: RegExp,
      text: readonly RegExp[],
    ]
  >([
    [
      'fails',
      ({ release }) => ({
        abort: () => Promise.reject(new Error('broken')),
        release: async () => {
          await release();
          throw new Error('broken too');
        },
      }),
      /the Error "broken" \(sequence \d+ of seed 1\)$/,
      [
        /\nWhat the contract says\n {2}R\d+ .*\n/,
        /\nWhat happened\n(?: {2}\d+ ms: .*\n)* {2}\d+ ms: client \d calls abort\(.*\n/,
        / gets the error "broken" of its call of abort to the runner\nWhere\n {2}at .*fake-timers\.test\.ts:/,
        /\nWhat was drawn last\n(?: {2}\d+ ms: .*\n)* {2}\d+ ms: "client \d\/step \d+ .*" is .*$/,
      ],
    ],
    [
      'is cut off',
      () => ({ abort: () => new Promise<never>(() => {}) }),
      /^nothing is left to happen, and a call has not returned \(sequence \d+ of seed 1\)$/,
      [
        /\nIn detail\n(?: {2}.*\n)* {2}client \d waits for the answer to abort\(run .*\) from the runner since/,
      ],
    ],
  ])('explains, releases and disposes of a sequence that %s', async ([, wrong, message, texts]) => {
    let made = 0;
    let releases = 0;
    let disposed = 0;
    const subject: ConformanceSubject = {
      ...onFakeTimers(simulated),
      async create(world, options) {
        made += 1;
        const { service, ...runner } = await simulated.create(world, options);
        const release = async (): Promise<void> => {
          releases += 1;
          await service.release();
        };
        const dispose = async (): Promise<void> => void (disposed += 1);
        const counted = having(service, { release });
        return { ...runner, service: having(counted, wrong(counted)), dispose };
      },
    };
    const { failure } = await exploreRunner(subject, { sequences: 20 });
    expect(failure?.message).toMatch(message);
    expect([releases, disposed]).toEqual([made, made]);
    for (const text of texts) expect(failure?.text).toMatch(text);
  });

  test('whose events have no end when all is released is ended by a signal', async () => {
    const controller = new AbortController();
    let moves = 0;
    const stopping = withoutEnd(() => {
      moves += 1;
      if (moves === 50) controller.abort(new Error('time is up'));
    });
    const making = caseOf(async (t) => {
      await t.runner();
    });
    await expect(making.prove(stopping, { signal: controller.signal })).rejects.toThrow('time is up');
    expect(moves).toBe(50);
  });

  test('fails as its body does, with the seed', async () => {
    const failing = caseOf(() => checkEqual('it', 1, 2));
    await expect(failing.prove(of(released), { seeds: [9] })).rejects.toMatchObject({
      message: 'it: expected 2, got 1 (seed 9)',
      expected: 2,
      actual: 1,
    });
  });

  test('is not one on the machine’s time too', () => {
    const both = { ...onFakeTimers(simulated), wallWorld: () => heldWorld(1).world };
    expect(() => caseOf(() => undefined).skipReason(both)).toThrow(/either wallWorld or heldWorld/);
  });
});
