/**
 * Parses one row of a Standard Workload Format log. Strict parsing refuses the first thing that the format does not allow; lenient
 * parsing takes what sense there is, and says what it did.
 */
import { describeValue } from '../../kernel/errors.ts';
import { TIME_MS_MAX } from '../../model/recording.ts';
import type { SwfJob } from './swf-job.ts';
import { SWF_FIELDS } from './swf-job.ts';

/** Something in a row that the format does not allow. */
export interface SwfComplaint {
  readonly expected: string;
  readonly actual: string;
  /** What lenient reading makes of it. */
  readonly remedy: string;
  /** The like of it, for counting: equal for equal mistakes, whatever the values. */
  readonly kind: string;
  /** Whether a job is left out, or differs from what stands in the log. */
  readonly changesData: boolean;
}

/** A row read: the job, unless the row is beyond repair, and what was wrong with it. */
export interface SwfRow {
  readonly job: SwfJob | undefined;
  readonly complaints: readonly SwfComplaint[];
}

const UNKNOWN = -1;
/** Number, submit, wait and run: without them a row is no job. */
const FIELDS_MIN = 4;
const STATUS_MAX = 5;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WHOLE = /^[+-]?\d+$/;
const DROPPED = 'the row is left out';
/** A hundred years: no log is longer, and milliseconds and microseconds of it are exact. */
const SECONDS_MAX = TIME_MS_MAX / 1_000;

/** Reads a row of blank-separated numbers. */
export function parseSwfRow(text: string): SwfRow {
  const complaints: SwfComplaint[] = [];
  const texts = text.trim().split(/\s+/);
  checkFieldCount(texts.length, complaints);
  const fields: [keyof SwfJob, number][] = [];
  for (const [index, [field, name]] of SWF_FIELDS.entries()) {
    const value = parseField(field, name, texts[index], complaints);
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

/** The value of a field; `undefined` if the row makes no sense with it. */
function parseField(
  field: keyof SwfJob,
  name: string,
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
  const isIdentity = field === 'jobNumber' || field === 'submitS';
  const expected = rangeProblem(field, value, isIdentity);
  if (expected !== undefined) {
    complain(expected, isIdentity ? DROPPED : 'it is unknown');
    return isIdentity ? undefined : UNKNOWN;
  }
  if (field === 'cpuS' || (WHOLE.test(text) && Number.isSafeInteger(value))) return value + 0;
  const rounded = Math.round(value) + 0;
  complain('a whole number', 'it is rounded', rounded !== value);
  return rounded;
}

/** What a value out of its range should have been; undefined if it is in it. */
function rangeProblem(field: keyof SwfJob, value: number, isIdentity: boolean): string | undefined {
  if (isIdentity && value < 0) return 'a number ≥ 0';
  if (field === 'status') {
    return value >= UNKNOWN && value <= STATUS_MAX ? undefined : `a whole number from -1 to ${STATUS_MAX}`;
  }
  if (value < UNKNOWN) return 'a number ≥ -1';
  const isTime = field.endsWith('S');
  const most = isTime ? SECONDS_MAX : Number.MAX_SAFE_INTEGER;
  return value <= most ? undefined : `at most ${most}${isTime ? ' seconds, a hundred years' : ''}`;
}
