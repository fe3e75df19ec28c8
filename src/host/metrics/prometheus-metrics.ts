/**
 * Metrics in a Prometheus registry. Invariant: an instrument that the registry already has, for instance from another
 * runner, is shared if it has the same kind and label names, and refused if not.
 */
import * as is from '../../kernel/shape.ts';
import type * as promClient from 'prom-client';
import type {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { loadPeer } from '../../kernel/package-files.ts';
import {
  findMetricEntry,
  type MetricKind,
  checkIncrement,
  checkKind,
  checkValue,
} from '../../metrics/metric-table.ts';
import type { Counter, Gauge, Histogram, Metrics } from '../../model/metrics.ts';

/** The part of prom-client's `Registry` that is used. */
export interface PrometheusRegistry {
  getSingleMetric(name: string): unknown;
  registerMetric(metric: never): void;
}

/** The part of prom-client that is used. */
type PrometheusPackage = Pick<typeof promClient, 'Counter' | 'Gauge' | 'Histogram'>;

/** Where and how the metrics are exposed. */
export interface PrometheusMetricsOptions {
  /** A `Registry` of prom-client; its `metrics()` is what a scrape gets. */
  readonly registry: PrometheusRegistry;
  /**
   * Fixed labels of every instrument, such as `{ runner: 'node7' }`; they distinguish runners that share a registry.
   */
  readonly labels?: Readonly<Record<string, string>>;
  /** Upper bounds of histogram buckets in ascending order. Default: from 1 ms to 1 h. */
  readonly buckets?: readonly number[];
}

const DEFAULT_BUCKETS: readonly number[] = [
  1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 60_000, 600_000, 3_600_000,
];
const OPTIONS = is.optionsOf<PrometheusMetricsOptions>(
  { registry: is.readable('a Registry of prom-client') },
  { labels: is.mapOf(is.TEXT), buckets: is.LIST },
);
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Makes metrics that Prometheus can scrape. Valid names stay as they are, others are escaped.
 *
 * Rejects with `RUNNER_MISSING_PACKAGE` if prom-client is not installed, and with `RUNNER_INVALID_ARGUMENT` for an
 * invalid registry, labels or buckets. The instruments refuse the same wrong use as those of `createMemoryMetrics`.
 *
 * @example
 * ```ts
 * import { createPrometheusMetrics, type PrometheusRegistry } from 'dryrunner/host';
 * async function countOne(registry: PrometheusRegistry): Promise<void> {
 *   const metrics = await createPrometheusMetrics({ registry, labels: { runner: 'node7' } });
 *   metrics.counter('runs').increment();
 * }
 * ```
 */
export async function createPrometheusMetrics(options: PrometheusMetricsOptions): Promise<Metrics> {
  check('options', options, OPTIONS);
  checkOptions(options);
  const load = (): Promise<PrometheusPackage> => import('prom-client');
  return new PrometheusMetrics(await loadPeer('prom-client', 'createPrometheusMetrics', load), options);
}

interface Kept<T> {
  readonly kind: MetricKind;
  readonly instrument: T;
}

class PrometheusMetrics implements Metrics {
  readonly #package: PrometheusPackage;
  readonly #registry: Registry;
  readonly #labels: Record<string, string>;
  readonly #buckets: number[];
  readonly #kept = new Map<string, Kept<Counter | Gauge | Histogram>>();

  constructor(
    prometheus: PrometheusPackage,
    { registry, labels = {}, buckets = DEFAULT_BUCKETS }: PrometheusMetricsOptions,
  ) {
    this.#package = prometheus;
    this.#registry = registry as unknown as Registry;
    this.#labels = { ...labels };
    this.#buckets = [...buckets];
  }

  counter(name: string): Counter {
    return this.#keep(name, 'counter', () => {
      const metric =
        this.#find<PromCounter>(name, 'counter') ?? new this.#package.Counter(this.#configuration(name));
      const child = metric.labels(this.#labels);
      child.inc(0);
      return {
        increment(by = 1): void {
          checkIncrement(name, by);
          child.inc(by);
        },
      };
    });
  }

  gauge(name: string): Gauge {
    return this.#keep(name, 'gauge', () => {
      const metric =
        this.#find<PromGauge>(name, 'gauge') ?? new this.#package.Gauge(this.#configuration(name));
      const child = metric.labels(this.#labels);
      child.inc(0);
      return {
        set(value: number): void {
          checkValue(name, value);
          child.set(value);
        },
      };
    });
  }

  histogram(name: string): Histogram {
    return this.#keep(name, 'histogram', () => {
      const configuration = { ...this.#configuration(name), buckets: this.#buckets };
      const metric =
        this.#find<PromHistogram>(name, 'histogram') ?? new this.#package.Histogram(configuration);
      const child = metric.labels(this.#labels);
      return {
        record(value: number): void {
          checkValue(name, value);
          child.observe(value);
        },
      };
    });
  }

  #keep<T extends Counter | Gauge | Histogram>(name: string, kind: MetricKind, make: () => T): T {
    const kept = this.#kept.get(name);
    checkKind(name, kind, kept?.kind);
    if (kept !== undefined) return kept.instrument as T;
    const instrument = make();
    this.#kept.set(name, { kind, instrument });
    return instrument;
  }

  #configuration(name: string): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
    return {
      name: prometheusName(name),
      help: findMetricEntry(name)?.help ?? name,
      labelNames: Object.keys(this.#labels),
      registers: [this.#registry],
    };
  }

  /** The registry's existing metric of that name; throws if it does not fit. */
  #find<T>(name: string, kind: MetricKind): T | undefined {
    const found = this.#registry.getSingleMetric(prometheusName(name)) as
      { readonly type?: string; readonly labelNames?: readonly string[] } | undefined;
    if (found === undefined) return undefined;
    const wanted = describe(kind, Object.keys(this.#labels));
    const there = describe(found.type ?? 'metric', found.labelNames ?? []);
    if (there !== wanted) throw invalidArgument(name, `${wanted} in the registry`, there);
    return found as T;
  }
}

function describe(kind: string, labelNames: readonly string[]): string {
  return labelNames.length === 0 ? `a ${kind}` : `a ${kind} labelled ${[...labelNames].sort().join(', ')}`;
}

function checkOptions({ registry, labels = {}, buckets = DEFAULT_BUCKETS }: PrometheusMetricsOptions): void {
  if (typeof (registry as Partial<PrometheusRegistry>).getSingleMetric !== 'function') {
    throw invalidArgument('registry', 'a Registry of prom-client', registry);
  }
  for (const name of Object.keys(labels)) {
    if (!LABEL_NAME.test(name) || name === 'le') throw invalidArgument('labels', 'names of labels', name);
  }
  const ascend = (bound: unknown, index: number): boolean =>
    typeof bound === 'number' && bound > (buckets[index - 1] ?? -Infinity);
  if (!buckets.every(ascend)) {
    throw invalidArgument('buckets', 'ascending numbers', buckets.join(', '));
  }
}

const VALID = /^(?!U__)[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const VALID_FIRST = /[a-zA-Z:]/;
const VALID_LATER = /[a-zA-Z0-9:]/;

/**
 * A metric's name as Prometheus accepts it. Invariant: different names stay different. A valid name stays as it is; any
 * other is escaped as Prometheus itself does it (scheme `values`): `U__`, then `_` doubled and each invalid character
 * as `_HEX_`.
 */
export function prometheusName(name: string): string {
  if (VALID.test(name)) return name;
  return `U__${Array.from(name, escapeCharacter).join('')}`;
}

function escapeCharacter(character: string, index: number): string {
  if (character === '_') return '__';
  if ((index === 0 ? VALID_FIRST : VALID_LATER).test(character)) return character;
  return `_${(character.codePointAt(0) ?? 0).toString(16)}_`;
}
