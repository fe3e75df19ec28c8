import { execFileSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions, Server } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';
import type { LocalOutput } from '../../../src/host/outputs/local-output-file.ts';
import type { LocalOutputs } from '../../../src/host/outputs/local-output.ts';
import {
  createOutputServer,
  type OutputServer,
  parseRange,
} from '../../../src/host/outputs/output-server.ts';

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

async function eventually(what: () => boolean): Promise<void> {
  while (!what()) await setTimeout(5);
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

async function outputWith(id: string, content: string): Promise<LocalOutput> {
  const output = await outputs.create(id);
  await output.write(content);
  await output.close();
  return output;
}

describe('what the output server finds', () => {
  test('R163 an output is reachable by id, the latest creation winning, and by file name', async () => {
    const first = await outputWith('stdout', 'one');
    const second = await outputWith('stdout', 'two');
    const bodies = async (...keys: string[]): Promise<string[]> =>
      Promise.all(keys.map(async (key) => (await ask(`/${key}?content=true`)).body));
    expect(await bodies('stdout', first.name, second.name)).toEqual(['two', 'one', 'two']);
    await writeFile(join(outputs.dir, 'left-over'), 'of an earlier process');
    expect(await bodies('left-over')).toEqual(['of an earlier process']);
  });

  test('R163 the base path lists the files', async () => {
    expect(await ask('/')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
    });
    const output = await outputWith('<b>&"x', '');
    await mkdir(join(outputs.dir, 'sub'));
    await symlink('/etc/passwd', join(outputs.dir, 'link'));
    const { body } = await ask('/');
    expect(body.match(/<li>.*<\/li>/g)).toEqual([
      `<li><a href="/${encodeURIComponent(output.name)}">&lt;b&gt;&amp;&quot;x${output.name.slice(6)}</a></li>`,
    ]);
    const href = /href="([^"]*)"/.exec(body)?.[1] ?? '';
    expect((await ask(`${href}?content=true`)).status).toBe(200);
  });

  test('R163 unknown is 404, gone is 410, unopenable is 500', async () => {
    expect(await ask('/nothing')).toMatchObject({ status: 404, body: 'Unrecognized path\n' });
    const output = await outputWith('stdout', 'x');
    await rm(output.path);
    for (const key of ['stdout', output.name]) {
      expect(await ask(`/${key}`)).toMatchObject({ status: 410, body: 'The file is gone\n' });
      expect(await ask(`/${key}?content=true`)).toMatchObject({ status: 410 });
    }
    await mkdir(output.path);
    expect((await ask('/stdout')).status).toBe(410);
    await rm(outputs.dir, { recursive: true });
    await writeFile(outputs.dir, '');
    expect(await ask('/stdout')).toMatchObject({ status: 500, body: 'The file cannot be opened\n' });
    expect(await ask('/')).toMatchObject({ status: 500, body: 'The folder cannot be read\n' });
    await rm(outputs.dir);
    expect(openFiles()).toEqual([]);
  });

  test('R163 R167 D87 a dropped output is not known any more', async () => {
    const output = await outputWith('stdout', 'x');
    await outputs.drop(output.uri);
    expect([(await ask('/stdout')).status, (await ask(`/${output.name}`)).status]).toEqual([404, 404]);
  });

  test.for([
    '/../secret',
    '/..%2fsecret',
    '/%2e%2e%2fsecret',
    '/%2e%2e/secret',
    '/..%5csecret',
    '/....//secret',
    '/%2fetc%2fpasswd',
    '//etc/passwd',
    '/sub/inner',
    '/sub%2finner',
    '/sub',
    '/fifo',
    '/link',
    '/linked-dir',
    '/linked-dir%2fsecret',
    '/.',
    '/..',
    '/%00',
    '/secret%00',
    '/%ed%a0%80',
    `/${'x'.repeat(300)}`,
    'http://127.0.0.1/secret',
    '*',
  ])('R163 R164 %s reaches nothing outside the folder', async (path) => {
    await writeFile(join(root, 'secret'), 'SECRET');
    await mkdir(join(outputs.dir, 'sub'), { recursive: true });
    await writeFile(join(outputs.dir, 'sub', 'inner'), 'SECRET');
    await symlink(join(root, 'secret'), join(outputs.dir, 'link'));
    await symlink(root, join(outputs.dir, 'linked-dir'));
    execFileSync('mkfifo', [join(outputs.dir, 'fifo')]);
    for (const query of ['', '?content=true']) {
      const answer = await ask(`${path}${query}`);
      expect([400, 404]).toContain(answer.status);
      expect(answer.body).not.toMatch(/SECRET|root:/);
    }
    expect(openFiles()).toEqual([]);
  });

  test('R163 R164 the file of a known output that became a link is not followed', async () => {
    await writeFile(join(root, 'secret'), 'SECRET');
    const output = await outputWith('stdout', 'x');
    await rm(output.path);
    await symlink(join(root, 'secret'), output.path);
    expect((await ask('/stdout?content=true')).status).toBe(410);
  });

  test('R162 R163 D85 the URI of an output leads to it, whatever slashes the base has', async () => {
    for (const slashes of ['', '/', '//']) {
      const linked = createLocalOutputs({ dir: outputs.dir, httpBaseUrl: `${server.url}${slashes}` });
      const output = await linked.create('a b?#é');
      await output.write('here');
      await output.close();
      const other = await createOutputServer(linked, { basePath: slashes });
      const uri = output.uri.replace(`:${server.port}`, `:${other.port}`);
      expect(await (await fetch(`${uri}&content=true`)).text()).toBe('here');
      expect(await (await fetch(`${uri.replace('/a%20b', '//a%20b')}&content=true`)).text()).toBe('here');
      await other.close();
    }
  });

  test('R163 outputs can lie below a base path', async () => {
    await outputWith('stdout', 'x');
    for (const basePath of ['logs/of', '/logs/of', '/logs/of/']) {
      const other = await createOutputServer(outputs, { basePath });
      expect(other.url).toBe(`http://127.0.0.1:${other.port}/logs/of`);
      const status = async (path: string): Promise<number | undefined> =>
        (await ask(path, { port: other.port })).status;
      expect(await Promise.all(['/logs/of', '/logs/of/', '/logs/of/stdout'].map(status))).toEqual([
        200, 200, 200,
      ]);
      expect(await Promise.all(['/', '/stdout', '/logs/ofstdout'].map(status))).toEqual([404, 404, 404]);
      expect((await ask('/logs/of', { port: other.port })).body).toContain('href="/logs/of/stdout-');
      await other.close();
    }
  });

  test.each([
    ['/build logs/é', '/build%20logs/%C3%A9', ['/build%20logs/%c3%a9', '/%62uild%20logs/%C3%A9']],
    ['/build%20logs', '/build%20logs', []],
    ['/a[b]', '/a%5Bb%5D', ['/a[b]']],
    ['/100%/%ff', '/100%25/%25ff', []],
    ['/what%3F', '/what%3F', []],
  ])('R163 the base path %j becomes a URL, %s', async (basePath, path, others) => {
    await outputWith('stdout', 'x');
    const other = await createOutputServer(outputs, { basePath });
    expect(other.url).toBe(`http://127.0.0.1:${other.port}${path}`);
    for (const way of [path, ...others]) {
      expect((await ask(`${way}/stdout?content=true`, { port: other.port })).body).toBe('x');
    }
    const listing = (await ask(path, { port: other.port })).body;
    expect(listing).toContain(`href="${path}/stdout-`);
    expect(await (await fetch(`${other.url}/stdout?content=true`)).text()).toBe('x');
    expect((await ask(`${path}x/stdout`, { port: other.port })).status).toBe(404);
    await other.close();
  });

  test('a base path that no URL can have is refused', async () => {
    await expect(createOutputServer(outputs, { basePath: '/\ud800' })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
  });
});

