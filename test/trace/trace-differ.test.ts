import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/model/command.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import { canonicalJson } from '../../src/trace/canonical-json.ts';
import { hashedPart } from '../../src/trace/event-hasher.ts';
import { diffEvents, diffEventStreams } from '../../src/trace/trace-differ.ts';
import { createTraceRecorder } from '../../src/trace/trace-recorder.ts';
import { eventArbitrary, mutations, reordered } from './event-arbitrary.ts';
import { sampleEvents, sampleStatus } from './sample-files.ts';

const list = fc.array(eventArbitrary, { maxLength: 5 });
const abort: TraceEvent = { type: 'abort', at: 5, runner: 'worker', runId: '0' };

async function* later<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield Promise.resolve(value);
}

describe('diffEvents', () => {
  test('compares data that is nested more deeply than calls fit on the stack', () => {
    const accepted = (innermost: number): TraceEvent => {
      let nested: unknown = innermost;
      for (let depth = 0; depth < 20_000; depth += 1) nested = { nested };
      const command = { argv: ['a'], executeRequest: nested } as unknown as Command;
      return { type: 'accepted', at: 0, runner: 'worker', runId: '0', command };
    };
    expect(diffEvents([accepted(1)], [accepted(1)])).toBeUndefined();
    const path = `command.executeRequest${'.nested'.repeat(20_000)}`;
    expect(diffEvents([accepted(1)], [accepted(2)])?.path === path).toBe(true);
  });

  test('R209 finds no difference if and only if two traces are equal, and agrees with the streamed form', async () => {
    await fc.assert(
      fc.asyncProperty(list, list, async (one, other) => {
        const found = diffEvents(one, other);
        expect(found === undefined).toBe(canonicalJson(one) === canonicalJson(other));
        expect(await diffEventStreams(later(one), other)).toEqual(found);
        expect(diffEvents(one, reordered(one))).toBeUndefined();
      }),
    );
  });

  const fault = {
    type: 'fault',
    at: 0,
    runner: 'worker',
    runId: '0',
    operation: 'run',
    kind: 'lost',
  } as const;
  const message = {
    type: 'message',
    at: 0,
    runner: 'a',
    to: 'b',
    step: 'sent',
    kind: 'call',
    name: 'put',
    id: 1,
  } as const;

  test.for<[field: string, event: TraceEvent, isHashed: boolean]>([
    ['detail', message, false],
    ['reason', message, true],
    ['detail', fault, false],
    ['client', fault, false],
    ['clientRunId', fault, false],
    ['runner', fault, true],
    ['runner', abort, true],
  ])('R209 compares, for a replay, %s of %o only if the hash covers it', async ([field, event, isHashed]) => {
    const other = { ...event, [field]: 'other' };
    const [one, two] = [event, other].map((each) => {
      const recorder = createTraceRecorder({ hash: createRollingHash() });
      recorder.record(each);
      return recorder.hash();
    });
    expect(one !== two).toBe(isHashed);
    const found = await diffEventStreams([event], [other], hashedPart);
    expect(found?.path).toBe(isHashed ? field : undefined);
    expect((await diffEventStreams([event], [other]))?.path).toBe(field);
  });

  test('finds the index and the field of a single change', () => {
    fc.assert(
      fc.property(list, eventArbitrary, list, (before, event, after) => {
        for (const mutant of mutations(event) as TraceEvent[]) {
          const found = diffEvents([...before, event, ...after], [...before, mutant, ...after]);
          expect(found).toMatchObject({ index: before.length, first: event, second: mutant });
          expect(found?.path === '').toBe(mutant.type !== event.type);
        }
      }),
      { numRuns: 50 },
    );
  });

  test.for<[string, readonly TraceEvent[], readonly TraceEvent[], object]>([
    [
      'another state',
      sampleEvents,
      sampleEvents.with(1, {
        type: 'status',
        at: 5.25,
        runner: 'worker',
        status: { ...sampleStatus, state: 'FAILED' },
      }),
      {
        index: 1,
        path: 'status.state',
        text: 'event 1 differs in status.state: "COMPLETE" against "FAILED": first "5.25 ms: run 0 of worker became COMPLETE with exit code 3", second "5.25 ms: run 0 of worker became FAILED with exit code 3"',
      },
    ],
    [
      'another argument',
      [{ type: 'accepted', at: 0, runner: '', runId: '1', command: { argv: ['a'] } }],
      [{ type: 'accepted', at: 0, runner: '', runId: '1', command: { argv: ['a', 'b'] } }],
      {
        index: 0,
        path: 'command.argv[1]',
        text: 'event 0 differs in command.argv[1]: nothing against "b": first "0 ms: the runner accepted run 1: ["a"]", second "0 ms: the runner accepted run 1: ["a","b"]"',
      },
    ],
    [
      'another type',
      [abort],
      [{ type: 'evicted', at: 5, runner: 'worker', runId: '0' }],
      {
        index: 0,
        path: '',
        text: 'event 0 differs: first "5 ms: worker was asked to abort run 0", second "5 ms: worker forgot run 0"',
      },
    ],
    [
      'an early end of the second',
      [abort, abort],
      [abort],
      {
        index: 1,
        second: undefined,
        text: 'event 1 differs: first "5 ms: worker was asked to abort run 0", second the end',
      },
    ],
    [
      'an early end of the first',
      [],
      [abort],
      {
        index: 0,
        first: undefined,
        text: 'event 0 differs: first the end, second "5 ms: worker was asked to abort run 0"',
      },
    ],
  ])('says in one line what differs: %s', ([, one, other, expected]) => {
    expect(diffEvents(one, other)).toMatchObject(expected);
  });

  test('reads no further than the first difference and closes both traces', async () => {
    const closed: string[] = [];
    function* endless(name: string): Generator<TraceEvent> {
      try {
        for (let at = 0; ; at++) yield { ...abort, at: at === 3 && name.startsWith('b') ? 9 : at };
      } finally {
        closed.push(name);
      }
    }
    expect(diffEvents(endless('a'), endless('b'))).toMatchObject({ index: 3, path: 'at' });
    expect(await diffEventStreams(endless('a2'), endless('b2'))).toMatchObject({ index: 3, path: 'at' });
    expect(diffEvents([], endless('b3'))).toMatchObject({ index: 0 });
    expect(diffEvents(endless('a3'), [])).toMatchObject({ index: 0 });
    expect(closed).toEqual(['a', 'b', 'a2', 'b2', 'b3', 'a3']);
  });
});
