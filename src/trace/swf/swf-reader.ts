/**
 * Reads logs in the Standard Workload Format as a stream. Invariant: jobs keep the file order, which orders jobs of the
 * same second.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { describeValue } from '../../kernel/errors.ts';
import { plural } from '../../model/plural.ts';
import { type TextSource, LineReader } from '../line-reader.ts';
import { type SwfHeader, SwfHeaderLines } from './swf-header.ts';
import { SwfWarnings, type SwfWarning, type SwfWarningKind } from './swf-warnings.ts';
import { TraceFormatError } from '../trace-format-error.ts';
import { TIME_MS_MAX } from '../../kernel/microseconds.ts';

/**
 * A job of a recorded workload: one row of the Standard Workload Format, 18 numbers, with −1 for unknown values. The
 * names are ours; the order is the format's (https://www.cs.huji.ac.il/labs/parallel/workload/swf.html). Times are
 * seconds, and may have a fraction; all other numbers are whole.
 */
export interface SwfJob {
  readonly jobNumber: number;
  /**
   * Time of submission, since the start of the log or the Unix epoch. Of the rows of a job that was stopped and resumed,
   * only the first needs one.
   */
  readonly submitS: number;
  readonly waitS: number;
  readonly runS: number;
  readonly allocatedProcessors: number;
  /** Average over the processors. */
  readonly cpuS: number;
  /** Per processor. */
  readonly memoryKb: number;
  readonly requestedProcessors: number;
  readonly requestedS: number;
  readonly requestedMemoryKb: number;
  /** 0 failed, 1 completed, 2 part that continues, 3 last part completed, 4 last part failed, 5 cancelled. */
  readonly status: number;
  readonly userId: number;
  readonly groupId: number;
  readonly executableId: number;
  readonly queueId: number;
  readonly partitionId: number;
  /** The job that had to end before this one was submitted. */
  readonly precedingJob: number;
  /** From the end of the preceding job to the submission of this one. */
  readonly thinkS: number;
}

/** The fields in the order of the format, with their names in the format. */
export const SWF_FIELDS: readonly (readonly [field: keyof SwfJob, name: string])[] = Object.freeze([
  ['jobNumber', 'job number'],
  ['submitS', 'submit time'],
  ['waitS', 'wait time'],
  ['runS', 'run time'],
  ['allocatedProcessors', 'number of allocated processors'],
  ['cpuS', 'average CPU time used'],
  ['memoryKb', 'used memory'],
  ['requestedProcessors', 'requested number of processors'],
  ['requestedS', 'requested time'],
  ['requestedMemoryKb', 'requested memory'],
  ['status', 'status'],
  ['userId', 'user id'],
  ['groupId', 'group id'],
  ['executableId', 'executable number'],
  ['queueId', 'queue number'],
  ['partitionId', 'partition number'],
  ['precedingJob', 'preceding job number'],
  ['thinkS', 'think time from preceding job'],
] as const);

/** How to read a log. */
export interface SwfReaderOptions {
  /**
   * `strict` rejects the first row that violates the format; `lenient` recovers what it can and collects warnings,
   * because real logs have rows with too many fields, half processors and negative run times. Default: strict.
   */
  readonly mode?: 'strict' | 'lenient';
}

const SWF_OPTIONS = is.optionsOf<SwfReaderOptions>({}, { mode: is.oneOf('strict', 'lenient') });

/** The content of a log. */
export interface SwfLog {
  readonly header: SwfHeader;
  /** In file order. */
  readonly jobs: readonly SwfJob[];
  /** At most a hundred: those that changed data first, each group in line order. */
  readonly warnings: readonly SwfWarning[];
  /** Counts of all warnings by kind: kinds that changed data first, then by frequency. */
  readonly warningKinds: readonly SwfWarningKind[];
  /** Total number of warnings. */
  readonly warningCount: number;
}

const SWF_LINE_BYTES_MAX = 64 * 1024;
/** Hint for a log with a row that was rejected. */
const LENIENT = "mode 'lenient' reads on and collects warnings";
/** Hint for a log that was rejected because it has no job. */
const LENIENT_IF_EMPTY = "mode 'lenient' reads it as a log without jobs";

