import { describe, expect, test } from 'vitest';
import { type Around, interceptService } from '../../src/call/intercept-service.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import { exploreService } from '../../src/conformance/workload/explore-service.ts';
import type { ServiceSubject } from '../../src/conformance/workload/service-workload.ts';
import { type CaseResult, runConformance } from '../../src/conformance/run-conformance.ts';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import type { Capability } from '../../src/conformance/capability.ts';
import { simCommands, type CommandVocabulary } from '../../src/conformance/command-vocabulary.ts';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { type Clock, sleep } from '../../src/kernel/clock.ts';
import { messageOf } from '../../src/kernel/errors.ts';
import { isObject } from '../../src/kernel/shape.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { checkCommand, type Command } from '../../src/model/command.ts';
import { SERVICE_METHODS, type Service, type ServiceMethod } from '../../src/model/service.ts';
import type { ServiceStatus } from '../../src/model/service-status.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { having } from './broken-services.ts';
import { noService, resultsOf } from './hand-made-cases.ts';
import { simulated } from './subjects.ts';

/** The command, or another one if it is malformed. */
function orElse(command: Command, otherwise: Command): Command {
  try {
    checkCommand(command);
    return command;
  } catch {
    return otherwise;
  }
}

/** A vocabulary in which every command can be started. */
const ALL_START = { ...simCommands, unstartable: undefined } as unknown as CommandVocabulary;

test('a subject all of whose commands start says so, and is held to all the rest', async () => {
  const supports = supportsAllBut({ unstartable: 'it runs functions, which are there' });
  const subject: ConformanceSubject = { ...simulated, commands: ALL_START, supports };
  const results = await resultsOf(subject, conformanceCases);
  expect(results.flatMap(({ error }) => (error === undefined ? [] : [messageOf(error)]))).toEqual([]);
  const { failure } = await exploreRunner(subject, { executions: 100 });
  expect(failure?.message).toBeUndefined();
});

describe('what a subject cannot reach is not asked of it', () => {
  const PLAIN = {
    unstartable: 'no',
    failures: 'no',
    filers: 'no',
    actions: 'no',
    collaborators: 'no',
  } as const;
  const lacking = (lacks: Parameters<typeof supportsAllBut>[0]): ConformanceSubject => ({
    ...simulated,
    supports: supportsAllBut(lacks),
  });
  const reachOf = async (subject: ConformanceSubject): Promise<CaseResult | undefined> => {
    let last: CaseResult | undefined;
    for await (const result of runConformance(subject, { seeds: [1] })) last = result;
    return last;
  };
  const EXPLORED = { executions: 250, reachWithin: 250, shrinkExecutions: 0 };
  const ALL = { held: true, executions: 250, missed: [] };

  test('by the suite: an end FAILED, if nothing of it can fail', async () => {
    expect(await reachOf(lacking(PLAIN))).toMatchObject({
      group: 'reach',
      outcome: 'passed',
      reached: { 'end FAILED': 0 },
    });
    for (const capability of ['unstartable', 'failures', 'filers'] as const) {
      const lacks = Object.fromEntries(Object.entries(PLAIN).filter(([name]) => name !== capability));
      const { outcome, reached } = (await reachOf(lacking(lacks))) ?? {};
      expect([outcome, (reached?.['end FAILED'] ?? 0) > 0], capability).toEqual(['passed', true]);
      const create = (): Promise<never> => Promise.reject(new Error('none'));
      expect(messageOf((await reachOf({ ...lacking(lacks), create }))?.error)).toContain('end FAILED');
      const { missed } = await exploreRunner(lacking(lacks), { executions: 1 });
      expect(missed, capability).toContain('end FAILED');
    }
  });

  test('by exploreRunner: an end FAILED, instants without virtual time, and the refusal of what may fail', async () => {
    expect(await exploreRunner(lacking(PLAIN), EXPLORED)).toEqual(ALL);
    const late = { ...PLAIN, virtualTime: 'its answers take time' };
    expect(await exploreRunner(lacking(late), EXPLORED)).toEqual(ALL);
    const lenient: ConformanceSubject = {
      ...lacking({ failures: 'no', filers: 'no', actions: 'no', collaborators: 'no' }),
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        const run: Service['run'] = (command) => made.service.run(orElse(command, simCommands.unstartable()));
        return { ...made, service: having(made.service, { run }) };
      },
    };
    expect(await exploreRunner(lenient, EXPLORED)).toEqual(ALL);
  });

  test('by exploreService: an end FAILED without commands that can fail', async () => {
    const service: ServiceSubject = {
      name: 'plain',
      commands: simCommands,
      capacity: 4,
      create: (world) => ({ service: createSimulatedRunner(world, { capacity: 4, history: 0 }) }),
    };
    expect(await exploreService(service, EXPLORED)).toEqual(ALL);
  });
});

