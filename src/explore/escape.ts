/**
 * What a scenario reaches for outside of its simulation: real time, randomness, I/O, other threads. None of it is in the log of
 * decisions, so a replay may find another answer. Invariant: plain data.
 */
import type { Executor } from './executor.ts';

/** What was reached for. */
export type EscapeKind = 'timer' | 'clock' | 'entropy' | 'io' | 'process' | 'thread';

/** One place from which something outside was reached for. */
export interface Escape {
  readonly kind: EscapeKind;
  /** As it is called in code: `setTimeout`, `Math.random`, `fs.readFileSync`; or the machine's own name for it. */
  readonly what: string;
  /** Where, the nearest line first, those of the user before ours. Empty if the machine did not say. */
  readonly frames: readonly string[];
  /** How often, over all executions that were watched. */
  readonly count: number;
}

/** An executor that is watched, and what it was seen to do. */
export interface EscapeWatch {
  readonly executor: Executor;
  /** All escapes so far, in the order in which they were first seen. */
  escapes(): readonly Escape[];
}

/** Escapes that several watches have seen: one place is one escape. */
export function mergeEscapes(escapes: readonly Escape[]): Escape[] {
  const merged = new Map<string, Escape>();
  for (const escape of escapes) {
    const key = `${escape.what} ${escape.frames[0] ?? ''}`;
    merged.set(key, { ...escape, count: escape.count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()];
}
