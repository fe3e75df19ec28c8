import { describe, expect, test } from 'vitest';
import { watchEscapes } from '../../src/ambient/index.ts';
import * as door from '../../src/explore/index.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { choice } from '../questions.ts';

const scenario = defineScenario({
  name: 'dice',
  description: 'fails for the last of five',
  run: (sim) => sim.check(sim.choose('die', 5) < 4, 'a five'),
});
const executor = door.createExecutor(scenario);
const strategy = door.randomStrategy(1);
const log = [{ question: choice('die'), n: 5, answer: 4 }];
const key = 'check a five';
const token = { scenario: 'dice', failureKey: key, traceHash: '00c0ffee00c0ffee', decisions: [] };

const NO_OBJECTS = [null, 1, 'text', Symbol('s'), true];
const NO_FUNCTIONS = [null, 1, 'text', {}, []];
const NO_COUNTS = [null, Number.NaN, -1, '1', {}, Symbol('s'), 1n];
const NO_INTEGERS = [...NO_COUNTS, 1.5, Infinity];
const NO_LOGS = [null, 1, 'text', {}, [null], new Array<unknown>(1), [{ label: 1, n: 2, answer: 1 }]];
const NO_LINES = [undefined, null, 1, {}, [null], [{}], [{ text: 'x' }], [{ what: 'x', frames: [1] }]];

/** A call as a program without types may make it. */
type Call = (value: never) => unknown;

