// Facts of a recording that follow from others are checked, whatever the sums of the file say: every single field of real
// recordings is changed in turn, written with sums that fit, and must be refused or found as a difference.
import { describe, expect, test } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import type { RecordedEntry, Recording } from '../../src/model/recording.ts';
import { replayRecording } from '../../src/simulation/recording-replay.ts';
import { readRecording, recordingLines } from '../../src/trace/recording/recording-file.ts';
import { Stage } from './recording-stage.ts';
import { SITUATIONS } from './recording-situations.ts';

interface Change {
  readonly index: number;
  readonly path: string;
  readonly value: unknown;
}

type Plain = Record<string, unknown>;

const OTHER_WORDS: Readonly<Record<string, string>> = {
  stdout: 'stderr',
  stderr: 'stdout',
  COMPLETE: 'FAILED',
  FAILED: 'COMPLETE',
  PENDING: 'RUNNING',
  RUNNING: 'PENDING',
  ABORTED: 'TIMEDOUT',
  TIMEDOUT: 'ABORTED',
  run: 'abort',
  abort: 'release',
  release: 'run',
  exec: 'wait',
  wait: 'kill',
  initial: 'exceeded',
  exceeded: 'initial',
  process: 'checkout',
  checkout: 'outputs',
  scoot: 'bazel',
};

/** Another value for one field: which of a few takes turns. */
function otherValue(value: unknown, turn: number): unknown {
  if (typeof value === 'number') return [value + 1, value + 0.001, 1e15, -value - 1][turn % 4];
  if (typeof value === 'boolean') return !value;
  const text = String(value);
  const word = OTHER_WORDS[text] ?? (text === 'end' ? 'close' : 'end');
  return [`${text}x`, word, text === '' ? 'y' : ''][turn % 3];
}

function* changesIn(index: number, value: unknown, path: string): Generator<Change> {
  if (typeof value === 'object' && value !== null) {
    for (const [key, held] of Object.entries(value)) {
      yield* changesIn(index, held, path === '' ? key : `${path}.${key}`);
    }
    if (path !== '') yield { index, path, value: undefined };
    return;
  }
  // Changed in one place, left out in the next: each field of each kind of entry is both in time.
  const turn = index + path.length;
  yield { index, path, value: turn % 5 === 4 ? undefined : otherValue(value, turn) };
}

function changed(entries: readonly RecordedEntry[], { index, path, value }: Change): Recording {
  // Not a structured clone: what two entries share would change in both.
  const copy = JSON.parse(JSON.stringify(entries)) as Plain[];
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let place = copy[index] as Plain;
  for (const key of keys) place = place[key] as Plain;
  if (value === undefined) Reflect.deleteProperty(place, last);
  else place[last] = value;
  return { entries: copy as unknown as RecordedEntry[] };
}

/** Why the recording is not believed; undefined if it is. */
async function objection(recording: Recording): Promise<string | undefined> {
  try {
    const { entries } = await readRecording(recordingLines(recording));
    return (await replayRecording({ entries })).problem;
  } catch (error) {
    // The writer holds entries to the same shapes as the reader does, and is asked first.
    if (isRunnerError(error)) return error.message;
    throw error;
  }
}

/** What nothing in a recording need depend on; docs/trace-format.md says so. */
function mayPass({ index, path }: Change, entries: readonly RecordedEntry[]): boolean {
  if (path === 'nested') return true;
  if (path.startsWith('settings.')) return path !== 'settings.idPrefix';
  const entry = entries[index];
  if (path === 'answer.status.signal') return true;
  if (entry?.type === 'answered' && path.startsWith('answer.status.')) {
    return entries.some(({ type }) => type === 'memory');
  }
  if (entry?.type !== 'call' || !path.startsWith('command.')) return false;
  const answer = entries.find(
    (one) => one.type === 'returned' && one.call === entry.call && one.nth === entry.nth,
  );
  return answer?.type === 'returned' && answer.code !== undefined;
}

const CHOSEN = [
  'a command killed by a signal',
  'a deadline in checkout',
  'an abort in upload',
  'memory over the cap at the start',
  'refusals: no room, no program, no command',
];

/** What a recording of that situation holds. */
async function entriesOf(name: string): Promise<readonly RecordedEntry[]> {
  const [, situation] = SITUATIONS[name] ?? [[], () => Promise.reject(new Error(`no situation ${name}`))];
  const stage = new Stage();
  try {
    await situation(stage);
  } finally {
    await stage.strike();
  }
  return stage.recording().entries;
}

describe('a single changed fact of a recording is found despite correct checksums', () => {
  test.for(CHOSEN)('%s', async (name) => {
    const entries = await entriesOf(name);
    expect(await objection({ entries })).toBeUndefined();
    const believed: string[] = [];
    let passed = 0;
    let count = 0;
    for (const [index, entry] of entries.entries()) {
      for (const change of changesIn(index, entry, '')) {
        count += 1;
        if ((await objection(changed(entries, change))) !== undefined) continue;
        if (mayPass(change, entries)) passed += 1;
        else believed.push(`${JSON.stringify(entry)}: ${change.path} := ${String(change.value)}`);
      }
    }
    expect(believed).toEqual([]);
    expect(count).toBeGreaterThan(100);
    expect(passed).toBeLessThan(40);
  });
});

/** An answer may come after calls that were made in the same instant, so that the recording may have ended before it. */
function mayBeCut(entry: RecordedEntry): boolean {
  return entry.type === 'returned' && entry.call !== 'run';
}

describe('a recording that was cut off', () => {
  test.for([
    ...CHOSEN,
    'an abort before the run starts',
    'a release before anything starts, and calls after it',
  ])('may end anywhere, but must have every fact of its last instant: %s', async (name) => {
    const entries = await entriesOf(name);
    const doubted: string[] = [];
    for (let end = 0; end < entries.length; end += 1) {
      const problem = await objection({ entries: entries.slice(0, end) });
      if (problem !== undefined) doubted.push(`the first ${end}: ${problem}`);
    }
    const endsAt = entries.at(-1)?.at ?? 0;
    const believed: string[] = [];
    let count = 0;
    for (const [index, entry] of entries.slice(0, -1).entries()) {
      if (entry.at < endsAt || mayBeCut(entry)) continue;
      count += 1;
      const problem = await objection({ entries: entries.filter((other) => other !== entry) });
      if (problem === undefined) believed.push(`without entry ${index + 1}: ${JSON.stringify(entry)}`);
    }
    expect(doubted).toEqual([]);
    expect(believed).toEqual([]);
    expect(count).toBeGreaterThan(1);
  });
});
