/**
 * Sleep sets (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", LNCS 1032, 1996): events
 * that need not fire next, because everything that follows was seen when they fired before the events that have fired
 * since. Invariant: a sleeping event is independent of all that has fired since it was explored.
 */
import { areDependent } from './footprint.ts';

/** One outcome of an event: the answers it got while it fired, and what it touched. */
export interface Outcome {
  readonly answers: readonly number[];
  readonly footprint: number;
}

/** An explored event. An event that asks for values has one outcome per list of answers. */
export interface Sleeper {
  /** Number of its identity. */
  readonly event: number;
  /** The outcomes that still sleep. */
  readonly outcomes: readonly Outcome[];
  /** Total number of its outcomes. */
  readonly explored: number;
}

export const NOBODY: readonly Sleeper[] = [];

/** True if the event sleeps with all its outcomes. */
export function isAsleep(sleepers: readonly Sleeper[], event: number): boolean {
  const sleeper = sleepers.find((one) => one.event === event);
  return sleeper !== undefined && sleeper.outcomes.length === sleeper.explored;
}

/** True if the event sleeps for the given answers. */
export function sleepsWith(sleepers: readonly Sleeper[], event: number, answers: readonly number[]): boolean {
  const sleeper = sleepers.find((one) => one.event === event);
  return sleeper?.outcomes.some((outcome) => areEqual(outcome.answers, answers)) ?? false;
}

/** The sleep set after `event` has fired and touched `footprint`. */
export function stillAsleep(
  sleepers: readonly Sleeper[],
  event: number,
  footprint: number,
): readonly Sleeper[] {
  if (sleepers.length === 0) return sleepers;
  const left: Sleeper[] = [];
  for (const sleeper of sleepers) {
    if (sleeper.event === event) continue;
    const outcomes = sleeper.outcomes.filter((outcome) => !areDependent(outcome.footprint, footprint));
    if (outcomes.length > 0) left.push({ ...sleeper, outcomes });
  }
  return left;
}

function areEqual(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((answer, index) => answer === other[index]);
}
