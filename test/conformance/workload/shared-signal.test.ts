import { expect, test } from 'vitest';
import { SharedSignal } from '../../../src/conformance/workload/shared-signal.ts';

test('counts listeners until they are removed, by name or by a signal of their own', () => {
  const shared = new SharedSignal({ now: () => 0 });
  const { signal } = shared;
  const [own, ended] = [new AbortController(), AbortSignal.abort()];
  const named = (): void => undefined;
  signal.addEventListener('abort', named);
  signal.addEventListener('abort', () => undefined, { signal: own.signal });
  signal.addEventListener('abort', () => undefined, { signal: ended });
  expect(shared.left).toBe(2);
  own.abort();
  expect(shared.left).toBe(1);
  signal.removeEventListener('abort', named);
  expect(shared.left).toBe(0);
});
