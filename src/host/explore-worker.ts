/**
 * The work of one exploring thread: loads the scenario, does its task, tells what comes of it. Invariant: it ends by itself when its
 * task is done or it is asked to stop; whoever started it watches that it does.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { runCampaign } from '../explore/campaign.ts';
import { createExecutor, type Executor } from '../explore/executor.ts';
import { createCoverage } from '../explore/coverage.ts';
import { createStrategy } from '../explore/strategy-names.ts';
import { messageOf } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { ExploreSharedState } from './explore-shared-state.ts';
import type { CampaignTask, ExploreMessage, ExploreTask } from './explore-task.ts';
import { recordedExecutor } from './recorded-executor.ts';
import { catchStrayErrors } from './stray-errors.ts';

/** A scenario with what its `prepare` made. */
export interface PreparedScenario {
  readonly definition: ScenarioDefinition;
  readonly input: unknown;
}

/**
 * Serves the task that this thread was started with; to be called once by the file that the thread runs.
 *
 * @param load finds a scenario by what was typed; what it throws is told as the reason why nothing was run.
 */
export async function serveExploreTask(load: (scenario: string) => Promise<PreparedScenario>): Promise<void> {
  const task = workerData as ExploreTask;
  let prepared: PreparedScenario;
  try {
    prepared = await load(task.scenario);
  } catch (error) {
    tell({ type: 'refused', message: messageOf(error) });
    return;
  }
  tell({ type: 'ready' });
  const state = new ExploreSharedState(task.memory);
  const { definition, input } = prepared;
  const executor = recordedExecutor(withoutStrays(createExecutor(definition, input)), state);
  await explore(task, executor, state);
  tell({ type: 'done' });
}

async function explore(task: CampaignTask, executor: Executor, state: ExploreSharedState): Promise<void> {
  const { firstIndex, shards, maxExecutions, goOn, auditEvery, corpus } = task;
  let corpusLeft = corpus.length;
  state.noteIndex(corpusLeft > 0 ? -1 : firstIndex);
  const report = await runCampaign(executor, createStrategy(task.strategy, task.seed), {
    firstIndex,
    shards,
    ...(maxExecutions === undefined ? {} : { maxExecutions }),
    goOn,
    auditEvery,
    corpus,
    coverage: createCoverage(),
    shouldStop: () => state.mustStop,
    onEvent: (event) => tell({ type: 'event', event }),
    onExecution: (verdict, index) => {
      if (index < 0) corpusLeft -= 1;
      const afterCorpus = corpusLeft > 0 ? -1 : firstIndex;
      state.noteExecution(index < 0 ? afterCorpus : index + shards, verdict);
      if (index < 0 && corpusLeft === 0) tell({ type: 'corpus-tried' });
    },
  });
  tell({ type: 'report', report });
}

/** What a scenario leaves uncaught is a failure of the execution in which it came. */
function withoutStrays(executor: Executor): Executor {
  return {
    scenario: executor.scenario,
    execute: ({ onTurn, ...request }) =>
      catchStrayErrors((noteStrays) =>
        executor.execute({
          ...request,
          onTurn: () => {
            noteStrays();
            onTurn?.();
          },
        }),
      ),
  };
}

function tell(message: ExploreMessage): void {
  invariant(parentPort !== null, 'an exploring thread was started as a thread');
  parentPort.postMessage(message);
}
