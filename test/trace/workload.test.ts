import { describe, expect, test } from 'vitest';
import { createWorkload, type WorkloadJob, type WorkloadOptions } from '../../src/trace/workload.ts';

const base: WorkloadJob = { id: 'a', submitMs: 0, runMs: 4000, end: 'completed' };

describe('createWorkload', () => {
  test.for<[string, unknown, string]>([
    ['id', 7, 'a string, got 7'],
    ['submitMs', undefined, 'a finite number, got undefined'],
    ['submitMs', Number.NaN, 'a finite number, got NaN'],
    ['submitMs', '5', 'a finite number, got "5"'],
    ['runMs', '7', 'a finite number ≥ 0, got "7"'],
    ['runMs', -1, 'a finite number ≥ 0, got -1'],
    ['runMs', Infinity, 'a finite number ≥ 0, got Infinity'],
    ['waitMs', Number.NaN, 'a finite number ≥ 0, got NaN'],
    ['limitMs', 0, 'a finite number > 0, got 0'],
    ['limitMs', '5', 'a finite number > 0, got "5"'],
    ['slots', Number.NaN, 'an integer ≥ 0, got NaN'],
    ['slots', 1.5, 'an integer ≥ 0, got 1.5'],
    ['slots', '2', 'an integer ≥ 0, got "2"'],
    ['end', 'canceled', 'one of "completed", "failed", "cancelled", got "canceled"'],
    ['end', undefined, 'one of "completed", "failed", "cancelled", got undefined'],
    ['after', 'b', 'an object, got "b"'],
    ['after.jobId', { jobId: 1, thinkMs: 0 }, 'a string, got 1'],
    ['after.thinkMs', { jobId: 'b' }, 'a finite number ≥ 0, got undefined'],
    ['after.thinkMs', { jobId: 'b', thinkMs: -1 }, 'a finite number ≥ 0, got -1'],
  ])('refuses a job with a wrong %s: %j', ([path, value, problem]) => {
    const job = { ...base, [path.split('.')[0] as string]: value };
    expect(() => createWorkload([base, job])).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `jobs[1].${path}: expected ${problem}`,
      }),
    );
  });

  test('refuses an id that a job before it has, also among those that are not selected', () => {
    const jobs = [base, { ...base, id: 'b' }, { ...base, submitMs: 5 }];
    expect(() => createWorkload(jobs, { limit: 1, select: ({ submitMs }) => submitMs === 0 })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'jobs[2].id: expected an id that no job before it has, got "a"',
      }),
    );
  });

  test.for([1.5, -1, Number.NaN])('refuses a limit of %d jobs', (limit) => {
    expect(() => createWorkload([base], { limit })).toThrow(
      `limit: expected an integer ≥ 0, or Infinity, got ${limit}`,
    );
  });

  test('refuses a number in the place of a job', () => {
    expect(() => createWorkload([5 as never])).toThrow('jobs[0]: expected a job of a workload, got 5');
  });

  test.for<[string, Partial<WorkloadJob>]>([
    ['a submission before the origin', { submitMs: -5 }],
    ['an id that is empty', { id: '' }],
    ['fractions of milliseconds', { submitMs: 0.5, runMs: 0.25, waitMs: 0.125, limitMs: 1.5 }],
    ['no slots, which count as one', { slots: 0 }],
    [
      'absent fields that are undefined',
      { waitMs: undefined, slots: undefined } as unknown as Partial<WorkloadJob>,
    ],
    ['fields of its own', { queue: 'short' } as Partial<WorkloadJob>],
    ['a job that it comes after', { after: { jobId: 'none', thinkMs: 0 } }],
  ])('takes %s', ([, job]) => {
    expect(createWorkload([{ ...base, ...job }]).items[0]).toMatchObject({ slots: 1, arrivalMs: 0 });
  });

  test('takes a job that inherits its fields', () => {
    class LogRow {
      get id(): string {
        return 'a';
      }
      readonly submitMs = 0;
      readonly runMs = 1;
      readonly end = 'completed';
    }
    expect(createWorkload([new LogRow()]).items[0]?.command.jobId).toBe('a');
  });

  test.for<[string, Partial<WorkloadJob>, WorkloadOptions, object]>([
    ['times out', { limitMs: 3000 }, { overrun: 'enforce' }, { argv: ['pause'], timeoutMs: 0.001 }],
    [
      'times out in its last microsecond',
      { runMs: 9000, limitMs: 6000 },
      { overrun: 'enforce' },
      { argv: ['sleep 0.001', 'pause'], timeoutMs: 0.001 },
    ],
    ['completes at once', { limitMs: 4500 }, {}, { argv: ['complete 0'], timeoutMs: 0.001 }],
    [
      'completes after the rounded limit',
      { runMs: 6000, limitMs: 9000 },
      {},
      { argv: ['sleep 0.001', 'complete 0'], timeoutMs: 0.002 },
    ],
    [
      'is cancelled after the rounded limit',
      { runMs: 6000, limitMs: 9000, end: 'cancelled' },
      {},
      { argv: ['sleep 0.001', 'pause'], timeoutMs: 0.002 },
    ],
    ['has no limit', {}, {}, { argv: ['complete 0'] }],
  ])('keeps the limit of a job that is scaled to almost nothing and %s', ([, job, options, command]) => {
    const [item] = createWorkload([{ ...base, ...job }], { ...options, timeScale: 1e-7 }).items;
    expect(item?.command).toEqual({ ...command, jobId: 'a' });
  });

  const century = 3_155_760_000_000;

  test.for<[string, Partial<WorkloadJob>, object]>([
    ['runs as long as its limit', { limitMs: century }, { argv: [`sleep ${century}`, 'complete 0'] }],
    ['runs longer than its limit', { limitMs: century / 2 }, { argv: [`sleep ${century}`, 'complete 0'] }],
    ['is cancelled', { limitMs: century, end: 'cancelled' }, { argv: [`sleep ${century}`, 'pause'] }],
    [
      'runs a microsecond less',
      { runMs: century - 0.001, limitMs: century },
      { argv: [`sleep ${century - 0.001}`, 'complete 0'], timeoutMs: century },
    ],
    [
      'times out',
      { limitMs: century, end: 'failed' },
      { argv: [`sleep ${century}`, 'pause'], timeoutMs: century },
    ],
  ])('takes a job of a hundred years that %s', ([, job, command]) => {
    const [item] = createWorkload([{ ...base, runMs: century, ...job }]).items;
    expect(item?.command).toEqual({ ...command, jobId: 'a' });
  });

  test('names the job of which a time is too long, or the factor that makes it so', () => {
    expect(() => createWorkload([{ ...base, runMs: century + 1 }])).toThrow(
      `job "a": expected no time longer than ${century} ms, a hundred years, got ${century + 1}`,
    );
    expect(() => createWorkload([{ ...base, runMs: century }], { timeScale: 2 })).toThrow(
      `timeScale: expected one that makes no time longer than ${century} ms, got 2`,
    );
  });
});
