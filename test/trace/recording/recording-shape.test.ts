import { describe, expect, test } from 'vitest';
import type { Recording } from '../../../src/model/recording.ts';
import { recordedRuns } from '../../../src/trace/recording/recorded-runs.ts';
import { diffRecordings } from '../../../src/trace/recording/recording-differ.ts';
import { recordingLines } from '../../../src/trace/recording/recording-file.ts';

const EMPTY: Recording = { entries: [] };

describe('what takes a recording refuses anything else with a code', () => {
  const takers: readonly [name: string, take: (recording: Recording) => unknown][] = [
    ['recordedRuns', recordedRuns],
    ['diffRecordings, as expected', (recording) => diffRecordings(recording, EMPTY)],
    ['diffRecordings, as actual', (recording) => diffRecordings(EMPTY, recording)],
    ['recordingLines', (recording) => [...recordingLines(recording)]],
  ];
  const wrong: readonly unknown[] = [
    null,
    {},
    { entries: {} },
    { entries: [null] },
    { entries: [{ at: 1, type: 'released', runner: 'x' }, 5] },
    { entries: [{ at: 1, type: 'status', runner: 'x' }] },
    { entries: [{ at: 1, type: 'accepted', runner: 'x' }] },
    { entries: [{ at: 1, type: 'asked', runner: 'x' }] },
    { entries: [{ at: 1, type: 'runner', runner: 'x' }] },
  ];

  test.for(
    takers.flatMap(([name, take]) =>
      wrong.map((value) => ({ name, value, take, shown: JSON.stringify(value) })),
    ),
  )('$name of $shown', ({ value, take }) => {
    expect(() => take(value as Recording)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }) as Error,
    );
  });
});
