import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { encodeAction, encodeCommand } from '../../src/cas/action-messages.ts';
import { type ExecuteResponseMessage, MESSAGES } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { AccessLog, bazelLine, openMetricsPage } from '../../src/cli/serve-command.ts';
import { connectRemote, type RemoteConnection } from '../../src/host/remote/grpc-transport.ts';
import type { Digest } from '../../src/model/digest.ts';
import { REMOTE_METHODS as M } from '../../src/remote/methods.ts';
import { comesTrue, newMark } from '../host/hostile/leftovers.ts';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from '../host/remote/small-disk.ts';
import { builtCommand, jsonLines, type Started, startWith } from './command.ts';

let dir: string;
const started: Started[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dryrunner-serve-'));
});

afterEach(async () => {
  for (const { child, finished } of started.splice(0)) {
    child.kill('SIGKILL');
    await finished;
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Serves with temporary files of its own, and gives what it says of itself. */
async function serve(
  ...args: readonly string[]
): Promise<{ server: Started; said: Record<string, unknown> }> {
  const server = startWith({ TMPDIR: dir }, 'serve', '--reapi', '--port', '0', '--json', ...args);
  started.push(server);
  let out = '';
  server.child.stdout?.on('data', (text: string) => (out += text));
  await server.prints('"type":"serving"');
  const [line = ''] = out.split('\n');
  return { server, said: JSON.parse(line) as Record<string, unknown> };
}

/** Only /proc lets nobody make a folder and says that it is missing. */
const NOT_MAKABLE: readonly (readonly [string, readonly string[], string])[] = existsSync('/proc/self')
  ? [
      [
        'a folder where none can be made',
        ['--reapi', '--cas', '/proc/cas', '--port', '0'],
        '--cas: /proc/cas cannot be used',
      ],
    ]
  : [];

const call = () => ({ signal: new AbortController().signal });

async function put(remote: RemoteConnection, data: Uint8Array): Promise<Digest> {
  const requests = [{ digest: digestOf(data), data, compressor: 0 }];
  await remote.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
  return digestOf(data);
}

async function execute(remote: RemoteConnection, ...args: readonly string[]): Promise<number | undefined> {
  return (await responseOf(remote, ...args))?.result?.exitCode;
}

async function responseOf(
  remote: RemoteConnection,
  ...args: readonly string[]
): Promise<ExecuteResponseMessage | undefined> {
  const paths = {
    outputFiles: [],
    outputDirectories: [],
    outputPaths: [],
    workingDirectory: '',
    platform: [],
  };
  const commandDigest = await put(
    remote,
    encodeCommand({ arguments: args, environmentVariables: {}, ...paths }),
  );
  const actionDigest = await put(
    remote,
    encodeAction({ commandDigest, inputRootDigest: digestOf(''), doNotCache: false }),
  );
  const request = MESSAGES.ExecuteRequest.decode(MESSAGES.ExecuteRequest.encode({ actionDigest }));
  for await (const { done, response } of remote.serverStream(M.execute, request, call())) {
    if (done && response !== undefined) return MESSAGES.ExecuteResponse.decode(response.value);
  }
  return undefined;
}

test.for([
  ['grpc://127.0.0.1:8980', {}, '--remote_executor=grpc://127.0.0.1:8980 //...'],
  ['grpc://0.0.0.0:8980', {}, '--remote_executor=grpc://localhost:8980 //...'],
  [
    'grpcs://[::]:8980',
    { tlsCert: 'my cert.pem', tokenFile: "o'token" },
    `--remote_executor=grpcs://localhost:8980 '--tls_certificate=my cert.pem' "--remote_header=authorization=Bearer $(cat 'o'\\''token')" //...`,
  ],
] as const)('a Bazel here reaches %s with all that it needs', ([endpoint, options, words]) => {
  expect(bazelLine(endpoint, options)).toBe(`bazel build ${words}`);
});

test('an action counts once its client has the result, by Execute or by WaitExecution', () => {
  const log = new AccessLog(undefined as never, { port: 0, host: '', runners: 'exec', chaos: '1' });
  const ended = (method: string, code: string, outcome?: string): void =>
    log.add({
      ...{ method: `/E/${method}`, code, message: '', durationMs: 1, bytesIn: 0, bytesOut: 0, peer: '' },
      about: '',
      ...(outcome === undefined ? {} : { outcome }),
    });
  const counted = (): string => log.summary().split(',')[0] ?? '';
  ended('Execute', 'OK', 'exit code 3');
  ended('Execute', 'UNAVAILABLE');
  ended('GetOperation', 'OK');
  expect(counted()).toBe('1 action answered');
  ended('WaitExecution', 'OK', 'CANCELLED');
  expect(counted()).toBe('2 actions answered');
  log.fault('loseDone', '/E/Execute', '');
  ended('Execute', 'CANCELLED');
  log.fault('loseDone', '/E/Execute', '');
  ended('Execute', 'OK');
  expect(counted()).toBe('2 actions answered');
  ended('WaitExecution', 'OK', 'exit code 0');
  expect(counted()).toBe('3 actions answered');
});

test('the log names the instance of a call, and an action that is stopped because its clients have gone', () => {
  const lines: string[] = [];
  let cleared = 0;
  const clear = (): void => {
    cleared += 1;
  };
  const terminal = { progress: clear, line: (text: string) => lines.push(text) };
  const log = new AccessLog(terminal as never, { port: 0, host: '', runners: 'exec', accessLog: true });
  const sizes = { durationMs: 1, bytesIn: 2, bytesOut: 3, peer: 'p' };
  log.add({ method: '/E/Read', code: 'OK', message: '', ...sizes, about: 'blob 1f2e3d4c', instance: 'main' });
  for (const instance of ['', 'main']) log.abandoned({ hash: 'ab'.repeat(32), sizeBytes: 1 }, instance);
  log.fault('loseDone', '/E/Execute', '');
  expect(cleared).toBe(lines.length);
  expect(lines.map((line) => line.slice(line.indexOf('Z') + 3))).toEqual([
    'p  Read  OK  1 ms  2 B in, 3 B out  instance main  blob 1f2e3d4c',
    'action abababab is stopped: all its clients have gone',
    'instance main  action abababab is stopped: all its clients have gone',
    'fault: loseDone of Execute',
  ]);
});

test.for([false, true])('the log leaves out what nobody reads, and says how much (json: %s)', (json) => {
  const printed: unknown[] = [];
  const terminal = {
    unreadBytes: 0,
    progress: () => undefined,
    line: (text: string) => printed.push(text.slice(text.indexOf('Z') + 3)),
    json: ({ type, lines }: { type: string; lines?: number }) => printed.push(lines ?? type),
  };
  const options = { port: 0, host: '', runners: 'exec', accessLog: true, json } as const;
  const log = new AccessLog(terminal as never, options);
  const fault = (): void => log.fault('loseDone', '/E/Execute', '');
  fault();
  terminal.unreadBytes = 5_000_000;
  fault();
  // Not enough of it has been read.
  terminal.unreadBytes = 3_000_000;
  fault();
  terminal.unreadBytes = 1_000_000;
  fault();
  terminal.unreadBytes = 5_000_000;
  fault();
  log.end();
  log.end();
  const line = json ? 'fault' : 'fault: loseDone of Execute';
  const leftOut = (lines: string, count: number): unknown =>
    json ? count : `${lines} left out: they were not read in time`;
  expect(printed).toEqual([line, leftOut('2 lines', 2), line, leftOut('1 line', 1)]);
});

test('the page of metrics takes parameters, as Prometheus sends them, and says why it has no metrics', async () => {
  const page = await openMetricsPage(0);
  onTestFinished(() => page.close());
  const answer = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`http://127.0.0.1:${page.port}${path}`);
    return [response.status, await response.text()];
  };
  expect(await answer('/metrics?name[]=runs')).toEqual([200, expect.stringContaining('rpc_calls_total')]);
  expect(await answer('/')).toEqual([404, 'the metrics are at /metrics\n']);
  const broken = vi.spyOn(Registry.prototype, 'metrics').mockRejectedValueOnce(new Error('no such gauge'));
  onTestFinished(() => broken.mockRestore());
  expect(await answer('/metrics')).toEqual([500, 'no such gauge\n']);
});

/** As docs/remote.md lists them. */
const JSON_FIELDS = new Map([
  ['serving', ['endpoint', 'jobs', 'runners', 'chaos']],
  ['call', ['time', 'method', 'code', 'message', 'durationMs', 'bytesIn', 'bytesOut', 'peer', 'about']],
  ['fault', ['time', 'kind', 'method', 'about']],
]);

describe('dryrunner serve --reapi', () => {
  test('carries actions out until Ctrl-C, counts them for Prometheus, and leaves nothing behind', async () => {
    const { server, said } = await serve('--jobs', '2', '--metrics-port', '0', '--access-log');
    expect(said).toMatchObject({ type: 'serving', jobs: 2, runners: 'exec' });
    const remote = await connectRemote({ endpoint: String(said['endpoint']) });
    expect(await execute(remote, '/bin/sh', '-c', 'exit 3')).toBe(3);
    const page = await (await fetch(`http://127.0.0.1:${String(said['metricsPort'])}/metrics`)).text();
    expect(page).toContain('rpc_calls_total{method="Execute",code="OK"} 1');
    expect(page).toContain('workerTaskLatency_ms_count 1');
    void execute(remote, '/bin/sleep', '98765').catch(() => undefined);
    await server.prints('"type":"call"');
    server.child.kill('SIGINT');
    const { code, out, err } = await server.finished;
    remote.close();
    expect(code).toBe(130);
    expect(out).toContain('"method":"/build.bazel.remote.execution.v2.Execution/Execute","code":"OK"');
    expect(err).toContain('stopping: actions that run are aborted');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('keeps no more of a log than --log-size', async () => {
    const { said } = await serve('--jobs', '1', '--log-size', '1');
    const remote = await connectRemote({ endpoint: String(said['endpoint']) });
    const { message } = (await responseOf(remote, '/bin/sh', '-c', 'head -c 1048577 /dev/zero')) ?? {};
    remote.close();
    expect(message).toBe('the logs are incomplete: stdout is cut after 1048576 B');
  });

  test('pretends, lies by its seed, and keeps the stores of --cas', async () => {
    const cas = join(dir, 'cas');
    const seen: string[][] = [];
    for (let round = 0; round < 2; round += 1) {
      const { server, said } = await serve(
        '--runners',
        'simulated',
        '--chaos',
        '5',
        '--cas',
        cas,
        '--access-log',
      );
      expect(said).toMatchObject({ runners: 'simulated', chaos: '5' });
      const remote = await connectRemote({ endpoint: String(said['endpoint']) });
      for (let n = 0; n < 60; n += 1) {
        await remote.unary(M.getCapabilities, { instanceName: '' }, call()).catch(() => undefined);
      }
      remote.close();
      server.child.kill('SIGTERM');
      const { code, out } = await server.finished;
      expect(code).toBe(143);
      const fields = new Map(jsonLines(out).map(({ type, ...rest }) => [type, Object.keys(rest)]));
      expect(fields).toEqual(JSON_FIELDS);
      const faults = out.split('\n').filter((line) => line.includes('"type":"fault"'));
      seen.push(faults.map((line) => line.replace(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/, '"time":"NOW"')));
    }
    expect(seen[0]?.length).toBeGreaterThan(0);
    expect(seen[1]).toEqual(seen[0]);
    expect(readdirSync(cas).sort()).toEqual(['ac', 'cas']);
  });

  test('makes --cas again if somebody removes it, and says once that it cannot where a file is in its place', async () => {
    const cas = join(dir, 'store');
    const { server, said } = await serve('--jobs', '1', '--cas', cas);
    const remote = await connectRemote({ endpoint: String(said['endpoint']) });
    const printed = async (): Promise<string | undefined> => {
      const { result } = (await responseOf(remote, '/bin/echo', 'printed')) ?? {};
      const digests = [result?.stdoutDigest ?? digestOf('')];
      const request = { instanceName: '', digests, acceptableCompressors: [] };
      const { responses } = await remote.unary(M.batchReadBlobs, request, call());
      return Buffer.from(responses[0]?.data ?? '').toString();
    };
    expect(await printed()).toBe('printed\n');
    rmSync(cas, { recursive: true });
    expect(await printed()).toBe('printed\n');
    rmSync(cas, { recursive: true });
    writeFileSync(cas, '');
    const requests = [{ digest: digestOf('a'), data: Buffer.from('a'), compressor: 0 }];
    const what = 'was removed, and cannot be made again: ';
    for (let n = 0; n < 2; n += 1) {
      const { responses } = await remote.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
      expect(responses[0]?.status?.message).toBe(`the folder of a store ${what}not a directory`);
    }
    remote.close();
    server.child.kill('SIGTERM');
    const { code, err } = await server.finished;
    expect(code).toBe(143);
    expect(
      err
        .split('\n')
        .filter((line) => line.startsWith(`warning: the folder ${join(cas, 'cas')} of a store ${what}`)),
    ).toHaveLength(1);
  });

  test.for<readonly [string, readonly string[], string]>([
    ['no protocol', [], 'expected --reapi, the protocol to serve'],
    ['a size of nothing', ['--reapi', '--cas-size', '9'], '--cas-size: only with --cas'],
    ['half of a certificate', ['--reapi', '--tls-cert', 'x'], 'expected both --tls-cert and --tls-key'],
    [
      'a token that is not there',
      ['--reapi', '--token-file', '/no/such'],
      '--token-file: /no/such cannot be read',
    ],
    [
      'a host that is not here',
      ['--reapi', '--host', '192.0.2.1', '--port', '0'],
      'cannot listen on 192.0.2.1:0: this machine has no such address',
    ],
    [
      'an empty host',
      ['--reapi', '--host', '', '--port', '0'],
      'error: --host: expected a host name or an address',
    ],
    [
      'an address in brackets',
      ['--reapi', '--host', '[::1]', '--port', '0'],
      'error: --host: expected a host name or an address, an IPv6 one without brackets, got "[::1]"',
    ],
    [
      'a host that no network has',
      ['--reapi', '--host', '999.1.1.1', '--port', '0'],
      'cannot listen on 999.1.1.1:0: there is no host of that name',
    ],
    [
      'one port for calls and metrics',
      ['--reapi', '--port', '8980', '--metrics-port', '8980'],
      '--metrics-port: expected another port than 8980, that of --port',
    ],
    ['a folder without a name', ['--reapi', '--cas', '', '--port', '0'], '--cas: expected a path, got ""'],
    [
      'a folder that cannot be made',
      ['--reapi', '--cas', '/dev/null/cas', '--port', '0'],
      '--cas: /dev/null/cas cannot be used',
    ],
    ...NOT_MAKABLE,
    ['runners that there are not', ['--reapi', '--runners', 'none'], 'Allowed choices are exec, simulated'],
    ['a port that is none', ['--reapi', '--port', '65536'], 'Expected a whole number'],
  ] as const)('with %s exits with 2 and a sentence', async ([, args, message]) => {
    const command = startWith({ TMPDIR: dir }, 'serve', ...args);
    started.push(command);
    const { code, err } = await command.finished;
    expect(err).toContain(message);
    expect(err).toMatch(/^error: /);
    expect(err).not.toContain('Warning');
    expect(code).toBe(2);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('with a certificate and a key that are swapped names the options', async () => {
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    writeFileSync(cert, '-----BEGIN CERTIFICATE-----\n');
    writeFileSync(key, '-----BEGIN EC PRIVATE KEY-----\n');
    const command = startWith({ TMPDIR: dir }, 'serve', '--reapi', '--tls-cert', key, '--tls-key', cert);
    started.push(command);
    expect(await command.finished).toEqual({
      code: 2,
      out: '',
      err: 'error: --tls-cert: expected certificates in PEM, got a private key\n',
    });
  });

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk(
      'refuses stores that cannot be written, and ends without a stack if they no longer can be',
    ),
    async () => {
      const small = new SmallDisk(2_048);
      try {
        const cas = join(small.dir, 'cas');
        const { server, said } = await serve('--cas', cas);
        const remote = await connectRemote({ endpoint: String(said['endpoint']) });
        await put(remote, Buffer.from('kept'));
        small.protect();
        server.child.kill('SIGINT');
        const { code, err } = await server.finished;
        remote.close();
        expect(err).not.toMatch(/^ +at /m);
        expect(code).toBe(130);
        const again = startWith({ TMPDIR: dir }, 'serve', '--reapi', '--port', '0', '--cas', cas);
        started.push(again);
        const refused = await again.finished;
        expect(refused.err).toMatch(
          /^error: --cas: .*\/cas cannot be used: EROFS: read-only file system, .*\n$/,
        );
        expect(refused.code).toBe(2);
      } finally {
        small.remove();
      }
    },
  );

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk('names what cannot be removed at its end, removes the rest, and ends as it should'),
    async () => {
      const at = join(dir, 'at');
      try {
        const { server, said } = await serve('--jobs', '1');
        const remote = await connectRemote({ endpoint: String(said['endpoint']) });
        const script =
          'mkdir disk disk2 other && pwd > "$0" && mount -t tmpfs tmpfs disk && mount -t tmpfs tmpfs disk2';
        expect(await execute(remote, '/bin/sh', '-c', script, at)).toBe(0);
        remote.close();
        server.child.kill('SIGINT');
        const { code, err } = await server.finished;
        const action = readFileSync(at, 'utf8').trim();
        const [, line = ''] = err.split('\n');
        const text = 'error: not all is removed that actions have left: ';
        expect([line.slice(0, text.length), line.slice(text.length).split('; ').sort()]).toEqual([
          text,
          ['disk', 'disk2'].map((name) => `EBUSY: resource busy or locked, rmdir '${action}/${name}'`),
        ]);
        expect(err).not.toMatch(/^ +at /m);
        expect(code).toBe(130);
        const there = readdirSync(dir, { recursive: true }).map((name) => join(dir, String(name)));
        expect(there.sort((a, b) => a.length - b.length)).toEqual([
          at,
          dirname(action),
          action,
          `${action}/disk`,
          `${action}/disk2`,
        ]);
      } finally {
        const action = readFileSync(at, 'utf8').trim();
        spawnSync('umount', [join(action, 'disk'), join(action, 'disk2')]);
      }
    },
  );

  test.runIf(existsSync('/dev/full'))(
    'a signal has its exit code also if stderr is full; skipped without /dev/full, because no other file is full',
    async () => {
      const full = openSync('/dev/full', 'w');
      onTestFinished(() => closeSync(full));
      const command = [...builtCommand, 'serve', '--reapi', '--port', '0'];
      const server = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', full] });
      onTestFinished(() => void server.kill('SIGKILL'));
      if (server.stdout !== null) await once(server.stdout, 'data');
      server.kill('SIGTERM');
      expect(await once(server, 'exit')).toEqual([143, null]);
    },
  );

  test('leaves no process of an action when it is killed', async () => {
    const { server, said } = await serve('--jobs', '2');
    const remote = await connectRemote({ endpoint: String(said['endpoint']) });
    const mark = newMark();
    const isRunning = (): boolean =>
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(`sleep 50.${mark}`);
    void execute(remote, '/bin/sh', '-c', `/bin/sleep 50.${mark} & wait`).catch(() => undefined);
    while (!isRunning()) await pause(20);
    server.child.kill('SIGKILL');
    await server.finished;
    remote.close();
    expect(await comesTrue(() => !isRunning())).toBe(true);
  });

  test('ends with one sentence if its port is taken, also with a page of metrics', async () => {
    const { said } = await serve();
    const port = new URL(String(said['endpoint'])).port;
    const command = startWith({ TMPDIR: dir }, 'serve', '--reapi', '--port', port, '--metrics-port', '0');
    started.push(command);
    const { code, err } = await command.finished;
    expect(code).toBe(2);
    expect(err).toBe(
      `error: cannot listen on 127.0.0.1:${port}: another program listens there; --port 0 takes any port that is free\n`,
    );
  });

  test('ends with one sentence if the port of its metrics is taken', async () => {
    const { said } = await serve();
    const port = new URL(String(said['endpoint'])).port;
    const command = startWith({ TMPDIR: dir }, 'serve', '--reapi', '--port', '0', '--metrics-port', port);
    started.push(command);
    const { code, err } = await command.finished;
    expect([code, err]).toEqual([2, `error: --metrics-port: another program listens on 127.0.0.1:${port}\n`]);
  });

  test('says in lines for people how much it does, and what clients send stays on its line', async () => {
    const args = ['serve', '--reapi', '--port', '0', '--jobs', '1', '--access-log'];
    const server = startWith({ TMPDIR: dir }, ...args);
    started.push(server);
    let text = '';
    server.child.stdout?.on('data', (part: string) => (text += part));
    await server.prints('bazel build');
    const endpoint = /at (grpc:\S+):/.exec(text)?.[1] ?? '';
    const remote = await connectRemote({ endpoint });
    expect(await execute(remote, '/bin/sh', '-c', 'exit 3')).toBe(3);
    const name = 'x\nforged  Execute  OK\u2028\u001b[2J';
    const messages = async function* () {
      yield { resourceName: name, writeOffset: 0, finishWrite: true, data: new Uint8Array() };
    };
    await remote.clientStream(M.write, messages(), call()).catch(() => undefined);
    await server.prints('Write');
    remote.close();
    server.child.kill('SIGINT');
    const { out, err } = await server.finished;
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toBe(`serving the Remote Execution API at ${endpoint}: 1 job at a time, exec`);
    expect(lines[2]).toBe(`  npx dryrunner exec --remote ${endpoint} -- uname -a`);
    const calls = lines.slice(3).map((line) => line.split('  '));
    for (const [time = ''] of calls) expect(new Date(time).toISOString()).toBe(time);
    expect(calls[2]?.slice(-2)).toEqual([expect.stringMatching(/^action [0-9a-f]{8}$/), 'exit code 3']);
    expect(calls.map((columns) => columns[2])).toEqual([
      'BatchUpdateBlobs',
      'BatchUpdateBlobs',
      'Execute',
      'Write',
    ]);
    expect(lines.at(-1)).toContain('INVALID_ARGUMENT');
    expect(err).toMatch(/\n1 action answered, 4 calls, \d+ B in, [\d.]+ (KiB|B) out\n$/);
  });

  test('ends by a signal although the reader of its log stands still', async () => {
    const { server, said } = await serve('--access-log');
    const remote = await connectRemote({ endpoint: String(said['endpoint']) });
    server.child.stdout?.pause();
    // More lines than a pipe and the buffers of its reader take.
    for (let n = 0; n < 3_000; n += 100) {
      const calls = Array.from({ length: 100 }, () =>
        remote.unary(M.getCapabilities, { instanceName: '' }, call()),
      );
      await Promise.all(calls);
    }
    remote.close();
    const ended = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    expect((await ended)[0]).toBe(143);
    server.child.stdout?.resume();
    expect((await server.finished).err).toContain('3,000 calls');
  });

  test('lets nobody in without the token of its file', async () => {
    writeFileSync(join(dir, 'token'), 'secret\n');
    const { said } = await serve('--token-file', join(dir, 'token'));
    const endpoint = String(said['endpoint']);
    const [stranger, friend] = [
      await connectRemote({ endpoint }),
      await connectRemote({ endpoint, token: 'secret' }),
    ];
    await expect(stranger.unary(M.getCapabilities, { instanceName: '' }, call())).rejects.toThrow(
      'expected the token',
    );
    expect((await friend.unary(M.getCapabilities, { instanceName: '' }, call())).lowApiVersion?.major).toBe(
      2,
    );
    stranger.close();
    friend.close();
  });
});
