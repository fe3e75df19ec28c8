// The tests that `describeRunner` declares for a runner that is explored, in virtual, held and wall time.
import { createClock } from '@sinonjs/fake-timers';
import { fakeTimersWorld } from '../../../src/ambient/fake-timers-world.ts';
import { conformanceCases } from '../../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { exec } from '../exec-subject.ts';
import { fake, simulated } from '../subjects.ts';

const cases = conformanceCases.filter(({ group }) => group === 'release');

describeRunner({ ...simulated, name: 'simulated, explored' }, { cases, explore: { executions: 60 } });
describeRunner(
  {
    ...fake,
    name: 'fake on fake timers, explored',
    heldWorld(seed) {
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
    },
  },
  { cases: [], explore: { sequences: 40 } },
);
describeRunner({ ...exec, name: 'exec, explored' }, { cases: [], explore: { sequences: 4 } });
