import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import { completeStatus, pendingStatus, runningStatus } from '../../src/model/run-status.ts';
import { recordAsCall, runTracer, type RunTracer } from '../../src/model/run-tracer.ts';
import type { ResourceKind, TraceEvent } from '../../src/model/trace-event.ts';
import { ENDED_ROW, STARTED_ROW, tellRow, type Row } from '../../src/model/undisturbed-run.ts';
import { defaultOracles } from '../../src/oracles/default-oracles.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import { ResourceLedger } from '../../src/simulation/resource-ledger.ts';
import { RowGatherer } from '../../src/simulation/row-gatherer.ts';
import { RunTally } from '../../src/simulation/run-tally.ts';
import { SimulationTracer } from '../../src/simulation/simulation-tracer.ts';
import { HashingRecorder } from '../../src/trace/trace-recorder.ts';

/** What a simulation knows of a trace. */
function watch(tell: (tracer: RunTracer, settle: () => void) => void, inRows: boolean): unknown {
  const recorder = new HashingRecorder({ hash: createRollingHash() });
  const ledger = new ResourceLedger();
  const tally = new RunTally();
  const violations: Violation[] = [];
  const oracles = defaultOracles().map((make) => make((violation) => violations.push(violation)));
  const events = new SimulationTracer(recorder, ledger, tally, oracles, false);
  expect(events.takesRows).toBe(true);
  const rows = new RowGatherer(events);
  tell(inRows ? rows : events, () => rows.settle());
  rows.settle();
  for (const oracle of oracles) oracle.end(99);
  const { runs, faults, progress, endStates } = tally;
  return {
    ...{ hash: recorder.hash(), count: recorder.count, runs, faults, progress, endStates, violations },
    ...{ held: ledger.count, described: ledger.describe(99) },
  };
}

type Tell = (tracer: RunTracer, settle: () => void) => void;

const place = fc.record({
  at: fc.constantFrom(1, 2.5),
  runner: fc.constantFrom('a', 'b'),
  runId: fc.constantFrom('0', '1'),
  checkout: fc.constantFrom('tempdir', 's'),
});
type Place = Omit<Row, 'status'>;

const rowOf = (of: Place, isStart: boolean): Row => ({
  ...of,
  status: isStart ? runningStatus(of.runId, `o${of.runId}`, 'e') : completeStatus(of.runId, '', 0),
});

function segments(of: Place, count: number): Readonly<Record<string, Tell>> {
  const { at, runner, runId } = of;
  const resources: readonly ResourceKind[] = ['process', 'checkout', 'output', 'waiter', 'update'];
  const resource = resources[count % resources.length] as ResourceKind;
  const name = resource === 'output' ? 'stderr' : resource === 'checkout' ? of.checkout : resource;
  const event: TraceEvent = { at, type: 'abandoned', runner, runId, resource, name };
  return {
    accept: (tracer) => {
      tracer.status(at, runner, pendingStatus(runId));
      tracer.accepted(at, runner, runId, { argv: ['x'] });
    },
    start: (tracer) => tellRow(tracer, STARTED_ROW, STARTED_ROW.length, rowOf(of, true)),
    endProcess: (tracer) => tracer.freed(at, runner, runId, 'process', 'process'),
    end: (tracer) => tellRow(tracer, ENDED_ROW, ENDED_ROW.length, rowOf(of, false)),
    partOfStart: (tracer) => tellRow(tracer, STARTED_ROW, count % STARTED_ROW.length, rowOf(of, true)),
    partOfEnd: (tracer) => tellRow(tracer, ENDED_ROW, count % ENDED_ROW.length, rowOf(of, false)),
    acquire: (tracer) => tracer.acquired(at, runner, runId, resource, name),
    free: (tracer) => tracer.freed(at, runner, runId, resource, name),
    evict: (tracer) => tracer.evicted(at, runner, runId),
    abandon: (tracer) => tracer.record(event),
    settle: (_, settle) => settle(),
    others: (tracer) => {
      tracer.record({ at, type: 'note', runner: 'scenario', text: 'x' });
      tracer.record({ at, type: 'fault', runner, operation: 'run', kind: 'lost', runId });
    },
  };
}

const segment = fc
  .tuple(
    place,
    fc.nat(20),
    fc.constantFrom(...Object.keys(segments({ at: 0, runner: '', runId: '', checkout: '' }, 0))),
  )
  .map(([of, count, name]): { readonly tell: Tell; toString(): string } => ({
    tell: segments(of, count)[name] as Tell,
    toString: () => `${name} ${count} of ${JSON.stringify(of)}`,
  }));

/** A run from its acceptance to its end, with one thing in between that may disturb it. */
const life = fc.tuple(place, segment, fc.nat(4)).map(([of, other, when]) => {
  const steps = ['accept', 'start', 'endProcess', 'end'].map((name) => segments(of, 0)[name] as Tell);
  steps.splice(when, 0, other.tell);
  return { tell: (tracer: RunTracer, settle: () => void) => steps.forEach((step) => step(tracer, settle)) };
});

describe('rows of events', () => {
  test('whoever watches knows the same of a trace in rows as of its events one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(segment, life), { maxLength: 12 }), (parts) => {
        const tell: Tell = (tracer, settle) => parts.forEach((part) => part.tell(tracer, settle));
        expect(watch(tell, true)).toEqual(watch(tell, false));
      }),
      { numRuns: 2_000 },
    );
  });

  test('an undisturbed run is told in two rows', () => {
    const told: string[] = [];
    const note =
      (name: string) =>
      (...of: readonly unknown[]): void =>
        void told.push(`${name} ${of.filter((part) => typeof part === 'string').join(' ')}`);
    const names = [
      'accepted',
      'status',
      'evicted',
      'phase',
      'acquired',
      'freed',
      'started',
      'ended',
    ] as const;
    const rows = new RowGatherer({
      takesRows: true,
      record: (event) => note(event.type)(),
      ...(Object.fromEntries(names.map((name) => [name, note(name)])) as Record<
        (typeof names)[number],
        () => void
      >),
    });
    const of = { at: 1, runner: 'a', runId: '0', checkout: 'tempdir' };
    for (const name of ['accept', 'start', 'endProcess', 'end']) segments(of, 0)[name]?.(rows, () => {});
    expect(told).toEqual([
      'status a',
      'accepted a 0',
      'started a 0 tempdir',
      'freed a 0 process process',
      'ended a 0 tempdir',
    ]);
  });

  test('events are handed to the calls that take them, and the others are not', () => {
    const told: TraceEvent[] = [];
    const tracer = runTracer({ record: (event) => told.push(event) });
    const events: TraceEvent[] = [
      { at: 1, type: 'accepted', runner: 'a', runId: '0', command: { argv: ['x'] } },
      { at: 1, type: 'status', runner: 'a', status: pendingStatus('0') },
      { at: 1, type: 'phase', runner: 'a', runId: '0', phase: 'exec' },
      { at: 1, type: 'acquired', runner: 'a', runId: '0', resource: 'output', name: 'stdout' },
      { at: 2, type: 'freed', runner: 'a', runId: '0', resource: 'output', name: 'stdout' },
      { at: 2, type: 'evicted', runner: 'a', runId: '0' },
    ];
    expect(events.map((event) => recordAsCall(tracer, event))).toEqual(events.map(() => true));
    expect(told).toEqual(events);
    expect(recordAsCall(tracer, { at: 1, type: 'note', runner: 'a', text: 'x' })).toBe(false);
  });
});
