/**
 * One registry of metrics for several runners. Invariant: a gauge of the registry is the sum of what each runner has
 * set it to last, so that no runner overwrites another.
 */
import type { Gauge, Metrics } from '../model/metrics.ts';

/** A gauge of the registry, and what its parts have set. */
interface Sum {
  readonly gauge: Gauge;
  total: number;
}

/**
 * Returns a function that creates the metrics of one more runner. Counters and histograms are those of the registry,
 * because they only collect.
 */
export function sharedMetrics(registry: Metrics): () => Metrics {
  const sums = new Map<string, Sum>();
  const sumOf = (name: string): Sum => {
    const sum = sums.get(name) ?? { gauge: registry.gauge(name), total: 0 };
    sums.set(name, sum);
    return sum;
  };
  return () => {
    const gauges = new Map<string, Gauge>();
    return {
      counter: (name) => registry.counter(name),
      gauge: (name) => {
        const gauge = gauges.get(name) ?? partOf(sumOf(name));
        gauges.set(name, gauge);
        return gauge;
      },
      histogram: (name) => registry.histogram(name),
    };
  };
}

function partOf(sum: Sum): Gauge {
  let own = 0;
  return {
    set(value) {
      const total = sum.total - own + value;
      // Throws for a value that is refused, which then counts nowhere.
      sum.gauge.set(total);
      sum.total = total;
      own = value;
    },
  };
}
