// The Bazel path over real messages, a real content store and a tree in memory, in simulated time.
import { describe, expect, test } from 'vitest';
import { type FileNode, MESSAGES } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createMemoryTree } from '../../src/filers/memory-tree.ts';
import type { Choices } from '../../src/kernel/decisions.ts';
import type { Question } from '../../src/kernel/question.ts';
import { type ActionOutcome, RPC_CODES } from '../../src/model/action.ts';
import type { Command } from '../../src/model/command.ts';
import { MissingBlobsError, missingBlobsOf } from '../../src/model/content-store.ts';
import { digestOfSnapshot, type Digest, parseDigest, snapshotOfDigest } from '../../src/model/digest.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import { holdingFor, missingOf } from '../../src/remote/action-store.ts';
import { createContentFiler } from '../../src/remote/content-filer.ts';
import { createSimActionCache, createSimContentStore } from '../../src/remote/sim-stores.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { inSimulation } from '../runners/in-simulation.ts';
import { addAction, type BazelLab, type BazelLabOptions, commandFor, makeBazelLab } from './bazel-lab.ts';

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function inLab(
  scenario: (lab: BazelLab, run: (command: Command) => Promise<RunStatus>) => Promise<void>,
  options: BazelLabOptions = {},
): Promise<void> {
  await inSimulation(async ({ world }) => {
    const lab = makeBazelLab(world, options);
    await scenario(lab, async (command) => {
      const { runId } = await lab.runner.run(command);
      return (await finalStatus(lab.runner, runId)).status;
    });
    await lab.runner.release();
  });
}

/** One action makes a file that the next one reads; only the second is executed again. */
async function repeatsTheConsumer(sim: Simulation): Promise<void> {
  const faults = { rates: { evict: 0.1 }, strikesMax: 3 };
  const lab = makeBazelLab(sim.world, {
    content: (blobs) => createSimContentStore(sim.world, blobs, faults),
  });
  // What a client has of its own, and uploads again before each attempt.
  const own = createMemoryContentStore();
  const run = async (script: readonly string[], inputs: readonly FileNode[]): Promise<RunStatus> => {
    const inputRootDigest = own.add(MESSAGES.Directory.encode({ files: inputs }));
    const command = { outputPaths: ['out'] };
    const action = addAction(own, script, { command, action: { inputRootDigest, doNotCache: true } });
    for (const key of own.keys) lab.blobs.write(parseDigest(key)!, own.read(parseDigest(key)!));
    return (await finalStatus(lab.runner, (await lab.runner.run(commandFor(action))).runId)).status;
  };
  const made = await run(['write out MADE', 'complete 0'], []);
  const digest = made.actionResult?.result?.outputFiles[0]?.digest;
  if (digest !== undefined) {
    const inputs = [{ name: 'in', digest, isExecutable: false }];
    let isDone = false;
    for (let attempt = 1; attempt <= 3 && !isDone; attempt += 1) {
      isDone = (await run(['complete 0'], inputs)).state === 'COMPLETE';
      await sim.sleep(100);
    }
    sim.check(isDone, 'the consumer failed 3 times');
  }
  await lab.runner.release();
}

