import { exec, spawnSync } from 'node:child_process';
import crypto, { randomUUID } from 'node:crypto';
import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runInThisContext } from 'node:vm';
import { MessageChannel, Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { OUTSIDE_RESOURCES, outsideCalls } from '../../../src/ambient/escapes/outside.ts';
import { watchEscapes } from '../../../src/ambient/escapes/escape-watch.ts';
import type { Escape } from '../../../src/explore/escape.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { randomDecisions } from '../../../src/kernel/random-decisions.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { lostReply } from '../../../sims/lost-reply.ts';
import { timeoutRace } from '../../../sims/timeout-race.ts';

async function escapesOf(run: (sim: Simulation) => unknown, executions = 1): Promise<readonly Escape[]> {
  const definition = defineScenario({
    name: 'watched',
    description: 'of a test',
    async run(sim) {
      await run(sim);
    },
  });
  const watch = watchEscapes(createExecutor(definition));
  for (let i = 0; i < executions; i += 1) await watch.executor.execute({ source: randomDecisions(i) });
  return watch.escapes();
}

/** Node's types do not have it. */
const compile = (bytes: Uint8Array): unknown =>
  (globalThis as unknown as { WebAssembly: { compile: (bytes: Uint8Array) => unknown } }).WebAssembly.compile(
    bytes,
  );

const CALLS: readonly (readonly [kind: string, what: string, run: () => unknown])[] = [
  ['clock', 'Date.now', () => Date.now()],
  ['clock', 'new Date', () => new Date()],
  ['clock', 'new Date', () => Date()],
  ['clock', 'performance.now', () => performance.now()],
  ['clock', 'process.hrtime', () => process.hrtime()],
  ['clock', 'process.hrtime.bigint', () => process.hrtime.bigint()],
  ['entropy', 'Math.random', () => Math.random()],
  ['entropy', 'crypto.randomUUID', () => randomUUID()],
  ['entropy', 'crypto.randomBytes', () => crypto.randomBytes(4)],
  ['entropy', 'crypto.getRandomValues', () => globalThis.crypto.getRandomValues(new Uint8Array(1))],
  ['io', 'fs.readFileSync', () => readFileSync('package.json')],
  ['io', 'fs.existsSync', () => fs.existsSync('package.json')],
  ['process', 'child_process.spawnSync', () => spawnSync('true')],
  ['thread', 'WebAssembly.compile', () => compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))],
  ['timer', 'a real timer', () => clearTimeout(setTimeout(() => {}, 60_000))],
  ['timer', 'an immediate', () => clearImmediate(setImmediate(() => {}))],
  ['thread', 'a message port', () => new MessageChannel().port1.close()],
];

const WAITS: readonly (readonly [kind: string, what: string, run: () => Promise<unknown>])[] = [
  ['timer', 'a real timer', () => pause(1)],
  ['io', 'the file system', () => readFile('package.json')],
  [
    'io',
    'a network connection',
    () =>
      new Promise((resolve) => {
        const server = createServer().listen(0, () => server.close(resolve));
      }),
  ],
  [
    'process',
    'a child process',
    () =>
      new Promise((resolve) => {
        exec('true', resolve);
      }),
  ],
  [
    'thread',
    'a worker thread',
    () =>
      new Promise((resolve) => {
        new Worker('', { eval: true }).on('exit', resolve);
      }),
  ],
];

describe('what reaches outside is reported with its place', () => {
  test.for(CALLS)('%s: %s', async ([kind, what, run]) => {
    const escapes = await escapesOf(run);
    const found = escapes.find((escape) => escape.what === what);
    expect(found?.kind).toBe(kind);
    expect(found?.frames[0]).toContain('escape-watch.test.ts');
    expect(found?.frames.filter((frame) => frame.includes('/src/ambient/'))).toEqual([]);
  });

  test.for(WAITS)('%s, awaited: %s', async ([kind, what, run]) => {
    const escapes = await escapesOf(run);
    expect(escapes).toContainEqual(expect.objectContaining({ kind, what }));
    expect(escapes.find((escape) => escape.what === what)?.frames[0]).toContain('escape-watch.test.ts');
  });

  test('one place is counted, two places are kept separate', async () => {
    const escapes = await escapesOf((sim) => {
      for (let i = 0; i < 3; i += 1) sim.note(`drawn ${Math.random() < 2}`);
      Math.random();
    }, 2);
    // The test runner may use files of its own meanwhile.
    const draws = escapes.filter(({ kind }) => kind === 'entropy');
    expect(draws.map(({ what, count }) => [what, count])).toEqual([
      ['Math.random', 6],
      ['Math.random', 2],
    ]);
  });
});

