import { describe, expect, test } from 'vitest';
import * as door from '../../src/index.ts';
import { attack } from './attack.ts';
import type { Breach } from './attack.ts';
import type { Call, DoorExport } from './door-walk.ts';
import { doorExports, isClass, methodNames } from './door-walk.ts';

const exported = await doorExports();
const classes = exported.filter(({ value }) => isClass(value));
const functions = exported.filter(({ value }) => typeof value === 'function' && !isClass(value));
const objects = exported.filter(({ value }) => typeof value === 'object' && value !== null);

const world = (): door.World => ({
  clock: door.createVirtualClock(),
  choices: door.createDecisions(door.fifoDecisions()),
  random: door.createRandomStream(1),
});

/** How to call what makes something with methods, where it takes arguments. What has no row is attacked all the same, by its arguments. */
const VALID: Readonly<Record<string, () => readonly unknown[]>> = {
  createStatusStore: () => [{ clock: door.createVirtualClock(), name: 'store', idPrefix: '', capacity: 2 }],
  createFakeRunner: () => [world(), { name: 'runner', idPrefix: '' }],
  createSimulatedRunner: () => [world(), { name: 'runner', capacity: 2 }],
  createDecisions: () => [door.fifoDecisions()],
  createRandomStream: () => [1],
  createHistory: () => [door.createVirtualClock()],
  createChaosRunner: () => [world(), door.createFakeRunner(world()), {}],
  skewedClock: () => [door.createVirtualClock(), { offsetMs: 1, driftPpm: 0 }],
};

/** What these return is attacked as well; a clock, which goes on for ever when it is told to, is not. */
const RECEIVERS: ReadonlySet<string> = new Set([
  'createStatusStore',
  'createFakeRunner',
  'createMemoryOutputs',
  'createMemoryMetrics',
]);

/** Left out, with the reason. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['describeRunner', 'it registers tests, and cannot be called while one runs'],
  ['simTest', 'it registers a test, and cannot be called while one runs'],
  ['isPending', 'what a thenable throws when it is looked at is what its operation failed with'],
  // Rules about runs: their hooks are called by our watch only, with accounts of its own.
  ...[
    'checkoutRelease',
    'endCause',
    'givenBack',
    'keptRefs',
    'oneTerminal',
    'runAccounts',
    'startOrder',
    'statePath',
  ].map((rule) => [rule, 'its hooks are called by the watch of runs only'] as const),
]);

const shown = (breaches: readonly Breach[]): string[] =>
  breaches.map(({ call, error }) => `${call}: ${String(error)}`);

const titled = (all: readonly DoorExport[]): (readonly [string, DoorExport])[] =>
  all.map((each) => [`dryrunner${each.door.slice(1)}: ${each.name}`, each]);

test('the walk finds doors, functions, classes and objects', () => {
  expect(new Set(exported.map(({ door: path }) => path)).size).toBeGreaterThan(7);
  expect(functions.length).toBeGreaterThan(150);
  expect(classes.length).toBeGreaterThan(20);
  expect(objects.length).toBeGreaterThan(10);
});

describe('R-11 whatever it is given, nothing comes out of an export but a typed error', () => {
  const callable = functions.filter(({ name }) => !LEFT_OUT.has(name));

  test.for(titled(callable))('%s', async ([, { name, value }]) => {
    const call = value as Call;
    const valid = VALID[name];
    const target = { label: name, make: () => ({ call }), arity: call.length };
    expect(shown(await attack(valid === undefined ? target : { ...target, valid }))).toEqual([]);
  });

  test.for(titled(objects.filter(({ name }) => !LEFT_OUT.has(name))))(
    'the methods of %s',
    async ([, { name, value }]) => {
      const self = value as Readonly<Record<string, Call>>;
      for (const method of methodNames(self)) {
        const call = self[method] as Call;
        const target = { label: `${name}.${method}`, make: () => ({ call, self }), arity: call.length };
        expect(shown(await attack(target))).toEqual([]);
      }
    },
  );

  test.for(titled(functions.filter(({ name }) => RECEIVERS.has(name))))(
    'the methods of what %s returns',
    async ([, { name, value }]) => {
      const made = makerOf(value as Call, VALID[name]);
      if (made === undefined) return;
      const breaches: Breach[] = [];
      for (const method of methodNames(made())) {
        const make = (): { call: Call; self: object } => {
          const self = made();
          return { call: (self as Readonly<Record<string, Call>>)[method] as Call, self };
        };
        breaches.push(...(await attack({ label: `${name}().${method}`, make, arity: make().call.length })));
      }
      expect(shown(breaches)).toEqual([]);
    },
  );
});

/** What makes an object with methods anew, if calling this does. */
function makerOf(call: Call, valid: () => readonly unknown[] = () => []): (() => object) | undefined {
  const make = (): unknown => call(...valid());
  try {
    const made = make();
    const isObject = typeof made === 'object' && made !== null && !(made instanceof Promise);
    return isObject && methodNames(made).length > 0 ? (make as () => object) : undefined;
  } catch {
    return undefined;
  }
}
