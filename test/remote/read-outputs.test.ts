// Reading what an action has made from the cluster that has its result.
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/cas/digest-of.ts';
import { MESSAGES } from '../../src/cas/codec.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { messageOf } from '../../src/kernel/errors.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import type { TreeEntries } from '../../src/filers/memory-tree.ts';
import type { ActionOutputs } from '../../src/model/action.ts';
import { missingBlobsOf } from '../../src/model/content-store.ts';
import { digestKey } from '../../src/model/digest.ts';
import { withRemoteFaults } from '../../src/remote/remote-faults.ts';
import { readOutputs } from '../../src/remote/read-outputs.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { overWire, type RemoteService } from '../../src/remote/rpc.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { inSimulation } from '../runners/in-simulation.ts';

const NOTHING: ActionOutputs = { outputFiles: [], outputDirectories: [], outputSymlinks: [] };

/** A cluster that has these blobs, for as long as the scenario takes. */
async function withCluster(
  work: (sim: Simulation, content: MemoryContentStore, transport: RemoteService) => Promise<void>,
): Promise<void> {
  await inSimulation(async (sim) => {
    const runner = createFakeRunner(sim.world);
    const content = createMemoryContentStore();
    const server = createRemoteService(sim.world, { runner, content, cache: createMemoryActionCache() });
    await work(sim, content, overWire(server));
    server.close();
    await runner.release();
  });
}

/** The entries, files by their text. */
function shown(entries: TreeEntries): Readonly<Record<string, string>> {
  const texts = [...entries].map(([path, entry]) => {
    if (entry.kind === 'file') {
      return [
        path,
        `${new TextDecoder().decode(entry.bytes)}${entry.executable ? ' (executable)' : ''}`,
      ] as const;
    }
    return [path, entry.kind === 'link' ? `-> ${entry.target}` : entry.kind] as const;
  });
  return Object.fromEntries(texts);
}

/** A tree with a file in a folder, and the tree's digest. */
function treeIn(content: MemoryContentStore): ActionOutputs['outputDirectories'][number]['treeDigest'] {
  const inner = { files: [{ name: 'b.txt', digest: content.add('B'), isExecutable: true }] };
  const directories = [{ name: 'sub', digest: content.add(MESSAGES.Directory.encode(inner)) }];
  const symlinks = [{ name: 'link', target: 'sub/b.txt' }];
  return content.add(MESSAGES.Tree.encode({ root: { directories, symlinks }, children: [inner] }));
}

