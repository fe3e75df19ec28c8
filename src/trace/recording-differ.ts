/**
 * Compares what a replay did with what was recorded: states, times, exit codes, error texts and output digests, run by run in
 * order of acceptance. Run ids are opaque and not compared (R18).
 */
import { checkArray, checkOptions } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { plural } from '../model/plural.ts';
import type { RecordedRun, RecordedStatus } from '../model/recorded-run.ts';

/** How closely to look. */
export interface RecordingDifferOptions {
  /** By how much times may differ, in milliseconds; 0 by default, that is not by a microsecond. */
  readonly toleranceMs?: number;
}

/** The first difference of two recordings. */
export interface RecordingDifference {
  /** Position of the run, from 0. */
  readonly index: number;
  /** Such as `statuses[1].exitCode`; empty if one recording has ended. */
  readonly path: string;
  readonly expected: string | number | undefined;
  readonly actual: string | number | undefined;
  /** One line in plain words. */
  readonly text: string;
}

type Shown = string | number | undefined;
type FieldDifference = Pick<RecordingDifference, 'path' | 'expected' | 'actual'>;

/**
 * The first difference between what was recorded and what was replayed; `undefined` if there is none. A digest is compared if
 * it was recorded.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `toleranceMs` is negative or not finite.
 * @example
 * ```ts
 * import { diffRecordings } from 'dryrunner/trace';
 * const status = { atMs: 5, state: 'COMPLETE', exitCode: 0, error: '' } as const;
 * const run = { runId: '0', command: { argv: ['a'] }, acceptedAtMs: 0, statuses: [status], output: [] };
 * const other = { ...run, statuses: [{ ...status, exitCode: 3 }] };
 * if (diffRecordings([run], [other])?.path !== 'statuses[0].exitCode') throw new Error('the exit code');
 * ```
 */
export function diffRecordings(
  expected: readonly RecordedRun[],
  actual: readonly RecordedRun[],
  options: RecordingDifferOptions = {},
): RecordingDifference | undefined {
  checkArray('expected', 'a list of recorded runs', expected);
  checkArray('actual', 'a list of recorded runs', actual);
  checkOptions(options);
  const { toleranceMs = 0 } = options;
  if (!Number.isFinite(toleranceMs) || toleranceMs < 0) {
    throw invalidArgument('toleranceMs', 'a finite number ≥ 0', toleranceMs);
  }
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const one = expected[index];
    const other = actual[index];
    if (one === undefined || other === undefined) return missingRun(index, expected.length, actual.length);
    const found = diffRun(one, other, toleranceMs);
    if (found === undefined) continue;
    const { path } = found;
    const text = `run ${one.runId} (${index + 1} of ${expected.length}) differs in ${path}: expected ${shown(found.expected)}, got ${shown(found.actual)}`;
    return { index, ...found, text };
  }
  return undefined;
}

function missingRun(index: number, expected: number, actual: number): RecordingDifference {
  return {
    index,
    path: '',
    expected,
    actual,
    text: `expected ${expected} ${plural(expected, 'run')}, got ${actual}`,
  };
}

function diffRun(one: RecordedRun, other: RecordedRun, toleranceMs: number): FieldDifference | undefined {
  return (
    diffStates(one.statuses, other.statuses) ??
    diffStatuses(one.statuses, other.statuses, toleranceMs) ??
    diffTime('abortedAtMs', one.abortedAtMs, other.abortedAtMs, toleranceMs) ??
    diffDigest('stdoutSha256', one, other) ??
    diffDigest('stderrSha256', one, other)
  );
}

/** States first: a run that ends otherwise differs in much else, and its end is what people want to read. */
function diffStates(
  one: readonly RecordedStatus[],
  other: readonly RecordedStatus[],
): FieldDifference | undefined {
  const [expected, actual] = [one, other].map((statuses) => statuses.map(({ state }) => state).join(' → '));
  return expected === actual ? undefined : { path: 'states', expected, actual };
}

function diffStatuses(
  one: readonly RecordedStatus[],
  other: readonly RecordedStatus[],
  toleranceMs: number,
): FieldDifference | undefined {
  for (const [index, status] of one.entries()) {
    const twin = other[index];
    const path = `statuses[${index}]`;
    const found =
      diffValue(`${path}.exitCode`, status.exitCode, twin?.exitCode) ??
      diffValue(`${path}.error`, status.error, twin?.error) ??
      diffTime(`${path}.atMs`, status.atMs, twin?.atMs, toleranceMs);
    if (found !== undefined) return found;
  }
  return undefined;
}

function diffDigest(
  path: 'stdoutSha256' | 'stderrSha256',
  one: RecordedRun,
  other: RecordedRun,
): FieldDifference | undefined {
  return one[path] === undefined ? undefined : diffValue(path, one[path], other[path]);
}

function diffValue(path: string, expected: Shown, actual: Shown): FieldDifference | undefined {
  return expected === actual ? undefined : { path, expected, actual };
}

function diffTime(
  path: string,
  expected: number | undefined,
  actual: number | undefined,
  toleranceMs: number,
): FieldDifference | undefined {
  if (expected === undefined || actual === undefined) return diffValue(path, expected, actual);
  const isClose = Math.abs(microseconds(expected) - microseconds(actual)) <= microseconds(toleranceMs);
  return isClose ? undefined : { path, expected, actual };
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function shown(value: Shown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
