// What a runner in plain JavaScript may answer, or make, is a failure that names the call, and never the end of the process.
import { describe, expect, test } from 'vitest';
import { interceptService } from '../../../src/call/intercept-service.ts';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import { simCommands } from '../../../src/conformance/command-vocabulary.ts';
import type { ConformanceSubject, RunnerUnderTest } from '../../../src/conformance/subject.ts';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { Query } from '../../../src/model/query.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { createQueueRunner } from '../../../src/runners/queue/create-queue-runner.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import { partsWorkload } from '../../../src/conformance/workload/parts-workload.ts';
import type { Service } from '../../../src/model/service.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { having } from '../broken-services.ts';
import { noService } from '../hand-made-cases.ts';
import { recorded, simulated } from '../subjects.ts';

/** Of which nothing is known but what every runner must do; its filers and collaborators have plans. */
const FEW = supportsAllBut({
  idPrefix: 'its ids are its own',
  outputs: 'not looked at',
  actions: 'not looked at',
});

/** Methods that answer anything. */
type Loose = { readonly [M in keyof Service]?: (...given: never[]) => unknown };

async function failureOf(
  make: (good: Service) => Loose,
  { supports = FEW, ...more }: Partial<ConformanceSubject> = {},
): Promise<string> {
  return failureOfSubject({
    supports,
    ...more,
    create: (world, options) => {
      const good = createSimulatedRunner(world, options);
      return { service: having(good, make(good) as Partial<Service>) };
    },
  });
}

async function failureOfSubject(
  subject: Pick<ConformanceSubject, 'create'> & Partial<ConformanceSubject>,
): Promise<string> {
  const { held, failure } = await exploreRunner(
    { name: 'loose', supports: FEW, commands: simCommands, ...subject },
    subject.wallWorld === undefined ? { executions: 300, shrinkExecutions: 0 } : { sequences: 3 },
  );
  expect(held).toBe(false);
  return failure === undefined
    ? 'nothing was found'
    : [failure.message, ...(failure.details ?? [])].join('\n');
}

const runOf = async (good: Service, change: (status: RunStatus) => unknown): Promise<unknown> =>
  change(await good.run({ argv: ['complete 0'] }));

/** Whatever is done with it throws. */
function hostile(): Error {
  const trap = (): never => {
    throw new Error('it was looked at');
  };
  return new Proxy({}, new Proxy({}, { get: () => trap })) as Error;
}

describe('a runner that answers anything', () => {
  test.for(['throws', 'rejects with', 'answers'] as const)(
    'R41 which %s what throws when it is looked at',
    async (how) => {
      const message = await failureOf(() => ({
        run: () => {
          if (how === 'answers') return hostile();
          if (how === 'rejects with') return Promise.reject(hostile());
          throw hostile();
        },
      }));
      // The second is that of a planned run, for which the runner has room.
      expect(message).toMatch(
        /^(R64 R66 run: expected an accepted run or RUNNER_BUSY|R22 R64 run: expected it to be accepted), got the /,
      );
    },
  );

  test('R41 R65 with an id that it does not know is a failure of the call that shows it', async () => {
    // Their calls go on while nobody waits for them as yet: the process is still there.
    const parts = partsWorkload({
      name: 'loose',
      create: (world, { filers = new Map(), ...options }, { outputs, ...machine }) => {
        const all = { ...options, ...machine, filers, outputs: outputs(createMemoryOutputs()) };
        const good = createQueueRunner(world, all);
        const run: Service['run'] = async (command) => ({ ...(await good.run(command)), runId: 'wrong' });
        return { service: having(good, { run }) };
      },
    });
    const messages = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const { failure } = await simulate({ seed, scenario: (sim) => parts.run(sim, undefined) });
      if (failure !== undefined) messages.add(failure.message.split('\n')[0] ?? '');
    }
    const got = 'expected its end, got RUNNER_UNKNOWN_RUN ("unknown run id wrong")';
    expect([...messages].sort()).toEqual([
      `R41 R65 query for the end of run wrong, which run() has accepted: ${got}`,
    ]);
  });

  const status = { runId: '0', state: 'PENDING' };
  test.for<readonly [string, (good: Service) => Loose, RegExp]>([
    [
      'null',
      () => ({ run: () => Promise.resolve(null) }),
      /^R10 R15 run\(\): expected the status of a run, got null$/m,
    ],
    ['a number', () => ({ run: () => 3 }), /^R10 R15 run\(\): expected the status of a run, got 3$/m],
    [
      'a status without fields',
      () => ({ run: () => Promise.resolve({ runId: '0' }) }),
      /^R10 R15 run\(\)\.state: expected one of .*, got undefined$/m,
    ],
    [
      'a status in a state of another name',
      () => ({ abort: () => Promise.resolve({ ...status, state: 'DONE' }) }),
      /^R10 R15 abort\(\)\.state: expected one of .*, got "DONE"$/m,
    ],
    [
      'a status whose fields cannot be read',
      (good) => ({
        run: () =>
          runOf(good, (given) => ({
            ...given,
            get state() {
              throw new Error('no state today');
            },
          })),
      }),
      /^R10 R15 run\(\): expected a value whose fields can be read, got .* the Error "no state today"$/m,
    ],
    [
      'a list with nothing in it',
      (good) => ({ statusAll: async () => ({ ...(await good.statusAll()), statuses: [null] }) }),
      /^R10 R15 statusAll\(\)\.statuses\[0\]: expected the status of a run, got null$/m,
    ],
    [
      'statuses without that of the service',
      (good) => ({
        queryNow: async (query: Query) => ({ statuses: (await good.queryNow(query)).statuses }),
      }),
      /^R10 R15 queryNow\(\)\.service: expected the status of the service, got undefined$/m,
    ],
    [
      'what is thrown at once',
      () => ({
        run: () => {
          throw new Error('boom');
        },
      }),
      /run: expected .*, got the Error "boom"$/m,
    ],
    [
      'anything but an error',
      () => ({
        run: async () => {
          await Promise.resolve();
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- a thrown value that is no Error is what this case is about
          throw 'boom';
        },
      }),
      /run: expected .*, got the thrown value "boom"$/m,
    ],
    [
      'nothing ever',
      () => ({ run: () => new Promise(() => {}) }),
      /waits for the answer to run\(|nothing is left to settle/,
    ],
  ])('with %s fails', async ([, make, expected]) => {
    expect(await failureOf(make)).toMatch(expected);
  });

  test('R10 R15 whose answers have their fields as getters of a class is read like any other', async () => {
    const gettersOf = <V>(value: V): V => {
      if (Array.isArray(value)) return value.map(gettersOf) as V;
      if (typeof value !== 'object' || value === null) return value;
      const fields = Object.entries(value).map(
        ([name, field]: [string, unknown]) => [name, { get: () => gettersOf(field) }] as const,
      );
      return Object.create(Object.create(Object.prototype, Object.fromEntries(fields)) as object) as V;
    };
    const { held, failure } = await exploreRunner(
      {
        ...{ name: 'getters', supports: FEW, commands: simCommands },
        create: (world, options) => ({
          service: interceptService(createSimulatedRunner(world, options), async (call, proceed) =>
            gettersOf(await proceed(call)),
          ),
        }),
      },
      { executions: 200, shrinkExecutions: 0 },
    );
    expect([held, failure?.message]).toEqual([true, undefined]);
  });

  test('on the machine’s time fails, whatever it does when it is released', async () => {
    const message = await failureOf(
      (good) => ({
        run: async (command) => ({ ...(await good.run(command)), runId: 'wrong' }),
        release: () => {
          throw new Error('nobody asked for this');
        },
      }),
      {
        wallWorld: () => realWorld(),
        supports: { ...FEW, virtualTime: 'it lives on the machine’s time' },
      },
    );
    expect(message).toMatch(/^R\d+ .*wrong/);
  });
});

