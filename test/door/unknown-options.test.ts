// Options that a function does not have are refused by every function of the doors that takes options: a mistyped one has no effect.
import { afterAll, describe, expect, test } from 'vitest';
import { Simulation } from '../../src/simulation/simulation.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { doorExports, isClass, parametersOf, type Call } from './door-walk.ts';
import { removeValid, VALID } from './valid-calls.ts';

const exported = await doorExports();

/** Left out, with the reason. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['describeRunner', 'it registers tests, and cannot be called while one runs'],
  ['withCallOptions', 'it needs a stub of a network that runs; its options are those of each call'],
]);

const exportOf = (name: string): unknown => exported.find((each) => each.name === name)?.value;
const made = (name: string, ...given: readonly unknown[]): unknown => (exportOf(name) as Call)(...given);

const subject = {
  name: 'none',
  supports: made('supportsAllBut', {}),
  commands: exportOf('simCommands'),
  create: () => ({}),
};

/** What comes before the options, and what they must have, by the name of the function; others need a row of VALID, or nothing. */
const BEFORE: Readonly<Record<string, readonly unknown[]>> = {
  queueModel: [{ capacity: 1 }],
  simulate: [{ scenario: () => undefined }],
  pctStrategy: [1],
  rewriteAwaits: ['', { file: 'a.js' }],
  awaitTransform: [{}],
  runnerProperty: [{ create: () => undefined }],
  createOutputServer: [made('createLocalOutputs', ...(VALID['createLocalOutputs']?.() ?? []))],
  connectRemote: [{ endpoint: 'grpc://127.0.0.1:1' }],
  serveRemote: [
    { service: { unary: () => undefined, serverStream: () => undefined, clientStream: () => undefined } },
  ],
  exploreRunner: [subject],
  exploreScheduler: [subject],
  exploreService: [subject],
  exploreStub: [subject],
  runConformance: [subject],
};

const takers = exported.flatMap(({ door, name, value }) => {
  if (typeof value !== 'function' || isClass(value)) return [];
  const call = value as Call;
  const place = parametersOf(call).findIndex((parameter) =>
    /^(?:options|given|constraints|\{)/.test(parameter),
  );
  return place === -1 ? [] : [{ door, name, call, place }];
});

test('the search finds functions that take options', () => {
  expect(takers.length).toBeGreaterThan(90);
  const names = takers.map(({ name }) => name);
  expect([...Object.keys(BEFORE), ...LEFT_OUT.keys()].filter((name) => !names.includes(name))).toEqual([]);
});

describe('R-11 an option that a function does not have is refused by', () => {
  const called = takers.filter(({ name }) => !LEFT_OUT.has(name));

  test.for(called.map((taker) => [`dryrunner${taker.door.slice(1)}: ${taker.name}`, taker] as const))(
    '%s',
    async ([, { name, call, place }]) => {
      const given = [...(BEFORE[name] ?? VALID[name]?.() ?? [])];
      given[place] = { ...(given[place] as object | undefined), notAnOption: 1 };
      let refusal: unknown;
      try {
        const result = await call(...given);
        // A generator begins with its first step.
        await (result as Partial<AsyncGenerator> | undefined)?.next?.();
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringMatching(/^\w+: expected .* (?:a field )?"notAnOption"/) as string,
      });
    },
  );
});

/** What comes before the options of a method of a scenario's `sim`, and what they must have. */
const OF_SIM: Readonly<Record<string, readonly unknown[]>> = {
  eventually: ['it holds', () => true, { withinMs: 5 }],
  strikes: ['here', 'slip'],
  atSomeEvent: ['here', () => undefined],
};

const methods = Object.entries(Object.getOwnPropertyDescriptors(Simulation.prototype)).flatMap(
  ([name, { value }]) => {
    if (typeof value !== 'function' || name === 'constructor') return [];
    const place = parametersOf(value as Call).findIndex((each) => /^(?:options|limits|given|\{)/.test(each));
    return place === -1 ? [] : [{ name, place }];
  },
);

test('R-11 an option that a method of a simulation does not have is refused', async () => {
  expect(methods.map(({ name }) => name).sort()).toEqual(Object.keys(OF_SIM).sort());
  for (const { name, place } of methods) {
    const { failure } = await simulate({
      scenario: async (own) => {
        const given = [...(OF_SIM[name] ?? [])];
        given[place] = { ...(given[place] as object | undefined), notAnOption: 1 };
        await (own as unknown as Record<string, Call>)[name]?.(...given);
      },
    });
    expect(failure?.cause, name).toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringContaining('a field "notAnOption"') as string,
    });
  }
});

afterAll(removeValid);
