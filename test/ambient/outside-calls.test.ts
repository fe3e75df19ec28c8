import { AsyncLocalStorage } from 'node:async_hooks';
import childProcess, { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { BroadcastChannel as ThreadsChannel, Worker } from 'node:worker_threads';
import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  defineScenario,
  isRunnerError,
  simulate,
  type RunnerError,
  type Scenario,
  type SimulateOptions,
  type Verdict,
} from 'dryrunner';
import { ambientTime, watchEscapes } from 'dryrunner/ambient';
import { createExecutor } from 'dryrunner/explore';
import { fifoDecisions } from 'dryrunner/kernel';
import { GuardedTurns } from '../../src/ambient/guarded-turns.ts';
import { hub } from '../../src/ambient/hub.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import { OutsideWatch } from '../../src/kernel/drain-resources.ts';

/** Milliseconds since the simulation began: its process is a second older. */
const elapsed = (): number => performance.now() - 1_000;

function verdictOf(scenario: Scenario, options: Partial<SimulateOptions> = {}): Promise<Verdict> {
  return simulate({ ambient: ambientTime(), source: fifoDecisions(), scenario, ...options });
}

const HERE = 'package.json';
const ignore = (): void => {};
const callOfWebSocket = (): readonly [name: string, call: () => unknown] => [
  'WebSocket',
  () => new WebSocket('ws://127.0.0.1:1'),
];
const BYTES = Buffer.from('bytes');
const KEYS = crypto.generateKeyPairSync('ed25519');
const realNow = performance.now.bind(performance);
/** Takes minutes, and not for ever: what should end it may be broken. */
const endlessLoop = (): void => {
  for (let round = 0; round < 2e11; round += 1);
};

/** What code calls, and how messages call it. */
const CALLS: readonly (readonly [name: string, call: () => unknown])[] = [
  ['fs.readFile', () => fs.readFile(HERE, ignore)],
  ['fs.readFile', () => promisify(fs.readFile)(HERE)],
  ['fs.readFileSync', () => readFileSync(HERE)],
  ['fs.promises.readFile', () => fs.promises.readFile(HERE)],
  ['fs.createReadStream', () => fs.createReadStream(HERE)],
  ['fs.ReadStream', () => new fs.ReadStream(HERE as never)],
  ['fs.watch', () => fs.watch('.')],
  ['net.connect', () => net.connect(1)],
  ['net.Socket.connect', () => new net.Socket().connect(1)],
  ['net.Server.listen', () => net.createServer().listen(0)],
  ['tls.connect', () => tls.connect(1)],
  ['http.request', () => http.request('http://127.0.0.1:1')],
  ['http.get', () => http.get('http://127.0.0.1:1')],
  ['https.get', () => https.get('https://127.0.0.1:1')],
  ['http2.connect', () => http2.connect('http://127.0.0.1:1')],
  ['fetch', () => fetch('http://127.0.0.1:1')],
  // Node 20 has none.
  ...(typeof WebSocket === 'undefined' ? [] : [1, 2].map(callOfWebSocket)),
  ['dns.lookup', () => dns.lookup('localhost', ignore)],
  ['dns.promises.lookup', () => dns.promises.lookup('localhost')],
  ['dns.Resolver.resolve4', () => new dns.Resolver().resolve4('localhost', ignore)],
  ['dgram.createSocket', () => dgram.createSocket('udp4')],
  ['child_process.spawn', () => spawn('true')],
  ['child_process.execSync', () => childProcess.execSync('true')],
  ['child_process.execFile', () => promisify(childProcess.exec)('true')],
  ['worker_threads.Worker', () => new Worker('', { eval: true })],
  ['worker_threads.Worker', () => new (class extends Worker {})('', { eval: true })],
  ['worker_threads.BroadcastChannel', () => new ThreadsChannel('x')],
  ['BroadcastChannel', () => new BroadcastChannel('x')],
  ['BroadcastChannel', () => new BroadcastChannel('again')],
  ['Atomics.wait', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)],
  ['crypto.scrypt', () => crypto.scrypt('a', 'b', 8, ignore)],
  ['crypto.pbkdf2', () => promisify(crypto.pbkdf2)('a', 'b', 1, 8, 'sha1')],
  ['crypto.sign', () => crypto.sign(null, BYTES, KEYS.privateKey, ignore)],
  ['crypto.verify', () => promisify(crypto.verify)(null, BYTES, KEYS.publicKey, BYTES)],
  ['crypto.generateKeyPairSync', () => crypto.generateKeyPairSync('ed25519')],
  ['crypto.createDiffieHellman', () => crypto.createDiffieHellman(64)],
  ['crypto.ECDH.generateKeys', () => crypto.createECDH('prime256v1').generateKeys()],
  ['crypto.DiffieHellman.generateKeys', () => crypto.createDiffieHellman(Buffer.from([23])).generateKeys()],
  ['crypto.DiffieHellmanGroup.generateKeys', () => crypto.getDiffieHellman('modp1').generateKeys()],
  ['crypto.subtle.digest', () => globalThis.crypto.subtle.digest('SHA-256', new Uint8Array(1))],
  ['zlib.gzip', () => zlib.gzip('a', ignore)],
  ['process.exit', () => process.exit(3)],
  ['process.kill', () => process.kill(process.pid, 0)],
  ['process.reallyExit', () => (process as unknown as { reallyExit(code: number): void }).reallyExit(3)],
  ['process.chdir', () => process.chdir('.')],
];

