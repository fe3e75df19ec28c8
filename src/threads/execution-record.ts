/** What the trace of an execution is made of. Invariant: plain data, as it goes from thread to thread. */
import { failureKey } from '../explore/failure-key.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { Verdict } from '../simulation/verdict.ts';

/** What happened in an execution, and what came of it. */
export interface ExecutionRecord {
  /** The name of the scenario. */
  readonly scenario: string;
  readonly traceHash: string;
  /** See `failureKey`; undefined if it held. */
  readonly failureKey: string | undefined;
  readonly decisions: readonly Decision[];
  readonly events: readonly TraceEvent[];
}

/** The record of an execution that has kept its trace. */
export function recordOf(verdict: Verdict): ExecutionRecord {
  const { scenario, traceHash, failure } = verdict;
  return {
    ...{ scenario, traceHash, failureKey: failure === undefined ? undefined : failureKey(failure) },
    ...{ decisions: verdict.decisions(), events: verdict.trace() },
  };
}
