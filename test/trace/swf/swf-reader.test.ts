import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SWF_FIELDS, type SwfJob, readSwf } from '../../../src/trace/swf/swf-reader.ts';

const row = '7 10 5 60 4 1.5 2048 8 90 4096 1 3 2 11 1 0 6 30';
const job: SwfJob = {
  jobNumber: 7,
  submitS: 10,
  waitS: 5,
  runS: 60,
  allocatedProcessors: 4,
  cpuS: 1.5,
  memoryKb: 2048,
  requestedProcessors: 8,
  requestedS: 90,
  requestedMemoryKb: 4096,
  status: 1,
  userId: 3,
  groupId: 2,
  executableId: 11,
  queueId: 1,
  partitionId: 0,
  precedingJob: 6,
  thinkS: 30,
};
/** The row with field `position` (from 1) set to `text`. */
const rowWith = (position: number, text: string): string =>
  row
    .split(' ')
    .with(position - 1, text)
    .join(' ');

/** The fields as they stand, without any repair; what is missing or too much is as the format has it. */
function exactly(text: string): unknown {
  const values = text.split(' ').map(Number);
  return Object.fromEntries(SWF_FIELDS.map(([field], index) => [field, values[index] ?? -1]));
}

describe('readSwf', () => {
  test('reads the 18 fields in order, with any blanks between and around them', async () => {
    for (const text of [row, `${row}\n`, `  ${row.replaceAll(' ', ' \t ')}\r\n`, `\ufeff${row}\n\n \n`]) {
      expect(await readSwf(text)).toMatchObject({ jobs: [job], warnings: [], warningCount: 0 });
    }
  });

  test('reads back any jobs that were written, in order', async () => {
    const value = fc.nat();
    const jobs = fc.array(
      fc.record(
        Object.fromEntries(
          SWF_FIELDS.map(([field]) => [field, field === 'status' ? fc.integer({ min: -1, max: 5 }) : value]),
        ),
      ),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(jobs, async (written) => {
        const text = written.map((fields) => SWF_FIELDS.map(([field]) => fields[field]).join(' ')).join('\n');
        expect((await readSwf(text)).jobs).toEqual(written);
      }),
    );
  });

  test('takes fractions of a second in each time', async () => {
    const { jobs, warningCount } = await readSwf(
      '7 10.25 5.5 60.125 4 1.5 2048 8 90.5 4096 1 3 2 11 1 0 6 0.5',
    );
    const times = { submitS: 10.25, waitS: 5.5, runS: 60.125, cpuS: 1.5, requestedS: 90.5, thinkS: 0.5 };
    expect(jobs).toEqual([{ ...job, ...times }]);
    expect(warningCount).toBe(0);
  });

  test('takes ids from 0, submit times since the epoch and -1 for what is unknown', async () => {
    const unknown = `0 1641021254 ${'-1 '.repeat(16)}`;
    const { jobs } = await readSwf(unknown);
    expect(jobs).toEqual([
      Object.fromEntries(SWF_FIELDS.map(([field], i) => [field, [0, 1641021254][i] ?? -1])),
    ]);
  });

  test.for<[string, string, string]>([
    ['21 fields', `${row} 1 2 3`, '18 fields, got 21'],
    ['17 fields', row.slice(0, row.lastIndexOf(' ')), '18 fields, got 17'],
    ['a word', rowWith(9, 'soon'), 'requested time: a number, got "soon"'],
    ['hexadecimal', rowWith(9, '0x10'), 'requested time: a number, got "0x10"'],
    ['a number beyond all', rowWith(9, '1e999'), 'requested time: a number, got "1e999"'],
    ['half a second below 0', rowWith(4, '-0.5'), 'run time: a whole number, got "-0.5"'],
    ['half a kilobyte', rowWith(7, '60.5'), 'used memory: a whole number, got "60.5"'],
    [
      'a number too long to be exact',
      rowWith(4, '90071992547409931'),
      'run time: at most 3155760000 seconds, a hundred years, got "90071992547409931"',
    ],
    // Impossible times are not read.
    [
      'a run of 2^53 seconds',
      rowWith(4, '9007199254740992'),
      'run time: at most 3155760000 seconds, a hundred years, got "9007199254740992"',
    ],
    [
      'a submit time after all days',
      rowWith(2, '3155760001'),
      'submit time: at most 3155760000 seconds, a hundred years, got "3155760001"',
    ],
    [
      'more memory than can be counted',
      rowWith(7, '1e300'),
      'used memory: at most 9007199254740991, got "1e300"',
    ],
    ['a negative run', rowWith(4, '-5'), 'run time: a number ≥ -1, got "-5"'],
    ['a negative id', rowWith(1, '-1'), 'job number: a number ≥ 0, got "-1"'],
    ['an unknown submit time', rowWith(2, '-1'), 'submit time: a number ≥ 0, got "-1"'],
    ['status 6', rowWith(11, '6'), 'status: a whole number from -1 to 5, got "6"'],
    ['status -2', rowWith(11, '-2'), 'status: a whole number from -1 to 5, got "-2"'],
    ['binary data', '\u0000\u0001', '18 fields, got 1'],
  ])('strict mode refuses %s, with the line number', async ([, bad, complaint]) => {
    await expect(readSwf(`; Note: a log\n${row}\n\n${bad}\n${row}\n`)).rejects.toMatchObject({
      code: 'RUNNER_TRACE_FORMAT',
      problem: 'corrupted',
      line: 4,
      // A reader that is refused learns what else there is.
      message: `line 4: expected ${complaint} (mode 'lenient' reads on and collects warnings)`,
    });
  });

  test.for<[string, string, Partial<SwfJob> | undefined, string]>([
    ['21 fields', `${row} 1 2 3`, {}, 'expected 18 fields, got 21; the rest is left out'],
    [
      '5 fields',
      '7 10 5 60 4',
      { cpuS: -1, thinkS: -1, status: -1 },
      'expected 18 fields, got 5; missing fields are unknown',
    ],
    [
      '4 fields',
      '7 10 5 60',
      { allocatedProcessors: -1 },
      'expected 18 fields, got 4; missing fields are unknown',
    ],
    ['3 fields', '7 10 5', undefined, 'expected 18 fields, got 3; the row is left out'],
    [
      'a word',
      rowWith(9, 'soon'),
      undefined,
      'expected requested time: a number, got "soon"; the row is left out',
    ],
    [
      'a fraction',
      rowWith(7, '60.5'),
      { memoryKb: 61 },
      'expected used memory: a whole number, got "60.5"; it is rounded',
    ],
    [
      'a whole number with a point',
      rowWith(7, '2048.0'),
      {},
      'expected used memory: a whole number, got "2048.0"; it is rounded',
    ],
    [
      'a negative run',
      rowWith(4, '-5'),
      { runS: -1 },
      'expected run time: a number ≥ -1, got "-5"; it is unknown',
    ],
    [
      'a negative id',
      rowWith(1, '-3'),
      undefined,
      'expected job number: a number ≥ 0, got "-3"; the row is left out',
    ],
    [
      'status 6',
      rowWith(11, '6'),
      { status: -1 },
      'expected status: a whole number from -1 to 5, got "6"; it is unknown',
    ],
  ])('lenient mode makes the best of %s, with a warning', async ([, bad, expected, text]) => {
    const log = await readSwf(`${row}\n${bad}\n${row}\n`, { mode: 'lenient' });
    expect(log.warnings).toMatchObject([{ line: 2, text }]);
    const [changed] =
      log.jobs.length === 2 ? [true] : [JSON.stringify(log.jobs[1]) !== JSON.stringify(exactly(bad))];
    expect(log.warnings[0]?.changesData).toBe(changed);
    expect(log.warningCount).toBe(1);
    expect(log.jobs).toHaveLength(expected === undefined ? 2 : 3);
    if (expected !== undefined) expect(log.jobs[1]).toMatchObject(expected);
    if (bad.split(' ').length >= 18 && expected !== undefined) {
      expect(log.jobs[1]).toEqual({ ...job, ...expected });
    }
  });

  test('keeps the first hundred warnings and counts all', async () => {
    const log = await readSwf(`${row} 1\n`.repeat(150), { mode: 'lenient' });
    expect(log.warnings).toHaveLength(100);
    expect(log.warnings.at(-1)?.line).toBe(100);
    expect(log.warningCount).toBe(150);
  });

  test('warnings that changed data come first, counted by kind, however many others there are', async () => {
    // Review S6: of 17,902 warnings two had changed data, and nobody could find them.
    const odd = [rowWith(4, '-7'), rowWith(11, '9'), rowWith(4, '-8')];
    const text = `${`${row} 1\n`.repeat(300)}${odd.join('\n')}\n${`${rowWith(7, '60.0')}\n`.repeat(400)}`;
    const { warnings, warningKinds, warningCount } = await readSwf(text, { mode: 'lenient' });
    expect(warningCount).toBe(703);
    expect(warningKinds).toEqual([
      { kind: 'run time: not a number ≥ -1', count: 2, line: 301, changesData: true },
      { kind: 'status: not a whole number from -1 to 5', count: 1, line: 302, changesData: true },
      { kind: 'used memory: not written as a whole number', count: 400, line: 304, changesData: false },
      { kind: 'more fields than the format has', count: 300, line: 1, changesData: false },
    ]);
    expect(warnings).toHaveLength(100);
    expect(warnings.slice(0, 4).map(({ line }) => line)).toEqual([301, 302, 303, 1]);
  });

  test.for(['', '; Note: nothing\n', '\n'])(
    'a log without jobs, %j, is refused in strict mode and empty in lenient mode',
    async (text) => {
      await expect(readSwf(text)).rejects.toMatchObject({
        problem: 'empty',
        message: "line 1: expected a job, got none (mode 'lenient' reads it as a log without jobs)",
      });
      expect((await readSwf(text, { mode: 'lenient' })).jobs).toEqual([]);
    },
  );

  test('warns of a header with wrong numbers and of jobs out of order, in strict mode too', async () => {
    const text = `; MaxJobs: 5\n${rowWith(2, '9')}\n${rowWith(2, '8')}\n${rowWith(2, '7')}\n`;
    const { warnings, jobs } = await readSwf(text);
    expect(jobs.map(({ submitS }) => submitS)).toEqual([9, 8, 7]);
    expect(warnings).toMatchObject([
      { line: 3, text: 'jobs are not in the order of their submission from here on' },
      { line: 4, text: 'the header promises 5 jobs, the log has 3' },
    ]);
    expect((await readSwf(`; MaxJobs: 1\n${row}`)).warnings).toEqual([]);
  });

  describe('a job that was stopped and resumed', () => {
    const whole = '7 10 5 60 4 1.5 2048 8 90 4096 1 3 2 11 1 0 6 30';
    const part = (submit: number, status: number, number = 7): string =>
      `${number} ${submit} 5 30 4 1.5 2048 8 90 4096 ${status} 3 2 11 1 0 6 30`;

    test.for([
      ['without a submit time of the later parts', [part(10, 2), part(-1, 2), part(-1, 3)], 1],
      ['with a row for the whole before its parts', [whole, part(-1, 2), part(-1, 4)], 1],
      ['with a row for the whole after its parts', [part(10, 2), part(-1, 3), whole], 1],
      ['among other jobs', [part(10, 2), part(-1, 3), part(11, 1, 8), part(12, 2, 9), part(-1, 4, 9)], 3],
      ['while another one runs', [part(10, 2), part(11, 2, 8), part(12, 3), part(13, 3, 8)], 2],
    ] as const)('is one job %s', async ([, rows, count]) => {
      const { jobs, warnings } = await readSwf(`; MaxJobs: ${count}\n${rows.join('\n')}\n`);
      expect(jobs.map(({ submitS }) => submitS)).toEqual(rows.map((text) => Number(text.split(' ')[1])));
      expect(warnings).toEqual([]);
      expect((await readSwf(`; MaxJobs: 9\n${rows.join('\n')}\n`)).warnings).toMatchObject([
        { text: `the header promises 9 jobs, the log has ${count}` },
      ]);
    });

    test.for([
      ['no row before it', [part(-1, 2)]],
      ['a row of another job before it', [part(10, 2, 8), part(-1, 3)]],
      ['another status', [part(10, 2), part(-1, 1)]],
      ['an impossible time', [part(10, 2), part(-2, 3)]],
    ] as const)('has a submit time in a row with %s', async ([, rows]) => {
      await expect(readSwf(rows.join('\n'))).rejects.toMatchObject({
        problem: 'corrupted',
        line: rows.length,
        message: expect.stringContaining('submit time: a number ≥'),
      });
    });
  });

  test('takes a number with a remark in parentheses', async () => {
    const text = '; MaxNodes: 128 (64 and 64)\n; MaxProcs: 256\n;   (2 each)\n; MaxRuntime: (none)\n';
    const { header } = await readSwf(`${text}${row}`);
    expect(header.number('MaxNodes')).toBe(128);
    expect(header.number('MaxProcs')).toBe(256);
    expect(header.number('MaxRuntime')).toBeUndefined();
    expect(header.values('MaxNodes')).toEqual(['128 (64 and 64)']);
  });

  test('reads lines of the greatest length, and the blanks within their values', async () => {
    const length = 60_000;
    const blanks = ' '.repeat(length);
    const text = `; Note: a${blanks}b\n;  c${blanks}d\n${'1'.repeat(length)}x 0 5 60\n${row}\n`;
    const { header, warnings } = await readSwf(text, { mode: 'lenient' });
    expect(header.values('Note')).toEqual([`a${blanks}b\nc${blanks}d`]);
    expect(warnings).toHaveLength(2);
  });

  test('reads labels anywhere, and their continuations, and nothing that only resembles a label', async () => {
    const { header } = await readSwf(
      [
        ';  Version: 2.2 ',
        '    ; computer:Intel iPSC/860',
        '; Information: http://www.nas.nasa.gov/',
        ';              http://www.cs.huji.ac.il/',
        ';',
        ';              not continued',
        row,
        '; Note: one',
        '; plain words: more',
        ';       late',
        '; Note: two',
        ';UnixStartTime: 749458803',
        '; MaxNodes: many',
      ].join('\n'),
    );
    expect(header.values('Version')).toEqual(['2.2']);
    expect(header.values('Computer')).toEqual(['Intel iPSC/860']);
    expect(header.values('Information')).toEqual(['http://www.nas.nasa.gov/\nhttp://www.cs.huji.ac.il/']);
    expect(header.values('Note')).toEqual(['one', 'two']);
    expect(header.values('Queue')).toEqual([]);
    expect(header.number('UnixStartTime')).toBe(749458803);
    expect(header.number('MaxNodes')).toBeUndefined();
    expect(header.number('MaxProcs')).toBeUndefined();
  });

  test('comments need not be UTF-8, and a line without end is refused', async () => {
    const latin1 = Buffer.from(`; Acknowledge: J\u00f6rg\n${row}\n`, 'latin1');
    expect((await readSwf(latin1)).header.values('Acknowledge')).toEqual(['J\ufffdrg']);
    await expect(readSwf('1 '.repeat(40_000))).rejects.toMatchObject({
      problem: 'too-long',
      message: 'line 1: expected a line of at most 65536 bytes, got a longer one',
    });
  });

  test('an unknown mode and an invalid source are refused', async () => {
    await expect(readSwf(row, { mode: 'loose' as 'lenient' })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'mode: expected one of "strict", "lenient", got "loose"',
    });
    await expect(readSwf(7 as unknown as string)).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });
});