describe('a call that reaches the machine', () => {
  test.for(CALLS)(
    '%s fails the simulation, and the caller gets an error that says where',
    async ([name, call]) => {
      let caught: unknown;
      const { failure } = await verdictOf(async () => {
        try {
          await call();
        } catch (error) {
          caught = error;
        }
      });
      expect(failure?.kind).toBe('escape');
      expect(failure?.message.split(' while a simulation runs')[0]).toMatch(
        new RegExp(
          `^${name.replaceAll('.', '\\.')} is called (?:in .* \\(|at )outside-calls\\.test\\.ts:\\d+\\)?$`,
        ),
      );
      expect(failure?.message).toContain(`ambientTime({ allow: ['${name}'] })`);
      expect(isRunnerError(caught, 'RUNNER_OUTSIDE_CALL')).toBe(true);
      expect(failure?.cause).toBe(caught);
      expect((caught as RunnerError).stack).toContain('outside-calls.test.ts');
    },
  );

  test('fails it also where the code ignores the error, or nobody awaits the promise', async () => {
    const { failure } = await verdictOf(() => {
      void fetch('http://127.0.0.1:1');
      setTimeout(ignore, 1);
    });
    expect(failure?.message).toMatch(/^fetch is called /);
  });

  test('without stacks it says where just the same', async () => {
    const { failure } = await verdictOf(() => void fs.existsSync(HERE), { omitStacks: true });
    expect(failure?.message).toMatch(/^fs\.existsSync is called .*outside-calls\.test\.ts:\d+\)? while/);
  });

  test('is refused as well of a class of streams that code has assigned', async () => {
    const { ReadStream } = fs;
    class Mine extends ReadStream {}
    fs.ReadStream = Mine;
    try {
      expect(fs.ReadStream.prototype).toBe(Mine.prototype);
      expect(fs.ReadStream).toBe(fs.ReadStream);
      const { failure } = await verdictOf(() => {
        new fs.ReadStream(HERE as never);
      });
      expect(failure?.message).toContain('fs.ReadStream');
    } finally {
      fs.ReadStream = ReadStream;
    }
    expect(fs.ReadStream).toBe(ReadStream);
  });

  test('is the machine’s outside of a simulation', () => {
    expect(fs.existsSync(HERE)).toBe(true);
    expect(fs.readFile.name).toBe('readFile');
    expect(new net.Socket()).toBeInstanceOf(net.Socket);
  });
});

