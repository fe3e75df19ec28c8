/** Waiting with a bound on an injected clock. No timer outlives the wait, and nothing spins. */
import { sleep, type Clock } from '../../kernel/clock.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { ProcessTree } from './process-tree.ts';

const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 50;

/** True as soon as `done` settles, false if that takes longer than `ms`. */
export function settlesWithin(
  clock: Clock,
  label: string,
  ms: number,
  done: Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.timer(label, ms, () => resolve(false));
    const settled = (): void => {
      timer.cancel();
      resolve(true);
    };
    done.then(settled, settled);
  });
}

/** Looks at the tree, more and more rarely, until nobody in it is alive; false if that takes longer than `ms`. */
export async function emptiesWithin(
  clock: Clock,
  label: string,
  ms: number,
  tree: ProcessTree,
): Promise<boolean> {
  return (await pollWithin(clock, label, ms, async () => (await isEmpty(tree)) || undefined)) === true;
}

/** Asks until the answer is something, with growing pauses. After `ms` it asks one last time and gives what comes. */
export async function pollWithin<T>(
  clock: Clock,
  label: string,
  ms: number,
  ask: () => MaybePromise<T | undefined>,
): Promise<T | undefined> {
  const deadlineMs = clock.now() + ms;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const answer = await ask();
    const leftMs = deadlineMs - clock.now();
    if (answer !== undefined || leftMs <= 0) return answer;
    await sleep(clock, Math.min(pauseMs, leftMs), label);
  }
}

async function isEmpty(tree: ProcessTree): Promise<boolean> {
  try {
    const { members, exact } = await tree.census();
    return exact && members.length === 0;
  } catch {
    // What cannot be seen now is not gone; the sweep that follows looks again and records why it is blind.
    return false;
  }
}
