/**
 * Runs a `simTest`: the logs of earlier failures, the plain schedule, then an exploration; or the one execution that a
 * token names, or one per seed. Invariants: a failure is shrunk, explained and kept; executions, shrinking and
 * explaining stay within the test's time limit.
 */
import * as is from '../kernel/shape.ts';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ambientTime, type AmbientOptions } from '../ambient/ambient-time.ts';
import { freshModules } from '../ambient/fresh-modules.ts';
import { runCampaign } from '../explore/campaign.ts';
import { differenceOf, earlyExecution } from '../explore/campaign-audit.ts';
import type { CampaignEvent, CorpusEntry } from '../explore/campaign-report.ts';
import { createCoverage } from '../explore/coverage.ts';
import { withinEvents } from '../explore/event-budget.ts';
import { simulationExecutor, type ExecutionRequest, type Executor } from '../explore/executor.ts';
import { cutOffExecution, failingExecution, type FailingExecution } from '../explore/failing-execution.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import { checkReplay } from '../explore/replay-check.ts';
import { REPLAY_DIVERGED, REPLAY_OUTCOMES } from '../explore/replay-outcome.ts';
import { decodeToken, isTokenText, type ReplayToken } from '../explore/replay-token.ts';
import { vitestReference, vitestTestOf } from '../explore/vitest-test.ts';
import { portfolioStrategy } from '../explore/strategies/portfolio.ts';
import { check, isArray } from '../kernel/argument-check.ts';
import type { Decision, DecisionSource } from '../kernel/decisions.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import { keyedReplayDecisions, replayDecisions } from '../kernel/replay-decisions.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { DrainSlices } from '../kernel/drain-slices.ts';
import { SEEDS_MAX } from '../kernel/seeded-random.ts';
import { hashText } from '../kernel/text-hash.ts';
import { counted, formatCount } from '../model/plural.ts';
import { addReached, neverReachedText } from '../model/reached-names.ts';
import type { CorpusFolder, KeptLog } from '../host/corpus/corpus-folder.ts';
import type { Ambience } from '../simulation/ambience.ts';
import { checkScenario } from '../simulation/scenario.ts';
import { SIMULATE_OPTIONS } from '../simulation/simulate.ts';
import type { Scenario, SimulateOptions } from '../simulation/simulate-options.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';
import { tuneEngine } from '../threads/engine-settings.ts';
import { GuardedTurns } from '../ambient/guarded-turns.ts';
import { LateErrors } from './late-errors.ts';
import { VITEST_OPTIONS, type SimTestOptions, type TestedScenario } from './sim-test-options.ts';
import {
  relativePath,
  type FoundExecution,
  type FoundFailure,
  type HeldExecution,
  type SimulatedTest,
  type TestRun,
} from './test-run.ts';

const DEFAULT_RUNS = 100;
const DEFAULT_SEED = '1';
/** Parts of the test's time: for exploring, and for all executions. The rest is left to Vitest. */
const EXPLORE_PART = 0.4;
const WHOLE_PART = 0.7;
/** From this many executions on, measuring coverage pays off. */
const WATCHED_RUNS_LEAST = 128;
/** Executions that held are kept, to compare a failure with them, if there are no more than these, and none is longer. */
const HELD_MAX = 256;
const HELD_DECISIONS_MAX = 1_000;
/** Beside the test file, as with snapshots. */
const KEPT_FOLDER = '__dryrunner__';
const PLAIN = 'plain';

/** Options that a simulation does not have, or has with another shape. */
const OWN_OPTIONS = is.optionsOf<
  Pick<
    SimTestOptions,
    'seeds' | 'seed' | 'runs' | 'replay' | 'explain' | 'corpus' | 'neverReached' | 'ambient' | 'timeout'
  >
>(
  {},
  {
    seeds: is.anyOf(
      `a list, or an integer from 1 to ${formatCount(SEEDS_MAX)}`,
      is.integer(1, SEEDS_MAX),
      is.ITERABLE,
    ),
    seed: is.anyOf('a text or a number; more than one are seeds', is.TEXT, is.NUMBER),
    runs: is.COUNT,
    replay: is.anyOf('a token or a list of decisions', is.TEXT, is.LIST),
    explain: is.BOOLEAN,
    corpus: is.satisfying('a folder or false', (value) => typeof value === 'string' || value === false),
    neverReached: is.oneOf('warn', 'ignore'),
    ambient: is.ANY,
    timeout: is.limit(0),
  },
);
/** Options of a simulation that the test sets itself. */
const GIVEN: readonly string[] = ['scenario', 'name', 'seed', 'replay', 'source', 'nextTurn', 'ambient'];
const FIELDS = new Map<string, is.Shape>([
  ...VITEST_OPTIONS.map((key) => [key, is.ANY] as const),
  ...OWN_OPTIONS.fields,
  ...[...SIMULATE_OPTIONS.fields].filter(([key]) => !GIVEN.includes(key)),
]);
/** The names that an error lists: those that docs/vitest.md explains. */
const SHOWN = [...OWN_OPTIONS.fields.keys(), 'retry', 'maxEvents', 'leftovers', 'oracles'];
const OPTIONS: is.RecordShape = {
  ...OWN_OPTIONS,
  fields: FIELDS,
  optional: new Set(FIELDS.keys()),
  shown: SHOWN,
};
const ONE_SEED = is.anyOf('a text or a number', is.TEXT, is.NUMBER);

