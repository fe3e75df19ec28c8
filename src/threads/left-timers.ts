/**
 * Finds real timers that a scenario leaves behind, in a process that runs nothing else: there, counting timers
 * suffices, and includes those set through a function taken before the simulation, which it does not see. Invariant: an
 * earlier failure stays as it is.
 */
import { activeResources, resourcesSince } from '../kernel/drain-host.ts';
import { leftTimersText } from '../simulation/end-judge.ts';
import type { Verdict } from '../simulation/verdict.ts';

const NO_PLACE = 'where it was set is not known here: dryrunner explore --strict lists such lines';

/**
 * Runs one simulation and resolves with its verdict; if it held but left real timers behind, with a failure of kind
 * `escape`.
 */
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
