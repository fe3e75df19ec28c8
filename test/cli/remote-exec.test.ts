// `dryrunner exec --remote` on a cluster of this process, over a socket.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createSocketServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { remoteExecStatus, waitingNote } from '../../src/cli/exec-status.ts';
import {
  type BuildCluster,
  type BuildClusterOptions,
  serveBuildCluster,
} from '../../src/host/remote/build-cluster.ts';
import { makeRunStatus } from '../../src/model/run-status.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { serveRemote } from '../../src/host/remote/grpc-server.ts';
import { realWorld } from '../../src/host/real-world.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import type { RemoteService } from '../../src/remote/rpc.ts';
import { type Finished, jsonLines, run, type Started } from './command.ts';
import { remoteLab } from './remote-lab.ts';

const lab = remoteLab();
const { ends } = lab;

const sh = (script: string): string[] => ['--', 'sh', '-c', script];

/** Starts a command on the cluster of all tests or another one. */
function startThere(args: readonly string[], endpoint: string = lab.cluster.endpoint): Started {
  return lab.startThere(endpoint, ...args);
}

function runThere(args: readonly string[], endpoint?: string): Promise<Finished> {
  return startThere(args, endpoint).finished;
}

async function another(options: BuildClusterOptions): Promise<BuildCluster> {
  const served = await serveBuildCluster({ jobs: 1, ...options });
  ends.push(() => served.close());
  return served;
}

