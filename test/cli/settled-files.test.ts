// What a module, or the loader of TypeScript, still reads and writes is no work of the scenario.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeUserProject, type UserProject } from './user-project.ts';

const STUCK = `
import { stat } from 'node:fs/promises';
async function moreAndMore() {
  for (let n = 1; n < 20; n += 1) await Promise.all(Array.from({ length: n }, () => stat('.')));
}
void moreAndMore();
export default {
  name: 'stuck',
  description: 'waits for what nobody does',
  run: (sim) => sim.sleep(1).then(() => new Promise(() => undefined)),
};
`;

let project: UserProject;
beforeAll(() => {
  project = makeUserProject();
  project.write('stuck.mjs', STUCK);
});
afterAll(() => project.remove());

test.for([
  ['run', './stuck.mjs', '--seeds', '1'],
  ['explore', './stuck.mjs', '--executions', '1'],
  ['explain', './stuck.mjs'],
])('%s begins once no file is read or written: a deadlock is no escape', async (args) => {
  const { code, out } = await project.dryrunner(args);
  expect(out).toContain('nothing is due any more');
  expect(out).not.toContain('outside of the simulation');
  expect(code).toBe(1);
});
