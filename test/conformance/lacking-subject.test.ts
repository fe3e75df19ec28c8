import { describe, expect, test } from 'vitest';
import { interceptService } from '../../src/call/intercept-service.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import { runConformance } from '../../src/conformance/run-conformance.ts';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import type { Capability } from '../../src/conformance/capability.ts';
import { simCommands, type CommandVocabulary } from '../../src/conformance/command-vocabulary.ts';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { messageOf } from '../../src/kernel/errors.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { Service } from '../../src/model/service.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { having } from './broken-services.ts';
import { noService, resultsOf } from './hand-made-cases.ts';
import { simulated } from './subjects.ts';

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
    expect(errors[0]?.slice(0, sentence.length)).toBe(sentence);
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
