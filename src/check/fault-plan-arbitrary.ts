/**
 * Arbitraries for fault plans. They shrink towards no faults at all, and every scheduled fault can be dropped by itself
 * (R212).
 */
import { NAT } from './nat.ts';
import * as is from '../kernel/shape.ts';
import fc from 'fast-check';
import { check } from '../kernel/argument-check.ts';
import { CHAOS_OPERATIONS, type FaultPlan, type ScheduledFault } from '../network/fault-plan.ts';
import { FAULT_KINDS, type FaultKind } from '../model/faults.ts';

/** Constraints for generated fault plans. */
export interface FaultPlanConstraints {
  /** Kinds of faults. Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** Maximum number of scheduled faults. Default 4. */
  readonly maxFaults?: number;
  /** The latest call that a fault strikes, counted from 1. Default 10. */
  readonly maxCall?: number;
}

const CONSTRAINTS = is.optionsOf<FaultPlanConstraints>(
  {},
  {
    kinds: is.satisfying(
      `a list of some of ${FAULT_KINDS.join(', ')}`,
      (value) =>
        is.findMismatch(is.listOf(is.oneOf(...FAULT_KINDS)), value) === undefined &&
        (value as readonly unknown[]).length > 0,
    ),
    maxFaults: NAT,
    maxCall: is.integer(1, Number.MAX_SAFE_INTEGER),
  },
);

/**
 * Plans of scheduled faults (R153): which call of which operation is struck, and how.
 *
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { faultPlanArbitrary } from 'dryrunner/check';
 * const plans = fc.sample(faultPlanArbitrary({ kinds: ['after'] }), 20);
 * if (plans.some(({ schedule = [] }) => schedule.some(({ kind }) => kind !== 'after'))) throw new Error('lost replies only');
 * ```
 */
export function faultPlanArbitrary(constraints: FaultPlanConstraints = {}): fc.Arbitrary<FaultPlan> {
  check('constraints', constraints, CONSTRAINTS);
  const { kinds = FAULT_KINDS, maxFaults = 4, maxCall = 10 } = constraints;
  const fault: fc.Arbitrary<ScheduledFault> = fc.record({
    operation: fc.constantFrom(...CHAOS_OPERATIONS),
    call: fc.integer({ min: 1, max: maxCall }),
    kind: fc.constantFrom(...kinds),
  });
  return fc
    .uniqueArray(fault, { maxLength: maxFaults, selector: ({ operation, call }) => `${operation} ${call}` })
    .map((schedule) => ({ schedule }));
}