describe('what goes on as ever', () => {
  test('a module that Node loads, the console and warnings', async () => {
    const require = createRequire(import.meta.url);
    const { held, failure } = await verdictOf(async (sim) => {
      const path = require.resolve('semver/package.json');
      Reflect.deleteProperty(require.cache, path);
      sim.check((require(path) as { name: string }).name === 'semver', 'it is loaded');
      console.log('a line of the scenario');
      process.stdout.write('');
      process.emitWarning('on purpose');
      await import('node:wasi').catch(ignore);
    });
    expect(failure?.message).toBeUndefined();
    expect(held).toBe(true);
  });

  const lazyIn = (folder: string, late: string): (() => Promise<{ late: number }>) => {
    writeFileSync(join(folder, 'lazy.cjs'), "module.exports = () => import('./late.mjs');");
    writeFileSync(join(folder, 'late.mjs'), late);
    writeFileSync(join(folder, 'later.mjs'), 'export const late = Date.now();');
    return createRequire(import.meta.url)(join(folder, 'lazy.cjs')) as () => Promise<{ late: number }>;
  };
  const tested = async (late: string, scenario: (lazy: () => Promise<{ late: number }>) => Scenario) => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-'));
    const { failure } = await verdictOf(scenario(lazyIn(folder, late)));
    rmSync(folder, { recursive: true });
    return failure;
  };

  test.for([
    ['with all that it imports', "export { late } from './later.mjs';", 0],
    [
      'whose timers are virtual',
      'export const late = await new Promise((resolve) => setTimeout(resolve, 50, 1));',
      50,
    ],
  ] as const)('a module that is imported while timers are due, %s', async ([, late, atMs]) => {
    const failure = await tested(late, (lazy) => async (sim) => {
      const ticking = setInterval(ignore, 1);
      sim.check(typeof (await lazy()).late === 'number', 'it is loaded');
      sim.check(sim.now() === atMs, `it is there at ${sim.now()} ms`);
      clearInterval(ticking);
    });
    expect(failure?.message).toBeUndefined();
  });

  test('a module that is imported in the midst of it, though nothing else is due meanwhile', async () => {
    const failure = await tested('export const late = Date.now();', (lazy) => async (sim) => {
      sim.check(typeof (await lazy()).late === 'number', 'it is loaded');
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    });
    expect(failure?.message).toBeUndefined();
  });

  test('an import that nobody awaits: what follows it is in virtual time, and left', async () => {
    const failure = await tested('export const late = 1;', (lazy) => () => {
      void lazy().then(() => setTimeout(ignore, 5));
    });
    expect(failure?.message).toBe('The scenario has ended and left 1 timeout');
  });
});

