import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logHeader, logTrailer } from '../../src/runners/invocation/log-header.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { digestOutput, OutputDigest } from '../../src/trace/output-digest.ts';

const sha = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
const outputs = createMemoryOutputs();
const logs = [outputs.create('stdout'), outputs.create('stderr'), outputs.create('stdlog')] as const;
const header = (argv: string[], epochMs: number): string =>
  logHeader(epochMs, logs, { argv, envVars: { A: 'b' }, jobId: '\nSCOOT_CMD_LOG\n' });
const trailers = [
  logTrailer('abort', 0, ''),
  logTrailer('deadline', 1500, ''),
  logTrailer('memory', 0, 'Cmd exceeded MemoryCap'),
] as string[];

describe('digestOutput', () => {
  test('the header does not count, whatever date, paths and command are in it', async () => {
    for (const argv of [['make'], ['a\nSCOOT_CMD_LOG\n', '########'], []]) {
      for (const epochMs of [0, 1_700_000_000_000]) {
        expect(await digestOutput(`${header(argv, epochMs)}hi\n`)).toBe(sha('hi\n'));
        expect(await digestOutput(header(argv, epochMs))).toBe(sha(''));
      }
    }
  });

  test.for(trailers)('the trailer of a stopped run does not count: %j', async (trailer) => {
    for (const body of ['', 'hi', 'hi\n\n', `hi${trailer}`, '\n\n########\n']) {
      const file = `${header(['make'], 0)}${body}${trailer}`;
      expect(await digestOutput(file, { hasTrailer: true })).toBe(sha(body));
      expect(await digestOutput(file)).toBe(sha(body + trailer));
    }
    expect(await digestOutput(`${header([], 0)}hi`, { hasTrailer: true })).toBe(sha('hi'));
  });

  test('the digest is of the process’s bytes, whatever they are and however the file is split', async () => {
    const unit = fc.oneof(fc.constantFrom('\n', '#', 'SCOOT_CMD_LOG\n', ...trailers), fc.string());
    const bodies = fc.array(unit, { maxLength: 6 }).map((units) => units.join(''));
    await fc.assert(
      fc.asyncProperty(
        bodies,
        fc.constantFrom('', ...trailers),
        fc.integer({ min: 1, max: 50 }),
        async (body, trailer, size) => {
          const file = Buffer.from(`${header(['make'], 0)}${body}${trailer}`);
          const pieces: Uint8Array[] = [];
          for (let at = 0; at < file.length; at += size) pieces.push(file.subarray(at, at + size));
          expect(await digestOutput(pieces, { hasTrailer: trailer !== '' })).toBe(sha(body));
        },
      ),
      { numRuns: 300 },
    );
  });

  test.for([
    'hi\nSCOOT_CMD_LOG\nho',
    '#\n#\nSCOOT_CMD_LOG\nho',
    '########\n#########\nSCOOT_CMD_LOG\nho',
    '# a comment\n# a comment\n',
    '########\n########\n',
    '########\n########\n\nDate\nSCOOT_CMD_LOG\nhi',
    `${'#'.repeat(600)}\n${'#'.repeat(600)}\n${'#'.repeat(600)}\n${'#'.repeat(600)}\n\nSCOOT_CMD_LOG\nhi`,
    '',
  ])('a file without a header counts whole: %j', async (file) => {
    expect(await digestOutput(file)).toBe(sha(file));
    expect(await digestOutput(file, { hasTrailer: true })).toBe(sha(file));
    expect(await digestOutput([...file])).toBe(sha(file));
  });

  test('a header of more than 4 MiB is not a header', async () => {
    const long = `########\n########\n${'x'.repeat(4 * 1024 * 1024)}`;
    const file = [long, '\n########\n########\n\nSCOOT_CMD_LOG\n', 'hi'];
    expect(await digestOutput(file)).toBe(sha(file.join('')));
  });

  test('streams and chunks give the same, and bytes are used as they are', async () => {
    async function* later(): AsyncGenerator<Uint8Array> {
      yield Promise.resolve(Buffer.from(header(['make'], 0)));
      yield Uint8Array.of(0xff, 0x00);
    }
    expect(await digestOutput(later())).toBe(sha(Uint8Array.of(0xff, 0x00)));
    const digest = new OutputDigest();
    digest.add(header(['make'], 0));
    digest.add(Uint8Array.of(0xff, 0x00));
    expect(digest.end()).toBe(sha(Uint8Array.of(0xff, 0x00)));
  });
});
