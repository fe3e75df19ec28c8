// The command as those run it who work on it: the other tests run what is built.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, run, startModule, type Finished } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
const fromSources = (...args: readonly string[]): Promise<Finished> =>
  startModule(root, 'src/cli/main.ts', ...args).finished;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-sources-'));
  await writeFile(
    at('coin.ts'),
    `import type { ScenarioDefinition } from 'dryrunner';
export const coin: ScenarioDefinition = {
  name: 'coin',
  description: 'of a test',
  run: (sim) => sim.check(sim.choose('toss', 2) === 0, 'heads'),
};
`,
  );
});
afterAll(() => rm(dir, { recursive: true }));

test.for(['--help', '--version', 'list'])('%s prints the same as the package', async (what) => {
  expect(await fromSources(what)).toEqual(await run(what));
});

test('a trace is the same byte for byte', async () => {
  const hash = async (ran: Promise<Finished>): Promise<string> =>
    /"traceHash":"(\w+)"/.exec((await ran).out)?.[1] ?? 'none';
  const args = ['run', 'restart', '--seeds', '5', '--json'];
  expect(await hash(fromSources(...args))).toBe(await hash(run(...args)));
});

test('threads load a scenario in TypeScript too, and a failure names the line and the command that repeats it', async () => {
  const explored = await fromSources('explore', at('coin.ts'), '--executions', '9', '--corpus', at('kept'));
  expect(explored.out).toContain(`(${at('coin.ts')}:5:21)`);
  const [, token = ''] = /^ +npm run dryrunner -- replay (dr\d+:\S+)/m.exec(explored.out) ?? [];
  expect(explored.code).toBe(1);
  const replayed = await fromSources('replay', token, '--allow', dir);
  expect(replayed.err + replayed.out).toMatch(/^coin fails at .* \(coin\.ts:5\): .*\n {2}reproduced/);
});
