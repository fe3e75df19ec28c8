/** Runs a campaign in an exploring thread, with counters that the thread that started it can read. */
import { runCampaign } from '../explore/campaign.ts';
import type { CorpusEntry } from '../explore/campaign-report.ts';
import { createCoverage } from '../explore/coverage.ts';
import type { EscapeWatch } from '../explore/escape.ts';
import type { Executor } from '../explore/executor.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import type { exhaustiveStrategy } from '../explore/exhaustive/exhaustive-strategy.ts';
import { createStrategy } from '../explore/strategies/create-strategy.ts';
import type { Strategy } from '../explore/strategies/strategy.ts';
import { addReached } from '../model/reached-names.ts';
import type { CampaignTask } from './task.ts';
import type { ThreadScenario } from './thread-scenario.ts';

const CUT_OFF = 'The time of the campaign was up, and the execution had not ended';

/** Starts watching for escapes: accesses of executions to anything outside of their simulation. */
export type WatchEscapes = (executor: Executor) => EscapeWatch;

/** Parts that only some campaigns need. */
export interface CampaignParts {
  readonly watchEscapes: WatchEscapes | undefined;
  readonly exhaustive: { readonly exhaustiveStrategy: typeof exhaustiveStrategy } | undefined;
}

/** Adds what an execution has seen; true if that was not known. */
function addsReached(seen: Record<string, boolean>, more: Readonly<Record<string, boolean>>): boolean {
  const isNew = Object.entries(more).some(
    ([name, isReached]) => seen[name] !== (isReached || seen[name] === true),
  );
  if (isNew) addReached(seen, more);
  return isNew;
}

/** See `ExploreCounters.index`. */
function sharedIndex(
  { index, corpusId }: Pick<FailingExecution, 'index' | 'corpusId'>,
  corpus: readonly CorpusEntry[],
): number {
  return corpusId === undefined ? index : corpus.findIndex(({ id }) => id === corpusId) - corpus.length;
}

/** Runs a campaign to its end, or until it is asked to stop. */
export async function runCampaignTask(
  task: CampaignTask,
  scenario: ThreadScenario,
  parts: CampaignParts,
): Promise<void> {
  const { definition, state, send } = scenario;
  const { scenario: reference, firstIndex, shards, maxExecutions, keepGoing, auditEvery, corpus } = task;
  const plain = scenario.executor();
  const strict = parts.watchEscapes?.(plain);
  const coverage = createCoverage();
  const exhaustive = parts.exhaustive?.exhaustiveStrategy(definition, task.bounds);
  const strategy: Strategy = exhaustive ?? createStrategy(task.strategy, task.seed);
  for (const unusual of task.lost ?? []) strategy.avoid?.(unusual);
  const sometimes: Record<string, boolean> = {};
  let corpusLeft = corpus.length;
  state.noteIndex(corpusLeft > 0 ? -corpusLeft : firstIndex);
  const report = await runCampaign(scenario.guarded(strict?.executor ?? plain, true), strategy, {
    reference,
    firstIndex,
    shards,
    ...(maxExecutions === undefined ? {} : { maxExecutions }),
    keepGoing,
    ...(auditEvery === undefined ? {} : { auditEvery }),
    corpus,
    coverage,
    shouldStop: () => state.mustStop,
    shouldCutOff: () => (state.mustCutOff ? CUT_OFF : undefined),
    onEvent: (event) => send({ type: 'event', event }),
    onTried: (index) => {
      if (index < 0) corpusLeft -= 1;
      const afterCorpus = corpusLeft > 0 ? -corpusLeft : firstIndex;
      state.noteIndex(index < 0 ? afterCorpus : index + shards);
      if (index < 0 && corpusLeft === 0) send({ type: 'corpus-tried' });
    },
    onUndecided: (undecided) => send({ type: 'part', part: { undecided } }),
    onRerun: (of) => state.noteRerun(of === undefined ? undefined : sharedIndex(of, corpus)),
    onAudit: (audit) => state.noteAudit(audit),
    onExecution: (verdict, index) => {
      state.noteExecution(verdict, index);
      state.noteFeatures(coverage.featureCount);
      if (addsReached(sometimes, verdict.sometimes)) send({ type: 'part', part: { sometimes } });
    },
  });
  const part = {
    ...{ report, features: coverage.features() },
    ...(strict === undefined ? {} : { escapes: strict.escapes() }),
    ...(exhaustive === undefined ? {} : { certificate: exhaustive.certificate() }),
  };
  send({ type: 'part', part });
}
