import { expect, test } from 'vitest';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import { sharedMetrics } from '../../src/metrics/shared-metrics.ts';

test('R208 a gauge that several runners set is their sum, in whatever order they set it', () => {
  const registry = createMemoryMetrics();
  const share = sharedMetrics(registry);
  const [first, second] = [share(), share()];
  first.gauge('runningTask').set(1);
  second.gauge('runningTask').set(1);
  expect(registry.value('runningTask')).toBe(2);
  second.gauge('runningTask').set(0);
  second.gauge('runningTask').set(0);
  expect(registry.value('runningTask')).toBe(1);
  first.gauge('workerUnhealthy').set(1);
  expect(registry.value('workerUnhealthy')).toBe(1);
  expect(registry.value('runningTask')).toBe(1);
});

test('a value that the registry refuses counts nowhere', () => {
  const registry = createMemoryMetrics();
  const share = sharedMetrics(registry);
  const [first, second] = [share().gauge('memory'), share().gauge('memory')];
  first.set(5);
  expect(() => first.set(NaN)).toThrow('memory');
  second.set(2);
  expect(registry.value('memory')).toBe(7);
});

test('one name is one gauge for a runner, and counters and histograms are those of the registry', () => {
  const registry = createMemoryMetrics();
  const metrics = sharedMetrics(registry)();
  expect(metrics.gauge('memory')).toBe(metrics.gauge('memory'));
  expect(metrics.counter('runs')).toBe(registry.counter('runs'));
  expect(metrics.histogram('runLatency_ms')).toBe(registry.histogram('runLatency_ms'));
});
