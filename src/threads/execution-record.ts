/** The contents of an execution's trace. Invariant: plain data, because it is posted between threads. */
import { failureKey } from '../explore/failure-key.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';
import { lastDecisionLines, lostKey } from './lost-execution.ts';

/** The decisions and events of an execution, and its outcome. */
export interface ExecutionRecord {
  /** The name of the scenario. */
  readonly scenario: string;
  readonly traceHash: string;
  /** See `failureKey`; undefined if the execution held. */
  readonly failureKey: string | undefined;
  readonly decisions: readonly Decision[];
  readonly events: readonly TraceEvent[];
}

/** The record of an execution that kept its trace. */
export function recordOf(verdict: Verdict): ExecutionRecord {
  const { scenario, traceHash, failure } = verdict;
  const decisions = verdict.decisions();
  return {
    ...{
      scenario,
      traceHash,
      failureKey: failure === undefined ? undefined : failureKeyOf(failure, decisions),
    },
    ...{ decisions, events: verdict.trace() },
  };
}

/** See `failureKey`; of a hang it is that of a thread that hangs. */
export function failureKeyOf(failure: Failure, decisions: readonly Decision[]): string {
  return failure.kind === 'hang'
    ? lostKey({ ...failure, details: lastDecisionLines(decisions) })
    : failureKey(failure);
}
