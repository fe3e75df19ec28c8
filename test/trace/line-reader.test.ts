import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Chunk } from '../../src/model/output.ts';
import type { Line, TextSource } from '../../src/trace/line-reader.ts';
import { LineReader } from '../../src/trace/line-reader.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function linesOf(source: TextSource, maxBytes = 1000, option?: string): Promise<Line[]> {
  const reader = new LineReader(source);
  const lines: Line[] = [];
  for (;;) {
    const line = await reader.next(maxBytes, option);
    if (line === undefined) return lines;
    lines.push(line);
  }
}
const textsOf = async (source: TextSource): Promise<string[]> =>
  (await linesOf(source)).map(({ text }) => text);

const wellFormed = (text: string): string => Buffer.from(text).toString();

async function* later(pieces: readonly Chunk[]): AsyncGenerator<Chunk> {
  for (const piece of pieces) yield Promise.resolve(piece);
}

describe('line reader', () => {
  test('gives the same lines wherever the text is split, as text, as bytes, now or later', async () => {
    const unit = fc.constantFrom('a', '\n', '\n', 'ü', '\u{1f4a5}', '\ud83d', '"', ' ');
    const pieces = fc.array(fc.string({ unit, maxLength: 6 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.func(fc.boolean()), async (cut, asBytes) => {
        const whole = wellFormed(cut.join(''));
        const expected = whole.split('\n').slice(0, whole.endsWith('\n') || whole === '' ? -1 : undefined);
        const bytes = Buffer.from(whole);
        const mixed = cut.map((piece) =>
          asBytes(piece) && wellFormed(piece) === piece ? Buffer.from(piece) : piece,
        );
        expect(await textsOf(cut)).toEqual(expected);
        expect(await textsOf(later(cut))).toEqual(expected);
        expect(await textsOf(bytes)).toEqual(expected);
        expect(await textsOf([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
        expect((await textsOf(later(mixed))).join('\n')).toBe(expected.join('\n'));
      }),
      { numRuns: 200 },
    );
  });

  test('numbers lines from 1 and says whether a newline ended the last one', async () => {
    expect(await linesOf('a\n\nb')).toEqual([
      { number: 1, text: 'a', isEnded: true },
      { number: 2, text: '', isEnded: true },
      { number: 3, text: 'b', isEnded: false },
    ]);
    expect(await linesOf('a\n')).toEqual([{ number: 1, text: 'a', isEnded: true }]);
    expect(await linesOf([])).toEqual([]);
    expect(await linesOf(['', new Uint8Array(0)])).toEqual([]);
  });

  // a line of 3 MB in chunks of one byte took 480 MB.
  test('keeps no chunk of a long line once its bytes are read', async () => {
    const chunks: WeakRef<ArrayBufferLike>[] = [];
    let alive = Infinity;
    async function* source(): AsyncGenerator<Chunk> {
      for (let count = 0; count < 5_000; count += 1) {
        const chunk = new Uint8Array(1).fill(97);
        // Not of the chunk: a view of its bytes keeps those alone.
        chunks.push(new WeakRef(chunk.buffer));
        yield chunk;
      }
      // What a weak reference was made for lives until the end of the turn in which that was done.
      await setImmediate();
      collectGarbage();
      alive = chunks.filter((chunk) => chunk.deref() !== undefined).length;
      yield '\n';
    }
    const [line] = await linesOf(source(), 10_000);
    expect(line?.text).toBe('a'.repeat(5_000));
    expect(alive).toBeLessThan(50);
  });

  test('drops a byte order mark at the beginning only, and the CR of a CRLF', async () => {
    expect(await textsOf('\ufeffa\r\n\ufeffb\r\nc\rd')).toEqual(['a', '\ufeffb', 'c\rd']);
  });

  test.for([
    [Uint8Array.of(0xff, 0x0a), 'foreign', 1],
    [Uint8Array.of(0x61, 0x0a, 0xff, 0x0a), 'corrupted', 2],
    [Uint8Array.of(0x61, 0x0a, 0xc3), 'truncated', 2],
  ] as const)('bytes %o are %s in line %i', async ([bytes, problem, line]) => {
    await expect(linesOf(bytes)).rejects.toMatchObject({
      code: 'RUNNER_TRACE_FORMAT',
      problem,
      line,
      message: `line ${line}: expected UTF-8 text, got other bytes`,
      cause: expect.any(TypeError),
    });
  });

  test('reads foreign bytes as replacement characters on request', async () => {
    const reader = new LineReader(Uint8Array.of(0x61, 0xff, 0x0a), { foreignBytes: 'replaced' });
    expect((await reader.next(10))?.text).toBe('a\ufffd');
  });

  test.for([
    ['in one piece', ['ok\n12345\n']],
    ['in pieces', ['ok\n123', '45', '\n']],
    ['without an end', ['ok\n', '12345']],
  ] as const)(
    'refuses a line longer than allowed, %s, and accepts one exactly as long',
    async ([, pieces]) => {
      await expect(linesOf(pieces, 4)).rejects.toMatchObject({
        problem: 'too-long',
        line: 2,
        message: 'line 2: expected a line of at most 4 bytes, got a longer one',
      });
      await expect(linesOf(pieces, 4, 'maxBytes')).rejects.toMatchObject({
        message: 'line 2: expected a line of at most 4 bytes (maxBytes), got a longer one',
      });
      expect((await linesOf(pieces, 5)).map(({ text }) => text)).toEqual(['ok', '12345']);
    },
  );

  test('reads no more of its source than needed, and closes it once', async () => {
    const log: string[] = [];
    function* source(): Generator<string> {
      try {
        for (const piece of ['a\nb\n', 'c\n', 'd\n']) {
          log.push(piece);
          yield piece;
        }
      } finally {
        log.push('closed');
      }
    }
    const reader = new LineReader(source());
    expect(reader.number).toBe(0);
    await reader.next(10);
    await reader.next(10);
    expect(log).toEqual(['a\nb\n']);
    await reader.next(10);
    expect(reader.number).toBe(3);
    await reader.close();
    expect(log).toEqual(['a\nb\n', 'c\n', 'closed']);
    expect(await reader.next(10)).toBeUndefined();
  });

  test.for([[7], [null], [undefined], [{}]])('refuses %o as a source', ([source]) => {
    expect(() => new LineReader(source as string)).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringMatching(/^source: expected text, bytes, or an iterable of them, got /),
      }),
    );
  });

  test('refuses chunks that are neither text nor bytes, and passes on what its source throws', async () => {
    await expect(linesOf([7] as unknown as string[])).rejects.toMatchObject({
      message: 'source: expected pieces of text or bytes, got 7',
    });
    const failure = new Error('disk gone');
    async function* failing(): AsyncGenerator<string> {
      yield Promise.resolve('a\n');
      throw failure;
    }
    await expect(linesOf(failing())).rejects.toBe(failure);
  });
});
