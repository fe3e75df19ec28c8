/** What the programs on clusters have in common: a correct one, the same with one mistake each, and the faults that all of them bear. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { isCallLost, type NetworkOptions, type NodeDiskOptions } from 'dryrunner/cluster';

/** What {@link defineProgram} takes. */
export interface Program<Mistake extends string> {
  readonly name: string;
  /** What is rehearsed, and what must hold. */
  readonly description: string;
  /** What each leaves out, in a few words. */
  readonly mistakes: Readonly<Record<Mistake, string>>;
  /** Without a mistake it is correct. */
  readonly run: (sim: Simulation, mistake: Mistake | undefined) => Promise<void>;
}

/** A scenario of the correct program, `NAME`, and one of each mistake, `NAME-MISTAKE`. */
export function defineProgram<Mistake extends string>({
  name,
  description,
  mistakes,
  run,
}: Program<Mistake>): {
  readonly correct: ScenarioDefinition;
  readonly mistaken: readonly ScenarioDefinition[];
} {
  const define = (mistake?: Mistake): ScenarioDefinition =>
    defineScenario<unknown>({
      name: mistake === undefined ? name : `${name}-${mistake}`,
      description: mistake === undefined ? description : `${description}, but ${mistakes[mistake]}`,
      run: (sim) => run(sim, mistake),
    });
  return {
    correct: define(),
    mistaken: (Object.keys(mistakes) as Mistake[]).map((mistake) => define(mistake)),
  };
}

/** How long messages take, and all that can happen to them, a few times in a run. */
export const LINKS: NetworkOptions = {
  latencyMs: [1, 15],
  latencySteps: 4,
  faults: {
    ...{ lose: 32, duplicate: 32, reorder: 32, delay: 32, partition: 96, hold: 96 },
    ...{ delayMs: 300, reorderMs: 100, outageMs: 400, strikesMax: 5 },
  },
};

/** All that can happen to a disk, once in a run, and what a power failure leaves of it. */
export const DISK: NodeDiskOptions = {
  faults: { short: 96, noSpace: 96, sync: 96, slow: 96, slowMs: 100, reorder: true, strikesMax: 1 },
};

/** The answer, or undefined if the call was lost: whether it was done is not known. */
export async function answerOf<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!isCallLost(error)) throw error;
    return undefined;
  }
}

const TROUBLE_MS = 3_000;
const RECOVERY_MS = 5_000;
const LOOK_MS = 50;

/** Waits until it is done. If that takes long, faults end, and it must be done in time. */
export async function settles(sim: Simulation, what: string, isDone: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < TROUBLE_MS && !isDone(); waitedMs += LOOK_MS) {
    await sim.sleep(LOOK_MS, 'the scenario waits');
  }
  if (!isDone()) await sim.eventually(what, isDone, { withinMs: RECOVERY_MS });
}