/** What to run, according to options and environment. */
type Plan =
  | { readonly kind: 'explore'; readonly runs: number; readonly seed: string }
  | { readonly kind: 'seeds'; readonly seeds: Iterable<string | number> }
  | { readonly kind: 'replay'; readonly log: ReplayToken | readonly Decision[] };

/**
 * Runs the test.
 *
 * Rejects with a `SimulationFailedError` for the first execution that does not hold, explained. Its stack begins with
 * the line of the scenario that noticed the failure.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for wrong options, and for a definition with `prepare`.
 */
export async function runSimulatedTest(test: SimulatedTest): Promise<void> {
  try {
    await runChecked(test);
  } catch (error) {
    if (!(error instanceof RunnerError) || error.code !== 'RUNNER_INVALID_ARGUMENT') throw error;
    const { wrongTest } = await import('./failed-test.ts');
    throw wrongTest(test, error);
  }
}

async function runChecked(test: SimulatedTest): Promise<void> {
  tuneEngine();
  const { options = {} } = test;
  check('options', options, OPTIONS);
  const reference = referenceOf(test);
  const plan = planOf(test, reference);
  const simulation = simulationOf(test);
  const { timeoutMs = Infinity, now } = test;
  const timeMs = timeoutMs > 0 ? timeoutMs : Infinity;
  const { startedAt = now() } = test;
  const guarded = (limitMs: number, isShared: boolean): GuardedTurns =>
    new GuardedTurns({ now, timeMs: limitMs, why: timeUpText(timeMs), isShared });
  const within: TestRun['within'] = (limitMs, seed) => {
    const turns = guarded(limitMs, false);
    return { turns, executor: executorWithin(simulation, turns, seed) };
  };
  const leftMs = (): number => startedAt + timeMs * WHOLE_PART - now();
  // Sharing requires that an error in a tick never passes through the turn of another simulation; in ambient time it
  // does not.
  const turns = guarded(leftMs(), simulation.ambient !== undefined);
  const held: HeldExecution[] = [];
  const run: TestRun = {
    isAmbient: simulation.ambient !== undefined,
    ...{ test, reference, turns, within, leftMs, ...keptOf(test, reference) },
    untilTimeOutMs: () => startedAt + timeMs - now(),
    held,
    executor: (seed) =>
      comparing(
        test,
        late,
        (verdict) => keepHeld(held, verdict, seed),
        executorWithin(simulation, turns, seed),
      ),
  };
  const late = new LateErrors(simulation.scenario);
  const found = await late.orFirst(
    findFailure(run, plan, () => now() - startedAt >= timeMs * EXPLORE_PART)
      .finally(() => DrainSlices.leave())
      .finally(() => late.end()),
  );
  const seen: FoundFailure | undefined =
    late.first === undefined ? foundWithSnapshots(test, found) : { kind: 'late', error: late.first };
  if (seen === undefined) return;
  const { failedTest } = await import('./failed-test.ts');
  throw await failedTest(run, seen);
}

/**
 * Compares the snapshots of executions that hold. It adds no promise turn to them, because the state it reads is
 * cleared when the next execution begins. After an error of an execution that has ended, no other one begins.
 */
function comparing(
  { snapshots }: SimulatedTest,
  late: LateErrors,
  onHeld: (verdict: Verdict) => void,
  executor: Executor,
): Executor {
  return new ComparingExecutor(executor, late, (verdict) => {
    onHeld(verdict);
    snapshots?.compare(() => verdict.decisions());
  });
}

class ComparingExecutor implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #late: LateErrors;
  readonly #onHeld: (verdict: Verdict) => void;

  constructor(executor: Executor, late: LateErrors, onHeld: (verdict: Verdict) => void) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#late = late;
    this.#onHeld = onHeld;
  }

  execute(request: ExecutionRequest): Promise<Verdict> {
    const { first } = this.#late;
    if (first !== undefined) return Promise.reject(first);
    const running = this.#executor.execute(request);
    running.then(
      (verdict) => {
        if (verdict.held) this.#onHeld(verdict);
      },
      () => undefined,
    );
    return running;
  }
}

