/**
 * The contract of content stores as a list of cases: for those in memory, simulated, on the disk, or yours. Invariant:
 * a case relies only on the contract in `src/model/content-store.ts`, and accepts synchronous and asynchronous answers.
 */
import { digestOf } from '../../cas/digest-of.ts';
import { type ContentStore, missingBlobsOf } from '../../model/content-store.ts';
import { type Digest, digestKey } from '../../model/digest.ts';
import { checkEqual, checkThat } from '../check.ts';
import { noted } from './noted-part.ts';
import {
  codeOf,
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
} from './part-case.ts';

/** The limits of a case's content store. */
export interface ContentStoreLimits {
  /** The most bytes that it keeps. Default: no limit. */
  readonly maxBytes?: number;
}

/** A kind of content store under test: see {@link contentStoreCases}. */
export interface ContentStoreSubject extends PartSubject {
  /** Runs a body with an empty store. A subject that lacks `eviction` is given no limits. */
  use(body: (store: ContentStore) => Promise<void>, limits: ContentStoreLimits): Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const keysOf = (digests: readonly Digest[] | undefined): readonly string[] | undefined =>
  digests?.map(digestKey);
const LARGE = Uint8Array.from({ length: 300_000 }, (_, at) => (at * at) % 251);
const ABSENT = digestOf('never written');
const WRONG = 'RUNNER_WRONG_DIGEST';
const INVALID = 'RUNNER_INVALID_ARGUMENT';

const using =
  (
    body: (store: ContentStore) => Promise<void>,
    limits: ContentStoreLimits,
  ): PartCaseSpec<ContentStoreSubject>['prove'] =>
  (subject, options) =>
    notingCalls(options, (note) => subject.use((store) => body(noted(note, 'the store', store)), limits));

const on = (
  title: string,
  body: (store: ContentStore) => Promise<void>,
): PartCaseSpec<ContentStoreSubject> => ({ title, prove: using(body, {}) });

const within = (
  title: string,
  maxBytes: number,
  body: (store: ContentStore) => Promise<void>,
): PartCaseSpec<ContentStoreSubject> => ({
  title,
  needs: ['eviction'],
  prove: using(body, { maxBytes }),
});

async function add(store: ContentStore, content: string | Uint8Array): Promise<Digest> {
  const digest = digestOf(content);
  await store.write(digest, typeof content === 'string' ? bytesOf(content) : content);
  return digest;
}

async function streamed(
  store: ContentStore,
  ...given: Parameters<ContentStore['readStream']>
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of store.readStream(...given)) parts.push(part);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const isThere = async (store: ContentStore, digest: Digest): Promise<boolean> =>
  (await store.findMissing([digest])).length === 0;

/** The digests that a call reports as missing; undefined if it does not fail for that. */
async function missingFrom(act: () => unknown): Promise<readonly string[] | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    const missing = missingBlobsOf(error);
    if (missing === undefined) throw error;
    return keysOf(missing);
  }
}

