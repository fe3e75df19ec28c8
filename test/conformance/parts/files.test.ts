import { describe, expect, test } from 'vitest';
import { filerCases } from '../../../src/conformance/parts/filer-cases.ts';
import { simFilerCases } from '../../../src/conformance/parts/sim-filer-cases.ts';
import { metricsCases } from '../../../src/conformance/parts/metrics-cases.ts';
import { memoryOutputCases } from '../../../src/conformance/parts/memory-output-cases.ts';
import { outputCases } from '../../../src/conformance/parts/output-cases.ts';
import { createSimFiler } from '../../../src/filers/sim-filer.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { memoryFilerSubject, memoryMetrics, memoryOutputs, simFiler } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

describe('filers', () => {
  describeRunner(memoryFilerSubject('a filer in memory'), filerCases);
  describeRunner(simFiler, simFilerCases);
});
describe('outputs', () => {
  describeRunner(memoryOutputs, outputCases);
  describeRunner(memoryOutputs, memoryOutputCases);
});
describe('metrics', () => {
  describeRunner(memoryMetrics, metricsCases);
});

const FILER = ['checkout', 'checkoutAt', 'ingest', 'ingestMap', 'update', 'cancelBoundMs'];

test('each case of filers fails for a filer without one of its methods', async () => {
  await expectAllToFail(
    filerCases,
    spoils(FILER).map((spoil) => memoryFilerSubject('spoilt', spoil)),
  );
  await expectAllToFail(
    simFilerCases,
    spoils(FILER).map((spoil) => ({ name: 'spoilt', create: (options) => spoil(createSimFiler(options)) })),
  );
});

test.each([Infinity, -1, NaN])('R75 finds a filer whose update interval is %d', async (updateIntervalMs) => {
  const odd = memoryFilerSubject('odd', <T extends object>(filer: T) =>
    Object.defineProperty(filer, 'updateIntervalMs', { value: updateIntervalMs }),
  );
  const stating = filerCases.find(({ title }) => title.includes('it states its update interval'));
  await expect(stating?.prove(odd)).rejects.toThrow(
    `updateIntervalMs: expected a finite number ≥ 0, got ${updateIntervalMs}`,
  );
});

test('a registry of metrics says that it lacks memory if it has none', async () => {
  const { create } = memoryMetrics;
  const cases = metricsCases.filter(({ title }) => title.startsWith('in memory'));
  expect(cases.length).toBe(2);
  for (const each of cases) {
    await expect(each.prove({ name: 'no memory', create })).rejects.toThrow(
      /^createInMemory: expected a function, or a reason for memory in lacks, got undefined/,
    );
    expect(each.skipReason({ name: 'no memory', create, lacks: { memory: 'it keeps none' } })).toBe(
      'it keeps none',
    );
  }
});

test('each case of outputs and metrics fails for one without one of its methods', async () => {
  await expectAllToFail(
    outputCases,
    spoils(['create']).map((spoil) => ({
      ...memoryOutputs,
      use: (body) => memoryOutputs.use(({ outputs, read }) => body({ outputs: spoil(outputs), read })),
    })),
  );
  await expectAllToFail(
    memoryOutputCases,
    spoils(['create']).map((spoil) => ({
      name: 'spoilt',
      create: (options) => spoil(createMemoryOutputs(options)),
    })),
  );
  await expectAllToFail(
    metricsCases,
    spoils(['counter', 'gauge', 'histogram']).map((spoil) => ({
      name: 'spoilt',
      create() {
        const metrics = createMemoryMetrics();
        return { metrics: spoil(metrics), snapshot: () => metrics.snapshot() };
      },
      createInMemory: (options) => spoil(createMemoryMetrics(options)),
    })),
  );
});
