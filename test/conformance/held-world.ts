// A world on a clock of fake-timers, which the conformance suite advances.
import { createClock } from '@sinonjs/fake-timers';
import { fakeTimersWorld } from '../../src/ambient/fake-timers-world.ts';
import type { HeldWorld } from '../../src/conformance/subject.ts';

export function heldWorld(seed: string | number): HeldWorld {
  const timers = createClock();
  return {
    world: fakeTimersWorld(timers, { seed }),
    async advance() {
      await timers.tickAsync(0);
      const hasMore = timers.countTimers() > 0;
      if (hasMore) await timers.nextAsync();
      return hasMore;
    },
  };
}