function keepHeld(held: HeldExecution[], verdict: Verdict, seed: string): void {
  if (held.length >= HELD_MAX || verdict.decisionCount > HELD_DECISIONS_MAX) return;
  held.push({ seed, decisions: (max) => verdict.decisions(max) });
}

/** Reports what is more informative: a failure before a snapshot difference, and that before a lack of time. */
function foundWithSnapshots(
  { snapshots }: SimulatedTest,
  found: FoundFailure | undefined,
): FoundFailure | undefined {
  const difference = snapshots?.difference;
  if (difference === undefined || (found !== undefined && found.kind !== 'unfinished')) return found;
  return { kind: 'snapshot', difference };
}

/**
 * What the environment asks for: a seed or a token, or the contents of a file, for a token that is too long for a
 * variable.
 */
export function requestedSeedIn({
  DRYRUNNER_SEED: requestedSeed,
  DRYRUNNER_SEED_FILE: file,
}: NodeJS.ProcessEnv): string | undefined {
  return requestedSeed === undefined && file !== undefined ? readFileSync(file, 'utf8') : requestedSeed;
}

/**
 * How two executions with the same decisions differ, among the plain schedule and `runs` explored executions, with what
 * was decided and the likely cause; undefined if none do.
 */
export async function differenceIn(test: SimulatedTest): Promise<string | undefined> {
  const { options = {}, now } = test;
  check('options', options, OPTIONS);
  const { runs = DEFAULT_RUNS, seed = DEFAULT_SEED } = options;
  const turns = new GuardedTurns({ now, why: timeUpText(Infinity) });
  const simulation = simulationOf(test);
  const { audit } = await runCampaign(
    executorWithin(simulation, turns, DEFAULT_SEED),
    portfolioStrategy(seed),
    { maxExecutions: runs, corpus: [{ id: PLAIN, decisions: [] }], auditEvery: 1, keepGoing: true },
  );
  const [difference] = audit.differences;
  if (difference === undefined) return undefined;
  const { differenceText } = await import('./failed-test.ts');
  return differenceText(difference, simulation.ambient !== undefined);
}

function executorWithin(
  { onTurn, ...simulation }: SimulateOptions & { readonly name: string },
  turns: GuardedTurns,
  seed: string,
): Executor {
  return new GuardedExecutor(simulationExecutor({ ...simulation, seed }), turns, onTurn);
}

/** Runs each execution within the turns of the test. */
class GuardedExecutor implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #turns: GuardedTurns;
  readonly #onTestTurn: (() => void) | undefined;

  constructor(executor: Executor, turns: GuardedTurns, onTestTurn: (() => void) | undefined) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#turns = turns;
    this.#onTestTurn = onTestTurn;
  }

  execute(request: ExecutionRequest): Promise<Verdict> {
    const { nextTurn, onTurn } = this.#turns.options;
    const { onTurn: onInnerTurn } = request;
    return this.#executor.execute({
      ...request,
      nextTurn,
      onTurn: () => {
        onTurn();
        this.#onTestTurn?.();
        onInnerTurn?.();
      },
    });
  }
}

function timeUpText(timeMs: number): string {
  const time = timeMs === Infinity ? '' : ` of ${formatCount(timeMs)} ms`;
  return `The time${time} that the test has was nearly up, and this execution had not ended. { timeout } gives it more`;
}

function findFailure(run: TestRun, plan: Plan, isExplored: () => boolean): Promise<FoundFailure | undefined> {
  switch (plan.kind) {
    case 'replay':
      return replayed(run, plan.log);
    case 'seeds':
      return failureOfSeeds(run, plan.seeds);
    case 'explore':
      return failureExplored(run, plan, isExplored);
  }
}

/** The reference of the test on a command line: the path of the file, and the name of the test. */
function referenceOf({ file, name }: SimulatedTest): string {
  return file === undefined ? name : vitestReference({ file: relativePath(file), name });
}

function planOf(test: SimulatedTest, reference: string): Plan {
  const { options = {}, requestedSeed } = test;
  const { runs = DEFAULT_RUNS, seeds, replay, seed = DEFAULT_SEED } = options;
  if (replay !== undefined) {
    return { kind: 'replay', log: typeof replay === 'string' ? decodeToken(replay) : replay };
  }
  if (requestedSeed !== undefined && isTokenText(requestedSeed)) {
    const token = decodeToken(requestedSeed);
    if (isNamedBy(token.scenario, test, reference)) return { kind: 'replay', log: token };
  } else if (requestedSeed !== undefined) return { kind: 'explore', runs, seed: requestedSeed };
  if (seeds !== undefined) return { kind: 'seeds', seeds: seedsOf(seeds) };
  return { kind: 'explore', runs, seed: String(seed) };
}

