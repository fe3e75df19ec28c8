/** R203: how a run ends fits what happened to it. */
import type { RunRule } from './run-rule.ts';

/**
 * A run that nobody asked to stop, by an abort or a release (R85), does not become ABORTED, nor UNKNOWN once its process has ended;
 * one without a timeout does not become TIMEDOUT.
 */
export const endCause: RunRule = {
  rule: 'R203',
  beforeStatus(run, { state }) {
    switch (state) {
      case 'ABORTED':
        return run.stoppedAtMs === undefined
          ? `${run.title} became ABORTED, but neither was it aborted nor its runner released`
          : undefined;
      case 'TIMEDOUT':
        return run.isAccepted && run.timeoutMs <= 0
          ? `${run.title} became TIMEDOUT, but has no timeout`
          : undefined;
      case 'UNKNOWN':
        return run.stoppedAtMs === undefined && run.hasExecuted
          ? `${run.title} became UNKNOWN, but its process has ended`
          : undefined;
      case 'PENDING':
      case 'RUNNING':
      case 'COMPLETE':
      case 'FAILED':
        return undefined;
    }
  },
};
