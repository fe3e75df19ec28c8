/** Metrics that cannot stop a runner: what an instrument of a user's throws is recorded, and changes no outcome. */
import { messageOf } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Tracer } from '../../model/trace-event.ts';

/** Where errors of instruments are recorded; without a tracer they are not. */
interface MetricsTrouble {
  readonly clock: Pick<Clock, 'now'>;
  readonly tracer?: Tracer | undefined;
}

/**
 * The metrics with instruments that never throw. To fetch an instrument may still throw: a runner does that when it is
 * created.
 */
export function guardedMetrics<M extends Metrics | undefined>(
  metrics: M,
  trouble: MetricsTrouble,
  runner: string,
): M | Metrics {
  if (metrics === undefined) return metrics;
  const recorded = (name: string, error: unknown): void => {
    trouble.tracer?.record({
      at: trouble.clock.now(),
      type: 'recorded',
      runner,
      runId: '',
      what: 'metrics',
      error: `${name}: ${messageOf(error)}`,
      exitCode: 0,
    });
  };
  const guarded =
    <V>(name: string, update: (value: V) => void) =>
    (value: V): void => {
      try {
        update(value);
      } catch (error) {
        recorded(name, error);
      }
    };
  return {
    counter: (name) => {
      const counter = metrics.counter(name);
      return { increment: guarded(name, (by: number | undefined) => counter.increment(by)) };
    },
    gauge: (name) => {
      const gauge = metrics.gauge(name);
      return { set: guarded(name, (value: number) => gauge.set(value)) };
    },
    histogram: (name) => {
      const histogram = metrics.histogram(name);
      return { record: guarded(name, (value: number) => histogram.record(value)) };
    },
  };
}
