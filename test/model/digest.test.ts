import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { check } from '../../src/kernel/argument-check.ts';
import * as is from '../../src/kernel/shape.ts';
import { checkDigest, checkDigests, type Digest, DIGEST, isHash } from '../../src/model/digest.ts';

const hash = 'a'.repeat(64);
const refusal = (act: () => void): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

test.for([
  ['is sound', { hash, sizeBytes: 0 }, true],
  ['has another field', { hash, sizeBytes: 1, name: 'x' }, true],
  ['inherits its fields', Object.create({ hash, sizeBytes: 1 }), true],
  ['has a short hash', { hash: 'a'.repeat(63), sizeBytes: 1 }, false],
  ['has a hash in capitals', { hash: 'A'.repeat(64), sizeBytes: 1 }, false],
  ['has a number as hash', { hash: 1, sizeBytes: 1 }, false],
  ['has no size', { hash }, false],
  ['has a negative size', { hash, sizeBytes: -1 }, false],
  ['has half a byte', { hash, sizeBytes: 0.5 }, false],
  ['has a size as text', { hash, sizeBytes: '1' }, false],
  ['is null', null, false],
  ['is a list with the fields', Object.assign([], { hash, sizeBytes: 1 }), false],
  ['is a function with the fields', Object.assign(() => 0, { hash, sizeBytes: 1 }), false],
  [
    'cannot be read',
    {
      get hash(): string {
        throw new Error('mine');
      },
      sizeBytes: 1,
    },
    false,
  ],
] as const)('checkDigest decides as check with its shape: what %s', ([, value, isAllowed]) => {
  const given = value as Digest;
  const message = refusal(() => check('digest', given, DIGEST));
  expect(message === undefined).toBe(isAllowed);
  expect(refusal(() => checkDigest('digest', given))).toBe(message);
});

test.for([
  [
    'sound digests',
    [
      { hash, sizeBytes: 0 },
      { hash: 'b'.repeat(64), sizeBytes: 7 },
    ],
  ],
  ['none', []],
  ['a hole', [{ hash, sizeBytes: 0 }, , { hash, sizeBytes: 0 }]],
  [
    'a short hash after a sound digest',
    [
      { hash, sizeBytes: 0 },
      { hash: 'a'.repeat(63), sizeBytes: 1 },
    ],
  ],
  ['no list', { length: 0 }],
  ['null', null],
] as const)('checkDigests decides as the check of a list: %s', ([, value]) => {
  const given = value as readonly Digest[];
  const message = refusal(() => check('digests', given, is.listOf(DIGEST, 'a list of digests')));
  expect(refusal(() => checkDigests('digests', given))).toBe(message);
});

test('a hash that differs from a sound one only in what comes later is checked for itself', () => {
  const refused = `${'a'.repeat(63)}A`;
  for (const [text, isAllowed] of [
    [hash, true],
    [refused, false],
    [hash, true],
    [refused, false],
    [`${hash}a`, false],
  ] as const) {
    expect(isHash(text)).toBe(isAllowed);
  }
});

test('a hash that was cut out of a long text does not keep that in memory', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const heldBytes = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = heldBytes();
  for (let at = 0; at < 50; at += 1) {
    const name = Buffer.from(at.toString(16).padStart(2, '0').repeat(32) + 'x'.repeat(1_000_000)).toString(
      'latin1',
    );
    expect(isHash(name.slice(0, 64))).toBe(true);
  }
  expect(heldBytes() - before).toBeLessThan(20_000_000);
});
