// The tests that `describeRunner` declares for a runner that is explored, in virtual, held and wall time.
import { conformanceCases } from '../../../src/conformance/conformance-cases.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { exec } from '../exec-subject.ts';
import { fake, simulated } from '../subjects.ts';
import { heldWorld } from '../held-world.ts';

const cases = conformanceCases.filter(({ group }) => group === 'release');

describeRunner({ ...simulated, name: 'simulated, explored' }, { cases, explore: { executions: 60 } });
describeRunner(
  {
    ...fake,
    name: 'fake on fake timers, explored',
    heldWorld,
  },
  { cases: [], explore: { sequences: 40 } },
);
describeRunner({ ...exec, name: 'exec, explored' }, { cases: [], explore: { sequences: 4 } });
