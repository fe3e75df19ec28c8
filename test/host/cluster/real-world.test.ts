import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import process from 'node:process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  type ProgramReference,
  type RealNetwork,
  type RealNetworkOptions,
  realNetwork,
} from '../../../src/host/cluster/real-network.ts';
import { networkCases, type NetworkSubject } from '../../../src/conformance/parts/network-cases.ts';
import type { Journal, Sender } from '../../../src/conformance/parts/network-programs.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { codeModule } from '../../../src/kernel/package-files.ts';
import type * as hardPrograms from './hard-programs.ts';

function network(options?: RealNetworkOptions): RealNetwork {
  const net = realNetwork(options);
  onTestFinished(() => net.stop());
  return net;
}

const module = codeModule('conformance/parts/network-programs');

const onThreads: NetworkSubject = {
  name: 'a network of threads',
  async use(body) {
    const notes: string[] = [];
    const net = realNetwork({ onNote: (_, text) => notes.push(text) });
    try {
      await body({
        notes,
        node: (name, program) => net.node(name, program),
        connect: (to, options) => net.connect(to, options),
        stop: () => net.stop(),
      });
    } finally {
      await net.stop();
    }
  },
};

describeRunner(onThreads, networkCases);

function hard(program: keyof typeof hardPrograms): ProgramReference {
  return { module: new URL('./hard-programs.ts', import.meta.url), export: program };
}

/** Threads that are alive. */
function threads(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;
}

test('a program that throws as it starts is what the making of its node rejects with, whatever it has left behind', async () => {
  const net = network();
  const before = threads();
  await expect(net.node('server', hard('ticksAndThrows'))).rejects.toThrow('no port is free');
  await expect(net.node('later', hard('ticksAndRejects'))).rejects.toMatchObject({
    code: 'E_PORT',
  });
  expect(threads()).toBe(before);
});

test('a program that is not exported is refused, and leaves no node', async () => {
  const net = network();
  await expect(net.node('server', { module, export: 'missing' })).rejects.toMatchObject({
    code: 'RUNNER_INVALID_ARGUMENT',
  });
  await net.node('server', { module, export: 'counter' });
  await expect(net.node('server', { module, export: 'counter' })).rejects.toMatchObject({
    code: 'RUNNER_INVALID_ARGUMENT',
  });
});

test.for(['rejectsMessages', 'throwsOnMessages'] as const)(
  'an error that a program leaves uncaught ends its thread, and stop rejects with it: %s',
  async (program) => {
    const net = realNetwork();
    const node = await net.node('server', hard(program));
    await net.node('sender', { module, export: 'sender' });
    const pending = net.connect<{ never(): void }>('server').never();
    await net.connect<Sender>('sender').sendTo('server', ['poison']);
    await expect(pending).rejects.toMatchObject({ code: 'RUNNER_CALL_LOST' });
    expect(node.state).toBe('down');
    await expect(net.stop()).rejects.toThrow('poison is no message');
  },
);

test.for([
  ['throwsUndefined', { name: 'Error', message: 'undefined' }],
  ['throwsUncloneable', { name: 'RangeError', message: 'no route', code: 'E_ROUTE' }],
] as const)('stop rejects with whatever a timer throws: %s', async ([program, error]) => {
  const net = realNetwork();
  await net.node('server', hard(program));
  const pending = net.connect<{ never(): void }>('server').never();
  await expect(pending).rejects.toMatchObject({ code: 'RUNNER_CALL_LOST' });
  await expect(net.stop()).rejects.toMatchObject(error);
});

test('an error that a program leaves uncaught says where in the program it was thrown', async () => {
  const net = network();
  await expect(net.node('server', hard('ticksAndThrows'))).rejects.toMatchObject({
    stack: expect.stringContaining('ticksAndThrows') as unknown,
  });
});

test('what onNote throws is a warning, and changes nothing else', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => warned.mockRestore());
  const net = network({
    onNote() {
      throw new Error('the log is full');
    },
  });
  const node = await net.node('server', hard('notes'));
  expect(node.state).toBe('up');
  expect(warned.mock.calls).toEqual([['onNote of a network threw: the log is full']]);
});

test('the owner of a lock of a node is that node', async () => {
  const net = network();
  await net.node('server', hard('holdsLock'));
  expect(await net.connect<hardPrograms.Holder>('server').hold()).toBe('server');
});

test('the answer to a process that failed to start does not reach the next one of its name', async () => {
  const net = network();
  await net.node('oracle', hard('oracle'));
  const oracle = net.connect<hardPrograms.Oracle>('oracle');
  await expect(net.node('asker', hard('asksAndFails'))).rejects.toThrow('no port is free');
  await net.node('asker', hard('asks'));
  const asker = net.connect<hardPrograms.Asker>('asker');
  await oracle.answerFirst();
  expect([await oracle.left(), await asker.heard()]).toEqual([1, 'nothing']);
  await oracle.answerFirst();
  expect([await oracle.left(), await asker.heard()]).toEqual([0, 'the answer to the second']);
});

test('a call to the scenario is refused', async () => {
  const net = network({ callTimeoutMs: Infinity });
  await net.node('server', hard('callsScenario'));
  expect(await net.connect<{ code(): unknown }>('server').code()).toBe('RUNNER_NO_METHOD');
});

