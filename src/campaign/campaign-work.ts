/** A campaign in an exploring thread, with its counters where the thread that started it can see them. */
import { runCampaign } from '../explore/campaign.ts';
import { createCoverage } from '../explore/coverage.ts';
import type { Escape } from '../explore/escape.ts';
import type { Executor } from '../explore/executor.ts';
import { exhaustiveStrategy } from '../explore/exhaustive/exhaustive-strategy.ts';
import { EXHAUSTIVE } from '../explore/strategies/strategy-names.ts';
import { createStrategy } from '../explore/strategies/strategy-names.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import type { ExploreSharedState } from './shared-state.ts';
import type { CampaignTask, ExploreMessage } from './task.ts';

const CUT_OFF = 'The time of the campaign was up, and the execution had not ended';

/** What is explored. */
export interface TaskSubject {
  readonly executor: Executor;
  readonly definition: ScenarioDefinition;
  /** What it was seen to reach for outside, if it is watched. */
  readonly escapes: (() => readonly Escape[]) | undefined;
}

/** Runs the campaign to its end, or until it is asked to stop. */
export async function runCampaignTask(
  task: CampaignTask,
  { executor, definition, escapes }: TaskSubject,
  state: ExploreSharedState,
  tell: (message: ExploreMessage) => void,
): Promise<void> {
  const { firstIndex, shards, maxExecutions, goOn, auditEvery, corpus } = task;
  const coverage = createCoverage();
  const exhaustive = task.strategy === EXHAUSTIVE ? exhaustiveStrategy(definition, task.bounds) : undefined;
  const strategy = exhaustive ?? createStrategy(task.strategy, task.seed);
  let corpusLeft = corpus.length;
  state.noteIndex(corpusLeft > 0 ? -1 : firstIndex);
  const report = await runCampaign(executor, strategy, {
    firstIndex,
    shards,
    ...(maxExecutions === undefined ? {} : { maxExecutions }),
    goOn,
    auditEvery,
    corpus,
    coverage,
    shouldStop: () => state.mustStop,
    shouldCutOff: () => (state.mustCutOff ? CUT_OFF : undefined),
    onEvent: (event) => tell({ type: 'event', event }),
    onExecution: (verdict, index) => {
      if (index < 0) corpusLeft -= 1;
      const afterCorpus = corpusLeft > 0 ? -1 : firstIndex;
      state.noteExecution(index < 0 ? afterCorpus : index + shards, verdict);
      state.noteFeatures(coverage.featureCount);
      if (index < 0 && corpusLeft === 0) tell({ type: 'corpus-tried' });
    },
  });
  tell({
    type: 'report',
    report,
    features: coverage.features(),
    ...(escapes === undefined ? {} : { escapes: escapes() }),
    ...(exhaustive === undefined ? {} : { certificate: exhaustive.certificate() }),
  });
}
