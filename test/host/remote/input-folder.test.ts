// A folder as an input root, whose files are read when they are asked for.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { InputFolder } from '../../../src/host/remote/input-folder.ts';
import { Cancellation } from '../../../src/model/cancellation.ts';
import type { Digest } from '../../../src/model/digest.ts';

const MIB = 1024 * 1024;
let dir: string;
let path: string;
let bytes: Buffer;
let digest: Digest;
let folder: InputFolder;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dryrunner-input-'));
  mkdirSync(join(dir, 'sub'));
  path = join(dir, 'sub', 'large');
  bytes = Buffer.alloc(2.5 * MIB);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
  writeFileSync(path, bytes);
  digest = digestOf(bytes);
  folder = new InputFolder();
  await folder.addFolder(dir);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function partsOf(work: AsyncIterable<Uint8Array>, into: Uint8Array[] = []): Promise<Uint8Array[]> {
  for await (const part of work) into.push(part);
  return into;
}

test('a large file comes in parts, and ranges of it as of any blob', async () => {
  const parts = await partsOf(folder.readStream(digest));
  expect(parts.map(({ length }) => length)).toEqual([MIB, MIB, MIB / 2]);
  expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  for (const [offset, limit] of [
    [0, 0],
    [7, 5],
    [MIB - 3, 6],
    [MIB + 1, Infinity],
    [bytes.length, 1],
  ] as const) {
    const range = { offset, ...(limit === Infinity ? {} : { limit }) };
    const expected = bytes.subarray(offset, offset + limit);
    expect(expected.equals(await folder.read(digest, range))).toBe(true);
    expect(expected.equals(Buffer.concat(await partsOf(folder.readStream(digest, range))))).toBe(true);
  }
  await expect(folder.read(digest, { offset: bytes.length + 1 })).rejects.toThrow('offset: expected at most');
});

test('a .. behind a link leads where the system takes it', async () => {
  for (const each of ['there/in', 'there/sub', 'sub']) mkdirSync(join(dir, each), { recursive: true });
  symlinkSync(join(dir, 'there', 'in'), join(dir, 'link'));
  writeFileSync(join(dir, 'there', 'sub', 'small'), 'right');
  const root = await folder.addFolder(`${dir}/link/../sub`);
  expect(root).toEqual(await new InputFolder().addFolder(join(dir, 'there', 'sub')));
  expect(Buffer.from(await folder.read(digestOf(Buffer.from('right')))).toString()).toBe('right');
});

test('a stream that is cancelled ends', async () => {
  const cancel = new Cancellation();
  cancel.cancel();
  await expect(partsOf(folder.readStream(digest, {}, cancel))).rejects.toMatchObject({
    code: 'RUNNER_CANCELLED',
  });
});

describe('a file that has changed since it was looked at', () => {
  const CHANGED = /sub\/large has changed since it was looked at$/;

  test.for<[string, () => void]>([
    ['has other bytes', () => writeFileSync(path, Buffer.concat([bytes.subarray(1), Buffer.of(1)]))],
    ['is shorter', () => writeFileSync(path, bytes.subarray(1))],
    ['is gone', () => rmSync(path)],
    [
      'is a pipe that nobody writes to',
      () => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
    ],
    [
      'lies below a file',
      () => {
        rmSync(join(dir, 'sub'), { recursive: true });
        writeFileSync(join(dir, 'sub'), '');
      },
    ],
  ])('because it %s is named, and is never given whole', async ([, change]) => {
    change();
    const parts: Uint8Array[] = [];
    await expect(partsOf(folder.readStream(digest), parts)).rejects.toThrow(CHANGED);
    expect(Buffer.concat(parts).length).toBeLessThan(bytes.length);
    await expect(folder.read(digest)).rejects.toThrow(CHANGED);
  });
});

test('a file that cannot be read is named with the reason, and not as one that has changed', async () => {
  rmSync(path);
  symlinkSync('large', path);
  expect(() => readFileSync(path)).toThrow('ELOOP');
  const work = folder.read(digest);
  await expect(work).rejects.toMatchObject({ code: 'RUNNER_FILER_FAILED', cause: { code: 'ELOOP' } });
  await expect(work).rejects.toThrow(/sub\/large cannot be read: ELOOP/);
});

test('names and targets that are not UTF-8 are refused, and a character of that look is not', async () => {
  const odd = Buffer.from([0x61, 0xff, 0x0a]);
  mkdirSync(join(dir, 'other'));
  writeFileSync(join(dir, 'other/real\uFFFD'), '');
  await new InputFolder().addFolder(dir);
  symlinkSync(odd, join(dir, 'other/link'));
  await expect(new InputFolder().addFolder(dir)).rejects.toThrow(
    `link whose target is not UTF-8: ${dir}/other/link -> a\\xff\\x0a`,
  );
  rmSync(join(dir, 'other/link'));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/other/`), odd]), '');
  await expect(new InputFolder().addFolder(dir)).rejects.toThrow(
    `name that is not UTF-8: ${dir}/other/a\\xff\\x0a`,
  );
});
