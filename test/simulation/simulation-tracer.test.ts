import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import { completeStatus, pendingStatus, runningStatus } from '../../src/model/run-status.ts';
import { eachOfRow, recordAsCall, runTracer, type RunTracer } from '../../src/model/run-tracer.ts';
import type { ResourceKind, TraceEvent } from '../../src/model/trace-event.ts';
import { ENDED_ROW, STARTED_ROW, type Row } from '../../src/model/undisturbed-run.ts';
import { defaultOracles } from '../../src/oracles/default-oracles.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import { ResourceLedger } from '../../src/simulation/resource-ledger.ts';
import { RunTally, SimulationTracer } from '../../src/simulation/simulation-tracer.ts';
import { HashingRecorder } from '../../src/trace/trace-recorder.ts';

type Segment = (tracer: RunTracer) => void;

/** What a simulation knows of a trace. */
function watch(emit: Segment, inRows: boolean): unknown {
  const recorder = new HashingRecorder({ hash: createRollingHash() });
  const ledger = new ResourceLedger();
  const tally = new RunTally();
  const violations: Violation[] = [];
  const oracles = defaultOracles().map((make) => make((violation) => violations.push(violation)));
  emit(new SimulationTracer(recorder, ledger, tally, oracles, inRows));
  for (const oracle of oracles) oracle.end(99);
  const { runs, faults, progress, endStates } = tally;
  return {
    ...{ hash: recorder.hash(), count: recorder.count, runs, faults, progress, endStates, violations },
    ...{ held: ledger.count, described: ledger.describe(99) },
  };
}

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

function segments(of: Place, count: number): Readonly<Record<string, Segment>> {
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
    start: (tracer) => tracer.started(at, runner, runId, of.checkout, rowOf(of, true).status),
    endProcess: (tracer) => tracer.freed(at, runner, runId, 'process', 'process'),
    end: (tracer) => tracer.ended(at, runner, runId, of.checkout, rowOf(of, false).status),
    partOfStart: (tracer) => eachOfRow(tracer, STARTED_ROW, rowOf(of, true), count % STARTED_ROW.length),
    partOfEnd: (tracer) => eachOfRow(tracer, ENDED_ROW, rowOf(of, false), count % ENDED_ROW.length),
    acquire: (tracer) => tracer.acquired(at, runner, runId, resource, name),
    free: (tracer) => tracer.freed(at, runner, runId, resource, name),
    evict: (tracer) => tracer.evicted(at, runner, runId),
    abandon: (tracer) => tracer.record(event),
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
  .map(([of, count, name]): { readonly emit: Segment; toString(): string } => ({
    emit: segments(of, count)[name] as Segment,
    toString: () => `${name} ${count} of ${JSON.stringify(of)}`,
  }));

/** A run from its acceptance to its end, with one thing in between that may disturb it. */
const life = fc.tuple(place, segment, fc.nat(4)).map(([of, other, when]) => {
  const steps = ['accept', 'start', 'endProcess', 'end'].map((name) => segments(of, 0)[name] as Segment);
  steps.splice(when, 0, other.emit);
  return { emit: (tracer: RunTracer) => steps.forEach((step) => step(tracer)) };
});

describe('rows of events', () => {
  test('watchers learn the same from a trace in rows as from its events one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(segment, life), { maxLength: 12 }), (parts) => {
        const emit: Segment = (tracer) => parts.forEach((part) => part.emit(tracer));
        expect(watch(emit, true)).toEqual(watch(emit, false));
      }),
      { numRuns: 2_000 },
    );
  });

  test('only calls that take events get them', () => {
    const recorded: TraceEvent[] = [];
    const tracer = runTracer({ record: (event) => recorded.push(event) });
    const events: TraceEvent[] = [
      { at: 1, type: 'accepted', runner: 'a', runId: '0', command: { argv: ['x'] } },
      { at: 1, type: 'status', runner: 'a', status: pendingStatus('0') },
      { at: 1, type: 'phase', runner: 'a', runId: '0', phase: 'exec' },
      { at: 1, type: 'acquired', runner: 'a', runId: '0', resource: 'output', name: 'stdout' },
      { at: 2, type: 'freed', runner: 'a', runId: '0', resource: 'output', name: 'stdout' },
      { at: 2, type: 'evicted', runner: 'a', runId: '0' },
    ];
    expect(events.map((event) => recordAsCall(tracer, event))).toEqual(events.map(() => true));
    expect(recorded).toEqual(events);
    tracer.started(3, 'a', '0', 'tempdir', runningStatus('0', 'out', 'err'));
    expect(recorded.slice(events.length)).toHaveLength(STARTED_ROW.length);
    expect(recorded.at(-2)).toEqual({
      at: 3,
      type: 'status',
      runner: 'a',
      status: runningStatus('0', 'out', 'err'),
    });
    expect(recordAsCall(tracer, { at: 1, type: 'note', runner: 'a', text: 'x' })).toBe(false);
  });
});
