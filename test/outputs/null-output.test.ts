import { describe, expect, test } from 'vitest';
import type { Output } from '../../src/model/output.ts';
import { NULL_OUTPUT, createNullOutputs } from '../../src/outputs/null-output.ts';

describe('null outputs', () => {
  test('R168 drop what is written, have an empty URI, and are one frozen object', () => {
    const output: { [K in keyof Output]: Output[K] } = createNullOutputs().create('stdout');
    expect(output).toBe(NULL_OUTPUT);
    expect(createNullOutputs().create('stderr')).toBe(NULL_OUTPUT);
    expect(Object.isFrozen(output)).toBe(true);
    expect([output.write('x'), output.write(new Uint8Array(3)), output.close(), output.close()]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(output.uri).toBe('file:///dev/null');
    expect(output.asFile()).toBe('/dev/null');
  });

  test.for(['', '.', '..', 'a/b', '/etc/passwd', 'a\\b', 'a\0b', '\ud800'])(
    'R161 the id %j is refused',
    (id) => {
      expect(() => createNullOutputs().create(id)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          expected: 'a non-empty name without path separators, NUL, `.` or `..`',
          actual: id,
        }),
      );
    },
  );
});
