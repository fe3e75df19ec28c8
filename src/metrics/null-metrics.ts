/** Metrics that keep nothing, for runners that nobody watches. */
import type { Metrics } from '../model/metrics.ts';

const IGNORE = Object.freeze({
  increment(): void {},
  set(): void {},
  record(): void {},
});

/**
 * Takes and drops everything; every name gives the same instrument.
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
