// Actions whose checkouts are directories of the disk: what comes out, and what never may.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { encodeAction, encodeCommand } from '../../../src/cas/action-messages.ts';
import { MESSAGES } from '../../../src/cas/codec.ts';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { createMemoryActionCache } from '../../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../../src/cas/memory-content-store.ts';
import { createMemoryTree } from '../../../src/filers/memory-tree.ts';
import { createCasFiler } from '../../../src/host/remote/cas-filer.ts';
import { createDiskContentStore } from '../../../src/host/remote/disk-content-store.ts';
import { createDiskActions } from '../../../src/host/remote/disk-actions.ts';
import { createExecRunner } from '../../../src/host/exec-runner.ts';
import type { DiskFiler } from '../../../src/host/filers/disk-filer.ts';
import { type ActionCommand, RPC_CODES } from '../../../src/model/action.ts';
import { Cancellation } from '../../../src/model/cancellation.ts';
import { type ActionStore, missingBlobsOf } from '../../../src/model/content-store.ts';
import { digestOfSnapshot, snapshotOfDigest, type Digest } from '../../../src/model/digest.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { createActionStore } from '../../../src/remote/action-store.ts';
import { createContentFiler } from '../../../src/remote/content-filer.ts';
import { diskSource, storeFile } from '../../../src/host/remote/stored-tree.ts';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from './small-disk.ts';

