// A remote runner over real connections, behind a proxy that breaks off the streams on which it watches an action.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import http2, { constants, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveBuildCluster } from '../../../src/host/remote/build-cluster.ts';
import { connectRemote } from '../../../src/host/remote/grpc-transport.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { REMOTE_METHODS as M } from '../../../src/remote/methods.ts';
import { createRemoteRunner } from '../../../src/remote/remote-runner.ts';

const ends: (() => unknown)[] = [];
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dryrunner-reset-'));
  ends.push(() => rmSync(dir, { recursive: true }));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** What a proxy does with a stream to its client, once it has passed on `after` pieces of the answer. */
interface Break {
  readonly path: string;
  readonly after: number;
  readonly act: (stream: ServerHttp2Stream) => void;
}

/** A proxy for HTTP/2, whose first streams are broken as planned, each break once; `seen` gets all paths. */
async function serveProxy(endpoint: string, breaks: Break[], seen: (path: string) => void): Promise<string> {
  const far = http2.connect(endpoint.replace('grpc', 'http'));
  const proxy = http2.createServer();
  proxy.on('stream', (near, headers) => {
    const path = headers[':path'] ?? '';
    seen(path);
    const stream = far.request(headers, { endStream: false });
    const planned = breaks.findIndex((each) => each.path === path);
    const [plan] = planned < 0 ? [] : breaks.splice(planned, 1);
    let passed = 0;
    const breakOff = (): void => {
      stream.close(constants.NGHTTP2_CANCEL);
      plan?.act(near);
    };
    for (const each of [near, stream]) each.on('error', () => undefined);
    near.on('close', () => stream.close(constants.NGHTTP2_CANCEL));
    near.pipe(stream);
    stream.on('response', (answer) => {
      if (plan?.after === 0) breakOff();
      else if (!near.destroyed) near.respond(answer, { waitForTrailers: true });
    });
    near.on('wantTrailers', () => near.close());
    stream.on('trailers', (trailers) => {
      near.removeAllListeners('wantTrailers');
      near.on('wantTrailers', () => near.sendTrailers(trailers));
    });
    stream.on('data', (bytes: Buffer) => {
      if (near.destroyed) return;
      near.write(bytes);
      passed += 1;
      if (passed === plan?.after) breakOff();
    });
    stream.on('end', () => near.end());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  ends.push(() => {
    far.destroy();
    proxy.close();
  });
  return `grpc://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

const { NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } = constants;
const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INADEQUATE_SECURITY, NGHTTP2_PROTOCOL_ERROR } = constants;
const WAYS: readonly (readonly [string, Break['act']])[] = [
  ['with no error', (stream) => stream.close(NGHTTP2_NO_ERROR)],
  ['with an internal error', (stream) => stream.close(NGHTTP2_INTERNAL_ERROR)],
  ['with a protocol error', (stream) => stream.close(NGHTTP2_PROTOCOL_ERROR)],
  ['as refused', (stream) => stream.close(NGHTTP2_REFUSED_STREAM)],
  ['as cancelled', (stream) => stream.close(NGHTTP2_CANCEL)],
  ['to calm the client', (stream) => stream.close(NGHTTP2_ENHANCE_YOUR_CALM)],
  ['as not secure', (stream) => stream.close(NGHTTP2_INADEQUATE_SECURITY)],
  ['with its connection', (stream) => stream.session?.destroy()],
];

/** Which watch is broken off after how many answers. */
const PLACES: readonly (readonly [string, readonly Omit<Break, 'act'>[]])[] = [
  ['before the first answer', [{ path: M.execute.path, after: 0 }]],
  [
    'after an answer, and then before the first one',
    [
      { path: M.execute.path, after: 1 },
      { path: M.waitExecution.path, after: 0 },
    ],
  ],
  [
    'after an answer, and again',
    [
      { path: M.execute.path, after: 1 },
      { path: M.waitExecution.path, after: 1 },
    ],
  ],
];

test.for(WAYS.flatMap(([way, act]) => PLACES.map(([where, places]) => [way, where, places, act] as const)))(
  'R203 an action whose watch is broken off %s, %s, is carried out once, and its result comes',
  async ([, , places, act]) => {
    const cluster = await serveBuildCluster({ jobs: 1 });
    ends.push(() => cluster.close());
    const paths: string[] = [];
    const [started, mayEnd] = [join(dir, 'started'), join(dir, 'may-end')];
    const breaks = places.map((place) => ({ ...place, act }));
    const endpoint = await serveProxy(cluster.endpoint, breaks, (path) => {
      paths.push(path);
      // The action outlives all breaks, and ends when it is watched again.
      if (breaks.length === 0 && !existsSync(mayEnd)) writeFileSync(mayEnd, '');
    });
    const transport = await connectRemote({ endpoint });
    ends.push(() => transport.close());
    const runner = createRemoteRunner(realWorld(), { transport });
    ends.push(() => runner.release());
    const script = 'echo once >> "$0"; while [ ! -e "$1" ]; do sleep 0.05; done; exit 3';
    const { runId } = await runner.run({ argv: ['/bin/sh', '-c', script, started, mayEnd] });
    const { status } = await finalStatus(runner, runId);
    expect([status.state, status.exitCode, status.error]).toEqual(['COMPLETE', 3, '']);
    expect(readFileSync(started, 'utf8')).toBe('once\n');
    expect(paths.filter((path) => path === M.cancelOperation.path)).toEqual([]);
  },
);

// What is refused was not taken by the server, and gRPC itself calls again.
test.for(WAYS.filter(([way]) => way !== 'as refused'))(
  'R98 an action may have been started whose call is broken off %s before the first answer',
  async ([, act]) => {
    const cluster = await serveBuildCluster({ jobs: 1 });
    ends.push(() => cluster.close());
    const endpoint = await serveProxy(
      cluster.endpoint,
      [{ path: M.execute.path, after: 0, act }],
      () => undefined,
    );
    const transport = await connectRemote({ endpoint });
    ends.push(() => transport.close());
    const runner = createRemoteRunner(realWorld(), { transport, retriesMax: 0 });
    ends.push(() => runner.release());
    const { runId } = await runner.run({ argv: ['/bin/true'] });
    const { status } = await finalStatus(runner, runId);
    expect([status.state, status.exitCode]).toEqual(['FAILED', 250]);
    expect(status.error).toMatch(
      /^the server is unavailable: .* whether it has started the action is not known$/,
    );
  },
);
