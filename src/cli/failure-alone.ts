/**
 * Finds failures that only earlier simulations of this process lead to, because code outside of the scenario keeps
 * state: run first, in a thread of its own, the seed does not fail so.
 */
import { failureKey } from '../explore/failure-key.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { ifRefused, lostIn, runInThread } from '../threads/thread-supervisor.ts';
import { threadLimits } from './explore-options.ts';
import type { Interruption } from './interruption.ts';
import type { Rehearsal } from './rehearsal.ts';
import { taskOf } from './replay-log.ts';
import { isModulePath } from './scenario-loader.ts';

/** Scenarios of this package keep no state, so only those of files are run again. */
export async function failuresOfEarlier(
  { summaries, first }: Rehearsal,
  interruption: Interruption,
  hangMs: number,
): Promise<ReadonlySet<Verdict>> {
  const found = new Set<Verdict>();
  for (const { scenario, firstFailure } of summaries) {
    const { reference } = scenario;
    if (firstFailure?.failure === undefined || firstFailure === first?.verdict) continue;
    const { failure, seed } = firstFailure;
    if (!isModulePath(reference)) continue;
    // To see a loop run on takes as long as its first report took.
    if (failure.kind === 'hang') continue;
    if (interruption.requested) break;
    const run = await runInThread(
      { ...taskOf({ scenario: reference, seed }), onGap: 'keyed', explains: false },
      { ...threadLimits({ hang: hangMs }), signal: interruption.signal },
    ).catch(ifRefused(() => undefined));
    // A module that calls `process.chdir`, for instance, does not load in a thread.
    if (run === undefined) continue;
    const failing = lostIn(run) ?? run.outcome?.failing;
    if (run.outcome !== undefined && failing?.key !== failureKey(failure)) found.add(firstFailure);
  }
  return found;
}
