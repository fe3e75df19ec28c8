// Users of real runners who race with each other and with the ends of their runs.
import fc from 'fast-check';
import { isRunnerError } from '../../../src/kernel/errors.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import type { Service } from '../../../src/model/service.ts';
import { argvScript } from '../../../src/runners/fake/fake-script.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import type { SeenScenario } from './exhaustive-comparison.ts';

type See = (what: string) => void;

/** A run on a runner, and what its user does. */
export interface UserPlan {
  readonly runner: number;
  readonly runMs: number;
  readonly abortAtMs: number | undefined;
  /** How long the user waits; undefined for not at all. */
  readonly waitMs: number | undefined;
  readonly timeoutMs: number;
  /** What the command does beside sleeping. */
  readonly step: string;
  readonly releasesAtMs: number | undefined;
  readonly chooses: boolean;
}

export const userPlan: fc.Arbitrary<UserPlan> = fc.record({
  runner: fc.nat(2),
  runMs: fc.constantFrom(0, 5),
  abortAtMs: fc.constantFrom(undefined, 0, 5),
  waitMs: fc.constantFrom(undefined, 5, Infinity),
  timeoutMs: fc.constantFrom(0, 0, 5),
  step: fc.constantFrom('# nothing', 'stdout hello', 'ignore-term'),
  releasesAtMs: fc.constantFrom(undefined, undefined, 0, 5),
  chooses: fc.boolean(),
});

const RUNNERS: readonly ((sim: Simulation, name: string) => Service)[] = [
  ({ world }, name) => createSimulatedRunner(world, { name, idPrefix: `${name}-`, capacity: 3 }),
  ({ world }, name) =>
    createFakeRunner(world, { name, idPrefix: `${name}-`, capacity: 3, script: argvScript }),
];

/** Users of up to three runners that race with each other; `kinds` says what each runner is. */
export function runnersScenario(kinds: readonly number[], plans: readonly UserPlan[]): SeenScenario {
  let seen: string[] = [];
  const definition = defineScenario({
    name: 'users',
    description: 'users start, wait for and abort runs',
    async run(sim) {
      seen = [];
      const see: See = (what) => void seen.push(what);
      const runners = kinds.map((kind, index) => RUNNERS[kind]!(sim, 'xyz'.charAt(index)));
      await Promise.all(
        plans.map((plan) => useRunner(sim, runners[plan.runner % runners.length]!, plan, see)),
      );
      await sim.sleep(20_000);
      for (const runner of runners) {
        const { statuses } = await runner.statusAll();
        see(statuses.map(({ runId, state }) => `${runId}=${state}`).join());
        await runner.release();
      }
    },
  });
  const own = /^(?:run\/|process\/)?([xyz])(?:-\d+)? /;
  return { definition, ownerOf: (label) => own.exec(label)?.[1], seen: () => seen.join(' ') };
}

async function useRunner(sim: Simulation, runner: Service, plan: UserPlan, see: See): Promise<void> {
  const { runMs, abortAtMs, releasesAtMs, waitMs, timeoutMs, step, chooses } = plan;
  const { runId } = await runner.run({ argv: [step, `sleep ${runMs}`, 'complete 0'], timeoutMs });
  const answers: Promise<unknown>[] = [];
  const note = (what: string, answer: Promise<string>): void => {
    answers.push(
      answer.then(
        (text) => see(`${runId} ${what} ${text}`),
        (error: unknown) => see(`${runId} ${what} ${isRunnerError(error) ? error.code : 'failed'}`),
      ),
    );
  };
  if (waitMs !== undefined) {
    const waiting = runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: waitMs });
    note(
      'wait',
      waiting.then(({ statuses }) => String(statuses[0]?.state)),
    );
  }
  if (abortAtMs !== undefined && !(chooses && sim.choose('change of mind', 2) === 1)) {
    await sim.sleep(abortAtMs);
    note(
      'abort',
      runner.abort(runId).then(({ state }) => state),
    );
  }
  if (releasesAtMs !== undefined) {
    await sim.sleep(releasesAtMs);
    note(
      'release',
      runner.release().then(() => 'over'),
    );
  }
  await Promise.all(answers);
}
