// The transform where users have it: in the plugin of a project of Vitest, with TypeScript, and with source lines that the transform of
// types has moved.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { awaitTransform } from 'dryrunner/ambient';
import { root } from '../../cli/command.ts';

describe('which modules are rewritten', () => {
  test.each([
    ['p-queue', '/code/node_modules/p-queue/dist/index.js', true],
    ['p-queue', '/code/node_modules/.pnpm/p-queue@8/node_modules/p-queue/dist/index.js', true],
    ['p-queue', '/code/node_modules/p-queue/node_modules/eventemitter3/index.js', false],
    ['p-queue', '/code/node_modules/p-queue-compat/index.js', false],
    ['@scope/queue', '/code/node_modules/@scope/queue/index.js', true],
    ['src/queue/**', '/code/src/queue/deep/queue.ts', true],
    ['src/queue/*.ts', '/code/src/queue/deep/queue.ts', false],
    ['**/queue.ts', '/code/src/queue/deep/queue.ts', true],
    ['src/queue/*.ts', 'C:\\code\\src\\queue\\queue.ts', true],
    ['/code/src/**', '/other/code/src/queue.ts', false],
    ['queue.ts', '/code/src/queue.ts', true],
    ['queue.ts', '/code/src/my-queue.ts', false],
    ['queue.js', '/code/node_modules/queue.js/index.js', true],
    ['./src/queue/**', '/code/src/queue/deep/queue.ts', true],
    ['./queue', '/code/queue/index.ts', true],
    ['src/queue', '/code/src/queue/deep/queue.ts', true],
    ['src/queue/', '/code/src/queue/deep/queue.ts', true],
    ['src/queue', '/code/src/queue-old/queue.ts', false],
    ['src/queue.ts', '/code/src/queue.ts', true],
    ['src/queue*', '/code/src/queues/queue.ts', false],
    ['.\\src\\queue', 'C:\\code\\src\\queue\\queue.ts', true],
    [/queue\.ts$/g, '/code/src/queue.ts', true],
    ['dryrunner', '/code/node_modules/dryrunner/dist/index.js', false],
  ] as const)('%s: %s is, %s', (pattern, file, isRewritten) => {
    const { transform } = awaitTransform({ include: [pattern] });
    // Twice: an expression may remember where it stopped.
    for (let times = 0; times < 2; times += 1) {
      expect(transform('await a', file) !== undefined).toBe(isRewritten);
    }
  });

  test.each([[undefined], [{}], [{ include: 'p-queue' }], [{ include: [''] }], [{ include: [1] }]])(
    'options %j are refused',
    (options) => {
      expect(() => awaitTransform(options as never)).toThrow(/^(?:options|include)/);
    },
  );

  test.each(['src/*.{ts,js}', '!src/old/**', '../lib/**', 'src/../lib'])(
    'what would match nothing is refused: %s',
    (pattern) => {
      expect(() => awaitTransform({ include: ['src/**', pattern] })).toThrow(
        `include[1]: expected a glob without braces, "!" and "..", or an expression, got "${pattern}"`,
      );
    },
  );
});

describe('in Vitest', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dryrunner-awaits-'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    mkdirSync(join(folder, 'node_modules/dryrunner'), { recursive: true });
    const built = inject('builtPackage');
    for (const part of ['dist', 'package.json']) {
      cpSync(join(built, part), join(folder, 'node_modules/dryrunner', part), { recursive: true });
    }
    for (const name of ['vitest', 'vite', 'fast-check', 'seedrandom', 'pure-rand', 'acorn', '@jridgewell']) {
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    }
    writeFileSync(
      join(folder, 'client.ts'),
      `interface Listener {
  (): void;
}

export class Client {
  #listeners: Listener[] = [];
  heard = 0;

  async #step(): Promise<void> {}

  async connect(): Promise<void> {
    for (let i = 0; i < 3; i += 1) await this.#step();
    this.#listeners.forEach((each) => each());
  }

  async listen(): Promise<void> {
    await this.#step();
    this.#listeners.push(() => {
      this.heard += 1;
    });
  }
}
`,
    );
    writeFileSync(
      join(folder, 'client.test.ts'),
      `import { expect, test } from 'vitest';
import { defineScenario } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { createCoverage, createExecutor, createStrategy, explain, explore, failureKey, shrink } from 'dryrunner/explore';
import { Client } from './client.ts';

const scenario = (awaits?: 'hops') =>
  defineScenario({
    name: 'client',
    description: 'the event is heard',
    options: { ambient: ambientTime(awaits === undefined ? {} : { awaits }) },
    async run(sim) {
      const client = new Client();
      await Promise.all([client.connect(), client.listen()]);
      sim.check(client.heard === 1, 'the event was heard');
    },
  });

test('the race is found, and its await is named by the line of its source', async () => {
  const executor = createExecutor(scenario('hops'));
  let found;
  await explore(executor, createStrategy('portfolio', 1), {
    maxExecutions: 400,
    coverage: createCoverage(),
    onFailure: (verdict) => { found = verdict; return false; },
  });
  const { log } = await shrink(executor, found.decisions(), failureKey(found.failure));
  const { details } = await explain(executor, log);
  expect(details[0].text).toMatch(/^native-feasible: .*await in Client\\.(?:listen|connect) \\(client\\.ts:1[27]\\)/);
});

test('it is not there without', async () => {
  const options = { maxExecutions: 400, coverage: createCoverage() };
  expect((await explore(createExecutor(scenario()), createStrategy('portfolio', 1), options)).failures).toBe(0);
});
`,
    );
    writeFileSync(
      join(folder, 'vitest.config.mjs'),
      `import dryrunner from 'dryrunner/vitest-plugin';
import { awaitTransform } from 'dryrunner/ambient';
export default { plugins: [dryrunner({ transforms: [awaitTransform({ include: ['**/client.ts'] })] })] };
`,
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('a race is found in TypeScript that is used as it is, and not without', async () => {
    const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder];
    const printed = await new Promise<string>((resolve) => {
      const options = { cwd: folder, env: { ...process.env, NO_COLOR: '1' } };
      execFile(process.execPath, args, options, (_error, out, err) => resolve(out + err));
    });
    expect(printed).toMatch(/Tests {2}2 passed \(2\)/);
  }, 120_000);
});
