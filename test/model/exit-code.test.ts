import { describe, expect, test } from 'vitest';
import {
  codedError,
  EXIT_CODES,
  ExitCodeError,
  exitCodeOf,
  isExitCodeError,
} from '../../src/model/exit-code.ts';
import { refused, thrownBy } from './thrown.ts';

describe('exit codes of the machinery', () => {
  test('R19 are the numbers of the model', () => {
    expect(EXIT_CODES).toStrictEqual({
      PREPROCESSING: 200,
      CHECKOUT_UNCODED: 210,
      CLEAN: 211,
      CHECKOUT: 212,
      CHECKOUT_RELEASE: 213,
      BUNDLE_UPLOAD: 214,
      READ_ALL: 215,
      EXPORT: 216,
      DB_INIT: 217,
      LOG_CREATION: 220,
      POSTPROCESSING: 230,
      COULD_NOT_EXEC: 240,
      HIGH_INITIAL_MEMORY: 241,
      POST_EXEC: 250,
    });
    expect(Object.isFrozen(EXIT_CODES)).toBe(true);
  });

  test('R21 a coded error of no error is no error, and its code is 0', () => {
    expect(codedError(undefined, 210)).toBeUndefined();
    expect(codedError(null, 210)).toBeUndefined();
    expect(exitCodeOf(undefined)).toBe(0);
    expect(exitCodeOf(null)).toBe(0);
    expect(exitCodeOf(undefined, 210)).toBe(0);
  });

  test('R21 an error keeps its code, or gets the given one if it has none', () => {
    const coded = new ExitCodeError(212, 'no disk');
    const plain = new TypeError('odd');
    expect(codedError(coded, 210)).toBe(coded);
    expect(codedError(plain, 210)).toMatchObject({
      name: 'ExitCodeError',
      exitCode: 210,
      message: 'odd',
      cause: plain,
    });
    expect(exitCodeOf(coded)).toBe(212);
    expect(exitCodeOf(plain)).toBe(250);
    expect(exitCodeOf(plain, 210)).toBe(210);
  });

  test.for([
    ['text', 'text'],
    [7, '7'],
    [{ a: 1 }, 'an object'],
  ] as const)('a thrown value that is not an error, %o, becomes the text %s', ([thrown, message]) => {
    expect(codedError(thrown, 250)).toMatchObject({ exitCode: 250, message, cause: thrown });
  });

  test('any error with an integer exit code is a coded one, even from another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { exitCode: 211 });
    expect([foreign, new ExitCodeError(0, '')].every(isExitCodeError)).toBe(true);
    const others = [
      Object.assign(new Error('x'), { exitCode: '1' }),
      new Error('x'),
      { exitCode: 1 },
      undefined,
    ];
    expect(others.filter(isExitCodeError)).toEqual([]);
    expect(thrownBy(() => new ExitCodeError(1.5, 'x'))).toBe(refused('exitCode', 'an integer', '1.5'));
    expect(thrownBy(() => new ExitCodeError(2 ** 60, 'x'))).toBe(
      refused('exitCode', 'an integer from -9007199254740991 to 9007199254740991', '1152921504606847000'),
    );
  });
});
