import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createDirectoryFiler,
  ManifestBuilder,
  parseManifest,
  ObjectStore,
} from '../../../src/host/filers/directory-filer.ts';
import { isConfinedLink } from '../../../src/model/confined-path.ts';
import type { DiskFiler } from '../../../src/host/filers/disk-filer.ts';
import { diskFilerCases } from './disk-filer-cases.ts';
import { readTree, writeTree } from './disk-tree.ts';
import type { DiskTree } from './disk-tree.ts';

describe('the directory filer', () => {
  diskFilerCases({
    create: (store, root) => createDirectoryFiler({ store, root }),
    unknownId: 'ab'.repeat(32),
    idExpected: 'a SHA-256 in lower-case hexadecimal',
  });
});

let base: string;
let store: string;
let filer: DiskFiler;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
  store = join(base, 'store');
  mkdirSync(join(base, 'checkouts'));
  filer = createDirectoryFiler({ store, root: join(base, 'checkouts') });
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const mayMakeDevices = process.getuid?.() === 0;

/** Puts something there that is no file; gives what takes it away again where removing it is not enough. */
async function putSpecial(what: string, place: string): Promise<() => void> {
  if (what === 'a pipe') execFileSync('mkfifo', [place]);
  else if (what === 'a directory') mkdirSync(place);
  else if (what === 'a device') execFileSync('mknod', [place, 'c', '1', '5']);
  else if (what === 'a link to a pipe') {
    execFileSync('mkfifo', [join(base, 'pipe')]);
    symlinkSync(join(base, 'pipe'), place);
    return () => rmSync(join(base, 'pipe'));
  } else if (what === 'a link to a file') symlinkSync('/etc/hostname', place);
  else {
    const server = createServer();
    // The address of a socket has 107 bytes at most; a path that exists may be longer.
    server.listen(join(base, 's'));
    await once(server, 'listening');
    renameSync(join(base, 's'), place);
    return () => server.close();
  }
  return () => undefined;
}

const objects = (): string[] =>
  readdirSync(join(store, 'objects')).flatMap((two) =>
    readdirSync(join(store, 'objects', two)).map((rest) => join(store, 'objects', two, rest)),
  );
const objectOf = (content: string): string | undefined =>
  objects().find((path) => readFileSync(path, 'utf8') === content);