/** Something else that listens; gives its URL. */
async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return `grpc://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('exit codes', () => {
  test.for<[string, string[], number]>([
    ['the command exits with 0', sh('exit 0'), 0],
    ['the command exits with 250', sh('exit 250'), 250],
    ['it is stopped by --timeout', ['--timeout', '0.5', '--', 'sleep', '98123'], 124],
    ['the program cannot be executed', ['--', '/etc/passwd'], 126],
    ['the program has no name', ['--', ''], 127],
    ['there is no such program', ['--', '/no/such/program'], 127],
    ['a signal kills it', sh('kill -KILL $$'), 137],
    ['another signal ends it', sh('kill -HUP $$'), 129],
    ['it has not made what was asked for', ['--output', 'made', ...sh('exit 0')], 125],
    ['it has failed, and so not made what was asked for', ['--output', 'made', ...sh('exit 4')], 4],
  ])('%s', async ([, args, expected]) => {
    const { code, err } = await runThere(args);
    expect(code, err).toBe(expected);
  });

  test('125 if the cluster has not kept all that a command printed which ended with 0', async () => {
    const { endpoint } = await another({ logBytesMax: 4 });
    const [well, cut, failed] = [
      await runThere(sh('printf 1234'), endpoint),
      await runThere(sh('printf 12345'), endpoint),
      await runThere(sh('printf 12345; exit 3'), endpoint),
    ];
    expect([well.code, well.out]).toEqual([0, '1234']);
    expect([cut.code, cut.out]).toEqual([125, expect.stringMatching(/^1234\n/)]);
    expect(cut.err).toMatch(
      /the logs are incomplete: stdout is cut after 4 B\n[^]*error: the command ended with 0, but not all/,
    );
    expect(failed.code).toBe(3);
  });

  test('and what it printed until then, if it is stopped by --timeout', async () => {
    const { code, out, err } = await runThere([
      '--timeout',
      '1',
      ...sh('echo x; echo y >&2; exec sleep 98128'),
    ]);
    expect([code, out]).toEqual([124, expect.stringMatching(/^x\n[^]*Task exceeded timeout 1s\n$/)]);
    expect(err).toMatch(/RUNNING\ny\n[^]*TIMEDOUT\n$/);
  });

  test('says that the command never started, only if it waited until it was cancelled', () => {
    const tags = { jobId: '', taskId: '', tag: '' };
    const none = { snapshotId: '', exitCode: 0, error: '' };
    const noteOf = (
      state: 'TIMEDOUT' | 'ABORTED',
      changed: Partial<Parameters<typeof waitingNote>[1]> = {},
      stdoutRef = '',
    ): string =>
      waitingNote(makeRunStatus('1', state, tags, { stdoutRef, stderrRef: '' }, none), {
        isRunning: false,
        waitedMs: 17_000,
        limitMs: 17_000,
        ...changed,
      });
    expect(noteOf('TIMEDOUT')).toMatch(/^the cluster has reported no start of the command: it waited/);
    expect([
      noteOf('ABORTED'),
      noteOf('TIMEDOUT', { isRunning: true }),
      noteOf('TIMEDOUT', { waitedMs: 16_999 }),
      noteOf('TIMEDOUT', {}, 'terminal:1'),
    ]).toEqual(['', '', '', '']);
  });

  test('of clusters that say it otherwise', () => {
    const refs = { stdoutRef: '', stderrRef: '' };
    const ended = (state: 'COMPLETE' | 'FAILED' | 'ABORTED', exitCode: number, error = ''): number => {
      const tags = { jobId: '', taskId: '', tag: '' };
      return remoteExecStatus(makeRunStatus('1', state, tags, refs, { snapshotId: '', exitCode, error }));
    };
    expect([ended('COMPLETE', 137), ended('COMPLETE', 256), ended('COMPLETE', -1)]).toEqual([137, 255, 255]);
    expect([ended('FAILED', 240, 'no worker'), ended('ABORTED', 0)]).toEqual([125, 125]);
    expect(ended('FAILED', 240, 'could not exec: spawn a\nb ENOTDIR')).toBe(126);
    // Of arguments that are too long the system names no program.
    expect(
      ['ENAMETOOLONG', 'E2BIG'].map((code) => ended('FAILED', 240, `could not exec: spawn ${code}`)),
    ).toEqual([126, 126]);
    const killed = (signal: string): number => ended('COMPLETE', -1, `Killed by ${signal}`);
    expect(['SIGTERM', 'SIGRTMIN', 'SIGRTMIN+3', 'SIGRTMAX-2', 'SIGRTMAX'].map(killed)).toEqual([
      143, 162, 165, 190, 192,
    ]);
    expect(['SIGLOUD', 'SIGRTMIN-1', 'SIGRTMAX+1', 'SIGRTMIN+31'].map(killed)).toEqual([255, 255, 255, 255]);
  });
});

describe('what goes there and comes back', () => {
  test.for<[string, string]>([
    ['a link to its own folder', 'mkdir -p o; ln -s . o/dot'],
    ['a link to the folder above', 'mkdir -p o/s; ln -s .. o/s/up'],
    ['a link to nothing', 'mkdir -p o; ln -s nothing o/dangling'],
    ['a link to a folder', 'mkdir -p o/o; ln -s o o/l'],
    ['a link in the place of a file', 'mkdir -p o; ln -s nothing o/file'],
    ['a folder in the place of a link', 'mkdir -p o/link/deep; echo new > o/link/deep/f'],
  ])('an --output that is there already is replaced by %s', async ([, script]) => {
    mkdirSync(join(lab.dir, 'o'));
    writeFileSync(join(lab.dir, 'o/file'), 'old');
    symlinkSync('file', join(lab.dir, 'o/link'));
    for (const time of ['first', 'second']) {
      const { code, err } = await runThere(['--output', 'o', ...sh(script)]);
      expect(code, `${time}: ${err}`).toBe(0);
    }
    const links = readdirSync(join(lab.dir, 'o'), { recursive: true, withFileTypes: true });
    expect(links.filter((each) => each.name.startsWith('.dryrunner'))).toEqual([]);
    expect(readFileSync(join(lab.dir, 'o/file'), { encoding: 'utf8', flag: 'a+' })).toMatch(/^(old)?$/);
  });

  test('an --output of another kind than what lies there is refused, and what lies there stays', async () => {
    mkdirSync(join(lab.dir, 'o/f'), { recursive: true });
    writeFileSync(join(lab.dir, 'o/d'), 'old');
    const script = (made: string): string[] => ['--output', 'o', ...sh(`mkdir -p o; ${made}`)];
    expect(await runThere(script('echo > o/f'))).toMatchObject({
      code: 125,
      err: expect.stringMatching(/expected no folder at .*o\/f, got one/) as string,
    });
    expect(await runThere(script('mkdir o/d'))).toMatchObject({
      code: 125,
      err: expect.stringMatching(/expected a folder or nothing at .*o\/d, got a file/) as string,
    });
    expect(readFileSync(join(lab.dir, 'o/d'), 'utf8')).toBe('old');
  });

  test('runs in a copy of --input, and brings files, folders and links back from it', async () => {
    mkdirSync(join(lab.dir, 'src/deep'), { recursive: true });
    writeFileSync(join(lab.dir, 'src/deep/a.txt'), 'from here\n');
    writeFileSync(join(lab.dir, 'src/large'), Buffer.alloc(3_000_000, 7));
    writeFileSync(join(lab.dir, 'src/tool'), '#!/bin/sh\ncat deep/a.txt link\n');
    chmodSync(join(lab.dir, 'src/tool'), 0o755);
    symlinkSync('deep/a.txt', join(lab.dir, 'src/link'));
    mkdirSync(join(lab.dir, 'out'));
    writeFileSync(join(lab.dir, 'out/mine'), 'stays');
    writeFileSync(join(lab.dir, 'app'), 'old');
    const script =
      'echo to stderr >&2; ./tool; wc -c < large; mkdir -p out/in; echo made > out/in/f; ln -s in/f out/l; ln -s ../app out/up; cp tool app; ln -s app alias';
    const args = [
      '--input',
      'src',
      '--output',
      './out/',
      '--output',
      'app',
      '--output',
      'alias',
      ...sh(script),
    ];
    const { code, out, err } = await runThere(args);
    expect(code, err).toBe(0);
    expect(out).toBe('from here\nfrom here\n3000000\n');
    expect(err).toContain('to stderr\n');
    expect(err.replace(/\d.*s {2}/g, '')).toMatch(/PENDING\n *RUNNING\nto stderr\n *COMPLETE 0\n$/);
    expect(readFileSync(join(lab.dir, 'out/in/f'), 'utf8')).toBe('made\n');
    const targets = ['out/l', 'out/up', 'alias'].map((name) => readlinkSync(join(lab.dir, name)));
    expect(targets).toEqual(['in/f', '../app', 'app']);
    expect(readFileSync(join(lab.dir, 'out/mine'), 'utf8')).toBe('stays');
    expect(statSync(join(lab.dir, 'app')).mode & 0o111).not.toBe(0);
    expect(readdirSync(lab.dir).sort()).toEqual(['alias', 'app', 'out', 'src']);
  });

  test.for([
    [': > it', 'expected a folder, got a file: it'],
    ['mkfifo it', 'expected a folder, got a pipe, socket or device: it'],
    ['ln -s /dev/null it', 'expected a folder, got a pipe, socket or device: it'],
    ['ln -s it it', 'expected a folder at it: its links lead in a circle'],
    [': > x; ln -s x/y it', 'expected a folder at it: a part of the path is no folder'],
    ['mkdir it; mkfifo it/pipe', 'neither file, directory nor link: pipe'],
  ])('with --input that `%s` has made says: %s', async ([script = '', sentence]) => {
    spawnSync('sh', ['-c', script], { cwd: lab.dir });
    const { code, err } = await runThere(['--input', 'it', '--', 'true']);
    expect([code, err]).toEqual([125, `error: --input: ${sentence}\n`]);
  });

  test('without --input the folder is empty, whatever is here, and it reads nothing', async () => {
    writeFileSync(join(lab.dir, 'here'), '');
    const { code, out } = await runThere(sh('ls -A | wc -l; cat'));
    expect([code, out.trim()]).toEqual([0, '0']);
  });

  test('each call runs the command anew, with the variables of --env', async () => {
    const args = ['--env', 'A=1=2', '--env', 'NO_COLOR', ...sh('echo "$A $NO_COLOR"; date +%N')];
    const [first, second] = [await runThere(args), await runThere(args)];
    expect([first.out.split('\n')[0], second.out.split('\n')[0]]).toEqual(['1=2 1', '1=2 1']);
    expect(second.out).not.toBe(first.out);
  });

  test('a `..` behind a link in --input leads to the folder above the target of the link', async () => {
    mkdirSync(join(lab.dir, 'far/deep/er'), { recursive: true });
    writeFileSync(join(lab.dir, 'far/deep/f'), 'from far\n');
    symlinkSync('far/deep/er', join(lab.dir, 'link'));
    const { code, out, err } = await runThere(['--input', 'link/..', ...sh('ls; cat f')]);
    expect(code, err).toBe(0);
    expect(out).toBe('er\nf\nfrom far\n');
  });

  test('an input that leads out is refused, and so is one that is not there', async () => {
    mkdirSync(join(lab.dir, 'src'));
    symlinkSync('../../etc', join(lab.dir, 'src/link'));
    const leading = await runThere(['--input', 'src', '--', 'true']);
    expect([leading.code, leading.err]).toEqual([
      125,
      'error: --input: link that could lead out of the input root: link -> ../../etc\n',
    ]);
    const missing = await runThere(['--input', 'none', '--', 'true']);
    expect(missing.code).toBe(125);
    expect(missing.err).toBe('error: --input: expected a folder at none: there is nothing\n');
  });

  test('--json says what is printed and what becomes of the run', async () => {
    const { code, out } = await runThere(['--json', ...sh('printf ä; exit 3')]);
    expect(code).toBe(3);
    expect(jsonLines(out)).toMatchObject([
      { type: 'status', state: 'PENDING' },
      { type: 'status', state: 'RUNNING' },
      { type: 'output', stream: 'stdout', text: 'ä' },
      { type: 'status', state: 'COMPLETE', exitCode: 3, actionResult: { cached: false } },
    ]);
    expect(jsonLines(out).map((line) => 'exitCode' in (line as object))).toEqual([false, false, false, true]);
  });

  test('a --timeout that the cluster refuses is one', async () => {
    const { code, err } = await runThere(['--timeout', '25h', '--', 'true']);
    expect(code).toBe(125);
    expect(err).toMatch(
      /FAILED 240 .* expected 86400000 ms at most, got 90000000 \(the cluster takes no --timeout of that length\)\n$/,
    );
  });

  test('--json says which outputs came back', async () => {
    const outputs = ['--output', 'a', '--output', 'b'];
    const { code, out } = await runThere(['--json', ...outputs, ...sh('echo x > a')]);
    expect(code).toBe(125);
    expect(jsonLines(out).slice(-2)).toEqual([
      { type: 'brought', path: 'a' },
      { type: 'brought', path: 'b', error: 'expected a file, directory or link, got nothing' },
    ]);
  });
});

describe('a cluster that is slow, closed, or none at all', () => {
  test('Ctrl-C cancels the action there', async () => {
    const started = startThere(sh('echo $$; exec sleep 98124'));
    await started.prints('RUNNING');
    expect(lab.cluster.service.activeOperations).toBe(1);
    started.child.kill('SIGINT');
    const { code, err } = await started.finished;
    expect([code, err.includes('ABORTED')]).toEqual([130, true]);
    expect(lab.cluster.service.activeOperations).toBe(0);
  });

  test('what it does wrong for a moment costs nothing but time', async () => {
    const struck: string[] = [];
    const rates = { refuse: 0.2, loseAnswer: 0.2, cut: 0.2, loseDone: 0.2, deadline: 0.1 };
    const faults = { rates, strikesMax: 12, onFault: (kind: string) => struck.push(kind) };
    const lying = await another({ chaosSeed: '3', faults });
    for (let n = 0; n < 3; n += 1) {
      const { code, out, err } = await runThere(
        ['--output', 'f', ...sh('echo x > f; echo y')],
        lying.endpoint,
      );
      expect([code, out], err).toEqual([0, 'y\n']);
      expect(readFileSync(join(lab.dir, 'f'), 'utf8')).toBe('x\n');
    }
    expect(struck.length).toBeGreaterThan(3);
  });

  test('a line says that a lost watch is tried again, and why', async () => {
    const lying = await another({ chaosSeed: '3', faults: { rates: { loseDone: 1 }, strikesMax: 1 } });
    const { code, err } = await runThere(sh('exit 3'), lying.endpoint);
    expect([code, err.match(/^watch.*/m)?.[0]]).toEqual([
      3,
      'watch is tried again: the watch ended without a result',
    ]);
  });

  test('the token of a file is sent; without it the sentence names the option', async () => {
    writeFileSync(join(lab.dir, 'token'), 'secret\n');
    const { endpoint } = await another({ token: 'secret', workers: 'simulated' });
    expect((await runThere(['--token-file', 'token', '--', 'true'], endpoint)).code).toBe(0);
    const { code, err } = await runThere(['--', 'true'], endpoint);
    expect(code).toBe(125);
    expect(err).toMatch(
      /^error: --token-file: grpc:\S+ does not let you in: expected the token of this server/,
    );
  });

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  const tlsTitle = hasOpenssl
    ? 'with --tls-ca a certificate is trusted that the machine does not'
    : 'TLS is not tried because openssl is not installed, which makes the certificate';
  test.skipIf(!hasOpenssl)(tlsTitle, async () => {
    const [keyFile, certFile] = [join(lab.dir, 'key.pem'), join(lab.dir, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync('openssl', [...request, ...names, '-keyout', keyFile, '-out', certFile], {
      stdio: 'ignore',
    });
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
    const served = await another({ tls, workers: 'simulated' });
    const endpoint = served.endpoint.replace('127.0.0.1', 'localhost');
    expect((await runThere(['--tls-ca', certFile, '--', 'true'], endpoint)).code).toBe(0);
    const { code, err } = await runThere(['--', 'true'], endpoint);
    expect(code).toBe(125);
    expect(err).toBe(
      `error: --remote: the certificate of ${endpoint} is not trusted (self-signed certificate): name the authority that has signed it with --tls-ca\n`,
    );
    const wrong = await runThere(['--tls-ca', keyFile, '--', 'true'], endpoint);
    expect([wrong.code, wrong.err]).toEqual([
      125,
      `error: --tls-ca: expected certificates in PEM, got a file without any: ${keyFile}\n`,
    ]);
    const web = await listening(createSecureServer(tls, (_request, response) => response.end('hello')));
    const page = web.replace('grpc://127.0.0.1', 'grpcs://localhost');
    expect((await runThere(['--tls-ca', certFile, '--', 'true'], page)).err).toBe(
      `error: --remote: ${page} is reached, but speaks neither gRPC nor anything else over HTTP/2\n`,
    );
    const plain = served.endpoint.replace('grpcs:', 'grpc:');
    expect((await runThere(['--', 'true'], plain)).err).toBe(
      `error: --remote: ${plain} is reached, but speaks TLS: try ${served.endpoint}\n`,
    );
  });

  test('a cluster that does not encrypt is named as one', async () => {
    const encrypted = lab.cluster.endpoint.replace('grpc:', 'grpcs:');
    const { code, err } = await runThere(['--', 'true'], encrypted);
    expect([code, err]).toEqual([
      125,
      `error: --remote: ${encrypted} is reached, but does not speak TLS: try ${lab.cluster.endpoint}\n`,
    ]);
  });

  test('where nobody listens, or somebody who speaks something else, a sentence says so', async () => {
    const nobody = await runThere(['--retries', '0', '--', 'true'], 'grpc://127.0.0.1:1');
    expect(nobody).toEqual({
      code: 125,
      out: '',
      err: 'error: --remote: grpc://127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1\n',
    });
    const unknown = await runThere(['--retries', '1', '--', 'true'], 'grpc://999.1.1.1:1');
    const why = 'there is no host of the name 999.1.1.1';
    expect(unknown.err).toBe(
      `GetCapabilities is tried again: UNAVAILABLE: ${why}\nerror: --remote: grpc://999.1.1.1:1 cannot be reached: ${why}\n`,
    );
    const web = await listening(createServer((_request, response) => response.end('hello')));
    const other = await runThere(['--', 'true'], web);
    expect([other.code, other.err]).toEqual([
      125,
      `error: --remote: ${web} is reached, but speaks neither gRPC nor anything else over HTTP/2\n`,
    ]);
  });

  test('a cluster that is just starting is asked again, and a line says so', async () => {
    const vacant = createSocketServer();
    const endpoint = await listening(vacant);
    vacant.close();
    await once(vacant, 'close');
    const started = startThere(['--retries', '12', '--', 'sh', '-c', 'exit 3'], endpoint);
    await started.prints('GetCapabilities is tried again: UNAVAILABLE: connect ECONNREFUSED');
    const late = await serveBuildCluster({ jobs: 1, port: Number(new URL(endpoint).port) });
    ends.push(() => late.close());
    expect((await started.finished).code).toBe(3);
  });

  test('a program that is not on the cluster is named with what to look at', async () => {
    expect((await runThere(['--', './run'])).err).toMatch(
      /ENOENT \(there is no such program; .* in PATH, a path such as \.\/run has to be among the files of --input\); exec exits with 127$/m,
    );
  });

  test('while nobody answers, Ctrl-C ends it', async () => {
    const accepted = vi.fn();
    const silent = createSocketServer((socket) => {
      accepted();
      ends.push(() => socket.destroy());
    });
    const started = startThere(['--', 'true'], await listening(silent));
    await vi.waitFor(() => expect(accepted).toHaveBeenCalled(), { timeout: 30_000 });
    started.child.kill('SIGINT');
    const { code, err } = await started.finished;
    expect([code, err]).toEqual([
      130,
      expect.stringMatching(/^interrupted while grpc:\S+ did not answer\n$/),
    ]);
  });

  test('a cluster that only keeps blobs is named as one', async () => {
    const runner = createFakeRunner(realWorld());
    const cache = createMemoryActionCache();
    const service = createRemoteService(realWorld(), { runner, content: createMemoryContentStore(), cache });
    const blobsOnly: RemoteService = {
      unary: async (method, request, context) => {
        const answer = await service.unary(method, request, context);
        return { ...answer, executionCapabilities: null };
      },
      serverStream: (method, request, context) => service.serverStream(method, request, context),
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    };
    const served = await serveRemote({ service: blobsOnly });
    ends.push(
      () => runner.release(),
      () => served.close(),
    );
    const { code, err } = await runThere(['--', 'true'], served.endpoint);
    expect([code, err]).toEqual([
      125,
      `error: --remote: ${served.endpoint} keeps blobs, but runs no commands\n`,
    ]);
  });
});