const blobs: readonly PartCaseSpec<ContentStoreSubject>[] = [
  on('what was written is read whole and in ranges, at once and in parts', async (store) => {
    for (const [content, what] of [
      [bytesOf('hello world'), 'a small blob'],
      [LARGE, 'a large blob'],
    ] as const) {
      const digest = await add(store, content);
      for (const [offset, limit] of [
        [0],
        [6],
        [2, 3],
        [content.length],
        [content.length - 1, 100],
      ] as const) {
        const range = limit === undefined ? { offset } : { offset, limit };
        const expected = digestKey(digestOf(content.slice(offset, offset + (limit ?? Infinity))));
        const about = `${what} from ${offset}, ${limit ?? 'all'}`;
        checkEqual(about, digestKey(digestOf(await store.read(digest, range))), expected);
        checkEqual(`${about} in parts`, digestKey(digestOf(await streamed(store, digest, range))), expected);
      }
      checkEqual(`${what} without a range`, digestKey(digestOf(await store.read(digest))), digestKey(digest));
      checkEqual(`${what} streamed`, digestKey(digestOf(await streamed(store, digest))), digestKey(digest));
    }
  }),
  on('later changes to the bytes written or read do not change the blob', async (store) => {
    const given = bytesOf('mine');
    const digest = digestOf(given);
    await store.write(digest, given);
    given.fill(0);
    const first = await store.read(digest);
    checkEqual('the blob after its writer reused the bytes', textOf(first), 'mine');
    first.fill(0);
    checkEqual('the blob after its reader wrote to it', textOf(await store.read(digest)), 'mine');
  }),
  on('blobs that are missing are named in the order asked, each once', async (store) => {
    const here = await add(store, 'here');
    const other = digestOf('other');
    checkEqual(
      'the missing blobs',
      keysOf(await store.findMissing([other, here, ABSENT, other])),
      keysOf([other, ABSENT]),
    );
    checkEqual('of nothing', keysOf(await store.findMissing([])), []);
  }),
  on('reading a missing blob fails with its digest', async (store) => {
    checkEqual('a read', await missingFrom(() => store.read(ABSENT)), keysOf([ABSENT]));
    checkEqual('a range', await missingFrom(() => store.read(ABSENT, { offset: 1 })), keysOf([ABSENT]));
    checkEqual('a stream', await missingFrom(() => streamed(store, ABSENT)), keysOf([ABSENT]));
    const large = digestOf(LARGE);
    checkEqual('a large one', await missingFrom(() => store.read(large)), keysOf([large]));
  }),
  on('the empty blob is always there', async (store) => {
    const empty = digestOf('');
    checkThat(await isThere(store, empty), 'the empty blob', 'it to be there', 'missing');
    checkEqual('its bytes', (await store.read(empty)).length, 0);
    checkEqual('its stream', (await streamed(store, empty)).length, 0);
    await add(store, '');
    const writer = store.openWrite(empty);
    await writer.finish();
    checkThat(await isThere(store, empty), 'the empty blob once written', 'it to be there', 'missing');
  }),
  on('bytes that do not fit their digest are refused, and nothing of them is kept', async (store) => {
    const digest = digestOf('right');
    checkEqual('other bytes', await codeOf(() => store.write(digest, bytesOf('wrong'))), WRONG);
    checkEqual('fewer', await codeOf(() => store.write(digest, bytesOf('righ'))), WRONG);
    const short = { ...digest, sizeBytes: 4 };
    checkEqual('another size', await codeOf(() => store.write(short, bytesOf('right'))), WRONG);
    checkEqual(
      'the missing blobs',
      keysOf(await store.findMissing([digest, short])),
      keysOf([digest, short]),
    );
    await add(store, 'right');
    checkEqual('the right bytes', textOf(await store.read(digest)), 'right');
  }),
  on('the same blob may be written again, and by many at the same time', async (store) => {
    const digest = digestOf(LARGE);
    await Promise.all([1, 2, 3].map(async () => store.write(digest, LARGE)));
    await store.write(digest, LARGE);
    checkEqual('the blob', digestKey(digestOf(await store.read(digest))), digestKey(digest));
  }),
  on('wrong digests, bytes and ranges are refused', async (store) => {
    const digest = await add(store, 'here');
    const odd = { hash: 'odd', sizeBytes: 1 };
    const acts: readonly (readonly [string, () => unknown])[] = [
      ['findMissing', () => store.findMissing([odd])],
      ['read', () => store.read(odd)],
      ['readStream', () => streamed(store, odd)],
      ['write', () => store.write(odd, bytesOf('x'))],
      ['a text', () => store.write(digest, 'here' as never)],
      ['openWrite', () => store.openWrite(odd)],
      ['hold', () => store.hold([odd])],
      ['an offset below 0', () => store.read(digest, { offset: -1 })],
      ['half a byte', () => streamed(store, digest, { limit: 0.5 })],
      ['an offset beyond the end', () => store.read(digest, { offset: 5 })],
      ['a stream from beyond the end', () => streamed(store, digest, { offset: 5 })],
    ];
    for (const [what, act] of acts) checkEqual(what, await codeOf(act), INVALID);
  }),
  on('R199 a cancelled call ends, and the blob stays sound', async (store) => {
    const { cancelBoundMs } = store;
    checkThat(cancelBoundMs >= 0 && cancelBoundMs < Infinity, 'cancelBoundMs', 'a bound', cancelBoundMs);
    const digest = await add(store, 'here');
    const cancel = { signal: AbortSignal.abort() };
    const later = digestOf('later');
    const acts = [
      () => store.findMissing([digest], cancel),
      () => store.read(digest, {}, cancel),
      () => streamed(store, digest, {}, cancel),
      () => store.write(later, bytesOf('later'), cancel),
    ];
    for (const act of acts) {
      const code = await codeOf(act).catch((error: unknown) => (error as Error).name);
      const isEnd = ['none', 'RUNNER_CANCELLED', 'AbortError'].includes(code);
      checkThat(isEnd, 'a cancelled call', 'its answer, or RUNNER_CANCELLED', code);
    }
    await store.write(later, bytesOf('later'));
    checkEqual('both', keysOf(await store.findMissing([digest, later])), []);
  }),
];

