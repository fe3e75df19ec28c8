import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createMemoryFiler } from '../../src/filers/memory-filer.ts';
import { createMemoryTree, type MemoryTree } from '../../src/filers/memory-tree.ts';
import { createContentFiler } from '../../src/remote/content-filer.ts';

const unknown = (id: string): unknown =>
  expect.objectContaining({ code: 'RUNNER_UNKNOWN_SNAPSHOT', message: `No snapshot with id: ${id}` });
const failed = (message: string): unknown =>
  expect.objectContaining({ code: 'RUNNER_FILER_FAILED', message });
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function sources(): ReturnType<typeof createMemoryTree> {
  const tree = createMemoryTree();
  tree.writeFile('/src/bin/run.sh', 'echo hi', true);
  tree.writeFile('/src/readme', 'read');
  tree.makeDir('/src/empty');
  return tree;
}

describe('the in-memory filer', () => {
  test('R174 ingestions give 0, 1, … and a directory comes back as its contents', () => {
    const filer = createMemoryFiler(sources());
    expect([filer.ingest('/src'), filer.ingest('/src/bin')]).toEqual(['0', '1']);
    const checkout = filer.checkout('0');
    expect(checkout).toMatchObject({ id: '0', path: '/checkouts/0' });
    expect(filer.tree.entriesUnder(checkout.path)).toEqual(filer.tree.entriesUnder('/src'));
    expect([...filer.tree.entriesUnder(filer.checkout('1').path).keys()]).toEqual(['run.sh']);
    expect(filer.tree.entryAt('/checkouts/1/run.sh')).toMatchObject({ kind: 'file', executable: true });
  });

  test('R174 a file ingests as one file', () => {
    const filer = createMemoryFiler(sources());
    const { path } = filer.checkout(filer.ingest('/src/bin/run.sh'));
    expect([...filer.tree.entriesUnder(path).keys()]).toEqual(['run.sh']);
    expect(text(filer.tree.readFile(`${path}/run.sh`))).toBe('echo hi');
  });

  test('R170 ingestMap puts each source at its target', () => {
    const filer = createMemoryFiler(sources());
    const paths = new Map([
      ['/src/bin', 'a/b'],
      ['/src/readme', 'a/README'],
      ['/src/empty', ''],
    ]);
    const { path } = filer.checkout(filer.ingestMap(paths));
    expect([...filer.tree.entriesUnder(path).keys()]).toEqual(['a', 'a/b', 'a/b/run.sh', 'a/README']);
  });

  test.for(['0', '-1', '00', ' 0', '1e0', 'x', '', '../../etc'])('R174 the unknown id %j is named', (id) => {
    const filer = createMemoryFiler(sources());
    expect(() => filer.checkout(id)).toThrow(unknown(id));
    if (id === '0') return;
    filer.ingest('/src');
    filer.ingest('/src');
    expect(() => filer.checkout(id)).toThrow(unknown(id));
  });

  test('R171 R172 D88 D89 a release removes the checkout, wherever it is, and a second one removes nothing', () => {
    const filer = createMemoryFiler(sources());
    const id = filer.ingest('/src');
    for (const checkout of [filer.checkout(id), filer.checkoutAt(id, '/work/here')]) {
      checkout.release();
      expect(filer.tree.kindOf(checkout.path)).toBeUndefined();
      const other = filer.checkoutAt(id, checkout.path);
      checkout.release();
      expect(filer.tree.kindOf(`${other.path}/readme`)).toBe('file');
    }
  });

  test('R172 a release leaves the directories that were there before, and none that a checkout has made', () => {
    const filer = createMemoryFiler(sources());
    const id = filer.ingest('/src');
    filer.tree.makeDir('/mine/empty');
    const before = filer.tree.entriesUnder('/');
    const places = ['/mine/empty', '/mine/new/er', '/mine/new/est/', '//deep/er//still', '/deep'];
    const open = places.slice(0, -1).map((dir) => filer.checkoutAt(id, dir));
    filer.tree.writeFile('/mine/empty/left', 'by the run');
    for (const checkout of [filer.checkout(id), filer.checkout(id), ...open]) checkout.release();
    expect(filer.tree.entriesUnder('/')).toEqual(before);
    for (const dir of places) filer.checkoutAt(id, dir).release();
    expect(filer.tree.entriesUnder('/')).toEqual(before);
    const replaced = filer.checkoutAt(id, '/mine/empty');
    filer.tree.remove('/mine/empty');
    filer.tree.writeFile('/mine/empty', '');
    replaced.release();
    filer.tree.writeFile('/mine/empty', '');
    expect(() => filer.checkoutAt(id, '/mine/empty/too')).toThrow(failed('Not a directory: /mine/empty'));
    filer.tree.remove('/mine/empty');
    filer.tree.makeDir('/mine/empty/too');
    filer.checkoutAt(id, '/mine/empty/too').release();
    const around = filer.checkoutAt(id, '/a/b/c');
    filer.tree.writeFile('/a/file', '');
    around.release();
    expect([...filer.tree.entriesUnder('/').keys()].filter((path) => !path.startsWith('src'))).toEqual([
      'mine',
      'mine/empty',
      'mine/empty/too',
      'a',
      'a/file',
    ]);
  });

  test('R171 changes in one checkout affect neither the snapshot nor another checkout', () => {
    const filer = createMemoryFiler(sources());
    const id = filer.ingest('/src');
    const [first, second] = [filer.checkout(id), filer.checkout(id)];
    filer.tree.writeFile(`${first.path}/readme`, 'changed');
    filer.tree.writeFile('/src/readme', 'changed too');
    expect(text(filer.tree.readFile(`${second.path}/readme`))).toBe('read');
    expect(text(filer.tree.readFile(`${filer.checkout(id).path}/readme`))).toBe('read');
  });

  test('R170 a missing source, a directory that is not empty and a target that is not relative are refused', () => {
    const filer = createMemoryFiler(sources());
    const id = filer.ingest('/src');
    expect(() => filer.ingest('/none')).toThrow(failed('No such file or directory: /none'));
    expect(() => filer.checkoutAt(id, '/src')).toThrow(failed('Not an empty directory: /src'));
    expect(() => filer.checkoutAt(id, '/src/readme')).toThrow(failed('Not an empty directory: /src/readme'));
    expect(filer.checkoutAt(id, '/src/empty').path).toBe('/src/empty');
    for (const target of ['/abs', 'a/../../b', '..', './a', 'a//b', 'a/', 'a\0b', 7 as never]) {
      expect(() => filer.ingestMap(new Map([['/src', target]]))).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          expected: 'a relative path without empty, . or .. segments',
        }),
      );
    }
    expect(filer.ingest('/src')).toBe('1');
  });

  const CLASHES: [string, Record<string, string>, string][] = [
    [
      'two files for one target',
      { '/src/readme': 'x', '/src/bin/run.sh': 'x' },
      'one source for each target',
    ],
    [
      'a file and a folder for one target',
      { '/src/readme': 'x', '/src/bin': 'x' },
      'one source for each target',
    ],
    [
      'a folder and a file for one target',
      { '/src/bin': 'x', '/src/readme': 'x' },
      'one source for each target',
    ],
    ['a file in a folder twice', { '/src/bin': '', '/src/readme': 'run.sh' }, 'one source for each target'],
    ['a target below a file', { '/src/readme': 'x', '/src/bin/run.sh': 'x/y' }, 'one source for each target'],
    ['a target above a file', { '/src/bin/run.sh': 'x/y', '/src/readme': 'x' }, 'one source for each target'],
    ['a file as the root', { '/src/readme': '' }, 'a name for the file'],
    ['a link as the root', { '/link': '' }, 'a name for the file'],
  ];
  const FILERS = [
    ['in-memory', (tree: MemoryTree) => createMemoryFiler(tree)],
    ['content', (tree: MemoryTree) => createContentFiler({ content: createMemoryContentStore(), tree })],
  ] as const;

  test.for(FILERS)(
    'R171 D98 a release of the %s filer removes a checkout with all that it and its run have put there',
    async ([, create]) => {
      const tree = sources();
      const filer = create(tree);
      const id = await filer.ingest('/src');
      for (const make of [() => filer.checkout(id), () => filer.checkoutAt(id, '/not/there/yet')]) {
        const { path, release } = await make();
        tree.writeFile(`${path}/deep/er/left`, 'by the run');
        expect([...tree.entriesUnder(path).keys()]).toEqual(
          expect.arrayContaining(['bin/run.sh', 'deep/er/left']),
        );
        await release();
        expect([tree.kindOf(path), tree.entriesUnder(path).size]).toEqual([undefined, 0]);
      }
    },
  );

  describe.for(FILERS)('a map for the %s filer', ([, make]) => {
    test.for(CLASHES)('R170 is refused with %s', async ([, paths, expected]) => {
      const tree = sources();
      tree.makeLink('/link', 'src');
      const filer = make(tree);
      await expect((async () => filer.ingestMap(new Map(Object.entries(paths))))()).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        expected,
      });
    });

    test('R170 unites folders, and the parents of targets', async () => {
      const tree = sources();
      const filer = make(tree);
      const paths = { '/src/bin': 'x', '/src/empty': 'x', '/src/readme': 'x/y/readme', '/src': '' };
      const { path } = await filer.checkout(await filer.ingestMap(new Map(Object.entries(paths))));
      expect([...tree.entriesUnder(path).keys()].sort()).toEqual([
        'bin',
        'bin/run.sh',
        'empty',
        'readme',
        'x',
        'x/run.sh',
        'x/y',
        'x/y/readme',
      ]);
    });
  });

  test('its tree starts empty, updates do nothing and cancelling takes no time', () => {
    const filer = createMemoryFiler();
    expect(filer.tree.entriesUnder('/').size).toBe(0);
    expect([filer.update(), filer.updateIntervalMs, filer.cancelBoundMs]).toEqual([undefined, 0, 0]);
  });
});

