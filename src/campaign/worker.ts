/**
 * The work of one exploring thread: loads the scenario, does its task, tells what comes of it. Invariant: it says so when its task is
 * done, and ends its task early when it is asked to stop; whoever started it watches that it does.
 */
import { parentPort, resourceLimits, workerData } from 'node:worker_threads';
import type { EscapeWatch } from '../explore/escape.ts';
import { createExecutor, type Executor } from '../explore/executor.ts';
import { messageOf } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import { runCampaignTask } from './campaign-work.ts';
import { runReplayTask } from './replay-work.ts';
import { ExploreSharedState } from './shared-state.ts';
import { runShrinkTask } from './shrink-work.ts';
import type { ExploreEnvelope, ExploreMessage, ExploreTask } from './task.ts';
import { GuardedExecutor } from './guarded-executor.ts';

/** A scenario with what its `prepare` made. */
export interface PreparedScenario {
  readonly definition: ScenarioDefinition;
  readonly input: unknown;
}

/** What the threads are given by whoever knows more than this folder may. */
export interface ExploreServices {
  /** Finds a scenario by what was typed; what it throws is told as the reason why nothing was run. */
  readonly load: (scenario: string) => Promise<PreparedScenario>;
  /** Watches what executions reach for outside of their simulation. */
  readonly watchEscapes: (executor: Executor) => EscapeWatch;
}

/**
 * Serves the task that this thread was started with; to be called once by the file that the thread runs.
 */
export async function serveExploreTask({ load, watchEscapes }: ExploreServices): Promise<void> {
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
  const plain = createExecutor(definition, input, seedOf(task));
  const strict = task.kind === 'campaign' && task.strict ? watchEscapes(plain) : undefined;
  const { maxOldGenerationSizeMb: memoryMb = Infinity } = resourceLimits;
  const [logged, watched] = [true, false].map(
    (keepsLog) => new GuardedExecutor(strict?.executor ?? plain, { state, memoryMb, keepsLog }),
  ) as [GuardedExecutor, GuardedExecutor];
  if (task.kind === 'campaign') {
    const escapes = strict === undefined ? undefined : () => strict.escapes();
    await runCampaignTask(task, { executor: logged, definition, escapes }, state, tell);
  } else if (task.kind === 'shrink') await runShrinkTask(task, watched, state, tell);
  else await runReplayTask(task, { watched, logged }, state, tell);
  tell({ type: 'done' });
}

/** That of `world.random`; the seed of a campaign is its strategy's. */
function seedOf(task: ExploreTask): string | undefined {
  return task.kind === 'campaign' ? undefined : task.seed;
}

function tell(message: ExploreMessage): void {
  invariant(parentPort !== null, 'an exploring thread was started as a thread');
  const envelope: ExploreEnvelope = { exploreMessage: message };
  parentPort.postMessage(envelope);
}
