import fc from 'fast-check';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LocalOutputFile } from '../../../src/host/outputs/local-output-file.ts';
import type { WritableFile } from '../../../src/host/outputs/local-output-file.ts';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';

const failed = (message: string): unknown =>
  expect.objectContaining({ code: 'RUNNER_OUTPUT_FAILED', message });
const openFiles = (): number => readdirSync('/proc/self/fd').length;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-test-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function fileOn(file: WritableFile): LocalOutputFile {
  return new LocalOutputFile({ id: 'log', name: 'log-1', path: '/x/log-1', uri: 'file://h/x/log-1', file });
}

describe('a local output', () => {
  test('R160 R161 is a new file in the folder whose name starts with the id', async () => {
    const outputs = createLocalOutputs({ dir });
    const [first, second] = await Promise.all([outputs.create('stdout'), outputs.create('stdout')]);
    for (const output of [first, second]) {
      expect(output.name).toMatch(/^stdout-[0-9a-f]{12}$/);
      expect(output.asFile()).toBe(join(dir, output.name));
      expect(output).toMatchObject({ id: 'stdout', path: output.asFile(), closed: false });
      expect(statSync(output.path).mode & 0o777).toBe(0o600);
    }
    expect(first.path).not.toBe(second.path);
    await first.write('héllo ');
    await first.write(Uint8Array.of(0, 255));
    await first.close();
    await second.close();
    expect(first.closed).toBe(true);
    expect(readFileSync(first.path)).toEqual(Buffer.concat([Buffer.from('héllo '), Buffer.of(0, 255)]));
    expect(readFileSync(second.path, 'utf8')).toBe('');
  });

  test('R160 content is in the order of the calls, awaited or not, and close waits for it', async () => {
    const outputs = createLocalOutputs({ dir });
    const chunk = fc.record({ bytes: fc.uint8Array({ maxLength: 50 }), awaited: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 30 }), async (chunks) => {
        const output = await outputs.create('log');
        const settled: number[] = [];
        const writes: Promise<unknown>[] = [];
        for (const [index, { bytes, awaited }] of chunks.entries()) {
          const write = output.write(bytes).then(() => settled.push(index));
          writes.push(write);
          if (awaited) await write;
        }
        await output.close();
        expect(readFileSync(output.path)).toEqual(Buffer.concat(chunks.map(({ bytes }) => bytes)));
        await Promise.all(writes);
        expect(settled).toEqual(chunks.map((_, index) => index));
      }),
      { numRuns: 50 },
    );
  });

  test('R161 the folder is made again if it vanished', async () => {
    const outputs = createLocalOutputs({ dir: join(dir, 'a', 'b') });
    for (const text of ['one', 'two']) {
      const output = await outputs.create('log');
      await rm(join(dir, 'a'), { recursive: true });
      const again = await outputs.create('log');
      await output.write(text);
      await again.write(text);
      await Promise.all([output.close(), again.close()]);
      expect(readFileSync(again.path, 'utf8')).toBe(text);
    }
  });

  test.for(['', '.', '..', '../x', '/etc/passwd', 'a/b', 'a\\b', 'a\0b', '\ud800'])(
    'R161 the id %j is refused and nothing is made',
    async (id) => {
      const inner = join(dir, 'inner');
      await expect(createLocalOutputs({ dir: inner }).create(id)).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
      });
      expect(readdirSync(dir)).toEqual([]);
    },
  );

  test('R161 an impossible folder, and a name that is too long, are errors of the output', async () => {
    await writeFile(join(dir, 'file'), '');
    const inFile = createLocalOutputs({ dir: join(dir, 'file', 'sub') });
    const error = await inFile.create('log').catch((caught: unknown) => caught);
    const where = join(dir, 'file', 'sub');
    expect(error).toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      message: expect.stringContaining(`output log could not be created in ${where}: ENOTDIR: `),
      cause: { code: 'ENOTDIR' },
    });
    const long = 'x'.repeat(300);
    await expect(createLocalOutputs({ dir }).create(long)).rejects.toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      cause: { code: 'ENAMETOOLONG' },
    });
    await symlink('/nowhere/at/all', join(dir, 'dangling'));
    await expect(createLocalOutputs({ dir: join(dir, 'dangling') }).create('log')).rejects.toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      message: expect.stringContaining(`folder ${join(dir, 'dangling')} could not be made: ENOENT: `),
    });
  });

  test('R160 a full disk rejects the write with its cause, and the file is still closed', async () => {
    const before = openFiles();
    const output = fileOn(await open('/dev/full', 'w'));
    for (const chunk of ['a', 'b']) {
      const error = await output.write(chunk).catch((caught: unknown) => caught);
      expect(error).toEqual(
        failed('output log-1 could not be written: ENOSPC: no space left on device, write'),
      );
      expect(error).toMatchObject({ cause: { code: 'ENOSPC' } });
    }
    await output.write('');
    await output.close();
    expect(openFiles()).toBe(before);
  });

  test('R160 of concurrent writes, those that fit succeed and the others fail', async () => {
    const disk: number[] = [];
    let closes = 0;
    const file = {
      write: async (bytes: Uint8Array, offset: number, length: number) => {
        if (disk.length >= 7) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        const bytesWritten = Math.min(length, 3, 7 - disk.length);
        disk.push(...bytes.subarray(offset, offset + bytesWritten));
        return { bytesWritten, buffer: bytes };
      },
      close: async () => void (closes += 1),
    } as unknown as WritableFile;
    const output = fileOn(file);
    const chunks = ['ab', 'cdef', 'g', 'hi', 'j'];
    const outcomes = await Promise.allSettled(chunks.map((chunk) => output.write(chunk)));
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(Buffer.from(disk).toString()).toBe('abcdefg');
    await Promise.all([output.close(), output.close()]);
    await output.close();
    expect(closes).toBe(1);
  });

  test('R160 a disk that accepts nothing is an error, not an endless loop', async () => {
    const file = {
      write: async () => ({ bytesWritten: 0 }),
      close: async () => {},
    } as unknown as WritableFile;
    await expect(fileOn(file).write('x')).rejects.toMatchObject({
      code: 'RUNNER_OUTPUT_FAILED',
      cause: { message: 'the disk took nothing' },
    });
  });

  test('R160 a close that fails says so, each time, after one attempt', async () => {
    let closes = 0;
    const file = {
      close: async () => {
        closes += 1;
        throw new Error('EIO');
      },
    } as unknown as WritableFile;
    const output = fileOn(file);
    for (let nth = 0; nth < 2; nth += 1) {
      await expect(output.close()).rejects.toEqual(failed('output log-1 could not be closed: EIO'));
    }
    expect(closes).toBe(1);
  });

  test('a write after the close, or of anything but a chunk, is an error', async () => {
    const output = await createLocalOutputs({ dir }).create('log');
    await expect(output.write(7 as never)).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      expected: 'a string or a Uint8Array',
    });
    await output.close();
    await expect(output.write('x')).rejects.toEqual(
      failed(`output ${output.name} was written to after its close`),
    );
  });
});

