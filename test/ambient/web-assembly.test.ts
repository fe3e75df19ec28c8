import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { simulate, type Scenario, type Verdict } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';

interface Assembly {
  compile(bytes: unknown): Promise<object>;
  compileStreaming(response: unknown): Promise<object>;
  instantiate(source: unknown, imports?: object): Promise<object>;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => object;
}
const { WebAssembly: assembly } = globalThis as unknown as { readonly WebAssembly: Assembly };

const HEAD = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** Unlike any other: the engine compiles the same bytes only once, and has the result of the second at once. */
let made = 0;
const unlike = (...sections: readonly number[]): Uint8Array => {
  made += 1;
  return Uint8Array.from([...HEAD, ...sections, 0, 2, 0, made]);
};
/** Calls `e.f` when it is instantiated. */
const STARTING = [1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x65, 1, 0x66, 0, 0, 8, 1, 0];

const verdictOf = (scenario: Scenario): Promise<Verdict> =>
  simulate({ ambient: ambientTime(), capturePlaces: true, scenario });

/** The message with which it fails; '' if it does not. */
async function refusalOf(call: () => Promise<unknown>): Promise<string> {
  return call().then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
}

/** Fails unless the call is over before anything that is due now. */
const atOnce =
  (call: () => Promise<object>): Scenario =>
  async (sim) => {
    const late: string[] = [];
    const pending = setTimeout(() => late.push('late'), 1);
    const result = await call();
    sim.check(late.length === 0 && sim.now() === 0, `it is there at ${sim.now()} ms`);
    sim.check(
      result instanceof assembly.Module || result instanceof assembly.Instance || 'instance' in result,
      'it is given',
    );
    clearTimeout(pending);
  };

describe('WebAssembly in ambient time', () => {
  const module = new assembly.Module(unlike());
  test.for([
    ['compiled', () => assembly.compile(unlike())],
    ['compiled from a view', () => assembly.compile(new DataView(unlike().buffer))],
    ['instantiated', () => assembly.instantiate(unlike())],
    ['instantiated from a buffer', () => assembly.instantiate(unlike().buffer)],
    ['instantiated as a compiled module', () => assembly.instantiate(module)],
  ] as const)('no time passes until it is %s', async ([, call]) => {
    const { failure } = await verdictOf(atOnce(call));
    expect(failure?.message).toBeUndefined();
  });

  test('what a module calls when it is instantiated sees virtual time', async () => {
    const seen: number[] = [];
    const imports = { e: { f: () => void seen.push(Date.now()) } };
    const { failure } = await verdictOf(async () => {
      await assembly.instantiate(unlike(...STARTING), imports);
      await assembly.instantiate(new assembly.Module(unlike(...STARTING)), imports);
      seen.push(Date.now());
    });
    expect(failure?.message).toBeUndefined();
    expect(new Set(seen).size).toBe(1);
    expect(seen).toHaveLength(3);
  });

  test('bytes may be changed while they are compiled', async () => {
    const { failure } = await verdictOf(async () => {
      const bytes = unlike();
      const compiling = assembly.compile(bytes);
      bytes.fill(0);
      await compiling;
    });
    expect(failure?.message).toBeUndefined();
  });

  const broken = Uint8Array.from([...HEAD, 1]);
  test.for([
    ['bytes that are no module', () => assembly.compile(broken)],
    ['bytes that cannot be instantiated', () => assembly.instantiate(broken)],
    ['no bytes', () => assembly.compile('module')],
    ['neither', () => assembly.instantiate('module')],
    ['a lack of imports', () => assembly.instantiate(new assembly.Module(unlike(...STARTING)), {})],
    ['a lack of imports, with bytes', () => assembly.instantiate(unlike(...STARTING), {})],
  ] as const)('%s are refused as outside', async ([, call]) => {
    const outside = await refusalOf(call);
    let inside = '';
    const { failure } = await verdictOf(async () => {
      inside = await refusalOf(call);
    });
    expect(failure?.message).toBeUndefined();
    expect(outside).not.toBe('');
    expect(inside).toBe(outside);
  });

  test('a stream is refused with the line', async () => {
    const { failure } = await verdictOf(async () => {
      await assembly.compileStreaming(undefined);
    });
    expect(failure?.kind).toBe('escape');
    expect(failure?.message).toMatch(
      /^WebAssembly\.compileStreaming is called at web-assembly\.test\.ts:\d+ /,
    );
  });

  const folder = mkdtempSync(join(tmpdir(), 'dryrunner-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  test('a module that Node imports may instantiate it at the top', async () => {
    writeFileSync(
      join(folder, 'late.mjs'),
      `const { instance } = await WebAssembly.instantiate(Uint8Array.of(${unlike().join()})); export { instance };`,
    );
    writeFileSync(join(folder, 'lazy.cjs'), "module.exports = () => import('./late.mjs');");
    const lazy = createRequire(import.meta.url)(join(folder, 'lazy.cjs')) as () => Promise<object>;
    const { failure } = await verdictOf(atOnce(lazy));
    expect(failure?.message).toBeUndefined();
  });
});