describe('an action in memory', () => {
  test('R186 R191 R192 leaves its outputs and logs in the store, and its result in the cache', async () => {
    await inLab(async ({ blobs, tree, results }, run) => {
      const script = [
        'write out/a.txt A',
        'write d/x/y Y',
        'write lost L',
        'stdout hello',
        'stderr oh',
        'complete 0',
      ];
      const command = { outputFiles: ['out/a.txt', 'out/never'], outputDirectories: ['d'] };
      const actionDigest = addAction(blobs, script, { command, inputs: { 'in.txt': 'input' } });
      const first = await run(commandFor(actionDigest));
      expect(first).toMatchObject({ state: 'COMPLETE', exitCode: 0, actionResult: { cached: false } });
      const { result } = first.actionResult!;
      expect(result?.outputFiles).toEqual([
        { path: 'out/a.txt', digest: digestOf('A'), isExecutable: false },
      ]);
      expect(textOf(blobs.read(result!.stdoutDigest!))).toBe('hello');
      expect(textOf(blobs.read(result!.stderrDigest!))).toBe('oh');
      const { root, children } = MESSAGES.Tree.decode(blobs.read(result!.outputDirectories[0]!.treeDigest));
      expect(root?.directories.map(({ name }) => name)).toEqual(['x']);
      expect(children[0]?.files).toEqual([{ name: 'y', digest: digestOf('Y'), isExecutable: false }]);
      expect([...tree.entriesUnder('/')].filter(([, { kind }]) => kind === 'file')).toEqual([]);
      expect(results.size).toBe(1);
      const second = await run(commandFor(actionDigest));
      expect(second.actionResult).toEqual({ actionDigest, cached: true, result });
    });
  });

  test('R186 a cached result that has lost a blob, also one inside of a directory, is no hit', async () => {
    await inLab(async ({ blobs }, run) => {
      const script = ['write d/x/y Y', 'complete 0'];
      const actionDigest = addAction(blobs, script, { command: { outputDirectories: ['d'] } });
      await run(commandFor(actionDigest));
      expect((await run(commandFor(actionDigest))).actionResult?.cached).toBe(true);
      blobs.evict(digestOf('Y'));
      expect((await run(commandFor(actionDigest))).actionResult?.cached).toBe(false);
      expect((await run(commandFor(actionDigest))).actionResult?.cached).toBe(true);
    });
  });

  test('R186 R189 finds what is missing in a directory of any number of files', async () => {
    const content = createMemoryContentStore();
    const lost = digestOf('lost');
    const files = Array.from({ length: 200_000 }, (_, n) => ({
      name: String(n),
      digest: lost,
      isExecutable: false,
    }));
    const treeDigest = content.add(MESSAGES.Tree.encode({ root: { files } }));
    const outcome: ActionOutcome = {
      exitCode: 0,
      outputFiles: [],
      outputDirectories: [{ path: 'd', treeDigest }],
      outputSymlinks: [],
      metadata: { worker: 'w' },
    };
    expect(await missingOf(content, outcome)).toEqual([lost]);
    const root = content.add(MESSAGES.Directory.encode({ files }));
    const checkout = createContentFiler({ content, tree: createMemoryTree() }).checkout(
      snapshotOfDigest(root),
    );
    await expect(checkout).rejects.toMatchObject({ digests: [lost] });
  });

  test('R187 R190 runs in its working directory, with parents of its outputs, relative to that', async () => {
    await inLab(async ({ blobs }, run) => {
      const command = { outputPaths: ['o/p', 'q'], workingDirectory: 'w' };
      const { actionResult } = await run(
        commandFor(addAction(blobs, ['write o/p P', 'write q/r R', 'complete 0'], { command })),
      );
      expect(actionResult?.result?.outputFiles.map(({ path }) => path)).toEqual(['o/p']);
      expect(actionResult?.result?.outputDirectories.map(({ path }) => path)).toEqual(['q']);
    });
  });

  test('R191 an output of the wrong kind is FAILED 250', async () => {
    await inLab(async ({ blobs }, run) => {
      const command = { outputFiles: ['d'] };
      const status = await run(commandFor(addAction(blobs, ['write d/x X', 'complete 0'], { command })));
      expect(status).toMatchObject({
        state: 'FAILED',
        exitCode: 250,
        error: 'output d: expected a file, got a directory',
        actionResult: { grpcStatus: { code: 13 } },
      });
    });
  });

  test('R191 R192 whose checkout is removed while it runs is UNAVAILABLE, and not cached', async () => {
    await inLab(async ({ blobs, tree, runner, results }) => {
      const actionDigest = addAction(blobs, ['write o x', 'sleep 10', 'complete 0'], {
        command: { outputFiles: ['o'] },
      });
      const { runId } = await runner.run(commandFor(actionDigest));
      await waitForState(runner, runId, 'RUNNING');
      tree.remove('/checkouts/0');
      const { status } = await finalStatus(runner, runId);
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(status.actionResult?.grpcStatus).toEqual({
        code: RPC_CODES.UNAVAILABLE,
        message: 'the folder of the action was removed or replaced meanwhile',
      });
      expect(results.get('', actionDigest)).toBeUndefined();
    });
  });

  test('R191 R192 whose checkout has lost an input when an output is missing is not cached', async () => {
    await inLab(async ({ blobs, tree, runner, results }) => {
      const actionDigest = addAction(blobs, ['sleep 10', 'complete 0'], {
        command: { outputFiles: ['out/o'] },
        inputs: { 'in.txt': 'input' },
      });
      for (const isCached of [false, true]) {
        const { runId } = await runner.run(commandFor(actionDigest));
        await waitForState(runner, runId, 'RUNNING');
        if (!isCached) tree.remove('/checkouts/0/in.txt');
        const { status } = await finalStatus(runner, runId);
        expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
        expect(results.size).toBe(isCached ? 1 : 0);
      }
    });
  });

  test('R190 JDK_SYMLINK makes a link to the JDK in the checkout, and is FAILED 230 without one or under a path', async () => {
    const command = (name: string) => ({ platform: [{ name: 'JDK_SYMLINK', value: name }] });
    await inLab(
      async ({ blobs, tree, runner }, run) => {
        const linked = addAction(blobs, ['sleep 5', 'complete 0'], { command: command('jdk') });
        const { runId } = await runner.run(commandFor(linked));
        await waitForState(runner, runId, 'RUNNING');
        expect([...tree.entriesUnder('/').values()]).toContainEqual({ kind: 'link', target: '/usr/jdk' });
        expect((await finalStatus(runner, runId)).status.state).toBe('COMPLETE');
        const outside = await run(commandFor(addAction(blobs, ['complete 0'], { command: command('../x') })));
        expect(outside).toMatchObject({ state: 'FAILED', exitCode: 230 });
      },
      { javaHome: '/usr/jdk' },
    );
    await inLab(async ({ blobs }, run) => {
      const status = await run(commandFor(addAction(blobs, ['complete 0'], { command: command('jdk') })));
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 230 });
      expect(status.error).toContain('this runner has no JDK');
    });
  });

  test.for([
    ['its own blob', (digest: Digest) => digest, 200],
    ['an input', () => digestOf('input'), 210],
  ] as const)('R188 R189 without %s it is FAILED_PRECONDITION', async ([, lackedBy, exitCode]) => {
    await inLab(async ({ blobs }, run) => {
      const actionDigest = addAction(blobs, ['complete 0'], { inputs: { 'in.txt': 'input' } });
      const missing = lackedBy(actionDigest);
      blobs.evict(missing);
      const status = await run(commandFor(actionDigest));
      expect(status).toMatchObject({ state: 'FAILED', exitCode });
      expect(status.actionResult?.grpcStatus).toMatchObject({
        code: 9,
        violations: [{ type: 'MISSING', subject: `blobs/${missing.hash}/${missing.sizeBytes}` }],
      });
    });
  });

  test('R188 bytes that are no action are INVALID_ARGUMENT', async () => {
    await inLab(async ({ blobs }, run) => {
      const status = await run(commandFor(blobs.add('no message')));
      expect(status).toMatchObject({ exitCode: 200, actionResult: { grpcStatus: { code: 3 } } });
    });
  });
});