describe('a runner that does what the contract allows passes', () => {
  /** The simulated runner, whose calls pass `around`. */
  const behind = (around: Around, lacks: Parameters<typeof supportsAllBut>[0] = {}): ConformanceSubject => ({
    ...simulated,
    supports: supportsAllBut(lacks),
    create: async (world, options) => {
      const made = await simulated.create(world, options);
      return { ...made, service: interceptService(made.service, around) };
    },
  });
  const failedOf = async (subject: ConformanceSubject, rule: string): Promise<readonly string[]> => {
    const cases = conformanceCases.filter(({ rules }) => rules.includes(rule));
    expect(cases.length).toBeGreaterThan(0);
    return (await resultsOf(subject, cases)).flatMap(({ error }) =>
      error === undefined ? [] : [messageOf(error)],
    );
  };

  test('R66 if malformed commands become FAILED, and fails if they do not', async () => {
    const lenient = (otherwise: Command): ConformanceSubject =>
      behind((call, proceed) =>
        proceed(call.method === 'run' ? { ...call, args: [orElse(call.args[0], otherwise)] } : call),
      );
    expect(await failedOf(lenient(simCommands.unstartable()), 'R66')).toEqual([]);
    expect(await failedOf(lenient(simCommands.exit(0, 0)), 'R66')).toEqual([
      'the end of the run of undefined: expected "FAILED", got "COMPLETE" (seed 1)',
    ]);
  });

  test('R60 R79 if its service status is an object of a class', async () => {
    class Health {
      constructor(service: ServiceStatus) {
        Object.assign(this, service);
      }
    }
    const classy = behind(async (call, proceed) => {
      const answer = await proceed(call);
      if (!isObject(answer) || !('service' in answer)) return answer;
      const { service } = answer as unknown as QueryResult;
      return { ...answer, service: new Health(service) };
    });
    expect(await failedOf(classy, 'R60')).toEqual([]);
    expect(await failedOf(classy, 'R79')).toEqual([]);
  });

  /** The same where passing may take time. */
  const inTime = (
    around: (clock: Clock) => Around,
    lacks?: Parameters<typeof supportsAllBut>[0],
  ): ConformanceSubject => ({
    ...behind((call, proceed) => proceed(call), lacks),
    create: (world, options) => behind(around(world.clock)).create(world, options),
  });
  /** A runner whose calls of these methods take 3 ms, on the way there or back. */
  const slow = (way: 'there' | 'back', methods: readonly ServiceMethod[]): ((clock: Clock) => Around) => {
    return (clock) => async (call, proceed) => {
      if (!methods.includes(call.method)) return proceed(call);
      if (way === 'there') await sleep(clock, 3, 'way there');
      const answer = proceed(call);
      await Promise.allSettled([answer]);
      if (way === 'back') await sleep(clock, 3, 'way back');
      return answer;
    };
  };
  const TAKES_TIME = { virtualTime: 'its answers take time' };

  test('R105 if its answers take time, so that a run starts before it can be aborted', async () => {
    expect(await failedOf(inTime(slow('back', SERVICE_METHODS), TAKES_TIME), 'R105')).toEqual([]);
    expect(await failedOf(inTime(slow('back', SERVICE_METHODS)), 'R105')).not.toEqual([]);
  });

  test.for<readonly [rule: string, method: ServiceMethod, what: string, times: number]>([
    ['R71', 'abort', 'the abort', 2],
    ['R26', 'queryNow', 'queryNow', 1],
    ['R26', 'query', 'the query', 1],
    ['R28', 'query', 'the query', 1],
    ['R29', 'query', 'the query', 1],
    ['R30', 'query', 'the query', 1],
    ['R30', 'queryNow', 'queryNow', 1],
    ['R36', 'query', 'the wait', 1],
    ['R41', 'query', 'the wait', 1],
    ['R43', 'statusAll', 'statusAll', 1],
  ])(
    '%s if %s takes time and it says so, and fails if it claims exact times',
    async ([rule, method, what, times]) => {
      for (const way of ['there', 'back'] as const) {
        expect(await failedOf(inTime(slow(way, [method]), TAKES_TIME), rule)).toEqual([]);
        const late = (await failedOf(inTime(slow(way, [method])), rule)).filter((text) =>
          text.startsWith('how long'),
        );
        expect(late).toEqual(Array(times).fill(`how long ${what} took: expected 0 ms, got 3 (seed 1)`));
      }
    },
  );

  test('R36 if a wait learns late that its run has ended, and fails if it claims exact times', async () => {
    const unhurried =
      (clock: Clock): Around =>
      async (call, proceed) => {
        const answer = proceed(call);
        const [{ status }] = await Promise.allSettled([answer]);
        if (status === 'rejected') await sleep(clock, 3, 'way back');
        return answer;
      };
    expect(await failedOf(inTime(unhurried, TAKES_TIME), 'R36')).toEqual([]);
    expect(await failedOf(inTime(unhurried), 'R36')).toEqual([
      'how long the wait took: expected 0 ms, got 3 (seed 1)',
      'when the wait ended: expected 20, got 23 (seed 1)',
    ]);
  });
});

