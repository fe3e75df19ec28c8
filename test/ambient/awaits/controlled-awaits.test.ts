import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createSimulatedRunner,
  defineScenario,
  finalStatus,
  simulate,
  type Decision,
  type DecisionSource,
  type Failure,
  type ScenarioDefinition,
} from 'dryrunner';
import { ambientTime, rewriteAwaits, type AmbientOptions } from 'dryrunner/ambient';
import {
  createCoverage,
  createExecutor,
  createStrategy,
  explain,
  explore,
  failureKey,
  shrink,
} from 'dryrunner/explore';
import { fifoDecisions, randomDecisions } from 'dryrunner/kernel';
import { anyPrograms, compiled, functionOf, plainPrograms, type Log } from './async-program.ts';

const FILE = '/code/program.cjs';
const RUNS = 400;

function rewritten(program: string): string {
  return rewriteAwaits(program, { file: FILE })?.code ?? program;
}

/** What it logs with nothing around it. */
async function nativeLog(program: string): Promise<Log> {
  const start = compiled(program);
  const log: unknown[] = [];
  await turn();
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      start((entry) => log.push(entry));
      resolve();
    });
  });
  await turn();
  return log;
}

/** What it logs in a simulation. */
async function simulatedLog(
  program: string,
  options: AmbientOptions,
  source: DecisionSource = fifoDecisions(),
): Promise<Log> {
  const start = compiled(program);
  const log: unknown[] = [];
  const verdict = await simulate({
    ambient: ambientTime(options),
    source,
    scenario: async (sim) => {
      start((entry) => log.push(entry));
      await sim.sleep(1);
    },
  });
  if (!verdict.held) throw new Error(verdict.failure?.message, { cause: verdict.failure?.cause });
  return log;
}

describe('what a program does', () => {
  test('is the same, tick by tick, without a simulation', async () => {
    await fc.assert(
      fc.asyncProperty(anyPrograms, async (program) => {
        expect(await nativeLog(rewritten(program))).toEqual(await nativeLog(program));
      }),
      { numRuns: RUNS },
    );
  });

  test('is the same in a simulation that does not control awaits, and in one whose awaits take no hop', async () => {
    await fc.assert(
      fc.asyncProperty(anyPrograms, async (program) => {
        const native = await nativeLog(program);
        expect(await simulatedLog(rewritten(program), {})).toEqual(native);
        expect(await simulatedLog(rewritten(program), { awaits: 'hops' })).toEqual(native);
      }),
      { numRuns: RUNS },
    );
  });

  test('is the same when continuations are events, first in first out, and all of them are rewritten', async () => {
    await fc.assert(
      fc.asyncProperty(plainPrograms, async (program) => {
        expect(await simulatedLog(rewritten(program), { awaits: 'latency' })).toEqual(
          await nativeLog(program),
        );
      }),
      { numRuns: RUNS },
    );
  });
});

const LEVELS = ['hops', 'latency'] as const;
const SEEDS = Array.from({ length: 60 }, (_, seed) => seed + 1);

