/** A worker reports the end of a job until somebody confirms it: reports that come twice count once. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { Wire } from './classic-wire.ts';
import { pickMs } from './odds.ts';

const REPEAT_MS = 30;
const STEP_MS = 10;
const LOSSES_MAX = 2;
const PARTS: readonly string[] = ['part 0', 'part 1'];

/** Starts a job when all its parts are done. */
class Scheduler {
  assemblies = 0;
  readonly #done = new Set<string>();
  readonly #finished = new Set<string>();
  #missing = PARTS.length;
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** A part has really been made. */
  make(part: string): void {
    this.#finished.add(part);
  }

  /** Its worker says so, perhaps not for the first time. */
  report(part: string): void {
    if (this.#done.has(part)) return;
    this.#done.add(part);
    this.#missing -= 1;
    this.#sim.note(`the scheduler counts ${part} as made, ${this.#missing} are missing`);
    if (this.#missing === 0) this.#assemble();
  }

  #assemble(): void {
    const { size } = this.#finished;
    this.#sim.check(
      size === PARTS.length,
      `the assembly starts, and only ${size} of ${PARTS.length} parts are made`,
    );
    this.assemblies += 1;
  }
}

export const duplicateCompletion: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-duplicate-completion',
  description:
    'two parts are made, and each is reported to a scheduler again and again until a confirmation arrives: the assembly starts once, and not before both parts are made',
  async run(sim) {
    const scheduler = new Scheduler(sim);
    await Promise.all(PARTS.map((part) => work(sim, scheduler, part)));
    sim.check(scheduler.assemblies === 1, `the assembly was started ${scheduler.assemblies} times`);
  },
});

async function work(sim: Simulation, scheduler: Scheduler, part: string): Promise<void> {
  await sim.sleep(pickMs(sim, { subject: part, what: 'takes' }, 6, STEP_MS, 0, ''), {
    subject: part,
    what: 'is made',
  });
  scheduler.make(part);
  const there = new Wire(sim, `wire from ${part}`, LOSSES_MAX);
  const back = new Wire(sim, `wire to ${part}`, LOSSES_MAX);
  for (let attempt = 0; ; attempt += 1) {
    if (await there.carry(`report ${attempt}`)) {
      scheduler.report(part);
      if (await back.carry(`confirmation ${attempt}`)) return;
    }
    await sim.sleep(REPEAT_MS, { subject: part, what: 'is reported again' });
  }
}
