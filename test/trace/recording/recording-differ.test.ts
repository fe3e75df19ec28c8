import { describe, expect, test } from 'vitest';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { diffEvents } from '../../../src/trace/trace-differ.ts';
import { diffRecordings } from '../../../src/trace/recording/recording-differ.ts';

const run = { at: 5, runner: 'worker', runId: '0' } as const;

function failed(what: string, error: string, runId = '0'): TraceEvent {
  return { ...run, runId, type: 'recorded', what, error, exitCode: 0 };
}

function freed(name: string): TraceEvent {
  return { ...run, type: 'freed', resource: 'output', name };
}

function swapped(one: TraceEvent, other: TraceEvent): ReturnType<typeof diffRecordings> {
  return diffRecordings({ entries: [one, other] }, { entries: [other, one] });
}

describe('diffRecordings', () => {
  test('compares how much output was not kept', () => {
    const cut = { ...run, type: 'output', stream: 'stdout', afterMs: 0, cutBytes: 5 } as const;
    expect(diffRecordings({ entries: [cut] }, { entries: [cut] })).toBeUndefined();
    const found = diffRecordings({ entries: [cut] }, { entries: [{ ...cut, cutBytes: 6 }] });
    expect(found).toMatchObject({ index: 0, path: 'cutBytes', expected: 5, actual: 6 });
  });

  test('says it in one line, whatever the name of the field', () => {
    const [one, other] = ['a', 'b'].map((value): TraceEvent => ({
      ...run,
      type: 'accepted',
      command: { argv: [], envVars: { '\u001b[2J\n': value } },
    })) as [TraceEvent, TraceEvent];
    const shown = 'in command.envVars.\\u001b[2J\\n: ';
    expect(diffRecordings({ entries: [one] }, { entries: [other] })?.text).toContain(shown);
    expect(diffEvents([one], [other])?.text).toContain(shown);
  });

  test.for<[string, TraceEvent, TraceEvent]>([
    ['two failures of different resources', failed('output', 'full'), failed('dirMonitor', 'gone')],
    ['failures of one resource of different runs', failed('output', 'full'), failed('output', 'full', '1')],
    ['a failed log and another one that is closed', failed('output', 'stdlog is full'), freed('stderr')],
  ])('in one turn allows another order of %s', ([, one, other]) => {
    expect(swapped(one, other)).toBeUndefined();
  });

  test.for<[string, TraceEvent, TraceEvent]>([
    ['two failures of one resource', failed('output', 'stdlog is full'), failed('output', 'stderr is full')],
    ['two logs of one run that are closed', freed('stdout'), freed('stderr')],
  ])('finds another order of %s', ([, one, other]) => {
    expect(swapped(one, other)?.index).toBe(0);
  });

  const full = failed('output', 'full');
  const missed = failed('output', 'late');

  test.for<[string, TraceEvent[], TraceEvent[], number, object]>([
    ['missing', [full], [], 7, { index: 1, path: '' }],
    ['of another time', [full], [{ ...full, at: 6 }], 7, { index: 1, path: 'at' }],
    ['extra and the first of its kind', [], [full], 7, { index: 1, path: '', expected: undefined }],
    ['extra and the second of its kind', [full], [full, missed], 7, { index: 2, path: '', actual: missed }],
    ['extra in the last instant', [], [full], 5, { index: 2, path: '', actual: full }],
  ])('finds a failure that is %s', ([, expected, actual, endsAt, found]) => {
    const end: TraceEvent = { at: endsAt, type: 'released', runner: 'worker' };
    const around = (entries: TraceEvent[]): TraceEvent[] => [freed('stdout'), ...entries, end];
    const difference = diffRecordings({ entries: around(expected) }, { entries: around(actual) });
    expect(difference).toMatchObject(found);
  });
});
