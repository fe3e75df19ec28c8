/** The watchers that every simulation has without being asked. */
import type { OracleFactory } from './oracle.ts';

const DEFAULT_ORACLES: readonly OracleFactory[] = Object.freeze([]);

/** R199–R208, in the order of their numbers. */
export function defaultOracles(): readonly OracleFactory[] {
  return DEFAULT_ORACLES;
}
