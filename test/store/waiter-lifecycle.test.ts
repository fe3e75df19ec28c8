import { expect, test } from 'vitest';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { ServiceWaiter } from '../../src/store/service-waiters.ts';
import { WaiterRegister } from '../../src/store/waiter-lifecycle.ts';
import { thrownBy } from '../model/thrown.ts';

test('R55 a waiter leaves once; leaving again is a broken invariant, not a wrong count', () => {
  const register = new WaiterRegister({ clock: createVirtualClock(), name: 'store', tracer: undefined });
  const waiter = new ServiceWaiter(() => false, new Set());
  register.enter(waiter, { timeoutMs: Infinity });
  expect(register.size).toBe(1);
  register.leave(waiter);
  expect(thrownBy(() => register.leave(waiter))).toBe(
    'RUNNER_INVARIANT: Broken invariant of dryrunner: expected a waiter to leave once: wait on the service',
  );
  expect(register.size).toBe(0);
});
