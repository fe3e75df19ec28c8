/**
 * Selects the drain that drives a clock. A drain lets all promise reactions run before the next event fires; only the
 * `drain` files of the kernel depend on Node. Invariant: both drains take the same steps in the same order.
 */
import { createDocumentedBurst, documentedDrain } from './drain-documented.ts';
import { fastBurst, fastDrain, isFastDrainExact } from './drain-fast.ts';
import { startRun } from './drain-run.ts';
import type { Drain } from './drain-run.ts';
import { invalidArgument } from './errors.ts';

/** `auto` selects the fast drain if it works here, else the documented one. */
export type DrainChoice = 'fast' | 'documented' | 'auto';

const autoDrain: Drain = {
  name: fastDrain === undefined ? 'documented' : 'fast',
  run: (step, hooks) =>
    startRun(() => (isFastDrainExact() ? fastBurst : createDocumentedBurst()), step, hooks),
};

/**
 * The drain of the given name.
 *
 * @example
 * ```ts
 * import { chooseDrain, createVirtualClock } from 'dryrunner/kernel';
 * const clock = createVirtualClock();
 * let reacted = false;
 * clock.timer('first', 1, () => void Promise.resolve().then(() => (reacted = true)));
 * clock.timer('second', 1, () => {
 *   if (!reacted) throw new Error('reactions run before the next event');
 * });
 * await chooseDrain().run(() => clock.step());
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if there is none, or `fast` is not there on this Node.
 */
export function chooseDrain(choice: DrainChoice = 'auto'): Drain {
  if (choice === 'auto') return autoDrain;
  if (choice === 'documented') return documentedDrain;
  if ((choice as unknown) === 'fast' && fastDrain !== undefined) return fastDrain;
  const expected =
    fastDrain === undefined ? '"auto" or "documented" on this Node' : '"auto", "fast" or "documented"';
  throw invalidArgument('drain', expected, choice);
}