describe('what the output server answers', () => {
  test('R164 content is uncached bytes with range support; both answers name the file to all origins', async () => {
    const { path } = await outputWith('stdout', '0123456789');
    const common = { 'access-control-allow-origin': '*', 'x-resource-id': path, 'cache-control': 'no-store' };
    const content = await ask('/stdout?content=true');
    expect(content).toMatchObject({ status: 200, body: '0123456789' });
    expect(content.headers).toMatchObject({
      ...common,
      'accept-ranges': 'bytes',
      'content-length': '10',
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    for (const query of ['', '?content=false', '?file=x']) {
      const page = await ask(`/stdout${query}`);
      expect(page.status).toBe(200);
      expect(page.headers).toMatchObject({ ...common, 'content-type': 'text/html; charset=utf-8' });
      expect(page.body).toContain('<title>stdout</title>');
    }
  });

  test.for([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=2-', 206, '23456789', 'bytes 2-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=9-99', 206, '9', 'bytes 9-9/10'],
    ['BYTES= 1-2 ', 206, '12', 'bytes 1-2/10'],
    ['bytes=10-', 416, 'The range lies outside of the file\n', 'bytes */10'],
    ['bytes=10-12', 416, 'The range lies outside of the file\n', 'bytes */10'],
    ['bytes=-0', 416, 'The range lies outside of the file\n', 'bytes */10'],
    ['bytes=99999999999999999999-', 416, 'The range lies outside of the file\n', 'bytes */10'],
    ['bytes=4-2', 200, '0123456789', undefined],
    ['bytes=-', 200, '0123456789', undefined],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
    ['lines=0-1', 200, '0123456789', undefined],
    ['bytes=a-b', 200, '0123456789', undefined],
  ] as const)('R164 the range %s gives %i', async ([range, status, body, contentRange]) => {
    await outputWith('stdout', '0123456789');
    const answer = await ask('/stdout?content=true', { headers: { Range: range } });
    expect([answer.status, answer.body, answer.headers['content-range']]).toEqual([
      status,
      body,
      contentRange,
    ]);
    const head = await ask('/stdout?content=true', { method: 'HEAD', headers: { Range: range } });
    expect([head.status, head.body]).toEqual([status, '']);
    if (status !== 416) expect(head.headers['content-length']).toBe(String(body.length));
  });

  test('R164 any range of an empty file lies outside of it', () => {
    expect(['bytes=0-', 'bytes=-1', 'bytes=0-0'].map((range) => parseRange(range, 0))).toEqual([
      'unsatisfiable',
      'unsatisfiable',
      'unsatisfiable',
    ]);
    expect(parseRange(undefined, 0)).toBeUndefined();
  });

  test('R164 R165 HEAD gives the length without a body', async () => {
    await outputWith('stdout', 'héllo');
    const content = await ask('/stdout?content=true', { method: 'HEAD' });
    expect([content.status, content.body, content.headers['content-length']]).toEqual([200, '', '6']);
    const page = await ask('/stdout', { method: 'HEAD' });
    expect([page.status, page.body]).toEqual([200, '']);
  });

  test('R164 a file name that is not ASCII is sent percent-encoded', async () => {
    const output = await outputWith('é%\n', 'x');
    const { headers, status } = await ask(`/${encodeURIComponent('é%\n')}`);
    expect([status, headers['x-resource-id']]).toEqual([
      200,
      join(outputs.dir, `%C3%A9%25%0A${basename(output.path).slice(3)}`),
    ]);
  });

  test('other methods and malformed paths are refused', async () => {
    await outputWith('stdout', 'x');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect(await ask('/stdout', { method })).toMatchObject({
        status: 405,
        headers: { allow: 'GET, HEAD' },
      });
    }
    expect(await ask('/%zz')).toMatchObject({ status: 400, body: 'Malformed path\n' });
    expect(await ask('/%')).toMatchObject({ status: 400 });
  });

  test('R164 a file that grows while being sent is sent at its announced length', async () => {
    const size = 4_000_000;
    const output = await outputWith('stdout', 'x'.repeat(size));
    const answer = await begin('/stdout?content=true');
    await appendFile(output.path, 'y'.repeat(100_000));
    let received = 0;
    for await (const part of answer) received += (part as Buffer).length;
    expect([answer.headers['content-length'], received]).toEqual([String(size), size]);
  });

  test('R164 a file that shrinks while being sent cuts the connection', async () => {
    const output = await outputWith('stdout', 'x'.repeat(30_000_000));
    const answer = await begin('/stdout?content=true');
    await truncate(output.path, 0);
    const received = async (): Promise<number> => {
      let length = 0;
      for await (const part of answer) length += (part as Buffer).length;
      return length;
    };
    await expect(received()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await eventually(() => openFiles().length === 0);
  });
});

describe('what the output server leaves open', () => {
  test('R167 D83 D84 1,000 requests while outputs are made close every file', async () => {
    await outputWith('stdout', 'x'.repeat(200_000));
    const agent = new Agent({ maxSockets: 200 });
    const asked = Array.from({ length: 1000 }, (_, nth) => {
      const path = nth % 3 === 0 ? '/stdout' : nth % 3 === 1 ? '/stdout?content=true' : `/new${nth - 1}`;
      return ask(path, { agent, method: nth % 5 === 0 ? 'HEAD' : 'GET' });
    });
    const made = Array.from({ length: 100 }, (_, nth) => outputWith(`new${nth}`, String(nth)));
    const answers = await Promise.all(asked);
    await Promise.all(made);
    agent.destroy();
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].every((status) => status === 200 || status === 404)).toBe(true);
    expect(answers.every(({ status }, nth) => nth % 3 === 2 || status === 200)).toBe(true);
    // A client has its whole answer before the server has closed the file behind it.
    await eventually(() => openFiles().length === 0);
    expect((await ask('/new42?content=true')).body).toBe('42');
  });

  test('R167 D84 clients that go away in the middle leave no file open', async () => {
    await outputWith('stdout', 'x'.repeat(20_000_000));
    const answers = await Promise.all(Array.from({ length: 20 }, () => begin('/stdout?content=true')));
    expect(openFiles().length).toBe(20);
    for (const answer of answers) answer.destroy();
    await eventually(() => openFiles().length === 0);
    for (let nth = 0; nth < 20; nth += 1) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write('GET /stdout?content=true HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      await setImmediate();
      socket.destroy();
    }
    expect((await ask('/stdout?content=true', { headers: { Range: 'bytes=0-3' } })).body).toBe('xxxx');
    await eventually(() => openFiles().length === 0);
  });

  test('R167 D84 closing the server ends transfers under way', async () => {
    await outputWith('stdout', 'x'.repeat(20_000_000));
    const answer = await begin('/stdout?content=true');
    answer.on('error', () => {});
    await Promise.all([server.close(), server.close()]);
    await eventually(() => openFiles().length === 0);
    await expect(ask('/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('where the output server listens', () => {
  test('on this machine only by default, and a taken port is an error', async () => {
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address));
    for (const [host, shown] of [
      ['127.0.0.1', '127.0.0.1'],
      ['::1', '[::1]'],
    ] as const) {
      if (!addresses.includes(host)) continue;
      const other = await createOutputServer(outputs, { host });
      expect(other.url).toBe(`http://${shown}:${other.port}`);
      await other.close();
    }
    await expect(createOutputServer(outputs, { port: server.port })).rejects.toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      message: `cannot listen on 127.0.0.1:${server.port}`,
      cause: { code: 'EADDRINUSE' },
    });
  });

  test('a connection that the system refuses is a warning, the same one once an hour', async () => {
    let listening: Server | undefined;
    const note = (message: unknown): void => void ({ server: listening } = message as { server: Server });
    subscribe('http.server.request.start', note);
    await ask('/');
    unsubscribe('http.server.request.start', note);
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const code of ['ENOBUFS', 'ENOBUFS', 'ENFILE']) {
      listening?.emit('error', new Error(`accept ${code}`));
    }
    const warnings = warn.mock.calls.map(([text]) => text);
    warn.mockRestore();
    expect(warnings).toEqual(['output server: accept ENOBUFS', 'output server: accept ENFILE']);
    expect((await ask('/')).status).toBe(200);
  });
});
