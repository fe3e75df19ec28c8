// Filers, outputs and metrics of the machine, held to what theirs of a simulation are held to.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { describe } from 'vitest';
import { filerCases, type FilerSubject } from '../../src/conformance/parts/filer-cases.ts';
import { metricsCases, type MetricsSubject } from '../../src/conformance/parts/metrics-cases.ts';
import { outputCases, type OutputSubject } from '../../src/conformance/parts/output-cases.ts';
import { createDirectoryFiler } from '../../src/host/filers/directory-filer.ts';
import { createGitFiler } from '../../src/host/filers/git-filer.ts';
import { createPrometheusMetrics } from '../../src/host/metrics/prometheus-metrics.ts';
import { createLocalOutputs } from '../../src/host/outputs/local-output.ts';
import type { Filer } from '../../src/model/filer.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';
import { filesBelow, writeTree } from './filers/disk-tree.ts';

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function diskFiler(
  name: string,
  unknownId: string,
  create: (store: string, root: string) => Filer,
): FilerSubject {
  return {
    name,
    use: (body) =>
      inFolder(async (base) => {
        const [folder, root] = [join(base, 'home'), join(base, 'checkouts')];
        mkdirSync(folder);
        mkdirSync(root);
        await body({
          ...{ filer: create(join(base, 'store'), root), folder, filesBelow, unknownIds: [unknownId] },
          write: (path, text, isExecutable = false) =>
            void writeTree('/', { [path]: isExecutable ? `x:${text}` : text }),
          makeFolder: (path) => mkdirSync(path),
        });
      }),
  };
}

const localOutputs: OutputSubject = {
  name: 'local outputs',
  use: (body) =>
    inFolder((dir) =>
      body({
        outputs: createLocalOutputs({ dir }),
        read: (uri) => readFileSync(fileURLToPath(`file://${new URL(uri).pathname}`)),
      }),
    ),
};

interface Scraped {
  readonly name: string;
  readonly type: string;
  readonly values: readonly { readonly value: number; readonly metricName?: string }[];
}

const prometheus: MetricsSubject = {
  name: 'Prometheus metrics',
  lacks: {
    extremes: 'a histogram of Prometheus has buckets, not extremes',
    memory: 'a registry of Prometheus keeps no samples and writes no trace',
    order: 'a registry of Prometheus lists metrics in the order of their making',
  },
  async create() {
    const registry = new Registry();
    return {
      metrics: await createPrometheusMetrics({ registry }),
      async snapshot() {
        const all = (await registry.getMetricsAsJSON()) as unknown as readonly Scraped[];
        const of = (kind: string): Record<string, number> =>
          Object.fromEntries(
            all
              .filter(({ type }) => type === kind)
              .map(({ name, values }) => [name, values[0]?.value ?? NaN]),
          );
        return { counters: of('counter'), gauges: of('gauge'), histograms: {} };
      },
    };
  },
};

describe('parts of the machine', () => {
  describeRunner(
    diskFiler('the directory filer', 'ab'.repeat(32), (store, root) => createDirectoryFiler({ store, root })),
    filerCases,
  );
  describeRunner(
    diskFiler('the git filer', 'ab'.repeat(20), (repo, root) => createGitFiler({ repo, root })),
    filerCases,
  );
  describeRunner(localOutputs, outputCases);
  describeRunner(prometheus, metricsCases);
});
