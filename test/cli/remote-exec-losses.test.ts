// What `dryrunner exec --remote` says when a cluster loses something, or is lost itself.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { serveRemote } from '../../src/host/remote/grpc-server.ts';
import { REMOTE_METHODS as M } from '../../src/remote/methods.ts';
import { type RemoteService, RpcError } from '../../src/remote/rpc.ts';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from '../host/remote/small-disk.ts';
import { startIn } from './command.ts';
import { remoteLab } from './remote-lab.ts';

const lab = remoteLab();
const { ends, startThere, runThere } = lab;

/** The cluster of all tests behind a server that does some calls otherwise; gives its URL. */
async function behind(changed: Partial<RemoteService>): Promise<string> {
  const { service } = lab.cluster;
  const served = await serveRemote({
    service: {
      unary: (method, request, context) => service.unary(method, request, context),
      serverStream: (method, request, context) => service.serverStream(method, request, context),
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
      ...changed,
    },
  });
  ends.push(() => served.close(0));
  return served.endpoint;
}

describe('what a command has printed is lost', () => {
  const losing = (): Promise<string> =>
    behind({
      serverStream: (method, request, context) => {
        if (method.path === M.read.path) throw new RpcError('NOT_FOUND', 'evicted');
        return lab.cluster.service.serverStream(method, request, context);
      },
    });

  test('although it ended with 0: that is a failure of ours', async () => {
    const { code, out, err } = await runThere(await losing(), '--', 'sh', '-c', 'echo x >&2');
    expect([code, out]).toEqual([125, '']);
    expect(err).toContain('output lost: stderr could not be fetched in full: evicted\n');
    expect(err).toMatch(
      /COMPLETE 0\nerror: the command ended with 0, but not all that it printed has come back; run it again\n$/,
    );
  });

  test('and it has failed: its own exit code says more', async () => {
    const { code, err } = await runThere(await losing(), '--', 'sh', '-c', 'echo x; exit 3');
    expect(code).toBe(3);
    expect(err).toContain('output lost: stdout could not be fetched in full: evicted\n');
    expect(err).toMatch(/COMPLETE 3\n$/);
  });
});

test.for([
  ['a file', 'echo x > out'],
  ['a folder', 'mkdir out; echo x > out/file'],
] as const)('an output that the cluster has lost, %s, is asked for again', async ([, script]) => {
  const endpoint = await behind({
    serverStream: (method, request, context) => {
      if (method.path === M.read.path) throw new RpcError('NOT_FOUND', 'evicted');
      return lab.cluster.service.serverStream(method, request, context);
    },
  });
  const { code, err } = await runThere(endpoint, '--output', 'out', '--', 'sh', '-c', script);
  expect(code).toBe(125);
  expect(err).toMatch(/\nerror: --output: out: evicted; run the command again\n$/);
});

test.for(['0', '1'])('an output is read again --retries %s times, and a line says why', async (retries) => {
  const script = 'echo x > out';
  let reads = 0;
  const endpoint = await behind({
    serverStream: (method, request, context) => {
      if (method.path !== M.read.path) return lab.cluster.service.serverStream(method, request, context);
      reads += 1;
      throw new RpcError('UNAVAILABLE', `busy\n${reads}`);
    },
  });
  const options = ['--retries', retries, '--output', 'out'];
  const { code, err } = await runThere(endpoint, ...options, '--', 'sh', '-c', script);
  expect(code).toBe(125);
  const again = 'Read(blob 73cb3858) is tried again: UNAVAILABLE: busy\\n1\n';
  const lines =
    retries === '0' ? 'error: --output: out: busy\\n1\n' : `${again}error: --output: out: busy\\n2\n`;
  expect(err.slice(err.indexOf('COMPLETE 0\n'))).toBe(`COMPLETE 0\n${lines}`);
});