describe('what stays inside is not reported', () => {
  test('promises, ticks, virtual sleeps, dates of a given time, and the turns of the drain', async () => {
    const escapes = await escapesOf(async (sim) => {
      await new Promise<void>((resolve) => {
        queueMicrotask(resolve);
      });
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      });
      // More events than the drain takes in one turn of the real loop.
      for (let i = 0; i < 10_000; i += 1) await sim.sleep(1);
      sim.note(new Date(sim.now()).toISOString());
      const runner = createSimulatedRunner(sim.world);
      await finalStatus(runner, (await runner.run({ argv: ['sleep 5'] })).runId);
      await runner.release();
    });
    expect(escapes).toEqual([]);
  });

  test('the loading of a module, but what its own code calls', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
    try {
      writeFileSync(join(dir, 'quiet.cjs'), 'exports.value = 1;');
      writeFileSync(
        join(dir, 'asks.cjs'),
        "exports.value = require('./quiet.cjs').value + Math.sign(Date.now());",
      );
      const load = createRequire(join(dir, 'index.js'));
      let value: unknown;
      const escapes = await escapesOf(() => {
        ({ value } = load('./asks.cjs') as { readonly value: unknown });
      });
      expect(value).toBe(2);
      expect(escapes.map(({ what, count }) => `${what} ${count}`)).toEqual(['Date.now 1']);
      expect(escapes[0]?.frames[0]).toContain('asks.cjs:1:');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test.for([
    ['/p/node_modules/tsx/dist/register.cjs', 0],
    ['/p/node_modules/other/index.cjs', 1],
  ] as const)(
    'files that a tool reads, which loads code: %s is counted %i times',
    async ([filename, count]) => {
      const read = runInThisContext("(fs) => fs.existsSync('package.json')", { filename }) as (
        given: typeof fs,
      ) => unknown;
      const escapes = await escapesOf(() => void read(fs));
      expect(escapes.map(({ what }) => what)).toEqual(Array(count).fill('fs.existsSync'));
    },
  );

  test.for([timeoutRace, lostReply])('R209 %s comes out the same when it is watched', async (scenario) => {
    const plain = createExecutor(scenario);
    const watch = watchEscapes(plain);
    for (let seed = 0; seed < 5; seed += 1) {
      const one = await plain.execute({ source: randomDecisions(seed) });
      const other = await watch.executor.execute({ source: randomDecisions(seed) });
      expect(other.traceHash).toBe(one.traceHash);
    }
    expect(watch.escapes()).toEqual([]);
  });
});

describe('afterwards', () => {
  const described = (): unknown[] => [
    Object.getOwnPropertyDescriptor(globalThis, 'Date'),
    ...outsideCalls().map(({ owner, key }) => Object.getOwnPropertyDescriptor(owner, key)),
  ];

  test('every function is restored, even if the scenario threw', async () => {
    const before = described();
    await escapesOf(() => {
      throw new Error('on purpose');
    });
    expect(described()).toEqual(before);
    described().forEach((descriptor, at) => {
      const [now, then] = [descriptor, before[at]] as PropertyDescriptor[];
      expect(now?.value).toBe(then?.value);
    });
  });

  test('every function is restored after executions that were asked for at once', async () => {
    const before = described();
    const scenario = defineScenario({ name: 'naps', description: 'of a test', run: (sim) => sim.sleep(5) });
    const { executor } = watchEscapes(createExecutor(scenario));
    const execute = (): Promise<unknown> => executor.execute({ source: randomDecisions(1) });
    await Promise.all([execute(), execute(), execute()]);
    described().forEach((descriptor, at) => {
      expect((descriptor as PropertyDescriptor).value).toBe((before[at] as PropertyDescriptor).value);
    });
  });

  test('a replacement that somebody else made meanwhile stays', async () => {
    const original = Math.random;
    const theirs = (): number => 0.5;
    await escapesOf(() => {
      Math.random = theirs;
    });
    expect(Math.random).toBe(theirs);
    Math.random = original;
  });

  test('nothing is seen between two executions', async () => {
    const definition = defineScenario({ name: 'quiet', description: 'of a test', run: () => undefined });
    const watch = watchEscapes(createExecutor(definition));
    await watch.executor.execute({ source: randomDecisions(1) });
    Math.random();
    await pause(1);
    await watch.executor.execute({ source: randomDecisions(1) });
    expect(watch.escapes()).toEqual([]);
  });
});

test('the machine still gives its resources the names that are watched for', async () => {
  const { createHook } = await import('node:async_hooks');
  const seen = new Set<string>();
  const hook = createHook({ init: (_id, type) => void seen.add(type) }).enable();
  for (const [, , run] of WAITS) await run();
  hook.disable();
  const known = [...seen].filter((type) => OUTSIDE_RESOURCES.has(type));
  // Which of the requests for files a promise takes depends on the version of Node.
  const kinds = new Set(known.map((type) => type.replace(/^FSREQ.*/, 'FSREQ')));
  expect([...kinds]).toEqual(
    expect.arrayContaining(['Timeout', 'FSREQ', 'TCPSERVERWRAP', 'PROCESSWRAP', 'WORKER']),
  );
});