describe('what a directory snapshot contains', () => {
  test('R170 any tree is restored as it was, empty directories too, and the id depends only on its content', async () => {
    const name = fc.constantFrom('a', 'b', 'c d', 'é☃', '.hidden', '-x');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
    const content = fc.oneof(fc.constantFrom('dir', '', 'x:', 'x:run'), fc.string());
    const trees = fc.dictionary(path, content, { maxKeys: 6 }).filter((tree) => {
      const paths = Object.keys(tree);
      return paths.every((one) => paths.every((other) => !other.startsWith(`${one}/`)));
    });
    let nth = 0;
    await fc.assert(
      fc.asyncProperty(trees, async (tree: DiskTree) => {
        const [one, other] = ['one', 'other'].map((side) => join(base, `${side}${nth}`)) as [string, string];
        nth += 1;
        writeTree(one, tree);
        writeTree(other, Object.fromEntries(Object.entries(tree).reverse()));
        const id = await filer.ingest(one);
        expect(await filer.ingest(other)).toBe(id);
        const checkout = await filer.checkout(id);
        expect(readTree(checkout.path)).toEqual(readTree(one));
        await checkout.release();
      }),
      { numRuns: 15 },
    );
  });

  test('R170 the same content is stored once, and the executable bit is part of the id', async () => {
    const source = writeTree(join(base, 'source'), { a: 'same', b: 'same', c: 'other' });
    const id = await filer.ingest(source);
    expect(objects()).toHaveLength(3);
    expect(readdirSync(join(store, 'incoming'))).toEqual([]);
    chmodSync(join(source, 'a'), 0o744);
    expect(await filer.ingest(source)).not.toBe(id);
    expect(objects()).toHaveLength(4);
  });

  test('R170 the source may be a link; links in it stay links', async () => {
    writeTree(join(base, 'source'), { 'd/l': '-> ../f', f: '1', up: '-> ./d/../f' });
    symlinkSync(join(base, 'source', 'd'), join(base, 'dir-link'));
    symlinkSync(join(base, 'source', 'f'), join(base, 'file-link'));
    const file = await filer.checkout(await filer.ingest(join(base, 'file-link')));
    expect(readTree(file.path)).toEqual({ 'file-link': '1' });
    await expect(filer.ingest(join(base, 'dir-link'))).rejects.toMatchObject({ code: 'RUNNER_FILER_FAILED' });
    const id = await filer.ingestMap(new Map([[join(base, 'dir-link'), 'deeper']]));
    expect(readTree((await filer.checkout(id)).path)).toEqual({ 'deeper/l': '-> ../f' });
  });

  test('R170 a link that could lead out, a special file and a name that is not UTF-8 are refused with exit code 214', async () => {
    const refused = async (dir: string, message: string): Promise<void> =>
      expect(filer.ingest(dir)).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message,
        exitCode: 214,
      });
    for (const [nth, target] of ['/etc/passwd', '..', '../x', 'a/../../x', '../..'].entries()) {
      const dir = writeTree(join(base, `link${nth}`), { l: `-> ${target}` });
      await refused(dir, `link that could lead out of the snapshot: ${dir}/l -> ${target}`);
    }
    const fifo = writeTree(join(base, 'fifo'), { f: 'dir' });
    execFileSync('mkfifo', [join(fifo, 'f', 'pipe')]);
    await refused(fifo, `neither file, directory nor link: ${fifo}/f/pipe`);
    await refused(join(fifo, 'f', 'pipe'), `not a regular file: ${fifo}/f/pipe`);
    const socket = writeTree(join(base, 'socket'), {});
    const server = createServer();
    server.listen(join(socket, 's'));
    await once(server, 'listening');
    await refused(socket, `neither file, directory nor link: ${socket}/s`);
    server.close();
    const odd = writeTree(join(base, 'odd'), {});
    writeFileSync(Buffer.concat([Buffer.from(`${odd}/`), Buffer.of(0xff)]), '');
    await refused(odd, `name that is not UTF-8 in ${odd}`);
    expect(existsSync(join(store, 'objects'))).toBe(false);
  });
});

