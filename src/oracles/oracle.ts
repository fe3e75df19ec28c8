/**
 * The contract of an oracle: it watches from outside what happens, and reports broken rules. It is independent of
 * runners, test frameworks and clocks, so that it can watch a simulation, a recorded trace or a real runner alike.
 */
import type { TraceEvent } from '../model/trace-event.ts';

/** A broken rule. */
export interface Violation {
  /** Number of the rule, such as `R200`. */
  readonly rule: string;
  /** What was observed, in one sentence with the ids concerned. */
  readonly message: string;
  /** When, in milliseconds of the trace's clock. */
  readonly atMs: number;
}

/** Receives each violation as it is found. */
export type ReportViolation = (violation: Violation) => void;

/** Watches one trace from its beginning. */
export interface Oracle {
  /** Called with each event, in order. */
  watch(event: TraceEvent): void;
  /** Called at the end of the trace: reports what should have happened by now. */
  end(atMs: number): void;
}

/** Makes an oracle for a new trace. */
export type OracleFactory = (report: ReportViolation) => Oracle;