/** What is wrong about each argument, as plain JavaScript may give it. */
const CASES: readonly (readonly [name: string, call: Call, values: readonly unknown[]])[] = [
  ['createExecutor', (v) => door.createExecutor(v), NO_OBJECTS],
  ['execute', (v) => executor.execute(v), [undefined, ...NO_OBJECTS]],
  ['execute, source', (v) => executor.execute({ source: v }), [undefined, ...NO_OBJECTS, {}]],
  ['execute, onTurn', (v) => executor.execute({ source: strategy, onTurn: v }), NO_FUNCTIONS],
  ['execute, another field', (v) => executor.execute({ source: strategy, ...{ drain: v } }), ['fast']],
  [
    'execute, options of the scenario',
    (v) =>
      door.createExecutor({ ...scenario, options: { maxEvents: v } }).execute({ source: fifoDecisions() }),
    [null, Number.NaN, '1', {}, Symbol('s'), 1n, 0, -1],
  ],
  ['createStrategy', (v) => door.createStrategy(v), [undefined, ...NO_OBJECTS, {}, Object.create(null)]],
  ['createStrategy, seed', (v) => door.createStrategy('random', v), [null, Number.NaN, {}, [], 1n]],
  ['createStrategy, options', (v) => door.createStrategy('random', 1, v), NO_OBJECTS],
  ['sweepStrategy', (v) => door.sweepStrategy(v), NO_OBJECTS],
  ['replayStrategy', (v) => door.replayStrategy(v), NO_LOGS],
  ['replayStrategy, options', (v) => door.replayStrategy(log, v), NO_OBJECTS],
  ['explore, executor', (v) => door.explore(v, strategy), [undefined, ...NO_OBJECTS, {}]],
  ['explore, strategy', (v) => door.explore(executor, v), [undefined, ...NO_OBJECTS, {}]],
  ['explore, options', (v) => door.explore(executor, strategy, v), NO_OBJECTS],
  ...(['shouldStop', 'onExecution', 'onFailure', 'onTurn'] as const).map(
    (name) =>
      [
        `explore, ${name}`,
        (v: never) => door.explore(executor, strategy, { [name]: v }),
        NO_FUNCTIONS,
      ] as const,
  ),
  ['explore, maxExecutions', (v) => door.explore(executor, strategy, { maxExecutions: v }), NO_COUNTS],
  ['explore, firstIndex', (v) => door.explore(executor, strategy, { firstIndex: v }), NO_INTEGERS],
  ['explore, shards', (v) => door.explore(executor, strategy, { shards: v }), [...NO_INTEGERS, 0]],
  ['explore, coverage', (v) => door.explore(executor, strategy, { coverage: v }), [...NO_OBJECTS, {}]],
  ['runCampaign, executor', (v) => door.runCampaign(v, strategy), [undefined, ...NO_OBJECTS, {}]],
  ['runCampaign, strategy', (v) => door.runCampaign(executor, v), [undefined, ...NO_OBJECTS, {}]],
  ['runCampaign, options', (v) => door.runCampaign(executor, strategy, v), NO_OBJECTS],
  ...(['shouldStop', 'onTurn', 'onEvent', 'onExecution'] as const).map(
    (name) =>
      [
        `runCampaign, ${name}`,
        (v: never) => door.runCampaign(executor, strategy, { [name]: v }),
        NO_FUNCTIONS,
      ] as const,
  ),
  [
    'runCampaign, maxExecutions',
    (v) => door.runCampaign(executor, strategy, { maxExecutions: v }),
    NO_COUNTS,
  ],
  ...(['firstIndex', 'shards', 'auditEvery'] as const).map(
    (name) =>
      [
        `runCampaign, ${name}`,
        (v: never) => door.runCampaign(executor, strategy, { [name]: v }),
        NO_INTEGERS,
      ] as const,
  ),
  [
    'runCampaign, coverage',
    (v) => door.runCampaign(executor, strategy, { coverage: v }),
    [...NO_OBJECTS, {}],
  ],
  [
    'runCampaign, corpus',
    (v) => door.runCampaign(executor, strategy, { corpus: v }),
    [null, {}, [null], [{}]],
  ],
  [
    'runCampaign, a log of the corpus',
    (v) => door.runCampaign(executor, strategy, { corpus: [{ id: 'kept', decisions: v }] }),
    NO_LOGS,
  ],
  ['mergeCampaignReports', (v) => door.mergeCampaignReports(v), [undefined, ...NO_OBJECTS, {}]],
  ['shrink, executor', (v) => door.shrink(v, log, key), [undefined, ...NO_OBJECTS, {}]],
  ['shrink, log', (v) => door.shrink(executor, v, key), NO_LOGS],
  ['shrink, key', (v) => door.shrink(executor, log, v), [undefined, null, 1, {}]],
  ['shrink, options', (v) => door.shrink(executor, log, key, v), NO_OBJECTS],
  ...(['shouldStop', 'onBetter', 'onTurn'] as const).map(
    (name) =>
      [
        `shrink, ${name}`,
        (v: never) => door.shrink(executor, log, key, { [name]: v }),
        NO_FUNCTIONS,
      ] as const,
  ),
  [
    'shrink, maxExecutions',
    (v) => door.shrink(executor, log, key, { maxExecutions: v }),
    [Number.NaN, -1, '1', {}],
  ],
  ['explain, executor', (v) => door.explain(v, log), [undefined, ...NO_OBJECTS, {}]],
  ['explain, log', (v) => door.explain(executor, v), NO_LOGS],
  ['explain, options', (v) => door.explain(executor, log, v), NO_OBJECTS],
  ['explain, reference', (v) => door.explain(executor, log, { reference: v }), [null, 1, {}]],
  [
    'explain, linesMax',
    (v) => door.explain(executor, log, { linesMax: v }),
    [...NO_INTEGERS, 0].filter((v) => v !== Infinity),
  ],
  [
    'explain, maxExecutions',
    (v) => door.explain(executor, log, { maxExecutions: v }),
    [Number.NaN, -1, '1', {}],
  ],
  ['explain, shouldStop', (v) => door.explain(executor, log, { shouldStop: v }), NO_FUNCTIONS],
  ['explain, onExplained', (v) => door.explain(executor, log, { onExplained: v }), NO_FUNCTIONS],
  ['formatExplanation', (v) => door.formatExplanation(v), [undefined, ...NO_OBJECTS, {}]],
  ...(
    [
      ...(['sentence', 'token'] as const).map((name) => [name, [undefined, null, 1, {}]] as const),
      ...(['history', 'details', 'places'] as const).map((name) => [name, NO_LINES] as const),
      ...(['leftOut', 'nearestPass', 'nearestSearch', 'rules'] as const).map(
        (name) => [name, [null, '1', {}, [1]]] as const,
      ),
    ] as const
  ).map(
    ([name, values]) =>
      [
        `formatExplanation, ${name}`,
        async (v: never) => door.formatExplanation({ ...(await door.explain(executor, log)), [name]: v }),
        values,
      ] as const,
  ),
  ['formatCertificate', (v) => door.formatCertificate(v), [undefined, ...NO_OBJECTS, {}]],
  ['failureKey', (v) => door.failureKey(v), [undefined, ...NO_OBJECTS, {}, { kind: 'check', message: 1 }]],
  ['checkReplay, executor', (v) => door.checkReplay(v, log), [undefined, ...NO_OBJECTS, {}]],
  ['checkReplay, log', (v) => door.checkReplay(executor, v), [undefined, ...NO_LOGS]],
  ['checkReplay, options', (v) => door.checkReplay(executor, log, v), NO_OBJECTS],
  ['checkReplay, onGap', (v) => door.checkReplay(executor, log, { onGap: v }), [null, 1, 'other', {}]],
  ['checkReplay, failureKey', (v) => door.checkReplay(executor, log, { failureKey: v }), [null, 1, {}]],
  ['encodeToken', (v) => door.encodeToken(v), [undefined, ...NO_OBJECTS, {}]],
  ['encodeToken, decisions', (v) => door.encodeToken({ ...token, decisions: v }), NO_LOGS],
  ...(['scenario', 'failureKey', 'traceHash'] as const).map(
    (name) =>
      [
        `encodeToken, ${name}`,
        (v: never) => door.encodeToken({ ...token, [name]: v }),
        [null, 1, 1n, {}, ''],
      ] as const,
  ),
  [
    'encodeToken, occurrence',
    (v) =>
      door.encodeToken({
        ...token,
        decisions: [{ question: choice('die'), n: 5, answer: 4, occurrence: v }],
      }),
    NO_INTEGERS,
  ],
  ['decodeToken', (v) => door.decodeToken(v), [undefined, null, 1, {}]],
  ['certify', (v) => door.certify(v), [undefined, ...NO_OBJECTS, {}]],
  ['certify, options', (v) => door.certify(scenario, v), NO_OBJECTS],
  ['exhaustiveStrategy', (v) => door.exhaustiveStrategy(scenario, v), NO_OBJECTS],
  ...(['maxExecutions', 'maxDecisions', 'maxDelays', 'maxFaults'] as const).map(
    (name) => [`certify, ${name}`, (v: never) => door.certify(scenario, { [name]: v }), NO_COUNTS] as const,
  ),
  ['pctStrategy, options', (v) => door.pctStrategy(1, v), NO_OBJECTS],
  ['merge of a coverage', (v) => door.createCoverage().merge(v), [undefined, null, [], new Uint8Array(3)]],
  ['watchEscapes', (v) => watchEscapes(v), [undefined, ...NO_OBJECTS, {}]],
];