describe('a damaged store', () => {
  test('R170 a changed or missing object fails the checkout, leaves nothing of it, and is healed by ingesting again', async () => {
    const source = writeTree(join(base, 'source'), { 'a/good': 'good', 'b/bad': 'original' });
    const id = await filer.ingest(source);
    const object = objectOf('original')!;
    const sha256 = object.split('/').slice(-2).join('');
    for (const [damage, message] of [
      [() => writeFileSync(object, 'tampered'), `object ${sha256} is corrupted in the store`],
      [() => writeFileSync(object, ''), `object ${sha256} is corrupted in the store`],
      [() => rmSync(object), `object ${sha256} is missing from the store`],
    ] as const) {
      damage();
      for (const attempt of [() => filer.checkout(id), () => filer.checkoutAt(id, join(base, 'at'))]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'RUNNER_FILER_FAILED',
          message,
          exitCode: 212,
        });
      }
      expect([readdirSync(join(base, 'checkouts')), existsSync(join(base, 'at'))]).toEqual([[], false]);
      expect(await filer.ingest(source)).toBe(id);
      expect(readTree((await filer.checkout(id)).path)).toEqual(readTree(source));
      rmSync(join(base, 'checkouts'), { recursive: true });
      mkdirSync(join(base, 'checkouts'));
    }
  });

  if (!mayMakeDevices) test.skip('R170 a device is not tried because only the superuser can make one');

  test.for([
    'a pipe',
    'a directory',
    'a socket',
    ...(mayMakeDevices ? ['a device'] : []),
    'a link to a pipe',
    'a link to a file',
  ])('R170 %s in place of an object or of a list is an error of the filer, without waiting', async (what) => {
    const source = writeTree(join(base, 'source'), { a: 'original' });
    const id = await filer.ingest(source);
    const list = join(store, 'objects', id.slice(0, 2), id.slice(2));
    for (const place of [objectOf('original')!, list]) {
      const whole = readFileSync(place);
      rmSync(place);
      const close = await putSpecial(what, place);
      for (const attempt of [() => filer.checkout(id), () => filer.checkoutAt(id, join(base, 'at'))]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'RUNNER_FILER_FAILED',
          message: expect.stringMatching(/ is not a regular file in the store$|: ELOOP/),
          exitCode: 212,
        });
      }
      expect([readdirSync(join(base, 'checkouts')), existsSync(join(base, 'at'))]).toEqual([[], false]);
      close();
      rmSync(place, { recursive: true, force: true });
      writeFileSync(place, whole);
    }
    expect(readTree((await filer.checkout(id)).path)).toEqual({ a: 'original' });
  });

  test('R170 a pipe among half-written files does not block an ingestion', async () => {
    mkdirSync(join(store, 'incoming'), { recursive: true });
    execFileSync('mkfifo', [join(store, 'incoming', 'pipe')]);
    const at = new Date(0);
    utimesSync(join(store, 'incoming', 'pipe'), at, at);
    await filer.ingest(writeTree(join(base, 'source'), { a: '1' }));
    expect(readdirSync(join(store, 'incoming'))).toEqual([]);
  });

  test('R170 an object of another size than its list says is not copied', async () => {
    const id = await filer.ingest(writeTree(join(base, 'source'), { a: 'original' }));
    const object = objectOf('original')!;
    // Sparse: it would fill any disk that it is copied to.
    truncateSync(object, 2 ** 42);
    await expect(filer.checkout(id)).rejects.toMatchObject({
      message: expect.stringContaining('is corrupted'),
    });
    const list = join(store, 'objects', id.slice(0, 2), id.slice(2));
    truncateSync(list, 2 ** 42);
    await expect(filer.checkout(id)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: 'the manifest of a snapshot has more than 256 MiB',
    });
  });

  test('R170 a damaged list of entries is noticed, and a link in place of an object is not followed', async () => {
    const id = await filer.ingest(writeTree(join(base, 'source'), { a: '1' }));
    const manifest = join(store, 'objects', id.slice(0, 2), id.slice(2));
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"a"', '"b"'));
    await expect(filer.checkout(id)).rejects.toMatchObject({
      message: `object ${id} is corrupted in the store`,
    });
    rmSync(manifest);
    symlinkSync('/etc/passwd', manifest);
    await expect(filer.checkout(id)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      cause: { code: 'ELOOP' },
    });
  });

  test('R170 a list with the right digest is checked all the same', async () => {
    const objectStore = new ObjectStore(store);
    const sha256 = 'ab'.repeat(32);
    const file = { kind: 'file', sha256, bytes: 1, executable: false };
    for (const entries of [
      [{ ...file, path: '../x' }],
      [{ ...file, path: '/x' }],
      [{ ...file, path: 'a/x' }],
      [
        { ...file, path: 'a' },
        { ...file, path: 'a' },
      ],
      [
        { path: 'b', kind: 'dir' },
        { path: 'a', kind: 'dir' },
      ],
      [
        { path: 'l', kind: 'link', target: '/etc' },
        { ...file, path: 'l/passwd' },
      ],
      [
        { path: 'l', kind: 'link', target: '.' },
        { ...file, path: 'l/x' },
      ],
      [{ path: 'l', kind: 'link' }],
      [{ path: 'p', kind: 'pipe' }],
      [{ ...file, path: 'x', sha256: '../../../x' }],
      [{ ...file, path: 'x', bytes: '1' }],
      [{ ...file, path: 'x', bytes: -1 }],
      [{ ...file, path: 'x', bytes: 0.5 }],
      [{ ...file, path: 'x', bytes: 2 ** 53 }],
      [{ ...file, path: 'x', executable: 1 }],
      [{ ...file, path: 7 }],
      [null],
    ]) {
      const id = await objectStore.putText(
        JSON.stringify({ format: 'dryrunner-snapshot', version: 1, entries }),
      );
      await expect(filer.checkout(id)).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message: expect.stringContaining('has an entry that cannot be'),
      });
    }
    const deep = `{"format":"dryrunner-snapshot","version":1,"entries":[${'['.repeat(20_000)}${']'.repeat(20_000)}]}`;
    await expect(filer.checkout(await objectStore.putText(deep))).rejects.toMatchObject({
      message: 'the manifest of a snapshot has an entry that cannot be: an array of 1',
    });
    for (const [text, message] of [
      ['{', 'the manifest of a snapshot is not JSON'],
      ['1', 'not the manifest of a snapshot that this version reads'],
      [
        '{"format":"dryrunner-snapshot","version":2,"entries":[]}',
        'not the manifest of a snapshot that this version reads',
      ],
      [
        '{"format":"other","version":1,"entries":[]}',
        'not the manifest of a snapshot that this version reads',
      ],
      [
        '{"format":"dryrunner-snapshot","version":1}',
        'not the manifest of a snapshot that this version reads',
      ],
    ] as const) {
      await expect(filer.checkout(await objectStore.putText(text))).rejects.toMatchObject({ message });
    }
    expect(readdirSync(join(base, 'checkouts'))).toEqual([]);
  });

  test('R170 the first ingestion removes files left half written a day ago, and keeps newer ones', async () => {
    const incoming = join(store, 'incoming');
    mkdirSync(incoming, { recursive: true });
    const hoursOld = { stale: 25, writing: 23, ahead: -1 };
    for (const [name, hours] of Object.entries(hoursOld)) {
      writeFileSync(join(incoming, name), 'half');
      const at = new Date(Date.now() - hours * 3_600_000);
      utimesSync(join(incoming, name), at, at);
    }
    const id = await filer.ingest(writeTree(join(base, 'source'), { a: '1' }));
    expect(readdirSync(incoming).sort()).toEqual(['ahead', 'writing']);
    const checkout = await filer.checkout(id);
    expect(readTree(checkout.path)).toEqual({ a: '1' });
    await checkout.release();
  });

  test('R170 a store that cannot be written is an error of the filer', async () => {
    writeFileSync(store, '');
    await expect(filer.ingest(writeTree(join(base, 'source'), { a: '1' }))).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      exitCode: 214,
    });
    for (const path of ['', 'a\0', 7 as never]) {
      expect(() => createDirectoryFiler({ store: path })).toThrow(
        expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a path' }),
      );
    }
  });
});

