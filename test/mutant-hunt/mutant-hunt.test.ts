import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HuntFile } from '../../scripts/mutant-hunt/hunt-file.ts';
import { foundWays, isKept, type HuntRecord } from '../../scripts/mutant-hunt/hunt-record.ts';
import { MutantHunt } from '../../scripts/mutant-hunt/mutant-hunt.ts';
import { WAYS } from '../../scripts/mutant-hunt/trial.ts';
import { mutantsOf, type Mutant } from '../../scripts/mutant-hunt/mutant.ts';
import { projectRoot, readProjectFile } from '../../scripts/module-graph.ts';

const SCRIPT = 'src/execers/sim-script.ts';
const HEADER = { seed: 'a', count: 1, seconds: 5, only: '', ways: WAYS, sources: '' };
let folder = '';

beforeAll(() => {
  // Copies find node_modules above them.
  mkdirSync(join(projectRoot, '.dryrunner'), { recursive: true });
  folder = mkdtempSync(join(projectRoot, '.dryrunner/hunt-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Steps without a number have another one than before. */
async function planted(): Promise<Mutant> {
  const mutants = await mutantsOf('execers', SCRIPT, readProjectFile(SCRIPT));
  return mutants.find(({ before, after }) => before === '-1' && after === '+1') as Mutant;
}

/** The same program, in a file that few unit tests reach: all of those run. */
function unchanged(): Mutant {
  const file = 'src/kernel/drain-slices.ts';
  const text = readProjectFile(file);
  const before = 'undefined';
  const start = text.indexOf(before);
  const place = { folder: 'kernel', file, line: 1, start, end: start + before.length };
  return { id: 'unchanged', ...place, mutator: 'BooleanLiteral', before, after: before };
}

function drawOf(
  mutants: Mutant[],
  replaced: string[],
): { next(): Mutant | undefined; replace(m: Mutant): void } {
  return { next: () => mutants.shift(), replace: ({ id }) => void replaced.push(id) };
}

test('an obvious mutant is kept, found and reported, one without effect survives, and a second hunt goes on from there', async () => {
  const signal = new AbortController().signal;
  const mutantHunt = new MutantHunt({ seed: 'a', seconds: 5, jobs: 1, ways: WAYS, folder }, signal);
  const path = join(folder, 'a.jsonl');
  const obvious = await planted();
  const hunt = async (resumes: boolean): Promise<{ records: HuntRecord[]; replaced: string[] }> => {
    const records: HuntRecord[] = [];
    const replaced: string[] = [];
    await mutantHunt.run(
      drawOf([unchanged(), obvious], replaced),
      new HuntFile(path, HEADER, resumes),
      (record) => records.push(record),
    );
    return { records, replaced };
  };
  const first = await hunt(false);
  expect(first.replaced).toEqual(['unchanged']);
  const [survivor, record] = first.records;
  expect(survivor?.unit).toEqual({ killed: false });
  expect(record?.mutant.id).toBe(obvious.id);
  expect(record?.unit).toMatchObject({
    killed: true,
    test: expect.stringMatching(/^test\/.*\.test\.ts$/) as string,
  });
  expect(first.records.filter(isKept).map(foundWays)).toEqual([['generic', 'shipped', 'conformance']]);
  // What is known is not found out again: that would take other times.
  expect(await hunt(true)).toEqual(first);
});

test('a second process does not hunt where one does', () => {
  writeFileSync(join(folder, 'hunter'), '1');
  const plan = { seed: 'a', seconds: 1, jobs: 1, ways: WAYS, folder };
  expect(() => new MutantHunt(plan, new AbortController().signal)).toThrow('process 1 hunts in');
});

test.for(['', 'none'])('anything but the id of a process, %j, keeps no folder', (text) => {
  writeFileSync(join(folder, 'hunter'), text);
  // What was cut off is made anew.
  mkdirSync(join(folder, 'copies'), { recursive: true });
  writeFileSync(join(folder, 'copies/sources.json'), '{"src/');
  const plan = { seed: 'a', seconds: 1, jobs: 1, ways: WAYS, folder };
  const mutantHunt = new MutantHunt(plan, new AbortController().signal);
  expect(mutantHunt.sources).toMatch(/^[0-9a-f]{64}$/);
  expect(readFileSync(join(folder, 'hunter'), 'utf8')).toBe(String(process.pid));
});