test('a hook that fails ends its thread, and stop rejects with it', async () => {
  const net = realNetwork();
  const node = await net.node('server', hard('cannotFlush'));
  await node.leave();
  expect(node.state).toBe('left');
  await expect(net.stop()).rejects.toThrow('cannot flush');
});

test('a crash ends a program that blocks its thread for ever, and a restart starts it again', async () => {
  const net = network();
  const node = await net.node('server', hard('blocks'));
  const server = net.connect<{ block(): void; ping(): string }>('server');
  const blocked = server.block();
  const behind = server.ping();
  await Promise.all([
    expect(blocked).rejects.toMatchObject({ code: 'RUNNER_CALL_LOST' }),
    expect(behind).rejects.toMatchObject({ code: 'RUNNER_CALL_LOST' }),
    node.crash(),
  ]);
  await node.restart();
  expect(await server.ping()).toBe('pong');
});

test('stop ends a program that blocks its thread for ever, also as it starts or leaves', async () => {
  const before = threads();
  const net = realNetwork();
  const node = await net.node('server', hard('blocks'));
  const blocked = net.connect<{ block(): void }>('server').block();
  const starting = net.node('starting', hard('blocksAsItStarts'));
  const left = node.leave();
  await Promise.all([
    expect(blocked).rejects.toMatchObject({ code: 'RUNNER_CALL_LOST' }),
    expect(starting).rejects.toMatchObject({ code: 'RUNNER_RELEASED' }),
    net.stop(),
    left,
  ]);
  expect(threads()).toBe(before);
});

test('a restart that stop meets on its way rejects, and no thread starts afterwards', async () => {
  const before = threads();
  const net = realNetwork();
  const node = await net.node('counter', { module, export: 'counter' });
  const restarts = [node.restart(), node.restart()].map((restart) =>
    expect(restart).rejects.toMatchObject({ code: 'RUNNER_RELEASED' }),
  );
  await net.stop();
  await Promise.all(restarts);
  expect([node.state, threads()]).toEqual(['left', before]);
});

test('several restarts at once leave one thread, and none after stop', async () => {
  const before = threads();
  const net = realNetwork();
  const node = await net.node('counter', { module, export: 'counter' });
  await Promise.all([node.restart(), node.restart(), node.restart()]);
  expect(threads()).toBe(before + 1);
  await net.stop();
  expect(threads()).toBe(before);
});

test('a crash during a restart ends the process that it starts', async () => {
  const net = network();
  const node = await net.node('server', hard('hangsFromTheSecond'));
  const restarted = node.restart();
  const refused = expect(restarted).rejects.toMatchObject({ code: 'RUNNER_NODE_DOWN' });
  await expect.poll(() => node.incarnation).toBe(1);
  await node.crash();
  await refused;
  expect(node.state).toBe('down');
});

/** An empty folder that is removed after the test. */
function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'real-world-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folders of networks in it; those that load TypeScript leave a cache there. */
function disksIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('dryrunner-cluster-'));
}

test('stop ends all threads and removes the folder', async () => {
  const temporary = emptyFolder();
  const before = threads();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const net = realNetwork();
  const node = await net.node('journal', { module, export: 'journal' });
  await net.connect<Journal>('journal').add('one');
  expect([disksIn(temporary).length, threads()]).toEqual([1, before + 1]);
  await net.stop();
  expect([node.state, disksIn(temporary), threads()]).toEqual(['left', [], before]);
});

/** What a Node process that has a network with a blocked thread leaves in its temporary directory, and how it ends. */
async function leftBy(
  end: 'process.exit(3)' | 'SIGINT',
): Promise<[left: string[], code: unknown, signal: unknown]> {
  const folder = emptyFolder();
  const program = `
    import { realNetwork } from ${JSON.stringify(new URL('../../../src/host/cluster/real-network.ts', import.meta.url).href)};
    const net = realNetwork();
    await net.node('server', ${JSON.stringify(hard('blocks'))});
    net.connect('server').block().catch(() => {});
    process.stdout.write('ready');
    ${end === 'SIGINT' ? '' : end}
  `;
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', program],
    { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close');
  if (end === 'SIGINT') child.stdout.once('data', () => child.kill('SIGINT'));
  else child.stdout.resume();
  const [code, signal] = (await ended) as [unknown, unknown];
  return [disksIn(folder), code, signal];
}

test('a process that exits without stop ends its threads and removes the folder', async () => {
  expect(await leftBy('process.exit(3)')).toEqual([[], 3, null]);
});

test('a signal ends a process whose threads are blocked, and removes the folder', async () => {
  expect(await leftBy('SIGINT')).toEqual([[], null, 'SIGINT']);
});

test('a thread that does not leave in time is ended, and its node has left', async () => {
  const before = threads();
  const net = network({ leaveTimeoutMs: 1 });
  const node = await net.node('server', hard('blocks'));
  const blocked = net.connect<{ block(): void }>('server').block();
  await Promise.all([
    expect(blocked).rejects.toMatchObject({ code: 'RUNNER_CALL_LOST' }),
    expect(node.leave()).rejects.toMatchObject({
      code: 'RUNNER_TIMED_OUT',
      message: 'server had not left within 1 ms, and its thread was ended',
    }),
  ]);
  expect([node.state, threads()]).toEqual(['left', before]);
});

test('a folder without a name is refused', () => {
  expect(() => realNetwork({ folder: '' })).toThrow('folder: expected the path of a folder, got ""');
});