describe('a subject that lacks what it claims', () => {
  const claiming = (
    create: ConformanceSubject['create'],
    more: Partial<ConformanceSubject> = {},
  ): ConformanceSubject => ({ ...simulated, name: 'claims all', create, ...more });
  const silent = (uri: string): string => (uri === '' ? '?' : '');
  const wordless = { ...simCommands, lost: undefined } as unknown as CommandVocabulary;

  const LACKS: readonly (readonly [Capability, string, ConformanceSubject])[] = [
    [
      'outputs',
      'create() returned no `readOutput`',
      claiming((world, options) => ({ service: createSimulatedRunner(world, options) })),
    ],
    [
      'outputs',
      'readOutput("memory:///0-stdout-0") gave no text',
      claiming((world, options) => ({
        service: createSimulatedRunner(world, options),
        readOutput: silent,
      })),
    ],
    [
      'capacity',
      'a runner of capacity 2 refused a second run (No resources available. Please try later.): is `options.capacity` used?',
      claiming((world, { capacity: _capacity, ...options }) => ({
        service: createSimulatedRunner(world, options),
      })),
    ],
    [
      'history',
      'a runner without bound remembers 1 of 3 runs: is `options.history` used?',
      claiming((world, options) => ({ service: createSimulatedRunner(world, { ...options, history: 1 }) })),
    ],
    [
      'idPrefix',
      'the first id is 0: is `options.idPrefix` used?',
      claiming((world, { idPrefix: _idPrefix, ...options }) => ({
        service: createSimulatedRunner(world, options),
      })),
    ],
    [
      'timeouts',
      'a run outlives its timeout 400 times: is `timeoutMs` used?',
      claiming((world, options) => {
        const service = createSimulatedRunner(world, options);
        const run: Service['run'] = ({ timeoutMs: _timeoutMs, ...command }) => service.run(command);
        return { service: having(service, { run }) };
      }),
    ],
    [
      'unstartable',
      'its vocabulary has no unstartable()',
      claiming(simulated.create, { commands: ALL_START }),
    ],
    [
      'unstartable',
      'a command of unstartable() ends as COMPLETE 0',
      claiming(simulated.create, {
        commands: { ...simCommands, unstartable: () => ({ argv: ['complete 0'] }) },
      }),
    ],
    ['failures', 'its vocabulary has no lost()', claiming(simulated.create, { commands: wordless })],
    [
      'failures',
      'a command of lost() ends as COMPLETE 1',
      claiming(simulated.create, {
        commands: { ...simCommands, lost: () => ({ argv: ['complete 1'] }) },
      }),
    ],
    [
      'signals',
      'a command of killedBy() ends as FAILED 9',
      claiming(simulated.create, {
        commands: { ...simCommands, killedBy: () => ({ argv: ['fail 9 x'] }) },
      }),
    ],
    [
      'filers',
      'a run whose checkout fails is COMPLETE: is `options.filers` used?',
      claiming((world, { filers: _filers, ...options }) => ({
        service: createSimulatedRunner(world, options),
      })),
    ],
    [
      'collaborators',
      'nobody used `options.postprocessors`, `options.metrics`',
      claiming((world, { postprocessors: _postprocessors, metrics: _metrics, ...options }) => ({
        service: createSimulatedRunner(world, options),
      })),
    ],
    [
      'actions',
      'a Bazel run asks for no action: is `options.actions` used?',
      claiming((world, { actions: _actions, ...options }) => ({
        service: createSimulatedRunner(world, options),
      })),
    ],
    [
      'virtualTime',
      'it has a `wallWorld`',
      claiming(() => Promise.reject(new Error('no machine here')), {
        wallWorld: () => ({ clock: createVirtualClock() }) as never,
      }),
    ],
  ];

  test.for(
    LACKS.map(
      ([capability, missing, subject]) => [`${capability}: ${missing}`, capability, subject] as const,
    ),
  )('gets an error that names what is missing: %s', async ([missing, capability, subject]) => {
    const cases = conformanceCases.filter(({ needs }) => needs.length === 1 && needs[0] === capability);
    const some =
      cases.length > 0 ? cases : conformanceCases.filter(({ needs }) => needs.includes(capability));
    const errors = (await resultsOf(subject, some)).flatMap(({ error }) =>
      error === undefined ? [] : [messageOf(error)],
    );
    expect(errors.length).toBeGreaterThan(0);
    const [name = '', ...what] = missing.split(': ');
    const sentence = `${name}: the subject claims to support \`${name}\`, but ${what.join(': ')} (`;
    expect(errors.filter((text) => !text.startsWith(sentence))).toEqual([]);
  });

  test('a service that lacks methods gets an error that names them', async () => {
    const partial = { ...noService, statusAll: undefined } as unknown as Service;
    const subject = claiming(() => ({ service: partial }));
    const [result] = await resultsOf(subject, conformanceCases.slice(0, 1));
    expect(messageOf(result?.error)).toContain(
      'create() of subject claims all: expected { service } with statusAll()',
    );
  });
});