describe('the list of a snapshot', () => {
  test('R170 an accepted set of links never leads outside, however they point at each other', () => {
    const segment = fc.constantFrom('a', 'b', '..', '.', 'l1', 'l2');
    const target = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'));
    fc.assert(
      fc.property(target, target, target, (first, second, third) => {
        const links: Record<string, string> = { l1: first, 'a/l2': second, 'a/b/l1': third };
        if (!Object.entries(links).every(([path, to]) => isConfinedLink(path, to))) return;
        const dir = writeTree(mkdtempSync(join(base, 'jail-')), { 'a/b/f': 'dir', 'b/f': 'dir' });
        for (const [path, to] of Object.entries(links)) symlinkSync(to, join(dir, path));
        for (const path of Object.keys(links)) {
          try {
            expect(`${realpathSync(join(dir, path))}/`.startsWith(`${realpathSync(dir)}/`)).toBe(true);
          } catch (error) {
            expect(['ENOENT', 'ELOOP', 'ENOTDIR']).toContain((error as NodeJS.ErrnoException).code);
          }
        }
        rmSync(dir, { recursive: true });
      }),
      { numRuns: 100 },
    );
  });

  test('R170 reads back as built', () => {
    const builder = new ManifestBuilder();
    builder.add({ path: 'b/c/l', kind: 'link', target: '../x' });
    builder.add({ path: 'a', kind: 'file', sha256: 'ab'.repeat(32), bytes: 3, executable: true });
    builder.add({ path: 'b', kind: 'dir' });
    expect(parseManifest(builder.text())).toEqual([
      { path: 'a', kind: 'file', sha256: 'ab'.repeat(32), bytes: 3, executable: true },
      { path: 'b', kind: 'dir' },
      { path: 'b/c', kind: 'dir' },
      { path: 'b/c/l', kind: 'link', target: '../x' },
    ]);
  });
});
