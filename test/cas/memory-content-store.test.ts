import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { MissingBlobsError, missingBlobsOf } from '../../src/model/content-store.ts';
import {
  digestKey,
  digestOfSnapshot,
  formatDigest,
  parseDigest,
  snapshotOfDigest,
} from '../../src/model/digest.ts';
import { codeOf } from '../model/thrown.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const absent = digestOf('never written');

describe('digests', () => {
  test('are SHA-256 and size, of bytes or of the UTF-8 of a text', () => {
    expect(formatDigest(digestOf('ü'))).toBe(formatDigest(digestOf(new Uint8Array([0xc3, 0xbc]))));
    expect(digestOf('')).toEqual({
      hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      sizeBytes: 0,
    });
  });

  test('R184 a text and a snapshot id give the digest back, and nothing else does', () => {
    const digest = digestOf('content');
    expect(parseDigest(formatDigest(digest))).toEqual(digest);
    expect(digestOfSnapshot(snapshotOfDigest(digest))).toEqual(digest);
    expect(digestOfSnapshot(`bz-${digest.hash}--1`)).toEqual({ hash: digest.hash, sizeBytes: -1 });
    for (const text of ['', digest.hash, `${digest.hash}/-1`, `${digest.hash}/1/2`, `${digest.hash}/1e3`]) {
      expect(parseDigest(text)).toBeUndefined();
    }
    expect(digestOfSnapshot(`${snapshotOfDigest(digest)}-1`)).toBeUndefined();
    expect(codeOf(() => formatDigest({ hash: 'x', sizeBytes: 1 }))).toBe('RUNNER_INVALID_ARGUMENT');
  });
});

