// What `docs/debugging.md` says of a debugger, tried with a client of the inspector's protocol.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { SourceMap, type SourceMapPayload } from 'node:module';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeUserProject, type UserProject } from './user-project.ts';

// Node itself has died of SIGSEGV once in some hundred runs, as the debugger disconnected and all was printed: what fails for another reason fails
// again.
const TRIES = { retry: 2 };

/** The time of a test that nothing in virtual time may show. */
const PAUSE_MS = 1_500;

const LOCK = `
interface Lock {
  holder: string | undefined;
}

export class LockServer implements Lock {
  holder: string | undefined;
  acquire(name: string, ms: number): boolean {
    if (this.holder !== undefined) return false;
    this.holder = name;
    setTimeout(() => {
      this.holder = undefined;
    }, ms);
    return true;
  }
}
`;
/** The line in which the lease ends. */
const EXPIRY = 12;
const BODY = `{
  const server = new LockServer();
  server.acquire('ann', 1_000);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  sim.check(server.holder === 'ann', 'ann has lost it');
}`;

interface Location {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** What is read of `Debugger.paused`. */
interface Pause {
  readonly reason: string;
  readonly data?: { readonly scriptId: string; readonly url: string; readonly sourceMapURL: string };
  readonly hitBreakpoints: readonly string[];
  readonly callFrames: readonly { readonly callFrameId: string; readonly location: Location }[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
}

/** A client of the protocol. */
class Debugger {
  readonly #socket: Socket;
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>();
  readonly #waiting: { resolve(pause: Pause): void; reject(error: Error): void }[] = [];
  readonly #paused: Pause[] = [];
  #lastId = 0;
  #bytes: Buffer;

  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#bytes = head;
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onEnd());
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#read();
    });
    this.#read();
  }

  static async connect(url: string): Promise<Debugger> {
    const headers = {
      ...{ Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    };
    const asked = get(url.replace('ws:', 'http:'), { headers });
    const [, socket, head] = (await once(asked, 'upgrade')) as [unknown, Socket, Buffer];
    return new Debugger(socket, head);
  }

  /** Frames that are there in full: the inspector sends each message in one. */
  #read(): void {
    for (let bytes = this.#bytes; bytes.length >= 2; bytes = this.#bytes) {
      const short = bytes[1]! & 0x7f;
      const start = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < start) return;
      const length =
        short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < start + length) return;
      this.#bytes = bytes.subarray(start + length);
      const opcode = bytes[0]! & 0xf;
      if (opcode === 1) this.#onMessage(bytes.toString('utf8', start, start + length));
      // The inspector closes only once its clients have.
      else if (opcode === 8) this.close();
    }
  }

  #onMessage(text: string): void {
    const { id, method, params = {}, result = {} } = JSON.parse(text) as Message;
    if (id !== undefined) this.#answers.get(id)?.(result);
    if (method === 'Runtime.executionContextDestroyed') this.#onEnd();
    if (method !== 'Debugger.paused') return;
    const waiting = this.#waiting.shift();
    const pause = params as unknown as Pause;
    if (waiting === undefined) this.#paused.push(pause);
    else waiting.resolve(pause);
  }

  #onEnd(): void {
    for (const { reject } of this.#waiting) reject(new Error('it ended without another stop'));
  }

  /** A frame with a mask of zeros. */
  #write(text: string): void {
    const payload = Buffer.from(text);
    const head = Buffer.alloc(8);
    head.writeUInt8(0x81, 0);
    head.writeUInt8(0xfe, 1);
    head.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = (this.#lastId += 1);
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#write(JSON.stringify({ id, method, params }));
    });
  }

  async paused(): Promise<Pause> {
    return (
      this.#paused.shift() ??
      (await new Promise<Pause>((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
      }))
    );
  }

  async valueOf(expression: string, callFrameId: string): Promise<unknown> {
    const answer = await this.send('Debugger.evaluateOnCallFrame', { callFrameId, expression });
    return (answer['result'] as { readonly value: unknown }).value;
  }

  close(): void {
    this.#socket.destroy();
  }
}

function simTestOfAtMost(timeout: number): string {
  return `import { simTest } from 'dryrunner/vitest';
import { LockServer } from './lock.ts';
simTest('ann keeps it', async (sim) => ${BODY}, { timeout: ${timeout} });
`;
}

let project: UserProject;
let children: ChildProcess[] = [];
beforeAll(() => {
  project = makeUserProject();
  project.write('lock.ts', LOCK);
  project.write(
    'lease.ts',
    `import type { Simulation } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { LockServer } from './lock.ts';
export const lease = {
  name: 'lease',
  description: 'ann keeps it',
  options: { ambient: ambientTime() },
  run: async (sim: Simulation) => ${BODY},
};
`,
  );
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});
afterAll(() => project.remove());

interface Debugged {
  /** What it exits with, or the signal that ends it. */
  readonly code: Promise<number | NodeJS.Signals | null>;
  /** What was printed so far. */
  printed(): string;
  /** Settles when it would end, but for the debugger. */
  isDone(): Promise<void>;
  /** The addresses of inspectors, as they are printed. */
  readonly urls: AsyncGenerator<string, void, void>;
}

