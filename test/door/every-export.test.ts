import { afterAll, describe, expect, test } from 'vitest';
import { attack } from './attack.ts';
import type { Breach } from './attack.ts';
import type { Call, DoorExport } from './door-walk.ts';
import { arityOf, doorExports, isClass, methodNames } from './door-walk.ts';
import { VALID, removeValid } from './valid-calls.ts';

const exported = await doorExports();
const classes = exported.filter(({ value }) => isClass(value));
const functions = exported.filter(({ value }) => typeof value === 'function' && !isClass(value));
const objects = exported.filter(({ value }) => typeof value === 'object' && value !== null);

/** What has to give something to attack; where anything else does, that is attacked too. */
const FACTORY = /^(create|open)/;

/** Left out, with the reason. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['describeRunner', 'it registers tests, and cannot be called while one runs'],
  ['simTest', 'it registers a test, and cannot be called while one runs'],
  [
    'installFakeTimers',
    'it replaces the timers of this test, and checks its options as fakeTimersWorld does',
  ],
  ['serveBuildCluster', 'without arguments it listens, and nobody would close it'],
  // Rules about runs: their hooks are called by our watch only, with accounts of its own.
  ...['endCause', 'oneTerminal', 'startOrder', 'statePath'].map(
    (rule) => [rule, 'its hooks are called by the watch of runs only'] as const,
  ),
]);

interface Unattacked {
  /** Functions and classes. */
  readonly of: RegExp;
  readonly methods: readonly string[] | 'all';
  readonly because: string;
}

/** Methods that are left out, with the reason. */
const UNATTACKED: readonly Unattacked[] = [
  {
    of: /(Strategy|Decisions)$/,
    methods: ['begin', 'decide', 'order', 'drawn', 'note', 'learn', 'onFire', 'onState', 'end', 'finish'],
    because: 'the kernel and explorations call it, once per decision, with what they have checked',
  },
  {
    of: /Strategy$/,
    methods: ['fault', 'choice', 'drawWords', 'firstMet', 'kindOf'],
    because: 'it is private to its class',
  },
  {
    of: /Model$/,
    methods: [
      'step',
      'key',
      'replies',
      'showState',
      'partition',
      'operationKey',
      'showOperation',
      'showReply',
    ],
    because: 'the search calls it, with what the history holds',
  },
  { of: /(Arbitrary|^simulationProperty)$/, methods: 'all', because: 'it is a class of fast-check' },
  {
    of: /^(runner|scheduler|service|stub)Workload$/,
    methods: ['run'],
    because: 'a simulation calls it, with itself',
  },
  {
    of: /^freshModules$/,
    methods: 'all',
    because: 'a simulation calls it, with what `sim.load` has checked',
  },
  {
    of: /^createDecisions$/,
    methods: ['keep', 'firstAsked'],
    because: 'it is private to its class',
  },
  { of: /^createRollingHash$/, methods: ['addRare', 'addWord'], because: 'it is private to its class' },
  { of: /^createRollingHash$/, methods: ['addWords'], because: 'only the kernel makes such words' },
  {
    of: /^createVirtualClock$/,
    methods: ['listenWith', 'timeAfter', 'add'],
    because: 'it is private to its class',
  },
  { of: /^createSimFiler$/, methods: ['takeBack', 'takeBackAgain'], because: 'its checkouts call it' },
  { of: /^createStatusStore$/, methods: ['updateInRow'], because: 'runners call it, for runs of their own' },
  { of: /^ambientTime$/, methods: ['begin'], because: 'a simulation calls it, with its own parts' },
  {
    of: /^(createActionStore|createDiskActions)$/,
    methods: 'all',
    because: 'runners call it, with what they have checked',
  },
  { of: /^createNode$/, methods: ['mayHang', 'strike'], because: 'the parts of a node call it' },
  {
    of: /^createRecorder$/,
    methods: ['now', 'at', 'sinceBegin', 'beginTurn', 'pass'],
    because: 'recorded runners call it',
  },
  {
    of: /^createGitFiler$/,
    methods: 'all',
    because: 'calls start programs; it checks arguments as the directory filer does',
  },
  {
    of: /^(createOutputServer|createWorkload|swfWorkload)$/,
    methods: 'all',
    because: 'nothing of it takes an argument',
  },
];

/** What the caller's own function throws, or the error that was given to be thrown, comes out as it is. */
const PASSED_ON: ReadonlyMap<string, RegExp> = new Map([
  ['createNetwork', /^Trap: /],
  ['createNode', /^Trap: /],
  ['createMutex().run', /^Trap: /],
  ['createSemaphore().run', /^Trap: /],
  ['withTimeout', /^Trap: /],
  ['createErrorExecer().exec', /^Error: on purpose$/],
  ['chooseDrain().run', /^Trap: /],
  ['checkLinearizable', /^Trap: /],
  // A function that makes no runner.
  ['assertRunnerProperty', /^Error: Property failed after 1 tests\n/],
  ['RunnerModel().accepted', /^ContractBrokenError: /],
  ['RunnerModel().rejected', /^ContractBrokenError: /],
  ['RunnerModel().saw', /^ContractBrokenError: /],
  ['RunnerModel().sawTogether', /^ContractBrokenError: /],
]);