describe('a runner without outputs', () => {
  const bare = (lacks: Parameters<typeof supportsAllBut>[0]): ConformanceSubject => {
    const without = <T>(answer: T): T => JSON.parse(JSON.stringify(answer, withoutRefs)) as T;
    return {
      ...simulated,
      name: 'without refs',
      supports: supportsAllBut({ outputs: 'nobody can read them', actions: 'not looked at', ...lacks }),
      create: (world, options) => ({
        service: interceptService(createSimulatedRunner(world, options), async (call, proceed) =>
          call.method === 'release' ? proceed(call) : without(await proceed(call)),
        ),
      }),
    };
  };
  const withoutRefs = (field: string, value: unknown): unknown =>
    field === 'stdoutRef' || field === 'stderrRef' ? '' : value;

  test.for([{}, { filers: 'not looked at', collaborators: 'not looked at' }])(
    'R11 passes the suite and the exploration alike, though it gives no refs: lacks %o',
    async (lacks) => {
      const failed = [];
      for await (const { title, outcome } of runConformance(bare(lacks), { seeds: [1] })) {
        if (outcome === 'failed') failed.push(title);
      }
      expect(failed).toEqual([]);
      const { failure } = await exploreRunner(bare(lacks), { executions: 150, shrinkExecutions: 0 });
      expect(failure?.message).toBeUndefined();
    },
  );

  test('R99 fails if it claims outputs', async () => {
    const cases = conformanceCases.filter(({ title }) => title.startsWith('R99 R52'));
    const claiming = { ...bare({}), supports: { ...bare({}).supports, outputs: true } } as const;
    const outcomes = [];
    for await (const { outcome } of runConformance(claiming, { seeds: [1], cases })) outcomes.push(outcome);
    expect(outcomes).toEqual(['failed']);
  });

  test.for<readonly [string, unknown]>([
    ['lacks.outputs', { outputs: '' }],
    ['lacks.outputs', { outputs: ' ' }],
    ['lacks.outputs', { outputs: false }],
    ['lacks.outputs', { outputs: undefined }],
    ['a capability in lacks', { output: 'of another name' }],
    ['a capability in lacks', { '': 'of no name' }],
  ])('supportsAllBut refuses %s of %j', ([field, lacks]) => {
    expect(() => supportsAllBut(lacks as Record<string, string>)).toThrow(`${field}: expected `);
  });

  test('R59 is cited where a capacity of 0 takes a second run', async () => {
    const { failure } = await exploreRunner(
      {
        ...simulated,
        supports: supportsAllBut({ filers: 'not looked at', collaborators: 'not looked at' }),
        create: (world, { capacity = 1, ...options }) => {
          const service = createSimulatedRunner(world, {
            ...options,
            capacity: capacity === 0 ? 5 : capacity,
          });
          return { service, readOutput: (uri) => service.outputs.find(uri)?.text() ?? '' };
        },
      },
      { executions: 500, shrinkExecutions: 0 },
    );
    expect(failure?.message).toMatch(/^R59 R64 run: expected RUNNER_BUSY, since 1 of 1 places are taken/);
  });
});
