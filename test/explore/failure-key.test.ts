import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureKey, headlineOf } from '../../src/explore/failure-key.ts';
import { messageOf } from '../../src/kernel/errors.ts';

const thrownBy = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    return messageOf(error);
  }
  throw new Error('expected it to throw');
};

const MANY = Array.from({ length: 250 }, (_, n) => `text ${n}`);

describe('the headline of a message', () => {
  test('has at most 500 characters of it, and lines that are left out are in the rest', () => {
    const list = headlineOf(`expected none, got ${MANY.join(', ')}`);
    expect(list.headline).toMatch(/^expected none, got text 0, .*… \(1,907 more characters\)$/);
    expect([list.headline.length, list.rest]).toEqual([525, []]);
    const lines = headlineOf(`expected none, got\n${MANY.join('\n')}\n\nby reader`);
    expect(lines.headline).toMatch(/^expected none, got text 0 text 1 .*… \(1,658 more characters\)$/);
    expect(lines.rest).toEqual(['expected none, got', ...MANY, '', 'by reader']);
    expect(headlineOf(`${'x'.repeat(499)}\u{1f600}y`).headline).toBe(
      `${'x'.repeat(499)}… (3 more characters)`,
    );
  });

  test.each<[name: string, message: string, headline: string, rest: readonly string[]]>([
    ['a line is all of it', 'two jobs started', 'two jobs started', []],
    ['a paragraph becomes one line', 'two jobs\n  started \n', 'two jobs started', []],
    [
      'what follows is a picture',
      'a read 0\n\na |--|\nb   |--|\n\nno order',
      'a read 0',
      ['a |--|', 'b   |--|', '', 'no order'],
    ],
    [
      'an assertion announces its values',
      thrownBy(() => assert.equal(1, 2)),
      'Expected values to be strictly equal: 1 !== 2',
      [],
    ],
    [
      'a sentence can go on after an announcement',
      'the log lacks:\n\nits end:\n\n- c',
      'the log lacks: its end',
      ['- c'],
    ],
    ['a colon alone says nothing', ':', '(without a message)', []],
    ['an empty message leaves no hole in a sentence', ' \n', '(without a message)', []],
  ])('%s', (_name, message, headline, rest) => {
    expect(headlineOf(message)).toEqual({ headline, rest });
  });

  test('property: with the rest it has all words of the message, in order, and it ends without a colon', () => {
    const lines = fc.array(fc.constantFrom('', ' ', 'a', ' b c', 'd:', 'e '), { maxLength: 9 });
    fc.assert(
      fc.property(lines, (parts) => {
        const message = parts.join('\n');
        const { headline, rest } = headlineOf(message);
        const words = (text: string): string[] =>
          text
            .replace('(without a message)', '')
            .split(/[\s:]+/)
            .filter((word) => word !== '');
        expect([...words(headline), ...words(rest.join(' '))]).toEqual(words(message));
        expect(headline).not.toMatch(/\n|:$/);
      }),
    );
  });
});