class SwfReading {
  readonly header = new SwfHeaderLines();
  readonly #warnings = new SwfWarnings();
  readonly #isStrict: boolean;
  #latest: SwfJob | undefined;
  #latestSubmitS = 0;
  #isDisordered = false;

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
  }

  /** Reads a line; returns its job, if it has one. */
  take(number: number, text: string): SwfJob | undefined {
    const content = text.trim();
    if (content === '') return undefined;
    if (content.startsWith(';')) {
      this.header.add(text);
      return undefined;
    }
    const { job, complaints } = parseSwfRow(content, this.#latest);
    for (const { expected, actual, remedy, kind, changesData } of complaints) {
      if (this.#isStrict) {
        throw new TraceFormatError({ problem: 'corrupted', line: number, expected, actual, hint: LENIENT });
      }
      const warning = { line: number, text: `expected ${expected}, got ${actual}; ${remedy}`, changesData };
      this.#warnings.add(kind, warning);
    }
    if (job !== undefined) this.#checkOrder(number, job);
    return job;
  }

  finish(line: number, jobs: readonly SwfJob[]): void {
    if (jobs.length === 0 && this.#isStrict) {
      throw new TraceFormatError({
        problem: 'empty',
        line: Math.max(line, 1),
        expected: 'a job',
        actual: 'none',
        hint: LENIENT_IF_EMPTY,
      });
    }
    const promised = this.header.number('MaxJobs');
    const count = countJobs(jobs);
    if (promised !== undefined && promised !== count) {
      const text = `the header promises ${promised} ${plural(promised, 'job')}, the log has ${count}`;
      this.#warnings.add('another number of jobs than promised', { line, text, changesData: false });
    }
  }

  #checkOrder(number: number, job: SwfJob): void {
    const { submitS } = job;
    this.#latest = job;
    if (submitS !== UNKNOWN && submitS < this.#latestSubmitS && !this.#isDisordered) {
      this.#isDisordered = true;
      const text = 'jobs are not in the order of their submission from here on';
      this.#warnings.add('jobs out of order', { line: number, text, changesData: false });
    }
    this.#latestSubmitS = Math.max(this.#latestSubmitS, submitS);
  }

  get warnings(): Pick<SwfLog, 'warnings' | 'warningKinds' | 'warningCount'> {
    return this.#warnings.summary();
  }
}

/**
 * Reads a whole log. Comments may appear anywhere; the labels among them form the header. Blank lines, a byte order
 * mark and CRLF are accepted; bytes of a comment that are not UTF-8 become replacement characters.
 *
 * @throws TraceFormatError for a row that violates the format (strict), a log without jobs (strict), or a line of more
 * than 64 KiB; RunnerError `RUNNER_INVALID_ARGUMENT` for an invalid mode or source.
 * @example
 * ```ts
 * import { readSwf } from 'dryrunner/trace';
 * const { jobs } = await readSwf('; MaxProcs: 128\n1 0 5 60 1 -1 -1 1 90 -1 1 3 -1 -1 -1 -1 -1 -1\n');
 * if (jobs[0]?.runS !== 60) throw new Error('one job of a minute');
 * ```
 */
export async function readSwf(source: TextSource, options: SwfReaderOptions = {}): Promise<SwfLog> {
  check('options', options, SWF_OPTIONS);
  const { mode = 'strict' } = options;
  const lines = new LineReader(source, { foreignBytes: 'replaced' });
  const reading = new SwfReading(mode === 'strict');
  const jobs: SwfJob[] = [];
  try {
    for (;;) {
      const line = await lines.next(SWF_LINE_BYTES_MAX);
      if (line === undefined) break;
      const job = reading.take(line.number, line.text);
      if (job !== undefined) jobs.push(job);
    }
    reading.finish(lines.number, jobs);
  } finally {
    await lines.close();
  }
  return { header: reading.header, jobs, ...reading.warnings };
}

/** A violation of the format in a row. */
export interface SwfComplaint {
  readonly expected: string;
  readonly actual: string;
  /** How lenient reading handles it. */
  readonly remedy: string;
  /** Kind of violation, for counting: the same text for equal mistakes, whatever the values. */
  readonly kind: string;
  /** True if a job is left out, or differs from the log. */
  readonly changesData: boolean;
}

/** A parsed row: its job, unless it cannot be recovered, and its violations. */
export interface SwfRow {
  readonly job: SwfJob | undefined;
  readonly complaints: readonly SwfComplaint[];
}

const UNKNOWN = -1;
/** Job number, submit, wait and run time: a row with less is not a job. */
const FIELDS_MIN = 4;
const STATUS_MAX = 5;
// Digits can be matched in one way only: a row may be one very long field.
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const WHOLE = /^[+-]?\d+$/;
const DROPPED = 'the row is left out';
/** A hundred years: longer than any log, and exact in milliseconds and microseconds. */
const SECONDS_MAX = TIME_MS_MAX / 1_000;

/** Status codes of the format. */
export const SWF_STATUS = {
  FAILED: 0,
  COMPLETED: 1,
  PART: 2,
  LAST_COMPLETED: 3,
  LAST_FAILED: 4,
  CANCELLED: 5,
} as const;

/** True for the row of one part of a job that was stopped and resumed. */
export function isPartOfJob({ status }: Pick<SwfJob, 'status'>): boolean {
  return (
    status === SWF_STATUS.PART || status === SWF_STATUS.LAST_COMPLETED || status === SWF_STATUS.LAST_FAILED
  );
}