describe('the filer of trees', () => {
  test('R170 R174 gives the same id for the same content, and checks out what it ingested, links too', async () => {
    const tree = createMemoryTree();
    const content = createMemoryContentStore();
    const filer = createContentFiler({ content, tree });
    tree.writeFile('/src/a/b', 'B', true);
    tree.makeDir('/src/empty');
    tree.makeLink('/src/a/l', 'b');
    const id = await filer.ingest('/src');
    const checkout = await filer.checkout(id);
    expect(checkout.id).toBe(id);
    expect(Object.fromEntries(tree.entriesUnder(checkout.path))).toEqual(
      Object.fromEntries(tree.entriesUnder('/src')),
    );
    expect(await filer.ingest(checkout.path)).toBe(id);
    await checkout.release();
    await checkout.release();
    expect(tree.kindOf(checkout.path)).toBeUndefined();
    expect(await filer.ingest('/src/a/b')).toBe(await filer.ingestMap(new Map([['/src/a/b', 'b']])));
  });

  test('R173 R189 leaves nothing of a checkout that lacks a blob, leads out of the tree, or was cancelled', async () => {
    const tree = createMemoryTree();
    const content = createMemoryContentStore();
    const filer = createContentFiler({ content, tree });
    tree.writeFile('/src/a', 'A');
    tree.writeFile('/src/b', 'B');
    const id = await filer.ingest('/src');
    await expect(filer.checkout('other')).rejects.toMatchObject({ code: 'RUNNER_UNKNOWN_SNAPSHOT' });
    await expect(filer.checkout(id, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'RUNNER_CANCELLED',
    });
    content.evict(digestOf('B'));
    const error: unknown = await Promise.resolve(filer.checkout(id)).catch((thrown: unknown) => thrown);
    expect(missingBlobsOf(error)).toEqual([digestOf('B')]);
    content.evict(digestOfSnapshot(id)!);
    await expect(filer.checkout(id)).rejects.toMatchObject({ code: 'RUNNER_MISSING_BLOBS' });
    const escaping = content.add(
      MESSAGES.Directory.encode({ symlinks: [{ name: 'l', target: '../../etc' }] }),
    );
    await expect(filer.checkout(`bz-${escaping.hash}-${escaping.sizeBytes}`)).rejects.toMatchObject({
      code: 'RUNNER_BAD_MESSAGE',
    });
    expect([...tree.entriesUnder('/')].map(([path]) => path)).toEqual(['src', 'src/a', 'src/b']);
  });
});

