/**
 * Looks for a failure of a `simTest` as its plan asks. Invariants: kept logs are tried first; the plain schedule has
 * run before an exploration ends; executions that were cut off do not count as held.
 */
import * as is from '../../kernel/shape.ts';
import { runCampaign } from '../../explore/campaign.ts';
import type { CampaignEvent, CampaignReport, CorpusEntry } from '../../explore/campaign-report.ts';
import { createCoverage } from '../../explore/coverage.ts';
import { cutOffExecution, failingExecution, type FailingExecution } from '../../explore/failing-execution.ts';
import { unusualCount } from '../../explore/keyed-log.ts';
import { checkReplay } from '../../explore/replay-check.ts';
import { REPLAY_DIVERGED, REPLAY_OUTCOMES } from '../../explore/replay-outcome.ts';
import type { ReplayToken } from '../../explore/replay-token.ts';
import { portfolioStrategy } from '../../explore/strategies/portfolio.ts';
import { check } from '../../kernel/argument-check.ts';
import type { Decision } from '../../kernel/decisions.ts';
import { invalidArgument, RunnerError } from '../../kernel/errors.ts';
import { keyedReplayDecisions } from '../../kernel/replay-decisions.ts';
import { randomDecisions } from '../../kernel/random-decisions.ts';
import { addReached } from '../../model/reached-names.ts';
import type { CorpusFolder, KeptLog } from '../../host/corpus/corpus-folder.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import { relativePath } from '../relative-path.ts';
import type { FoundExecution, FoundFailure, TestRun } from '../test-run.ts';
import { FirstHeld } from './first-held.ts';
import { noteNeverReached, noteNothingDecided } from './passing-notes.ts';
import { checkSeed, DEFAULT_SEED, type Plan } from './test-plan.ts';

/** From this many executions on, measuring coverage pays off. */
const WATCHED_RUNS_LEAST = 128;
/** Id of the plain schedule among the logs that an exploration tries first. */
export const PLAIN = 'plain';
/** The index of an execution of the corpus. */
const OF_CORPUS = -1;
const ONE_SEED = is.anyOf('a text or a number', is.TEXT, is.NUMBER);

/** Undefined if all executions held. `isExplored` returns true once the time for exploring is up. */
export function findFailure(
  run: TestRun,
  plan: Exclude<Plan, { readonly kind: 'other' }>,
  isExplored: () => boolean,
): Promise<FoundFailure | undefined> {
  switch (plan.kind) {
    case 'replay':
      return replayed(run, plan.log);
    case 'seeds':
      return failureOfSeeds(run, plan);
    case 'explore':
      return failureExplored(run, plan, isExplored);
  }
}

async function failureExplored(
  run: TestRun,
  { runs, seed }: Extract<Plan, { readonly kind: 'explore' }>,
  isExplored: () => boolean,
): Promise<FoundFailure | undefined> {
  const { test, turns } = run;
  const { corpus, kept } = await loadKept(run);
  const ofSeeds = kept.filter((entry) => entry.seed !== undefined);
  const again = await failureOfKept(run, corpus, ofSeeds);
  if (again !== undefined) return again;
  const explored = kept.filter((entry) => entry.seed === undefined);
  const entries: readonly CorpusEntry[] = [...explored, { id: PLAIN, decisions: [] }];
  const changes: ChangeOfKept[] = [];
  /** Logs that are not decided yet, the last of which is the plain schedule; one without an end yet is run again. */
  let entriesLeft = entries.length;
  let isCutOff = false;
  const report = await runCampaign(run.executor(DEFAULT_SEED), portfolioStrategy(seed), {
    reference: run.reference,
    maxExecutions: runs,
    corpus: entries,
    // A loop that ran between two executions cuts off the next one, which reports it. Otherwise the plain schedule must
    // be decided, even if the time for exploring is up.
    shouldStop: () =>
      turns.isStuck
        ? isCutOff
        : (isCutOff || entriesLeft === 0) && (isExplored() || test.signal?.aborted === true),
    // Not `onTried`, which counts also what is undecided.
    onExecution: (_, index) => {
      if (index === OF_CORPUS) entriesLeft -= 1;
    },
    onEvent: (event) => {
      if (event.type === 'cut-off') isCutOff = true;
      if (isOfKept(event) && test.isSkipped?.() !== true) changes.push(event);
    },
    ...(runs >= WATCHED_RUNS_LEAST ? { coverage: createCoverage() } : {}),
  });
  await removeChanged(run, corpus, changes, report.failures[0]?.key);
  return foundBy(report, test, runs);
}

