import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/model/cancellation.ts';
import {
  INVALID_PATH,
  createFixedFiler,
  createInvalidFiler,
  createVirtualFiler,
} from '../../src/filers/fake-filer.ts';
import { createMemoryFiler } from '../../src/filers/memory-filer.ts';
import type { InstantFiler } from '../../src/filers/instant-filer.ts';

const invalid = (expected: string): unknown =>
  expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected });
const cancelled = (message: string): unknown =>
  expect.objectContaining({ code: 'RUNNER_CANCELLED', message });

describe('fake filers', () => {
  test('R170 R171 R174 the fixed filer gives one path for any id, also after a release', () => {
    const filer = createFixedFiler('/srv/x');
    const first = filer.checkout('a');
    expect({ path: first.path, id: first.id }).toEqual({ path: '/srv/x', id: 'a' });
    expect([first.release(), first.release()]).toEqual([undefined, undefined]);
    expect(filer.checkout('')).toMatchObject({ path: '/srv/x', id: '' });
    expect(filer.checkoutAt('b', '/there')).toMatchObject({ path: '/there', id: 'b' });
  });

  test('R174 the invalid filer gives the path that does not exist', () => {
    expect(INVALID_PATH).toBe('/path/is/invalid');
    expect(createInvalidFiler().checkout('a')).toMatchObject({ path: '/path/is/invalid', id: 'a' });
  });

  test('R174 the virtual filer gives each checkout a directory of its own', () => {
    const filer = createVirtualFiler();
    const paths = ['a', 'a', 'b'].map((id) => filer.checkout(id).path);
    expect(paths).toEqual(['/virtual/checkout-0', '/virtual/checkout-1', '/virtual/checkout-2']);
    expect(createVirtualFiler('/w').checkout('a').path).toBe('/w/checkout-0');
  });

  test('R170 R174 ingestions count, updates are never asked for, and cancelling takes no time', () => {
    const filer = createVirtualFiler();
    const paths = new Map([['/a', 'x']]);
    expect([filer.ingest('/a'), filer.ingestMap(paths), filer.ingest('/a')]).toEqual(['0', '1', '2']);
    expect([filer.update(), filer.updateIntervalMs, filer.cancelBoundMs]).toEqual([undefined, 0, 0]);
  });

  const filers: [string, () => InstantFiler][] = [
    ['fixed', () => createFixedFiler('/x')],
    ['virtual', () => createVirtualFiler()],
    ['memory', () => createMemoryFiler()],
  ];

  test.for(filers)('R173 D97 the %s filer fails an operation cancelled before it began', ([, create]) => {
    const filer = create();
    const cancel = new Cancellation();
    cancel.cancel();
    expect(() => filer.checkout('0', cancel)).toThrow(cancelled('checkout was cancelled'));
    expect(() => filer.checkoutAt('0', '/d', cancel)).toThrow(cancelled('checkout was cancelled'));
    expect(() => filer.ingest('/a', cancel)).toThrow(cancelled('ingestion was cancelled'));
    expect(() => filer.ingestMap(new Map([['/a', 'a']]), cancel)).toThrow(
      cancelled('ingestion was cancelled'),
    );
    expect(() => filer.update(cancel)).toThrow(cancelled('update was cancelled'));
  });

  test.for(filers)('R170 the %s filer refuses malformed ids and paths', ([, create]) => {
    const filer = create();
    const path = 'an absolute path without NUL';
    expect(() => filer.checkout('a\0')).toThrow(invalid('a string without NUL'));
    expect(() => filer.checkout(7 as never)).toThrow(invalid('a string without NUL'));
    expect(() => filer.checkoutAt('a\0', '/d')).toThrow(invalid('a string without NUL'));
    for (const dir of ['', 'relative', '/a\0b', 7 as never]) {
      expect(() => filer.checkoutAt('0', dir)).toThrow(invalid(path));
      expect(() => filer.ingest(dir)).toThrow(invalid(path));
      expect(() => filer.ingestMap(new Map([[dir, 'x']]))).toThrow(invalid(path));
    }
    expect(() => filer.ingestMap({} as never)).toThrow(invalid('a Map of source path to target path'));
  });

  test('R170 a root that is not an absolute path is refused', () => {
    expect(() => createFixedFiler('x')).toThrow(invalid('an absolute path without NUL'));
    expect(() => createVirtualFiler('')).toThrow(invalid('an absolute path without NUL'));
  });
});
