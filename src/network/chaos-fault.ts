/** The names of what chaos can do to which call, and the plain data of a plan of faults (R153). */
import { SERVICE_METHODS, type Service } from '../model/service.ts';

/** The calls that chaos can strike; `release` it never does (R152). */
export type ChaosOperation = Exclude<keyof Service, 'release'>;

/** All of them. */
export const CHAOS_OPERATIONS: readonly ChaosOperation[] = Object.freeze(
  SERVICE_METHODS.filter((method) => method !== 'release'),
);

/**
 * What can happen to a call.
 *
 * - `before`: it fails and is not applied.
 * - `after`: it is applied, and then fails: the reply is lost.
 * - `duplicated`: it is applied twice, the second time after a delay of its own; the caller gets the first reply. The second one of
 *   a `query` asks without waiting.
 * - `reordered`: it is held back until another call has overtaken it, or until a bound (`reorderHoldMs`).
 * - `stuck`: it is never applied and never answered; a cancel, `release` or `heal` ends it (R204).
 */
export type FaultKind = 'before' | 'after' | 'duplicated' | 'reordered' | 'stuck';

/** All of them. */
export const FAULT_KINDS: readonly FaultKind[] = Object.freeze([
  'before',
  'after',
  'duplicated',
  'reordered',
  'stuck',
]);

/** One fault that must come: at the `call`-th call of `operation`, counted from 1 as calls get through their delays. */
export interface ScheduledFault {
  readonly operation: ChaosOperation;
  readonly call: number;
  readonly kind: FaultKind;
}

/** Probabilities from 0 to 1 by operation and kind; those of one operation add up to 1 at most. */
export type FaultRates = Readonly<
  Partial<Record<ChaosOperation, Readonly<Partial<Record<FaultKind, number>>>>>
>;

/** Which faults come, by chance and by schedule; plain data, so that it can be written down, drawn and shrunk. */
export interface FaultPlan {
  readonly rates?: FaultRates;
  /** At most one fault per call. A scheduled fault goes before one by chance. */
  readonly schedule?: readonly ScheduledFault[];
}

/** Nothing happens. */
export const NO_FAULTS: FaultPlan = Object.freeze({});