/** What an exploration of `runs` executions has found. */
function foundBy(report: CampaignReport, test: TestRun['test'], runs: number): FoundFailure | undefined {
  const [failing] = report.failures;
  const cutOff = mostTelling(report.cutOff);
  const [difference] = report.audit.differences;
  if (failing !== undefined) {
    return {
      kind: 'failing',
      failing,
      seed: DEFAULT_SEED,
      ...(difference === undefined ? {} : { difference: { ...difference, seed: DEFAULT_SEED } }),
    };
  }
  if (cutOff !== undefined) return { kind: 'cut off', failing: cutOff, seed: DEFAULT_SEED };
  if (difference !== undefined) return { kind: 'different', difference };
  // Executions that had no time do not count as held.
  if (report.stoppedBy !== 'stopped' || test.signal?.aborted === true) {
    if (runs === 0) return undefined;
    noteNeverReached(test, report.sometimes, report.executions);
    if (report.decisions === 0) noteNothingDecided(test, report.executions);
    return undefined;
  }
  const executions = report.executions - report.corpusExecutions;
  return { kind: 'unfinished', executions, by: 'runs', count: runs };
}

/**
 * The plain schedule if it was cut off, because it needs no choices to repeat; else the execution that fired most
 * events.
 */
function mostTelling(cutOff: readonly FailingExecution[]): FailingExecution | undefined {
  return (
    cutOff.find(({ index, decisions }) => index < 0 && unusualCount(decisions) === 0) ??
    cutOff.toSorted((one, other) => other.firedEvents - one.firedEvents)[0]
  );
}

/** What has become of a kept log. */
type ChangeOfKept = Extract<CampaignEvent, { readonly type: 'fixed' | 'changed' }>;

function isOfKept(event: CampaignEvent): event is ChangeOfKept {
  return (event.type === 'fixed' || event.type === 'changed') && event.corpusId !== PLAIN;
}

/** Only the failure that is reported is kept anew, so the log of another one stays. */
async function removeChanged(
  run: TestRun,
  corpus: CorpusFolder | undefined,
  changes: readonly ChangeOfKept[],
  reportedKey: string | undefined,
): Promise<void> {
  for (const change of changes) {
    const isFixed = change.type === 'fixed';
    if (isFixed || change.now === reportedKey) await removeKept(run, corpus, change.corpusId, isFixed);
  }
}

async function removeKept(
  { fixed }: TestRun,
  corpus: CorpusFolder | undefined,
  id: string,
  isFixed: boolean,
): Promise<void> {
  if (corpus === undefined) return;
  await corpus.remove(id);
  if (isFixed) fixed.push(relativePath(corpus.pathOf(id)));
}

async function loadKept(run: TestRun): Promise<{
  readonly corpus: CorpusFolder | undefined;
  readonly kept: readonly KeptLog[];
}> {
  const corpus = run.isKept ? await run.corpus() : undefined;
  return { corpus, kept: (await corpus?.load()) ?? [] };
}

/**
 * Runs each kept log with its own seed. Removes a log that holds, or that now fails in another way, which is then kept
 * as a new log.
 */
