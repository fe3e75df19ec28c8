import { SourceMap, type SourceMapPayload } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { rewriteAwaits, type RewriteOptions } from 'dryrunner/ambient';
import { root } from '../../cli/command.ts';

const FILE = '/code/queue.js';

/** Without the line that the functions stand in. */
function bodyOf(code: string, options: Partial<RewriteOptions> = {}): string | undefined {
  return rewriteAwaits(code, { file: FILE, ...options })?.code.replace(/\nvar __dryrunnerHub.*\n$/, '');
}

/** The same, with what is added in a form that is easy to read. */
function shortly(code: string, options?: Partial<RewriteOptions>): string | undefined {
  return bodyOf(code, options)
    ?.replaceAll(' __dryrunnerAwait((', '‹')
    .replaceAll(' __dryrunnerEach((', '«')
    .replaceAll(/\),"[^"]*"\)/g, '›');
}

const FORMS: readonly (readonly [what: string, code: string, rewritten: string])[] = [
  ['a list of expressions', 'await (a, b);', 'await (‹a, b›);'],
  ['no space before', 'await"a";await[1];await(a);await`t`', 'await‹"a"›;await‹[1]›;await(‹a›);await‹`t`›'],
  [
    'comments and line breaks',
    'await // why\n  a // here\n  /* or */ ;',
    'await // why\n  ‹a› // here\n  /* or */ ;',
  ],
  ['no semicolons', 'await a\nawait b\n(c)', 'await ‹a›\nawait ‹b\n(c)›'],
  ['awaits in awaits', 'await await f(await a)', 'await ‹await ‹f(await ‹a›)››'],
  ['operators', 'x = await a + await b ?? c', 'x = await ‹a› + await ‹b› ?? c'],
  [
    'parameters',
    'async (x = async () => await a) => await x',
    'async (x = async () => await ‹a›) => await ‹x›',
  ],
  [
    'arrow bodies',
    'f(async () => await a, async () => ({ b: await c }))',
    'f(async () => await ‹a›, async () => ({ b: await ‹c› }))',
  ],
  [
    'class fields',
    'class A { static x = async () => await a; #y = async () => { await b } }',
    'class A { static x = async () => await ‹a›; #y = async () => { await ‹b› } }',
  ],
  ['templates', '`${await a}`', '`${await ‹a›}`'],
  ['for await', 'for await (const x of await a) { break }', 'for await (const x of «await ‹a››) { break }'],
  [
    'a generator',
    'async function* g() { yield; yield a; yield* b; return c } function* h() { yield a }',
    'async function* g() { yield; yield ‹a›; yield* «b›; return ‹c› } function* h() { yield a }',
  ],
  [
    'functions in a generator',
    'async function* g() { function* h() { yield a } return () => { return b } }',
    'async function* g() { function* h() { yield a } return ‹() => { return b }› }',
  ],
  [
    'a return of a promise',
    'async function f() { return a; return await b }',
    'async function f() { return a; return await ‹b› }',
  ],
  [
    'a directive and a first line',
    '#!/usr/bin/env node\n"use strict"\nawait a',
    '#!/usr/bin/env node\n"use strict"\nawait ‹a›',
  ],
  [
    'CommonJS',
    'if (x) return; async () => { await a }; var await',
    'if (x) return; async () => { await ‹a› }; var await',
  ],
  [
    'calls that Vitest moves or reads',
    `const a = await vi.hoisted(async () => await b); vi.mock(await import('./c.js'), async (load) => await load())`,
    `const a = await vi.hoisted(async () => await ‹b›); vi.mock(await import('./c.js'), async (load) => await ‹load()›)`,
  ],
  [
    'calls that look like them',
    `await mine.hoisted(a); await vi.waitFor(b); await vi[hoisted](c); vi.mock(await d)`,
    `await ‹mine.hoisted(a)›; await ‹vi.waitFor(b)›; await ‹vi[hoisted](c)›; vi.mock(await ‹d›)`,
  ],
  ['a comment at the end', 'await a //', 'await ‹a› //'],
];