describe('the tree in memory', () => {
  test('agrees with a plain map of files, and every entry has its parents before it', () => {
    const name = fc.constantFrom('a', 'b', 'ab');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`);
    const step = fc.oneof(
      fc.record({ write: path, content: fc.nat().map(String) }),
      fc.record({ remove: path }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const tree = createMemoryTree();
        const model = new Map<string, string>();
        for (const each of steps) {
          if ('write' in each) {
            try {
              tree.writeFile(each.write, each.content);
              model.set(each.write, each.content);
            } catch (error) {
              expect(error).toMatchObject({ code: 'RUNNER_FILER_FAILED' });
            }
          } else {
            tree.remove(each.remove);
            for (const at of model.keys()) {
              if (at === each.remove || at.startsWith(`${each.remove}/`)) model.delete(at);
            }
          }
        }
        const seen = new Set(['']);
        const files = new Map<string, string>();
        for (const [relative, entry] of tree.entriesUnder('/')) {
          const at = `/${relative}`;
          expect(seen).toContain(at.slice(0, at.lastIndexOf('/')));
          seen.add(at);
          if (entry.kind === 'file') files.set(at, text(tree.readFile(at)));
        }
        expect(files).toEqual(model);
      }),
    );
  });

  test('knows kinds, copies content, and keeps its root', () => {
    const tree = createMemoryTree();
    const content = Uint8Array.of(1);
    tree.writeFile('/a/b', content);
    content[0] = 2;
    tree.readFile('/a//b/')[0] = 3;
    expect(tree.readFile('/a/b')).toEqual(Uint8Array.of(1));
    expect(['/', '/a', '/a/b', '/c', '/a/b/c'].map((path) => tree.kindOf(path))).toEqual([
      'dir',
      'dir',
      'file',
      undefined,
      undefined,
    ]);
    expect(tree.entryAt('/')).toEqual({ kind: 'dir' });
    expect(tree.entryAt('/a')).toEqual({ kind: 'dir' });
    expect(() => tree.readFile('/a')).toThrow(failed('No such file: /a'));
    expect(() => tree.writeFile('/a', 'x')).toThrow(failed('Is a directory: /a'));
    expect(() => tree.writeFile('/a/b/c', 'x')).toThrow(failed('Not a directory: /a/b'));
    for (const path of ['/a/../b', '/./a', '/..', 'a', '']) {
      const expected = path.startsWith('/')
        ? 'a path without . and .. segments'
        : 'an absolute path without NUL';
      expect(() => tree.kindOf(path)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          expected,
          message: expect.stringMatching(/^path: /),
        }),
      );
    }
    expect(() => tree.readFile('/none')).toThrow(failed('No such file: /none'));
    expect(tree.entryAt('/a/b')).toMatchObject({ executable: false });
    tree.makeDir('/a');
    expect([...tree.entriesUnder('/').keys()]).toEqual(['a', 'a/b']);
    tree.remove('/');
    expect([tree.kindOf('/'), tree.entriesUnder('/').size]).toEqual(['dir', 0]);
  });

  test('a name that starts like another is not inside it', () => {
    const tree = createMemoryTree();
    tree.writeFile('/a/x', '1');
    tree.writeFile('/ab/y', '2');
    expect([...tree.entriesUnder('/a').keys()]).toEqual(['x']);
    tree.remove('/a');
    expect([...tree.entriesUnder('/').keys()]).toEqual(['ab', 'ab/y']);
  });
});
