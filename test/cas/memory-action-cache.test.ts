import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import type { ActionOutcome } from '../../src/model/action.ts';

const absent = digestOf('never put');

/** Changes everything that can be reached. */
function ruin(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(255);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      ruin(part);
      Reflect.set(value, key, 'ruined');
    }
  }
}

describe('the action cache in memory', () => {
  const outcome = (exitCode: number): ActionOutcome => ({
    exitCode,
    outputFiles: [],
    outputDirectories: [],
    outputSymlinks: [],
    metadata: { worker: 'w' },
  });

  test('keeps a result by instance and action, as a value of its own', () => {
    const cache = createMemoryActionCache();
    const given = { ...outcome(0), metadata: { worker: 'w' } };
    cache.put('', absent, given);
    given.metadata.worker = 'changed';
    expect(cache.get('', absent)).toEqual(outcome(0));
    expect(cache.get('other', absent)).toBeUndefined();
    expect(cache.get('', digestOf('other'))).toBeUndefined();
    expect(cache.remove('', absent)).toBe(true);
    expect(cache.remove('', absent)).toBe(false);
    expect(cache.get('', absent)).toBeUndefined();
  });

  test('shares no part of a result with who puts or gets it', () => {
    const digest = digestOf('something');
    const whole = (): ActionOutcome => ({
      ...outcome(3),
      outputFiles: [{ path: 'file', digest: { ...digest }, isExecutable: true }],
      outputDirectories: [{ path: 'folder', treeDigest: { ...digest } }],
      outputSymlinks: [{ path: 'link', target: 'file' }],
      stdoutDigest: { ...digest },
      stderrDigest: { ...digest },
      stdoutRaw: new Uint8Array([1]),
      stderrRaw: new Uint8Array([2]),
    });
    const cache = createMemoryActionCache();
    const given = whole();
    cache.put('', absent, given);
    ruin(given);
    const got = cache.get('', absent);
    expect(got).toEqual(whole());
    ruin(got);
    expect(cache.get('', absent)).toEqual(whole());
  });

  test('forgets what was not asked for longest', () => {
    const cache = createMemoryActionCache({ maxEntries: 2 });
    const [a, b, c] = ['a', 'b', 'c'].map(digestOf) as [typeof absent, typeof absent, typeof absent];
    cache.put('', a, outcome(0));
    cache.put('', b, outcome(0));
    cache.get('', a);
    cache.put('', c, outcome(0));
    expect([a, b, c].map((action) => cache.get('', action) !== undefined)).toEqual([true, false, true]);
    expect(cache.size).toBe(2);
  });
});
