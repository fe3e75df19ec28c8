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
): Promise<{ report: CampaignReport; differences: AuditDifference[]; executions: number }> {
  let executions = 0;
  const differences: AuditDifference[] = [];
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
      if (event.type === 'nondeterministic') differences.push(event.difference);
    },
  });
  return { report, differences, executions };
}

async function draws(sim: Simulation): Promise<void> {
  for (let i = 0; i < 3; i += 1) await sim.sleep(sim.choose(`nap ${i}`, 4));
  sim.note('awake');
}

test('R209 one execution in N is run twice, the first again later; all give the same result', async () => {
  const { report, differences, executions } = await audit(draws, 10, 4);
  expect(report.audit).toEqual({ repeated: 3, rerunLater: 2, differences: [] });
  expect([report.executions, executions, differences]).toEqual([10, 15, []]);
});

test('with 0 nothing is run twice', async () => {
  const { report, executions } = await audit(draws, 10, 0);
  expect([report.audit.repeated, executions]).toEqual([0, 10]);
});

test('R209 reading something from outside is reported once, with the first event that differs on both sides', async () => {
  let outside = 0;
  const { report, differences } = await audit(
    async (sim) => {
      await draws(sim);
      outside += 1;
      sim.note(`read ${outside}`);
    },
    10,
    3,
  );
  expect(differences).toHaveLength(1);
  expect(differences).toEqual(report.audit.differences);
  expect(differences[0]).toMatchObject({ kind: 'repeat', execution: 0 });
  expect(differences[0]?.text).toMatch(/event 1 differs in text: .*note: read 1", second .*note: read 2"$/);
});

test.for([
  ['held, then failed', [undefined, 'boom'], /first it held, second it failed: error boom$/],
  ['failed in two ways', ['bang', 'boom'], /first it failed: error bang, second it failed: error boom$/],
] as const)('R209 %s after the same events is reported', async ([, [first, second], text]) => {
  let executions = 0;
  const { differences } = await audit(
    async (sim) => {
      executions += 1;
      const thrown = executions === 1 ? first : executions === 2 ? second : undefined;
      await draws(sim);
      if (thrown !== undefined) throw new Error(thrown);
    },
    1,
    1,
  );
  expect(differences).toMatchObject([{ kind: 'repeat', execution: 0, text: expect.stringMatching(text) }]);
});

test('state that shows only after a while is reported as a leak between executions', async () => {
  let executions = 0;
  const { differences } = await audit(
    (sim) => {
      executions += 1;
      sim.note(executions > 4 ? 'tired' : 'fresh');
    },
    8,
    3,
  );
  expect(differences).toMatchObject([{ kind: 'leak', execution: 0 }]);
  expect(differences[0]?.text).toContain('first "0 ms: note: fresh", second "0 ms: note: tired"');
});

test('R209 a failure that earlier executions lead to shows in the first one, run again', async () => {
  const failsFrom = async (first: number): Promise<CampaignReport['audit']> => {
    let executions = 0;
    const { report } = await audit((sim) => sim.check((executions += 1) < first, 'worn out'), 100, 100);
    expect(report.failures).toMatchObject([{ key: 'check worn out' }]);
    return report.audit;
  };
  const { repeated, rerunLater, differences } = await failsFrom(9);
  expect([repeated, rerunLater]).toEqual([1, 1]);
  expect(differences).toMatchObject([
    {
      kind: 'leak',
      execution: 0,
      text: 'the end differs: first it held, second it failed: check worn out',
      heldFirst: true,
      laterKey: 'check worn out',
    },
  ]);
  expect(await failsFrom(1)).toMatchObject({ rerunLater: 0, differences: [] });
});

test('different questions are reported even if the events are the same', async () => {
  let executions = 0;
  const { differences } = await audit(
    (sim) => {
      executions += 1;
      sim.choose(executions % 2 === 1 ? 'one way' : 'another', 2);
    },
    1,
    1,
  );
  expect(differences[0]?.text).toMatch(
    /^decision 0 differs: first "one way" out of 2, answered [01], second /,
  );
});
