/** Metrics that are discarded, for runners that need none. */
import type { Metrics } from '../model/metrics.ts';

const IGNORE = Object.freeze({
  increment(): void {},
  set(): void {},
  record(): void {},
});

/**
 * Discards everything; every name gives the same instrument.
 *
 * @example
 * ```ts
 * import { NULL_METRICS } from 'dryrunner/kit';
 * NULL_METRICS.counter('runs').increment();
 * ```
 */
export const NULL_METRICS: Metrics = Object.freeze({
  counter: () => IGNORE,
  gauge: () => IGNORE,
  histogram: () => IGNORE,
});
