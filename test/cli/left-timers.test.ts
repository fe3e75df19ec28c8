// All commands give one verdict about a scenario that leaves timers of the machine.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonLines } from './command.ts';
import { makeUserProject, type UserProject } from './user-project.ts';

const SCENARIOS = `
import { setTimeout as later } from 'node:timers';
export const global = {
  name: 'global',
  description: 'Leaves a timer.',
  async run(sim) {
    setTimeout(() => 0, 60_000);
    await sim.sleep(5);
  },
};
export const imported = {
  name: 'imported',
  description: 'Leaves a timer that no global has made.',
  async run(sim) {
    later(() => 0, 60_000);
    await sim.sleep(5);
  },
};
`;
const LEFT = 'The scenario has ended and left 1 real timer of the machine (setTimeout or setInterval)';

let project: UserProject;
beforeAll(() => {
  project = makeUserProject();
  project.write('timers.mjs', SCENARIOS);
});
afterAll(() => project.remove());

test.for([
  ['global', 'timers.mjs:7'],
  ['imported', 'dryrunner explore --strict'],
] as const)('run, explain and replay fail for a timer that is left: %s', async ([name, place]) => {
  const reference = `./timers.mjs#${name}`;
  const ran = await project.dryrunner(['run', reference, '--seeds', '2']);
  expect(ran.code).toBe(1);
  expect(ran.out).toContain(LEFT);
  expect(ran.out).toContain(place);
  const json = await project.dryrunner(['run', reference, '--seeds', '2', '--json']);
  const failures = jsonLines(json.out).flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  expect(failures).toMatchObject([
    { kind: 'escape', message: LEFT },
    { kind: 'escape', message: LEFT },
  ]);
  const explained = await project.dryrunner(['explain', reference, '--seed', '1']);
  expect(explained.code).toBe(1);
  expect(explained.out).toContain(LEFT);
  expect(explained.out.split(place)).toHaveLength(2);
  const token = /dr2:\S+/.exec(explained.out)?.[0] ?? '';
  const replayed = await project.dryrunner(['replay', token]);
  expect(replayed.code).toBe(1);
  expect(replayed.out).toContain(LEFT);
});
