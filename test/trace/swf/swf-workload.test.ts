import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSimScript } from '../../../src/execers/sim-script.ts';
import { checkCommand } from '../../../src/model/command.ts';
import { type SwfJob, readSwf } from '../../../src/trace/swf/swf-reader.ts';
import { swfWorkload } from '../../../src/trace/swf/swf-workload.ts';
import {
  createWorkload,
  type WorkItem,
  type Workload,
  type WorkloadOptions,
} from '../../../src/trace/workload.ts';

const base: SwfJob = {
  jobNumber: 1,
  submitS: 100,
  waitS: 5,
  runS: 60,
  allocatedProcessors: 4,
  cpuS: -1,
  memoryKb: -1,
  requestedProcessors: -1,
  requestedS: 90,
  requestedMemoryKb: -1,
  status: 1,
  userId: -1,
  groupId: -1,
  executableId: -1,
  queueId: -1,
  partitionId: -1,
  precedingJob: -1,
  thinkS: -1,
};
/** The work of a log. */
const createSwfWorkload = (jobs: readonly SwfJob[], options?: WorkloadOptions): Workload =>
  createWorkload(swfWorkload(jobs).jobs, options);
/** A job of a log in which statuses mean something. */
function workOf(job: Partial<SwfJob>, options?: WorkloadOptions): WorkItem | undefined {
  const other = { ...base, jobNumber: 99, submitS: 1_000_000 };
  return createSwfWorkload([{ ...base, ...job }, other], options).items.find(
    ({ job: { id } }) => id === String(job.jobNumber ?? 1),
  );
}
const numbers = ({ items }: Workload): number[] => items.map(({ job }) => Number(job.id));

