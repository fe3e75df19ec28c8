import { expect, test } from 'vitest';
import { certify } from '../../src/explore/exhaustive/certify.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';

/** Three owners come together, and each works for as long as the others have been patient by then. */
const crowd = (fair: boolean, timeoutMs: number, outcomes: Set<string>) =>
  defineScenario({
    name: 'crowd',
    description: 'three owners of one lock',
    async run(sim) {
      const jobs = createMutex(sim.world, { name: 'jobs', fair });
      const served: string[] = [];
      let inside = 0;
      const work = async (owner: string): Promise<void> => {
        await sim.sleep(1, owner);
        inside += 1;
        sim.check(inside === 1, 'one at a time');
        served.push(owner);
        await sim.sleep(2, `${owner} works`);
        inside -= 1;
      };
      const come = (owner: string): Promise<unknown> =>
        jobs.run(() => work(owner), { owner, timeoutMs }).catch(() => undefined);
      await Promise.all(['a', 'b', 'c'].map(come));
      sim.check(jobs.holder === undefined && jobs.waiting === 0, 'it is free in the end');
      outcomes.add(served.join(''));
    },
  });

test.for<[fair: boolean, timeoutMs: number, outcomes: string[]]>([
  // The release by the first and the end of the others' patience fall into one instant: either of them may get it, or none.
  [true, 3, ['a', 'ab', 'ac']],
  [false, 3, ['a', 'ab', 'ac']],
  [true, Infinity, ['abc']],
  [false, Infinity, ['abc', 'acb']],
])(
  'in every order one owner at a time has a mutex (fair: %s, patience: %s ms), and it is free in the end',
  async ([fair, timeoutMs, expected]) => {
    const outcomes = new Set<string>();
    const { complete, failures } = await certify(crowd(fair, timeoutMs, outcomes));
    expect([complete, failures, [...outcomes].toSorted()]).toEqual([true, 0, expected]);
  },
);
