import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import {
  type RealNetwork,
  type RealNetworkOptions,
  realNetwork,
} from '../../../src/host/cluster/real-network.ts';
import { WORLD_CASES } from '../../cluster/world-cases.ts';
import type { Counter } from '../../cluster/programs.ts';

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
  });
});

test('a program that throws as it starts is what the making of its node rejects with', async () => {
  const net = network();
  await expect(net.node('server', { module, export: 'failingStart' })).rejects.toThrow('no port is free');
});

test('a program that is not exported, and names that are taken, are refused', async () => {
  const net = network();
  await expect(net.node('server', { module, export: 'missing' })).rejects.toMatchObject({
    code: 'RUNNER_INVALID_ARGUMENT',
  });
  await expect(net.node('server', { module, export: 'counter' })).rejects.toMatchObject({
    code: 'RUNNER_INVALID_ARGUMENT',
  });
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