describe('the key', () => {
  test('of a check ignores the drawing', () => {
    const [one, other] = ['a |-|', 'b |----|'].map((picture) =>
      failureKey({ kind: 'check', message: `read by a said 0\n\n${picture}` }),
    );
    expect(one).toBe('check read by a said #');
    expect(other).toBe(one);
  });

  test('has the colon of a headline, as those that are kept in files do', () => {
    expect(failureKey({ kind: 'check', message: 'the log is without its end:' })).toBe(
      'check the log is without its end:',
    );
  });

  test.each<[name: string, one: () => void, other: () => void]>([
    ['a text', () => expect('late').toBe('ok'), () => expect('lost').toBe('ok')],
    ['a list', () => expect(['a', 'b']).toEqual(['ok']), () => expect(['c']).toEqual(['ok'])],
    ['lines', () => expect('a\n\nb').toContain('ok'), () => expect('c').toContain('ok')],
    ['what must not be', () => expect('a ok').not.toContain('ok'), () => expect('b ok').not.toContain('ok')],
  ])('of an assertion of expect ignores the value that it got: %s', (_name, one, other) => {
    const [first, second] = [one, other].map((act) => failureKey({ kind: 'error', message: thrownBy(act) }));
    expect(first).toContain('ok');
    expect(second).toBe(first);
  });

  test('of an assertion of expect has the matcher, the value that it expects, and whether it must not hold', () => {
    const keys = [
      () => expect('late').toBe('ok'),
      () => expect('late').toBe('good'),
      () => expect('late').toEqual('ok'),
      () => expect('ok').not.toBe('ok'),
    ].map((act) => failureKey({ kind: 'error', message: thrownBy(act) }));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('differs for two assertions that begin alike', () => {
    const [one, other] = [['a'], ['b']].map((value) =>
      failureKey({ kind: 'error', message: thrownBy(() => assert.deepEqual(value, [])) }),
    );
    expect(one).not.toBe(other);
  });
});

test.for([
  ['R4 run node 7-12: expected PENDING, got 3', 'R4 run 2: expected PENDING, got 1'],
  ['R26 abort of run id b-7-1 is refused', 'R26 abort of run id 0 is refused'],
] as const)('ids with a prefix and without have one key: %s', ([prefixed, bare]) => {
  expect(failureKey({ kind: 'check', message: prefixed })).toBe(failureKey({ kind: 'check', message: bare }));
});

describe('digests in a message', () => {
  const keyOf = (message: string): string => failureKey({ kind: 'error', message });
  const hashes = ['first', 'second', 'third'].map((text) => createHash('sha256').update(text).digest('hex'));
  const [a = '', b = '', c = ''] = hashes;

  test.for([
    [`missing blobs: ${a}/13`, `missing blobs: ${b}/7`],
    [`missing blobs: ${a}/13, ${b}/7`, `missing blobs: ${c}/2`],
    [`No such snapshot: bz-${a}-76`, `No such snapshot: bz-${b}-8`],
    [`blob ${a.slice(0, 8)} is gone`, `blob ${b.slice(0, 8)} is gone`],
    [`blob ${a.slice(0, 8)} is gone`, 'blob 12345678 is gone'],
    [`blob ${a.slice(0, 8)}/13 is gone`, 'blob 12345678/7 is gone'],
    [
      'No such job: 2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d',
      'No such job: 550e8400-e29b-41d4-a716-446655440000',
    ],
  ] as const)('are no part of the key: %s', ([one, other]) => {
    expect(keyOf(one)).toBe(keyOf(other));
  });

  test.for([
    [`missing blobs: ${a}/13`, `wrong blobs: ${a}/13`],
    [`output out.txt: missing blobs: ${a}/13`, `output log.txt: missing blobs: ${a}/13`],
    [`blob ${a} ended`, `action ${a} ended`],
    ['the word is feedface', 'the word is deadbeef'],
  ] as const)('leave the keys of different failures different: %s', ([one, other]) => {
    expect(keyOf(one)).not.toBe(keyOf(other));
  });
});

describe('numbers in a message', () => {
  const keyOf = (message: string): string => failureKey({ kind: 'error', message });

  test('are no part of the key, however JavaScript prints them', () => {
    const number = fc.oneof(
      fc.double({ min: 0, noDefaultInfinity: true, noNaN: true }),
      fc.maxSafeNat(),
      fc.nat(),
    );
    fc.assert(
      fc.property(number, number, (one, other) => {
        const key = 'error # of #-# at #/#';
        expect(keyOf(`${one} of ${other}-${one} at ${one}/${other}`)).toBe(key);
      }),
      {
        examples: [
          [0.5, 12_345_678.5],
          [0.1 + 0.2, 9],
          [1.2345678e21, 1e-7],
          [123_456_789, 3],
        ],
      },
    );
  });
});

test('a number below 0 is not taken for an id', () => {
  expect(failureKey({ kind: 'check', message: 'run 3 has code -7' })).toBe('check run # has code -#');
});
