/** A job of many steps is cancelled at any moment: what it has reserved is given back, also in the one step before it is used. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { turn } from './turns.ts';

const STEPS = 12;
const RESERVES_AT = 8;
const USES_AT = 9;

class Job {
  reserved = false;
  cancelled = false;
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  async work(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      await turn(this.#sim, `step ${step}`);
      if (this.cancelled) {
        this.#sim.note(`the job sees before step ${step} that it is cancelled, and ends`);
        break;
      }
      if (step === RESERVES_AT) this.reserved = true;
      if (step === USES_AT) this.reserved = false;
      if (step === RESERVES_AT) this.#sim.note('the job reserves');
    }
    if (this.reserved) this.reserved = false;
  }
}

export const lateCancel: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-race-late-cancel',
  description:
    'a job of twelve steps reserves something in step 8 and uses it up in step 9, and may be cancelled before any of them: whenever that is, nothing stays reserved',
  async run(sim) {
    const job = new Job(sim);
    const cancel = async (): Promise<void> => {
      await turn(sim, 'the cancel arrives');
      job.cancelled = true;
    };
    await Promise.all([job.work(), cancel()]);
    sim.check(
      !job.reserved,
      `the job was cancelled and has ended, and what it reserved is still reserved\n\nExpected nothing reserved, got what step ${RESERVES_AT} reserved for step ${USES_AT}.`,
    );
  },
});
