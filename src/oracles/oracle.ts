/**
 * The contract of a watcher: it sees what happens from outside and says when a rule is broken. It has no part in the runners, no
 * test framework and no clock of its own, so that it can watch a simulation, a recorded trace or a real runner alike.
 */
import type { TraceEvent } from '../model/trace-event.ts';

/** A broken rule. */
export interface Violation {
  /** Number of the rule, such as `R200`. */
  readonly rule: string;
  /** What was seen, in one sentence with the ids it is about. */
  readonly message: string;
  /** When, in milliseconds of the trace's clock. */
  readonly atMs: number;
}

/** Takes violations as they are found. */
export type ReportViolation = (violation: Violation) => void;

/** Watches one trace from its beginning. */
export interface Oracle {
  /** Sees one event, in order. */
  watch(event: TraceEvent): void;
  /** The trace is over: reports what should have happened by now. */
  end(atMs: number): void;
}

/** Makes an oracle for a new trace. */
export type OracleFactory = (report: ReportViolation) => Oracle;
