import { afterEach, expect, test } from 'vitest';
import {
  leaveStacksOut,
  putStacksBack,
  setStackLimit,
  withStackLimit,
} from '../../src/kernel/drain-stack-limit.ts';

const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor;

afterEach(() => void Object.defineProperty(Error, 'stackTraceLimit', before));

/** Frames of an error that is made below that many calls. */
function framesBelow(calls: number): number {
  return calls === 0 ? (new Error('here').stack ?? '').split('\n').length - 1 : framesBelow(calls - 1);
}

function never(): never {
  throw new Error('it is called');
}

test.each([
  ['writable', { value: 3, writable: true, configurable: true, enumerable: true }],
  ['read-only', { value: 3, writable: false, configurable: true, enumerable: true }],
  ['none', undefined],
  ['an accessor that throws', { get: never, set: never, configurable: true, enumerable: false }],
])('what is %s is set for a while, and is as it was afterwards', (_what, own) => {
  Reflect.deleteProperty(Error, 'stackTraceLimit');
  if (own !== undefined) Object.defineProperty(Error, 'stackTraceLimit', own);
  expect(withStackLimit(7, () => framesBelow(20))).toBe(7);
  expect(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')).toEqual(own);
  const omitted = leaveStacksOut();
  expect(framesBelow(20)).toBe(0);
  putStacksBack(omitted);
  expect(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')).toEqual(own);
  const restore = setStackLimit();
  Reflect.deleteProperty(Error, 'stackTraceLimit');
  restore();
  expect(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')).toEqual(own);
});

test('what throws leaves it as it was', () => {
  expect(() => withStackLimit(7, never)).toThrow('it is called');
  expect(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')).toEqual(before);
});

test.each([
  ['hidden', { enumerable: false }],
  ['fixed', { writable: false }],
])('what code has %s meanwhile is as it was afterwards', (_how, change) => {
  const restore = setStackLimit(7);
  Object.defineProperty(Error, 'stackTraceLimit', change);
  restore();
  expect(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')).toEqual(before);
});
