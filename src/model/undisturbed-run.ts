/**
 * The events that nearly every run leaves in a trace: two unbroken rows, from its first phase to RUNNING, and from
 * cleaning up after its process to its terminal status. Invariant: the rows are what an invocation does if every
 * collaborator answers at once and there is nothing to upload, to measure or to process; any other run is recorded
 * event by event.
 */
import type { RunID, RunStatus } from './run-status.ts';
import type { InvocationPhase, ResourceKind } from './trace-event.ts';

/** One event of a row; the name of a checkout is filled in per run. */
export type Step =
  | { readonly call: 'phase'; readonly phase: InvocationPhase }
  | { readonly call: 'acquired' | 'freed'; readonly resource: ResourceKind; readonly name?: string }
  | { readonly call: 'status' };

/** Name of the checkout of a run without snapshot. */
export const TEMP_DIR_NAME = 'tempdir';

/** The logs of a run, in order of creation. */
export const LOG_NAMES = ['stdout', 'stderr', 'stdlog'] as const;

/** From the first phase until the process is running. */
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

/** From the end of the process, which has been freed by then, to the terminal status. */
export const ENDED_ROW: readonly Step[] = Object.freeze([
  { call: 'phase', phase: 'close' },
  ...LOG_NAMES.map((name) => ({ call: 'freed', resource: 'output', name }) as const),
  { call: 'phase', phase: 'release' },
  { call: 'freed', resource: 'checkout' },
  { call: 'phase', phase: 'end' },
  { call: 'status' },
]);

/** The data of a complete row. */
export interface Row {
  readonly at: number;
  readonly runner: string;
  readonly runId: RunID;
  /** Name of the checkout: the snapshot, or `tempdir`. */
  readonly checkout: string;
  readonly status: RunStatus;
}
