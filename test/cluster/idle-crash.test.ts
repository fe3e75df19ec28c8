// Programs whose nodes do nothing between calls, and keep in memory what they have promised.
import { expect, test } from 'vitest';
import { createNetwork, type NodeContext, type NodeProgram } from '../../src/cluster/index.ts';
import { createStrategy } from '../../src/explore/strategies/create-strategy.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explore } from '../../src/explore/explorer.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';

interface Voter {
  vote(candidate: string): boolean | Promise<boolean>;
}

/** Two candidates ask three voters once each. */
const election = (voter: NodeProgram<Voter>): ScenarioDefinition =>
  defineScenario<unknown>({
    name: 'election',
    description: 'one candidate at most has a majority',
    async run(sim) {
      const voters = ['v1', 'v2', 'v3'];
      const net = createNetwork(sim, { latencyMs: [1, 20] });
      for (const name of voters) net.node(name, voter, { faults: { crash: true } });
      const leaders: string[] = [];
      for (const candidate of ['ann', 'ben']) {
        net.node(candidate, async ({ connect }) => {
          const ask = (name: string): Promise<boolean> =>
            connect<Voter>(name)
              .vote(candidate)
              .catch(() => false);
          const votes = await Promise.all(voters.map(ask));
          if (votes.filter(Boolean).length > 1) leaders.push(candidate);
        });
      }
      await sim.sleep(3_000);
      sim.check(leaders.length < 2, `${leaders.join(' and ')} lead`);
    },
  });

const forgetfulVoter = (): Voter => {
  let vote: string | undefined;
  return { vote: (candidate) => (vote ??= candidate) === candidate };
};

/** Says nothing before its disk has the vote. */
const durableVoter = async ({ disk }: NodeContext): Promise<Voter> => {
  const files = await disk.list();
  let vote = files.includes('vote') ? await disk.readText('vote') : '';
  // A vote that was being written in the crash was given to nobody.
  if (!['ann', 'ben'].includes(vote)) vote = '';
  let written: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    await disk.write('vote', vote);
    await disk.sync('vote');
    await disk.sync();
  };
  return {
    async vote(candidate) {
      if (vote === '') vote = candidate;
      await (written ??= write());
      return vote === candidate;
    },
  };
};

const executionsOf = async (
  scenario: ScenarioDefinition,
  seed: string,
): Promise<{ readonly executions: number; readonly failures: number }> =>
  explore(createExecutor(scenario), createStrategy('portfolio', seed), {
    maxExecutions: 200,
    onFailure: () => false,
  });

test.each(['1', '2', '3'])('a vote that an idle node forgets is found, seed %s', async (seed) => {
  expect(await executionsOf(election(forgetfulVoter), seed)).toMatchObject({ failures: 1 });
});

test('a vote that is on the disk is not lost', async () => {
  expect(await executionsOf(election(durableVoter), '1')).toMatchObject({ executions: 200, failures: 0 });
});
