/** The oracles of every simulation. */
import {
  checkoutRelease,
  endCause,
  givenBack,
  keptRefs,
  oneTerminal,
  runAccounts,
  type RunRule,
  startOrder,
  statePath,
} from './run-rules.ts';
import type { OracleFactory } from './oracle.ts';
import { watchRuns } from './watch-runs.ts';

/**
 * The rules that any trace can be judged by: R200–R206 and R208, in this order. R199 needs to know what was promised
 * (`promptness`), and R207 is about answers, which are not in a trace (`watchService`). See {@link watchRuns}.
 *
 * Invariant: each rule judges one runner by that runner's own events, because an exhaustive search relies on it
 * (`src/explore/exhaustive/footprint.ts`). For a rule about held resources, `isAboutHolding`
 * (`src/explore/explain/held-resources.ts`) helps to explain a violation.
 */
export const defaultRules: readonly RunRule[] = Object.freeze([
  oneTerminal,
  statePath,
  startOrder,
  endCause,
  givenBack,
  checkoutRelease,
  keptRefs,
  runAccounts,
]);

const DEFAULT_ORACLES: readonly OracleFactory[] = Object.freeze([watchRuns(defaultRules)]);

/** The {@link defaultRules} as oracles, to which a scenario may add its own. See {@link watchRuns}. */
export function defaultOracles(): readonly OracleFactory[] {
  return DEFAULT_ORACLES;
}