describe('what is allowed', () => {
  test.for([
    ['fs.writeFile', (file: string) => promisify(fs.writeFile)(file, 'x')],
    ['fs.appendFileSync', (file: string) => fs.appendFileSync(file, 'x')],
    ['worker_threads.Worker', () => void new Worker('', { eval: true }).terminate()],
    [
      'child_process.exec',
      () =>
        new Promise((resolve) => {
          childProcess.exec('true', { timeout: 600_000 }, resolve);
        }),
    ],
  ] as const)('%s may do what it needs, timers of the machine included', async ([name, call]) => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-'));
    const { failure } = await verdictOf(() => call(join(folder, 'a')) as Promise<void>, {
      ambient: ambientTime({ allow: [name] }),
      capturePlaces: true,
    });
    rmSync(folder, { recursive: true });
    expect(failure?.message).toBeUndefined();
  });

  test('fetch connects in real time, not before a virtual limit', async () => {
    const server = http.createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    let status: number | undefined;
    const { failure } = await verdictOf(
      async () => {
        ({ status } = await fetch(`http://127.0.0.1:${port}`));
      },
      { ambient: ambientTime({ allow: ['fetch'] }) },
    );
    server.closeAllConnections();
    server.close();
    expect(failure?.message).toBeUndefined();
    expect(status).toBe(200);
  });

  test('a listener is waited for while what it listens to may still call it, and not longer', async () => {
    const server = http.createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const play = (scenario: Scenario): Promise<Verdict> =>
      verdictOf(scenario, {
        ambient: ambientTime({ allow: ['http', 'net', 'dgram'] }),
        signal: AbortSignal.timeout(60_000),
      });
    let isAnswered = false;
    const answered = await play(
      () =>
        new Promise<void>((resolve) => {
          http.get(`http://127.0.0.1:${port}`, { agent: false }, () => {
            isAnswered = true;
            resolve();
          });
        }),
    );
    expect([answered.failure?.message, isAnswered]).toEqual([undefined, true]);
    await promisify(server.close.bind(server))();
    const refused = await play(
      () =>
        new Promise<void>((resolve) => {
          http.get(`http://127.0.0.1:${port}`, () => resolve()).on('error', ignore);
        }),
    );
    expect(refused.failure?.kind).toBe('deadlock');
    const closed = await play(async () => {
      dgram.createSocket('udp4', ignore).close();
      await new Promise(ignore);
    });
    expect(closed.failure?.kind).toBe('deadlock');
  });

  test('a callback of a call that throws is not waited for, nor a listener', async () => {
    const caught: unknown[] = [];
    const attempt = (call: () => unknown): void => {
      try {
        call();
      } catch (error) {
        caught.push((error as NodeJS.ErrnoException).code);
      }
    };
    const play = (call: () => unknown): Promise<Verdict> =>
      verdictOf(
        () => {
          attempt(call);
          return new Promise<void>(ignore);
        },
        { ambient: ambientTime({ allow: ['fs', 'dgram'] }), signal: AbortSignal.timeout(60_000) },
      );
    const callback = await play(() => fs.readFile(HERE, 'no encoding' as never, ignore));
    let watcher: fs.FSWatcher | undefined;
    const listener = await play(() => {
      try {
        dgram.createSocket('no type' as never, ignore);
      } finally {
        watcher = fs.watch('.');
      }
    });
    watcher?.close();
    expect(caught).toEqual(['ERR_INVALID_ARG_VALUE', 'ERR_SOCKET_BAD_TYPE']);
    expect([callback.failure?.kind, listener.failure?.kind]).toEqual(['deadlock', 'escape']);
  });

  test('a listener of a file is removed by the function that was given, and not waited for', async () => {
    const counts: number[] = [];
    const { failure } = await verdictOf(
      async () => {
        const listener = (): void => {};
        const watcher = fs.watchFile(HERE, { persistent: false }, listener);
        const count = (): void => void counts.push(watcher.listenerCount('change'));
        fs.watchFile(HERE, { persistent: false }, listener);
        count();
        fs.unwatchFile(HERE, listener);
        count();
        fs.unwatchFile(HERE, ignore);
        count();
        fs.unwatchFile(HERE, listener);
        count();
        await new Promise(ignore);
      },
      { ambient: ambientTime({ allow: ['fs'] }), signal: AbortSignal.timeout(60_000) },
    );
    expect(failure?.kind).toBe('deadlock');
    expect(counts).toEqual([2, 1, 1, 0]);
  });

  test('only until the call returns', async () => {
    const within: unknown[] = [];
    const after: unknown[] = [];
    const filter = (): boolean => {
      within.push(hub.world, hub.awaits, realFunctions.clearTimeout(realFunctions.setTimeout(ignore, 1)));
      return false;
    };
    const { failure } = await verdictOf(
      () => {
        fs.cpSync(HERE, 'nowhere', { filter });
        after.push(typeof hub.world, typeof hub.awaits);
        realFunctions.setTimeout(ignore, 1);
      },
      { ambient: ambientTime({ allow: ['fs.cpSync'], awaits: 'hops' }), capturePlaces: true },
    );
    expect(within).toEqual([undefined, undefined, undefined]);
    expect(after).toEqual(['object', 'object']);
    expect(failure?.message).toMatch(/^setTimeout or setInterval of the machine is called /);
  });

  test('a module that Node loads meanwhile is still no turn of the simulation afterwards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-'));
    writeFileSync(join(folder, 'lazy.cjs'), "module.exports = () => import('./late.mjs');");
    writeFileSync(
      join(folder, 'late.mjs'),
      `import { existsSync } from 'node:fs';
      const { world, awaits } = process[Symbol.for('dryrunner.ambient')];
      existsSync('.');
      const after = process[Symbol.for('dryrunner.ambient')];
      export const isSame = world !== undefined && after.world === world && after.awaits === awaits;`,
    );
    const lazy = createRequire(import.meta.url)(join(folder, 'lazy.cjs')) as () => Promise<{
      isSame: boolean;
    }>;
    const { failure } = await verdictOf(
      async (sim) => sim.check((await lazy()).isSame, 'what code sees is as before the call'),
      { ambient: ambientTime({ allow: ['fs'], awaits: 'hops' }) },
    );
    rmSync(folder, { recursive: true });
    expect(failure?.message).toBeUndefined();
  });

  test.for(['fs', 'fs.readFileSync'])('%s is let through', async (name) => {
    const { failure } = await verdictOf(
      (sim) => sim.check(readFileSync(HERE, 'utf8').includes('dryrunner'), 'it is read'),
      { ambient: ambientTime({ allow: [name] }) },
    );
    expect(failure?.message).toBeUndefined();
  });

  test('another function of the same module is not', async () => {
    const { failure } = await verdictOf(() => void fs.existsSync(HERE), {
      ambient: ambientTime({ allow: ['fs.readFileSync'] }),
    });
    expect(failure?.message).toMatch(/^fs\.existsSync is called/);
  });

  test('what it gives later comes back into virtual time', async () => {
    const seen: unknown[] = [];
    const { failure } = await verdictOf(
      async () => {
        const text = await fs.promises.readFile(HERE, 'utf8');
        seen.push(text.length > 0, new Date().getUTCFullYear());
        await new Promise<void>((resolve) => {
          fs.stat(HERE, (error, stats) => {
            seen.push(error, stats.isFile(), new Date().getUTCFullYear());
            setTimeout(resolve, 1_000);
          });
        });
        seen.push(elapsed());
      },
      { ambient: ambientTime({ allow: ['fs'] }) },
    );
    expect(failure?.message).toBeUndefined();
    expect(seen).toEqual([true, 2000, null, true, 2000, 1_000]);
  });

  test('what it gives later comes in the async context of the call', async () => {
    const storage = new AsyncLocalStorage<string>();
    let seen: string | undefined;
    const { failure } = await verdictOf(
      () =>
        new Promise<void>((resolve) => {
          storage.run('here', () =>
            fs.stat(HERE, () => {
              seen = storage.getStore();
              resolve();
            }),
          );
        }),
      { ambient: ambientTime({ allow: ['fs'] }) },
    );
    expect(failure?.message).toBeUndefined();
    expect(seen).toBe('here');
  });

  test('names that there are not are refused', () => {
    expect(() => ambientTime({ allow: ['files'] })).toThrow(
      /^allow\[0\]: expected a function, or one of fs, net, .*, got "files"$/,
    );
    expect(() => ambientTime({ allow: 'fs' as never })).toThrow(/^allow: expected a list of names/);
  });
});

