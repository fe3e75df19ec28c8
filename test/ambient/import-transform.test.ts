// What code looks like whose imports a simulation waits for; that it does is seen in vitest-plugin.test.ts.
import { SourceMap, type SourceMapPayload } from 'node:module';
import { afterEach, describe, expect, test } from 'vitest';
import { hub } from '../../src/ambient/hub.ts';
import { importTransform } from '../../src/ambient/import-transform.ts';

const FILE = '/code/lazy.js';
const firstLine = (code: string, file = FILE): string | undefined =>
  importTransform.transform(code, file)?.code.split('\n')[0];

describe('an import', () => {
  test.for([
    ['a literal', `await import('./a.js');`, `await __dryrunnerImport(()=>import('./a.js'));`],
    [
      'a name of run time, which is evaluated in its place',
      'await import(await nameOf(x));',
      'await __dryrunnerImport((s)=>import(/* @vite-ignore */ s),(await nameOf(x)));',
    ],
    [
      'one in another',
      `import((await import('./a.js')).name)`,
      `__dryrunnerImport((s)=>import(/* @vite-ignore */ s),((await __dryrunnerImport(()=>import('./a.js'))).name))`,
    ],
  ] as const)('of %s', ([, code, expected]) => {
    expect(firstLine(code)).toBe(expected);
  });

  test.for([
    ['with options', `import('./a.json', { with: { type: 'json' } })`],
    ['with a comma', 'import(name,)'],
    ['in a text', `'import(name)'`],
    ['in code that cannot be parsed', 'a { b: import(c) } <d>'],
    ['that is static', `import a from './a.js';`],
  ] as const)('stays as it is %s', ([, code]) => {
    expect(importTransform.transform(code, FILE)).toBeUndefined();
  });

  test.for([
    `vi.mock(import('./a.js'))`,
    `vi.mock(await import('./a.js'), () => ({}))`,
    `vi.unmock(import('./a.js'))`,
    `vitest.doMock(import('./a.js'))`,
    `vi.doUnmock(import('./a.js'))`,
  ])('stays as it is where Vitest takes the path from it: %s', (code) => {
    expect(importTransform.transform(code, FILE)).toBeUndefined();
    const behind = `${code.slice(0, -1)}, import('./b.js'))`;
    expect(firstLine(behind)).toBe(`${code.slice(0, -1)}, __dryrunnerImport(()=>import('./b.js')))`);
  });

  test.for([`mine.mock(import('./a.js'))`, `vi.waitFor(import('./a.js'))`, `mock(import('./a.js'))`])(
    'is rewritten in another call: %s',
    (code) => {
      expect(firstLine(code)).toBe(
        code.replace(`import('./a.js')`, `__dryrunnerImport(()=>import('./a.js'))`),
      );
    },
  );

  test('stays as it is in a package, and is rewritten once', () => {
    const code = `import('./a.js')`;
    expect(firstLine(code, '/code/node_modules/a/index.js')).toBeUndefined();
    const { code: rewritten = '' } = importTransform.transform(code, FILE) ?? {};
    expect(importTransform.transform(rewritten, FILE)).toBeUndefined();
  });

  test('keeps the columns of what follows', () => {
    const code = `import('./a.js'); import(b); here();`;
    const { code: rewritten = '', map } = importTransform.transform(code, FILE) ?? {};
    const entry = new SourceMap(map as SourceMapPayload).findEntry(0, rewritten.indexOf('here'));
    expect(entry).toMatchObject({ originalLine: 0, originalColumn: code.indexOf('here') });
  });
});

describe('rewritten code', () => {
  afterEach(() => {
    hub.world = undefined;
  });
  const evaluated = async (code: string): Promise<() => Promise<unknown>> => {
    const { code: rewritten = '' } = importTransform.transform(code, FILE) ?? {};
    const url = `data:text/javascript,${encodeURIComponent(rewritten)}`;
    return ((await import(/* @vite-ignore */ url)) as { load: () => Promise<unknown> }).load;
  };
  const code = `const names = ['node:os']; export const load = () => import(names.pop());`;

  test('imports as ever outside of a simulation', async () => {
    const load = await evaluated(`${code} // elsewhere`);
    expect(await load()).toHaveProperty('EOL');
  });

  test('imports as ever where the code has a Symbol of its own', async () => {
    const load = await evaluated(`class Symbol {} ${code}`);
    expect(await load()).toHaveProperty('EOL');
  });

  test('has a simulation make the import, with the name as it was', async () => {
    const load = await evaluated(code);
    const loads: (() => Promise<unknown>)[] = [];
    const hold = <T>(make: () => Promise<T>): Promise<T> => {
      loads.push(make);
      return Promise.resolve('held' as T);
    };
    hub.world = { held: hold } as unknown as typeof hub.world;
    const held = load();
    await expect(load()).resolves.toBe('held');
    hub.world = undefined;
    expect([await held, loads.length]).toEqual(['held', 2]);
    expect(await loads[0]?.()).toHaveProperty('EOL');
    await expect(loads[1]?.()).rejects.toThrow('undefined');
  });
});