/** Whose optional arguments are not reached: with what stands before them they listen, or explore, until somebody ends them. */
const UNWALKED: readonly string[] = [
  'createOutputServer',
  'exploreRunner',
  'exploreScheduler',
  'exploreService',
  'exploreStub',
  'runConformance',
];

function isLeftOut(name: string, method: string): boolean {
  return UNATTACKED.some(
    ({ of, methods }) => of.test(name) && (methods === 'all' || methods.includes(method)),
  );
}

const shown = (breaches: readonly Breach[]): string[] =>
  breaches
    .filter(({ target, error }) => PASSED_ON.get(target)?.test(String(error)) !== true)
    .map(({ call, error }) => `${call}: ${String(error)}`);

const titled = (all: readonly DoorExport[]): (readonly [string, DoorExport])[] =>
  all.map((each) => [`dryrunner${each.door.slice(1)}: ${each.name}`, each]);

test('the search finds doors, functions, classes and objects', () => {
  expect(new Set(exported.map(({ door: path }) => path)).size).toBeGreaterThan(7);
  expect(functions.length).toBeGreaterThan(150);
  expect(classes.length).toBeGreaterThan(10);
  expect(objects.length).toBeGreaterThan(10);
});

describe('R-11 for any argument, an export throws nothing but a typed error', () => {
  const callable = functions.filter(({ name }) => !LEFT_OUT.has(name));

  test.for(titled(callable))('%s', async ([, { name, value }]) => {
    const call = value as Call;
    const valid = VALID[name];
    const target = { label: name, make: () => ({ call }), arity: arityOf(call) };
    expect(shown(await attack(valid === undefined ? target : { ...target, valid }))).toEqual([]);
  });

  test.for(titled(objects.filter(({ name }) => !LEFT_OUT.has(name))))(
    'the methods of %s',
    async ([, { name, value }]) => {
      const self = value as Readonly<Record<string, Call>>;
      for (const method of methodNames(self)) {
        const call = self[method] as Call;
        const target = {
          label: `${name}.${method}`,
          make: () => ({ call, self }),
          arity: arityOf(call),
        };
        expect(shown(await attack(target))).toEqual([]);
      }
    },
  );

  const constructor = (value: unknown): Call => {
    const type = value as new (...given: unknown[]) => unknown;
    return (...given): unknown => new type(...given);
  };

  test.for(titled(classes))('new %s', async ([, { name, value }]) => {
    const target = {
      label: name,
      make: () => ({ call: constructor(value) }),
      arity: arityOf(value as Call),
    };
    const valid = VALID[name];
    expect(shown(await attack(valid === undefined ? target : { ...target, valid }))).toEqual([]);
  });

  test.for(titled(callable))('the methods of what %s returns', async ([, { name, value }]) => {
    const made = await makerOf(value as Call, VALID[name]);
    if (made === undefined) {
      const because = 'a row of VALID has to say how to call it';
      expect(FACTORY.test(name) && !isLeftOut(name, ''), because).toBe(false);
      return;
    }
    expect(shown(await attackMethods(name, made))).toEqual([]);
  });

  test.for(titled(classes))('the methods of a %s', async ([, { name, value }]) => {
    const make = constructor(value);
    expect(() => make(...(VALID[name]?.() ?? [])), 'a row of VALID has to say how to make one').not.toThrow();
    const made = await makerOf(make, VALID[name]);
    if (made !== undefined) expect(shown(await attackMethods(name, made))).toEqual([]);
  });
});

test("every row is about a door's export", () => {
  const names = exported.map(({ name }) => name);
  expect(Object.keys(VALID).filter((name) => !names.includes(name))).toEqual([]);
  expect([...LEFT_OUT.keys()].filter((name) => !names.includes(name))).toEqual([]);
  expect(UNATTACKED.filter(({ of }) => !names.some((name) => of.test(name)))).toEqual([]);
});

test('VALID has what stands before each optional argument, since a wrong one is refused first', () => {
  const withOptional = [...functions, ...classes].filter(
    ({ name, value }) => !LEFT_OUT.has(name) && arityOf(value as Call) > (value as Call).length,
  );
  expect(withOptional.length).toBeGreaterThan(50);
  const isWalked = ({ name, value }: DoorExport): boolean =>
    (VALID[name]?.() ?? []).length >= (value as Call).length;
  expect(withOptional.filter((each) => !isWalked(each)).map(({ name }) => name)).toEqual(UNWALKED);
});

afterAll(removeValid);

async function attackMethods(name: string, made: () => unknown): Promise<Breach[]> {
  const breaches: Breach[] = [];
  for (const method of methodNames((await made()) as object)) {
    if (isLeftOut(name, method)) continue;
    const make = async (): Promise<{ call: Call; self: object }> => {
      const self = (await made()) as Readonly<Record<string, Call>>;
      return { call: self[method] as Call, self };
    };
    const arity = arityOf((await make()).call);
    breaches.push(...(await attack({ label: `${name}().${method}`, make, arity })));
  }
  return breaches;
}

/** What makes an object with methods anew, if calling this does. */
async function makerOf(
  call: Call,
  valid: () => readonly unknown[] = () => [],
): Promise<(() => unknown) | undefined> {
  const make = (): unknown => call(...valid());
  try {
    const made = await make();
    return typeof made === 'object' && made !== null && methodNames(made).length > 0 ? make : undefined;
  } catch {
    return undefined;
  }
}
