import fc from 'fast-check';
import { Counter, Registry } from 'prom-client';
import { beforeEach, describe, expect, test } from 'vitest';
import { createPrometheusMetrics, prometheusName } from '../../../src/host/metrics/prometheus-metrics.ts';
import { METRIC_TABLE } from '../../../src/metrics/metric-table.ts';
import { commandDirUsageName } from '../../../src/model/metrics.ts';

let registry: Registry;

beforeEach(() => {
  registry = new Registry();
});

/** The lines of a scrape that are values, those of buckets left out. */
async function scrape(): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));
}

describe('metrics in a Prometheus registry', () => {
  test.for(METRIC_TABLE)('$name is a $kind under its own name', async (entry) => {
    const { name, kind, help } = entry;
    const metrics = await createPrometheusMetrics({ registry });
    if (kind === 'counter') metrics.counter(name).increment(2);
    else if (kind === 'gauge') metrics.gauge(name).set(2);
    else metrics.histogram(name).record(2);
    const text = await registry.metrics();
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
    expect(await scrape()).toEqual(
      kind === 'histogram' ? [`${name}_sum 2`, `${name}_count 1`] : [`${name} 2`],
    );
    const other = kind === 'gauge' ? 'counter' : 'gauge';
    expect(() => metrics[other](name)).toThrow(`"${name}" is a ${kind}, not a ${other}`);
  });

  test('R182 a directory gauge may shrink, and its suffix is escaped', async () => {
    const metrics = await createPrometheusMetrics({ registry });
    metrics.gauge(commandDirUsageName('tmp')).set(-5);
    metrics.gauge(commandDirUsageName('/var/lib')).set(7);
    expect(await scrape()).toEqual(['commandDirUsage_kb_tmp -5', 'U__commandDirUsage__kb___2f_var_2f_lib 7']);
    expect(await registry.metrics()).toContain('KB by which the directory /var/lib grew in a run');
  });

  test('the same name gives the same instrument; values start at 0 and the latest or the sum is shown', async () => {
    const metrics = await createPrometheusMetrics({ registry });
    expect(metrics.counter('runs')).toBe(metrics.counter('runs'));
    const memory = metrics.gauge('memory');
    expect(await scrape()).toEqual(['runs 0', 'memory 0']);
    metrics.counter('runs').increment();
    metrics.counter('runs').increment(2);
    memory.set(9);
    memory.set(-1);
    expect(await scrape()).toEqual(['runs 3', 'memory -1']);
  });

  test('wrong use is refused as in the metrics in memory', async () => {
    const metrics = await createPrometheusMetrics({ registry });
    expect(() => metrics.counter('runs').increment(-1)).toThrow('runs: expected an increment ≥ 0, got -1');
    expect(() => metrics.gauge('memory').set(NaN)).toThrow('memory: expected a finite number, got NaN');
    expect(() => metrics.histogram('h').record(Infinity)).toThrow(
      'h: expected a finite number, got Infinity',
    );
    expect(() => metrics.gauge('runs')).toThrow('"runs" is a counter, not a gauge');
    expect(() => metrics.gauge('')).toThrow('name: expected a metric name, got ""');
    expect(await scrape()).toEqual(['runs 0', 'memory 0', 'h_sum 0', 'h_count 0']);
  });

  test('labels distinguish the runners of one registry', async () => {
    const [a, b] = await Promise.all(
      ['a', 'b'].map((runner) => createPrometheusMetrics({ registry, labels: { runner } })),
    );
    a!.counter('runs').increment();
    b!.counter('runs').increment(2);
    a!.gauge('memory').set(5);
    b!.gauge('memory');
    a!.histogram('runLatency_ms').record(3);
    b!.histogram('runLatency_ms').record(4);
    expect(await scrape()).toEqual([
      'runs{runner="a"} 1',
      'runs{runner="b"} 2',
      'memory{runner="a"} 5',
      'memory{runner="b"} 0',
      'runLatency_ms_sum{runner="a"} 3',
      'runLatency_ms_count{runner="a"} 1',
      'runLatency_ms_sum{runner="b"} 4',
      'runLatency_ms_count{runner="b"} 1',
    ]);
  });

  test('metrics made twice over one registry share their instruments', async () => {
    const [first, second] = [
      await createPrometheusMetrics({ registry }),
      await createPrometheusMetrics({ registry }),
    ];
    first.gauge('memory').set(5);
    first.histogram('h').record(1);
    second.gauge('memory');
    second.histogram('h').record(2);
    first.counter('runs').increment();
    second.counter('runs').increment();
    expect(await scrape()).toEqual(['memory 5', 'h_sum 3', 'h_count 2', 'runs 2']);
  });

  test('an existing metric of that name must fit', async () => {
    new Counter({ name: 'memory', help: 'x', registers: [registry] });
    new Counter({ name: 'runs', help: 'x', labelNames: ['zone', 'host'], registers: [registry] });
    const metrics = await createPrometheusMetrics({ registry });
    expect(() => metrics.gauge('memory')).toThrow(
      'memory: expected a gauge in the registry, got "a counter"',
    );
    expect(() => metrics.counter('runs')).toThrow(
      'runs: expected a counter in the registry, got "a counter labelled host, zone"',
    );
    const labelled = await createPrometheusMetrics({ registry, labels: { zone: 'z', host: 'h' } });
    labelled.counter('runs').increment();
    expect(await scrape()).toEqual(['memory 0', 'runs{zone="z",host="h"} 1']);
  });

  test('buckets range from 1 ms to 1 h, or as given', async () => {
    const metrics = await createPrometheusMetrics({ registry });
    metrics.histogram('a').record(70_000);
    const given = await createPrometheusMetrics({ registry, buckets: [2, 4] });
    given.histogram('b').record(3);
    const text = await registry.metrics();
    expect(
      [...text.matchAll(/a_bucket\{le="([^"]+)"\} (\d)/g)].map(([, le, count]) => `${le}:${count}`),
    ).toEqual([
      ...['1', '5', '10', '50', '100', '500', '1000', '5000', '10000', '60000'].map((le) => `${le}:0`),
      ...['600000:1', '3600000:1', '+Inf:1'],
    ]);
    expect(
      [...text.matchAll(/b_bucket\{le="([^"]+)"\} (\d)/g)].map(([, le, count]) => `${le}:${count}`),
    ).toEqual(['2:0', '4:1', '+Inf:1']);
  });

  test.for([
    [{ registry: {} }, 'registry: expected a Registry of prom-client, got an object'],
    [{ registry: undefined }, 'registry: expected a Registry of prom-client, got undefined'],
    [{ labels: { 'a-b': 'x' } }, 'labels: expected names of labels, got "a-b"'],
    [{ labels: { le: 'x' } }, 'labels: expected names of labels, got "le"'],
    [{ labels: { a: 1 } }, 'labels.a: expected a string, got 1'],
    [{ labels: null }, 'labels: expected an object, got null'],
    [{ labels: 5 }, 'labels: expected an object, got 5'],
    [{ labels: ['a'] }, 'labels: expected an object, got an array of 1'],
    [{ buckets: 5 }, 'buckets: expected a list, got 5'],
    [{ buckets: ['1', '2'] }, 'buckets: expected ascending numbers, got "1, 2"'],
    [{ buckets: [1, 1] }, 'buckets: expected ascending numbers, got "1, 1"'],
    [{ buckets: [NaN] }, 'buckets: expected ascending numbers, got "NaN"'],
  ])('%j is refused', async ([options, message]) => {
    await expect(createPrometheusMetrics({ registry, ...(options as object) })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message,
    });
  });
});

describe('names for Prometheus', () => {
  test.for([
    ['runLatency_ms', 'runLatency_ms'],
    ['a:b_9', 'a:b_9'],
    ['9a', 'U___39_a'],
    ['a b', 'U__a_20_b'],
    ['é_x', 'U___e9___x'],
    ['a😀', 'U__a_1f600_'],
    ['U__a', 'U__U____a'],
    ['_U__', '_U__'],
  ] as const)('%s becomes %s', ([name, expected]) => {
    expect(prometheusName(name)).toBe(expected);
  });

  test('every name becomes a valid one, and different names stay different', () => {
    const name = fc.string({
      minLength: 1,
      maxLength: 4,
      unit: fc.constantFrom('a', '_', '2', '0', 'U', ' ', 'é'),
    });
    fc.assert(
      fc.property(name, name, (left, right) => {
        expect(prometheusName(left)).toMatch(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
        expect(prometheusName(left) === prometheusName(right)).toBe(left === right);
      }),
      { seed: 42, numRuns: 2000 },
    );
  });
});
