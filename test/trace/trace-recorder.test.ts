import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { canonicalJson } from '../../src/trace/canonical-json.ts';
import { createTraceRecorder } from '../../src/trace/trace-recorder.ts';
import { eventArbitraries, eventArbitrary, mutations, reordered, withoutOne } from './event-arbitrary.ts';
import { ExactHash } from './exact-hash.ts';

/** The recorder's hash as it is, and beside it that of a hash without collisions. */
const hashOf = (events: readonly TraceEvent[]): string => {
  const recorders = [createRollingHash(), new ExactHash()].map((hash) => createTraceRecorder({ hash }));
  for (const recorder of recorders) for (const event of events) recorder.record(event);
  const [rolling, exact] = recorders.map((recorder) => recorder.hash());
  expect(twins.get(rolling ?? '') ?? exact).toBe(exact);
  twins.set(rolling ?? '', exact ?? '');
  return rolling ?? '';
};
/** Rolling hash → exact hash: a collision would show as two exact ones for one rolling one. */
const twins = new Map<string, string>();
const note = (text: string, at = 0): TraceEvent => ({ type: 'note', at, runner: 'worker', text });

describe('trace recorder', () => {
  test('R209 two lists of events have the same hash if and only if they are equal', () => {
    const list = fc.array(eventArbitrary, { maxLength: 5 });
    fc.assert(
      fc.property(list, list, (one, other) => {
        expect(hashOf(one) === hashOf(other)).toBe(canonicalJson(one) === canonicalJson(other));
      }),
      { numRuns: 500 },
    );
  });

  test.for(Object.entries(eventArbitraries))(
    'R209 one changed or absent field of a %s event changes the hash, wherever it stands',
    ([, arbitrary]) => {
      const around = fc.array(eventArbitrary, { maxLength: 2 });
      fc.assert(
        fc.property(around, arbitrary as fc.Arbitrary<TraceEvent>, around, (before, event, after) => {
          const original = hashOf([...before, event, ...after]);
          for (const mutant of [...(mutations(event) as TraceEvent[]), ...withoutOne(event)]) {
            if (mutant.type !== event.type) continue;
            const lists = `${canonicalJson([event])} against ${canonicalJson([mutant])}`;
            expect(hashOf([...before, mutant, ...after]), lists).not.toBe(original);
          }
        }),
        { numRuns: 50 },
      );
    },
  );

  test('R209 a hash does not depend on the order in which keys were set', () => {
    fc.assert(
      fc.property(fc.array(eventArbitrary, { maxLength: 4 }), (events) => {
        expect(hashOf(reordered(events))).toBe(hashOf(events));
      }),
    );
  });

  test('R209 the same fields under another event type give another hash', () => {
    const fields = { at: 1, runner: 'worker', runId: '0', resource: 'process', name: 'p' } as const;
    const hashes = (['acquired', 'freed', 'abandoned'] as const).map((type) => hashOf([{ type, ...fields }]));
    expect(new Set(hashes).size).toBe(3);
  });

  test('R209 an absent field and an undefined one are the same', () => {
    const accepted = (command: object): TraceEvent =>
      ({ type: 'accepted', at: 0, runner: 'worker', runId: '0', command }) as TraceEvent;
    const sparse = {
      argv: ['a'],
      envVars: undefined,
      timeoutMs: undefined,
      tag: undefined,
      jobId: undefined,
    };
    expect(hashOf([accepted(sparse)])).toBe(hashOf([accepted({ argv: ['a'] })]));
  });

  test('counts what it gets and keeps nothing unless asked', () => {
    const recorder = createTraceRecorder({ hash: new ExactHash() });
    recorder.record(note('a'));
    recorder.record(note('b'));
    expect(recorder.count).toBe(2);
    expect(() => recorder.events()).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'events: expected a recorder made with keep: true, got one that kept none of its 2 events',
      }),
    );
  });

  test('keeps the events in order if asked, and can be read while it grows', () => {
    const recorder = createTraceRecorder({ hash: createRollingHash(), keep: true });
    const empty = recorder.hash();
    recorder.record(note('a'));
    const first = recorder.hash();
    recorder.record(note('b', 5));
    expect(recorder.events()).toEqual([note('a'), note('b', 5)]);
    expect(first).toBe(hashOf([note('a')]));
    expect(new Set([empty, first, recorder.hash()]).size).toBe(3);
  });
});
