/**
 * Compares what a replay did with what was recorded. Invariant: things that belong together, such as the statuses of a runner or what
 * one run holds, are compared in their order; how unrelated things of one instant interleave follows from nothing and is not.
 */
import { checkArray, checkRecord } from '../../kernel/argument-check.ts';
import { describeValue } from '../../kernel/errors.ts';
import { wentIn, type RecordedEntry, type Recording } from '../../model/recording.ts';
import { findDataDifference, type DataDifference } from '../data-difference.ts';
import { formatEntry } from './entry-text.ts';

/** The first difference of two recordings. */
export interface RecordingDifference {
  /** Position of the entry in the recording that was expected, from 0. */
  readonly index: number;
  /** The field of the entry, such as `status.exitCode`; empty if the entry itself is missing, or one too many. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
  /** One line in plain words. */
  readonly text: string;
}

interface Placed {
  readonly index: number;
  readonly entry: RecordedEntry;
}

/**
 * The first difference between what was recorded and what was replayed; `undefined` if there is none.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is not a recording.
 * @example
 * ```ts
 * import { diffRecordings } from 'dryrunner/trace';
 * const released = { at: 5, type: 'released', runner: 'exec' } as const;
 * const difference = diffRecordings({ entries: [released] }, { entries: [{ ...released, at: 6 }] });
 * if (difference?.path !== 'at') throw new Error('expected the time to differ');
 * ```
 */
export function diffRecordings(expected: Recording, actual: Recording): RecordingDifference | undefined {
  const cutRuns = new Set<string>();
  for (const entry of entriesOf('expected', expected)) {
    if (entry.type === 'output' && entry.cutBytes !== undefined) {
      cutRuns.add(runKey(entry.runner, entry.runId));
    }
  }
  const expectedLanes = lanesOf(expected.entries);
  const actualLanes = lanesOf(entriesOf('actual', actual));
  // What was recorded may have ended in the middle of a turn, and what is played goes on to its end.
  const endsAt = expected.entries.at(-1)?.at ?? 0;
  let first: RecordingDifference | undefined;
  for (const lane of new Set([...expectedLanes.keys(), ...actualLanes.keys()])) {
    const ours = expectedLanes.get(lane) ?? [];
    const theirs = (actualLanes.get(lane) ?? []).filter(
      ({ entry }, place) => place < ours.length || !(entry.at >= endsAt && !wentIn(entry)),
    );
    const found = diffLane(ours, theirs, expected.entries.length, cutRuns);
    if (found !== undefined && (first === undefined || found.index < first.index)) first = found;
  }
  return first;
}

function entriesOf(name: string, recording: Recording): readonly RecordedEntry[] {
  checkRecord(name, 'a recording', recording);
  checkArray(`${name}.entries`, 'a list of entries', recording.entries);
  return recording.entries;
}

function lanesOf(entries: readonly RecordedEntry[]): Map<string, Placed[]> {
  const lanes = new Map<string, Placed[]>();
  entries.forEach((entry, index) => {
    const lane = laneOf(entry);
    const placed = lanes.get(lane);
    if (placed === undefined) lanes.set(lane, [{ index, entry }]);
    else placed.push({ index, entry });
  });
  return lanes;
}

/** What goes in is played in its order, and statuses follow at once; what a run holds comes and goes in reactions of promises. */
function laneOf(entry: RecordedEntry): string {
  const { runner, type } = entry;
  if (type === 'asked' || type === 'cancelled') {
    return JSON.stringify([runner, 'ask', entry.what, entry.name]);
  }
  if (type === 'returned') return JSON.stringify([runner, type, entry.call, entry.nth]);
  if (type === 'wrote' || type === 'recorded' || 'resource' in entry) {
    return JSON.stringify([runner, 'held', entry.runId]);
  }
  return JSON.stringify([runner]);
}

function diffLane(
  ours: readonly Placed[],
  theirs: readonly Placed[],
  end: number,
  cutRuns: ReadonlySet<string>,
): RecordingDifference | undefined {
  for (let place = 0; place < Math.max(ours.length, theirs.length); place++) {
    const one = ours[place];
    const other = theirs[place];
    if (one === undefined) {
      // Where it would have stood: behind what it follows.
      const index = (ours[place - 1]?.index ?? end - 1) + 1;
      return difference(index, '', undefined, other?.entry);
    }
    if (other === undefined) return difference(one.index, '', one.entry, undefined);
    const found = diffEntry(one.entry, other.entry, cutRuns);
    if (found === undefined) continue;
    const isSame = one.entry.type === other.entry.type;
    return difference(
      one.index,
      isSame ? found.path : '',
      one.entry,
      other.entry,
      isSame ? found : undefined,
    );
  }
  return undefined;
}

function diffEntry(
  one: RecordedEntry,
  other: RecordedEntry,
  cutRuns: ReadonlySet<string>,
): DataDifference | undefined {
  if (one.type === 'wrote' && other.type === 'wrote' && cutRuns.has(runKey(one.runner, one.runId))) {
    return findDataDifference({ ...one, digest: '' }, { ...other, digest: '' });
  }
  if (one.type === 'output' && one.cutBytes !== undefined && other.type === 'output') {
    const { utf8 = '', ...rest } = other;
    return findDataDifference(one, { ...rest, cutBytes: utf8.length });
  }
  return findDataDifference(one, other);
}

function difference(
  index: number,
  path: string,
  expected: RecordedEntry | undefined,
  actual: RecordedEntry | undefined,
  field?: DataDifference,
): RecordingDifference {
  const shown = (entry: RecordedEntry | undefined): string =>
    entry === undefined ? 'nothing' : `"${formatEntry(entry)}"`;
  const where = `entry ${index + 1} differs`;
  if (field === undefined || expected === undefined) {
    const text = `${where}: expected ${shown(expected)}, got ${shown(actual)}`;
    return { index, path, expected, actual, text };
  }
  const { first, second } = field;
  const [one, two] = [first, second].map((value) => (value === undefined ? 'nothing' : describeValue(value)));
  const text = `${where} in ${path}: expected ${one}, got ${two} (${formatEntry(expected)})`;
  return { index, path, expected: first, actual: second, text };
}

function runKey(runner: string, runId: string): string {
  return JSON.stringify([runner, runId]);
}