describe('create', () => {
  test.for(['create', 'createOn'] as const)(
    'of a subject that claims outputs, if %s() gives no way to read them, is a failure',
    async (name) => {
      const { createOn } = recorded;
      if (createOn === undefined) throw new Error('expected a subject that takes a machine');
      const mute: ConformanceSubject =
        name === 'create'
          ? {
              ...simulated,
              supports: { ...simulated.supports, filers: 'none', collaborators: 'none' },
              create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
            }
          : {
              ...recorded,
              createOn: (world, options, machine) => ({
                service: createOn(world, options, machine).service,
              }),
            };
      expect(await failureOfSubject(mute)).toMatch(
        new RegExp(
          `^${name}\\(\\)\\.readOutput: expected a function, since supports\\.outputs is true, got undefined$`,
          'm',
        ),
      );
    },
  );

  test.for<readonly [string, () => unknown, RegExp]>([
    ['null', () => null, /^create\(\): expected an object with service, got null$/m],
    ['no service', () => ({}), /^create\(\)\.service: expected an object with run\(\), got undefined$/m],
    [
      'half a service',
      () => ({ service: { run: () => undefined } }),
      /^create\(\)\.service: expected an object with abort\(\), got an object$/m,
    ],
    [
      'a dispose that is none',
      () => ({ service: having({} as Service, {}), dispose: 5 }),
      /^create\(\)\.dispose: expected a function, got 5$/m,
    ],
    [
      'what cannot be read',
      () => ({
        get service() {
          throw new Error('no service today');
        },
      }),
      /^create\(\): expected a value whose fields can be read, got .* "no service today"$/m,
    ],
    [
      'an error',
      () => {
        throw new Error('no runner today');
      },
      /^create\(\): expected a runner, got the Error "no runner today"$/m,
    ],
    [
      'a promise that nobody keeps',
      () => new Promise(() => {}),
      /the workload waits for the runner that create\(\) makes since 0 ms/,
    ],
  ])('that makes %s is a failure', async ([, create, expected]) => {
    expect(await failureOfSubject({ create: create as () => RunnerUnderTest })).toMatch(expected);
  });

  test.for<readonly [string, () => object, readonly string[]]>([
    ['no way to read outputs', () => ({}), ['release', 'dispose']],
    ['a readOutput that is none', () => ({ readOutput: 5 }), ['release', 'dispose']],
    ['half a service', () => ({ service: { release: 5 } }), ['dispose']],
  ])('on the machine’s time with %s has what it made released and disposed of', async ([, given, ends]) => {
    const log: string[] = [];
    const create = (): unknown => ({
      service: having(noService, { release: async () => void log.push('release') }),
      dispose: async () => void log.push('dispose'),
      ...given(),
    });
    const message = await failureOfSubject({
      create: create as () => RunnerUnderTest,
      wallWorld: () => realWorld(),
      supports: { ...FEW, outputs: true, virtualTime: 'it lives on the machine’s time' },
    });
    expect(message).toMatch(/^create\(\)\./);
    expect(log).toEqual(ends);
  });
});
