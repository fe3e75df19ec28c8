/**
 * Timers of the machine that a scenario leaves, in a process that runs nothing else: there their number says all, also of those that were
 * set by a function taken before, which no simulation sees. Invariant: what failed already stays as it is.
 */
import { activeResources, resourcesSince } from '../kernel/drain-host.ts';
import { leftTimersText } from '../simulation/end-judge.ts';
import type { Verdict } from '../simulation/verdict.ts';

const NO_PLACE = 'where it was set is not known here: dryrunner explore --strict lists such lines';

/** Runs one simulation and gives its verdict: a failure of kind `escape` if it held and has left real timers. */
export async function failLeftTimers(run: () => Promise<Verdict>): Promise<Verdict> {
  const before = activeResources();
  const verdict = await run();
  if (!verdict.held) return verdict;
  const count = resourcesSince(before).filter((kind) => kind === 'Timeout').length;
  if (count === 0) return verdict;
  const failure = {
    kind: 'escape',
    message: leftTimersText(count),
    atMs: verdict.virtualMs,
    details: [NO_PLACE],
  } as const;
  return { ...verdict, held: false, failure };
}
