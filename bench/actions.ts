/** Actions of the Bazel path in a simulation: looked up, checked out, carried out by a script, their outputs stored and their results cached. */
import { createMemoryTree, createSimulatedRunner, finalStatus, simulate } from '../src/index.ts';
import {
  createActionStore,
  createContentFiler,
  createMemoryActionCache,
  createMemoryContentStore,
  digestOf,
  encodeAction,
  encodeCommand,
  snapshotOfDigest,
} from '../src/remote/index.ts';
import type { Figure } from './figure.ts';
import { interleave, median } from './measure.ts';

const ACTIONS = 2_000;
const CAPACITY = 10;

/** A run of every action, each another one, as many at once as the runner takes. */
async function runActions(): Promise<void> {
  const { failure } = await simulate({
    scenario: async (sim) => {
      const [content, cache, tree] = [
        createMemoryContentStore(),
        createMemoryActionCache(),
        createMemoryTree(),
      ];
      const runner = createSimulatedRunner(sim.world, {
        capacity: CAPACITY,
        history: CAPACITY,
        filers: new Map([['bazel', { filer: createContentFiler({ content, tree }) }]]),
        actions: createActionStore({ content, cache, tree }),
      });
      const inputRootDigest = content.add('');
      const lists = { outputFiles: [], outputDirectories: [], outputPaths: ['out'], workingDirectory: '' };
      let next = 0;
      const caller = async (): Promise<void> => {
        while (next < ACTIONS) {
          next += 1;
          const command = {
            arguments: ['complete 0'],
            environmentVariables: { N: String(next) },
            platform: [],
            ...lists,
          };
          const commandDigest = content.add(encodeCommand(command));
          const action = encodeAction({ commandDigest, inputRootDigest, doNotCache: false });
          const actionDigest = content.add(action);
          const executeRequest = { actionDigest };
          const snapshotId = snapshotOfDigest(digestOf(action));
          const { runId } = await runner.run({ argv: [], snapshotId, executeRequest });
          const { status } = await finalStatus(runner, runId);
          sim.check(status.actionResult?.cached === false, 'each action is another one, and completes');
        }
      };
      await Promise.all(Array.from({ length: CAPACITY }, caller));
      await runner.release();
      sim.check(cache.size === ACTIONS, 'every result is cached');
    },
  });
  if (failure !== undefined) throw new Error(failure.message);
}

/** Actions in a second of one core. */
export async function measureActions(rounds: number): Promise<Figure[]> {
  await runActions();
  const { actions } = await interleave({ actions: runActions }, rounds);
  const perSecond = (ms: (cost: (typeof actions)[number]) => number): number =>
    Math.round(median(actions.map((cost) => (ACTIONS * 1_000) / ms(cost))));
  return [
    {
      name: 'simulated actions',
      value: perSecond(({ cpuMs }) => cpuMs),
      unit: '/s',
      goal: 10_000,
      goalIs: 'least',
      by: 'CPU time',
      peer: 'none: a figure of its own',
      note: `made, executed uncached by a simulated runner with ${CAPACITY} at once, and cached; stores and tree in memory`,
      more: { perSecondWall: perSecond(({ wallMs }) => wallMs) },
    },
  ];
}