/** A token may have been made in a folder above the current one, where the path of the file is longer. */
function isNamedBy(scenario: string, { file, name }: SimulatedTest, reference: string): boolean {
  if (scenario === reference) return true;
  const named = vitestTestOf(scenario);
  return (
    named?.name === name &&
    file?.endsWith(`/${named.file}`) === true &&
    named.file.length > relativePath(file).length
  );
}

function seedsOf(seeds: NonNullable<SimTestOptions['seeds']>): Iterable<string | number> {
  return typeof seeds === 'number' ? seedsTo(seeds) : seeds;
}

function* seedsTo(last: number): Generator<number> {
  for (let seed = 1; seed <= last; seed += 1) yield seed;
}

function simulationOf({
  name,
  file,
  scenario,
  options = {},
  signal,
}: SimulatedTest): SimulateOptions & { readonly name: string } {
  const tested = scenarioOf(scenario);
  const { ambient } = options;
  const simulation: Partial<SimulateOptions> = Object.fromEntries(
    Object.entries(options).filter(([key]) => !OWN_OPTIONS.fields.has(key)),
  );
  const { oracles = tested.oracles } = simulation;
  const signals = [signal, simulation.signal].filter((one) => one !== undefined);
  return {
    ambient: ambienceOf(ambient),
    ...(file === undefined ? {} : { modules: freshModules(file) }),
    ...tested,
    ...(ambient === undefined ? {} : { ambient: ambienceOf(ambient) }),
    ...simulation,
    name,
    // Copied: a scenario that adds to its list must not change later executions.
    ...(isArray(oracles) ? { oracles: [...oracles] } : {}),
    ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
  };
}

function scenarioOf(
  scenario: TestedScenario | Scenario,
): Pick<SimulateOptions, 'scenario'> & Partial<SimulateOptions> {
  if (typeof scenario === 'function') return { scenario: scenario as Scenario };
  checkScenario(scenario);
  if (scenario.prepare !== undefined) {
    throw invalidArgument('scenario', 'one without prepare, which needs files', scenario.name);
  }
  return { ...scenario.options, scenario: (sim) => scenario.run(sim, undefined) };
}

function ambienceOf(ambient: SimTestOptions['ambient'] = true): Ambience | undefined {
  if (ambient === false) return undefined;
  if (ambient === true) return ambientTime();
  if (typeof (ambient as Partial<Ambience> | null)?.begin === 'function') return ambient as Ambience;
  if (typeof (ambient as unknown) !== 'object' || (ambient as unknown) === null) {
    throw invalidArgument('ambient', 'true, false, options or what ambientTime() returns', ambient);
  }
  return ambientTime(ambient as AmbientOptions);
}

/** The folder for the logs of this test; undefined if none are kept. */
function keptFolderOf({
  file,
  root = '',
  options = {},
  isReported = true,
}: SimulatedTest): string | undefined {
  const { corpus } = options;
  if (corpus === false || file === undefined || !isReported) return undefined;
  return join(
    corpus === undefined ? join(dirname(file), KEPT_FOLDER) : resolve(root, corpus),
    basename(file),
  );
}

function keptOf(test: SimulatedTest, reference: string): Pick<TestRun, 'corpus' | 'isKept'> {
  const folder = keptFolderOf(test);
  if (folder === undefined) return { isKept: false, corpus: () => undefined };
  const name = slugOf(test.name);
  return {
    isKept: existsSync(join(folder, name)),
    async corpus() {
      const { CorpusFolder: Folder } = await import('../host/corpus/corpus-folder.ts');
      return new Folder(folder, name, reference, (text) => console.warn(text), test.file);
    },
  };
}

/** A readable folder name that is unique to the test. */
function slugOf(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60);
  return `${words}-${(hashText(name) >>> 0).toString(16).padStart(8, '0')}`;
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
  const gone: string[] = [];
  let isSeen = false;
  const report = await runCampaign(run.executor(DEFAULT_SEED), portfolioStrategy(seed), {
    reference: run.reference,
    maxExecutions: runs,
    corpus: entries,
    // The plain schedule must have run, even if the time for exploring is up.
    shouldStop: () => isSeen && (isExplored() || test.signal?.aborted === true || turns.isStuck),
    onExecution: () => {
      isSeen = true;
    },
    onEvent: (event) => {
      if (event.type === 'cut-off') isSeen = true;
      if (isOfKept(event)) gone.push(event.corpusId);
    },
    ...(runs >= WATCHED_RUNS_LEAST ? { coverage: createCoverage() } : {}),
  });
  for (const id of gone) await corpus?.remove(id);
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
    if (runs > 0) noteNeverReached(test, report.sometimes, report.executions);
    return undefined;
  }
  return { kind: 'unfinished', executions: report.executions - entries.length, runs };
}

