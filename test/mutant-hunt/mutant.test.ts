import { describe, expect, test } from 'vitest';
import { MutantDraw, quotas } from '../../scripts/mutant-hunt/mutant-draw.ts';
import {
  countsReach,
  HUNTED,
  mutantsOf,
  mutatedText,
  type Mutant,
} from '../../scripts/mutant-hunt/mutant.ts';
import { readProjectFile } from '../../scripts/module-graph.ts';
import { transpiled } from '../../scripts/zoo/package-copy.ts';

const FILE = 'src/store/planted.ts';
const TEXT = `export function first(list: readonly string[] | undefined, n: number): string {
  if (n < 3 && list !== undefined) return list?.at(n)?.trim() ?? 'none';
  const far = (): boolean => n > 10;
  switch (n) {
    case 4:
      return 'four';
    default:
      return far() ? \`far \${n}\` : [n].join();
  }
}
`;

describe('the mutants of a text', () => {
  test('have ids that differ, and say where they are and what is there', async () => {
    const mutants = await mutantsOf('store', FILE, TEXT);
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    for (const { start, end, before, line } of mutants) {
      expect(TEXT.slice(start, end)).toBe(before);
      expect(TEXT.slice(0, start).split('\n')).toHaveLength(line);
    }
    const [less] = mutants.filter(({ before, after }) => before === 'n < 3' && after === 'n >= 3');
    expect(less).toMatchObject({ mutator: 'EqualityOperator', line: 2, folder: 'store', file: FILE });
  });

  test('can each be written down, and count their executions unless they are called', async () => {
    const mutants = await mutantsOf('store', FILE, TEXT);
    expect(mutants.length).toBeGreaterThan(20);
    for (const mutant of mutants) {
      const isCalled = TEXT[mutant.end] === '(';
      expect(countsReach(mutatedText(mutant, TEXT)), mutant.id).toBe(!isCalled);
    }
  });

  test('keep the precedence that they have in the tree', async () => {
    const text = 'export const all = (a: boolean, b: boolean, c: boolean): boolean => a && b && c;\n';
    const mutants = await mutantsOf('store', FILE, text);
    const inner = mutants.find(({ before, after }) => before === 'a && b' && after === 'a || b') as Mutant;
    const url = `data:text/javascript,${encodeURIComponent(transpiled(FILE, mutatedText(inner, text)))}`;
    const { all } = (await import(/* @vite-ignore */ url)) as {
      readonly all: (...given: boolean[]) => boolean;
    };
    expect(all(true, false, false)).toBe(false);
    expect(all(true, false, true)).toBe(true);
  });

  test('of a method that is called keep its object', async () => {
    const text = 'export const read = (box?: { get(): unknown }): unknown => box?.get();\n';
    const mutants = await mutantsOf('store', FILE, text);
    const plain = mutants.find(({ mutator }) => mutator === 'OptionalChaining') as Mutant;
    const url = `data:text/javascript,${encodeURIComponent(transpiled(FILE, mutatedText(plain, text)))}`;
    const { read } = (await import(/* @vite-ignore */ url)) as { readonly read: (box: object) => unknown };
    const box = {
      held: 7,
      get(): number {
        return this.held;
      },
    };
    expect(read(box)).toBe(7);
  });

  test('are refused in a text that has changed', async () => {
    const [mutant] = await mutantsOf('store', FILE, TEXT);
    expect(() => mutatedText(mutant as Mutant, `\n${TEXT}`)).toThrow('the file has changed');
  });

  test('are there in sources of ours', async () => {
    const file = 'src/store/run-waiters.ts';
    const text = readProjectFile(file);
    for (const mutant of (await mutantsOf('store', file, text)).slice(0, 40)) {
      expect(mutatedText(mutant, text)).not.toBe(text);
    }
  });
});

/** As many in each folder as its name has letters, times ten. */
function some(): Mutant[] {
  return Object.keys(HUNTED).flatMap((folder) =>
    Array.from({ length: 10 * folder.length }, (_, at) => ({
      ...{ id: `${folder} ${at}`, folder, file: FILE, line: 1, start: 0, end: 1 },
      ...{ mutator: 'BooleanLiteral', before: '!', after: '' },
    })),
  );
}

/** The ids of those that are kept, if every third survives. */
function keptBy(seed: string, count: number, survives: (id: string) => boolean): string[] {
  const draw = new MutantDraw(some(), count, seed);
  const kept: string[] = [];
  for (let mutant = draw.next(); mutant !== undefined; mutant = draw.next()) {
    if (survives(mutant.id)) draw.replace(mutant);
    else kept.push(mutant.id);
  }
  return kept;
}

describe('a draw', () => {
  const everyThird = (id: string): boolean => Number(id.split(' ')[1]) % 3 === 0;

  test('is the same for the same seed, in the same order, and another one for another', () => {
    expect(keptBy('a', 40, everyThird)).toEqual(keptBy('a', 40, everyThird));
    expect(keptBy('b', 40, everyThird)).not.toEqual(keptBy('a', 40, everyThird));
  });

  test('leaves out no folder, however few are wanted', () => {
    for (const count of [12, 20, 60]) {
      const folders = keptBy('a', count, everyThird).map((id) => id.split(' ')[0]);
      expect(folders).toHaveLength(count);
      expect(new Set(folders)).toEqual(new Set(Object.keys(HUNTED)));
    }
  });

  test('replaces what survives from the same folder, whatever is ready first', () => {
    const draw = new MutantDraw(some(), 40, 'a');
    const open: Mutant[] = [];
    const kept: string[] = [];
    const settle = (mutant: Mutant): void => {
      if (everyThird(mutant.id)) draw.replace(mutant);
      else kept.push(mutant.id);
    };
    for (;;) {
      const next = draw.next();
      if (next !== undefined) open.push(next);
      const late = next === undefined || open.length > 4 ? open.pop() : undefined;
      if (late === undefined && next === undefined) break;
      if (late !== undefined) settle(late);
    }
    expect(new Set(kept)).toEqual(new Set(keptBy('a', 40, everyThird)));
  });

  test('gives each folder its share by size', () => {
    const given = quotas(
      new Map([
        ['large', 900],
        ['small', 90],
        ['tiny', 10],
      ]),
      20,
    );
    expect([...given]).toEqual([
      ['large', 18],
      ['small', 1],
      ['tiny', 1],
    ]);
  });

  test('ends with all there is if more are wanted', () => {
    expect(keptBy('a', 10_000, () => false)).toHaveLength(some().length);
  });
});
