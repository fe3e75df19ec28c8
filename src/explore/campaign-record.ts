/** What a campaign keeps of an execution, as plain data. */
import type { Failure, Verdict } from '../simulation/verdict.ts';
import type { CutOffExecution } from './campaign-report.ts';

/** Those of an execution that came far are many, and its beginning is what leads there. */
const DECISIONS_KEPT = 1 << 16;

/** All but the cause, which may be any object. */
export function plainFailure({ kind, rule, message, atMs, details }: Failure): Omit<Failure, 'cause'> {
  return { kind, ...(rule === undefined ? {} : { rule }), message, atMs, details };
}

/** An execution without an end. */
export function cutOffExecution(
  verdict: Verdict,
  index: number,
  configuration: string | undefined,
): CutOffExecution {
  const { message = '', details = [] } = verdict.failure ?? {};
  return {
    ...{ index, message, details, atMs: verdict.virtualMs, firedEvents: verdict.firedEvents },
    ...(configuration === undefined || index < 0 ? {} : { configuration }),
    decisions: verdict.decisions().slice(0, DECISIONS_KEPT),
  };
}