let dir: string;
let content: MemoryContentStore;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dryrunner-actions-'));
  content = createMemoryContentStore();
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const message = (error: unknown): string => (error as Error).message;
const rejection = (work: unknown): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a filer of input roots', () => {
  test('checks out what was ingested: content, bits, links, empty directories; and the same content has the same id', async () => {
    const filer = createCasFiler({ content, root: dir });
    const source = join(dir, 'source');
    mkdirSync(join(source, 'deep/empty'), { recursive: true });
    writeFileSync(join(source, 'deep/a'), 'a');
    writeFileSync(join(source, 'large'), 'l'.repeat(2_000_000));
    writeFileSync(join(source, 'tool'), '#!/bin/sh\n');
    chmodSync(join(source, 'tool'), 0o700);
    symlinkSync('../tool', join(source, 'deep/link'));
    const id = await filer.ingest(source);
    const checkout = await filer.checkout(id);
    expect(readdirSync(checkout.path, { recursive: true, encoding: 'utf8' }).sort()).toEqual([
      'deep',
      'deep/a',
      'deep/empty',
      'deep/link',
      'large',
      'tool',
    ]);
    expect(lstatSync(join(checkout.path, 'tool')).mode & 0o111).toBe(0o111);
    expect(lstatSync(join(checkout.path, 'deep/a')).mode & 0o111).toBe(0);
    expect(lstatSync(join(checkout.path, 'deep/link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(checkout.path, 'large'), 'utf8')).toHaveLength(2_000_000);
    expect(await filer.ingest(checkout.path)).toBe(id);
    await checkout.release();
    expect(existsSync(checkout.path)).toBe(false);
    const map = new Map([
      [join(source, 'tool'), 'bin/tool'],
      [join(source, 'deep'), 'd'],
    ]);
    const mapped = await filer.checkout(await filer.ingestMap(map));
    expect(readdirSync(mapped.path, { recursive: true, encoding: 'utf8' }).sort()).toEqual([
      'bin',
      'bin/tool',
      'd',
      'd/a',
      'd/empty',
      'd/link',
    ]);
    await mapped.release();
  });

  test('names all blobs that are missing, and leaves nothing', async () => {
    const filer = createCasFiler({ content, root: dir });
    const lost = [digestOf('one'), digestOf('two')] as const;
    const files = lost.map((digest, index) => ({ name: `f${index}`, digest }));
    const root = content.add(
      MESSAGES.Directory.encode({ files, directories: [{ name: 'd', digest: digestOf('dir') }] }),
    );
    const error = await rejection(filer.checkout(snapshotOfDigest(root)));
    expect(missingBlobsOf(error)).toEqual([digestOf('dir'), ...lost]);
    expect(readdirSync(dir)).toEqual([]);
    expect(await rejection(filer.checkout(`bz-${'0'.repeat(64)}--1`))).toMatchObject({
      code: 'RUNNER_UNKNOWN_SNAPSHOT',
    });
  });

  test.for([
    [{ files: [{ name: '../a', digest: digestOf('') }] }, 'directory.name: expected a name without "/"'],
    [
      { symlinks: [{ name: 'l', target: '../../etc' }] },
      'symlink l: expected a target inside the input root',
    ],
    [
      { files: [{ name: 'a', digest: digestOf('') }], symlinks: [{ name: 'a', target: 'b' }] },
      'directory.name: expected each name once',
    ],
  ] as const)('refuses a tree with %o before anything of it is written', async ([directory, text]) => {
    const filer = createCasFiler({ content, root: dir });
    const root = content.add(MESSAGES.Directory.encode(directory));
    expect(message(await rejection(filer.checkout(snapshotOfDigest(root))))).toContain(text);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('lets a cancel come through while it writes many small files, and leaves nothing', async () => {
    const store = createDiskContentStore({ dir: join(dir, 'store') });
    const bytes = new TextEncoder().encode('a small file');
    const digest = digestOf(bytes);
    const root = MESSAGES.Directory.encode({
      files: Array.from({ length: 5_000 }, (_, n) => ({ name: `f${n}`, digest })),
    });
    await store.write(digest, bytes);
    await store.write(digestOf(root), root);
    const target = join(dir, 'target');
    const cancel = new Cancellation();
    const filer = createCasFiler({ content: store, root: dir });
    const said = rejection(filer.checkoutAt(snapshotOfDigest(digestOf(root)), target, cancel));
    while (!existsSync(target) || readdirSync(target).length === 0) await new Promise(setImmediate);
    cancel.cancel('enough');
    expect(message(await said)).toContain('cancelled');
    expect(existsSync(target) ? readdirSync(target) : []).toEqual([]);
    store.close();
  });

  test('R170 a map with two sources for one target, or one below a link of another, is refused, and writes nowhere', async () => {
    const filer = createCasFiler({ content, root: dir });
    const [evil, outside, file] = [join(dir, 'evil'), join(dir, 'outside'), join(dir, 'file')];
    for (const path of [evil, outside]) mkdirSync(path);
    symlinkSync(outside, join(evil, 'l'));
    writeFileSync(join(evil, 'f'), 'f');
    writeFileSync(file, 'data');
    const before = readdirSync(dir);
    for (const [first, second, expected] of [
      ['a', 'a/l/x', 'one source for each target'],
      ['a', 'a/l/new/x', 'one source for each target'],
      ['a', 'a/l', 'one source for each target'],
      ['a', 'a/f', 'one source for each target'],
      ['a', 'a', 'one source for each target'],
      ['a/b', 'a', 'one source for each target'],
      ['b', '', 'a name for the file'],
    ] as const) {
      for (const paths of [
        [evil, first, file, second],
        [file, second, evil, first],
      ] as const) {
        const map = new Map([
          [paths[0], paths[1]],
          [paths[2], paths[3]],
        ]);
        expect(await rejection(filer.ingestMap(map))).toMatchObject({
          code: 'RUNNER_INVALID_ARGUMENT',
          expected,
        });
      }
    }
    expect([readdirSync(dir), readdirSync(outside)]).toEqual([before, []]);
    for (const path of [join(file, 'below'), join(dir, 'none'), join(dir, 'n'.repeat(300))]) {
      expect(await rejection(filer.ingestMap(new Map([[path, 'x']])))).toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        exitCode: 214,
      });
    }
  });

  test('R170 R171 takes a .. behind a link as the system does', async () => {
    const filer = createCasFiler({ content, root: dir });
    for (const each of ['there/in', 'there/other/d', 'other/d']) {
      mkdirSync(join(dir, each), { recursive: true });
    }
    symlinkSync(join(dir, 'there', 'in'), join(dir, 'link'));
    writeFileSync(join(dir, 'there/other/d/f'), 'right');
    writeFileSync(join(dir, 'other/d/f'), 'wrong');
    const id = await filer.ingest(`${dir}/link/../other`);
    expect(id).toBe(await filer.ingest(join(dir, 'there/other')));
    for (const each of ['there/other', 'other']) rmSync(join(dir, each, 'd'), { recursive: true });
    await filer.checkoutAt(id, `${dir}/link/../other`);
    expect(readFileSync(join(dir, 'there/other/d/f'), 'utf8')).toBe('right');
    expect(readdirSync(join(dir, 'other'))).toEqual([]);
  });

  test('refuses to ingest links that lead out, and anything but files and directories', async () => {
    const filer = createCasFiler({ content, root: dir });
    mkdirSync(join(dir, 's'));
    symlinkSync('/etc', join(dir, 's/l'));
    expect(message(await rejection(filer.ingest(join(dir, 's'))))).toContain('link that could lead out');
    expect(await rejection(filer.ingest('/dev/null'))).toMatchObject({ code: 'RUNNER_FILER_FAILED' });
  });
});

const NO_COMMAND: ActionCommand = {
  arguments: ['true'],
  environmentVariables: {},
  outputFiles: [],
  outputDirectories: [],
  outputPaths: [],
  workingDirectory: '',
  platform: [],
};

describe('R190 R191 outputs on the disk', () => {
  const actions = () => createDiskActions({ content, cache: createMemoryActionCache() });
  const cancel = new Cancellation();

  test('are files with their bits, directories as trees, links that stay inside; what is not there is left out', async () => {
    const command = {
      ...NO_COMMAND,
      workingDirectory: 'w',
      outputPaths: ['o/a', 'o/none', 'o/d', 'p', 'l'],
    };
    await actions().prepareOutputs(dir, command, cancel);
    expect(existsSync(join(dir, 'w/o'))).toBe(true);
    writeFileSync(join(dir, 'w/o/a'), 'a', { mode: 0o755 });
    mkdirSync(join(dir, 'w/o/d/e'), { recursive: true });
    writeFileSync(join(dir, 'w/o/d/e/f'), 'f');
    writeFileSync(join(dir, 'w/p'), 'p', { mode: 0o644 });
    symlinkSync('p', join(dir, 'w/l'));
    symlinkSync('../../../x', join(dir, 'w/o/d/up'));
    const outputs = await actions().storeOutputs(dir, command, cancel);
    expect(outputs.outputFiles).toEqual([
      { path: 'o/a', digest: digestOf('a'), isExecutable: true },
      { path: 'p', digest: digestOf('p'), isExecutable: false },
    ]);
    expect(outputs.outputSymlinks).toEqual([{ path: 'l', target: 'p' }]);
    const [tree] = outputs.outputDirectories;
    const { root, children } = MESSAGES.Tree.decode(content.read(tree?.treeDigest as Digest));
    expect([root?.directories.map(({ name }) => name), children.map(({ files }) => files[0]?.name)]).toEqual([
      ['e'],
      ['f'],
    ]);
    // It leads out of its directory, and not out of the input root.
    expect(root?.symlinks).toEqual([{ name: 'up', target: '../../../x' }]);
  });

  test.for<readonly [string, Partial<ActionCommand>, () => void, string]>([
    [
      'a directory for a file',
      { outputFiles: ['a'] },
      () => mkdirSync(join(dir, 'a')),
      'output a: expected a file, got a directory',
    ],
    [
      'a file for a directory',
      { outputDirectories: ['a'] },
      () => writeFileSync(join(dir, 'a'), ''),
      'output a: expected a directory, got a file',
    ],
    [
      'a link that leads out',
      { outputPaths: ['a'] },
      () => symlinkSync('/etc/passwd', join(dir, 'a')),
      'link that could lead out of the input root: a -> /etc/passwd',
    ],
    [
      'a parent that is a link out',
      { outputPaths: ['a/passwd'] },
      () => symlinkSync('/etc', join(dir, 'a')),
      'output outside of the input root',
    ],
    [
      'a link out in a directory',
      { outputPaths: ['a'] },
      () => {
        mkdirSync(join(dir, 'a'));
        symlinkSync('../../x', join(dir, 'a/l'));
      },
      'link that could lead out of the input root: a/l -> ../../x',
    ],
    [
      'a pipe in a directory',
      { outputPaths: ['a'] },
      () => {
        mkdirSync(join(dir, 'a/b'), { recursive: true });
        spawnSync('mkfifo', [join(dir, 'a/b/p')]);
      },
      'neither file, directory nor link: a/b/p',
    ],
  ])('with %s are refused', async ([, command, make, text]) => {
    make();
    expect(
      message(await rejection(actions().storeOutputs(dir, { ...NO_COMMAND, ...command }, cancel))),
    ).toContain(text);
  });

  test('are not prepared through a link that leads out', async () => {
    symlinkSync('/tmp', join(dir, 'a'));
    const command = { ...NO_COMMAND, outputFiles: ['a/made/by/b'] };
    expect(message(await rejection(actions().prepareOutputs(dir, command, cancel)))).toContain(
      'output outside of the input root',
    );
  });
});

/** What is in a checkout: text of a file, `-> target` of a link. */
type Made = Readonly<Record<string, string>>;

/** The Bazel path in memory and on the disk, to be compared. */
const PLACES = {
  memory() {
    const tree = createMemoryTree();
    return {
      filer: createContentFiler({ content, tree }),
      actions: createActionStore({ content, cache: createMemoryActionCache(), tree, javaHome: '/usr/jdk' }),
      at: '/checkout',
      make(path: string, text: string) {
        if (text.startsWith('-> ')) tree.makeLink(path, text.slice(3));
        else tree.writeFile(path, text);
      },
      linkAt(path: string) {
        const entry = tree.entryAt(path);
        return entry?.kind === 'link' ? entry.target : undefined;
      },
    };
  },
  disk() {
    vi.stubEnv('JAVA_HOME', '/usr/jdk');
    onTestFinished(() => void vi.unstubAllEnvs());
    return {
      filer: createCasFiler({ content }),
      actions: createDiskActions({ content, cache: createMemoryActionCache() }),
      at: dir,
      make(path: string, text: string) {
        mkdirSync(dirname(path), { recursive: true });
        if (text.startsWith('-> ')) symlinkSync(text.slice(3), path);
        else writeFileSync(path, text);
      },
      linkAt: (path: string) => readlinkSync(path),
    };
  },
};

describe('R190 R191 checkouts in memory and on the disk', () => {
  const cancel = new Cancellation();
  const made = (place: keyof typeof PLACES, files: Made) => {
    const parts = PLACES[place]();
    for (const [path, text] of Object.entries(files)) parts.make(`${parts.at}/${path}`, text);
    return parts;
  };

  test('have the same root for the same files, names in the order of their bytes', async () => {
    const files = { '\u{1F600}': 'smile', '\uFF5E': 'tilde', 'd/e/f': 'f', 'd/l': '-> e/f', z: '' };
    const roots = [];
    for (const place of ['memory', 'disk'] as const) {
      const { filer, at } = made(place, files);
      roots.push(await filer.ingest(at));
    }
    expect(roots[0]).toBe(roots[1]);
    const root = MESSAGES.Directory.decode(content.read(digestOfSnapshot(roots[0] ?? '') as Digest));
    expect(root.files.map(({ name }) => name)).toEqual(['z', '\uFF5E', '\u{1F600}']);
  });

  describe.each(['memory', 'disk'] as const)('in %s', (place) => {
    test('output_paths replace the two older lists, so that nothing is stored twice', async () => {
      const { actions, at } = made(place, { a: 'A', 'd/x': 'X', other: 'O' });
      const lists = { outputPaths: ['a', 'd'], outputFiles: ['a', 'other'], outputDirectories: ['d'] };
      const outputs = await actions.storeOutputs(at, { ...NO_COMMAND, ...lists }, cancel);
      expect(outputs.outputFiles.map(({ path }) => path)).toEqual(['a']);
      expect(outputs.outputDirectories.map(({ path }) => path)).toEqual(['d']);
    });

    test.each([
      ['a', { a: '-> ../out' }],
      ['a', { a: '-> /etc/passwd' }],
      ['d', { 'd/l': '-> ../../other', other: '' }],
    ])('a link that leads out is no output: %s of %o', async (path, files) => {
      const { actions, at } = made(place, files);
      const error = await rejection(actions.storeOutputs(at, { ...NO_COMMAND, outputPaths: [path] }, cancel));
      expect(error).toMatchObject({ code: 'RUNNER_FILER_FAILED' });
      expect(message(error)).toContain('lead');
    });

    test.each<readonly [string, Made, string]>([
      ['a file', { f: 'F' }, 'file f'],
      ['a link to a file', { f: '-> g', g: 'G' }, 'link f, which leads to no directory'],
      ['a link to a link to a file', { f: '-> a', a: '-> d/b', 'd/b': '-> ../g', g: 'G' }, 'link f, which'],
      ['a link to nothing', { f: '-> none' }, 'link f, which leads to no directory'],
      ['a link below a file', { f: '-> g/x', g: 'G' }, 'link f, which leads to no directory'],
      ['a circle of links', { f: '-> a', a: '-> f' }, 'link f, which leads to no directory'],
    ])('no output is prepared below %s', async (_title, files, input) => {
      const { actions, at } = made(place, files);
      const command = { ...NO_COMMAND, outputPaths: ['f/x/y'] };
      const error = await rejection(actions.prepareOutputs(at, command, cancel));
      expect(error).toMatchObject({ code: 'RUNNER_BAD_MESSAGE' });
      expect(message(error)).toContain(`command: expected no output below the input ${input}`);
      expect(message(error)).toContain('got "f/x/y"');
    });

    test.each(['-> ../../f', '-> /f', '-> d/../../f'])(
      'no output is prepared below a link %s',
      async (link) => {
        const { actions, at } = made(place, { f: link, 'd/e': '' });
        if (place === 'disk') {
          // Where these lead to depends on the disk.
          rmSync(join(at, 'f'));
          symlinkSync(join(at, '..'), join(at, 'f'));
        }
        const command = { ...NO_COMMAND, outputPaths: ['f/x'] };
        const error = await rejection(actions.prepareOutputs(at, command, cancel));
        expect(error).toMatchObject({ exitCode: 230, message: 'output outside of the input root: f/x' });
      },
    );

    test('an output is prepared below a link to a directory on the disk only', async () => {
      const { actions, at } = made(place, { f: '-> d/./e', 'd/e/file': '' });
      const prepared = actions.prepareOutputs(at, { ...NO_COMMAND, outputPaths: ['f/x/y'] }, cancel);
      if (place === 'disk') {
        await prepared;
        expect(readdirSync(join(at, 'd/e')).sort()).toEqual(['file', 'x']);
      } else {
        expect(await rejection(prepared)).toMatchObject({
          exitCode: 230,
          message: 'outputs below the link f: a tree in memory has no entries behind a link',
        });
      }
    });

    test('a link that leads out is not ingested', async () => {
      const { filer, at } = made(place, { 's/l': '-> ../x' });
      expect(await rejection(filer.ingest(`${at}/s`))).toMatchObject({ code: 'RUNNER_FILER_FAILED' });
    });

    test('JDK_SYMLINK is below the checkout, whatever the working directory', async () => {
      const { actions, at, linkAt } = PLACES[place]();
      const platform = [{ name: 'JDK_SYMLINK', value: 'tools/jdk' }];
      await actions.prepareOutputs(at, { ...NO_COMMAND, workingDirectory: 'w', platform }, cancel);
      expect(linkAt(`${at}/tools/jdk`)).toBe('/usr/jdk');
      const outside = { ...NO_COMMAND, platform: [{ name: 'JDK_SYMLINK', value: '../jdk' }] };
      expect(await rejection(actions.prepareOutputs(at, outside, cancel))).toMatchObject({ exitCode: 230 });
      if (place !== 'disk') return;
      // The machine's paths concern no client.
      expect(await rejection(actions.prepareOutputs(at, { ...NO_COMMAND, platform }, cancel))).toMatchObject({
        exitCode: 230,
        message: 'outputs could not be prepared: file already exists',
      });
    });

    test('no blob of a checkout goes while it is written', async () => {
      const { filer, at } = made(place, { a: 'A', b: 'B' });
      const id = await filer.ingest(at);
      const read = content.read.bind(content);
      const evicted: boolean[] = [];
      content.read = (digest, range) => {
        if (digest.hash === digestOf('A').hash) evicted.push(content.evict(digestOf('B')));
        return read(digest, range);
      };
      await (await filer.checkout(id)).release();
      expect(evicted).toEqual([false]);
    });

    test('a result that names blobs that are gone is not cached', async () => {
      const { actions } = PLACES[place]();
      const outcome = {
        exitCode: 0,
        outputFiles: [{ path: 'a', digest: digestOf('gone'), isExecutable: false }],
        outputDirectories: [],
        outputSymlinks: [],
        metadata: { worker: 'w' },
      };
      const error = await rejection(actions.keep({ actionDigest: digestOf('action') }, outcome, cancel));
      expect(missingBlobsOf(error)).toEqual([digestOf('gone')]);
    });
  });
});

/** What others do to the folder of an action at two moments. */
interface Meanwhile {
  readonly beforePrepare?: (dir: string) => void;
  readonly beforeExec?: (dir: string) => void;
}
const NOTHING: Meanwhile = {};

function withHook(actions: ActionStore, hook: ((dir: string) => void) | undefined): ActionStore {
  const prepare = actions.prepareOutputs.bind(actions);
  vi.spyOn(actions, 'prepareOutputs').mockImplementation((made, command, cancel) => {
    hook?.(made);
    return prepare(made, command, cancel);
  });
  return actions;
}

/** The hook comes after the last check before the process starts. */
function withHookBeforeExec(filer: DiskFiler, hook: ((dir: string) => void) | undefined): DiskFiler {
  const checkout = filer.checkout.bind(filer);
  vi.spyOn(filer, 'checkout').mockImplementation(async (id, cancel) => {
    const made = await checkout(id, cancel);
    const requireIntact = made.requireIntact.bind(made);
    vi.spyOn(made, 'requireIntact').mockImplementationOnce(async () => {
      await requireIntact();
      hook?.(made.path);
    });
    return made;
  });
  return filer;
}

describe('actions on real workers', () => {
  const run = async (
    command: Partial<ActionCommand>,
    timeoutMs?: number,
    { root = dir, input: inputText = 'input', cache = createMemoryActionCache(), meanwhile = NOTHING } = {},
  ): Promise<RunStatus> => {
    const actions = withHook(createDiskActions({ content, cache }), meanwhile.beforePrepare);
    const filer = withHookBeforeExec(createCasFiler({ content, root }), meanwhile.beforeExec);
    const runner = createExecRunner({ actions, filers: new Map([['bazel', { filer }]]) });
    const input = content.add(
      MESSAGES.Directory.encode({ files: [{ name: 'in', digest: content.add(inputText) }] }),
    );
    const commandDigest = content.add(encodeCommand({ ...NO_COMMAND, ...command }));
    const times = timeoutMs === undefined ? {} : { timeoutMs };
    const actionDigest = content.add(
      encodeAction({ commandDigest, inputRootDigest: input, doNotCache: false, ...times }),
    );
    const { runId } = await runner.run({
      argv: ['true'],
      snapshotId: snapshotOfDigest(actionDigest),
      executeRequest: { actionDigest },
    });
    const { status } = await finalStatus(runner, runId);
    await runner.release();
    await runner.outputs.dispose();
    return status;
  };
  const text = (digest: Digest | undefined): string => Buffer.from(content.read(digest as Digest)).toString();

  test('R191 give exit code, outputs and logs', async () => {
    const command = 'cat in; echo oops >&2; echo "$WHO" > out/a; exit 3';
    const environmentVariables = { WHO: 'me', PATH: process.env['PATH'] ?? '' };
    const status = await run({
      arguments: ['/bin/sh', '-c', command],
      environmentVariables,
      outputFiles: ['out/a'],
    });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
    const result = status.actionResult?.result;
    expect(result?.exitCode).toBe(3);
    expect([
      text(result?.stdoutDigest),
      text(result?.stderrDigest),
      text(result?.outputFiles[0]?.digest),
    ]).toEqual(['input', 'oops\n', 'me\n']);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('R191 whose input root they have replaced by a link leave no outputs from elsewhere', async () => {
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'a secret');
    const script = 'here=$(pwd -P); mv "$here" "$0/away"; ln -s "$0" "$here"';
    const root = join(dir, 'root');
    mkdirSync(root);
    for (const path of ['secret', '']) {
      const command = { arguments: ['/bin/sh', '-c', script, outside], outputPaths: [path] };
      const status = await run(command, undefined, { root });
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(status.actionResult?.grpcStatus).toEqual(GONE);
      expect(content.findMissing([digestOf('a secret')])).toHaveLength(1);
      expect(readdirSync(root)).toEqual([]);
      rmSync(join(outside, 'away'), { recursive: true });
    }
  });

  const GONE = {
    code: RPC_CODES.UNAVAILABLE,
    message: 'the folder of the action was removed or replaced meanwhile',
  };

  test.for([
    ['removed', 'rm -r "$here"; exit 0'],
    ['removed, and fails for it', 'rm -r "$here"; cat in'],
    ['replaced by a file', 'rm -r "$here"; echo wrong > "$here"'],
    ['replaced by another folder', 'mv "$here" "$here-away"; mkdir "$here"; echo wrong > "$here/o"'],
  ])(
    'R191 R192 whose input root is %s while they run are UNAVAILABLE, and not cached',
    async ([, script = '']) => {
      const cache = createMemoryActionCache();
      const put = vi.spyOn(cache, 'put');
      const command = { arguments: ['/bin/sh', '-c', `here=$(pwd -P); echo o > o; ${script}`] };
      const status = await run({ ...command, outputPaths: ['o'] }, undefined, { cache });
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 250 });
      expect(status.actionResult?.grpcStatus).toEqual(GONE);
      expect(put).not.toHaveBeenCalled();
    },
  );

  // The command stands for a removal by somebody else, which looks the same.
  test.for<readonly [string, string, Partial<ActionCommand>, boolean]>([
    ['an output and an input', 'rm in', { outputPaths: ['o'] }, false],
    ['an output and its folder', 'rm -r out', { outputPaths: ['out/o'] }, false],
    [
      'an output and the working directory',
      'rm -r ../w',
      { workingDirectory: 'w', outputPaths: ['o'] },
      false,
    ],
    ['one of two outputs, and an input', 'echo o > o; rm in', { outputPaths: ['o', 'p'] }, false],
    ['an output alone', ':', { outputPaths: ['out/o'] }, true],
    ['an input alone', 'echo o > o; rm in', { outputPaths: ['o'] }, true],
  ])(
    'R191 R192 whose folder lacks %s at the end give a result, cached unless outputs may have been removed',
    async ([, script, command, isCached]) => {
      const cache = createMemoryActionCache();
      const put = vi.spyOn(cache, 'put');
      const status = await run({ arguments: ['/bin/sh', '-c', script], ...command }, undefined, { cache });
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, error: '' });
      expect(put).toHaveBeenCalledTimes(isCached ? 1 : 0);
    },
  );

  const remove = (path: string): void => rmSync(path, { recursive: true });
  const replace = (path: string): void => {
    renameSync(path, `${path}-away`);
    mkdirSync(path);
  };
  test.for<readonly [string, Meanwhile, number, string]>([
    ['removed before their outputs are prepared', { beforePrepare: remove }, 230, ''],
    ['replaced before their outputs are prepared', { beforePrepare: replace }, 230, ''],
    ['removed before their process starts', { beforeExec: remove }, 240, 'could not exec: '],
  ])('R189 R190 whose input root is %s are UNAVAILABLE', async ([, meanwhile, exitCode, prefix]) => {
    const command = { arguments: ['/bin/sh', '-c', 'touch ran'], outputPaths: ['d/o'] };
    const status = await run(command, undefined, { meanwhile });
    expect(status).toMatchObject({ state: 'FAILED', exitCode });
    expect(status.actionResult?.grpcStatus).toEqual({ ...GONE, message: `${prefix}${GONE.message}` });
    expect(readdirSync(dir, { recursive: true })).not.toContainEqual(expect.stringMatching(/ran$/));
  });

  test.for([
    ['truncate -s 2G out', 'out'],
    ['mkdir out; truncate -s 2G out/file', 'out/file'],
  ])(
    'R191 with outputs larger than the store are RESOURCE_EXHAUSTED before they are read: %s',
    async ([script = '', path]) => {
      content = createMemoryContentStore({ maxBytes: 1_000_000 });
      const status = await run({ arguments: ['/bin/sh', '-c', script], outputPaths: ['out'] });
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 250 });
      const { code, message: sentence } = status.actionResult?.grpcStatus ?? {};
      expect(code).toBe(RPC_CODES.RESOURCE_EXHAUSTED);
      expect(sentence).toMatch(
        /^expected at most 1000000 B, which the content store can hold, got 2147483648 B: output /,
      );
      expect(sentence).toMatch(new RegExp(` output ${path}$`));
      expect(readdirSync(dir)).toEqual([]);
    },
  );

  test('R191 with an output that cannot be read, or changes meanwhile, are failures that name it, without a path of the machine', async () => {
    const said = async (path: string): Promise<string> =>
      message(await rejection(storeFile(content, path, undefined, 'output d/o')));
    expect(await said(join(dir, 'none'))).toBe('output d/o cannot be read: no such file or directory');
    const large = join(dir, 'large');
    writeFileSync(large, Buffer.alloc(3_000_000, 'a'));
    vi.spyOn(content, 'findMissing').mockImplementationOnce((digests) => {
      writeFileSync(large, Buffer.alloc(3_000_000, 'b'));
      return digests;
    });
    expect(await said(large)).toBe('output d/o has changed while it was stored');
    const folder = await diskSource(dir, 'output d');
    expect(message(await rejection(folder.entriesOf('none')))).toBe(
      'output d/none cannot be read: no such file or directory',
    );
    expect(message(await rejection(folder.targetOf('none')))).toBe(
      'output d/none cannot be read: no such file or directory',
    );
    expect(message(await rejection(diskSource(join(dir, 'none'), 'output d')))).toBe(
      'output d cannot be read: no such file or directory',
    );
  });

  // POSIX shells make such names with printf alone.
  const BAD = `bad="$(printf '\\377')"`;
  test.for([
    ['a name', 'mkdir out; : > out/$bad', 'name that is not UTF-8: output out/\\xff'],
    [
      'a link in a folder',
      'mkdir out; ln -s $bad out/l',
      'link whose target is not UTF-8: output out/l -> \\xff',
    ],
    ['a link', 'ln -s $bad out', 'link whose target is not UTF-8: output out -> \\xff'],
  ] as const)(
    'R191 with %s that is not UTF-8 fail without a path of the machine',
    async ([, script, said]) => {
      const status = await run({ arguments: ['/bin/sh', '-c', `${BAD}; ${script}`], outputPaths: ['out'] });
      expect(status.actionResult?.grpcStatus).toEqual({ code: RPC_CODES.INTERNAL, message: said });
      expect(status.error).not.toContain(dir);
    },
  );

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk('R189 whose inputs do not fit on the disk are RESOURCE_EXHAUSTED'),
    async () => {
      const small = new SmallDisk(256);
      onTestFinished(() => small.remove());
      for (const input of ['small', 'x'.repeat(60_000).repeat(20)]) {
        const status = await run({ arguments: ['/bin/true'] }, undefined, { root: small.dir, input });
        const code = status.actionResult?.grpcStatus?.code;
        expect([status.state, code]).toEqual(
          input === 'small' ? ['COMPLETE', undefined] : ['FAILED', RPC_CODES.RESOURCE_EXHAUSTED],
        );
      }
      expect(readdirSync(small.dir)).toEqual([]);
    },
  );

  test.for([
    ['have no room on the disk', 'ENOSPC'],
    ['need more files than may be open', 'EMFILE'],
  ])('R81 R189 whose inputs %s for a moment do not make their runner unhealthy', async ([, code]) => {
    const input = content.add('input');
    const root = content.add(MESSAGES.Directory.encode({ files: [{ name: 'in', digest: input }] }));
    let isFull = true;
    const read = content.read.bind(content);
    vi.spyOn(content, 'read').mockImplementation((digest, range) => {
      // As the disk would say where the file is written.
      if (isFull && digest.hash === input.hash) throw Object.assign(new Error(code), { code });
      return read(digest, range);
    });
    const runner = createExecRunner({
      actions: createDiskActions({ content, cache: createMemoryActionCache() }),
      filers: new Map([['bazel', { filer: createCasFiler({ content, root: dir }) }]]),
    });
    const commandDigest = content.add(encodeCommand({ ...NO_COMMAND, arguments: ['/bin/true'] }));
    const actionDigest = content.add(
      encodeAction({ commandDigest, inputRootDigest: root, doNotCache: true }),
    );
    const states: string[] = [];
    for (isFull of [true, true, true, false]) {
      const command = {
        argv: ['true'],
        snapshotId: snapshotOfDigest(actionDigest),
        executeRequest: { actionDigest },
      };
      const { status } = await finalStatus(runner, (await runner.run(command)).runId);
      states.push(`${status.state} ${status.actionResult?.grpcStatus?.code ?? ''}`);
    }
    const full = `FAILED ${RPC_CODES.RESOURCE_EXHAUSTED}`;
    expect(states).toEqual([full, full, full, 'COMPLETE ']);
    await runner.release();
    await runner.outputs.dispose();
  });

  test.for([['in/out'], ['in/deep/out']])(
    'R190 with output %s below an input file are INVALID_ARGUMENT',
    async ([path = '']) => {
      const status = await run({ arguments: ['/bin/true'], outputFiles: [path] });
      expect(status).toMatchObject({ state: 'FAILED', exitCode: 230 });
      expect(status.actionResult?.grpcStatus).toEqual({
        code: RPC_CODES.INVALID_ARGUMENT,
        message: `command: expected no output below the input file in, got "${path}"`,
      });
      expect(readdirSync(dir)).toEqual([]);
    },
  );

  test('R194 time out with all that they started', async () => {
    const status = await run({ arguments: ['/bin/sh', '-c', '/bin/sleep 98765 & /bin/sleep 98765'] }, 300);
    expect(status.state).toBe('TIMEDOUT');
    expect(status.actionResult).toBeUndefined();
  });
});
