import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { readTraceFile } from '../../src/host/trace-file.ts';
import { type SwfJob, readSwf } from '../../src/trace/swf/swf-reader.ts';
import { swfWorkload } from '../../src/trace/swf/swf-workload.ts';
import { createWorkload } from '../../src/trace/workload.ts';

/** Whole recorded logs with figures about them, kept beside the checkout where they are kept at all. */
const logs = join(projectRoot, '..', 'shared', 'traces');
const factsFile = join(logs, 'facts.json');

interface Facts {
  readonly jobs: number;
  readonly firstId: number;
  readonly lastId: number;
  readonly submitMin: number;
  readonly submitMax: number;
  readonly lastEnd: number;
  readonly sumRun: number;
  readonly maxRun: number;
  readonly status: Readonly<Record<string, number>>;
  readonly peakRunning: number;
  readonly sameSecondSubmits: number;
  readonly maxWait?: number;
  readonly headerMaxJobs?: number;
  readonly users?: number;
  readonly run0?: number;
}

const end = ({ submitS, waitS, runS }: SwfJob): number => submitS + Math.max(waitS, 0) + runS;

function peakOf(jobs: readonly SwfJob[]): number {
  const moments = jobs
    .filter(({ runS }) => runS > 0)
    .flatMap((job) => [[end(job) - job.runS, 1] as const, [end(job), -1] as const]);
  moments.sort(([a, more], [b, other]) => a - b || more - other);
  let running = 0;
  return moments.reduce((peak, [, change]) => Math.max(peak, (running += change)), 0);
}

function factsOf(jobs: readonly SwfJob[]): Omit<Facts, 'maxWait' | 'headerMaxJobs' | 'users' | 'run0'> {
  const status: Record<string, number> = {};
  for (const job of jobs) status[job.status] = (status[job.status] ?? 0) + 1;
  return {
    jobs: jobs.length,
    firstId: jobs[0]?.jobNumber ?? -1,
    lastId: jobs.at(-1)?.jobNumber ?? -1,
    submitMin: Math.min(...jobs.map(({ submitS }) => submitS)),
    submitMax: Math.max(...jobs.map(({ submitS }) => submitS)),
    lastEnd: Math.max(...jobs.map(end)),
    sumRun: jobs.reduce((sum, { runS }) => sum + runS, 0),
    maxRun: Math.max(...jobs.map(({ runS }) => runS)),
    status,
    peakRunning: peakOf(jobs),
    sameSecondSubmits: jobs.filter(({ submitS }, i) => submitS === jobs[i - 1]?.submitS).length,
  };
}

describe.skipIf(!existsSync(factsFile))(
  'whole recorded logs (skipped where they are missing, because the project does not carry them)',
  () => {
    const facts = (name: string): Facts =>
      (JSON.parse(readFileSync(factsFile, 'utf8')) as Record<string, Facts>)[name] as Facts;

    test('the Theta log reads with its known figures', async () => {
      const name = 'theta_1000.swf';
      const { jobs, warningCount } = await readSwf(readTraceFile(join(logs, name)));
      expect(facts(name)).toMatchObject(factsOf(jobs));
      expect(Math.max(...jobs.map(({ waitS }) => waitS))).toBe(facts(name).maxWait);
      expect(warningCount).toBe(0);
      const work = createWorkload(swfWorkload(jobs).jobs, { overrun: 'enforce' });
      expect(swfWorkload(jobs).statusesMeanNothing).toBe(true);
      expect(work.items.filter(({ expected }) => expected.state === 'TIMEDOUT')).toHaveLength(146);
    });

    test('the NASA log reads from gzip with its known figures', async () => {
      const name = 'NASA-iPSC-1993-3.1-cln.swf.gz';
      const { header, jobs, warnings } = await readSwf(readTraceFile(join(logs, name)));
      expect(facts(name)).toMatchObject(factsOf(jobs));
      expect(header.number('MaxJobs')).toBe(facts(name).headerMaxJobs);
      expect(new Set(jobs.map(({ userId }) => userId)).size).toBe(facts(name).users);
      expect(jobs.filter(({ runS }) => runS === 0)).toHaveLength(facts(name).run0 ?? -1);
      expect(warnings.map(({ text }) => text)).toEqual(['the header promises 42264 jobs, the log has 18239']);
      const work = createWorkload(swfWorkload(jobs).jobs);
      expect(work.items).toHaveLength(18_239);
      expect(new Set(work.items.map(({ expected }) => expected.state))).toEqual(new Set(['COMPLETE']));
    });
  },
);
