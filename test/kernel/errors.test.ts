import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  RunnerError,
  describeValue,
  invalidArgument,
  isRunnerError,
  messageOf,
  stackOf,
} from '../../src/kernel/errors.ts';
import { invariant, unreachable } from '../../src/kernel/invariant.ts';

const trap = (): never => {
  throw new Error('trap');
};

describe('a RunnerError', () => {
  test('carries code, expectation, value and cause', () => {
    const cause = new TypeError('underneath');
    const error = new RunnerError('RUNNER_BUSY', 'full', { expected: 'room', actual: 3, cause });
    expect(error).toMatchObject({ name: 'RunnerError', code: 'RUNNER_BUSY', message: 'full' });
    expect(error).toMatchObject({ expected: 'room', actual: 3, cause });
    expect(error).toBeInstanceOf(Error);
    expect(new RunnerError('RUNNER_BUSY', 'full')).not.toHaveProperty('cause');
    expect(new RunnerError('RUNNER_BUSY', 'full', { cause: undefined })).toHaveProperty('cause', undefined);
  });

  test('is recognised by name and code, even from another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { name: 'RunnerError', code: 'RUNNER_BUSY' });
    for (const error of [new RunnerError('RUNNER_BUSY', 'x'), foreign]) {
      expect(isRunnerError(error)).toBe(true);
      expect(isRunnerError(error, 'RUNNER_BUSY')).toBe(true);
      expect(isRunnerError(error, 'RUNNER_BROKEN')).toBe(false);
    }
    const others = [new Error('x'), { name: 'RunnerError', code: 'RUNNER_BUSY' }, null, 'RUNNER_BUSY'];
    expect(others.map((other) => isRunnerError(other))).toEqual([false, false, false, false]);
  });

  test('for a wrong argument gives its name, what was expected and what came', () => {
    expect(invalidArgument('timeoutMs', 'a number ≥ 0', -1)).toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'timeoutMs: expected a number ≥ 0, got -1',
      expected: 'a number ≥ 0',
      actual: -1,
    });
  });
});

describe('showing a value', () => {
  test.for<[unknown, string]>([
    ['text "quoted"', '"text \\"quoted\\""'],
    ['x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
    [-0.5, '-0.5'],
    [10n, '10n'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [[1, 2], 'an array of 2'],
    [{ a: 1 }, 'an object'],
    [Object.create(null), 'an object'],
    [new Map(), 'a Map'],
  ])('gives one short line and never throws (%#)', ([value, text]) => {
    expect(describeValue(value)).toBe(text);
  });

  test('does not throw for a value that does', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const object = Object.create({
      get constructor() {
        return trap();
      },
    }) as object;
    expect([describeValue(proxy), describeValue(object)]).toEqual(['an object', 'an object']);
  });

  test.for<[unknown, string]>([
    [new TypeError('broken'), 'broken'],
    ['just text', 'just text'],
    [undefined, 'undefined'],
    [{ message: 'x' }, 'an object'],
    [new Error(), 'Error'],
    [new AggregateError([]), 'AggregateError'],
    [runInNewContext('new RangeError("of another context")'), 'of another context'],
    [Object.assign(new Error('x'), { message: undefined }), 'Error'],
    [Object.assign(new Error('x'), { message: 7, name: {} }), 'an Error'],
    [new Proxy(new Error('x'), { getPrototypeOf: trap }), 'an object'],
    [new Proxy(new Error('x'), { get: trap }), 'an Error'],
  ])('the message of what was thrown (%#)', ([thrown, text]) => {
    expect(messageOf(thrown)).toBe(text);
  });
});

describe('invariants', () => {
  test('pass silently, and fail with an error of their own', () => {
    expect(() => invariant(true, 'never shown')).not.toThrow();
    for (const message of ['expected order', () => 'expected order']) {
      expect(() => invariant(false, message)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVARIANT',
          message: 'Broken invariant of dryrunner: expected order',
        }),
      );
    }
    for (const message of [undefined, () => undefined, '']) {
      expect(() => invariant(false, message as never)).toThrow(
        /^Broken invariant of dryrunner: an invariant without a text$/,
      );
    }
    expect(() => unreachable(undefined as never)).toThrow('reached the unreachable with undefined');
    expect(() => unreachable('x' as never)).toThrow('reached the unreachable with x');
  });

  test('do not build their message while they hold', () => {
    let made = 0;
    invariant(true, () => String(++made));
    expect(made).toBe(0);
  });
});

test('the stack is known also of an error whose message cannot be read, which stays as it is', () => {
  class Unreadable extends Error {
    override get message(): string {
      return trap();
    }
  }
  const own = Object.defineProperty(new Error('x'), 'message', { get: trap, configurable: true });
  for (const error of [new Unreadable(), own]) {
    expect(stackOf(error)).toMatch(/errors\.test\.ts:\d+/);
    expect(() => error.message).toThrow('trap');
  }
  expect(stackOf(Object.freeze(new Unreadable()))).toBeUndefined();
});
