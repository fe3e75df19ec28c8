import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TextSource } from '../../src/trace/line-reader.ts';
import type { TraceFormatError } from '../../src/trace/trace-format-error.ts';
import {
  readWhole as read,
  sampleRecording,
  sampleSimulation,
  simulationHeader as header,
} from './sample-files.ts';

/** What reading gives: the file, or its typed error. Any other error fails the test. */
async function outcome(source: TextSource): Promise<{ file: unknown } | { error: TraceFormatError }> {
  try {
    return { file: await read(source) };
  } catch (error) {
    expect(error).toMatchObject({ name: 'RunnerError', code: 'RUNNER_TRACE_FORMAT' });
    expect((error as TraceFormatError).line).toBeGreaterThan(0);
    return { error: error as TraceFormatError };
  }
}

describe.for([
  ['simulation', sampleSimulation],
  ['recording', sampleRecording],
] as const)('a damaged %s', ([, whole]) => {
  const bytes = Buffer.from(whole);

  test('cut off anywhere is reported as cut off', async () => {
    for (let length = 1; length < bytes.length - 1; length++) {
      const result = await outcome(bytes.subarray(0, length));
      expect(result, `cut after ${length} bytes`).toMatchObject({ error: { problem: 'truncated' } });
    }
    expect(await outcome(bytes.subarray(0, -1))).toEqual({ file: await read(bytes) });
  });

  test('with any one byte changed is refused, or reads the same where case does not matter', async () => {
    const expected = { file: await read(bytes) };
    const positions = fc.nat(bytes.length - 1);
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(positions, fc.integer({ min: 1, max: 255 }), async (position, flip) => {
        const damaged = Buffer.from(bytes);
        damaged[position] = (damaged[position] ?? 0) ^ flip;
        const result = await outcome(damaged);
        if ('file' in result) expect(result).toEqual(expected);
        else refused += 1;
      }),
      { numRuns: 1500 },
    );
    expect(refused).toBeGreaterThan(1450);
  });

  test('with one bit flipped anywhere is refused', async () => {
    for (let position = 0; position < bytes.length; position++) {
      const damaged = Buffer.from(bytes);
      damaged[position] = (damaged[position] ?? 0) ^ (1 << (position % 8));
      expect(await outcome(damaged), `byte ${position}`).toHaveProperty('error');
    }
  });

  test('with a line missing, doubled or moved is refused', async () => {
    const lines = whole.split(/(?<=\n)/);
    for (let i = 0; i < lines.length - 1; i++) {
      const line = lines[i] ?? '';
      expect(await outcome(lines.toSpliced(i, 1).join(''))).toHaveProperty('error');
      expect(await outcome(lines.toSpliced(i, 0, line).join(''))).toHaveProperty('error');
      const moved = lines.toSpliced(i, 1).toSpliced(i + 1, 0, line);
      expect(await outcome(moved.join(''))).toHaveProperty('error');
    }
  });

  test('of random bytes is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (garbage) => {
        expect(await outcome(garbage)).toHaveProperty('error');
        expect(await outcome([header, '\n', garbage])).toHaveProperty('error');
      }),
      { numRuns: 300 },
    );
  });
});
