/**
 * Two executions that took the same decisions and differ, in words. Invariant: the state of a module is named as the
 * likely cause only with what makes other causes less likely; a caller names those that are left.
 */
import type { AuditDifference } from '../campaign-report.ts';

/** What such a difference means, by kind: the headline. */
export const DIFFERENCE_HEADLINES: Readonly<Record<AuditDifference['kind'], string>> = {
  repeat: 'not deterministic: the same decisions gave another execution',
  leak: 'one execution leaks into the next: run again later, an early one was not the same',
};

/** The line below the headline if no cause is more likely than the others. */
export const OUTSIDE_CAUSE =
  'Something outside of the simulation decides: a clock, randomness, I/O, or a variable that outlives the scenario.';

/** The lines below the headline if `evidence`, a clause, makes the state of a module the most likely cause. */
export function moduleStateLines(evidence: string): readonly string[] {
  return [
    `${evidence}, so most likely the state of a module survives from one execution to the next.`,
    'Create that state inside the scenario, or let sim.load load its module, anew in each execution.',
  ];
}

/** The line below those about modules where an `import()` of the scenario is not waited for. */
export const IMPORT_CAUSE =
  'An import() in the scenario does the same: it takes real time once, and none later. Import that module at the top of its file.';