test('an output that is not there, or has no room, is one line whatever its name', async () => {
  const { endpoint } = lab.cluster;
  const { code, err } = await runThere(endpoint, '--output', 'a\nb', '--', 'true');
  expect(code).toBe(125);
  expect(err).toMatch(/\nerror: --output: a\\nb: expected a file, directory or link, got nothing\n$/);
  mkdirSync(join(lab.dir, 'out'));
  const other = await runThere(endpoint, '--output', 'out', '--', 'sh', '-c', 'echo x > out');
  expect(other.code).toBe(125);
  expect(other.err).toContain(
    `\nerror: --output: out: expected no folder at ${join(lab.dir, 'out')}, got one\n`,
  );
  expect(readdirSync(lab.dir)).toEqual(['out']);
});

describe.runIf(smallDiskMissingBecause === undefined)(titledForSmallDisk('on a full disk here'), () => {
  test.for([
    ['a folder', 'mkdir out; head -c 1000000 /dev/zero > out/f'],
    ['a file', 'head -c 1000000 /dev/zero > out'],
  ] as const)('%s for which there is no room says so, and leaves nothing', async ([, script]) => {
    const disk = new SmallDisk(64);
    ends.push(() => disk.remove());
    const args = ['--remote', lab.cluster.endpoint, '--output', 'out', '--', 'sh', '-c'];
    const { code, err } = await startIn(disk.dir, 'exec', ...args, script).finished;
    expect(code).toBe(125);
    expect(err).toMatch(/\nerror: --output: out: no space left on device\n$/);
    expect(readdirSync(disk.dir)).toEqual([]);
  });
});

test('an output below a file of this machine names that file', async () => {
  writeFileSync(join(lab.dir, 'out'), '');
  const script = 'mkdir out; echo x > out/f';
  const { code, err } = await runThere(lab.cluster.endpoint, '--output', 'out/f', '--', 'sh', '-c', script);
  expect(code).toBe(125);
  expect(err).toMatch(/\nerror: --output: out\/f: file already exists: .*\/out\n$/);
});

test('what a server says stays on its line', async () => {
  const text = 'no\n  1 ms  COMPLETE 0\u2028\u202e\u001b[2J';
  const denied = await behind({ unary: () => Promise.reject(new RpcError('PERMISSION_DENIED', text)) });
  const shown = 'no\\n  1 ms  COMPLETE 0\\u2028\\u202e\\u001b[2J';
  expect((await runThere(denied, '--', 'true')).err).toBe(
    `error: --token-file: ${denied} does not let you in: ${shown}\n`,
  );
  const failing = await behind({
    serverStream: () => {
      throw new RpcError('INTERNAL', text);
    },
  });
  const { code, err } = await runThere(failing, '--', 'true');
  expect(code).toBe(125);
  expect(err).toContain(shown);
  expect(err.trimEnd().split('\n')).toHaveLength(2);
  const losing = await behind({
    serverStream: (method, request, context) => {
      if (method.path === M.read.path) throw new RpcError('NOT_FOUND', text);
      return lab.cluster.service.serverStream(method, request, context);
    },
  });
  expect((await runThere(losing, '--', 'echo', 'x')).err).toContain(
    `output lost: stdout could not be fetched in full: ${shown}\n`,
  );
});

test('Ctrl-C while outputs are brought back ends that, and cancels no action, for it has ended', async () => {
  const asked = vi.fn();
  const endpoint = await behind({
    async *serverStream(method, request, context) {
      if (method.path === M.read.path) {
        asked();
        await once(context.signal, 'abort');
      }
      yield* lab.cluster.service.serverStream(method, request, context);
    },
  });
  const started = startThere(endpoint, '--output', 'out', '--', 'sh', '-c', 'echo x > out');
  await vi.waitFor(() => expect(asked).toHaveBeenCalled(), { timeout: 30_000 });
  started.child.kill('SIGINT');
  const { code, err } = await started.finished;
  expect(code).toBe(130);
  expect(err).not.toContain('cancelling the action');
});

test('a cluster that is lost while the action runs there is a failure that says so', async () => {
  const endpoint = await behind({});
  const started = startThere(endpoint, '--', 'sleep', '98125');
  await started.prints('RUNNING');
  await ends.splice(0)[0]?.();
  const { code, err } = await started.finished;
  expect(code).toBe(125);
  expect(err).toMatch(
    /FAILED 250 {2}the server is unavailable: connect ECONNREFUSED [\d.:]+; the action may still be under way there as operations\/\S+\n$/,
  );
});

