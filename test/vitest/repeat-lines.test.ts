// The line that repeats a failing test, as it is typed where the tests were started.
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { vitestPattern } from '../../src/explore/vitest-test.ts';
import { decodeToken, encodeToken } from '../../src/explore/replay-token.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { runSimulatedTest } from '../../src/vitest/simulated-test.ts';
import type { SimulatedTest } from '../../src/vitest/test-run.ts';

async function messageOf(more: Partial<SimulatedTest>): Promise<string> {
  const error: unknown = await runSimulatedTest({
    name: 'tossed',
    scenario: (sim: Simulation) => sim.check(sim.choose('toss', 2) === 0, 'tails'),
    options: { corpus: false, explain: false },
    now: () => performance.now(),
    ...more,
  }).catch((caught: unknown) => caught);
  return error instanceof Error ? error.message : String(error);
}

test.for([
  ['a lock', ['a lock is held', 'not a lock', 'a']],
  ['costs $1 (net) [a|b] {2}? \\d* a.b+c^', ['costs $1 (net) [a|b] {2}? \\d* a.b+c^ again']],
  ['two\nlines', ['two\nlines more', 'two']],
] as const)('the pattern of %o matches that name alone', ([name, others]) => {
  const pattern = new RegExp(vitestPattern([name]));
  expect(name).toMatch(pattern);
  for (const other of others) expect(other).not.toMatch(pattern);
});

test('the pattern of a test in groups matches it as Vitest 4 and 5 join names', () => {
  const pattern = new RegExp(vitestPattern(['locks (all)', 'leases', 'one holder?']));
  expect('locks (all) leases one holder?').toMatch(pattern);
  expect('locks (all) > leases > one holder?').toMatch(pattern);
  expect('locks (all) > leases > one holder? again').not.toMatch(pattern);
  expect('locks (all)leases one holder?').not.toMatch(pattern);
});

test('a root and a file above the folder are typed relative to it, and the token is that of the test', async () => {
  const above = dirname(process.cwd());
  const file = join(above, 'tests', 'a.test.ts');
  const message = await messageOf({ file, rootOf: () => above });
  const [, token = ''] =
    /DRYRUNNER_SEED=(\S+) npx vitest run --root \.\. \.\.\/tests\/a\.test\.ts -t '\^tossed\$'/.exec(
      message,
    ) ?? [];
  expect(decodeToken(token).scenario).toBe('vitest:../tests/a.test.ts#tossed');
  expect(await messageOf({ file, requestedSeed: token })).toContain('it is the execution that was asked for');
});

test('a token that names the file by its whole path is of that test too', async () => {
  const file = join(dirname(process.cwd()), 'tests', 'a.test.ts');
  const [token = ''] = /dr2:\S+/.exec(await messageOf({ file })) ?? [];
  const whole = encodeToken({ ...decodeToken(token), scenario: `vitest:${file}#tossed` });
  expect(await messageOf({ file, requestedSeed: whole })).toContain('it is the execution that was asked for');
});
