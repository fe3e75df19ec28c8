import { readdirSync } from 'node:fs';
import process from 'node:process';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import {
  type ProgramReference,
  type RealNetwork,
  type RealNetworkOptions,
  realNetwork,
} from '../../../src/host/cluster/real-network.ts';
import { WORLD_CASES } from '../../cluster/world-cases.ts';
import type * as hardPrograms from './hard-programs.ts';
import type { Counter, Sender } from '../../cluster/programs.ts';

const module = new URL('../../cluster/programs.ts', import.meta.url);

function network(options?: RealNetworkOptions): RealNetwork {
  const net = realNetwork(options);
  onTestFinished(() => net.stop());
  return net;
}

test.for(WORLD_CASES)('$title', ({ run }) => {
  const notes: string[] = [];
  const net = network({ onNote: (_, text) => notes.push(text) });
  return run({
    notes,
    node: (name, program) => net.node(name, { module, export: program }),
    connect: (to, options) => net.connect(to, options),
    stop: () => net.stop(),
  });
});

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

test('stop ends all threads and removes the folder', async () => {
  const folders = (): string[] =>
    readdirSync(tmpdir()).filter((name) => name.startsWith('dryrunner-cluster-'));
  const before = new Set(folders());
  const net = realNetwork();
  const node = await net.node('counter', { module, export: 'counter' });
  await net.connect<Counter>('counter').add(1);
  await net.stop();
  expect(node.state).toBe('left');
  expect(folders().filter((name) => !before.has(name))).toEqual([]);
});