const writers: readonly PartCaseSpec<ContentStoreSubject>[] = [
  on('a blob that is written in parts is there once it is finished, and not before', async (store) => {
    const digest = digestOf('abcdef');
    const writer = store.openWrite(digest);
    checkEqual('bytes at first', writer.committedBytes, 0);
    await writer.write(0, bytesOf('abc'));
    checkEqual('bytes after a part', writer.committedBytes, 3);
    checkThat(!(await isThere(store, digest)), 'half a blob', 'it to be missing', 'there');
    await writer.write(3, bytesOf('def'));
    checkThat(!(await isThere(store, digest)), 'before the end', 'it to be missing', 'there');
    await writer.finish();
    checkEqual('the blob', textOf(await store.read(digest)), 'abcdef');
    await writer.finish();
    await writer.discard();
    checkEqual('after a second end', textOf(await store.read(digest)), 'abcdef');
    checkEqual('a write after the end', await codeOf(() => writer.write(6, bytesOf('g'))), INVALID);
  }),
  on(
    'a part at another offset and more than was announced are refused, and the write goes on',
    async (store) => {
      const digest = digestOf('abcdef');
      const writer = store.openWrite(digest);
      const given = bytesOf('abc');
      await writer.write(0, given);
      given.fill(0);
      checkEqual('a part again', await codeOf(() => writer.write(0, bytesOf('abc'))), INVALID);
      checkEqual('a gap', await codeOf(() => writer.write(4, bytesOf('ef'))), INVALID);
      checkEqual('a text', await codeOf(() => writer.write(3, 'def' as never)), INVALID);
      checkEqual('too much', await codeOf(() => writer.write(3, bytesOf('defg'))), WRONG);
      checkEqual('bytes so far', writer.committedBytes, 3);
      await writer.write(3, bytesOf('def'));
      await writer.finish();
      checkEqual('the blob', textOf(await store.read(digest)), 'abcdef');
    },
  ),
  on('a write that is finished too early or with other bytes stores no blob', async (store) => {
    const digest = digestOf('abcdef');
    for (const text of ['abc', 'abcdeg', '']) {
      const writer = store.openWrite(digest);
      if (text !== '') await writer.write(0, bytesOf(text));
      checkEqual(`the end after ${JSON.stringify(text)}`, await codeOf(() => writer.finish()), WRONG);
      checkThat(!(await isThere(store, digest)), 'the blob', 'it to be missing', 'there');
      await writer.discard();
    }
  }),
  on('a discarded write takes no more bytes and stores no blob', async (store) => {
    const digest = digestOf('abcdef');
    const writer = store.openWrite(digest);
    await writer.write(0, bytesOf('abc'));
    await writer.discard();
    await writer.discard();
    checkEqual('the rest', await codeOf(() => writer.write(3, bytesOf('def'))), INVALID);
    checkEqual('the start', await codeOf(() => writer.write(0, bytesOf('abc'))), INVALID);
    checkEqual('the end', await codeOf(() => writer.finish()), INVALID);
    checkThat(!(await isThere(store, digest)), 'the blob', 'it to be missing', 'there');
  }),
  on('several may write the same blob, each its own bytes', async (store) => {
    const digest = digestOf(LARGE);
    const [one, other] = [store.openWrite(digest), store.openWrite(digest)];
    await one.write(0, LARGE.subarray(0, 200_000));
    await other.write(0, LARGE);
    await other.finish();
    await one.write(200_000, LARGE.subarray(200_000));
    await one.finish();
    checkEqual('the blob', digestKey(digestOf(await store.read(digest))), digestKey(digest));
  }),
];

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);
const D = 'd'.repeat(40);

