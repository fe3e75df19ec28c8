import fc from 'fast-check';
import { posix, win32 } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkOutputId, isOutputId } from '../../src/outputs/output-id.ts';

describe('output ids', () => {
  test('R161 any accepted id is a direct entry of its folder on every platform', () => {
    const parts = fc.constantFrom('.', '/', '\\', '\0', 'a', 'é', '😀', '\ud83d', ' ', 'C:');
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 6 }).map((all) => all.join('')),
        (id) => {
          if (!isOutputId(id)) return;
          expect(posix.dirname(posix.join('/folder', id))).toBe('/folder');
          expect(win32.basename(`x${id}`)).toBe(`x${id}`);
          expect(id).not.toContain('\0');
          expect(Buffer.from(id).toString()).toBe(id);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.for(['stdout', '0-stdout', '...', '..a', 'ünï😀', 'a b', '-'])('the id %j is accepted', (id) => {
    expect(isOutputId(id)).toBe(true);
    expect(() => checkOutputId(id)).not.toThrow();
  });

  test.for([undefined, null, 7, {}])('R161 the non-text %j is refused', (id) => {
    expect(isOutputId(id)).toBe(false);
    expect(() => checkOutputId(id)).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }));
  });
});
