import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { connect, createServer, Server } from 'node:net';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';
import type { LocalOutputs } from '../../../src/host/outputs/local-output.ts';
import { createOutputServer } from '../../../src/host/outputs/output-server.ts';
import type { OutputServer } from '../../../src/host/outputs/output-server.ts';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let root: string;
let outputs: LocalOutputs;
let server: OutputServer;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dryrunner-test-'));
  outputs = createLocalOutputs({ dir: join(root, 'outputs') });
  server = await createOutputServer(outputs);
});
afterEach(async () => {
  await server.close();
  await outputs.dispose();
  await rm(root, { recursive: true, force: true });
});

/** Which files below the test's root are open in this process. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(root) ? [target] : [];
    } catch {
      return [];
    }
  });
}

async function begin(path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const sent = request({ host: '127.0.0.1', port: server.port, path, ...options });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

/** Sends the path as it is: `fetch` would tidy it up first. */
async function ask(path: string, options: RequestOptions = {}): Promise<Answer> {
  const answer = await begin(path, options);
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: Buffer.concat(parts).toString('latin1'),
  };
}

async function outputWith(id: string, content: string): Promise<void> {
  const output = await outputs.create(id);
  await output.write(content);
  await output.close();
}

describe('which requests the output server answers', () => {
  const asked = async (headers: Record<string, string>, path = '/stdout?content=true'): Promise<Answer> =>
    ask(path, { headers });

  test.for([
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '[::2]',
    '127.0.0.1@evil.example',
    'x y',
  ])(
    'R164 a request to %j is refused: a foreign name may resolve to this address, and its page would read the reply',
    async (host) => {
      await outputWith('stdout', 'SECRET');
      for (const path of ['/', '/stdout', '/stdout?content=true', '/nothing']) {
        const answer = await asked({ Host: host }, path);
        expect([answer.status, answer.body]).toEqual([421, 'This server is not reached by that name\n']);
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      }
      expect(openFiles()).toEqual([]);
    },
  );

  test('R164 a request without a host is refused', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.end('GET / HTTP/1.0\r\n\r\n');
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    expect(Buffer.concat(parts).toString()).toMatch(/^HTTP\/1\.1 421 /);
  });

  test('R164 its own names, however written, and those that it was given are answered', async () => {
    await outputWith('stdout', 'x');
    const own = ['127.0.0.1', '127.1:1', 'localhost', 'LOCALHOST:99', 'localhost.'];
    for (const host of own) expect((await asked({ Host: host })).status).toBe(200);
    const other = await createOutputServer(outputs, { hostNames: ['Logs.Example', '10.1.2.3', 'fe80::1'] });
    for (const host of [...own, 'logs.example:8080', '10.1.2.3', '[fe80:0::1]:1']) {
      const { status } = await ask('/stdout', { port: other.port, headers: { Host: host } });
      expect([host, status]).toEqual([host, 200]);
    }
    await other.close();
  });

  test('R164 when listening on all addresses, any of them and the name of the machine are answered', async () => {
    await outputWith('stdout', 'x');
    const other = await createOutputServer(outputs, { host: '0.0.0.0' });
    const addresses = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .map(({ address, family }) => (family === 'IPv6' ? `[${address.replace(/%.*/, '')}]` : address));
    for (const [host, expected] of [
      ...[...addresses, 'localhost', hostname()].map((name) => [name, 200] as const),
      ['evil.example', 421],
      ['192.0.2.1', 421],
    ] as const) {
      const { status } = await ask('/stdout', { port: other.port, headers: { Host: host } });
      expect([host, status]).toEqual([host, expected]);
    }
    await other.close();
  });

  test('R163 R164 the listing serves its own pages, people and programs; content is for all', async () => {
    await outputWith('stdout', 'x');
    const own = `127.0.0.1:${server.port}`;
    const refused: Record<string, string>[] = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: `https://${own}` },
      { Origin: `http://127.0.0.1:${server.port + 1}` },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' },
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' },
      { Origin: 'https://evil.example', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
    ];
    for (const headers of refused) {
      for (const path of ['/', '//', '/?content=true']) {
        const answer = await asked({ Host: own, ...headers }, path);
        expect([headers, answer.status, answer.body]).toEqual([
          headers,
          403,
          'Only pages of this server may ask for that\n',
        ]);
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      }
      const content = await asked({ Host: own, ...headers });
      expect([content.status, content.headers['access-control-allow-origin']]).toEqual([200, '*']);
    }
    for (const headers of [
      {},
      { Origin: `http://${own}`, 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
    ] as Record<string, string>[]) {
      const answer = await asked({ Host: own, ...headers }, '/');
      expect([answer.status, answer.headers['cross-origin-resource-policy']]).toEqual([200, 'same-origin']);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    }
  });
});

describe('how the output server can be configured', () => {
  test.for([
    { host: 5 },
    { host: '' },
    { host: 'a b' },
    { host: '/tmp/socket' },
    { host: 'a\0' },
    { host: Symbol('x') },
    { port: 'x' },
    { port: '/tmp/socket' },
    { port: -1 },
    { port: 65_536 },
    { port: 0.5 },
    { port: Number.NaN },
    { port: null },
    { basePath: 5 },
    { basePath: '/a?b' },
    { basePath: '/a#b' },
    { basePath: '/a\n' },
    { hostNames: 'x' },
    { hostNames: [5] },
    { hostNames: ['a/b'] },
    { hostNames: [''] },
  ] as const)('not with the options %o: nothing listens then', async (options) => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    try {
      await expect(createOutputServer(outputs, options as never)).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringMatching(/^(host|port|basePath|hostNames(\[0\])?): expected /),
      });
      expect(listen).not.toHaveBeenCalled();
    } finally {
      listen.mockRestore();
    }
  });

  test.for([{}, { find: () => undefined, create: () => undefined }, createServer()] as const)(
    'not for anything but local outputs',
    async (wrong) => {
      await expect(createOutputServer(wrong as never)).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
      });
    },
  );
});
