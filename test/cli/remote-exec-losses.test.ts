// What `dryrunner exec --remote` says when a cluster loses something, or is lost itself.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BuildCluster, serveBuildCluster } from '../../src/host/remote/build-cluster.ts';
import { serveRemote } from '../../src/host/remote/grpc-server.ts';
import { REMOTE_METHODS as M } from '../../src/remote/methods.ts';
import { type RemoteService, RpcError } from '../../src/remote/rpc.ts';
import { type Finished, type Started, startIn } from './command.ts';

let cluster: BuildCluster;
let dir: string;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  cluster = await serveBuildCluster({ jobs: 2 });
});
afterAll(() => cluster.close());
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'remote-losses-')));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(dir, { recursive: true, force: true });
});

function startThere(endpoint: string, ...args: readonly string[]): Started {
  return startIn(dir, 'exec', '--remote', endpoint, ...args);
}

function runThere(endpoint: string, ...args: readonly string[]): Promise<Finished> {
  return startThere(endpoint, ...args).finished;
}

/** The cluster of all tests behind a server that does some calls otherwise; gives its URL. */
async function behind(changed: Partial<RemoteService>): Promise<string> {
  const { service } = cluster;
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
        return cluster.service.serverStream(method, request, context);
      },
    });

  test('although it ended with 0: that is a failure of ours', async () => {
    const { code, out, err } = await runThere(await losing(), '--', 'sh', '-c', 'echo x >&2');
    expect([code, out]).toEqual([125, '']);
    expect(err).toContain('output lost: not all of stderr could be fetched: evicted\n');
    expect(err).toMatch(
      /COMPLETE 0\nerror: the command ended with 0, but not all that it printed has come back\n$/,
    );
  });

  test('and it has failed: its own exit code says more', async () => {
    const { code, err } = await runThere(await losing(), '--', 'sh', '-c', 'echo x; exit 3');
    expect(code).toBe(3);
    expect(err).toContain('output lost: not all of stdout could be fetched: evicted\n');
    expect(err).toMatch(/COMPLETE 3\n$/);
  });
});