test.for([
  [
    ['--remote', 'http://localhost:1', '--', 'true'],
    /--remote: expected grpc:\/\/HOST:PORT or grpcs:.* got "http:/,
  ],
  [['--remote', 'grpc://x:1', '--cwd', '/', '--', 'true'], /--cwd: only without --remote/],
  [['--remote', 'grpc://x:1', '--fresh-dir', '--', 'true'], /--fresh-dir: only without --remote/],
  [['--remote', 'grpc://x:1', '--stdin', 'inherit', '--', 'true'], /--stdin: only without --remote/],
  [['--input', '.', '--', 'true'], /--input: only with --remote/],
  [['--token-file', 'x', '--', 'true'], /--token-file: only with --remote/],
  [['--retries', '0', '--', 'true'], /--retries: only with --remote/],
  [
    ['--remote', 'grpc://x:1', '--token-file', '/no/such', '--', 'true'],
    /--token-file: \/no\/such cannot be read/,
  ],
  [
    ['--remote', 'grpc://x:1', '--output', '../x', '--', 'true'],
    /--output: expected a path below .* got \.\.\/x/,
  ],
  [
    ['--remote', 'grpc://x:1', '--output', './a/b/', '--output', 'c', '--output', 'a', '--', 'true'],
    /--output: a\/b is in a, which brings it back too/,
  ],
  [['--remote', 'grpc://x:1', '--output', '/x', '--', 'true'], /--output: expected a path below/],
  [['--remote', 'grpc://x:1', '--output', '.', '--', 'true'], /--output: expected a path below/],
  [['--remote', 'grpc://x:1', '--output', '', '--', 'true'], /--output: expected a path below .*, got ""/],
  [['--remote', 'grpc://127.0.0.1:1', '--env', '=x', '--', 'true'], /--env: expected NAME=VALUE .*, got =x/],
  [
    ['--remote', 'grpc://127.0.0.1:1', '--platform', 'x', '--', 'true'],
    /--platform: expected NAME=VALUE, got x/,
  ],
  [
    ['--remote', 'grpc://127.0.0.1:1', '--input', '/no/such', '--', 'true'],
    /--input: expected a folder at \/no\/such: there is nothing/,
  ],
  [['--remote', '', '--', 'true'], /--remote: expected grpc:.*, got ""/],
  [
    ['--remote', 'grpc://127.0.0.1:', '--', 'true'],
    /--remote: expected grpc:.*, got "grpc:\/\/127.0.0.1:"$/m,
  ],
  [
    ['--remote', 'grpc://a.b:1/main', '--', 'true'],
    /--remote: expected grpc:.*, got "grpc:\/\/a\.b:1\/main"; an instance of the cluster is named by --instance NAME$/m,
  ],
  [
    ['--remote', 'grpc://a.b/', '--', 'true'],
    /--remote: expected a port, as in grpc:\/\/a\.b:8980, got "grpc:\/\/a\.b\/"$/m,
  ],
  [
    ['--remote', 'grpc://a:70000', '--', 'true'],
    /--remote: expected a port from 1 to 65535, got "grpc:\/\/a:70000"$/m,
  ],
  [
    ['--remote', 'grpc://x:1', '--token-file', '', '--', 'true'],
    /--token-file: expected the name .*, got ""/,
  ],
  [
    ['--remote', 'grpc://x:1', '--tls-ca', 'x', '--', 'true'],
    /--tls-ca: only with grpcs:.* with grpc:\/\/x:1/,
  ],
] as const)('wrong usage says what was expected: %o', async ([args, text]) => {
  const { code, out, err } = await run('exec', ...args);
  expect(err).toMatch(text);
  expect(err).toMatch(/^error: [^\n]*\n$/);
  expect([code, out]).toEqual([125, '']);
});

test.for([
  ['--env', 'NO_SUCH_VARIABLE', '--env: NO_SUCH_VARIABLE is not set here'],
  ['--env', '=x', '--env: expected NAME=VALUE or NAME, got =x'],
  ['--env', '', '--env: expected NAME=VALUE or NAME, got ""'],
  ['--platform', '', '--platform: expected NAME=VALUE, got ""'],
  ['--input', '', '--input: expected a folder, got ""'],
  ['--platform', 'OSFamily', '--platform: expected NAME=VALUE, got OSFamily'],
] as const)('%s %s is refused', async ([option, value, text]) => {
  const { code, err } = await runThere([option, value, '--', 'true']);
  expect([code, err]).toEqual([125, `error: ${text}\n`]);
});