describe('a signal', () => {
  test('while the cluster does not end the action: the second one ends it at once', async () => {
    const endpoint = await behind({
      unary: (method, request, context) =>
        method.path === M.cancelOperation.path
          ? new Promise((_resolve, reject) => {
              context.signal.addEventListener('abort', () => reject(new RpcError('CANCELLED', 'gone')));
            })
          : lab.cluster.service.unary(method, request, context),
    });
    const started = startThere(endpoint, '--', 'sleep', '98126');
    await started.prints('RUNNING');
    started.child.kill('SIGINT');
    await started.prints('Ctrl-C again ends this command without waiting');
    started.child.kill('SIGINT');
    const { code, err } = await started.finished;
    expect([code, err]).toEqual([130, expect.not.stringContaining('ABORTED')]);
  });

  const SIGNALS = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const;

  const readTitle = existsSync('/proc/self/fd')
    ? 'while --input is read: %s ends it with %i'
    : 'while --input is read is not tried, because only /proc says when that begins: %s %i';
  test.skipIf(!existsSync('/proc/self/fd')).for(SIGNALS)(readTitle, async ([signal, expected]) => {
    const large = join(lab.dir, 'in/large');
    mkdirSync(join(lab.dir, 'in'));
    writeFileSync(large, '');
    // It holds nothing, and takes a minute to read.
    truncateSync(large, 64 * 1024 ** 3);
    const started = startThere(lab.cluster.endpoint, '--input', 'in', '--', 'true');
    await vi.waitFor(() => expect(openFilesOf(started.child.pid)).toContain(large), { timeout: 60_000 });
    started.child.kill(signal);
    expect(await started.finished).toEqual({
      code: expected,
      out: '',
      err: 'interrupted while in was read\n',
    });
  });

  test.for(SIGNALS)('while --input is uploaded: %s ends it with %i', async ([signal, expected]) => {
    mkdirSync(join(lab.dir, 'in'));
    writeFileSync(join(lab.dir, 'in/large'), Buffer.alloc(3_000_000, 7));
    const written = vi.fn();
    const endpoint = await behind({
      clientStream: (_method, _requests, context) => {
        written();
        return new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(new RpcError('CANCELLED', 'gone')));
        });
      },
    });
    const started = startThere(endpoint, '--input', 'in', '--', 'true');
    await vi.waitFor(() => expect(written).toHaveBeenCalled(), { timeout: 60_000 });
    started.child.kill(signal);
    const { code, err } = await started.finished;
    expect([code, err]).toEqual([expected, expect.stringMatching(/ABORTED\n$/)]);
  });
});

/** Of a process, where the system says so. */
function openFilesOf(pid: number | undefined): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).map((name) => {
    try {
      return readlinkSync(join(folder, name));
    } catch {
      return '';
    }
  });
}

test.for([
  ['0', 1],
  ['1', 2],
] as const)(
  '--retries %s executes a command that the cluster loses %d times at most',
  async ([retries, times]) => {
    const executed = vi.fn();
    const endpoint = await behind({
      serverStream: (method, request, context) => {
        if (method.path !== M.execute.path) return lab.cluster.service.serverStream(method, request, context);
        executed();
        throw new RpcError('UNAVAILABLE', 'the worker is gone');
      },
    });
    const { code, err } = await runThere(endpoint, '--retries', retries, '--', 'true');
    expect(code).toBe(125);
    expect(err).toMatch(/FAILED 250 {2}.*the worker is gone/);
    expect(executed).toHaveBeenCalledTimes(times);
  },
);

test('a command that waits behind others until --timeout and the time after it is reported as not started', async () => {
  const endpoint = await behind({
    async *serverStream(method, request, context) {
      if (method.path !== M.execute.path) {
        yield* lab.cluster.service.serverStream(method, request, context);
        return;
      }
      await once(context.signal, 'abort');
    },
  });
  const { code, err } = await runThere(endpoint, '--timeout', '1ms', '--', 'true');
  expect(code).toBe(124);
  expect(err).toMatch(/TIMEDOUT\nthe cluster has reported no start of the command: it waited, [^\n]*\n$/);
});