test('the excerpt of the Theta log has the figures of its description', async () => {
  const { header, jobs, warningCount } = await readSwf(
    await readFile(new URL('../../../fixtures/theta-cut.swf', import.meta.url)),
  );
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  expect(header.number('MaxProcs')).toBe(4360);
  expect(header.number('UnixStartTime')).toBe(0);
  expect(jobs.map(({ jobNumber }) => jobNumber)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  expect([jobs[0]?.submitS, jobs.at(-1)?.submitS]).toEqual([1641021254, 1641189107]);
  expect(sum(jobs.map(({ runS }) => runS))).toBe(1443084);
  expect(Math.max(...jobs.map(({ runS }) => runS))).toBe(86520);
  expect(Math.max(...jobs.map(({ waitS }) => waitS))).toBe(468750);
  expect(Math.max(...jobs.map(({ submitS, waitS, runS }) => submitS + waitS + runS))).toBe(1641551971);
  expect(jobs.filter(({ runS, requestedS }) => runS >= requestedS)).toHaveLength(55);
  expect(jobs.filter(({ submitS }, i) => submitS === jobs[i - 1]?.submitS)).toHaveLength(19);
  expect(new Set(jobs.map(({ status }) => status))).toEqual(new Set([0]));
  expect(warningCount).toBe(0);
});
