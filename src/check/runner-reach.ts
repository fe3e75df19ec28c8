/** What a property of a runner must reach to prove something, as far as its options allow it. */
import { REACH_KINDS, type ReachKind } from '../oracles/service-reach.ts';

/** The options that it depends on. */
export interface ReachOptions {
  readonly capacity?: number;
  readonly maxTimeoutMs?: number;
  readonly mayRelease?: boolean;
  readonly faults?: readonly unknown[];
  readonly mayMiss?: Partial<Record<ReachKind, string>>;
}

/** All kinds but those that the options exclude, and those that are allowed to be missed. */
export function requiredReach({
  capacity = 1,
  maxTimeoutMs,
  mayRelease = true,
  faults = [],
  mayMiss = {},
}: ReachOptions): readonly ReachKind[] {
  const excluded = new Set<ReachKind>();
  // A runner with one slot refuses whatever is offered beside the active run.
  if (capacity <= 1) excluded.add('run offered while another is active');
  if (maxTimeoutMs === 0) excluded.add('end TIMEDOUT');
  // At the end all runs that can end have ended.
  if (!mayRelease) excluded.add('release with runs left');
  if (faults.length === 0) excluded.add('injected fault');
  return REACH_KINDS.filter((kind) => !excluded.has(kind) && mayMiss[kind] === undefined);
}
