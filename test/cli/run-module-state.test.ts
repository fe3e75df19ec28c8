import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from './command.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-run-'));
  await writeFile(
    join(dir, 's.mjs'),
    `
let seen = 0;
const define = (name, run) => ({ name, description: 'of a test', run });
export const leaks = define('leaks', (sim) => { seen += 1; sim.check(seen < 3, 'seen ' + seen); });
export const own = define('own', (sim) => sim.check(sim.choose('side', 8) < 7, 'its own'));
`,
  );
});
afterAll(() => rm(dir, { recursive: true }));

const LEAK =
  /\n {2}Alone, in a new thread, this seed does not fail like this, so most likely the state of a module survives .*\n {2}Create that state .*\n {2}An import\(\) in the scenario .*\n {2}again: .* run (.*)\n$/;

test('a failure that only earlier seeds lead to has the line that runs these too', async () => {
  const file = join(dir, 's.mjs#leaks');
  const { code, out } = await run('run', file, '--seeds', '5');
  expect(out).toContain('leaks, seed 3: check at 0 ms\n  seen 3\n');
  expect([code, LEAK.exec(out)?.[1]]).toEqual([1, `${file} --seeds 3`]);
  expect(out).not.toContain('to explain it');
});

describe('a module that does not load in a thread', () => {
  const text = `process.chdir('.');
export default { name: 'chdir', description: 'of a test', run: (sim) => sim.check(sim.choose('side', 8) < 7, 'its own') };`;
  beforeAll(() => writeFile(join(dir, 'chdir.mjs'), text));

  test('is reported with its failure', async () => {
    const { code, out } = await run('run', join(dir, 'chdir.mjs'), '--seeds', '40');
    expect(out).toMatch(/\nchdir, seed (?!1:)\d+: check at 0 ms\n {2}its own\n/);
    expect(code).toBe(1);
  });

  test.for([
    ['--seeds', '40', 1],
    ['--seeds', '1', 2],
  ] as const)('with %s %s has no timeline, and the line says why', async ([flag, value, status]) => {
    const args = ['run', join(dir, 'chdir.mjs'), flag, value, '--timeline', join(dir, 't.json')];
    const { code, out, err } = await run(...args);
    expect(err).toMatch(/^error: no timeline: .*process\.chdir\(\)/m);
    expect([code, out]).toEqual([status, expect.stringContaining('chdir')]);
  });
});

test('a failure of its own has the line of its seed', async () => {
  const { out } = await run('run', join(dir, 's.mjs#own'), '--seeds', '40');
  expect(out).not.toMatch(LEAK);
  expect(out).toMatch(/\n {2}again: .*#own --seed (?!1\n)\d+\n {2}to explain it: /);
});
