/**
 * The work of one exploring thread: loads the scenario, does its task, sends what comes of it. Invariant: it says so when its task is done,
 * and ends its task early when it is asked to stop; the thread that started it watches that it does.
 */
import { parentPort, resourceLimits, workerData } from 'node:worker_threads';
import { runCampaign } from '../explore/campaign.ts';
import { createCoverage } from '../explore/coverage.ts';
import type { EscapeWatch } from '../explore/escape.ts';
import { withinEvents } from '../explore/event-budget.ts';
import { createExecutor, type Executor } from '../explore/executor.ts';
import { exhaustiveStrategy } from '../explore/exhaustive/exhaustive-strategy.ts';
import { heldHistory } from '../explore/explain/held-history.ts';
import { eventBound, failingExecution } from '../explore/failing-execution.ts';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import { checkReplay, type ReplayGap, type ReplayReport } from '../explore/replay-check.ts';
import { explainWithin, settleFailure, type SettleLimits } from '../explore/settle-failure.ts';
import { createStrategy, EXHAUSTIVE } from '../explore/strategies/strategy-names.ts';
import { recordBeginning, recordTimeline, type Timeline } from '../explore/timeline/timeline.ts';
import { messageOf } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { formatCount } from '../model/plural.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { GuardedExecutor } from './guarded-executor.ts';
import { ExploreSharedState } from './shared-state.ts';
import {
  boundOf,
  expectedKey,
  type CampaignTask,
  type ExploreEnvelope,
  type ExploreMessage,
  type ReplayOutcome,
  type ReplayResult,
  type ReplayTask,
  type SettleTask,
  type ThreadInput,
} from './task.ts';

/** A scenario with what its `prepare` made. */
export interface PreparedScenario {
  readonly definition: ScenarioDefinition;
  readonly input: unknown;
}

/** What the threads need that lies above this folder. */
export interface ExploreServices {
  /** Finds a scenario by what was typed; what it throws is the reason why nothing is run. */
  readonly load: (scenario: string) => Promise<PreparedScenario>;
  /** Watches what executions reach for outside of their simulation. */
  readonly watchEscapes: (executor: Executor) => EscapeWatch;
}

const CUT_OFF = 'The time of the campaign was up, and the execution had not ended';
/** Everything that happens is drawn, so that of more events the beginning is enough. */
const DRAWN_EVENTS_MAX = 50_000;
/** A replay is to take a few times what its execution takes; a short one has this much for its explanation. */
const EXPLAIN_MS_LEAST = 2_000;
const EXPLAIN_MS_MOST = 10_000;

/** Serves the task that this thread was started with; to be called once by the file that the thread runs. */
export async function serveExploreTask(services: ExploreServices): Promise<void> {
  const { task, memory } = workerData as ThreadInput;
  let prepared: PreparedScenario;
  try {
    prepared = await services.load((task.kind === 'settle' ? task.failing : task).scenario);
  } catch (error) {
    send({ type: 'refused', message: messageOf(error) });
    return;
  }
  send({ type: 'ready' });
  const work = new ThreadWork(prepared, new ExploreSharedState(memory));
  if (task.kind === 'campaign') await work.campaign(task, services);
  else if (task.kind === 'settle') await work.settle(task);
  else await work.replay(task);
  send({ type: 'done' });
}

function send(message: ExploreMessage): void {
  invariant(parentPort !== null, 'an exploring thread was started as a thread');
  const envelope: ExploreEnvelope = { exploreMessage: message };
  parentPort.postMessage(envelope);
}

/** What can be done with one scenario. */
class ThreadWork {
  readonly #prepared: PreparedScenario;
  readonly #state: ExploreSharedState;

  constructor(prepared: PreparedScenario, state: ExploreSharedState) {
    this.#prepared = prepared;
    this.#state = state;
  }

  /** Runs the campaign to its end, or until it is asked to stop. */
  async campaign(task: CampaignTask, { watchEscapes }: ExploreServices): Promise<void> {
    const { scenario: reference, firstIndex, shards, maxExecutions, goOn, auditEvery, corpus } = task;
    const state = this.#state;
    const plain = this.#executor(undefined);
    const strict = task.strict ? watchEscapes(plain) : undefined;
    const coverage = createCoverage();
    const exhaustive =
      task.strategy === EXHAUSTIVE ? exhaustiveStrategy(this.#prepared.definition, task.bounds) : undefined;
    const strategy = exhaustive ?? createStrategy(task.strategy, task.seed);
    let corpusLeft = corpus.length;
    state.noteIndex(corpusLeft > 0 ? -1 : firstIndex);
    const report = await runCampaign(this.#guarded(strict?.executor ?? plain, true), strategy, {
      ...{ reference, firstIndex, shards, goOn, auditEvery, corpus, coverage },
      ...(maxExecutions === undefined ? {} : { maxExecutions }),
      shouldStop: () => state.mustStop,
      shouldCutOff: () => (state.mustCutOff ? CUT_OFF : undefined),
      onEvent: (event) => send({ type: 'event', event }),
      onExecution: (verdict, index) => {
        if (index < 0) corpusLeft -= 1;
        const afterCorpus = corpusLeft > 0 ? -1 : firstIndex;
        state.noteExecution(index < 0 ? afterCorpus : index + shards, verdict);
        state.noteFeatures(coverage.featureCount);
        if (index < 0 && corpusLeft === 0) send({ type: 'corpus-tried' });
      },
    });
    const part = {
      ...{ report, features: coverage.features() },
      ...(strict === undefined ? {} : { escapes: strict.escapes() }),
      ...(exhaustive === undefined ? {} : { certificate: exhaustive.certificate() }),
    };
    send({ type: 'part', part });
  }