describe('the place of a checkout of trees', () => {
  const made = async () => {
    const tree = createMemoryTree();
    const content = createMemoryContentStore();
    tree.writeFile('/src/a', 'A');
    tree.makeDir('/empty');
    const filer = createContentFiler({ content, tree });
    return { tree, content, filer, id: await filer.ingest('/src') };
  };

  test('R171 checkoutAt refuses a directory that is not empty, a file and a link, and changes nothing', async () => {
    const { tree, filer, id } = await made();
    tree.makeLink('/link', 'empty');
    const before = tree.entriesUnder('/');
    for (const dir of ['/src', '/src/a', '/link', '/']) {
      await expect(filer.checkoutAt(id, dir)).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message: `Not an empty directory: ${dir}`,
      });
    }
    expect(tree.entriesUnder('/')).toEqual(before);
    expect([...tree.entriesUnder((await filer.checkoutAt(id, '/empty')).path).keys()]).toEqual(['a']);
  });

  test('R171 R172 a checkout that fails leaves what was there', async () => {
    const { tree, content, filer, id } = await made();
    const half = content.add(
      MESSAGES.Directory.encode({
        files: [
          { name: 'a', digest: digestOf('A') },
          { name: 'b', digest: content.add('B') },
        ],
      }),
    );
    const before = [...tree.entriesUnder('/').keys()].sort();
    const read = content.read.bind(content);
    content.read = (digest, range) => {
      if (digest.hash === digestOf('B').hash) throw new Error('no such luck');
      return read(digest, range);
    };
    for (const dir of ['/src', '/empty', '/new']) {
      await expect(filer.checkoutAt(`bz-${half.hash}-${half.sizeBytes}`, dir)).rejects.toThrow();
      await expect(filer.checkoutAt('bz-none', dir)).rejects.toThrow();
      content.evict(digestOfSnapshot(id)!);
      await expect(filer.checkoutAt(id, dir)).rejects.toThrow();
      expect([...tree.entriesUnder('/').keys()].sort()).toEqual(before);
    }
  });

  test('R171 checkouts of several filers in one tree are separate, also if all are made at once', async () => {
    const { tree, content, filer, id } = await made();
    tree.makeDir('/none');
    const other = createContentFiler({ content, tree });
    const ids = [id, await filer.ingest('/none')];
    const checkouts = await Promise.all(
      [filer, other].flatMap((each) => ids.map(async (snapshotId) => each.checkout(snapshotId))),
    );
    expect(new Set(checkouts.map(({ path }) => path)).size).toBe(4);
    for (const { id: snapshotId, path } of checkouts) {
      expect([...tree.entriesUnder(path).keys()]).toEqual(snapshotId === id ? ['a'] : []);
    }
  });
});

