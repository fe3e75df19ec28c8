/**
 * Uses of something outside a simulation: real time, randomness, I/O, other threads. None of these is in the decision
 * log, so a replay may get other results. Invariant: plain data.
 */
import type { Executor } from './executor.ts';

/** The kind of thing that was used. */
export type EscapeKind = 'timer' | 'clock' | 'entropy' | 'io' | 'process' | 'thread';

/** One place that used something outside. */
export interface Escape {
  readonly kind: EscapeKind;
  /** The name as written in code: `setTimeout`, `Math.random`, `fs.readFileSync`; or else the machine's own name. */
  readonly what: string;
  /**
   * The place, nearest frame first, frames of the user before this package's. Empty if the machine did not report one.
   */
  readonly frames: readonly string[];
  /** How often, over all watched executions. */
  readonly count: number;
}

/** An executor that is watched, and the escapes seen. */
export interface EscapeWatch {
  readonly executor: Executor;
  /** All escapes so far, in the order in which they were first seen. */
  escapes(): readonly Escape[];
}

/** Merges the escapes of several watches; escapes at one place become one. */
export function mergeEscapes(escapes: readonly Escape[]): Escape[] {
  const merged = new Map<string, Escape>();
  for (const escape of escapes) {
    const key = `${escape.what} ${escape.frames[0] ?? ''}`;
    merged.set(key, { ...escape, count: escape.count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()];
}
