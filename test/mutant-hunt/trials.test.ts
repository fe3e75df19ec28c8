import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WAYS, type Trial } from '../../scripts/mutant-hunt/trial.ts';
import { runTrials, type TrialEnd } from '../../scripts/mutant-hunt/trials.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dryrunner-trials-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const MISSED: Omit<Trial, 'way'> = {
  found: false,
  by: '',
  sentence: '',
  executions: 5,
  ownExecutions: 0,
  seconds: 1,
};

/** Hunts with a process that runs `program` for each way: `say(line)`, `way` and `done()` are at hand. */
async function hunted(program: string, start = ''): Promise<TrialEnd[]> {
  const path = join(folder, 'dist/scripts/mutant-hunt/trial-process.js');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    path,
    `import { writeSync } from 'node:fs';
    ${start}
    const say = (line) => writeSync(1, JSON.stringify(line) + '\\n');
    say({ type: 'loaded' });
    for (const way of JSON.parse(process.argv[2]).ways) {
      say({ type: 'at', way, by: 'a scenario', executions: 3 });
      const done = () => say({ type: 'done', trial: { ...${JSON.stringify(MISSED)}, way } });
      ${program}
    }`,
  );
  const plan = { seed: 'a', seconds: 0, isCounted: false, ways: WAYS };
  return runTrials(folder, plan, new AbortController().signal, 200);
}

/** `found` and how it ended, by way. */
function outcome(ends: readonly TrialEnd[]): unknown {
  return Object.fromEntries(ends.map(({ way, found, end }) => [way, `${end}${found ? ', found' : ''}`]));
}

test('what the process says is what is reported', async () => {
  const ends = await hunted('done();');
  expect(ends).toEqual(WAYS.map((way) => ({ ...MISSED, way, end: 'verdict' })));
});

test('what fails without having executed the change is a false alarm, and nothing found', async () => {
  const failing = (reached: string): string =>
    `say({ type: 'done', trial: { ...${JSON.stringify(MISSED)}, found: true, way, reached: ${reached} } });`;
  expect(outcome(await hunted(failing(`way === 'generic' ? 0 : 1`)))).toEqual({
    ...{ generic: 'false alarm', shipped: 'verdict, found', conformance: 'verdict, found' },
  });
});

test('a package that does not load is found in every way, with its error', async () => {
  const ends = await hunted('done();', `throw new TypeError('no such thing');`);
  expect(outcome(ends)).toEqual({
    ...{ generic: 'load error, found', shipped: 'load error, found' },
    conformance: 'load error, found',
  });
  expect(ends[0]?.sentence).toBe('TypeError: no such thing');
});

test('an endless loop is found by exploration, which ends such a thread, and not by conformance', async () => {
  const ends = await hunted(`if (way === 'shipped') done(); else for (;;);`);
  expect(outcome(ends)).toEqual({ generic: 'hung, found', shipped: 'verdict', conformance: 'hung' });
  expect(ends[0]).toMatchObject({ by: 'a scenario', ownExecutions: 3 });
});

test('a process that dies is found, and the ways after it are hunted in another one', async () => {
  const ends = await hunted(`if (way === 'shipped') throw new RangeError('too deep'); done();`);
  expect(outcome(ends)).toEqual({ generic: 'verdict', shipped: 'died, found', conformance: 'verdict' });
  expect(ends[1]?.sentence).toBe('RangeError: too deep');
});
