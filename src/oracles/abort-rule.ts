/** Which rule of the contract applies to an abort, given what is known of its run when it is called. */
import type { RunState } from '../model/run-state.ts';

/** What is known of the run: it is over, in the queue, active, or either of the last two. */
export type AbortedWhile = 'over' | 'queued' | 'active' | 'queued or active';

/**
 * The rule or rules; `got` is the state that the abort returned, which decides between the two if both are possible.
 */
export function ruleOfAbort(known: AbortedWhile, got?: RunState): 'R70' | 'R71' | 'R70 R71' | 'R72' {
  switch (known) {
    case 'over':
      return 'R72';
    case 'active':
      return 'R70';
    case 'queued':
      return 'R71';
    case 'queued or active':
      if (got === undefined) return 'R70 R71';
      return got === 'PENDING' ? 'R71' : 'R70';
  }
}
