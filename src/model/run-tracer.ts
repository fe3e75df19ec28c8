/**
 * A tracer that takes what nearly every run does as calls. Invariant: a call and the event that it stands for are the same to a
 * watcher; an event object is made only where somebody keeps it or reads it.
 */
import type { Command } from './command.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { InvocationPhase, ResourceKind, TraceEvent, Tracer } from './trace-event.ts';
import { ENDED_ROW, STARTED_ROW, type Row, type Step } from './undisturbed-run.ts';

/**
 * The events of an undisturbed run, each as a call, or a row of them as one; `record` takes the others, and these too. A row and its
 * events one by one are the same to any watcher.
 */
export interface RunTracer extends Tracer {
  accepted(at: number, runner: string, runId: RunID, command: Command): void;
  status(at: number, runner: string, status: RunStatus): void;
  evicted(at: number, runner: string, runId: RunID): void;
  phase(at: number, runner: string, runId: RunID, phase: InvocationPhase): void;
  acquired(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void;
  freed(at: number, runner: string, runId: RunID, resource: ResourceKind, name: string): void;
  /** The events of `STARTED_ROW`, all at once. */
  started(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void;
  /** The events of `ENDED_ROW`, all at once. */
  ended(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void;
}

/** Makes an event of each call. */
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

const CALLS: readonly (keyof RunTracer)[] = [
  'record',
  'accepted',
  'status',
  'evicted',
  'phase',
  'acquired',
  'freed',
  'started',
  'ended',
];

/** Whether something takes calls. */
export function takesCalls(value: object): value is RunTracer {
  return CALLS.every((name) => typeof (value as Partial<RunTracer>)[name] === 'function');
}

/** The tracer itself if it takes calls, else one that makes an event of each. */
export function runTracer(tracer: Tracer): RunTracer {
  return takesCalls(tracer) ? tracer : new EventTracer(tracer);
}

/** Hands an event to the call that takes it; false if `record` takes it. */
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

/** Passes on the first `count` events of a row, by default all, one by one. */
export function eachOfRow(
  tracer: RunTracer,
  row: readonly Step[],
  of: Row,
  count: number = row.length,
): void {
  const { at, runner, runId, checkout, status } = of;
  // A row is frozen, and to iterate over such an array is slow.
  for (let index = 0; index < count; index += 1) {
    const step = row[index] as Step;
    if (step.call === 'phase') tracer.phase(at, runner, runId, step.phase);
    else if (step.call === 'status') tracer.status(at, runner, status);
    else tracer[step.call](at, runner, runId, step.resource, step.name ?? checkout);
  }
}
