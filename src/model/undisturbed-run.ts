/**
 * What nearly every run leaves in a trace: two unbroken rows of events, from its first phase to RUNNING and from the cleaning up after
 * its process to its terminal status. Invariant: the rows say what the phases of an invocation do when every collaborator answers at once and there
 * is nothing to upload, to measure or to process; a run that does anything else is none of these.
 */
import type { RunID, RunStatus } from './run-status.ts';
import type { RunTracer } from './run-tracer.ts';
import type { InvocationPhase, ResourceKind } from './trace-event.ts';

/** One event of a row; the name of a checkout is the run's own. */
type Step =
  | { readonly call: 'phase'; readonly phase: InvocationPhase }
  | { readonly call: 'acquired' | 'freed'; readonly resource: ResourceKind; readonly name?: string }
  | { readonly call: 'status' };

/** The logs of a run, in the order of their making. */
export const LOG_NAMES = ['stdout', 'stderr', 'stdlog'] as const;

/** From the first phase to the process at work. */
export const STARTED_ROW: readonly Step[] = Object.freeze([
  { call: 'phase', phase: 'checkout' },
  { call: 'acquired', resource: 'checkout' },
  { call: 'phase', phase: 'outputs' },
  ...LOG_NAMES.map((name) => ({ call: 'acquired', resource: 'output', name }) as const),
  { call: 'phase', phase: 'exec' },
  { call: 'acquired', resource: 'process', name: 'process' },
  { call: 'status' },
  { call: 'phase', phase: 'wait' },
]);

/** From the end of the process, which has been given back by then, to the terminal status. */
export const ENDED_ROW: readonly Step[] = Object.freeze([
  { call: 'phase', phase: 'close' },
  ...LOG_NAMES.map((name) => ({ call: 'freed', resource: 'output', name }) as const),
  { call: 'phase', phase: 'release' },
  { call: 'freed', resource: 'checkout' },
  { call: 'phase', phase: 'end' },
  { call: 'status' },
]);

/** What a whole row is about. */
export interface Row {
  readonly at: number;
  readonly runner: string;
  readonly runId: RunID;
  /** Of the checkout: the snapshot, or `tempdir`. */
  readonly checkout: string;
  readonly status: RunStatus;
}

/** Tells the first `count` events of a row one by one. */
export function tellRow(tracer: RunTracer, row: readonly Step[], count: number, of: Row): void {
  const { at, runner, runId, checkout, status } = of;
  for (const step of row.slice(0, count)) {
    if (step.call === 'phase') tracer.phase(at, runner, runId, step.phase);
    else if (step.call === 'status') tracer.status(at, runner, status);
    else tracer[step.call](at, runner, runId, step.resource, step.name ?? checkout);
  }
}

/** Takes whole rows. What comes of one is what comes of its events one by one. */
export interface RowTracer extends RunTracer {
  /** Whether rows may be given; if not, events are. */
  readonly takesRows: boolean;
  started(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void;
  ended(at: number, runner: string, runId: RunID, checkout: string, status: RunStatus): void;
}