describe('simulated stores', () => {
  test('R188 R189 R191 R211 R212 whatever they do, each run ends, and as the contract says', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed += 1) {
      const verdict = await simulate({
        seed,
        scenario: async (sim) => {
          const { blobs, runner } = makeBazelLab(sim.world, {
            content: (memory) =>
              createSimContentStore(sim.world, memory, {
                rates: { evict: 0.03, fail: 0.05 },
                maxDelayMs: 20,
              }),
            cache: (results, memory) =>
              createSimActionCache(sim.world, results, memory, {
                rates: { lose: 0.1, stale: 0.2, fail: 0.1 },
                maxDelayMs: 20,
              }),
          });
          for (let run = 0; run < 4; run += 1) {
            const command = { outputPaths: ['out'] };
            const actionDigest = addAction(blobs, ['sleep 5', 'write out O', 'complete 0'], { command });
            const { runId } = await runner.run(commandFor(actionDigest));
            const { status } = await finalStatus(runner, runId);
            const { cached, result, grpcStatus } = status.actionResult!;
            seen.add(`${status.state} ${status.exitCode} ${cached} ${grpcStatus?.code}`);
            const isMissing = grpcStatus?.violations !== undefined;
            sim.check(status.state === 'COMPLETE' || grpcStatus !== undefined, 'R188 a failure says why');
            sim.check(isMissing === (grpcStatus?.code === 9), 'R188 a violation for what is missing');
            sim.check(result === undefined || result.outputFiles.length === 1, 'R191 the output is there');
          }
          await runner.release();
        },
      });
      expect(verdict.failure).toBeUndefined();
    }
    // A fault that strikes once is UNAVAILABLE, in a checkout and as outputs are stored.
    expect([...seen].sort()).toEqual([
      'COMPLETE 0 false undefined',
      'COMPLETE 0 true undefined',
      'FAILED 200 false 9',
      'FAILED 210 false 14',
      'FAILED 250 false 14',
    ]);
  });

  test('strike no more often than they may', async () => {
    const verdict = await inSimulation(async (sim) => {
      const blobs = createMemoryContentStore();
      const content = createSimContentStore(sim.world, blobs, { rates: { evict: 1 }, strikesMax: 2 });
      const cache = createSimActionCache(sim.world, createMemoryActionCache(), blobs, {
        rates: { fail: 1 },
        strikesMax: 0,
      });
      const digests = ['a', 'b', 'c'].map((text) => blobs.add(text));
      for (const digest of digests) await content.findMissing([digest]);
      expect(blobs.findMissing(digests)).toEqual(digests.slice(0, 2));
      expect(await cache.get('', digests[0]!)).toBeUndefined();
    });
    expect(verdict.faults).toBe(2);
  });

  test('say through the view that holds for an action how large a blob may be', () => {
    const view = holdingFor(createMemoryContentStore({ maxBytes: 5 }), digestOf('action'));
    expect(view.blobBytesMax).toBe(5);
  });

  test('strike a blob that is written in pieces once, when it is whole', async () => {
    const verdict = await inSimulation(async (sim) => {
      const blobs = createMemoryContentStore({ maxBytes: 1_000 });
      const faults = { rates: { fail: 1 }, strikesMax: 1, maxDelayMs: 20 };
      const content = createSimContentStore(sim.world, blobs, faults);
      expect(content.blobBytesMax).toBe(1_000);
      const bytes = new TextEncoder().encode('in pieces');
      const digest = digestOf(bytes);
      const writer = content.openWrite(digest);
      await writer.write(0, bytes.subarray(0, 4));
      await writer.write(4, bytes.subarray(4));
      await expect(writer.finish()).rejects.toMatchObject({ code: 'RUNNER_INJECTED_FAULT' });
      expect(blobs.findMissing([digest])).toEqual([digest]);
      await writer.finish();
      await writer.finish();
      expect(textOf(await content.read(digest))).toBe('in pieces');

      const losing = createSimContentStore(sim.world, blobs, { rates: { evict: 1 }, name: 'losing' });
      const other = digestOf('lost');
      const lost = losing.openWrite(other);
      await lost.write(0, new TextEncoder().encode('lost'));
      await lost.finish();
      expect(blobs.findMissing([other])).toEqual([other]);
    });
    expect(verdict.faults).toBe(2);
  });

  test('lose one blob that nobody holds before blobs are held or looked for', async () => {
    const asked: string[] = [];
    const verdict = await inSimulation(async (sim) => {
      const blobs = createMemoryContentStore();
      const [a, b, c] = ['a', 'b', 'c'].map((text) => blobs.add(text)) as [Digest, Digest, Digest];
      const choices: Choices = {
        choose(question, n, words) {
          asked.push(`${typeof question === 'string' ? question : question.text} of ${n}`);
          asked.push(String(words?.(n - 1, question as Question)));
          return n - 1;
        },
      };
      const content = createSimContentStore({ ...sim.world, choices }, blobs, { rates: { evict: 0.5 } });
      const held = content.hold([a, b]);
      expect(blobs.findMissing([a, b, c])).toEqual([b]);
      expect(blobs.evict(a)).toBe(false);
      content.holdAlong!(a, [a, c, b]);
      expect(blobs.findMissing([a, b, c])).toEqual([b, c]);
      blobs.add('c');
      // Nothing is left that it might lose.
      content.hold([a, b, c, digestOf('')]).release();
      expect(asked).toHaveLength(4);
      held.release();
      expect(await content.findMissing([b, a])).toEqual([b, a]);
      expect(() => content.hold(['a' as never])).toThrow('digests');
    });
    expect(verdict.faults).toBe(3);
    const hashOf = (text: string): string => digestOf(text).hash.slice(0, 8);
    expect(asked).toEqual([
      `cas hold ${hashOf('a')} fault of 4`,
      `fault "evict" strikes cas hold ${hashOf('a')}, which loses blob ${hashOf('b')}`,
      `cas hold ${hashOf('a')} fault of 2`,
      `fault "evict" strikes cas hold ${hashOf('a')}, which loses blob ${hashOf('c')}`,
      `cas findMissing ${hashOf('b')} fault of 2`,
      `fault "evict" strikes cas findMissing ${hashOf('b')}, which loses blob ${hashOf('a')}`,
    ]);
  });

  test('of a content store strike only what they can lose', async () => {
    const verdict = await inSimulation(async (sim) => {
      const blobs = createMemoryContentStore();
      const content = createSimContentStore(sim.world, blobs, { rates: { evict: 1 }, strikesMax: 1 });
      const held = blobs.add('held');
      const hold = blobs.hold([held]);
      await content.read(held);
      for await (const part of content.readStream(held)) expect(textOf(part)).toBe('held');
      expect(await content.findMissing([held, digestOf('not here')])).toEqual([digestOf('not here')]);
      await content.write(held, new TextEncoder().encode('held'));
      const writer = content.openWrite(held);
      await writer.write(0, new TextEncoder().encode('held'));
      await writer.finish();
      await expect(content.read(digestOf('not here'))).rejects.toThrow(MissingBlobsError);
      await content.write(digestOf(''), new Uint8Array());
      await content.read(digestOf(''));
      hold.release();
      expect(blobs.findMissing([held])).toEqual([]);
      await expect(content.read(held)).rejects.toThrow(MissingBlobsError);
    });
    expect(verdict.faults).toBe(1);
  });

  test.for(['lose', 'stale'] as const)(
    'of a cache, kind %s, strike only what they can lose',
    async (kind) => {
      const verdict = await inSimulation(async (sim) => {
        const blobs = createMemoryContentStore();
        const results = createMemoryActionCache();
        const cache = createSimActionCache(sim.world, results, blobs, {
          rates: { [kind]: 1 },
          strikesMax: 1,
        });
        const action = digestOf('action');
        expect(await cache.get('', action)).toBeUndefined();
        const stdoutDigest = blobs.add('stdout');
        const outcome: ActionOutcome = {
          exitCode: 0,
          outputFiles: [],
          outputDirectories: [],
          outputSymlinks: [],
          stdoutDigest,
          metadata: { worker: '' },
        };
        const hold = blobs.hold([stdoutDigest]);
        if (kind === 'stale') await cache.put('', action, outcome);
        else results.put('', action, outcome);
        if (kind === 'stale') expect(await cache.get('', action)).toMatchObject({ stdoutDigest });
        hold.release();
        const isLost = (await cache.get('', action)) === undefined;
        expect([isLost, blobs.findMissing([stdoutDigest]).length]).toEqual(
          kind === 'lose' ? [true, 0] : [false, 1],
        );
      });
      expect(verdict.faults).toBe(1);
    },
  );

  test('find a scheduler that repeats an action whose input is lost, but not the one that made it', async () => {
    const failures = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const verdict = await simulate({ seed, keepTrace: false, scenario: repeatsTheConsumer });
      if (verdict.failure !== undefined) failures.add(verdict.failure.message);
    }
    expect([...failures]).toEqual(['the consumer failed 3 times']);
  });

  test('lose nothing that is held, and end their faults with those of the world', async () => {
    await inSimulation(async (sim) => {
      const blobs = createMemoryContentStore();
      const content = createSimContentStore(sim.world, blobs, { rates: { evict: 1 } });
      const digest = blobs.add('held');
      const hold = blobs.hold([digest]);
      for (let read = 0; read < 20; read += 1) expect(textOf(await content.read(digest))).toBe('held');
      hold.release();
      sim.heal();
      expect(await content.findMissing([digest])).toEqual([]);
    });
  });
});
