// Scenarios in TypeScript, for the installed package and a Node that cannot load it by itself.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeUserProject, type UserProject } from './user-project.ts';

const { typescript = false } = process.features as { readonly typescript?: string | false };
const loadsTypesItself = typescript !== false;

let project: UserProject;
beforeAll(() => {
  project = makeUserProject();
  project.write('limit.ts', 'export enum Side { Heads, Tails }\nexport const limit: number = 2;\n');
  project.write(
    'coin.ts',
    `
import { defineScenario } from 'dryrunner';
import { limit, Side } from './limit.js';
const run = (sim: { check(condition: boolean, what: string): void; choose(what: string, n: number): number }): void =>
  sim.check(sim.choose('toss', 3) < limit, 'it is ' + Side[1]);
export default defineScenario({ name: 'coin', description: 'in TypeScript', run });
`,
  );
  const importing = (options: string): string => `
import { defineScenario } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
export default defineScenario({
  name: 'importing', description: 'imports in its midst', options: ${options},
  run: async (sim) => { const { limit } = await import('./limit.ts'); await sim.sleep(limit * 1_000); },
});
void ambientTime;
`;
  project.write('importing.ts', importing('{ ambient: ambientTime() }'));
  project.write('real.ts', importing('{}'));
});
afterAll(() => project.remove());

describe.for(['{ "type": "module" }', '{}'])('in a project with %s in package.json', (text) => {
  test('the installed tsx loads scenarios, in the thread of the command and in those that explore', async () => {
    project.write('package.json', text);
    const listed = await project.dryrunner(['list', './coin.ts']);
    expect(listed).toMatchObject({ code: 0, out: expect.stringContaining('coin') as string, err: '' });
    const ran = await project.dryrunner(['run', './coin.ts', '--seed', '1', '--json']);
    expect([ran.err, JSON.parse(ran.out.split('\n')[0] ?? '')]).toMatchObject(['', { scenario: 'coin' }]);
    const explored = await project.dryrunner(['explore', './coin.ts', '--executions', '50']);
    expect(explored.code).toBe(1);
    expect(explored.out).toContain('coin fails at 0 ms: it is Tails, when "toss" is 2 (of 0 to 2).');
    expect(explored.out).toMatch(/coin\.ts:5:\d+/);
  });

  test('in ambient time a scenario may import TypeScript in its midst', async () => {
    project.write('package.json', text);
    const ran = await project.dryrunner(['run', './importing.ts', '--seeds', '2', '--json']);
    expect([ran.code, ran.err]).toEqual([0, '']);
    // In a CommonJS project the loader may transform the file in the midst of the first execution, which then differs.
    const { out } = await project.dryrunner(['explore', './importing.ts', '--executions', '5']);
    expect(out).not.toContain('transferList');
    expect(out.replace(/^importing: not deterministic[^]*\n {2}An import\(\) in/, '')).not.toContain(
      'not deterministic',
    );
  });
});

test('without ambient time, an import() holds, or is named as what may be waited for', async () => {
  project.write('package.json', '{ "type": "module" }');
  const { code, out } = await project.dryrunner(['run', './real.ts']);
  const named =
    '\n    if it waits for an import(): that takes real time, so import the module at the top of its file';
  expect(out).toContain(code === 0 ? 'held' : named);
});

describe('without tsx', () => {
  beforeAll(() => {
    project.write('package.json', '{ "type": "module" }');
    project.write('over.mjs', "export { default } from './coin.ts';\n");
    rmSync(join(project.folder, 'node_modules/tsx'));
  });

  test.skipIf(loadsTypesItself)(
    'it is named as what is missing; skipped where Node loads TypeScript itself, because nothing is missing there',
    async () => {
      const { code, out, err } = await project.dryrunner(['explore', './coin.ts']);
      expect([code, out]).toEqual([2, '']);
      expect(err).toBe(
        `error: ./coin.ts: Node ${process.versions.node} cannot load TypeScript by itself: install tsx (npm install --save-dev tsx), or compile the file first\n`,
      );
      const { err: over } = await project.dryrunner(['run', './over.mjs']);
      expect(over).toMatch(
        /^error: \.\/over\.mjs does not load: Unknown file extension ".ts" for .*coin\.ts/,
      );
      expect(over).toContain('; Node cannot load TypeScript by itself: run `node --import tsx ');
    },
  );

  test.runIf(loadsTypesItself)(
    'Node leaves types out, and tsx is named for what is more; skipped where Node cannot load it, because tsx is needed for all then',
    async () => {
      project.write(
        'plain.ts',
        "import { limit } from './only-types.ts';\nexport default { name: 'plain', description: 'types only', run: (sim: { check(is: boolean, what: string): void }) => sim.check(limit === 2, 'it is 2') };\n",
      );
      project.write('only-types.ts', 'export const limit: number = 2;\n');
      const { code, out } = await project.dryrunner(['run', './plain.ts']);
      expect([code, out]).toEqual([0, expect.stringContaining('held')]);
      project.write('side.ts', 'export enum Side { Heads }\nexport default {};\n');
      for (const file of ['./coin.ts', './side.ts']) {
        const { code: refused, err } = await project.dryrunner(['run', file]);
        expect(refused).toBe(2);
        expect(err).toContain(
          '; Node itself knows no enums, and does not find ./a.ts as ./a.js: install tsx (npm install --save-dev tsx)\n',
        );
      }
    },
  );

  test('a loader that the command line names is left to load it', async () => {
    project.write('none.mjs', '');
    const args = ['run', './coin.ts'];
    const { err } = await project.dryrunner(args, ['--import', './none.mjs']);
    expect(err).not.toContain('install tsx');
  });
});
