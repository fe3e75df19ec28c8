import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HuntFile } from '../../scripts/mutant-hunt/hunt-file.ts';
import {
  isKept,
  rateOf,
  ratesBy,
  reasonFor,
  recordRow,
  reportLines,
  type HuntRecord,
  type KeptRecord,
} from '../../scripts/mutant-hunt/hunt-record.ts';
import { WAYS, type Way } from '../../scripts/mutant-hunt/trial.ts';

interface Given {
  readonly mutator?: string;
  readonly before?: string;
  readonly title?: string;
  readonly found?: readonly Way[];
  readonly reached?: Partial<Record<Way, number>>;
  readonly hung?: Way;
}

function kept(id: string, folder: string, given: Given = {}): KeptRecord {
  const {
    mutator = 'EqualityOperator',
    before = 'a < b',
    title = 'it works',
    found = [],
    reached,
    hung,
  } = given;
  return {
    mutant: { id, folder, file: `src/${folder}/a.ts`, line: 3, mutator, before, after: 'a > b' },
    unit: { killed: true, test: `test/${folder}/a.test.ts`, title, message: 'expected 1, got 2' },
    ways: WAYS.map((way) => ({
      ...{ way, found: found.includes(way), by: 'generic-store', sentence: 'R1 is broken' },
      ...{ executions: 10, ownExecutions: 4, seconds: 1.5, reached: reached?.[way] ?? 0 },
      end: hung === way ? 'hung' : 'verdict',
    })),
    seconds: 4,
  };
}

const SURVIVOR: HuntRecord = { ...kept('s', 'model'), unit: { killed: false } };

const RECORDS: readonly HuntRecord[] = [
  kept('1', 'store', { found: ['generic'] }),
  kept('2', 'store', { found: ['shipped', 'conformance'], mutator: 'ArrowFunction' }),
  kept('3', 'store', { found: ['conformance'] }),
  SURVIVOR,
  kept('4', 'locks', { reached: { generic: 2 } }),
];

describe('the rates', () => {
  const records = RECORDS.filter(isKept);

  test('count each way, and a mutant once however many ways find it', () => {
    expect(rateOf('all', records)).toEqual({
      ...{ name: 'all', count: 4, generic: 1, shipped: 1 },
      ...{ exploration: 2, conformance: 2, any: 3 },
    });
  });

  test.for(['folder', 'mutator'] as const)('by %s add up to those of all', (key) => {
    const parts = ratesBy(records, key);
    expect(parts.length).toBeGreaterThan(1);
    for (const field of ['count', 'generic', 'shipped', 'exploration', 'conformance', 'any'] as const) {
      const sum = parts.reduce((total, part) => total + part[field], 0);
      expect(sum, field).toBe(rateOf('all', records)[field]);
    }
  });
});

describe('the report', () => {
  test('lists what only unit tests saw, names what survived, and takes a reason by hand', () => {
    const text = reportLines(RECORDS, { 4: 'not visible through the contract' }).join('\n');
    expect(text).toContain('| all | 4 | 1 (25 %) | 1 (25 %) | 2 (50 %) | 2 (50 %) | 3 (75 %) |');
    expect(text).toContain(
      '1 more were drawn that survive the unit tests:\n- src/model/a.ts:3 EqualityOperator',
    );
    const missed = text.split('Only unit tests saw:')[1];
    expect(missed).toContain(
      '| 4 | `a < b` → `a > b` | test/locks/a.test.ts: it works | not visible through',
    );
    expect(missed).not.toContain('| 1 |');
  });

  test('names hunters that fail without the change', () => {
    const record = kept('1', 'store');
    const ways = record.ways.map((end) => ({ ...end, end: 'false alarm' as const }));
    const text = reportLines([{ ...record, ways }]).join('\n');
    expect(text).toContain(
      '3 false alarms, which count as nothing found:\n- generic, generic-store: R1 is broken',
    );
    expect(reportLines(RECORDS).join('\n')).not.toContain('false alarm');
  });

  test('has a row for each mutant that says what each way found, and at what cost', () => {
    const record = kept('1', 'store', { found: ['generic'], reached: { conformance: 3 } });
    expect(recordRow(record).split(' · ')).toEqual([
      'src/store/a.ts:3 EqualityOperator: a < b → a > b',
      'unit tests: test/store/a.test.ts: it works',
      'generic found: generic-store after 4 (10 executions, 1.5 s): R1 is broken',
      'shipped missed (10 executions, 1.5 s, never reached)',
      'conformance missed (10 cases, 1.5 s, reached 3 times)',
      '4.0 s in all',
    ]);
  });

  test.for([
    ['never reached', {}],
    ['reached by conformance only', { reached: { conformance: 1 } }],
    ['hangs in conformance', { hung: 'conformance', reached: { generic: 1 } }],
    ['a text', { mutator: 'StringLiteral', before: "'no such run'", reached: { shipped: 1 } }],
    ['a check of arguments', { title: 'a negative size is refused', reached: { generic: 1 } }],
    ['to be read', { reached: { generic: 1 } }],
  ] as const)('says "%s" where that is the reason', ([reason, given]) => {
    expect(reasonFor(kept('1', 'store', given))).toBe(reason);
  });
});

describe('the file of a hunt', () => {
  const header = { seed: 'a', count: 3, seconds: 20, only: '', ways: WAYS, sources: 'd1' };
  let folder = '';
  let path = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dryrunner-hunt-'));
    path = join(folder, 'deep/a.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('gives back what was there when it goes on, without a line that was cut off', () => {
    const first = new HuntFile(path, header, false);
    for (const record of RECORDS.slice(0, 2)) first.add(record);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, `${text}{"mutant":{"id":"3`);
    const again = new HuntFile(path, header, true);
    expect(['1', '2', '3'].map((id) => again.find(id)?.mutant.id)).toEqual(['1', '2', undefined]);
    again.add(SURVIVOR);
    expect(new HuntFile(path, header, true).find('s')).toEqual(SURVIVOR);
  });

  test('begins anew unless it is to go on', () => {
    new HuntFile(path, header, false).add(SURVIVOR);
    expect(new HuntFile(path, header, false).find('s')).toBeUndefined();
  });

  test('refuses to go on with another hunt', () => {
    new HuntFile(path, header, false);
    expect(() => new HuntFile(path, { ...header, count: 4 }, true)).toThrow('expected the hunt');
    expect(() => new HuntFile(path, { ...header, sources: 'd2' }, true)).toThrow('the sources have changed');
  });
});
