import { expect, test } from 'vitest';
import { runCampaign } from '../../src/explore/campaign.ts';
import type { AuditDifference, CampaignReport } from '../../src/explore/campaign-report.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

async function audit(
  run: (sim: Simulation) => Promise<void> | void,
  maxExecutions: number,
  auditEvery: number,
): Promise<{ report: CampaignReport; told: AuditDifference[]; executions: number }> {
  let executions = 0;
  const told: AuditDifference[] = [];
  const definition = defineScenario({
    name: 'audited',
    description: 'of a test',
    run: (sim) => {
      executions += 1;
      return run(sim);
    },
  });
  const report = await runCampaign(createExecutor(definition), randomStrategy(1), {
    ...{ maxExecutions, auditEvery },
    onEvent: (event) => {
      if (event.type === 'nondeterministic') told.push(event.difference);
    },
  });
  return { report, told, executions };
}

async function draws(sim: Simulation): Promise<void> {
  for (let i = 0; i < 3; i += 1) await sim.sleep(sim.choose(`nap ${i}`, 4));
  sim.note('awake');
}

test('R209 one execution in so many is run twice and the first one again later; all come out the same', async () => {
  const { report, told, executions } = await audit(draws, 10, 4);
  expect(report.audit).toEqual({ repeated: 3, rerunLater: 2, differences: [] });
  expect([report.executions, executions, told]).toEqual([10, 15, []]);
});

test('with 0 nothing is run twice', async () => {
  const { report, executions } = await audit(draws, 10, 0);
  expect([report.audit.repeated, executions]).toEqual([0, 10]);
});

test('R209 what reads something from outside is told with the first event that differs, from both sides, once', async () => {
  let outside = 0;
  const { report, told } = await audit(
    async (sim) => {
      await draws(sim);
      outside += 1;
      sim.note(`read ${outside}`);
    },
    10,
    3,
  );
  expect(told).toHaveLength(1);
  expect(told).toEqual(report.audit.differences);
  expect(told[0]).toMatchObject({ kind: 'repeat', execution: 0 });
  expect(told[0]?.text).toMatch(/event 1 differs in text: .*note: read 1", second .*note: read 2"$/);
});

test('state that shows only after a while is told as a leak of one execution into the next', async () => {
  let executions = 0;
  const { told } = await audit(
    (sim) => {
      executions += 1;
      sim.note(executions > 4 ? 'tired' : 'fresh');
    },
    8,
    3,
  );
  expect(told).toMatchObject([{ kind: 'leak', execution: 0 }]);
  expect(told[0]?.text).toContain('first "0 ms: note: fresh", second "0 ms: note: tired"');
});

test('other questions are told even if the events are the same', async () => {
  let executions = 0;
  const { told } = await audit(
    (sim) => {
      executions += 1;
      sim.choose(executions % 2 === 1 ? 'one way' : 'another', 2);
    },
    1,
    1,
  );
  expect(told[0]?.text).toMatch(/^decision 0 differs: first "one way" out of 2, answered [01], second /);
});