describe('what is rewritten', () => {
  test.each(FORMS)('%s', (_, code, expected) => {
    expect(shortly(code)).toBe(expected);
  });

  test.each(FORMS.filter(([what]) => !/CommonJS/.test(what)))(
    'the same from the tree of another parser: %s',
    (_, code, expected) => {
      // Without an export it might be a script, in which `await (a)` is a call.
      const ast = parseAst(`${code}\nexport {};`);
      expect(shortly(code, { ast })).toBe(expected);
    },
  );

  test('what is disposed of gets something beside it', () => {
    expect(bodyOf('{ await using a = f(), b = g(); await using c = h(); using d = i() }')).toBe(
      '{ await using  __dryrunner14=__dryrunnerDispose(__dryrunnerMade = f(),"await using (queue.js:1:3)"),' +
        'a=__dryrunnerMade, b = g(); ' +
        'await using  __dryrunner44=__dryrunnerDispose(__dryrunnerMade = h(),"await using (queue.js:1:33)"),' +
        'c=__dryrunnerMade; using d = i() }',
    );
    expect(bodyOf('{ await using a = // =\n  (await f()) }')).toBe(
      '{ await using  __dryrunner14=__dryrunnerDispose(__dryrunnerMade = // =\n' +
        '  (await  __dryrunnerAwait((f()),"await (queue.js:2)")),"await using (queue.js:1)"),a=__dryrunnerMade }',
    );
    expect(bodyOf('for (await using a of b) ;')).toBeUndefined();
  });

  test.each(['', 'const awaits = 1;', 'async () => 1', 'var await = 1; await', '"await a"'])(
    'code without any stays as it is: %s',
    (code) => expect(rewriteAwaits(code, { file: '/code/a.cjs' })).toBeUndefined(),
  );

  test('what is rewritten is not rewritten again', () => {
    const { code } = rewriteAwaits('await a', { file: FILE }) as { code: string };
    expect(rewriteAwaits(code, { file: FILE })).toBeUndefined();
  });

  test.each([
    [
      'a text in quotes',
      "await a; b('//# sourceMappingURL='+c);",
      "await ‹a›; b('//# sourceMappingURL='+c);",
    ],
    ['a template', 'await `\n//# sourceMappingURL=${a}`\n', 'await ‹`\n//# sourceMappingURL=${a}`›\n'],
    [
      'a comment in another',
      'await a /*\n//# sourceMappingURL=b*/',
      'await ‹a› /*\n//# sourceMappingURL=b*/',
    ],
  ])('what only looks like the comment of a map stays: %s', (_, code, expected) => {
    expect(shortly(code)).toBe(expected);
  });

  test.each(['e30=', 'bnVsbA==', 'AAAA', Buffer.from('{"version":3,"sections":[]}').toString('base64')])(
    'an inline map that cannot be read is as none: %s',
    (base64) => {
      const comment = `//# sourceMappingURL=data:application/json;base64,${base64}`;
      expect(rewriteAwaits(`await a\n${comment}`, { file: FILE })).toEqual(
        rewriteAwaits('await a', { file: FILE }),
      );
    },
  );

  test('what cannot be parsed is refused, with its file', () => {
    expect(() => rewriteAwaits('await )', { file: FILE })).toThrow(
      /^\/code\/queue\.js: its awaits cannot be rewritten, as it cannot be parsed: .*\(1:/,
    );
  });
});

describe('what awaits are called', () => {
  test.each([
    ['await a', 'await (queue.js:1)'],
    ['async function flush() { await a }', 'await in flush (queue.js:1)'],
    ['const flush = async () => { await a }', 'await in flush (queue.js:1)'],
    ['const flush = once(async () => { await a })', 'await in flush (queue.js:1)'],
    ['class Queue { async flush() { [].map(async () => await a) } }', 'await in Queue.flush (queue.js:1)'],
    ['class Queue { async #flush() { await a } }', 'await in Queue.#flush (queue.js:1)'],
    ['const o = {\n flush: async () => { await a } }', 'await in flush (queue.js:2)'],
    ['o.flush = async function () { await a }', 'await in flush (queue.js:1)'],
    ['async () => {\n await a; await b }', 'await (queue.js:2:2)'],
    ['async function* flush() { yield a }', 'yield in flush (queue.js:1)'],
    ['async function flush() { for await (const x of a); }', 'for await in flush (queue.js:1)'],
  ])('%s', (code, site) => {
    expect(bodyOf(code)).toContain(`),"${site}")`);
  });

  test('after the lines of the source, if code was made from another', () => {
    const source = `interface Job {\n  id: number;\n}\n\nexport async function flush(job: Job): Promise<Job> {\n  return await job;\n}\n`;
    const { outputText, sourceMapText } = transpiled(source, 'queue.ts');
    const map = JSON.parse(sourceMapText ?? '') as object;
    expect(outputText).not.toContain('interface');
    expect(bodyOf(outputText, { map })).toContain('"await in flush (queue.ts:6)"');
    const inline = withMap(outputText, sourceMapText);
    expect(bodyOf(inline)).toContain('"await in flush (queue.ts:6)"');
    expect(bodyOf(inline)).not.toContain('sourceMappingURL');
  });
});

/** The code with its map in itself. */
function withMap(code: string, map = ''): string {
  const base64 = Buffer.from(map).toString('base64');
  return code.replace(/(\/\/# sourceMappingURL=).*/, `$1data:application/json;base64,${base64}`);
}

function transpiled(source: string, fileName: string): ts.TranspileOutput {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    sourceMap: true,
  };
  return ts.transpileModule(source, { fileName, compilerOptions });
}

/** Where each of the names that begin with `at` stands, line and column from 0. */
function marksIn(code: string): Map<string, readonly [number, number]> {
  return new Map(
    code
      .split('\n')
      .flatMap((line, at) =>
        [...line.matchAll(/\bat\d+/g)].map((found) => [found[0], [at, found.index]] as const),
      ),
  );
}

describe('positions', () => {
  const source = `type None = never;
export class Queue<T> {
  items: T[] = [];
  async flush(): Promise<void> {
    await at1(); await (at2(), at3()); at4(await at5(await at6()), at7()); at8()
    for await (const x of at9()) at10(x)
    const y: None = await
      at11() as never; at12(y)
  }
}
`;

  test('lead from the rewritten code to the source of what was rewritten', () => {
    const { outputText, sourceMapText } = transpiled(source, 'queue.ts');
    const rewritten = rewriteAwaits(withMap(outputText, sourceMapText), { file: '/code/queue.ts' });
    const map = new SourceMap(rewritten?.map as unknown as SourceMapPayload);
    const expected = marksIn(source);
    const found = [...marksIn(rewritten?.code ?? '')].map(([name, [line, column]]) => {
      const entry = map.findEntry(line, column) as { originalLine: number; originalColumn: number };
      return [name, [entry.originalLine, entry.originalColumn]] as const;
    });
    expect(new Map(found)).toEqual(expected);
    expect(expected.size).toBe(12);
  });

  test('of code that is a source itself lead back to it, and lines stay as they are', () => {
    const { outputText } = transpiled(source, 'queue.ts');
    const { code, map } = rewriteAwaits(outputText, { file: FILE }) as { code: string; map: object };
    const read = new SourceMap(map as SourceMapPayload);
    for (const [name, [line, column]] of marksIn(code)) {
      const [originalLine, originalColumn] = marksIn(outputText).get(name) ?? [];
      expect(originalLine).toBe(line);
      expect(read.findEntry(line, column)).toMatchObject({
        originalSource: FILE,
        originalLine,
        originalColumn,
      });
    }
  });
});

test('all sources of this package are rewritten alike by both parsers, line by line, into what can be parsed', () => {
  const folder = join(root, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  let rewritten = 0;
  for (const file of files) {
    const source = readFileSync(join(folder, file), 'utf8');
    if (!source.includes('await ')) continue;
    const { outputText } = transpiled(source, file);
    const code = rewriteAwaits(outputText, { file })?.code;
    expect(rewriteAwaits(outputText, { file, ast: parseAst(outputText) })?.code).toBe(code);
    if (code === undefined) continue;
    rewritten += 1;
    const lines = outputText.replace(/\n\/\/# sourceMappingURL.*$/, '').split('\n');
    expect(
      code
        .split('\n')
        .slice(0, lines.length)
        .map((line) => line.replace(/ __dryrunner(?:Await|Each)\(\(|\),"[^"]*"\)/g, '')),
    ).toEqual(lines);
    expect(() => parseAst(code)).not.toThrow();
  }
  expect(rewritten).toBeGreaterThan(50);
});
