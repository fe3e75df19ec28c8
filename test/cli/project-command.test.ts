// Two copies of the package: the one that a project has installed, and another, as a global one.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtCommand } from './command.ts';
import { makeUserProject, type UserProject } from './user-project.ts';

const NETWORK = `
import { defineScenario } from 'dryrunner';
import { createNetwork } from 'dryrunner/cluster';
export default defineScenario({
  name: 'locks',
  description: 'a call is answered',
  async run(sim) {
    const net = createNetwork(sim, { latencyMs: [1, 20] });
    net.node('locks', () => ({ grant: () => 1 }));
    sim.check((await net.connect('locks').grant()) === 1, 'granted');
  },
});
`;

let project: UserProject;
beforeAll(() => {
  project = makeUserProject();
  project.write('locks.mjs', NETWORK);
  project.write('deep/down/locks.mjs', NETWORK);
});
afterAll(() => project.remove());

/** Runs the command of the other copy in a folder. */
function other(folder: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...builtCommand, ...args],
      { cwd: folder, env: { ...process.env, NO_COLOR: '1' } },
      (_error, out, err) => resolve(out + err),
    );
  });
}

test.for([['.'], ['deep/down']])(
  'scenarios in %s get the objects of the copy that they import',
  async ([folder = '']) => {
    const said = await other(join(project.folder, folder), 'explore', 'locks.mjs', '--executions', '3');
    expect(said).toContain('locks: no failure');
  },
);

test.for([
  ['runs by its own "bin"', { bin: { dryrunner: 'cli.mjs' } }, 'the own command, in ada'],
  ['without a command is passed over', {}, '0.1.0'],
  ['without a sound package.json is passed over', undefined, '0.1.0'],
] as const)('a copy %s', async ([, manifest, expected]) => {
  const home = join(project.folder, 'ada');
  mkdirSync(home, { recursive: true });
  const text = manifest === undefined ? '{' : JSON.stringify(manifest);
  project.write('ada/node_modules/dryrunner/package.json', text);
  project.write('ada/node_modules/dryrunner/cli.mjs', `console.log('the own command, in ada');`);
  expect((await other(home, '--version')).trim()).toBe(expected);
});