describe('timers of the machine that code has kept', () => {
  test.for([
    ['setTimeout or setInterval', () => realFunctions.setTimeout(ignore, 1).unref()],
    ['setImmediate', () => realFunctions.setImmediate(ignore)],
  ] as const)('%s is found, with its line', async ([what, call]) => {
    const { failure } = await verdictOf(() => void call(), { capturePlaces: true });
    expect(failure?.kind).toBe('escape');
    expect(failure?.message).toContain(`${what} of the machine is called `);
    expect(failure?.message).toMatch(
      /outside-calls\.test\.ts:\d+\)? while a simulation runs, because .* before ambient time/,
    );
    expect(failure?.message).toContain('dryrunner/ambient/install');
  });

  test.for([
    [
      'that is awaited',
      (done: () => void) => {
        realFunctions.setTimeout(done, 1);
      },
    ],
    [
      'that nobody awaits',
      (done: () => void) => {
        realFunctions.setTimeout(ignore, 1).unref();
        done();
      },
    ],
  ] as const)('one %s is found in each simulation, however many there were before', async ([, call]) => {
    const found: unknown[] = [];
    for (let run = 0; run < 60; run += 1) {
      const isCalled = run > 40 && run % 2 === 0;
      const { failure } = await verdictOf(async () => {
        if (isCalled) await new Promise<void>(call);
      });
      if (isCalled) found.push(failure?.message);
      else expect(failure).toBeUndefined();
    }
    const expected = expect.stringMatching(
      /^setTimeout or setInterval of the machine is called at outside-calls\.test\.ts:/,
    );
    expect(found).toEqual(found.map(() => expected));
    expect(found).toHaveLength(9);
  });

  test('they run as ever between simulations', async () => {
    await verdictOf(ignore);
    const timer = await new Promise<NodeJS.Timeout>((resolve) => {
      const set: NodeJS.Timeout = realFunctions.setTimeout(() => resolve(set), 1);
    });
    for (const made of [timer, realFunctions.setImmediate(ignore)]) {
      expect(Object.getOwnPropertyDescriptor(made, '_idlePrev')).toMatchObject({
        ...{ writable: true, enumerable: true, configurable: true },
      });
    }
  });

  test('they run as ever as soon as an endless loop is cut off', async () => {
    const turns = new GuardedTurns({ now: realNow, timeMs: 100, why: 'time is up' });
    let isOver = false;
    const beside: unknown[] = [];
    const look = (): void => {
      if (isOver) return;
      beside.push(hub.world, hub.awaits);
      try {
        realFunctions.clearTimeout(realFunctions.setTimeout(ignore, 1));
        realFunctions.setImmediate(look);
      } catch (error) {
        beside.push(error);
      }
    };
    look();
    const { failure } = await verdictOf(endlessLoop, {
      ...{ capturePlaces: true, ambient: ambientTime({ awaits: 'hops' }) },
      ...turns.options,
    });
    isOver = true;
    expect(failure).toMatchObject({ kind: 'interrupted', message: 'time is up' });
    expect(beside.filter((seen) => seen !== undefined)).toEqual([]);
  });
});