describe('the work of a log in the Standard Workload Format', () => {
  test('a job becomes a command that sleeps, with its number as job id and the requested time as timeout', () => {
    expect(workOf({})).toEqual({
      job: {
        id: '1',
        submitMs: 100_000,
        runMs: 60_000,
        waitMs: 5000,
        limitMs: 90_000,
        slots: 4,
        end: 'completed',
      },
      arrivalMs: 0,
      command: { argv: ['sleep 60000', 'complete 0'], timeoutMs: 90_000, jobId: '1' },
      expected: { state: 'COMPLETE', exitCode: 0 },
      recordedWaitMs: 5000,
      slots: 4,
    });
  });

  test.for<
    [string, Partial<SwfJob>, WorkloadOptions, Partial<WorkItem> & { argv: string[]; timeoutMs?: number }]
  >([
    [
      'status 1 completes',
      {},
      {},
      {
        expected: { state: 'COMPLETE', exitCode: 0 },
        argv: ['sleep 60000', 'complete 0'],
        timeoutMs: 90_000,
      },
    ],
    ['a run of no time does not sleep', { runS: 0 }, {}, { argv: ['complete 0'], timeoutMs: 90_000 }],
    [
      'an unknown requested time is no timeout',
      { requestedS: -1 },
      {},
      { argv: ['sleep 60000', 'complete 0'] },
    ],
    [
      'status -1 completes',
      { status: -1 },
      {},
      {
        expected: { state: 'COMPLETE', exitCode: 0 },
        argv: ['sleep 60000', 'complete 0'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 0 exits with 1',
      { status: 0 },
      {},
      {
        expected: { state: 'COMPLETE', exitCode: 1 },
        argv: ['sleep 60000', 'complete 1'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 0 fails in the machinery on request',
      { status: 0 },
      { failure: 'machinery' },
      {
        expected: { state: 'FAILED', exitCode: 1 },
        argv: ['sleep 60000', 'fail 1 failed in the recorded log'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 0 at its limit times out',
      { status: 0, runS: 90 },
      {},
      { expected: { state: 'TIMEDOUT', exitCode: 0 }, argv: ['sleep 90000', 'pause'], timeoutMs: 90_000 },
    ],
    [
      'status 0 beyond its limit times out',
      { status: 0, runS: 95 },
      { failure: 'machinery' },
      { expected: { state: 'TIMEDOUT', exitCode: 0 }, argv: ['sleep 95000', 'pause'], timeoutMs: 90_000 },
    ],
    [
      'status 0 without a limit exits with 1',
      { status: 0, requestedS: 0 },
      {},
      { expected: { state: 'COMPLETE', exitCode: 1 }, argv: ['sleep 60000', 'complete 1'] },
    ],
    [
      'status 1 beyond its limit is given grace',
      { runS: 95 },
      {},
      {
        expected: { state: 'COMPLETE', exitCode: 0 },
        argv: ['sleep 95000', 'complete 0'],
        timeoutMs: 104_000,
      },
    ],
    [
      'status 1 beyond its limit times out if enforced',
      { runS: 95 },
      { overrun: 'enforce' },
      { expected: { state: 'TIMEDOUT', exitCode: 0 }, argv: ['sleep 95000', 'pause'], timeoutMs: 90_000 },
    ],
    [
      'status 1 within its limit completes if enforced',
      { runS: 89 },
      { overrun: 'enforce' },
      {
        expected: { state: 'COMPLETE', exitCode: 0 },
        argv: ['sleep 89000', 'complete 0'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 5 without a run is aborted while queued',
      { status: 5, runS: 0, waitS: 7 },
      {},
      {
        expected: { state: 'ABORTED', exitCode: 0 },
        abort: { when: 'queued', afterMs: 7000 },
        argv: ['pause'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 5 without a run is aborted, and does not time out, also if it starts at once',
      { status: 5, runS: 0, waitS: 95 },
      { overrun: 'enforce' },
      {
        expected: { state: 'ABORTED', exitCode: 0 },
        abort: { when: 'queued', afterMs: 95_000 },
        argv: ['pause'],
        timeoutMs: 104_000,
      },
    ],
    [
      'status 5 with an unknown run and wait is aborted at once',
      { status: 5, runS: -1, waitS: -1 },
      {},
      {
        expected: { state: 'ABORTED', exitCode: 0 },
        abort: { when: 'queued', afterMs: 0 },
        argv: ['pause'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 5 with a run is aborted while running',
      { status: 5, runS: 60 },
      {},
      {
        expected: { state: 'ABORTED', exitCode: 0 },
        abort: { when: 'running', afterMs: 60_000 },
        argv: ['sleep 60000', 'pause'],
        timeoutMs: 90_000,
      },
    ],
    [
      'status 5 beyond its limit is still aborted',
      { status: 5, runS: 95 },
      { overrun: 'enforce' },
      {
        expected: { state: 'ABORTED', exitCode: 0 },
        abort: { when: 'running', afterMs: 95_000 },
        argv: ['sleep 95000', 'pause'],
        timeoutMs: 104_000,
      },
    ],
  ])('%s', ([, job, options, { argv, timeoutMs, ...expected }]) => {
    const item = workOf(job, options);
    expect(item).toMatchObject(expected);
    expect(item?.command).toEqual({ argv, jobId: '1', ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    expect(item?.abort).toEqual(expected.abort);
  });

  test('where every status is 0, status means nothing', () => {
    const jobs = [60, 95].map((runS, i) => ({ ...base, jobNumber: i + 1, status: 0, runS }));
    const work = createSwfWorkload(jobs);
    expect(swfWorkload(jobs).statusesMeanNothing).toBe(true);
    expect(work.items.map(({ expected }) => expected.state)).toEqual(['COMPLETE', 'COMPLETE']);
    expect(work.items.map(({ command }) => command.timeoutMs)).toEqual([90_000, 104_000]);
    const enforced = createSwfWorkload(jobs, { overrun: 'enforce' });
    expect(enforced.items.map(({ expected }) => expected.state)).toEqual(['COMPLETE', 'TIMEDOUT']);
    expect(swfWorkload([...jobs, { ...base, status: 1 }]).statusesMeanNothing).toBe(false);
  });

  test('jobs arrive in order of submission, then of the file, counted from the first one taken', () => {
    const jobs = (
      [
        [1, 30],
        [2, 10],
        [3, 30],
        [4, 10],
        [5, 20],
      ] as const
    ).map(([jobNumber, submitS]) => ({ ...base, jobNumber, submitS }));
    const work = createSwfWorkload(jobs);
    expect(numbers(work)).toEqual([2, 4, 5, 1, 3]);
    expect(work.items.map(({ arrivalMs }) => arrivalMs)).toEqual([0, 0, 10_000, 20_000, 20_000]);
    const some = createSwfWorkload(jobs, {
      select: ({ id }) => id !== '2' && id !== '4',
      limit: 2,
    });
    expect(numbers(some)).toEqual([5, 1]);
    expect(some.items.map(({ arrivalMs }) => arrivalMs)).toEqual([0, 10_000]);
    expect(numbers(createSwfWorkload(jobs, { limit: 0 }))).toEqual([]);
    expect(jobs.map(({ jobNumber }) => jobNumber)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a job that may not have run is skipped and named', () => {
    const jobs = [
      { ...base, runS: -1 },
      { ...base, jobNumber: 2 },
      { ...base, jobNumber: 3, runS: -1, status: -1 },
    ];
    const work = createSwfWorkload(jobs, { limit: 1 });
    expect(numbers(work)).toEqual([2]);
    expect(work.skipped.map(({ id }) => id)).toEqual(['1', '3']);
  });

  test('slots are those requested, else those granted, else one', () => {
    expect(workOf({ requestedProcessors: 8 })?.slots).toBe(8);
    expect(workOf({ requestedProcessors: 0 })?.slots).toBe(4);
    expect(workOf({ allocatedProcessors: -1 })?.slots).toBe(1);
  });

  test('a preceding job and the think time are passed on, an unknown wait is left out', () => {
    expect(workOf({ precedingJob: 7, thinkS: 30 })?.after).toEqual({ jobId: '7', thinkMs: 30_000 });
    expect(workOf({ precedingJob: 7, thinkS: -1 })?.after).toEqual({ jobId: '7', thinkMs: 0 });
    expect(workOf({ precedingJob: 0 })).not.toHaveProperty('after');
    expect(workOf({ waitS: -1 })).not.toHaveProperty('recordedWaitMs');
    expect(workOf({ waitS: 0 })?.recordedWaitMs).toBe(0);
  });

  test('a job in parts is one job, unless it has a row of its own', () => {
    const part = (jobNumber: number, status: number, runS: number): SwfJob => ({
      ...base,
      jobNumber,
      status,
      runS,
      requestedS: 10_000,
    });
    const work = createSwfWorkload([
      ...[part(1, 2, 10), part(2, 2, 5), part(1, 2, -1), part(1, 3, 30), part(2, 4, 6)],
      ...[part(3, 1, 50), part(3, 2, 20), part(3, 3, 30), part(4, 2, 9), part(5, 2, -1)],
    ]);
    expect(
      work.items.map(({ command, expected }) => [command.jobId, command.argv[0], expected.exitCode]),
    ).toEqual([
      ['1', 'sleep 40000', 0],
      ['2', 'sleep 11000', 1],
      ['3', 'sleep 50000', 0],
      ['4', 'sleep 9000', 0],
    ]);
    expect(work.skipped.map(({ id }) => id)).toEqual(['5']);
  });

  test('a job in parts arrives when its first part was submitted', async () => {
    const rest = '1 -1 -1 1 10000 -1';
    const log = await readSwf(
      [`1 100 5 10 ${rest} 2`, `1 -1 7 30 ${rest} 3`, `2 150 5 60 ${rest} 1`]
        .map((text) => `${text} 3 -1 -1 -1 -1 -1 -1`)
        .join('\n'),
    );
    const { items } = createSwfWorkload(log.jobs);
    expect(items.map(({ arrivalMs, command }) => [arrivalMs, command.argv[0]])).toEqual([
      [0, 'sleep 40000'],
      [50_000, 'sleep 60000'],
    ]);
  });

  test('a job in parts whose first row is left out arrives with the first that has a submit time, or is refused', () => {
    const whole = { ...base, submitS: 100 };
    const [first, second] = [-1, 130].map((submitS) => ({ ...base, status: 2, submitS, runS: 10 }));
    const last = { ...base, status: 3, submitS: -1, runS: 30 };
    const submitted = (...jobs: (SwfJob | undefined)[]): unknown =>
      swfWorkload(jobs.flatMap((job) => job ?? [])).jobs.map(({ submitMs, runMs }) => [submitMs, runMs]);
    expect(submitted(whole, first, second, last)).toEqual([[100_000, 60_000]]);
    expect(submitted(first, second, last)).toEqual([[130_000, 50_000]]);
    for (const jobs of [[first, last], [last], [{ ...base, submitS: -1 }]]) {
      expect(() => submitted(...jobs)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: 'jobs: expected a row of job 1 with its submit time, got -1',
        }),
      );
    }
  });

  test('fractions of a second are kept, to the microsecond', () => {
    const [job] = swfWorkload([
      { ...base, submitS: 1.001, waitS: 8.2, runS: 4.35, requestedS: 10.0001 },
    ]).jobs;
    expect(job).toMatchObject({ submitMs: 1001, waitMs: 8200, runMs: 4350, limitMs: 10_000.1 });
    // A limit that rounds to 0 is none.
    const [endless] = createSwfWorkload([{ ...base, requestedS: 1e-9 }]).items;
    expect(endless?.command.timeoutMs).toBeUndefined();
  });

  test('every time is scaled, to the microsecond', () => {
    const item = workOf(
      { submitS: 1_000_007, waitS: 3, runS: 95, precedingJob: 2, thinkS: 1 },
      { timeScale: 1 / 3000 },
    );
    expect(item).toMatchObject({ arrivalMs: 2.333, recordedWaitMs: 1, after: { thinkMs: 0.333 } });
    expect(item?.command).toMatchObject({ argv: ['sleep 31.667', 'complete 0'], timeoutMs: 34.667 });
    expect(workOf({ status: 5 }, { timeScale: 0.001 })?.abort).toEqual({ when: 'running', afterMs: 60 });
  });

  test.for([0, -1, Number.NaN, Infinity])('a time scale of %d is refused', (timeScale) => {
    expect(() => createSwfWorkload([], { timeScale })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `timeScale: expected a finite number > 0, got ${timeScale}`,
      }),
    );
  });

  test.for([1e308, 1e9])('a time scale of %d that makes impossible times is refused', (timeScale) => {
    expect(() => workOf({}, { timeScale })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `timeScale: expected one that makes no time longer than 3155760000000 ms, got ${timeScale}`,
      }),
    );
  });

  test('an invalid limit is refused', () => {
    expect(() => createSwfWorkload([], { limit: -1 })).toThrow(
      expect.objectContaining({ message: 'limit: expected an integer ≥ 0, or Infinity, got -1' }),
    );
    expect(createSwfWorkload([])).toEqual({ items: [], skipped: [] });
    expect(swfWorkload([])).toEqual({ jobs: [], statusesMeanNothing: true });
  });

  test('every job of any log becomes a well-formed command with a script that can be read', () => {
    const field = fc.integer({ min: -1, max: 100_000 });
    const anyJob = fc.record({
      jobNumber: fc.nat(),
      submitS: fc.nat(100_000_000),
      waitS: field,
      runS: field,
      requestedS: field,
      status: fc.integer({ min: -1, max: 5 }),
    });
    const anyLog = fc.uniqueArray(anyJob, { maxLength: 6, selector: ({ jobNumber }) => jobNumber });
    const scales = fc.constantFrom(1, 0.001, 1e-7, 12.34);
    fc.assert(
      fc.property(anyLog, scales, (jobs, timeScale) => {
        const work = createSwfWorkload(
          jobs.map((job) => ({ ...base, ...job })),
          { timeScale },
        );
        for (const { command, expected, abort } of work.items) {
          checkCommand(command);
          const steps = parseSimScript(command.argv);
          const endsAlone = expected.state === 'COMPLETE' || expected.state === 'FAILED';
          expect(steps.at(-1)?.op === 'pause').toBe(!endsAlone);
          expect(abort === undefined).toBe(expected.state !== 'ABORTED');
          const slept = steps[0]?.op === 'sleep' ? steps[0].ms : 0;
          expect(command.timeoutMs ?? Infinity).toBeGreaterThan(expected.state === 'TIMEDOUT' ? 0 : slept);
          // Also if it starts at once.
          expect(command.timeoutMs ?? Infinity).toBeGreaterThan(abort?.afterMs ?? -1);
          if (expected.state === 'TIMEDOUT') {
            expect(command.timeoutMs).toBeLessThanOrEqual(Math.max(slept, 0.001));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('the excerpt of the Theta log becomes 200 commands that complete', async () => {
  const { jobs } = await readSwf(await readFile(new URL('../../../fixtures/theta-cut.swf', import.meta.url)));
  const work = createSwfWorkload(jobs);
  expect(swfWorkload(jobs).statusesMeanNothing).toBe(true);
  expect(work.skipped).toEqual([]);
  expect(work.items).toHaveLength(200);
  expect(new Set(work.items.map(({ expected }) => expected.state))).toEqual(new Set(['COMPLETE']));
  expect(work.items.at(-1)?.arrivalMs).toBe((1641189107 - 1641021254) * 1000);
  expect(work.items[0]?.command).toEqual({
    argv: ['sleep 10849000', 'complete 0'],
    timeoutMs: 11_929_000,
    jobId: '1',
  });
  expect(work.items[1]).toMatchObject({ slots: 640, recordedWaitMs: 40_859_000 });
  const enforced = createSwfWorkload(jobs, { overrun: 'enforce' });
  expect(enforced.items.filter(({ expected }) => expected.state === 'TIMEDOUT')).toHaveLength(55);
});