describe.each(LEVELS)('awaits at level %s', (awaits) => {
  test('of one promise go on in the order of JavaScript under every decision, others in any order', async () => {
    const program = `
      let open; const gate = new Promise((resolve) => { open = resolve; });
      const first = async () => { await gate; log('first'); };
      const second = async () => { await gate; log('second'); };
      const third = async () => { for await (const x of [gate]) log('third'); };
      const other = async (n) => { await n; log(n); };
      first(); second(); third(); open(); other('x'); other('y');
    `;
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const log = await simulatedLog(rewritten(program), { awaits }, randomDecisions(seed));
      expect(log.filter((entry) => entry === 'first' || entry === 'second')).toEqual(['first', 'second']);
      seen.add(log.join());
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  test.each([
    ['a promise of a subclass', '(start) => new (class extends Promise {})(start)'],
    [
      'what has a then of its own',
      '(start) => { const inner = new Promise(start); return { then: (done, failed) => void inner.then(done, failed) }; }',
    ],
    [
      'a function that has one',
      '(start) => { const inner = new Promise(start); return Object.assign(() => {}, { then: (done, failed) => void inner.then(done, failed) }); }',
    ],
  ])('of one object go on in the order of JavaScript as well: %s', async (_, make) => {
    const program = `
      const make = ${make};
      let open; const gate = make((resolve) => { open = resolve; });
      const flow = async (name) => { await gate; log(name); };
      const other = async (name) => { await name; log(name); };
      flow('a'); flow('b'); flow('c'); open(); other('x'); other('y');
    `;
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const log = await simulatedLog(rewritten(program), { awaits }, randomDecisions(seed));
      expect(log.filter((entry) => /[abc]/.test(String(entry)))).toEqual(['a', 'b', 'c']);
      seen.add(log.join());
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  test('lead to the same values and errors under every decision', async () => {
    const program = `
      const fails = async (why) => { await 0; throw why; };
      const counted = async function* () { try { yield 1; yield Promise.resolve(2); return 3; } finally { await 0; log('closed'); } };
      (async () => {
        const values = [];
        for await (const x of counted()) values.push(x);
        for await (const x of [4, Promise.resolve(5)]) values.push(x);
        for await (const x of (async function* () { values.push(yield* counted()); })()) values.push(x);
        try { await fails('why'); } catch (e) { values.push(e); }
        try { for await (const x of counted()) throw x; } catch (e) { values.push(e); }
        try { for await (const x of 6) values.push(x); } catch (e) { values.push(e.constructor.name); }
        values.push(await (async () => { for await (const x of counted()) return x; })());
        values.push(await { then: (resolve) => resolve(7) });
        const bare = { next: () => ({ done: false, value: 9 }) };
        for await (const x of { [Symbol.asyncIterator]: () => bare }) { values.push(x); break; }
        for await (const x of { [Symbol.iterator]: () => bare }) { values.push(x); break; }
        const it = counted(); await it.next();
        values.push(await it.return(Promise.resolve(8)));
        log(JSON.stringify(values));
      })();
    `;
    const native = await nativeLog(program);
    expect(native.at(-1)).toBe('[1,2,4,5,1,2,3,"why",1,"TypeError",1,7,9,9,{"value":8,"done":true}]');
    for (const seed of SEEDS) {
      expect(await simulatedLog(rewritten(program), { awaits }, randomDecisions(seed))).toEqual(native);
    }
  });
});

/** What happens around resources that are disposed of. */
const DISPOSING = `
  const resource = (name) => ({ async [Symbol.asyncDispose]() { log('close ' + name); await 0; log('closed ' + name); } });
  const fails = () => { throw 'not made'; };
  const other = async () => { for (let i = 0; i < 16; i += 1) { await 0; log(i); } };
  (async () => {
    { await using a = resource('a'), b = null; await using c = resource('c'); log('open'); }
    log('after');
    try { await using f = fails(), g = null; } catch (e) { log(e); }
    for (const it of [{}, 7]) try { await using h = it, i = null; } catch ({ name, message }) { log(name + message); }
    try { await using d = resource('d'); throw 'thrown'; } catch (e) { log(e); }
    for (const x of [1]) { await using e = resource('e'); continue; }
  })();
  other();
`;
const canDispose = (() => {
  try {
    compiled(DISPOSING);
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!canDispose)(
  'await using does the same, and is late by decision (skipped because of Node before 24)',
  async () => {
    const native = await nativeLog(DISPOSING);
    expect(native.filter((entry) => typeof entry === 'string')).toHaveLength(14);
    expect(await nativeLog(rewritten(DISPOSING))).toEqual(native);
    expect(await simulatedLog(rewritten(DISPOSING), { awaits: 'hops' })).toEqual(native);
    for (const awaits of LEVELS) {
      const seen = new Set<string>();
      for (const seed of SEEDS) {
        const log = await simulatedLog(rewritten(DISPOSING), { awaits }, randomDecisions(seed));
        expect(log.filter((entry) => typeof entry === 'string')).toEqual(
          native.filter((entry) => typeof entry === 'string'),
        );
        seen.add(log.join());
      }
      expect(seen.size).toBeGreaterThan(5);
    }
  },
);

test('a module that awaits at its top does the same', async () => {
  const code = `export const log = []; setImmediate(() => log.push('turn'));
    void (async () => { for (let i = 0; i < 4; i += 1) { await i; log.push(i); } })();
    log.push(await 'a'); for await (const x of ['b', Promise.resolve('c')]) log.push(x); await 0; log.push('d');
    export const at = await new Promise((resolve) => setImmediate(resolve, log.length));`;
  const load = (text: string): Promise<{ readonly log: Log; readonly at: number }> =>
    import(`data:text/javascript,${encodeURIComponent(text)}`) as never;
  const native = await load(code);
  const { log, at } = await load(rewriteAwaits(code, { file: '/code/top.mjs' })?.code ?? '');
  expect([log, at]).toEqual([native.log, native.at]);
  expect(log).toContain('d');
});

test('a module that has a Symbol of its own does the same', async () => {
  const code = `class Symbol {} export const wait = async () => await 'a'; export const each = async () => { for await (const x of ['b']) return x; };`;
  const text = rewriteAwaits(code, { file: '/code/symbol.mjs' })?.code ?? '';
  const { wait, each } = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
    readonly wait: () => Promise<string>;
    readonly each: () => Promise<string>;
  };
  expect([await wait(), await each()]).toEqual(['a', 'b']);
});

test('whatever waits is an event, or takes microtasks, under its own name', async () => {
  const program = `
    async function* source() { yield 1; return Promise.resolve(2); }
    async function* passing() { yield* source(); }
    const flow = async () => {
      await 0;
      for await (const x of [Promise.resolve('sync')]) log(x);
      for await (const x of passing()) log(x);
    };
    flow();
  `;
  const names = [
    'await in flow',
    'for await in flow',
    'return in source',
    'yield in source',
    'yield* in passing',
  ];
  const nameOf = (text: string): string => text.replace(/ \(program.*/, '');
  const start = compiled(rewritten(program));
  const events = new Map<string, number>();
  await simulate({
    ambient: ambientTime({ awaits: 'latency' }),
    onFire: ({ topic: { text } }) => void events.set(nameOf(text), (events.get(nameOf(text)) ?? 0) + 1),
    scenario: async (sim) => {
      start(() => {});
      await sim.sleep(1);
    },
  });
  expect([...events.keys()].filter((name) => names.includes(name)).sort()).toEqual(names);
  // The value and the end of the list, the value and the end of the generator.
  expect(events.get('for await in flow')).toBe(4);
  const { decisions } = await simulate({
    ambient: ambientTime({ awaits: 'hops' }),
    scenario: async (sim) => {
      start(() => {});
      await sim.sleep(1);
    },
  });
  const asked = new Set(decisions().map(({ question }) => nameOf(question.topic.text)));
  expect([...asked].sort()).toEqual(names);
});

/** The name of the program's function that is nearest in a stack. */
function firstFunctionIn(stack = ''): string | undefined {
  return Array.from(stack.matchAll(/at (?:async )?([\w.]+) \(.*program\.cjs/g), ([, name]) => name).find(
    (name) => name?.startsWith('__') === false,
  );
}

test.each([undefined, ...LEVELS])(
  'what a standstill waits for is named by its innermost await, and by where its promise was made, at level %s',
  async (awaits) => {
    const program = `
      const never = () => new Promise(() => {});
      const turn = async () => { await 1; await 2; };
      async function a(gate) { await turn(); await gate; }
      async function b() { await turn(); await a(never()); }
      async function c() { await turn(); await b(); }
      async function d() { await turn(); await c(); }
      async function e() { await turn(); await Promise.all([turn(), d()]); }
      return e();
    `;
    const start = functionOf([], `${rewritten(program)}\n//# sourceURL=${FILE}`);
    for (const seed of [0, ...SEEDS.slice(0, 3)]) {
      const { failure } = await simulate({
        captureAwaits: true,
        ambient: ambientTime({ awaits }),
        source: seed === 0 ? fifoDecisions() : randomDecisions(seed),
        scenario: () => start() as Promise<void>,
      });
      const facts = failure?.facts?.filter(({ kind }) => kind === 'await' || kind === 'promise') ?? [];
      expect(facts.map(({ kind, stack }) => [kind, firstFunctionIn(stack)])).toEqual([
        ['await', 'a'],
        ['promise', 'never'],
      ]);
    }
  },
);

test('at level latency, awaits of one object that is no promise go on in any order', async () => {
  const program = `
    const settings = {};
    const flow = async (name) => { await settings; log(name); };
    flow('a'); flow('b');
  `;
  const logs = SEEDS.map((seed) =>
    simulatedLog(rewritten(program), { awaits: 'latency' }, randomDecisions(seed)),
  );
  expect(new Set((await Promise.all(logs)).map(String))).toEqual(new Set(['a,b', 'b,a']));
});

describe('at the end', () => {
  test('a continuation that is pending is no leftover, and never runs', async () => {
    const start = compiled(
      rewritten(`(async () => { await 0; log('one'); for (;;) { await 0; log('more'); } })();`),
    );
    const log: unknown[] = [];
    const verdict = await simulate({
      ambient: ambientTime({ awaits: 'latency' }),
      source: fifoDecisions(),
      scenario: () => start((entry) => log.push(entry)),
    });
    expect(verdict.failure).toBeUndefined();
    await turn();
    expect(log).toEqual([]);
  });
});

test.each(LEVELS)(
  'code is as it was after a simulation at level %s, however that has ended',
  async (awaits) => {
    const program = `(async () => { await 0; log('one'); for await (const x of ['two']) log(x); })();`;
    await simulate({ ambient: ambientTime({ awaits }), scenario: () => {} });
    expect(await nativeLog(rewritten(program))).toEqual(['one', 'two']);
    const { failure } = await simulate({
      ambient: ambientTime({ awaits }),
      scenario: () => Promise.reject(new Error('on purpose')),
    });
    expect(failure?.kind).toBe('error');
    expect(await nativeLog(rewritten(program))).toEqual(['one', 'two']);
  },
);

/** Programs that hold in the order of the engine, however their timers fall, and fail when an await takes longer. */
const RACES = {
  'a listener that comes after the event': `
    const listeners = []; let heard = 0;
    const step = async () => {};
    const connect = async () => { await step(); await step(); await step(); listeners.forEach((each) => each()); };
    const listen = async () => { await step(); listeners.push(() => { heard += 1; }); };
    return Promise.all([connect(), listen()]).then(() => check(heard === 1, 'the event was heard'));
  `,
  'a file that is closed while something is written': `
    let isOpen = true; let lost = 0;
    const encode = async (text) => text;
    const write = async (text) => { await encode(text); if (!isOpen) lost += 1; };
    const close = async () => { await sync(); isOpen = false; };
    const sync = async () => { for (let i = 0; i < 2; i += 1) await encode(''); };
    return Promise.all([close(), write('a'), write('b')]).then(() => check(lost === 0, 'nothing was lost'));
  `,
  'a balance that is read before another has written it': `
    let balance = 0;
    const read = async () => balance;
    const pay = async () => { const before = await read(); balance = before + 1; };
    const audit = async () => { await 0; await 0; await 0; const before = await read(); await 0; balance = before + 1; };
    const late = async () => { for (let i = 0; i < 8; i += 1) await 0; await pay(); };
    return Promise.all([pay(), audit(), late()]).then(() => check(balance === 3, 'all three have paid'));
  `,
} as const;

function raceScenario(code: string, options: AmbientOptions): ScenarioDefinition {
  const run = functionOf(['check'], code) as (check: (holds: boolean, what: string) => void) => Promise<void>;
  return defineScenario({
    name: 'race',
    description: 'a race of awaits',
    options: { ambient: ambientTime(options) },
    run: (sim) => run((holds, what) => sim.check(holds, what)),
  });
}

describe.each(Object.entries(RACES))('%s', (_, program) => {
  const failures = async (options: AmbientOptions): Promise<number> => {
    const code = rewriteAwaits(program, { file: FILE })?.code ?? '';
    const executor = createExecutor(raceScenario(code, options));
    const report = await explore(executor, createStrategy('portfolio', 1), {
      maxExecutions: 400,
      coverage: createCoverage(),
    });
    return report.failures;
  };

  test.each(LEVELS)(
    'is found at level %s within a few hundred executions, and never without',
    async (awaits) => {
      expect(await failures({ awaits })).toBeGreaterThan(0);
      expect(await failures({})).toBe(0);
    },
  );
});

/** The details of what it finds, once it is made small. */
async function explained(program: string, options: AmbientOptions): Promise<readonly string[]> {
  const code = rewriteAwaits(program, { file: FILE })?.code ?? '';
  const executor = createExecutor(raceScenario(code, options));
  let log: readonly Decision[] = [];
  let key = '';
  await explore(executor, createStrategy('portfolio', 1), {
    maxExecutions: 400,
    coverage: createCoverage(),
    onFailure: (verdict) => {
      log = verdict.decisions();
      key = failureKey(verdict.failure as Failure);
      return false;
    },
  });
  const small = await shrink(executor, log, key);
  return (await explain(executor, small.log)).details.map(({ text }) => text);
}

describe('an explanation says whether the order is one of the engine', () => {
  const race = RACES['a balance that is read before another has written it'];

  test.each(LEVELS)('found at level %s, it is found with some microtasks too', async (awaits) => {
    expect(await explained(race, { awaits })).toContainEqual(
      expect.stringMatching(
        /^native-feasible: it fails in the engine's order when await in \w+ \(program\.cjs:\d+(?::\d+)?\) takes \d microtasks? more$/,
      ),
    );
  });

  test('a timer that comes before an await has gone on takes more than microtasks', async () => {
    const program = `
      let ready = false;
      const open = async () => { await 0; ready = true; };
      return Promise.all([open(), new Promise((resolve) => setImmediate(() => { check(ready, 'it is open'); resolve(); }))]);
    `;
    expect(await explained(program, { awaits: 'latency' })).toContainEqual(
      'needs latency, as far as 300 executions show: none in which promises take only a few more microtasks fails the same way',
    );
  });

  test('where awaits are not controlled nothing is said of them', async () => {
    const program = `return new Promise((resolve) => setTimeout(() => { check(false, 'never'); resolve(); }, 1));`;
    const executor = createExecutor(raceScenario(program, {}));
    const { details } = await explain(executor, []);
    expect(details).toEqual([]);
  });
});

describe('reactions by then, catch and finally', () => {
  const program = `
    let heard = 0; const listeners = [];
    const later = (steps) => (steps === 0 ? Promise.resolve() : Promise.resolve().then(function step() { return later(steps - 1); }));
    const connected = later(3).then(function emit() { listeners.forEach((each) => each()); });
    const listening = later(0).finally(function listen() { listeners.push(() => { heard += 1; }); });
    return Promise.all([connected, listening]).then(() => check(heard === 1, 'the event was heard'));
  `;

  test.each(LEVELS)('are decisions too if that is asked for, at level %s', async (awaits) => {
    const count = async (thens: boolean): Promise<number> => {
      const executor = createExecutor(raceScenario(program, { awaits, thens }));
      const options = { maxExecutions: 400, coverage: createCoverage() };
      return (await explore(executor, createStrategy('portfolio', 1), options)).failures;
    };
    expect(await count(true)).toBeGreaterThan(0);
    expect(await count(false)).toBe(0);
  });

  test.each(LEVELS)(
    'lead to the same values and errors, also of other classes of promises, at level %s',
    async (awaits) => {
      const all = `
      class Mine extends Promise {}
      Promise.all([
        Promise.resolve(1).then((x) => x + 1), Promise.reject(2).catch((x) => x + 1), Promise.resolve(3).finally(() => 9),
        Promise.reject(4).then(() => 9).catch((x) => x), new Mine((resolve) => resolve(5)).then((x) => x),
        Promise.race([6, new Promise(() => {})]), (async () => Promise.resolve(7))(), Promise.allSettled([Promise.reject(8)]),
      ]).then((values) => { log(JSON.stringify(values)); log(new Mine(() => {}).then() instanceof Mine); });
    `;
      const native = await nativeLog(all);
      expect(native).toEqual(['[2,3,3,4,5,6,7,[{"status":"rejected","reason":8}]]', true]);
      for (const seed of SEEDS) {
        expect(await simulatedLog(all, { awaits, thens: true }, randomDecisions(seed))).toEqual(native);
      }
    },
  );

  test.each(LEVELS)('lead to the end with the documented drain, at level %s', async (awaits) => {
    const { held } = await simulate({
      drain: 'documented',
      ambient: ambientTime({ awaits, thens: true }),
      scenario: () => Promise.resolve(1).then(() => undefined),
    });
    expect(held).toBe(true);
  });

  test('a runner that dryrunner simulates does its work all the same, and the method is put back', async () => {
    const before = Object.getOwnPropertyDescriptor(Promise.prototype, 'then');
    const { failure } = await simulate({
      ambient: ambientTime({ awaits: 'latency', thens: true }),
      scenario: async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        const { runId } = await runner.run({ argv: ['sleep 10', 'complete 0'] });
        sim.check((await finalStatus(runner, runId)).status.state === 'COMPLETE', 'it is done');
        await runner.release();
      },
    });
    expect(failure).toBeUndefined();
    await simulate({
      ambient: ambientTime({ awaits: 'hops', thens: true }),
      scenario: () => Promise.reject(new Error('on purpose')),
    });
    expect(Object.getOwnPropertyDescriptor(Promise.prototype, 'then')).toEqual(before);
  });
});

test.each([
  [{ awaits: 'late' }, /^awaits: expected /],
  [{ thens: true }, /^thens: expected awaits beside it, got true$/],
  [{ awaits: 'hops', thens: 1 }, /^thens: expected /],
] as const)('options %j are refused', (options, message) => {
  expect(() => ambientTime(options as never)).toThrow(message);
});
