import { describe, expect, test } from 'vitest';
import { readProjectFile } from '../../scripts/module-graph.ts';
import { METRIC_TABLE, findMetricEntry } from '../../src/metrics/metric-table.ts';
import type { MetricKind } from '../../src/metrics/metric-table.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import { COMMAND_DIR_USAGE_PREFIX, METRIC_NAMES, commandDirUsageName } from '../../src/model/metrics.ts';

type Named = readonly [name: string, kind: MetricKind];
const rules: readonly (readonly [rule: string, names: readonly Named[]])[] = [
  [
    'R176',
    [
      ['runningTask', 'gauge'],
      ['workerTaskLatency_ms', 'histogram'],
    ],
  ],
  [
    'R177',
    [
      ['workerDownloads', 'counter'],
      ['workerDownloadLatency_ms', 'histogram'],
    ],
  ],
  [
    'R178',
    [
      ['workerUploads', 'counter'],
      ['workerLogUploadFailures', 'counter'],
      ['workerLogUploadLatency_ms', 'histogram'],
      ['workerUploadLatency_ms', 'histogram'],
    ],
  ],
  [
    'R179',
    [
      ['workerTimeouts', 'counter'],
      ['memoryCapExceeded', 'counter'],
      ['highInitialMemoryUtilization', 'counter'],
      ['memory', 'gauge'],
    ],
  ],
  [
    'R180',
    [
      ['workerUnhealthy', 'gauge'],
      ['workerDownloadInitFailure', 'counter'],
    ],
  ],
  ['R181', [['workerIdleLatency_ms', 'histogram']]],
  [
    'R183',
    [
      ['runs', 'counter'],
      ['aborts', 'counter'],
      ['workerQueries', 'counter'],
      ['runLatency_ms', 'histogram'],
      ['activeRunsGauge', 'gauge'],
      ['failedCachedRunsGauge', 'gauge'],
      ['endedCachedRunsGauge', 'gauge'],
      ['workerFinishedInitLatency_ms', 'gauge'],
      ['workerActiveInitLatency_ms', 'gauge'],
      ['workerUptimeGauge_ms', 'gauge'],
      ['timeSinceLastContactGauge_ms', 'gauge'],
      ['workerStartGauge', 'gauge'],
    ],
  ],
  ['R186', [['bzCachedExecCounter', 'counter']]],
  [
    'R197',
    [
      ['bzExecQueuedTimeHistogram_ms', 'histogram'],
      ['BzExecActionCacheCheckTimeHistogram_ms', 'histogram'],
      ['BzExecActionFetchTimeHistogram_ms', 'histogram'],
      ['BzExecCommandFetchTimeHistogram_ms', 'histogram'],
      ['bzExecInputFetchTimeHistogram_ms', 'histogram'],
      ['bzExecExecerTimeHistogram_ms', 'histogram'],
    ],
  ],
];
const all = rules.flatMap(([rule, names]) => names.map(([name, kind]) => [rule, name, kind] as const));

/** The names that a rule of `docs/contract.md` puts in backticks. */
function namesInContract(rule: string): string[] {
  const line = readProjectFile('docs/contract.md')
    .split('\n')
    .find((text) => text.startsWith(`- **${rule}**`));
  return [...(line ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');
}

describe('the names of metrics', () => {
  test.for(rules)('%s is named by constants, table and contract alike', ([rule, names]) => {
    expect(namesInContract(rule)).toEqual(names.map(([name]) => name));
    expect(Object.values(METRIC_NAMES)).toEqual(expect.arrayContaining(names.map(([name]) => name)));
    expect(names.map(([name]) => [name, findMetricEntry(name)?.kind])).toEqual(names);
  });

  test('there are no further names', () => {
    const names = all.map(([, name]) => name).sort();
    expect(Object.values(METRIC_NAMES).sort()).toEqual(names);
    expect(METRIC_TABLE.map(({ name }) => name).sort()).toEqual(names);
    expect(Object.isFrozen(METRIC_NAMES)).toBe(true);
  });

  test('R182 directory gauges are named after their suffix', () => {
    expect(namesInContract('R182')).toEqual([`${COMMAND_DIR_USAGE_PREFIX}SUFFIX`]);
    expect(commandDirUsageName('tmp')).toBe('commandDirUsage_kb_tmp');
    expect(findMetricEntry('commandDirUsage_kb_tmp')).toEqual({
      name: 'commandDirUsage_kb_tmp',
      kind: 'gauge',
      help: 'KB by which the directory tmp grew in a run',
    });
  });

  test('a name outside the contract has no entry', () => {
    expect(findMetricEntry('mine')).toBeUndefined();
  });

  test('each name has a help text of its own', () => {
    const helps = METRIC_TABLE.map(({ help }) => help);
    expect(new Set(helps).size).toBe(METRIC_TABLE.length);
    expect(helps.filter((help) => !/^[A-Z1].{10,}[^.]$/.test(help))).toEqual([]);
  });

  test.for(all)('%s %s can be kept as a %s only', ([, name, kind]) => {
    const metrics = createMemoryMetrics();
    const use = {
      counter: () => metrics.counter(name).increment(),
      gauge: () => metrics.gauge(name).set(1),
      histogram: () => metrics.histogram(name).record(1),
    };
    use[kind]();
    expect(metrics.value(name)).toBe(1);
    for (const other of ['counter', 'gauge', 'histogram'] as const) {
      if (other === kind) continue;
      expect(use[other]).toThrow(`"${name}" is a ${kind}, not a ${other}`);
    }
  });
});
