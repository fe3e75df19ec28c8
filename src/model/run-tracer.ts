/**
 * A tracer that accepts the events of most runs as method calls. Invariant: a call and the event that it stands for
 * look the same to a watcher; an event object is created only if somebody keeps it or reads it.
 */
import type { Command } from './command.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { InvocationPhase, ResourceKind, TraceEvent, Tracer } from './trace-event.ts';
import { ENDED_ROW, STARTED_ROW, type Row, type Step } from './undisturbed-run.ts';

/**
 * Takes each event of an undisturbed run as a call, or a whole row of events as one; `record` takes all other events,
 * and these too. Invariant: to a watcher, a row is the same as its events one by one.
 */
export interface RunTracer extends Tracer {
  accepted(at: number, runner: string, runId: RunID, command: Command): void;
  status(at: number, runner: string, status: RunStatus): void;
  evicted(at: number, runner: string, runId: RunID): void;
  phase(at: number, runner: string, runId: RunID, phase: InvocationPhase): void;
  acquired(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void;
  freed(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void;
  /** All events of `STARTED_ROW` at once. */
  started(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void;
  /** All events of `ENDED_ROW` at once. */
  ended(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void;
}

/** Creates an event for each call. */
class EventTracer implements RunTracer {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  record(event: TraceEvent): void {
    this.#tracer.record(event);
  }

  accepted(at: number, runner: string, runId: RunID, command: Command): void {
    this.#tracer.record({ at, type: 'accepted', runner, runId, command });
  }

  status(at: number, runner: string, status: RunStatus): void {
    this.#tracer.record({ at, type: 'status', runner, status });
  }

  evicted(at: number, runner: string, runId: RunID): void {
    this.#tracer.record({ at, type: 'evicted', runner, runId });
  }

  phase(at: number, runner: string, runId: RunID, phase: InvocationPhase): void {
    this.#tracer.record({ at, type: 'phase', runner, runId, phase });
  }

  acquired(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    this.#tracer.record({ at, type: 'acquired', runner, runId, resource, name });
  }

  freed(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void {
    this.#tracer.record({ at, type: 'freed', runner, runId, resource, name });
  }

  started(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void {
    eachOfRow(this, STARTED_ROW, { at, runner, runId, checkout, status });
  }

  ended(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void {
    eachOfRow(this, ENDED_ROW, { at, runner, runId, checkout, status });
  }
}

/** True if a tracer accepts calls. Written out, because each simulation asks this several times. */
export function takesCalls(value: object): value is RunTracer {
  const { record, accepted, status, evicted, phase, acquired, freed, started, ended } = value as {
    readonly [Name in keyof RunTracer]: unknown;
  };
  return (
    typeof record === 'function' &&
    typeof accepted === 'function' &&
    typeof status === 'function' &&
    typeof evicted === 'function' &&
    typeof phase === 'function' &&
    typeof acquired === 'function' &&
    typeof freed === 'function' &&
    typeof started === 'function' &&
    typeof ended === 'function'
  );
}

/** The tracer itself if it accepts calls, otherwise an adapter that creates an event for each. */
export function runTracer(tracer: Tracer): RunTracer {
  return takesCalls(tracer) ? tracer : new EventTracer(tracer);
}

/** Passes an event to the matching call; false if there is none and `record` must take it. */
export function recordAsCall(tracer: RunTracer, event: TraceEvent): boolean {
  switch (event.type) {
    case 'accepted':
      tracer.accepted(event.at, event.runner, event.runId, event.command);
      return true;
    case 'status':
      tracer.status(event.at, event.runner, event.status);
      return true;
    case 'evicted':
      tracer.evicted(event.at, event.runner, event.runId);
      return true;
    case 'phase':
      tracer.phase(event.at, event.runner, event.runId, event.phase);
      return true;
    case 'acquired':
      tracer.acquired(event.at, event.runner, event.runId, event.resource, event.name);
      return true;
    case 'freed':
      tracer.freed(event.at, event.runner, event.runId, event.resource, event.name);
      return true;
    case 'abandoned':
    case 'abort':
    case 'dropped':
    case 'fault':
    case 'metric':
    case 'note':
    case 'recorded':
    case 'rejected':
    case 'released':
    case 'service':
    case 'wrote':
    case 'message':
    case 'disk':
    case 'node':
      return false;
  }
}

/** Passes on the first `count` events of a row one by one; by default all. */
export function eachOfRow(
  tracer: RunTracer,
  row: readonly Step[],
  of: Row,
  count: number = row.length,
): void {
  const { at, runner, runId, checkout, status } = of;
  // A row is frozen, and iterating over a frozen array is slow.
  for (let index = 0; index < count; index += 1) {
    const step = row[index] as Step;
    if (step.call === 'phase') tracer.phase(at, runner, runId, step.phase);
    else if (step.call === 'status') tracer.status(at, runner, status);
    else tracer[step.call](at, runner, runId, step.resource, step.name ?? checkout);
  }
}
