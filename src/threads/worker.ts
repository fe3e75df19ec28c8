/**
 * The work of an exploring thread: loads the scenario, does its task, and sends the results. Invariant: it reports the
 * end of its task, and ends it early when asked to stop; the supervisor enforces both.
 */
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { EXHAUSTIVE } from '../explore/strategies/strategy-names.ts';
import { messageOf } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import type { WatchEscapes } from './campaign-work.ts';
import { ExploreSharedState } from './shared-state.ts';
import {
  received,
  toPost,
  type ExploreEnvelope,
  type ExploreMessage,
  type ExploreTask,
  type Posted,
  type ThreadInput,
} from './task.ts';
import { ThreadScenario, type PreparedScenario } from './thread-scenario.ts';

/** Services that live in the layers above this folder. */
export interface ExploreServices {
  /** Finds a scenario by the reference that was typed. If it throws, nothing is run, and its error is the reason. */
  readonly load: (scenario: string) => Promise<PreparedScenario>;
  /** Names what {@link load} awaits. */
  readonly awaitedCode: () => string;
  /** Loads the watch for accesses of executions outside of their simulation. */
  readonly loadEscapeWatch: () => Promise<WatchEscapes>;
}

/** Does the task that this thread was started with; the thread's entry file must call it once. */
export async function serveExploreTask({
  load,
  awaitedCode,
  loadEscapeWatch,
}: ExploreServices): Promise<void> {
  const { task, memory } = received<ThreadInput>(workerData as Posted);
  const work = await workOf(task, loadEscapeWatch);
  let prepared: PreparedScenario;
  const isLoaded = reportEnd(awaitedCode);
  try {
    prepared = await load((task.kind === 'failure' ? task.failing : task).scenario);
  } catch (error) {
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    send({ type: 'refused', message: messageOf(error), code: typeof code === 'string' ? code : undefined });
    return;
  } finally {
    isLoaded();
  }
  send({ type: 'ready' });
  await work(new ThreadScenario(prepared, new ExploreSharedState(memory), send));
  send({ type: 'done' });
}

/** Reports what ends this thread, until the returned function is called. */
function reportEnd(awaitedCode: () => string): () => void {
  const refuse = (why: string): void => {
    stop();
    send({ type: 'refused', message: `${awaitedCode()} ${why}` });
  };
  // The event loop is empty. From Node 24 on, Node would warn of it as well if the code were not set.
  const onBeforeExit = (): void => {
    process.exitCode = 1;
    refuse('awaits a promise that nobody will settle');
  };
  const onExit = (code: number): void => refuse(`called process.exit(${code})`);
  const stop = (): void => {
    process.off('beforeExit', onBeforeExit);
    process.off('exit', onExit);
  };
  process.on('beforeExit', onBeforeExit);
  process.on('exit', onExit);
  return stop;
}

/** The function for a task. Each thread loads only what it needs: most never explain anything. */
async function workOf(
  task: ExploreTask,
  loadEscapeWatch: ExploreServices['loadEscapeWatch'],
): Promise<(scenario: ThreadScenario) => Promise<void>> {
  if (task.kind === 'campaign') {
    const { runCampaignTask } = await import('./campaign-work.ts');
    const parts = {
      watchEscapes: task.strict ? await loadEscapeWatch() : undefined,
      exhaustive:
        task.strategy === EXHAUSTIVE
          ? await import('../explore/exhaustive/exhaustive-strategy.ts')
          : undefined,
    };
    return (scenario) => runCampaignTask(task, scenario, parts);
  }
  const { runReplayTask, runFailureTask } = await import('./failure-work.ts');
  return (scenario) =>
    task.kind === 'failure' ? runFailureTask(task, scenario) : runReplayTask(task, scenario);
}

function send(message: ExploreMessage): void {
  invariant(parentPort !== null, 'an exploring thread was started as a thread');
  const envelope: ExploreEnvelope = { exploreMessage: toPost(message) };
  parentPort.postMessage(envelope);
}
