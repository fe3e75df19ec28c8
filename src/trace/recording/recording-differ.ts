/**
 * Compares a replay with its recording. Invariant: related entries, such as the statuses of a runner or the resources
 * of one run, are compared in order; the interleaving of unrelated entries in one instant is arbitrary and is not
 * compared.
 */
import { describeValue } from '../../kernel/errors.ts';
import { onOneLine } from '../../kernel/one-line.ts';
import { isInput, type RecordedEntry, type Recording } from '../../model/recording.ts';
import { findDataDifference, type DataDifference } from '../data-difference.ts';
import { entryPlace, formatEntry } from './entry-text.ts';
import { checkRecording } from './recording-shape.ts';

/** The first difference of two recordings. */
export interface RecordingDifference {
  /** Position in the expected recording, from 0. */
  readonly index: number;
  /** The field of the entry, such as `status.exitCode`; empty if the entry is missing or unexpected. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
  /** Description in one line. */
  readonly text: string;
}

interface Placed {
  readonly index: number;
  readonly entry: RecordedEntry;
}

/**
 * The first difference between a recording and its replay; `undefined` if there is none.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a recording.
 * @example
 * ```ts
 * import { diffRecordings } from 'dryrunner/trace';
 * const released = { at: 5, type: 'released', runner: 'exec' } as const;
 * const difference = diffRecordings({ entries: [released] }, { entries: [{ ...released, at: 6 }] });
 * if (difference?.path !== 'at') throw new Error('expected the time to differ');
 * ```
 */
export function diffRecordings(expected: Recording, actual: Recording): RecordingDifference | undefined {
  checkRecording('expected', expected);
  checkRecording('actual', actual);
  return firstDifference(expected, actual);
}