describe('the content store in memory', () => {
  test('gives back what was written, whole and in parts, as bytes of its own', async () => {
    const store = createMemoryContentStore();
    const bytes = bytesOf('hello world');
    const digest = digestOf(bytes);
    store.write(digest, bytes);
    bytes.fill(0);
    expect(textOf(store.read(digest))).toBe('hello world');
    store.read(digest).fill(0);
    expect(textOf(store.read(digest, { offset: 6 }))).toBe('world');
    expect(textOf(store.read(digest, { offset: 2, limit: 3 }))).toBe('llo');
    expect(store.read(digest, { offset: 11 })).toHaveLength(0);
    expect(codeOf(() => store.read(digest, { offset: 12 }))).toBe('RUNNER_INVALID_ARGUMENT');
    const large = store.add(new Uint8Array(200_000).fill(7));
    const parts: number[] = [];
    for await (const part of store.readStream(large, { offset: 10 })) parts.push(part.length);
    expect(parts.reduce((sum, length) => sum + length, 0)).toBe(199_990);
    expect(parts.length).toBeGreaterThan(2);
  });

  test('says which blobs are missing, each once, and has the empty one always', () => {
    const store = createMemoryContentStore();
    const here = store.add('here');
    const empty = digestOf('');
    expect(store.findMissing([absent, here, empty, absent])).toEqual([absent]);
    expect(store.read(empty)).toHaveLength(0);
    const read = (): Uint8Array => store.read(absent);
    expect(read).toThrow(MissingBlobsError);
    expect(read).toThrow(`missing blobs: ${digestKey(absent)}`);
    try {
      read();
    } catch (error) {
      expect(missingBlobsOf(error)).toEqual([absent]);
    }
    expect(missingBlobsOf(new Error('other'))).toBeUndefined();
  });

  test('keeps nothing whose bytes are not those of the digest', () => {
    const store = createMemoryContentStore();
    expect(codeOf(() => store.write(absent, bytesOf('never writtem')))).toBe('RUNNER_WRONG_DIGEST');
    expect(codeOf(() => store.write({ ...absent, sizeBytes: 3 }, bytesOf('never written')))).toBe(
      'RUNNER_WRONG_DIGEST',
    );
    expect(store.sizeBytes).toBe(0);
    expect(store.findMissing([absent])).toEqual([absent]);
  });

  test('takes a blob in parts, which is there once it is finished', () => {
    const store = createMemoryContentStore();
    const digest = digestOf('abcdef');
    const writer = store.openWrite(digest);
    writer.write(0, bytesOf('abc'));
    expect(writer.committedBytes).toBe(3);
    expect(codeOf(() => writer.write(2, bytesOf('cdef')))).toBe('RUNNER_INVALID_ARGUMENT');
    expect(codeOf(() => writer.write(3, bytesOf('defg')))).toBe('RUNNER_WRONG_DIGEST');
    expect(store.findMissing([digest])).toEqual([digest]);
    writer.write(3, bytesOf('def'));
    void writer.finish();
    expect(textOf(store.read(digest))).toBe('abcdef');
    const other = store.openWrite(absent);
    other.write(0, bytesOf('short'));
    expect(codeOf(() => other.finish())).toBe('RUNNER_WRONG_DIGEST');
    void other.discard();
    expect(codeOf(() => other.write(5, bytesOf(' time')))).toBe('RUNNER_INVALID_ARGUMENT');
  });

  test('evicts what was used least lately, never what is held, and refuses a blob for which there is no room', () => {
    const store = createMemoryContentStore({ maxBytes: 10 });
    const [a, b] = [store.add('aaaa'), store.add('bbbb')];
    store.findMissing([a]);
    const c = store.add('cccc');
    expect(store.findMissing([a, b, c])).toEqual([b]);
    const hold = store.hold([a, c]);
    const again = store.hold([a]);
    expect(codeOf(() => store.add('dddd'))).toBe('RUNNER_STORE_FULL');
    expect(store.evict(a)).toBe(false);
    hold.release();
    hold.release();
    expect(store.evict(a)).toBe(false);
    const d = store.add('dddd');
    expect(store.findMissing([a, c, d])).toEqual([c]);
    again.release();
    expect(store.evict(a)).toBe(true);
    expect(store.evict(a)).toBe(false);
    expect(codeOf(() => store.add('larger than 10 B'))).toBe('RUNNER_STORE_FULL');
    expect(store.sizeBytes).toBeLessThanOrEqual(10);
  });

  test('holds what comes in later too', () => {
    const store = createMemoryContentStore({ maxBytes: 4 });
    const hold = store.hold([digestOf('late')]);
    const late = store.add('late');
    expect(codeOf(() => store.add('more'))).toBe('RUNNER_STORE_FULL');
    hold.release();
    store.add('more');
    expect(store.findMissing([late])).toEqual([late]);
  });

  test('evicts nothing for a blob that has no room all the same', () => {
    const store = createMemoryContentStore({ maxBytes: 10 });
    const held = store.add('held');
    store.hold([held]);
    const free = store.add('free');
    const late = digestOf('7 bytes');
    expect(() => store.add('more than 10 bytes')).toThrow('expected room for 18 B');
    expect(codeOf(() => store.write(late, bytesOf('7 bytes')))).toBe('RUNNER_STORE_FULL');
    expect(codeOf(() => store.openWrite(late).write(0, bytesOf('7 bytes')))).toBe('RUNNER_STORE_FULL');
    expect(store.findMissing([held, free])).toEqual([]);
    store.add('6 byte');
    expect(store.findMissing([held, free])).toEqual([free]);
  });

  test('never holds more than its bytes, and counts them right', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 5 }), fc.nat(2))), (steps) => {
        const store = createMemoryContentStore({ maxBytes: 20 });
        for (const [text, step] of steps) {
          if (step === 0) store.evict(digestOf(text));
          else if (step === 1) store.findMissing([digestOf(text)]);
          else store.add(text);
          const sizes = [...store.keys].map((key) => parseDigest(key)?.sizeBytes ?? NaN);
          expect(store.sizeBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
          expect(store.sizeBytes).toBeLessThanOrEqual(20);
        }
      }),
    );
  });
});
