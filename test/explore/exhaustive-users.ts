// Users of real runners who race with each other and with the ends of their runs.
import fc from 'fast-check';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import type { Service } from '../../src/model/service.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { argvScript } from '../../src/runners/fake-script.ts';
import { createFakeRunner } from '../../src/runners/fake-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { SeenScenario } from './exhaustive-comparison.ts';

/** A run on a runner, and what its user does. */
export interface UserPlan {
  readonly runner: number;
  readonly runMs: number;
  readonly abortAtMs: number | undefined;
  readonly waitMs: number;
  readonly chooses: boolean;
}

export const userPlan: fc.Arbitrary<UserPlan> = fc.record({
  runner: fc.nat(2),
  runMs: fc.constantFrom(0, 5),
  abortAtMs: fc.constantFrom(undefined, 0, 5),
  waitMs: fc.constantFrom(5, Infinity),
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
      const runners = kinds.map((kind, index) => RUNNERS[kind]!(sim, 'xyz'.charAt(index)));
      await Promise.all(
        plans.map((plan) => useRunner(sim, runners[plan.runner % runners.length]!, plan, seen)),
      );
      await Promise.all(runners.map((runner) => runner.release()));
    },
  });
  const own = /^(?:run\/|process\/)?([xyz])(?:-\d+)? /;
  return { definition, ownerOf: (label) => own.exec(label)?.[1], seen: () => seen.join(' ') };
}

async function useRunner(sim: Simulation, runner: Service, plan: UserPlan, seen: string[]): Promise<void> {
  const { runMs, abortAtMs, waitMs, chooses } = plan;
  const { runId } = await runner.run({ argv: [`sleep ${runMs}`, 'complete 0'] });
  const waiting = runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: waitMs }).then(
    ({ statuses }) => seen.push(`${runId}:${statuses.length}`),
    () => seen.push(`${runId}:never`),
  );
  if (abortAtMs !== undefined && !(chooses && sim.choose('change of mind', 2) === 1)) {
    await sim.sleep(abortAtMs);
    seen.push(`${runId}:${(await runner.abort(runId)).state}`);
  }
  await waiting;
  const { status } = await finalStatus(runner, runId);
  seen.push(`${runId}=${status.state}`);
}