describe('the URI of a local output', () => {
  test('R162 D85 is a file URI, or below an HTTP base with or without trailing slash', async () => {
    for (const [httpBaseUrl, prefix] of [
      [undefined, ''],
      ['http://h:1', 'http://h:1/a%20b?file='],
      ['http://h:1/', 'http://h:1/a%20b?file='],
      ['http://h:1/logs//', 'http://h:1/logs/a%20b?file='],
      [() => 'http://h:2/', 'http://h:2/a%20b?file='],
      [() => undefined, ''],
    ] as const) {
      const options = httpBaseUrl === undefined ? {} : { httpBaseUrl };
      const output = await createLocalOutputs({ dir, hostname: 'box', ...options }).create('a b');
      expect(output.uri).toBe(`${prefix}file://box${dir}/${encodeURIComponent(output.name)}`);
      await output.close();
    }
    const output = await createLocalOutputs({ dir }).create('é?#%');
    expect(new URL(output.uri).hostname).toBe(hostname().toLowerCase());
    expect(decodeURIComponent(new URL(output.uri).pathname)).toBe(output.path);
    await output.close();
  });
});

describe('the folder of local outputs', () => {
  test('R163 R167 finds by id, the latest creation winning, and by file name', async () => {
    const outputs = createLocalOutputs({ dir });
    const [first, second] = [await outputs.create('log'), await outputs.create('log')];
    expect(outputs.find('log')).toBe(second);
    expect([outputs.find(first.name), outputs.find(second.name)]).toEqual([first, second]);
    expect([outputs.find(first.uri), outputs.find(second.uri)]).toEqual([first, second]);
    expect(outputs.find('other')).toBeUndefined();
    await outputs.dispose();
  });

  test('R167 D87 dropping closes, removes the file and forgets', async () => {
    const before = openFiles();
    const outputs = createLocalOutputs({ dir });
    const [first, second] = [await outputs.create('log'), await outputs.create('log')];
    expect(await outputs.drop(first.uri)).toBe(true);
    expect([existsSync(first.path), first.closed, outputs.find(first.name)]).toEqual([
      false,
      true,
      undefined,
    ]);
    expect(outputs.find('log')).toBe(second);
    expect(await outputs.drop(second.uri)).toBe(true);
    expect([outputs.find('log'), outputs.find(second.name)]).toEqual([undefined, undefined]);
    expect([await outputs.drop(second.uri), await outputs.drop('file:///none')]).toEqual([false, false]);
    expect([readdirSync(dir), openFiles()]).toEqual([[], before]);
  });

  test('R163 R167 an id leads to the latest of its outputs that is left', async () => {
    const outputs = createLocalOutputs({ dir });
    const [first, second, third] = [
      await outputs.create('log'),
      await outputs.create('log'),
      await outputs.create('log'),
    ];
    const dropping = outputs.drop(third.uri);
    expect(outputs.find('log')).toBe(second);
    await dropping;
    expect(outputs.find('log')).toBe(second);
    await outputs.drop(first.uri);
    expect(outputs.find('log')).toBe(second);
    await second.close();
    await rm(second.path);
    await mkdir(second.path);
    const newest = await outputs.create('log');
    await expect(outputs.drop(second.uri)).rejects.toMatchObject({ code: 'ERR_FS_EISDIR' });
    expect(outputs.find('log')).toBe(newest);
    await outputs.drop(newest.uri);
    expect(outputs.find('log')).toBe(second);
    await rm(second.path, { recursive: true });
    await outputs.dispose();
    expect(outputs.find('log')).toBeUndefined();
  });

  test('R161 a base URL or a time that cannot be had costs no file', async () => {
    const before = openFiles();
    const broken = (): never => {
      throw new Error('no base');
    };
    for (const [options, expected] of [
      [{ httpBaseUrl: () => null }, { code: 'RUNNER_INVALID_ARGUMENT', expected: 'a URL' }],
      [{ httpBaseUrl: broken }, { message: 'no base' }],
      [{ now: broken }, { message: 'no base' }],
      [{ now: () => 'late' }, { code: 'RUNNER_INVALID_ARGUMENT', expected: 'a number' }],
    ] as const) {
      const outputs = createLocalOutputs({ dir, ...(options as object) });
      await expect(outputs.create('log')).rejects.toMatchObject(expected);
      await outputs.dispose();
    }
    expect([existsSync(dir) ? readdirSync(dir) : [], openFiles()]).toEqual([[], before]);
  });

  test('R167 D87 pruning drops closed outputs by age and by count, oldest first', async () => {
    let nowMs = 0;
    const outputs = createLocalOutputs({ dir, now: () => nowMs });
    const made = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      nowMs += 10;
      made.push(await outputs.create(id));
    }
    const left = (): string[] => ['a', 'b', 'c', 'd', 'e'].filter((id) => outputs.find(id) !== undefined);
    await Promise.all(made.slice(1).map((output) => output.close()));
    expect(await outputs.prune({})).toBe(0);
    expect(await outputs.prune({ maxAgeMs: 30 })).toBe(0);
    expect(await outputs.prune({ maxAgeMs: 29 })).toBe(1);
    expect(left()).toEqual(['a', 'c', 'd', 'e']);
    expect(await outputs.prune({ maxCount: 3 })).toBe(1);
    expect(left()).toEqual(['a', 'd', 'e']);
    expect(await outputs.prune({ maxCount: 0 })).toBe(2);
    expect(left()).toEqual(['a']);
    await made[0]!.close();
    expect(await outputs.prune({ maxAgeMs: 0, maxCount: 5 })).toBe(1);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('R167 D87 a retention is applied at each creation', async () => {
    const outputs = createLocalOutputs({ dir, retention: { maxCount: 2 } });
    for (let nth = 0; nth < 6; nth += 1) await (await outputs.create(`log${nth}`)).close();
    expect(
      readdirSync(dir)
        .map((name) => name.slice(0, 4))
        .sort(),
    ).toEqual(['log4', 'log5']);
  });

  test('R167 D87 an old output that cannot be dropped stays known, and costs no new one', async () => {
    const before = openFiles();
    const outputs = createLocalOutputs({ dir, retention: { maxCount: 1 } });
    const [first, other] = [await outputs.create('first'), await outputs.create('other')];
    for (const output of [first, other]) await output.close();
    await rm(first.path);
    await mkdir(first.path);
    const second = await outputs.create('second');
    expect([outputs.find('first'), outputs.find('second')]).toEqual([first, second]);
    expect(outputs.find(first.uri)).toBe(first);
    expect(outputs.find(first.name)).toBe(first);
    expect([existsSync(other.path), outputs.find('other')]).toEqual([false, undefined]);
    await second.close();
    await expect(outputs.prune({ maxCount: 0 })).rejects.toMatchObject({ code: 'ERR_FS_EISDIR' });
    expect(readdirSync(dir)).toEqual([first.name]);
    await rm(first.path, { recursive: true });
    expect(await outputs.prune({ maxCount: 0 })).toBe(1);
    expect(openFiles()).toBe(before);
  });

  test('R167 D87 an output that could not be dropped is still the oldest', async () => {
    const outputs = createLocalOutputs({ dir });
    const made = [await outputs.create('a'), await outputs.create('b'), await outputs.create('c')];
    await Promise.all(made.map((output) => output.close()));
    const [first] = made;
    await rm(first!.path);
    await mkdir(first!.path);
    const dropping = outputs.drop(first!.uri);
    expect([outputs.find('a'), outputs.find(first!.name), outputs.find(first!.uri)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([await outputs.drop(first!.uri), await outputs.prune({ maxCount: 2 })]).toEqual([false, 0]);
    await expect(dropping).rejects.toMatchObject({ code: 'ERR_FS_EISDIR' });
    await rm(first!.path, { recursive: true });
    expect(await outputs.prune({ maxCount: 2 })).toBe(1);
    expect(['a', 'b', 'c'].filter((id) => outputs.find(id) !== undefined)).toEqual(['b', 'c']);
    await outputs.dispose();
  });

  test('R167 D87 prunings by age look at each output about once, however many are kept', async () => {
    let nowMs = 0;
    let looks = 0;
    const outputs = createLocalOutputs({ dir, retention: { maxAgeMs: 100 }, now: () => nowMs });
    for (let nth = 0; nth < 60; nth += 1) {
      nowMs += 4;
      const output = await outputs.create('log');
      await output.close();
      Object.defineProperty(output, 'closed', {
        get: () => {
          looks += 1;
          return true;
        },
      });
    }
    expect(readdirSync(dir)).toHaveLength(26);
    expect(looks).toBeLessThanOrEqual(60);
    await outputs.dispose();
  });

  test('R167 D87 a clock that jumps ahead and comes back ages what was created meanwhile from then on', async () => {
    let nowMs = 0;
    const outputs = createLocalOutputs({ dir, retention: { maxAgeMs: 10 }, now: () => nowMs });
    const left = (): string[] =>
      readdirSync(dir)
        .map((name) => name.split('-')[0]!)
        .sort();
    for (const [nth, atMs] of [1_000, 4, 8, 12, 16, 20].entries()) {
      nowMs = atMs;
      await (await outputs.create(`log${nth}`)).close();
      if (atMs === 12) expect(left()).toEqual(['log0', 'log1', 'log2', 'log3']);
    }
    expect(left()).toEqual(['log3', 'log4', 'log5']);
    nowMs = 1_000;
    const early = outputs.create('early');
    nowMs = 24;
    const late = outputs.create('late');
    for (const output of await Promise.all([early, late])) await output.close();
    nowMs = 35;
    expect([await outputs.prune({ maxAgeMs: 10 }), left()]).toEqual([4, []]);
    await outputs.dispose();
  });

  test('R161 removes a folder of its own also if an output in it cannot be dropped, and says so', async () => {
    const outputs = createLocalOutputs();
    const output = await outputs.create('log');
    await rm(output.path);
    await mkdir(output.path);
    await expect(outputs.dispose()).rejects.toMatchObject({ code: 'ERR_FS_EISDIR' });
    expect(existsSync(outputs.dir)).toBe(false);
    await outputs.dispose();
  });

  test('R167 D83 concurrent creating, finding and dropping loses none', async () => {
    const before = openFiles();
    const outputs = createLocalOutputs({ dir });
    const kept = await Promise.all(
      Array.from({ length: 100 }, async (_, nth) => {
        const output = await outputs.create(`log${nth % 7}`);
        await output.write(String(nth));
        await output.close();
        if (nth % 2 === 0) return output;
        await outputs.drop(output.uri);
        return undefined;
      }),
    );
    const names = kept.flatMap((output) => output?.name ?? []).sort();
    expect(readdirSync(dir).sort()).toEqual(names);
    expect(
      kept.every((output, nth) => output === undefined || readFileSync(output.path, 'utf8') === String(nth)),
    ).toBe(true);
    expect(openFiles()).toBe(before);
  });

  test('R161 without a folder it makes one of its own, and removes it when disposed of', async () => {
    const outputs = createLocalOutputs();
    expect(existsSync(outputs.dir)).toBe(false);
    const output = await outputs.create('log');
    expect(outputs.dir.startsWith(join(tmpdir(), 'dryrunner-outputs-'))).toBe(true);
    expect(statSync(outputs.dir).mode & 0o777).toBe(0o700);
    await outputs.dispose();
    await outputs.dispose();
    expect([output.closed, existsSync(outputs.dir)]).toEqual([true, false]);
    await mkdir(join(dir, 'given'));
    const given = createLocalOutputs({ dir: join(dir, 'given') });
    await given.create('log');
    await given.dispose();
    expect(readdirSync(join(dir, 'given'))).toEqual([]);
  });

  test.for([
    [{ dir: '' }, 'a path'],
    [{ dir: 'a\0' }, 'a path'],
    [{ retention: { maxAgeMs: -1 } }, 'a number ≥ 0'],
    [{ retention: { maxCount: Number.NaN } }, 'a number ≥ 0'],
  ] as const)('%j is refused', async ([options, expected]) => {
    expect(() => createLocalOutputs(options)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected }),
    );
    await expect(createLocalOutputs({ dir }).prune({ maxCount: -1 })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
  });
});