/** Number of jobs: the rows of a job that was stopped and resumed, of its parts and of the whole, are one. */
function countJobs(jobs: readonly SwfJob[]): number {
  const resumed = new Set(jobs.filter(isPartOfJob).map(({ jobNumber }) => jobNumber));
  if (resumed.size === 0) return jobs.length;
  const wholes = jobs.filter((job) => !isPartOfJob(job));
  for (const { jobNumber } of wholes) resumed.delete(jobNumber);
  return wholes.length + resumed.size;
}

/** True for the row of a part if the row before is of the same job: it needs no submit time. */
function continuesJob(texts: readonly string[], before: SwfJob | undefined): boolean {
  const [jobNumber, status] = (['jobNumber', 'status'] as const).map((wanted) =>
    Number(texts[SWF_FIELDS.findIndex(([field]) => field === wanted)]),
  ) as [number, number];
  return jobNumber === before?.jobNumber && isPartOfJob({ status });
}

/**
 * Parses one row of a Standard Workload Format log. In strict mode it stops at the first violation; in lenient mode it
 * recovers what it can, and reports what it did.
 *
 * @param before the job of the row before.
 */
function parseSwfRow(text: string, before: SwfJob | undefined): SwfRow {
  const complaints: SwfComplaint[] = [];
  const texts = text.trim().split(/\s+/);
  checkFieldCount(texts.length, complaints);
  const fields: [keyof SwfJob, number][] = [];
  const needed: readonly (keyof SwfJob)[] = continuesJob(texts, before)
    ? ['jobNumber']
    : ['jobNumber', 'submitS'];
  for (const [index, [field, name]] of SWF_FIELDS.entries()) {
    const isNeeded = needed.includes(field);
    const value = parseField({ field, name, isNeeded }, texts[index], complaints);
    if (value === undefined) return { job: undefined, complaints };
    fields.push([field, value]);
  }
  const isJob = texts.length >= FIELDS_MIN;
  return { job: isJob ? (Object.fromEntries(fields) as unknown as SwfJob) : undefined, complaints };
}

function checkFieldCount(count: number, complaints: SwfComplaint[]): void {
  const expected = `${SWF_FIELDS.length} fields`;
  if (count === SWF_FIELDS.length) return;
  if (count > SWF_FIELDS.length) {
    complaints.push({
      expected,
      actual: String(count),
      remedy: 'the rest is left out',
      kind: 'more fields than the format has',
      changesData: false,
    });
    return;
  }
  const isDropped = count < FIELDS_MIN;
  complaints.push({
    expected,
    actual: String(count),
    remedy: isDropped ? DROPPED : 'missing fields are unknown',
    kind: isDropped ? 'too few fields for a job' : 'fewer fields than the format has',
    changesData: isDropped,
  });
}

/** A field to be parsed. */
interface SwfField {
  readonly field: keyof SwfJob;
  readonly name: string;
  /** True if a row without it is not a job. */
  readonly isNeeded: boolean;
}

/** The value of a field; `undefined` if the row is invalid because of it. */
function parseField(
  { field, name, isNeeded }: SwfField,
  text: string | undefined,
  complaints: SwfComplaint[],
): number | undefined {
  if (text === undefined) return UNKNOWN;
  const value = Number(text);
  const complain = (expected: string, remedy: string, changesData = true): void => {
    complaints.push({
      expected: `${name}: ${expected}`,
      actual: describeValue(text),
      remedy,
      kind: `${name}: ${changesData ? 'not ' : 'not written as '}${expected}`,
      changesData,
    });
  };
  if (!NUMBER.test(text) || !Number.isFinite(value)) {
    complain('a number', DROPPED);
    return undefined;
  }
  const expected = rangeProblem(field, value, isNeeded);
  if (expected !== undefined) {
    complain(expected, isNeeded ? DROPPED : 'it is unknown');
    return isNeeded ? undefined : UNKNOWN;
  }
  if ((isTime(field) && value >= 0) || (WHOLE.test(text) && Number.isSafeInteger(value))) return value + 0;
  const rounded = Math.round(value) + 0;
  complain('a whole number', 'it is rounded', rounded !== value);
  return rounded;
}

/** The format lets times have a fraction. */
function isTime(field: keyof SwfJob): boolean {
  return field.endsWith('S');
}

/** Describes the allowed values if a value is out of range; otherwise undefined. */
function rangeProblem(field: keyof SwfJob, value: number, isNeeded: boolean): string | undefined {
  if (isNeeded && value < 0) return 'a number ≥ 0';
  if (field === 'status') {
    return value >= UNKNOWN && value <= STATUS_MAX ? undefined : `a whole number from -1 to ${STATUS_MAX}`;
  }
  if (value < UNKNOWN) return 'a number ≥ -1';
  const isOfTime = isTime(field);
  const most = isOfTime ? SECONDS_MAX : Number.MAX_SAFE_INTEGER;
  return value <= most ? undefined : `at most ${most}${isOfTime ? ' seconds, a hundred years' : ''}`;
}