/** {@link diffRecordings} of recordings that have been checked. */
export function firstDifference(expected: Recording, actual: Recording): RecordingDifference | undefined {
  const cutStreams = new Set<string>();
  for (const entry of expected.entries) {
    if (entry.type === 'output' && entry.cutBytes !== undefined) {
      cutStreams.add(streamKey(entry.runner, entry.runId, entry.stream));
    }
  }
  const expectedLanes = lanesOf(expected.entries);
  const actualLanes = lanesOf(actual.entries);
  const beyond = beyondTheEnd(expected, actual, expectedLanes, actualLanes);
  let first: RecordingDifference | undefined;
  for (const lane of new Set([...expectedLanes.keys(), ...actualLanes.keys()])) {
    const ours = expectedLanes.get(lane) ?? [];
    const theirs = (actualLanes.get(lane) ?? []).filter(({ index }) => !beyond.has(index));
    const found = diffLane(ours, theirs, expected.entries, cutStreams);
    if (found !== undefined && (first === undefined || found.index < first.index)) first = found;
  }
  return first;
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

/**
 * Positions in `actual` of entries that need not be recorded: the recording may end in the middle of a turn, while a
 * replay runs on to the end of it. An extra entry counts only if no recorded entry necessarily follows it.
 */
function beyondTheEnd(
  expected: Recording,
  actual: Recording,
  expectedLanes: ReadonlyMap<string, readonly Placed[]>,
  actualLanes: ReadonlyMap<string, readonly Placed[]>,
): Set<number> {
  const endsAt = expected.entries.at(-1)?.at ?? 0;
  const extras = extrasOf(expectedLanes, actualLanes);
  const beyond = new Set<number>();
  let isFollowed = false;
  let isFollowedInTurn = false;
  let isFollowedLater = false;
  let isFollowedByAnswer = false;
  for (let index = actual.entries.length - 1; index >= 0; index--) {
    const entry = actual.entries[index] as RecordedEntry;
    if (entry.at < endsAt) break;
    if (extras.has(index)) {
      const isOvertaken = isFollowedInTurn || isFollowedLater || (isFollowedByAnswer && isOfRun(entry));
      const mustBe = isReaction(entry) ? isOvertaken : isFollowed;
      if (!mustBe && !isInput(entry)) beyond.add(index);
      continue;
    }
    isFollowed = true;
    isFollowedInTurn = !isInput(entry);
    // A clock event fires only after all reactions. Calls and answers may precede them in a recording, though not in a
    // replay.
    isFollowedLater ||= entry.type === 'fired';
    isFollowedByAnswer ||= entry.type === 'returned';
  }
  return beyond;
}

/** Positions in `actual` of entries in each lane beyond the length of the expected lane. */
function extrasOf(
  expectedLanes: ReadonlyMap<string, readonly Placed[]>,
  actualLanes: ReadonlyMap<string, readonly Placed[]>,
): Set<number> {
  const extras = new Set<number>();
  for (const [lane, placed] of actualLanes) {
    for (const { index } of placed.slice(expectedLanes.get(lane)?.length ?? 0)) extras.add(index);
  }
  return extras;
}

/** An answer to `run`, which no other answer can overtake, because it waits for nothing. */
function isOfRun(entry: RecordedEntry): boolean {
  return entry.type === 'returned' && entry.call === 'run';
}

/** True for an entry made in a promise reaction, which later inputs may precede. */
function isReaction(entry: RecordedEntry): boolean {
  return entry.type === 'asked' || entry.type === 'cancelled' || entry.type === 'returned' || isOfHeld(entry);
}

function isOfHeld(
  entry: RecordedEntry,
): entry is Extract<RecordedEntry, { type: 'wrote' | 'recorded' | 'acquired' | 'freed' }> {
  return entry.type === 'wrote' || entry.type === 'recorded' || 'resource' in entry;
}

/**
 * Inputs are replayed in order, and statuses follow synchronously. The resources of a run come and go in promise
 * reactions, and failures are recorded in reactions of their own; those of one kind in the order in which they happened
 * (R123).
 */
function laneOf(entry: RecordedEntry): string {
  const { runner, type } = entry;
  if (type === 'asked' || type === 'cancelled') {
    return JSON.stringify([runner, 'ask', entry.what, entry.name]);
  }
  if (type === 'returned') return JSON.stringify([runner, type, entry.call, entry.nth]);
  if (type === 'recorded') return JSON.stringify([runner, type, entry.runId, entry.what]);
  if (isOfHeld(entry)) {
    return JSON.stringify([runner, 'held', entry.runId]);
  }
  return JSON.stringify([runner]);
}

function diffLane(
  ours: readonly Placed[],
  theirs: readonly Placed[],
  expected: readonly RecordedEntry[],
  cutStreams: ReadonlySet<string>,
): RecordingDifference | undefined {
  for (let place = 0; place < Math.max(ours.length, theirs.length); place++) {
    const one = ours[place];
    const other = theirs[place];
    if (one === undefined) {
      const extra = (other as Placed).entry;
      return difference(placeOf(extra, ours[place - 1], expected), '', undefined, extra);
    }
    if (other === undefined) return difference(one.index, '', one.entry, undefined);
    const found = diffEntry(one.entry, other.entry, cutStreams);
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

/** The place of an extra entry: right after its predecessor in the lane, or, as the first of it, at the end of its time. */
function placeOf(
  { at }: RecordedEntry,
  predecessor: Placed | undefined,
  expected: readonly RecordedEntry[],
): number {
  if (predecessor !== undefined) return predecessor.index + 1;
  const later = expected.findIndex((entry) => entry.at > at);
  return later < 0 ? expected.length : later;
}

function diffEntry(
  one: RecordedEntry,
  other: RecordedEntry,
  cutStreams: ReadonlySet<string>,
): DataDifference | undefined {
  if (
    one.type === 'wrote' &&
    other.type === 'wrote' &&
    cutStreams.has(streamKey(one.runner, one.runId, one.output))
  ) {
    return findDataDifference({ ...one, digest: '' }, { ...other, digest: '' });
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
  const where = `${entryPlace(index)} differs`;
  if (field === undefined || expected === undefined) {
    const text = `${where}: expected ${shown(expected)}, got ${shown(actual)}`;
    return { index, path, expected, actual, text };
  }
  const { first, second } = field;
  const [one, two] = [first, second].map((value) => (value === undefined ? 'nothing' : describeValue(value)));
  const text = onOneLine(`${where} in ${path}: expected ${one}, got ${two} (${formatEntry(expected)})`);
  return { index, path, expected: first, actual: second, text };
}

function streamKey(runner: string, runId: string, stream: string): string {
  return JSON.stringify([runner, runId, stream]);
}