describe('the outputs of an action', () => {
  test('are read by path, with what is in directories', async () => {
    await withCluster(async (sim, content, transport) => {
      const result: ActionOutputs = {
        outputFiles: [{ path: 'a.txt', digest: content.add('A'), isExecutable: false }],
        outputDirectories: [{ path: 'out', treeDigest: treeIn(content) }],
        outputSymlinks: [{ path: 'latest', target: 'out/sub' }],
      };
      const want = {
        'a.txt': 'A',
        out: 'dir',
        'out/sub': 'dir',
        'out/sub/b.txt': 'B (executable)',
        'out/link': '-> sub/b.txt',
        latest: '-> out/sub',
      };
      expect(shown(await readOutputs(sim.world, { transport, result }))).toEqual(want);
      const rates = { refuse: 0.3, cut: 0.3, slow: 0.3 };
      const bad = withRemoteFaults(transport, sim.world, { rates, strikesMax: 4 });
      expect(shown(await readOutputs(sim.world, { transport: bad, result }))).toEqual(want);
    });
  });

  test('may have links that lead out of their folder, but not out of the root of all', async () => {
    await withCluster(async (sim, content, transport) => {
      const read = async (path: string): Promise<TreeEntries> => {
        const root = { symlinks: [{ name: 'z', target: '../../e' }] };
        const treeDigest = content.add(MESSAGES.Tree.encode({ root, children: [] }));
        const result = { ...NOTHING, outputDirectories: [{ path, treeDigest }] };
        return readOutputs(sim.world, { transport, result });
      };
      expect(shown(await read('a/d'))).toEqual({ 'a/d': 'dir', 'a/d/z': '-> ../../e' });
      await expect(read('d')).rejects.toMatchObject({
        code: 'RUNNER_BAD_MESSAGE',
        message: 'output d: symlink z: expected a target inside the input root, got "../../e"',
      });
    });
  });

  test.for([
    ['', false],
    ['pkg', true],
    ['pkg/sub', true],
  ] as const)(
    'may have links that lead out of the working directory %j',
    async ([workingDirectory, isRead]) => {
      await withCluster(async (sim, content, transport) => {
        const read = (result: Partial<ActionOutputs>): Promise<TreeEntries> =>
          readOutputs(sim.world, { transport, result: { ...NOTHING, ...result }, workingDirectory });
        const root = { symlinks: [{ name: 'l', target: '../../lib' }] };
        const treeDigest = content.add(MESSAGES.Tree.encode({ root, children: [] }));
        const whole = content.add(
          MESSAGES.Tree.encode({ root: { symlinks: [{ name: 'l', target: '../lib' }] }, children: [] }),
        );
        for (const [result, want] of [
          [{ outputSymlinks: [{ path: 'l', target: '../lib' }] }, { l: '-> ../lib' }],
          [{ outputDirectories: [{ path: 'd', treeDigest }] }, { d: 'dir', 'd/l': '-> ../../lib' }],
          [{ outputDirectories: [{ path: '', treeDigest: whole }] }, { l: '-> ../lib' }],
        ] as const) {
          if (isRead) expect(shown(await read(result))).toEqual(want);
          else {
            await expect(read(result)).rejects.toThrow('symlink l: expected a target inside the input root');
          }
        }
      });
    },
  );

  test('in the root of the action have no directory before them', async () => {
    await withCluster(async (sim, content, transport) => {
      const result = { ...NOTHING, outputDirectories: [{ path: '', treeDigest: treeIn(content) }] };
      const made = await readOutputs(sim.world, { transport, result });
      expect([...made.keys()].sort()).toEqual(['link', 'sub', 'sub/b.txt']);
    });
  });

  test('that the cluster has lost, or that lead out, are an error', async () => {
    await withCluster(async (sim, content, transport) => {
      const digest = createMemoryContentStore().add('lost');
      const file = { path: 'a', digest, isExecutable: false };
      const lost = readOutputs(sim.world, { transport, result: { ...NOTHING, outputFiles: [file] } });
      await expect(lost).rejects.toMatchObject({
        code: 'RUNNER_RPC_FAILED',
        status: { code: 5 },
        message: `output a: missing blobs: ${digestKey(digest)}`,
      });
      const files = [{ name: 'a', digest, isExecutable: false }];
      const inner = { files };
      const directories = [{ name: 'sub', digest: digestOf(MESSAGES.Directory.encode(inner)) }];
      const treeDigest = content.add(MESSAGES.Tree.encode({ root: { directories }, children: [inner] }));
      const below = { ...NOTHING, outputDirectories: [{ path: 'out', treeDigest }] };
      await expect(
        readOutputs(sim.world, { transport, result: below, workingDirectory: 'pkg' }),
      ).rejects.toMatchObject({
        code: 'RUNNER_MISSING_BLOBS',
        message: `output out/sub/a: missing blobs: ${digestKey(digest)}`,
        digests: [digest],
      });
      const out = { ...NOTHING, outputSymlinks: [{ path: 'out/x', target: '../../etc' }] };
      await expect(readOutputs(sim.world, { transport, result: out })).rejects.toMatchObject({
        code: 'RUNNER_BAD_MESSAGE',
      });
    });
  });

  test('of which a tree has lost many are not all in the message', async () => {
    await withCluster(async (sim, content, transport) => {
      const files = Array.from({ length: 5_000 }, (_, n) => ({
        name: `${n}`,
        digest: digestOf(`lost ${n}`),
      }));
      const treeDigest = content.add(MESSAGES.Tree.encode({ root: { files } }));
      const result = { ...NOTHING, outputDirectories: [{ path: 'out', treeDigest }] };
      const error: unknown = await readOutputs(sim.world, { transport, result }).catch(
        (thrown: unknown) => thrown,
      );
      expect(missingBlobsOf(error)).toHaveLength(5_000);
      const first = files.slice(0, 10).map(({ digest }) => digestKey(digest));
      expect(messageOf(error)).toBe(
        `output out/0 and 4999 more: missing blobs: ${first.join(', ')} and 4990 more`,
      );
    });
  });

  const lacking = { directories: [{ name: 'sub', digest: digestOf('lacking') }] };
  const evil = { files: [{ name: 'a\n\u001b[1m', digest: digestOf('lost'), isExecutable: false }] };
  test.for([
    ['no tree', 'RUNNER_BAD_MESSAGE', '\xff\xff', /^output out: build\..*Tree: expected a message, got /],
    [
      'a tree that lacks a directory',
      'RUNNER_MISSING_BLOBS',
      MESSAGES.Tree.encode({ root: lacking, children: [] }),
      /^output out\/sub: missing blobs: /,
    ],
    [
      'a tree with control characters in the name of a link',
      'RUNNER_BAD_MESSAGE',
      MESSAGES.Tree.encode({ root: { symlinks: [{ name: 'a\n\u001b[1m', target: '/etc' }] }, children: [] }),
      /^output out: symlink a\\n\\u001b\[1m: expected a target inside the input root/,
    ],
    [
      'a tree with control characters in a name',
      'RUNNER_MISSING_BLOBS',
      MESSAGES.Tree.encode({ root: evil, children: [] }),
      /^output out\/a\\n\\u001b\[1m: missing blobs: /,
    ],
  ] as const)(
    'that are a directory whose message is %s are named in the error',
    async ([, code, tree, message]) => {
      await withCluster(async (sim, content, transport) => {
        const outputDirectories = [{ path: 'out', treeDigest: content.add(tree) }];
        await expect(
          readOutputs(sim.world, { transport, result: { ...NOTHING, outputDirectories } }),
        ).rejects.toMatchObject({ code, message: expect.stringMatching(message) as unknown });
      });
    },
  );

  test.for([
    {
      ...NOTHING,
      outputFiles: [{ path: '../a', digest: { hash: 'a'.repeat(64), sizeBytes: 1 }, isExecutable: false }],
    },
    { ...NOTHING, outputSymlinks: [{ path: '', target: 'x' }] },
    undefined,
  ])('%j is no result', async (result) => {
    await withCluster(async (sim, _content, transport) => {
      const read = readOutputs(sim.world, { transport, result: result as never });
      await expect(read).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    });
  });
});
