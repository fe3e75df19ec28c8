// `sim.load`: modules that are new in each execution.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  RunnerError as OwnRunnerError,
  simulate,
  type Scenario,
  type SimulateOptions,
  type Verdict,
} from 'dryrunner';
import { loopingLines } from '../../src/ambient/looping-line.ts';
import type { RunnerError } from '../../src/kernel/errors.ts';
import { ambientTime, awaitTransform, freshModules, type FreshModulesOptions } from 'dryrunner/ambient';

let folder: string;
const at = (path: string): string => join(folder, path);
const write = (path: string, text: string): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dryrunner load-'));
  write('package.json', JSON.stringify({ type: 'module' }));
  write(
    'counter.ts',
    `import { step } from './parts/step.ts';
interface Counts {
  readonly by: number;
}
enum Kind { Up = 1, Down = -1 }
export let count: number = 0;
export class Counter {
  constructor(private readonly counts: Counts) {}
  next(): number {
    return (count += this.counts.by * step() * Kind.Up);
  }
  fail(): never {
    throw new Error('it fails here');
  }
}
export default 'the default';
`,
  );
  write('parts/step.ts', `let steps = 0;\nexport const step = (): number => (steps += 1);\n`);
  write(
    'places.ts',
    `export const { url, dirname, filename } = import.meta;\nexport const text = 'import.meta';\nexport { own } from './parts/own.cjs';\n`,
  );
  write(
    'parts/own.cjs',
    `const __own = { __filename, dir: __dirname };\nexports.own = { ...__own, more: module.exports === exports };\n`,
  );
  write('parts/named.cjs', `exports.value = 'named';\nexports.loads = 0;\n`);
  write('parts/es.mjs', `export const value = 'an ES module';\n`);
  write(
    'parts/waiting.mjs',
    `await new Promise((resolve) => setImmediate(resolve));\nexport const value = 'it waited';\n`,
  );
  write('parts/broken.mjs', `throw new Error('while it loads');\n`);
  write('parts/typed.ts', `export const value: string = 'typed';\n`);
  write('parts/data.json', `{ "value": "data" }\n`);
  write(
    'parts/later.mjs',
    `import { createRequire as require } from 'node:module';
export const load = (name) => import(name);
export const literal = () => import('./named.cjs');
export const resolved = (name) => import.meta.resolve(name);
export const line = async (name) => { await import(name); throw new Error('here'); };
export const own = require(import.meta.url)('./named.cjs').value;
`,
  );
  write('parts/only.mjs', `export const load = () => import('./' + 'named.cjs');\n`);
  write(
    'parts/later.cjs',
    `exports.load = (name) => require(name);
exports.literal = () => require('./named.cjs').value;
exports.resolved = (name) => require.resolve(name);
exports.isMain = () => require.main === module;
exports.columns = () => [require('./' + 'named.cjs').value, new Error('at').stack.split('\\n')[1]];
`,
  );
  write(
    'parts/wrapped.cjs',
    `(function (require) { exports.value = require('a' + 'b'); })((name) => name + ' of its own');\n`,
  );
  write(
    'parts/browserified.cjs',
    `(function (__filename, __dirname) { exports.value = __dirname + __filename; }).call(this, '/lib.js', '/lib');\n`,
  );
  const ownNames = [
    'exports.local = (folder) => { const __dirname = folder; return __dirname; };',
    'exports.assigned = (folder) => { var __dirname; __dirname = folder; return __dirname; };',
    `exports.file = (file = __filename) => __filename + '/' + (__filename || file) + '/' + file;`,
  ];
  write('parts/taken.cjs', 'exports.taken = ({ __dirname }) => __dirname;');
  write('parts/renamed.cjs', 'exports.renamed = ({ folder: __dirname }) => __dirname;');
  write('parts/own-names.cjs', ownNames.join('\n'));
  write('node_modules/ids/package.json', JSON.stringify({ name: 'ids', main: 'index.js' }));
  write(
    'node_modules/ids/index.js',
    `let last = 0;\nmodule.exports = () => (last += 1);\nmodule.exports.next = () => (last += 1);\n`,
  );
  write(
    'uses.mjs',
    `import ids, { next } from 'ids';\nimport EventEmitter, { once } from 'node:events';\nexport const seen = () => [ids(), next(), typeof EventEmitter, typeof once];\n`,
  );
  write('node_modules/live/package.json', JSON.stringify({ name: 'live', main: 'index.js', type: 'module' }));
  write(
    'node_modules/live/index.js',
    `export let count = 0;\nexport const up = () => (count += 1);\nexport { up as default, count as 'a count' };\nexport const self = function () { return this; };\n`,
  );
  write('node_modules/late/package.json', JSON.stringify({ name: 'late', main: 'index.js', type: 'module' }));
  write(
    'node_modules/late/index.js',
    `export const handlesAfter = async (name) => {
  const refused = Promise.reject(new Error('handled in time'));
  await import(name);
  await refused.catch(() => undefined);
};
`,
  );
  for (const name of ['fast', 'documented']) write(`node_modules/late/${name}.js`, 'export {};');
  const onlyImport = { '.': { import: './index.js' }, './part': { node: { import: './part.js' } } };
  write('node_modules/modern/package.json', JSON.stringify({ type: 'module', exports: onlyImport }));
  write('node_modules/modern/index.js', `export const value = 'modern';\n`);
  write('node_modules/modern/part.js', `export const value = 'a part';\n`);
  write(
    'node_modules/sugar/package.json',
    JSON.stringify({ type: 'module', exports: { import: './index.js' } }),
  );
  write('node_modules/sugar/index.js', `export const value = 'sugar';\n`);
  write(
    'parts/made.cjs',
    [
      'function Made() { if (!new.target) return new Made(); this.at = [__dirname, require(`./${this.name}`).value]; }',
      `Made.prototype.name = 'named.cjs';`,
      `exports.made = () => Made().at;`,
      `exports.passed = () => ((load) => load('./named.cjs').value)(require);`,
      'exports.kind = typeof require;',
    ].join('\n'),
  );
  write('missing.cjs', `exports.value = 'of another folder';\n`);
  write('parts/addon.node', 'no library');
  write(
    'parts/optional.cjs',
    [
      `const codeOf = (load) => { try { return load(); } catch (error) { return error.code; } };`,
      `exports.required = () => codeOf(() => require('./missing.cjs'));`,
      `exports.addon = () => codeOf(() => require('./addon.node'));`,
    ].join('\n'),
  );
  const own = `export class Lock {}\nexport function make() {}\nexport default class {}\n`;
  write('parts/own-1.mjs', own);
  write('parts/own-2.mjs', own);
  write(
    'all-names.mjs',
    [
      `import One, { Lock as OneLock, make as oneMake } from './parts/own-1.mjs';`,
      `import Two, { Lock as TwoLock, make as twoMake } from './parts/own-2.mjs';`,
      `export const names = [One, OneLock, oneMake, Two, TwoLock, twoMake].map(({ name }) => name);`,
    ].join('\n'),
  );
  const mode = 'function () { return this === undefined; }';
  write('parts/strict.cjs', `// A comment.\n'use strict';\nexports.isStrict = (${mode})();\n`);
  write('parts/sloppy.cjs', `exports.isStrict = (${mode})();\n`);
  write('parts/plain.mjs', `export const isStrict = (${mode})();\n`);
  write('parts/empty.ts', `export interface Nothing {}\n`);
  write(
    'strict.mjs',
    [
      `export { isStrict } from './parts/plain.mjs';`,
      `export * from './parts/empty.ts';`,
      `export { isStrict as isBesideStrict } from './parts/strict.cjs';`,
      `import './parts/data.json' with { type: 'json' };`,
      'export const assigned = () => { notDeclared = 1; };',
    ].join('\n'),
  );
  const usesLive = [
    `import byDefault, { count, up, self, 'a count' as named } from 'live';`,
    `import * as all from 'live';`,
    `export { count as shown } from 'live';`,
    'export const counts = () => [count, named, all.count, all["a count"], byDefault() - count];',
    'export const isSame = byDefault === up && byDefault === all.default;',
    'export const keys = Object.keys(all);',
    'export const selves = [self(), typeof self];',
  ].join('\n');
  for (const name of ['live.mjs', 'live.ts']) write(name, usesLive);
  write('src/aliased.ts', `import { step } from '@/step.ts';\nexport const steps = () => step();\n`);
  write('types-only.ts', `import { Nothing } from 'not-there';\nexport const value: Nothing = 1;\n`);
  write('awaits.mjs', `export const value = await Promise.resolve(1);\n`);
  write('throws.mjs', `\nthrow new RangeError('while it loads');\n`);
  write(
    'typed.ts',
    `interface Gate {\n  readonly open: boolean;\n}\n\nexport async function enter(gate: Gate): Promise<boolean> {\n  await Promise.resolve();\n  return gate.open;\n}\n`,
  );
  write('broken.ts', `export const = 3;\n`);
  write('broken-place.mjs', `export const { url } = import.meta;\nexport const = 3;\n`);
  write(
    'circle.mjs',
    `import { early } from './parts/circle.mjs';\nexport const constant = 1;\nexport { early };\n`,
  );
  write(
    'parts/circle.mjs',
    `import { constant } from '../circle.mjs';\nexport let early = 'a ReferenceError';\ntry {\n  early = constant;\n} catch {}\n`,
  );
  write('lost.ts', `import { nothing } from './nowhere.ts';\nexport { nothing };\n`);
  write(
    'clock.ts',
    `const { now } = performance;\nexport const loadedAt = Date.now();\nexport const tick = setInterval(() => undefined, 1_000);\nexport const drawn = Math.random();\nexport const elapsed = (): number => now.call(performance);\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const modules = (options?: FreshModulesOptions) => freshModules(pathToFileURL(at('a test.ts')), options);

async function run(scenario: Scenario, options: Partial<SimulateOptions> = {}): Promise<Verdict> {
  return simulate({ modules: modules(), ...options, scenario });
}

async function held(scenario: Scenario, options?: Partial<SimulateOptions>): Promise<Verdict> {
  const verdict = await run(scenario, options);
  if (!verdict.held) throw new Error(verdict.failure?.message, { cause: verdict.failure?.cause });
  return verdict;
}

/** What a failing load rejects with. */
async function refusal(specifier: string, options?: Partial<SimulateOptions>): Promise<unknown> {
  let refused: unknown;
  await held(async (sim) => {
    try {
      await sim.load(specifier);
    } catch (error) {
      refused = error;
    }
  }, options);
  return refused;
}

interface CounterModule {
  readonly count: number;
  readonly default: string;
  readonly Counter: new (counts: { by: number }) => { next(): number; fail(): never };
}

describe('a module that sim.load loads', () => {
  test('is new in each execution with all that it imports, and its exports are live', async () => {
    const fresh = modules();
    const seen: unknown[] = [];
    for (const seed of [1, 2]) {
      await held(
        async (sim) => {
          const loaded = await sim.load<CounterModule>('./counter.ts');
          const counter = new loaded.Counter({ by: 10 });
          seen.push([loaded.count, counter.next(), counter.next(), loaded.count, loaded.default]);
        },
        { seed, modules: fresh },
      );
    }
    expect(seen).toEqual([
      [0, 10, 30, 30, 'the default'],
      [0, 10, 30, 30, 'the default'],
    ]);
  });

  test('is found by a path, a URL, and the name of a package', async () => {
    await held(async (sim) => {
      const names = ['./counter.ts', at('counter.ts'), pathToFileURL(at('counter.ts'))];
      for (const name of names) {
        const { Counter } = await sim.load<CounterModule>(name);
        sim.check(new Counter({ by: 1 }).next() === 1, `${String(name)} is loaded anew`);
      }
      const { seen } = await sim.load<{ seen: () => unknown[] }>('./uses.mjs');
      expect(seen()).toEqual([1, 2, 'function', 'function']);
      const ids = await sim.load<{ default: () => number; next: () => number }>('ids');
      expect([ids.default(), ids.next()]).toEqual([1, 2]);
      const path = await sim.load<{ basename: (text: string) => string }>('node:path');
      expect(path.basename('/a/b')).toBe('b');
    });
  });

  test('knows where its files lie', async () => {
    await held(async (sim) => {
      const { url, filename, dirname: dir, text, own } = await sim.load('./places.ts');
      expect({ url, filename, dir, text }).toEqual({
        url: pathToFileURL(at('places.ts')).href,
        filename: at('places.ts'),
        dir: folder,
        text: 'import.meta',
      });
      expect(own).toEqual({ __filename: at('parts/own.cjs'), dir: at('parts'), more: true });
    });
  });

  describe('whose imports are named only at run time', () => {
    interface Later {
      load(
        name: string,
      ): Promise<{ readonly value?: string; readonly default?: unknown; readonly EOL?: string }>;
      literal(): Promise<{ readonly value: string }>;
      resolved(name: string): string;
      line(name: string): Promise<never>;
      readonly own: string;
    }
    test.for([
      ['./named.cjs', { value: 'named', default: { value: 'named', loads: 0 } }],
      ['./data.json', { value: 'data', default: { value: 'data' } }],
      ['node:os', { EOL: '\n' }],
      ['os', { EOL: '\n' }],
      ['ids', { next: expect.any(Function) as unknown, default: expect.any(Function) as unknown }],
    ] as const)('import(%j) starts at its own file', async ([name, expected]) => {
      await held(async (sim) => {
        const { load } = await sim.load<Later>('./parts/later.mjs');
        expect(await load(name)).toMatchObject(expected);
      });
    });

    test('an ES module is loaded while time stands still', async () => {
      await held(
        async (sim) => {
          const { load } = await sim.load<Later>('./parts/later.mjs');
          const began = Date.now();
          const timer = setTimeout(() => sim.check(false, 'time goes on'), 1);
          expect((await load('./es.mjs')).value).toBe('an ES module');
          expect((await load('./waiting.mjs')).value).toBe('it waited');
          clearTimeout(timer);
          expect(Date.now()).toBe(began);
          await expect(load('./broken.mjs')).rejects.toThrow('while it loads');
        },
        { ambient: ambientTime() },
      );
    });

    test('what is not found is a rejection, and lines are those of the file', () =>
      held(async (sim) => {
        const { load, line, literal, own } = await sim.load<Later>('./parts/later.mjs');
        await expect(load('./nowhere.mjs')).rejects.toThrow('nowhere.mjs');
        const thrown: unknown = await line('./named.cjs').catch((error: unknown) => error);
        expect((thrown as Error).stack).toContain(`${pathToFileURL(at('parts/later.mjs')).href}:5:65`);
        expect([(await literal()).value, own]).toEqual(['named', 'named']);
        const only = await sim.load<Later>('./parts/only.mjs');
        expect((await only.load('')).value).toBe('named');
      }));

    test('import.meta.resolve and require.resolve start at their own file', () =>
      held(async (sim) => {
        const { resolved } = await sim.load<Later>('./parts/later.mjs');
        expect(resolved('./nowhere.mjs')).toBe(pathToFileURL(at('parts/nowhere.mjs')).href);
        expect(resolved('ids')).toBe(pathToFileURL(at('node_modules/ids/index.js')).href);
        expect([resolved('os'), resolved('node:os')]).toEqual(['node:os', 'node:os']);
        const common = await sim.load<Later>('./parts/later.cjs');
        expect(common.resolved('./named.cjs')).toBe(at('parts/named.cjs'));
      }));

    test('require(name) starts at its own file, unless the file has a require of its own', () =>
      held(async (sim) => {
        const { load, literal, isMain, columns } = await sim.load<{
          load(name: string): object;
          literal(): string;
          isMain(): boolean;
          columns(): readonly [string, string];
        }>('./parts/later.cjs');
        expect([load('./named.cjs'), literal(), isMain()]).toEqual([
          { value: 'named', loads: 0 },
          'named',
          false,
        ]);
        const [value, place] = columns();
        expect([value, place]).toEqual([
          'named',
          expect.stringContaining(`${pathToFileURL(at('parts/later.cjs')).href}:5:61`),
        ]);
        const { value: wrapped } = await sim.load<{ value: string }>('./parts/wrapped.cjs');
        expect(wrapped).toBe('ab of its own');
      }));
  });

  test('asks for what only an import may have, as Node does', () =>
    held(async (sim) => {
      interface Later {
        load(name: string): Promise<{ readonly value: string }>;
        resolved(name: string): string;
      }
      const { load, resolved } = await sim.load<Later>('./parts/later.mjs');
      const names = ['modern', 'modern/part', 'sugar'];
      const values = await Promise.all(names.map(async (name) => (await load(name)).value));
      expect(values).toEqual(['modern', 'a part', 'sugar']);
      expect(resolved('modern/part')).toBe(pathToFileURL(at('node_modules/modern/part.js')).href);
      for (const name of ['modern/nothing', 'sugar/index.js']) {
        await expect(load(name)).rejects.toMatchObject({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
      }
    }));

  test('has its own place also in CommonJS with new.target, and where require is passed on', () =>
    held(async (sim) => {
      const made = await sim.load<{ made(): unknown; passed(): string; kind: string }>('./parts/made.cjs');
      expect([made.made(), made.passed(), made.kind]).toEqual([[at('parts'), 'named'], 'named', 'function']);
    }));

  test('is not given what lies beside the test in place of a file that is not there', () =>
    held(async (sim) => {
      const optional = await sim.load<Record<string, () => unknown>>('./parts/optional.cjs');
      expect(optional['required']?.()).toBe('MODULE_NOT_FOUND');
      expect(optional['addon']?.()).toBe('ERR_DLOPEN_FAILED');
    }));

  test('keeps the names of its classes and functions', () =>
    held(async (sim) => {
      const { names } = await sim.load<{ names: string[] }>('./all-names.mjs');
      expect(names).toEqual(['default', 'Lock', 'make', 'default', 'Lock', 'make']);
    }));

  test('has no constant of another one before the line that makes it', () =>
    held(async (sim) => {
      const { early } = await sim.load<{ early: string }>('./circle.mjs');
      expect(early).toBe('a ReferenceError');
    }));

  test('is in strict mode, unless CommonJS that is not is among its modules', () =>
    held(async (sim) => {
      const strict = await sim.load<{ isStrict: boolean; isBesideStrict: boolean; assigned(): void }>(
        './strict.mjs',
      );
      expect([strict.isStrict, strict.isBesideStrict]).toEqual([true, true]);
      expect(() => strict.assigned()).toThrow(ReferenceError);
      expect((await sim.load<{ isStrict: boolean }>('./parts/sloppy.cjs')).isStrict).toBe(false);
    }));

  test('leaves __dirname and __filename alone where the code has its own', async () => {
    await held(async (sim) => {
      const { value } = await sim.load<{ value: string }>('./parts/browserified.cjs');
      expect(value).toBe('/lib/lib.js');
      type Functions = Record<string, (given?: unknown) => string>;
      const own: Functions = {};
      for (const name of ['own-names', 'taken', 'renamed']) {
        Object.assign(own, await sim.load<Functions>(`./parts/${name}.cjs`));
      }
      const given = { __dirname: 'mine', folder: 'mine' };
      const results = [
        own['local']?.('mine'),
        own['taken']?.(given),
        own['renamed']?.(given),
        own['assigned']?.('mine'),
      ];
      expect(results).toEqual(Array(4).fill('mine'));
      const file = at('parts/own-names.cjs');
      expect(own['file']?.()).toBe([file, file, file].join('/'));
    });
  });

  test('is found by an alias, and what is only a type is not looked for', async () => {
    const options = { modules: modules({ alias: { '@': at('parts') } }) };
    await held(async (sim) => {
      const { steps } = await sim.load<{ steps(): number }>('./src/aliased.ts');
      sim.check(steps() === 1, 'it is the module');
      sim.check((await sim.load<{ value: number }>('./types-only.ts')).value === 1, 'it has no types');
    }, options);
  });

  test.for(['fast', 'documented'] as const)(
    'a rejection that is handled once Node has loaded a module is handled in its instant (%s drain)',
    async (drain) => {
      const { handlesAfter } = (await import(pathToFileURL(at('node_modules/late/index.js')).href)) as {
        handlesAfter(name: string): Promise<void>;
      };
      const { failure } = await simulate({
        drain,
        ambient: ambientTime(),
        scenario: () => handlesAfter(`./${drain}.js`),
      });
      expect(failure).toBeUndefined();
    },
  );

  test.for(['live.mjs', 'live.ts'])('%s sees what a shared module exports as it is now', async (name) => {
    const shared = modules({ shared: ['live'] });
    const own = (await import(pathToFileURL(at('node_modules/live/index.js')).href)) as {
      readonly count: number;
      up(): number;
    };
    await held(
      async (sim) => {
        interface Live {
          readonly shown: number;
          readonly isSame: boolean;
          readonly keys: readonly string[];
          readonly selves: readonly unknown[];
          counts(): number[];
        }
        const live = await sim.load<Live>(`./${name}`);
        const { count } = own;
        own.up();
        expect(live.shown).toBe(count + 1);
        expect(live.counts()).toEqual([...Array.from({ length: 4 }, () => count + 1), 0]);
        expect(own.count).toBe(count + 2);
        expect(live.isSame).toBe(true);
        expect(live.keys).toEqual(Object.keys(own));
        expect(live.selves).toEqual([undefined, 'function']);
      },
      { modules: shared },
    );
  });

  test('shares this package, and what is to be shared', async () => {
    write(
      'shares.mjs',
      `import ids from 'ids';\nexport { RunnerError } from 'dryrunner';\nexport { ids };\n`,
    );
    const shared = modules({ shared: ['ids'] });
    const seen: number[] = [];
    for (const seed of [1, 2]) {
      await held(
        async (sim) => {
          const { ids, RunnerError } = await sim.load<{ ids: () => number; RunnerError: unknown }>(
            './shares.mjs',
          );
          seen.push(ids());
          expect(RunnerError).toBe(OwnRunnerError);
        },
        { seed, modules: shared },
      );
    }
    expect(seen).toEqual([1, 2]);
  });

  test('the first execution, which prepares it, is as all others', async () => {
    const fresh = modules();
    const scenario: Scenario = async (sim) => {
      const order: string[] = [];
      void Promise.resolve().then(() => Promise.resolve().then(() => order.push('a reaction')));
      sim.world.clock.post('an event', () => void order.push('an event'));
      await sim.load('./counter.ts');
      order.push('loaded');
      await sim.sleep(sim.choose('how long', 100));
      sim.note(order.join());
    };
    const verdicts: Verdict[] = [];
    for (let time = 0; time < 3; time += 1) {
      verdicts.push(await held(scenario, { modules: fresh, keepTrace: true, seed: 5 }));
    }
    expect(new Set(verdicts.map(({ traceHash }) => traceHash)).size).toBe(1);
    expect(verdicts[0]?.trace().at(-1)).toMatchObject({ text: 'a reaction,loaded,an event' });
  });

  test('sees the simulation while it is evaluated, but not while it is prepared', async () => {
    const made = modules();
    const preparedAt: number[] = [];
    const fresh = {
      evaluate: (specifier: string) => made.evaluate(specifier),
      prepare: (specifier: string) => {
        preparedAt.push(new Date(Date.now()).getUTCFullYear());
        return made.prepare(specifier);
      },
    };
    const scenario: Scenario = async (sim) => {
      await sim.sleep(250);
      const { loadedAt, tick, elapsed, drawn } = await sim.load<{
        loadedAt: number;
        drawn: number;
        tick: NodeJS.Timeout;
        elapsed: () => number;
      }>('./clock.ts');
      expect(loadedAt).toBe(Date.UTC(2000, 0, 1) + 250);
      await sim.sleep(50);
      expect(elapsed()).toBe(1_300);
      sim.note(String(drawn));
      clearInterval(tick);
    };
    const first = await held(scenario, { modules: fresh, ambient: ambientTime(), captureAwaits: true });
    const second = await held(scenario, { modules: fresh, ambient: ambientTime(), captureAwaits: true });
    expect(first.decisions()).toEqual(second.decisions());
    expect(preparedAt).toEqual([expect.not.closeTo(2000, 10)]);
    expect(first.decisionCount).toBe(1);
    expect(first.traceHash).toBe(second.traceHash);
  });

  test('an await of a TypeScript module is named by its own line', async () => {
    const sites = new Set<string>();
    const scenario: Scenario = async (sim) => {
      const { enter } = await sim.load<{ enter: (gate: object) => Promise<boolean> }>('./typed.ts');
      await Promise.all([enter({ open: true }), enter({ open: true })]);
    };
    await held(scenario, {
      modules: modules({ transforms: [awaitTransform({ include: [/typed\.ts$/] })] }),
      ambient: ambientTime({ awaits: 'latency' }),
      onFire: ({ topic }) => void sites.add(topic.text),
    });
    expect([...sites]).toContainEqual(expect.stringContaining('await in enter (typed.ts:6)'));
  });

  test('several that are loaded at once come in the order in which they were asked for', async () => {
    await held(async (sim) => {
      const order: string[] = [];
      const load = async (name: string): Promise<void> => {
        await sim.load(name);
        order.push(name);
      };
      await Promise.all([load('./counter.ts'), load('./places.ts'), load('./counter.ts')]);
      expect(order).toEqual(['./counter.ts', './places.ts', './counter.ts']);
    });
  });

  test('what was prepared is no escape: a scenario that stands still afterwards is a deadlock', async () => {
    const { failure } = await run(async (sim) => {
      await sim.load('./counter.ts');
      await Promise.race([]);
    });
    expect(failure?.kind).toBe('deadlock');
  });

  test('a simulation is ended from outside while it is prepared', async () => {
    const stop = new AbortController();
    const { failure } = await run((sim) => sim.load('./never').then(() => undefined), {
      signal: stop.signal,
      modules: {
        prepare: () => {
          stop.abort(new Error('enough'));
          return Promise.race([]);
        },
        evaluate: () => undefined,
      },
    });
    expect(failure?.kind).toBe('interrupted');
  });

  test('a file that has changed is loaded as it is now by the next exploration, not within one', async () => {
    write('changes.ts', `export const value: number = 1;\n`);
    const valueIn = async (fresh: ReturnType<typeof modules>): Promise<unknown> => {
      let value: unknown;
      await held(async (sim) => void ({ value } = await sim.load('./changes.ts')), { modules: fresh });
      return value;
    };
    const first = modules();
    expect(await valueIn(first)).toBe(1);
    write('changes.ts', `export const value: number = 2;\n`);
    utimesSync(at('changes.ts'), new Date(2_000), new Date(2_000));
    expect(await valueIn(first)).toBe(1);
    expect(await valueIn(modules())).toBe(2);
  });

  test('transforms get JavaScript, and what fails still points to the line of the file', async () => {
    const transforms = [
      {
        name: 'loud',
        transform: (code: string, file: string) =>
          file.endsWith('counter.ts')
            ? { code: code.replace('it fails here', code.includes('interface') ? 'typed' : 'it FAILS') }
            : undefined,
      },
    ];
    const { failure } = await run(
      async (sim) => {
        const { Counter } = await sim.load<CounterModule>('./counter.ts');
        new Counter({ by: 1 }).fail();
      },
      { modules: modules({ transforms }) },
    );
    expect(failure?.message).toBe('it FAILS');
    expect((failure?.cause as Error).stack).toContain('counter.ts:13:11');
  });
});

describe('source lines of what sim.load has loaded', () => {
  test('are those of the file', async () => {
    const { failure } = await run(async (sim) => {
      const { Counter } = await sim.load<CounterModule>('./counter.ts');
      new Counter({ by: 1 }).fail();
    });
    const [first] = (failure?.cause as Error).stack?.split('\n    at ').slice(1) ?? [];
    expect(first).toMatch(/^(?:\w+\.)?fail \(.*counter\.ts:13:11\)$/);
  });
});

describe('code of a loaded module is code of the simulation', () => {
  interface Outside {
    readonly reads: () => Promise<void>;
    readonly imports: () => Promise<void>;
    readonly loops: (untilMs: number) => void;
  }
  beforeAll(() =>
    write(
      'outside.ts',
      `import { readFileSync } from 'node:fs';
import { parse } from 'node:querystring';
export async function reads(): Promise<void> {
  await null;
  readFileSync('package.json');
}
export async function imports(): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  await readFile('package.json');
}
const text: string = 'a=%20&'.repeat(200);
export function loops(untilMs: number): void {
  while (performance.now() < untilMs) parse(text);
}
`,
    ),
  );

  test.for([
    ['reads', /^fs\.readFileSync is called in (?:\w+\.)?reads \(outside\.ts:5\)/],
    ['imports', /^fs\.promises\.readFile is called in (?:\w+\.)?imports \(outside\.ts:9\)/],
  ] as const)('after an await too: it %s', async ([name, message]) => {
    const scenario: Scenario = async (sim) => (await sim.load<Outside>('./outside.ts'))[name]();
    const { failure } = await run(scenario, { ambient: ambientTime() });
    expect(failure).toMatchObject({ kind: 'escape', message: expect.stringMatching(message) as string });
  });

  test("while it imports one of Node's own modules, time stands still", async () => {
    let after: readonly unknown[] = [];
    const scenario: Scenario = async (sim) => {
      const { imports } = await sim.load<Outside>('./outside.ts');
      setInterval(() => undefined, 1).unref();
      await imports();
      after = [sim.now()];
    };
    await held(scenario, { ambient: ambientTime({ allow: ['fs.promises.readFile'] }), leftovers: 'ignore' });
    expect(after).toHaveLength(1);
  });

  test('a loop in it is shown at the line of its file, also while it runs others', async () => {
    const fresh = modules();
    await fresh.prepare('./outside.ts');
    const { loops } = fresh.evaluate('./outside.ts') as Outside;
    const lines = await loopingLines((beginToLook) => {
      beginToLook();
      loops(performance.now() + 300);
      return Promise.resolve(true);
    });
    expect(lines?.[0]).toMatch(/^(?:\w+\.)?loops \(.*\/outside\.ts:1[23]:\d+\)$/);
  });
});

describe('what cannot be loaded', () => {
  test.for([
    [
      './nowhere.ts',
      /sim\.load\("\.\/nowhere\.ts"\), from .*a test\.ts: Could not resolve "\.\/nowhere\.ts": there is no such file in /,
    ],
    [
      './conuter.ts',
      /from .*a test\.ts: Could not resolve "\.\/conuter\.ts": the nearest is "\.\/counter\.ts"$/,
    ],
    [
      './src/../count',
      /Could not resolve "\.\/src\/\.\.\/count": the nearest is "\.\/src\/\.\.\/counter\.ts"$/,
    ],
    ['./source/counter.ts', /Could not resolve "\.\/source\/counter\.ts": there is no folder .*\/source$/],
    ['no-such-package', /from .*a test\.ts: Could not resolve "no-such-package"$/],
    [
      './lost.ts',
      /from .*a test\.ts: Could not resolve "\.\/nowhere\.ts" in .*\/lost\.ts: there is no such file/,
    ],
    ['./broken.ts', /sim\.load\("\.\/broken\.ts"\).* at .*\/broken\.ts:1:14$/],
    ['./broken-place.mjs', /Unexpected token at .*\/broken-place\.mjs:2:14$/],
    ['./src/aliased.ts', /Could not resolve "@\/step\.ts" in .*\/src\/aliased\.ts: it looks like an alias/],
    ['./awaits.mjs', /awaits at its top level/],
  ] as const)('%s says why', async ([specifier, message]) => {
    for (const transforms of [[], [{ name: 'none', transform: () => undefined }]]) {
      const refused = (await refusal(specifier, { modules: modules({ transforms }) })) as RunnerError;
      expect(refused.message).toMatch(message);
      expect(refused.code).toBe('RUNNER_INVALID_ARGUMENT');
      if (refused.message.includes('resolve')) expect(refused.cause).toBeUndefined();
    }
  });

  test('what a module throws while it is evaluated is what the scenario gets, with its line', async () => {
    const refused = (await refusal('./throws.mjs')) as Error;
    expect(refused).toBeInstanceOf(RangeError);
    expect(refused.stack).toContain('throws.mjs:2:7');
  });

  test('without modules it is a misuse, and arguments are checked', async () => {
    expect(await refusal('./counter.ts', { modules: undefined })).toMatchObject({
      code: 'RUNNER_SIMULATION_MISUSE',
    });
    const { failure } = await run((sim) => sim.load(3 as unknown as string).then(() => undefined));
    expect(failure?.cause).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    expect(() => freshModules('relative.ts')).toThrow(
      'from: expected the URL or the absolute path of a file',
    );
    expect(() => freshModules(import.meta.url, { externals: [] } as FreshModulesOptions)).toThrow(
      'options: expected only the fields shared, alias, transforms, got a field "externals"',
    );
    expect(() =>
      freshModules(import.meta.url, { alias: { '@': 3 } } as unknown as FreshModulesOptions),
    ).toThrow('alias.@: expected a string, got 3');
    expect(() => freshModules(import.meta.url, { shared: [3] } as unknown as FreshModulesOptions)).toThrow(
      'shared[0]: expected the name of a package, got 3',
    );
  });
});