test('how long a loop took is measured on the machine, not in the time that it sees', async () => {
  // By then the machine's own time is earlier than that of the loop.
  const nowOfLoop = (): number => performance.now();
  const turns = new GuardedTurns({ now: nowOfLoop, turnMs: 100, why: 'it loops' });
  const startedAt = process.hrtime.bigint();
  await verdictOf(
    async (sim) => {
      await sim.sleep(1e9);
      endlessLoop();
    },
    { ...turns.options },
  );
  const elapsedMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
  const { durationMs = 0, busyMs = 0 } = turns.endedTurn ?? {};
  expect(durationMs).toBeGreaterThan(0);
  expect(durationMs).toBeLessThanOrEqual(elapsedMs);
  expect(busyMs).toBeGreaterThan(0);
});

test('the watch for escapes sees what is not virtual, and nothing else', async () => {
  const scenario = defineScenario({
    name: 'watched',
    description: 'of a test',
    options: { ambient: ambientTime({ allow: ['fs'] }) },
    async run() {
      Math.random();
      new Date();
      await new Promise((resolve) => {
        setTimeout(resolve, Date.now() % 2);
      });
      fs.existsSync(HERE);
    },
  });
  const watch = watchEscapes(createExecutor(scenario));
  const { failure } = await watch.executor.execute({ source: fifoDecisions() });
  expect(failure?.message).toBeUndefined();
  expect(watch.escapes().map(({ what }) => what)).toEqual(['fs.existsSync']);
});

test('what was called outside is named, though functions of Node call each other through stand-ins', async () => {
  await verdictOf(ignore);
  const watch = new OutsideWatch();
  const running = promisify(childProcess.exec)('true');
  const calls = watch.pending(['ProcessWrap']).map(({ call }) => call);
  watch.stop();
  await running;
  expect(calls).toEqual(['exec of node:child_process']);
});
