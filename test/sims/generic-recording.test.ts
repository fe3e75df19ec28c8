// The generic scenario of recordings is silent about the recorder and the playback execer as they are, and finds what each may do wrong.
import { afterEach, expect, test, vi } from 'vitest';
import { recordingWorkload } from '../../sims/generic/recording.ts';
import type { Recording, RecordedEntry } from '../../src/model/recording.ts';
import { createRecorder } from '../../src/runners/recording/recorder.ts';
import { ProcessTable } from '../../src/execers/virtual-processes.ts';
import { VirtualProcess } from '../../src/execers/virtual-process.ts';
import { failureOf } from './first-failure.ts';

afterEach(() => void vi.restoreAllMocks());

const HEALTHY = 200;
const FOUND_WITHIN = 500;

/** A recorder whose entries are changed. */
function changed(
  change: (entries: readonly RecordedEntry[]) => readonly RecordedEntry[],
): typeof createRecorder {
  return (world, options) => {
    const recorder = createRecorder(world, options);
    const recording = recorder.recording.bind(recorder);
    return Object.assign(recorder, {
      recording: (): Recording => ({ entries: change(recording().entries) }),
    });
  };
}

const each = (change: (entry: RecordedEntry) => RecordedEntry): typeof createRecorder =>
  changed((entries) => entries.map(change));

test('holds', async () => {
  expect(await failureOf(recordingWorkload(), HEALTHY)).toBeUndefined();
});

test.for<readonly [what: string, make: typeof createRecorder, message: RegExp]>([
  ['loses a status', changed((all) => all.filter(({ type }) => type !== 'status')), /^event /],
  ['loses an answer', changed((all) => all.filter(({ type }) => type !== 'answered')), /never answered/],
  ['loses output', changed((all) => all.filter(({ type }) => type !== 'output')), /^output of run/],
  ['loses a call', changed((all) => all.filter(({ type }) => type !== 'call')), /comes .* ms after nothing/],
  [
    'counts calls from 0',
    each((entry) => (entry.type === 'call' ? { ...entry, nth: entry.nth - 1 } : entry)),
    /has number 0/,
  ],
  [
    'measures the wrong time',
    each((entry) => (entry.type === 'returned' ? { ...entry, afterMs: 1 } : entry)),
    /comes 1 ms after/,
  ],
  ['says nothing of an abort', changed((all) => all.filter(({ type }) => type !== 'abort')), /^event /],
  [
    'mixes up the streams',
    each((entry) => (entry.type === 'output' ? { ...entry, stream: 'stdout' } : entry)),
    /^output of run/,
  ],
])('finds a recorder that %s', async ([, make, message]) => {
  expect(await failureOf(recordingWorkload(make), FOUND_WITHIN, message)).toMatch(message);
});

test('finds a playback that gives a process no grace', async () => {
  vi.spyOn(ProcessTable.prototype, 'cancelBoundMs', 'get').mockReturnValue(0);
  expect(await failureOf(recordingWorkload(), FOUND_WITHIN)).toBeDefined();
});

test('finds a playback that writes nothing', async () => {
  vi.spyOn(VirtualProcess.prototype as unknown as { write(): void }, 'write').mockReturnValue(undefined);
  expect(await failureOf(recordingWorkload(), FOUND_WITHIN)).toMatch(/writes|output/);
});