/** The plain schedule if it was cut off, because it needs no choices to repeat; else the execution that fired most events. */
function mostTelling(cutOff: readonly FailingExecution[]): FailingExecution | undefined {
  return (
    cutOff.find(({ index, decisions }) => index < 0 && unusualCount(decisions) === 0) ??
    cutOff.toSorted((one, other) => other.firedEvents - one.firedEvents)[0]
  );
}

function isOfKept(event: CampaignEvent): event is Extract<CampaignEvent, { readonly corpusId: string }> {
  return (event.type === 'fixed' || event.type === 'changed') && event.corpusId !== PLAIN;
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
    if (found?.kind === 'cut off') return found;
    if (key !== undefined && found?.failing.key !== key) await corpus?.remove(id);
    if (found !== undefined) return first.compared({ ...found, failing: { ...found.failing, corpusId: id } });
  }
  return undefined;
}

async function failureOfSeeds(
  run: TestRun,
  seeds: Iterable<string | number>,
): Promise<FoundFailure | undefined> {
  const { corpus, kept } = await loadKept(run);
  const first = new FirstHeld(run);
  const again = await failureOfKept(run, corpus, kept, first);
  if (again !== undefined) return again;
  let executions = 0;
  const sometimes: Record<string, boolean> = {};
  for (const one of seeds) {
    check(`seeds[${executions}]`, one, ONE_SEED);
    const seed = String(one);
    executions += 1;
    const verdict = await first.execute(seed, randomDecisions(seed));
    if (!verdict.held) {
      return first.compared({ ...foundIn(run, verdict, seed, executions), isDecidedBySeed: true });
    }
    addReached(sometimes, verdict.sometimes);
  }
  if (executions > 1) noteNeverReached(run.test, sometimes, executions);
  return undefined;
}

/** Conditions of `sim.sometimes` that no execution met fail nothing, but the test does not try what it means to. */
function noteNeverReached(
  { name, options: { neverReached = 'warn' } = {}, isReported = true }: SimulatedTest,
  sometimes: Readonly<Record<string, boolean>>,
  executions: number,
): void {
  const missed = Object.keys(sometimes).filter((each) => sometimes[each] !== true);
  if (missed.length === 0 || !isReported || neverReached === 'ignore') return;
  // Vitest prints nothing about a test that passes.
  console.warn(`${name}: sometimes, ${neverReachedText(counted(executions, 'execution'), missed)}`);
}

/**
 * Keeps the first execution that holds, of those that no campaign audits, to compare it with itself after a failure.
 */
class FirstHeld {
  readonly #run: TestRun;
  #kept: { readonly seed: string; readonly early: ReturnType<typeof earlyExecution> } | undefined;

  constructor(run: TestRun) {
    this.#run = run;
  }

  async execute(seed: string, source: DecisionSource): Promise<Verdict> {
    const isFirst = this.#kept === undefined;
    const verdict = await this.#run.executor(seed).execute({ source, keepTrace: isFirst });
    if (isFirst && verdict.held) this.#kept = { seed, early: earlyExecution(0, verdict) };
    return verdict;
  }

  /** The failure, with how the first execution differs now from what it was. */
  async compared(found: FoundExecution): Promise<FoundExecution> {
    if (this.#kept === undefined) return found;
    const { seed, early } = this.#kept;
    const source = replayDecisions(early.decisions);
    const again = await this.#run.executor(seed).execute({ source, keepTrace: true });
    const difference = again.failure?.kind === 'interrupted' ? undefined : differenceOf('leak', early, again);
    return difference === undefined ? found : { ...found, difference: { ...difference, seed } };
  }
}

async function replayed(
  run: TestRun,
  log: ReplayToken | readonly Decision[],
): Promise<FoundFailure | undefined> {
  const { seed = DEFAULT_SEED, maxEvents } = 'decisions' in log ? log : {};
  const executor = withinEvents(run.executor(seed), maxEvents);
  const { verdict, gap } = await checkReplay(executor, log, { onGap: 'keyed' });
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
    `The log does not fit this test any more, so it repeats nothing: ${gap.text}. What happens now holds`,
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
