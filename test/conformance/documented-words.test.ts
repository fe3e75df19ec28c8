// The tables of docs/conformance.md about words and codes, held to the source.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  CAPABILITY,
  PART_CAPABILITY,
  type Supports,
  supportsAllBut,
} from '../../src/conformance/capability.ts';
import { storeCases } from '../../src/conformance/parts/store-cases.ts';
import type { ChoiceShape } from '../../src/kernel/shape.ts';
import { caseOf } from './hand-made-cases.ts';
import { statusStore } from './parts/part-subjects.ts';
import { simulated } from './subjects.ts';

const FOLDER = new URL('../../src/conformance/', import.meta.url);
const PAGE = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');

/** The cells of the table with that heading, row by row. */
function tableOf(heading: string): readonly (readonly string[])[] {
  const [, , ...rows] = PAGE.slice(PAGE.indexOf(heading)).split('\n');
  const end = rows.findIndex((row) => !row.startsWith('|'));
  return rows.slice(0, end).map((row) => row.split('|').slice(1, -1));
}
const wordsIn = (cell = ''): readonly string[] =>
  Array.from(cell.matchAll(/`([^`]+)`/g), ([, word]) => word!);
const valuesOf = (shape: unknown): readonly string[] => (shape as ChoiceShape).values;

/** The codes that are expected in the source of cases, without its comments. */
const codesIn = (source: string): readonly string[] => {
  const found = source.replaceAll(/\/\*\*[^]*?\*\//g, '').match(/\bRUNNER_[A-Z_]+/g) ?? [];
  return [...new Set(found)].sort();
};
const sourceOf = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');
/** The files that a list is put together from. */
function partsOf(file: string): string[] {
  const folder = file === 'conformance-cases.ts' ? 'cases/' : `${file.slice(0, -'-cases.ts'.length)}/`;
  if (!existsSync(new URL(folder, FOLDER))) return [];
  return readdirSync(new URL(folder, FOLDER)).map((name) => `${folder}${name}`);
}

describe('the page about conformance', () => {
  test('lists every capability of a runner', () => {
    const rows = tableOf('| capability | the runner |');
    expect(rows.flatMap(([word]) => wordsIn(word))).toEqual(valuesOf(CAPABILITY));
  });

  test('lists every word of `lacks`', () => {
    const rows = tableOf('| in `lacks` | lists | the part |');
    expect(rows.flatMap(([word]) => wordsIn(word))).toEqual(valuesOf(PART_CAPABILITY));
  });

  test('lists the codes that the cases of each list expect', () => {
    const inSource = ['', 'parts/']
      .flatMap((folder) => readdirSync(new URL(folder, FOLDER)).map((name) => `${folder}${name}`))
      .filter((file) => file.endsWith('-cases.ts'))
      .map((file) => {
        const [, list = ''] = /^export const (\w+Cases):/m.exec(sourceOf(file)) ?? [];
        return [list, codesIn([file, ...partsOf(file)].map(sourceOf).join('\n'))] as const;
      })
      .filter(([, codes]) => codes.length > 0)
      .sort(([one], [other]) => (one < other ? -1 : 1));
    const rows = tableOf('| lists | codes |').map((cells) => cells.map(wordsIn));
    expect(rows).toEqual(inSource.map(([list, codes]) => [[list], codes]));
  });
});

describe('a word that is not in the tables is refused, with those that are', () => {
  const words = (of: readonly string[]): string => `one of ${of.map((word) => `"${word}"`).join(', ')}`;
  const ofRunners = words(valuesOf(CAPABILITY));
  const ofParts = words(valuesOf(PART_CAPABILITY));
  const [storeCase] = storeCases;

  test.for<readonly [where: string, act: () => unknown, message: string]>([
    [
      'supportsAllBut',
      () => supportsAllBut({ output: 'none' } as never),
      `a capability in lacks: expected ${ofRunners}, got "output"`,
    ],
    [
      'supports',
      () =>
        caseOf(() => undefined).skipReason({
          ...simulated,
          supports: { ...supportsAllBut({}), output: 'none' } as Supports,
        }),
      `a capability in subject.supports: expected ${ofRunners}, got "output"`,
    ],
    [
      'supports, if one is left out',
      () => caseOf(() => undefined).skipReason({ ...simulated, supports: {} as Supports }),
      'subject.supports.capacity: expected true or the reason why not, got undefined',
    ],
    [
      'needs',
      () => caseOf(() => undefined, { needs: ['output' as never] }),
      `needs[0]: expected ${ofRunners}, got "output"`,
    ],
    [
      'lacks',
      () => storeCase!.skipReason({ ...statusStore, lacks: { word: 'other' } as never }),
      `a word in subject.lacks: expected ${ofParts}, got "word"`,
    ],
  ])('%s', ([, act, message]) => {
    expect(act).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message }) as Error);
  });
});