function started(args: readonly string[]): Debugged {
  const child = spawn(process.execPath, args, {
    cwd: project.folder,
    env: { ...process.env, NO_COLOR: '1' },
  });
  children.push(child);
  let text = '';
  let wake = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      wake();
    });
  }
  const code = once(child, 'close').then(() => {
    wake();
    return child.exitCode ?? child.signalCode;
  });
  async function* urls(): AsyncGenerator<string, void, void> {
    for (let count = 0; ; count += 1) {
      let url: string | undefined;
      while ((url = [...text.matchAll(/listening on (ws:\S+)/g)][count]?.[1]) === undefined) {
        if (child.exitCode !== null) throw new Error(`it ended: ${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      yield url;
    }
  }
  return {
    code,
    printed: () => text,
    urls: urls(),
    isDone: async () => {
      while (!text.includes('Waiting for the debugger to disconnect') && child.exitCode === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

async function tokenIn(args: readonly string[]): Promise<string> {
  const { out, err } = await project.node(...args);
  const [token] = /dr2:[^\s"]+/.exec(out + err) ?? [];
  // With another argument, the debugged command would wait for its debugger for ever.
  if (token === undefined) throw new Error(`no token in ${out}${err}`);
  return token;
}

/** The first place that was made of a line of the user, as its source map has it. */
async function placeOf(client: Debugger, scriptId: string, map: SourceMap, line: number): Promise<Location> {
  const { scriptSource } = await client.send('Debugger.getScriptSource', { scriptId });
  for (const [lineNumber, text] of (scriptSource as string).split('\n').entries()) {
    for (let columnNumber = 0; columnNumber < text.length; columnNumber += 1) {
      const entry = map.findEntry(lineNumber, columnNumber);
      if ('originalLine' in entry && entry.originalLine === line - 1) {
        return { scriptId, lineNumber, columnNumber };
      }
    }
  }
  throw new Error(`nothing was made of line ${line}: ${scriptSource as string}`);
}

/**
 * Goes on from where it stops first to the breakpoint in the user's code, and looks at the time there for a while. As VS Code does, it stops
 * before each script with a source map, to set breakpoints that are meant for what the script was made of.
 */
async function stopAtExpiry(client: Debugger): Promise<void> {
  await client.send('Debugger.enable');
  await client.send('Runtime.enable');
  const { breakpointId: instrumentation } = await client.send('Debugger.setInstrumentationBreakpoint', {
    instrumentation: 'beforeScriptWithSourceMapExecution',
  });
  await client.send('Runtime.runIfWaitingForDebugger');
  let map: SourceMap | undefined;
  let breakpoint: unknown;
  let stop = await client.paused();
  while (!stop.hitBreakpoints.some((id) => id === breakpoint)) {
    if (stop.reason === 'instrumentation' && stop.data!.url.endsWith('/lock.ts')) {
      const { scriptId, sourceMapURL } = stop.data!;
      const json = Buffer.from(sourceMapURL.slice(sourceMapURL.indexOf(',') + 1), 'base64').toString();
      map = new SourceMap(JSON.parse(json) as SourceMapPayload);
      const location = await placeOf(client, scriptId, map, EXPIRY);
      breakpoint = (await client.send('Debugger.setBreakpoint', { location }))['breakpointId'];
      expect(breakpoint).toBeTypeOf('string');
    }
    await client.send('Debugger.resume');
    stop = await client.paused();
  }
  const { callFrameId, location } = stop.callFrames[0]!;
  expect(map!.findEntry(location.lineNumber, location.columnNumber)).toMatchObject({
    originalSource: expect.stringMatching(/lock\.ts$/) as string,
    originalLine: EXPIRY - 1,
  });
  const times = '[Date.now(), performance.now(), new Date().getTime()].join()';
  const before = await client.valueOf(times, callFrameId);
  await new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
  expect(await client.valueOf(times, callFrameId)).toBe(before);
  expect(await client.valueOf('new Date().toISOString()', callFrameId)).toBe('2000-01-01T00:00:01.000Z');
  expect(await client.valueOf('this.holder', callFrameId)).toBe('ann');
  await client.send('Debugger.removeBreakpoint', { breakpointId: instrumentation });
  await client.send('Debugger.resume');
}

const MAIN = 'node_modules/dryrunner/dist/cli/main.js';

test('a replay stops in the code of the user, and virtual time stands still', TRIES, async () => {
  const token = await tokenIn(['--import', 'tsx', MAIN, 'explore', './lease.ts', '--executions', '5']);
  const debugged = started([
    '--inspect-brk=127.0.0.1:0',
    '--import',
    'tsx',
    MAIN,
    'replay',
    token,
    '--debug',
  ]);
  const client = await Debugger.connect((await debugged.urls.next()).value as string);
  await stopAtExpiry(client);
  await debugged.isDone();
  client.close();
  expect(await debugged.code, debugged.printed()).toBe(1);
  expect(debugged.printed()).toContain('ann has lost it');
  expect(debugged.printed()).not.toContain('does not fit');
});

test('so does the token of a simTest, whatever its time limit', TRIES, async () => {
  // A busy machine takes longer to find the failure than the debugged test has.
  project.write('lock.test.ts', simTestOfAtMost(600_000));
  const token = await tokenIn(['node_modules/vitest/vitest.mjs', 'run']);
  project.write('lock.test.ts', simTestOfAtMost(500));
  const debugged = started(['--inspect-brk=127.0.0.1:0', MAIN, 'replay', token, '--debug']);
  const command = await Debugger.connect((await debugged.urls.next()).value as string);
  // In this order: a process that runs before the debugger is enabled does not stop at its first line.
  await command.send('Debugger.enable');
  await command.send('Runtime.runIfWaitingForDebugger');
  await command.paused();
  await command.send('Debugger.resume');
  const client = await Debugger.connect((await debugged.urls.next()).value as string);
  await stopAtExpiry(client);
  await debugged.isDone();
  client.close();
  expect(await debugged.code, debugged.printed()).toBe(1);
  expect(debugged.printed()).toContain('ann has lost it');
  expect(debugged.printed()).not.toContain('does not fit');
});
