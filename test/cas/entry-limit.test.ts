// How many entries a message has, counted without decoding it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MESSAGES, type Messages } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { hasTooManyEntries, MESSAGE_ENTRIES_MAX } from '../../src/cas/entry-limit.ts';
import { protocolType, strictReader } from '../../src/cas/protocol-types.ts';
import type { RunnerError } from '../../src/kernel/errors.ts';

const digest = digestOf('x');
const files = [
  { name: 'a', digest, isExecutable: true },
  { name: 'b', digest },
];
const folder = { files, directories: [{ name: 'd', digest }], symlinks: [{ name: 'l', target: 'a' }] };

/** Bytes of any number of empty entries of a list with field number 1. */
const empties = (count: number): Uint8Array =>
  new Uint8Array(count * 2).map((_, at) => (at % 2 === 0 ? 10 : 0));

function exceeds(name: keyof Messages, bytes: Uint8Array, entriesMax: number): boolean {
  return hasTooManyEntries(protocolType(MESSAGES[name].name), strictReader(bytes), entriesMax);
}

describe('the number of entries of a message', () => {
  test.for<[keyof Messages, Uint8Array, number]>([
    ['Directory', MESSAGES.Directory.encode(folder), 4],
    ['Tree', MESSAGES.Tree.encode({ root: folder, children: [folder, {}] }), 10],
    ['Command', MESSAGES.Command.encode({ arguments: ['a', 'b'], outputPaths: ['c'] }), 3],
    ['Action', MESSAGES.Action.encode({ platform: { properties: [{ name: 'n', value: 'v' }] } }), 1],
    ['ExecuteResponse', MESSAGES.ExecuteResponse.encode({ serverLogs: { a: { digest }, b: {} } }), 2],
    ['BatchReadBlobsRequest', MESSAGES.BatchReadBlobsRequest.encode({ acceptableCompressors: [0, 1, 2] }), 3],
    ['BatchReadBlobsRequest', new Uint8Array([24, 0, 24, 1]), 2],
    ['FindMissingBlobsRequest', new Uint8Array([18, 0, 18, 0, 18, 0]), 3],
  ])('%s: counts lists at any depth, maps and packed numbers', ([name, bytes, entries]) => {
    expect(exceeds(name, bytes, entries)).toBe(false);
    expect(exceeds(name, bytes, entries - 1)).toBe(true);
  });

  test('fields that the message does not have do not count', () => {
    // Field 15 as a text, field 14 as a number.
    const others = new Uint8Array([122, 1, 65, 112, 1]);
    expect(exceeds('Directory', new Uint8Array([...others, ...others, ...empties(1)]), 1)).toBe(false);
  });

  test('a message of too many entries is refused before it is decoded', () => {
    const most = empties(MESSAGE_ENTRIES_MAX);
    const refusal = expect.objectContaining({
      code: 'RUNNER_BAD_MESSAGE',
      message: expect.stringMatching(
        / of 2000002 B: expected at most 1000000 entries in its lists$/,
      ) as string,
    }) as RunnerError;
    expect(MESSAGES.Command.decode(most).arguments).toHaveLength(MESSAGE_ENTRIES_MAX);
    const more = new Uint8Array([...most, 10, 0]);
    expect(() => MESSAGES.Command.decode(more)).toThrow(refusal);
    expect(() => MESSAGES.Directory.decode(more)).toThrow(refusal);
  });

  test('a field of another wire type than its own is refused: the decoder would read other entries', () => {
    // Field 1 as a number of four bytes.
    expect(() => exceeds('Directory', new Uint8Array([13, 0, 13, 0, 13]), 1)).toThrow(
      'field files: expected wire type 2, got 5',
    );
  });

  test('is never less than what is decoded, whatever the bytes', () => {
    const tree = { root: folder, children: [folder, {}] };
    const command = { arguments: ['a', 'b'], platform: { properties: [{ name: 'n' }, { name: 'm' }] } };
    const sound = fc.constantFrom<[keyof Messages, Uint8Array]>(
      ['Tree', MESSAGES.Tree.encode(tree)],
      ['Command', MESSAGES.Command.encode(command)],
    );
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    let counted = 0;
    fc.assert(
      fc.property(sound, changes, ([name, bytes], list) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, byte] of list) changed[at % bytes.length] = byte;
        const entries = entriesDecoded(name, changed);
        if (entries === 0) return;
        counted += 1;
        try {
          if (exceeds(name, changed, entries - 1)) return;
        } catch {
          // Refused.
          return;
        }
        throw new Error(`less than ${entries}`);
      }),
      { numRuns: 2_000 },
    );
    expect(counted).toBeGreaterThan(500);
  });
});

/** 0 if it is no such message. */
function entriesDecoded(name: keyof Messages, bytes: Uint8Array): number {
  try {
    return entriesIn(MESSAGES[name].decode(bytes));
  } catch {
    return 0;
  }
}

function entriesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0;
  const own = Array.isArray(value) ? value.length : 0;
  return Object.values(value).reduce((sum: number, each) => sum + entriesIn(each), own);
}
