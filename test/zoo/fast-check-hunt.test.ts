import { describe, expect, test } from 'vitest';
import { huntWithFastCheck } from '../../scripts/zoo/fast-check-hunt.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

const plan = { seed: 'one', executions: 200, timeMs: 60_000 };

function scenario(run: (sim: Simulation) => void | Promise<void>): ScenarioDefinition {
  return defineScenario<unknown>({ name: 'small', description: 'a small scenario', run });
}

/** Posts three events and resolves with their names in the order in which they fire; the middle one may be cancelled first. */
async function firingOrder(sim: Simulation, cancels = false): Promise<string> {
  let order = '';
  const timers: { cancel(): void }[] = [];
  await new Promise<void>((resolve) => {
    for (const name of 'abc') {
      const fire = (): void => {
        order += name;
        if (cancels && name !== 'b') timers[1]?.cancel();
        if (order.length === (cancels && !order.includes('b') ? 2 : 3)) resolve();
      };
      timers.push(sim.world.clock.post(`event ${name}`, fire));
    }
  });
  return order;
}

describe('a hunt with fast-check', () => {
  test('meets every order of three events', async () => {
    const orders = new Set<string>();
    const executor = createExecutor(scenario(async (sim) => void orders.add(await firingOrder(sim))));
    expect(await huntWithFastCheck(executor, plan)).toEqual({
      type: 'missed',
      executions: 200,
      sentence: '',
    });
    expect([...orders].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  });

  test('never picks a cancelled event', async () => {
    const orders = new Set<string>();
    const executor = createExecutor(scenario(async (sim) => void orders.add(await firingOrder(sim, true))));
    expect(await huntWithFastCheck(executor, plan)).toMatchObject({ type: 'missed' });
    expect([...orders].sort()).toEqual(['ac', 'bac', 'bca', 'ca']);
  });

  test('finds what a certain order breaks, after the same number of runs for the same seed', async () => {
    const fails = scenario(async (sim) => sim.check((await firingOrder(sim)) !== 'cba', 'backwards'));
    const hunts = [];
    for (let time = 0; time < 2; time += 1) hunts.push(await huntWithFastCheck(createExecutor(fails), plan));
    expect(hunts[0]).toMatchObject({ type: 'found', sentence: 'backwards' });
    expect(hunts[1]).toEqual(hunts[0]);
  });

  test('counts the runs until the failure, that one included', async () => {
    let runs = 0;
    const fails = scenario((sim) => {
      runs += 1;
      sim.check(sim.choose('a number', 40) !== 17, 'seventeen');
    });
    const hunt = await huntWithFastCheck(createExecutor(fails), plan);
    expect(hunt).toEqual({ type: 'found', executions: runs, sentence: 'seventeen' });
  });

  test('says that it cannot hunt where time passes', async () => {
    const waits = scenario((sim) => sim.sleep(1));
    expect(await huntWithFastCheck(createExecutor(waits), plan)).toEqual({ type: 'cannot' });
  });
});
