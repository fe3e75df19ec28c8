// Drives a body that lives on a virtual clock to its end, and says so when it can never come.
import { chooseDrain } from '../../src/kernel/drain.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';

/** Runs `body` and the clock until the body is done; what is pending then stays pending, for the test to see. */
export async function inVirtualTime<T>(clock: VirtualClock, body: () => Promise<T>): Promise<T> {
  const progress = { isDone: false };
  const result = body().finally(() => {
    progress.isDone = true;
  });
  result.catch(() => {});
  await chooseDrain().run(() => (progress.isDone ? 'stop' : clock.step()));
  if (!progress.isDone) {
    throw new Error(`nothing is pending at ${clock.now()} ms, but the body has not ended`);
  }
  return result;
}

/** Runs the clock until nothing is pending. */
export function runToQuiet(clock: VirtualClock): Promise<void> {
  return chooseDrain().run(() => clock.step());
}
