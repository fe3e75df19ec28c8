import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import { NULL_METRICS } from '../../src/metrics/null-metrics.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';

describe('metrics in memory', () => {
  test('R208 a counter only grows', () => {
    const metrics = createMemoryMetrics();
    const runs = metrics.counter('runs');
    runs.increment();
    runs.increment(2);
    runs.increment(0);
    expect(metrics.value('runs')).toBe(3);
    for (const by of [-1, NaN, Infinity]) {
      expect(() => runs.increment(by)).toThrow(`runs: expected an increment ≥ 0, got ${by}`);
    }
    expect(metrics.value('runs')).toBe(3);
  });

  test('a gauge holds its latest value', () => {
    const metrics = createMemoryMetrics();
    const memory = metrics.gauge('memory');
    expect(metrics.value('memory')).toBe(0);
    memory.set(5);
    memory.set(-1);
    expect(metrics.value('memory')).toBe(-1);
    expect(() => memory.set(NaN)).toThrow('memory: expected a finite number, got NaN');
    expect(() => memory.set(Infinity)).toThrow('memory: expected a finite number, got Infinity');
    expect(metrics.value('memory')).toBe(-1);
  });

  test('a histogram keeps count, sum, extremes and the newest samples', () => {
    const value = fc.integer({ min: -1000, max: 1000 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.integer({ min: 0, max: 8 }), (values, samplesMax) => {
        const metrics = createMemoryMetrics({ samplesMax });
        for (const each of values) metrics.histogram('h').record(each);
        expect(metrics.values('h')).toEqual(samplesMax === 0 ? [] : values.slice(-samplesMax));
        expect(metrics.value('h')).toBe(values.length);
        expect(metrics.snapshot().histograms).toEqual({
          h: {
            count: values.length,
            sum: values.reduce((sum, each) => sum + each, 0),
            min: Math.min(...values),
            max: Math.max(...values),
          },
        });
      }),
      { seed: 42 },
    );
  });

  test('a histogram refuses anything but a finite number and keeps 1,000 samples by default', () => {
    const metrics = createMemoryMetrics();
    const histogram = metrics.histogram('h');
    expect(metrics.snapshot().histograms).toEqual({ h: { count: 0, sum: 0, min: 0, max: 0 } });
    expect(() => histogram.record(NaN)).toThrow('h: expected a finite number, got NaN');
    expect(metrics.values('h')).toEqual([]);
    for (let value = 0; value < 1001; value += 1) histogram.record(value);
    expect(metrics.values('h')).toHaveLength(1000);
    expect(metrics.values('h')[0]).toBe(1);
  });

  test('the same name gives the same instrument, and no other kind', () => {
    const metrics = createMemoryMetrics();
    expect(metrics.counter('a')).toBe(metrics.counter('a'));
    expect(metrics.gauge('b')).toBe(metrics.gauge('b'));
    expect(metrics.histogram('c')).toBe(metrics.histogram('c'));
    expect(() => metrics.gauge('a')).toThrow('"a" is a counter, not a gauge');
    expect(() => metrics.counter('b')).toThrow('"b" is a gauge, not a counter');
    expect(() => metrics.gauge('c')).toThrow('"c" is a histogram, not a gauge');
    expect(() => metrics.gauge('c')).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'histogram', actual: 'gauge' }),
    );
    expect(() => metrics.gauge(7 as never)).toThrow('name: expected a metric name, got 7');
    expect(() => metrics.counter('')).toThrow('name: expected a metric name, got ""');
  });

  test('names that were never used read as nothing', () => {
    const metrics = createMemoryMetrics();
    metrics.counter('c').increment();
    expect(metrics.value('x')).toBe(0);
    expect(metrics.values('x')).toEqual([]);
    expect(metrics.values('c')).toEqual([]);
  });

  test('R209 a snapshot lists names in the order of their characters, whatever the order of use', () => {
    const metrics = createMemoryMetrics();
    for (const name of ['b', 'a', 'B', '__proto__']) metrics.counter(name).increment();
    metrics.gauge('g').set(2);
    expect(JSON.stringify(metrics.snapshot())).toBe(
      '{"counters":{"B":1,"__proto__":1,"a":1,"b":1},"gauges":{"g":2},"histograms":{}}',
    );
  });

  test('each change is an event with the new total, the new value or the recorded value', () => {
    const events: TraceEvent[] = [];
    let at = 0;
    const tracer = { record: (event: TraceEvent) => void events.push(event) };
    const metrics = createMemoryMetrics({ tracer, clock: { now: () => at }, name: 'worker' });
    metrics.counter('runs').increment();
    at = 5;
    metrics.counter('runs').increment(2);
    metrics.gauge('memory').set(7);
    metrics.gauge('memory').set(7);
    metrics.histogram('runLatency_ms').record(1.5);
    const event = { type: 'metric', runner: 'worker' };
    expect(events).toEqual([
      { ...event, at: 0, name: 'runs', value: 1 },
      { ...event, at: 5, name: 'runs', value: 3 },
      { ...event, at: 5, name: 'memory', value: 7 },
      { ...event, at: 5, name: 'runLatency_ms', value: 1.5 },
    ]);
  });

  test('without a name the events name no runner', () => {
    const events: TraceEvent[] = [];
    const metrics = createMemoryMetrics({
      tracer: { record: (event) => void events.push(event) },
      clock: { now: () => 0 },
    });
    metrics.counter('runs').increment();
    expect(events).toEqual([{ at: 0, type: 'metric', runner: '', name: 'runs', value: 1 }]);
  });

  test.for([
    [{ samplesMax: -1 }, 'samplesMax: expected an integer ≥ 0, got -1'],
    [{ samplesMax: 1.5 }, 'samplesMax: expected an integer ≥ 0, got 1.5'],
    [{ tracer: { record: () => {} } }, 'clock: expected a clock, because there is a tracer, got undefined'],
  ] as const)('%j is refused', ([options, message]) => {
    expect(() => createMemoryMetrics(options)).toThrow(message);
  });
});

test('null metrics accept everything and keep nothing', () => {
  expect(NULL_METRICS.counter('a').increment(-1)).toBeUndefined();
  expect(NULL_METRICS.gauge('a').set(NaN)).toBeUndefined();
  expect(NULL_METRICS.histogram('a').record(NaN)).toBeUndefined();
  expect(NULL_METRICS.counter('a')).toBe(NULL_METRICS.histogram('b'));
});
