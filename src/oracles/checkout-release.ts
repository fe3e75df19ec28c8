/** R205: a checkout is released exactly once, and nobody uses a filer's copy while it is updated. */
import type { RunRule } from './run-rule.ts';

/**
 * Each checkout made is released exactly once; updates overlap neither runs nor checkouts (R76). One that was given up at its bound
 * may come back late or never (R106).
 */
export const checkoutRelease: RunRule = {
  rule: 'R205',
  ignoresUndisturbed: true,
  onStart(run, { updates }) {
    return updates > 0 ? `${run.title} has started during an update` : undefined;
  },
  onAcquired(run, resource, name, { updates }) {
    if (resource !== 'checkout' || updates === 0) return undefined;
    return `${run.title} has checked out ${name} during an update`;
  },
  onFreed(run, resource, name) {
    if (resource !== 'checkout' || run.checkoutsOut > 0) return undefined;
    return `${run.title} has released ${name}, which is not checked out`;
  },
  onUpdate({ active, name: runner }, name) {
    return active === undefined
      ? undefined
      : `the update of ${name} on ${runner} has begun while run ${active.runId} is active`;
  },
  onEnd(run) {
    return run.checkouts > 0 && run.isTerminal ? `${run.title} has never released its checkout` : undefined;
  },
};