async function failureOfKept(
  run: TestRun,
  corpus: CorpusFolder | undefined,
  kept: readonly KeptLog[],
  first = new FirstHeld(run),
): Promise<FoundFailure | undefined> {
  for (const { id, key, decisions, seed = DEFAULT_SEED } of kept) {
    const verdict = await first.execute(seed, keyedReplayDecisions(decisions));
    const found = verdict.held ? undefined : foundIn(run, verdict, seed, 0);
    if (found?.kind === 'cut off' || run.test.isSkipped?.() === true) return found;
    if (key !== undefined && found?.failing.key !== key) {
      await removeKept(run, corpus, id, found === undefined);
    }
    if (found !== undefined) return first.compared({ ...found, failing: { ...found.failing, corpusId: id } });
  }
  return undefined;
}

async function failureOfSeeds(
  run: TestRun,
  { seeds, count }: Extract<Plan, { readonly kind: 'seeds' }>,
): Promise<FoundFailure | undefined> {
  const { corpus, kept } = await loadKept(run);
  const first = new FirstHeld(run);
  const again = await failureOfKept(run, corpus, kept, first);
  if (again !== undefined) return again;
  let executions = 0;
  const sometimes: Record<string, boolean> = {};
  for (const one of seeds) {
    check(`seeds[${executions}]`, one, ONE_SEED);
    checkSeed(`seeds[${executions}]`, one);
    const seed = String(one);
    const verdict = await first.execute(seed, randomDecisions(seed));
    if (!first.hasBegun) return { kind: 'unfinished', executions, by: 'seeds', count };
    executions += 1;
    if (!verdict.held) {
      return first.compared({ ...foundIn(run, verdict, seed, executions), isDecidedBySeed: true });
    }
    addReached(sometimes, verdict.sometimes);
  }
  if (executions === 0) throw invalidArgument('seeds', 'at least one seed', run.test.options?.seeds);
  if (executions > 1) noteNeverReached(run.test, sometimes, executions);
  return undefined;
}

async function replayed(
  run: TestRun,
  log: ReplayToken | readonly Decision[],
): Promise<FoundFailure | undefined> {
  const { seed = DEFAULT_SEED } = 'decisions' in log ? log : {};
  const { verdict, gap } = await checkReplay(run.executor(seed), log, { onGap: 'keyed' });
  const isOfDecision = gap?.expected !== undefined || gap?.came !== undefined;
  if (!verdict.held) {
    const changed = isOfDecision ? 'does not fit any more' : REPLAY_OUTCOMES.different;
    return {
      ...foundIn(run, verdict, seed, 1, 'seed' in log ? { seed: log.seed } : {}),
      isReplayed: true,
      verdict,
      ...(gap === undefined ? {} : { gap: `${changed} (${REPLAY_DIVERGED}): ${gap.text}` }),
    };
  }
  if (!isOfDecision) {
    // Vitest prints nothing about a test that passes.
    if (gap !== undefined) console.warn(`${run.test.name}: fixed: ${gap.text}`);
    return undefined;
  }
  throw new RunnerError(
    REPLAY_DIVERGED,
    `The log does not fit this test any more (${REPLAY_DIVERGED}), so it repeats nothing: ${gap.text}. What happens now holds`,
  );
}

function foundIn(
  { reference }: TestRun,
  verdict: Verdict,
  seed: string,
  executions: number,
  /** Absent in a log that was run with the default seed; its token then has none either. */
  ofLog: { readonly seed?: string | undefined } = { seed },
): FoundExecution {
  const failure = verdict.failure as Failure;
  const ofSeed = ofLog.seed === undefined ? {} : { seed: ofLog.seed };
  const found = { scenario: reference, ...ofSeed, index: executions - 1, executions };
  return failure.kind === 'interrupted'
    ? { kind: 'cut off', failing: cutOffExecution(verdict, found), seed }
    : { kind: 'failing', failing: failingExecution(verdict, failure, found), seed };
}
