/** The checks that every implementation of metrics makes, so that wrong use is refused alike in tests and in production. */
import { describeValue, invalidArgument, RunnerError } from '../kernel/errors.ts';
import { findMetricEntry } from './metric-table.ts';
import type { MetricKind } from './metric-table.ts';

/** Refuses what a counter must not be grown by: anything but a finite number ≥ 0 (R208). */
export function checkIncrement(name: string, by: number): void {
  if (!(Number.isFinite(by) && by >= 0)) throw invalidArgument(name, 'an increment ≥ 0', by);
}

/** Refuses what a gauge or a histogram must not hold: anything but a finite number. */
export function checkValue(name: string, value: number): void {
  if (!Number.isFinite(value)) throw invalidArgument(name, 'a finite number', value);
}

/** Refuses an empty name, a name of the contract used as another kind, and a name that exists as another kind. */
export function checkKind(name: string, asked: MetricKind, existing: MetricKind | undefined): void {
  if (typeof name !== 'string' || name === '') throw invalidArgument('name', 'a metric name', name);
  const kind = existing ?? findMetricEntry(name)?.kind;
  if (kind === undefined || kind === asked) return;
  const message = `${describeValue(name)} is a ${kind}, not a ${asked}`;
  throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected: kind, actual: asked });
}