describe('wrong use is refused, with what was expected', () => {
  test.for(CASES)('%s', async ([, call, values]) => {
    for (const value of values) {
      await expect(
        (async () => call(value as never))(),
        typeof value === 'symbol'
          ? 'a symbol'
          : String(JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? 'a bigint' : v))),
      ).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    }
  });
});

describe('an answer out of range', () => {
  test.for([-1, 5, 1.5, Number.NaN, Infinity, '1', null, undefined])(
    '%o fails the execution',
    async (answer) => {
      const { failure } = await executor.execute({ source: { decide: () => answer as number } });
      expect(failure).toMatchObject({ kind: 'error' });
      expect(failure?.message).toMatch(/^answer to "die": expected an integer in \[0, 5\), got /);
    },
  );
});

describe('a condition that answers later is refused, as a promise of false is truthy', () => {
  const later = (() => Promise.resolve(false)) as never;
  const random = (): door.Strategy => door.randomStrategy(1);

  test.for<[string, () => Promise<unknown>]>([
    ['shouldStop of explore', () => door.explore(executor, random(), { shouldStop: later })],
    ['onFailure of explore', () => door.explore(executor, random(), { onFailure: later })],
    ['shouldStop of runCampaign', () => door.runCampaign(executor, random(), { shouldStop: later })],
    ['shouldStop of shrink', () => door.shrink(executor, log, key, { shouldStop: later })],
    ['shouldStop of explain', () => door.explain(executor, log, { shouldStop: later })],
    ['shouldStop of certify', () => door.certify(scenario, { shouldStop: later })],
    ['onFailure of certify', () => door.certify(scenario, { onFailure: later })],
  ])('%s', async ([name, call]) => {
    const [option] = name.split(' ');
    await expect(call()).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringMatching(
        new RegExp(`^${option}\\(\\): expected true or false, got .*promise`, 'i'),
      ),
    });
  });

  test('shouldCutOff of runCampaign, which returns a text or nothing, fails the execution', async () => {
    const { failures } = await door.runCampaign(executor, door.plainStrategy(), { shouldCutOff: later });
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^shouldCutOff\(\): expected a text or undefined, got .*promise/i),
    ]);
  });
});

describe('the source of an error is named', () => {
  const cause = new Error('of a helper');
  const fail = (): never => {
    throw cause;
  };
  const plain = door.plainStrategy();
  const helpless = { begin: () => true, decide: () => 0, end: () => undefined, name: 'helpless' };

  test.for<[string, () => unknown]>([
    ['begin of a strategy', () => door.explore(executor, { ...helpless, begin: fail })],
    ['end of a strategy', () => door.explore(executor, { ...helpless, end: fail })],
    ['an executor', () => door.runCampaign({ scenario: 'none', execute: fail }, plain)],
    ['shouldStop', () => door.runCampaign(executor, plain, { shouldStop: fail })],
    ['onExecution', () => door.runCampaign(executor, door.randomStrategy(1), { onExecution: fail })],
    ['onEvent', () => door.runCampaign(executor, door.randomStrategy(1), { onEvent: fail })],
    ['onBetter', () => door.shrink(executor, log, key, { onBetter: fail })],
  ])('%s', async ([, call]) => {
    await expect((async () => call())()).rejects.toBe(cause);
    // Nothing of it is left in this thread.
    expect((await door.explore(executor, door.plainStrategy())).executions).toBeGreaterThan(0);
  });
});

test('a message of any length gives a short key, a printable verdict, and an explanation', async () => {
  const talkative = defineScenario({
    name: 'talkative',
    description: 'puts its state into its message',
    run: () => {
      throw new Error('state-'.repeat(1_000_000));
    },
  });
  const talking = door.createExecutor(talkative);
  const { failure } = await talking.execute({ source: { decide: () => 0 } });
  expect(failure?.message.length).toBeLessThan(10_100);
  expect(failure?.message).toMatch(/^state-.*… \(6000000 characters\)$/);
  expect(door.failureKey({ kind: 'error', message: 'state '.repeat(100_000) }).length).toBeLessThanOrEqual(
    500,
  );
  const { places } = await door.explain(talking, []);
  expect(places[0]?.frames[0]).toContain('wrong-use.test.ts');
});
