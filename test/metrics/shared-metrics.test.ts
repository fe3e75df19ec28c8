import { expect, test } from 'vitest';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import { sharedMetrics } from '../../src/metrics/shared-metrics.ts';
import { METRIC_NAMES } from '../../src/model/metrics.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';

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

test('R176 R208 a runner that leaves during a run takes its part of the sum along', async () => {
  const registry = createMemoryMetrics();
  const share = sharedMetrics(registry);
  const running = (): number | undefined => registry.value(METRIC_NAMES.RUNNING_TASK);
  const { failure } = await simulate({
    async scenario(sim) {
      const runners = ['a', 'b'].map((name) => createSimulatedRunner(sim.world, { name, metrics: share() }));
      await Promise.all(runners.map((runner) => runner.run({ argv: ['sleep 1000'] })));
      await sim.sleep(1);
      expect(running()).toBe(2);
      await runners[0]?.release();
      expect(running()).toBe(1);
      await runners[1]?.release();
      expect(running()).toBe(0);
    },
  });
  expect(failure).toBeUndefined();
});
