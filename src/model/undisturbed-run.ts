/**
 * What nearly every run leaves in a trace: two unbroken rows of events, from its first phase to RUNNING and from the cleaning up after
 * its process to its terminal status. Invariant: the rows say what the phases of an invocation do when every collaborator answers at once and there
 * is nothing to upload, to measure or to process; a run that does anything else is none of these.
 */
import type { RunID, RunStatus } from './run-status.ts';
import type { InvocationPhase, ResourceKind } from './trace-event.ts';

/** One event of a row; the name of a checkout is the run's own. */
export type Step =
  | { readonly call: 'phase'; readonly phase: InvocationPhase }
  | { readonly call: 'acquired' | 'freed'; readonly resource: ResourceKind; readonly name?: string }
  | { readonly call: 'status' };

/** Stands for the checkout of a run without snapshot. */
export const TEMP_DIR_NAME = 'tempdir';

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