  /** Makes a failure small until that gets no further or it is asked to stop, then explains it. */
  async settle({ failing, explainMs, ...options }: SettleTask): Promise<void> {
    const executor = this.#guarded(this.#executor(failing.seed), false);
    const onSmaller = (shrunk: NonNullable<typeof failing.shrunk>): void =>
      send({ type: 'part', part: { shrunk } });
    const part = await settleFailure(executor, failing, {
      ...{ ...options, ...this.#limits(explainMs), onSmaller },
    });
    send({ type: 'part', part });
  }

  /** Runs an execution once, and more often to draw and to explain it. */
  async replay(task: ReplayTask): Promise<void> {
    const { log, seed } = task;
    const maxEvents = boundOf(task);
    const isOfCutOff = expectedKey(task) === CUT_OFF_KEY;
    const plain = this.#executor(seed);
    const [logged, watched] = [true, false].map((keepsLog) => this.#guarded(plain, keepsLog)) as [
      Executor,
      Executor,
    ];
    const startedAt = performance.now();
    const report = await runOnce(task, withinEvents(logged, maxEvents, isOfCutOff));
    const tookMs = performance.now() - startedAt;
    const outcome = outcomeOf(report, task);
    send({ type: 'part', part: { outcome } });
    const { verdict } = report;
    const bounded = withinEvents(watched, maxEvents, isOfCutOff);
    if (task.drawsTimeline === true) {
      const isWhole = verdict.firedEvents <= DRAWN_EVENTS_MAX;
      const drawn = isWhole
        ? recordTimeline(bounded, verdict.decisions())
        : timelineOfBeginning(verdict, watched);
      send({ type: 'part', part: { timeline: await drawn } });
    }
    // What has no end has nothing to explain.
    if (!task.explains || (isOfCutOff && verdict.failure?.kind === 'budget')) return;
    const limits = this.#limits(Math.min(EXPLAIN_MS_MOST, Math.max(EXPLAIN_MS_LEAST, 2 * tookMs)));
    send({ type: 'part', part: await storyOf(outcome, report, { executor: bounded, log, seed }, limits) });
  }

  #executor(seed: string | undefined): Executor {
    return createExecutor(this.#prepared.definition, this.#prepared.input, seed);
  }

  #guarded(executor: Executor, keepsLog: boolean): Executor {
    const { maxOldGenerationSizeMb: memoryMb = Infinity } = resourceLimits;
    return new GuardedExecutor(executor, { state: this.#state, memoryMb, keepsLog });
  }

  #limits(explainMs: number): SettleLimits {
    return { explainMs, mustStop: () => this.#state.mustStop, now: () => performance.now() };
  }
}

async function runOnce(
  { log, seed = '1', failureKey, onGap }: ReplayTask,
  executor: Executor,
): Promise<ReplayReport> {
  if (log !== undefined) return checkReplay(executor, log, { onGap, failureKey });
  const verdict = await executor.execute({ source: randomDecisions(seed) });
  return { verdict, isReproduced: true, isSameTrace: true };
}

function outcomeOf(
  { verdict, isReproduced, isSameTrace, gap }: ReplayReport,
  { scenario, seed, onGap }: ReplayTask,
): ReplayOutcome {
  const { failure, traceHash, firedEvents, virtualMs, decisionCount } = verdict;
  const found = { scenario, ...(seed === undefined ? {} : { seed }), index: 0, executions: 1 };
  return {
    ...{ isReproduced, isSameTrace, traceHash, firedEvents, virtualMs, decisions: decisionCount },
    ...(gap === undefined ? {} : { gap: { text: gap.text, isOfDecision: isOfDecision(gap) } }),
    wentOn: onGap === 'random' && gap !== undefined && isOfDecision(gap),
    ...(failure === undefined ? {} : { failing: failingExecution(verdict, failure, found) }),
  };
}

/** What goes on and on is seen in its beginning and its failure. That it is cut off there is no failure of its own. */
async function timelineOfBeginning(verdict: Verdict, executor: Executor): Promise<Timeline> {
  const { firedEvents, failure } = verdict;
  const brief = withinEvents(executor, DRAWN_EVENTS_MAX, true);
  const { otherData, ...rest } = await recordBeginning(brief, verdict);
  const first = `the first ${formatCount(DRAWN_EVENTS_MAX)} of ${formatCount(firedEvents)} events`;
  const shown = failure === undefined ? first : `${first} and the failure; what lies between is not drawn`;
  return { ...rest, otherData: { ...otherData, shown } };
}

/** Why it fails; of what holds where its log does not fit, what happens now. */
async function storyOf(
  { failing, isReproduced }: ReplayOutcome,
  { verdict }: ReplayReport,
  { executor, log, seed }: Pick<ReplayTask, 'log' | 'seed'> & { readonly executor: Executor },
  limits: SettleLimits,
): Promise<Omit<ReplayResult, 'outcome' | 'timeline'>> {
  if (failing !== undefined) {
    const { scenario, firedEvents, decisions } = failing;
    const { maxEvents } = eventBound(failing);
    return explainWithin(executor, decisions, { scenario, seed, firedEvents, maxEvents }, limits);
  }
  if (isReproduced || log === undefined) return {};
  return { history: await heldHistory(executor, verdict.decisions()) };
}

function isOfDecision({ expected, came }: ReplayGap): boolean {
  return expected !== undefined || came !== undefined;
}