const holds: readonly PartCaseSpec<ContentStoreSubject>[] = [
  within(
    'held blobs stay, others are evicted to make room, and a blob that does not fit is refused',
    100,
    async (store) => {
      const [a, b] = [await add(store, A), await add(store, B)];
      const hold = store.hold([a]);
      const c = await add(store, C);
      checkEqual('the blobs evicted', keysOf(await store.findMissing([a, b, c])), keysOf([b]));
      const both = store.hold([c, a]);
      checkEqual('a blob without room', await codeOf(() => add(store, D)), 'RUNNER_STORE_FULL');
      checkEqual(
        'the blobs evicted then',
        keysOf(await store.findMissing([a, c, digestOf(D)])),
        keysOf([digestOf(D)]),
      );
      both.release();
      both.release();
      await add(store, D);
      checkEqual('the blobs evicted at last', keysOf(await store.findMissing([a, c])), keysOf([c]));
      hold.release();
    },
  ),
  within(
    'a blob that was held before it was written stays as well, and can be evicted once released',
    50,
    async (store) => {
      const hold = store.hold([digestOf(A)]);
      await add(store, A);
      checkEqual('a blob without room', await codeOf(() => add(store, B)), 'RUNNER_STORE_FULL');
      const writer = store.openWrite(digestOf(B));
      const refused = await codeOf(async () => {
        await writer.write(0, bytesOf(B));
        await writer.finish();
      });
      checkEqual('the same in parts', refused, 'RUNNER_STORE_FULL');
      await writer.discard();
      hold.release();
      await add(store, B);
      checkEqual(
        'what is there',
        keysOf(await store.findMissing([digestOf(A), digestOf(B)])),
        keysOf([digestOf(A)]),
      );
    },
  ),
  within('a blob that is held along with another stays as long as that one is held', 100, async (store) => {
    if (store.holdAlong === undefined) return;
    const [a, b] = [digestOf(A), digestOf(B)];
    store.holdAlong(a, [b]);
    const [first, second] = [store.hold([a]), store.hold([a])];
    store.holdAlong(a, [b, b, a]);
    store.holdAlong(a, [b]);
    for (const blob of [A, B]) await add(store, blob);
    first.release();
    checkEqual('a blob without room', await codeOf(() => add(store, C)), 'RUNNER_STORE_FULL');
    checkEqual('the blobs evicted then', keysOf(await store.findMissing([a, b])), []);
    second.release();
    await add(store, C);
    await add(store, D);
    checkEqual('the blobs evicted at last', keysOf(await store.findMissing([a, b])), keysOf([a, b]));
    // That was the last hold, so these blobs are not held.
    await add(store, B);
    await add(store, C);
    await add(store, D);
    checkEqual('what comes again', keysOf(await store.findMissing([b])), keysOf([b]));
  }),
  within('a blob that is larger than the whole store is refused', 50, async (store) => {
    checkEqual('its write', await codeOf(() => add(store, 'x'.repeat(51))), 'RUNNER_STORE_FULL');
    checkThat(!(await isThere(store, digestOf('x'.repeat(51)))), 'the blob', 'it to be missing', 'there');
  }),
];

/**
 * The contract of a content store, case by case: blobs by digest, blobs in parts, holds. It may lack `eviction`.
 *
 * @example
 * ```ts
 * import { contentStoreCases, type ContentStoreSubject } from 'dryrunner/conformance';
 * import { createMemoryContentStore } from 'dryrunner/remote';
 * const subject: ContentStoreSubject = {
 *   name: 'mine',
 *   use: (body, limits) => body(createMemoryContentStore(limits)),
 * };
 * for (const each of contentStoreCases) await each.prove(subject);
 * ```
 */
export const contentStoreCases: readonly PartCase<ContentStoreSubject>[] = partCases({
  blobs,
  writers,
  holds,
});
