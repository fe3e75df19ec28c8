/**
 * Runs scenarios over seeds and reports to a person or a program: progress, verdict rows, JSON lines, the exit code. A
 * signal loses no finished result.
 */
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { RollingHash } from '../kernel/rolling-hash.ts';
import { plural } from '../model/plural.ts';
import type { RunState } from '../model/run-state.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { runAlone } from '../threads/run-alone.ts';
import { EXIT_STATUS, InterruptedError, UsageError, type ExitStatus } from './exit-status.ts';
import { failureLines } from './failure-report.ts';
import { runGuarded, type RunGuard } from './guarded-run.ts';
import { LongProgress } from './long-progress.ts';
import { keepResults, nowRunning, resultsPrinted, type ResultsSoFar } from './user-code.ts';
import type { Interruption } from './interruption.ts';
import { prepareScenario, type LoadedScenario } from './scenario-loader.ts';
import { type RunSeed, SeedBudget, type SeedRunner } from './seed-budget.ts';
import type { Terminal } from './terminal.ts';
import { summaryJson, summaryTable, verdictJson, type ScenarioSummary } from './verdict-report.ts';

/** Options of {@link rehearse}. */
export interface RehearsalOptions {
  readonly seeds: readonly string[];
  /** True prints one JSON line per verdict and per scenario on stdout, and nothing else there. */
  readonly json: boolean;
  readonly keepTrace?: boolean;
  /**
   * Milliseconds that a turn of a scenario may take until it counts as a loop. Absent for scenarios of this package
   * only: any time.
   */
  readonly hangMs?: number;
}

/** A verdict, and the scenario's reference on a command line. */
export interface NamedVerdict {
  readonly reference: string;
  readonly verdict: Verdict;
}

/**
 * The result of {@link rehearse}. The scenarios ran in this thread and may have replaced any global function, even
 * methods of arrays, so the verdicts on which the exit code depends are kept as they arrive.
 */
export interface Rehearsal {
  readonly summaries: readonly ScenarioSummary[];
  readonly first: NamedVerdict | undefined;
  readonly firstFailure: NamedVerdict | undefined;
  /** True if a scenario could not be prepared; the terminal has said why. */
  readonly hasUnprepared: boolean;
}

/**
 * Runs every scenario over the seeds; reports one that cannot be prepared, and goes on with the next. When interrupted,
 * stops early with the results so far.
 *
 * @throws InterruptedError (rejects) if a signal comes while the first scenario prepares.
 */
export async function rehearse(
  terminal: Terminal,
  scenarios: readonly LoadedScenario[],
  interruption: Interruption,
  { seeds, json, keepTrace = false, hangMs }: RehearsalOptions,
): Promise<Rehearsal> {
  const soFar: RehearsalSoFar = {
    ...{ summaries: [], first: undefined, firstFailure: undefined, hasUnprepared: false },
    ...{ unfinished: undefined, notBegun: scenarios },
  };
  keepResults(resultsOf(terminal, soFar, json));
  const shown = new LongProgress(terminal, { json });
  const listener = listenerOf(terminal, soFar, { json, shown });
  const run: RunOnce = (simulation, reference) =>
    hangMs === undefined
      ? runShipped(simulation, interruption)
      : runGuarded(simulation, {
          ...{ interruption, hangMs, again: inThread(simulation, reference) },
          onLateSignal: (durationMs) => terminal.note(lateSignalText(simulation, durationMs)),
        });
  try {
    for (const [at, scenario] of scenarios.entries()) {
      if (interruption.requested) break;
      soFar.notBegun = scenarios.slice(at + 1);
      try {
        const summary = await runScenario(scenario, seeds, interruption, listener, { run, keepTrace });
        soFar.summaries.push(summary);
        soFar.unfinished = undefined;
        if (json) terminal.json(summaryJson(summary));
      } catch (error) {
        if (error instanceof UsageError) {
          soFar.hasUnprepared = true;
          terminal.progress('');
          terminal.note(`error: ${error.message}`);
          continue;
        }
        if (soFar.first === undefined || !(error instanceof InterruptedError)) throw error;
        terminal.note(error.message);
      }
    }
  } finally {
    shown.end();
  }
  terminal.progress('');
  noteNotRun(terminal, soFar);
  return soFar;
}

/** The results until now. */
type RehearsalSoFar = { -readonly [Name in keyof Rehearsal]: Rehearsal[Name] } & {
  readonly summaries: ScenarioSummary[];
  /** The scenario that is being run. */
  unfinished: Tally | undefined;
  notBegun: readonly LoadedScenario[];
};

/** Names the scenarios that a signal, or user code that ended the process, left no time for. */
function noteNotRun(terminal: Terminal, { notBegun }: RehearsalSoFar): void {
  if (notBegun.length === 0) return;
  terminal.note(`not run: ${notBegun.map(({ definition }) => definition.name).join(', ')}`);
}

/** What is printed if user code ends the process. */
function resultsOf(terminal: Terminal, soFar: RehearsalSoFar, json: boolean): ResultsSoFar {
  return {
    get status() {
      return soFar.firstFailure === undefined ? undefined : EXIT_STATUS.FAILED;
    },
    print: () => {
      const { summaries, unfinished } = soFar;
      const isCut = unfinished !== undefined && unfinished.seeds > 0;
      const cut = isCut ? [{ ...unfinished, interrupted: true }] : [];
      terminal.progress('');
      if (json) for (const summary of cut) terminal.json(summaryJson(summary));
      else printSummaries(terminal, [...summaries, ...cut]);
      noteNotRun(terminal, soFar);
    },
  };
}

function listenerOf(
  terminal: Terminal,
  soFar: RehearsalSoFar,
  { json, shown }: { readonly json: boolean; readonly shown: LongProgress },
): SeedListener {
  return {
    onBegin: (tally) => {
      soFar.unfinished = tally;
    },
    onSeed: ({ definition }, done, total) => shown.show(progressText(definition.name, done, total)),
    onVerdict: ({ reference }, verdict, realMs) => {
      soFar.first ??= { reference, verdict };
      if (!verdict.held) {
        soFar.firstFailure ??= { reference, verdict };
        terminal.noteFailure();
      }
      if (json) terminal.json(verdictJson(verdict, realMs));
    },
  };
}

/** Called as the work progresses. */
interface SeedListener {
  onBegin(tally: Tally): void;
  onSeed(scenario: LoadedScenario, done: number, total: number): void;
  onVerdict(scenario: LoadedScenario, verdict: Verdict, realMs: number): void;
}

/** Runs one simulation, until a signal comes. */
type RunOnce = (simulation: SimulateOptions, reference: string) => Promise<Verdict>;

/** The same simulation in a thread. */
function inThread({ seed = '1' }: SimulateOptions, scenario: string): RunGuard['again'] {
  return { scenario, seed: String(seed) };
}

function runShipped(simulation: SimulateOptions, interruption: Interruption): Promise<Verdict> {
  return runAlone((onTurn) =>
    simulate({
      ...simulation,
      onTurn: () => {
        onTurn();
        if (interruption.requested) throw new ExecutionInterrupted('interrupted');
      },
    }),
  );
}

function lateSignalText({ name = '', seed = '' }: SimulateOptions, durationMs: number): string {
  const seconds = Math.round(durationMs / 100) / 10;
  return `interrupted: ${name}, seed ${seed}, did not end a turn for ${seconds} s, perhaps because of a loop; without Ctrl-C its lines are named`;
}

/**
 * Runs one scenario over the seeds.
 *
 * @throws UsageError (rejects) if it cannot be prepared, InterruptedError if a signal comes while it prepares.
 */
async function runScenario(
  scenario: LoadedScenario,
  seeds: readonly string[],
  interruption: Interruption,
  listener: SeedListener,
  { run, keepTrace }: { readonly run: RunOnce; readonly keepTrace: boolean },
): Promise<ScenarioSummary> {
  const { definition } = scenario;
  const input = await interruption.unlessRequested(
    prepareScenario(scenario),
    `${definition.name} was preparing`,
  );
  nowRunning(definition.name);
  const hashes = new RollingHash();
  const tally = emptyTally(scenario, hashes.digest());
  listener.onBegin(tally);
  const runSeed: SeedRunner = async (seed, maxEvents) => {
    const startedAt = performance.now();
    // `run` takes a turn of the real event loop after each simulation, so Ctrl-C is also noticed between short ones.
    const simulation = { ...simulationOf(scenario, input), seed, keepTrace };
    const bound = maxEvents === undefined ? {} : { defaultMaxEvents: maxEvents };
    const verdict = await run({ ...simulation, ...bound }, scenario.reference);
    return { verdict, realMs: performance.now() - startedAt };
  };
  const budget = new SeedBudget(runSeed, seeds.length > 1 && definition.options?.maxEvents === undefined);
  const note = ({ verdict, realMs }: RunSeed): void => {
    addVerdict(tally, verdict, realMs);
    hashes.addString(verdict.traceHash);
    tally.traceHash = tally.seeds === 1 ? verdict.traceHash : hashes.digest();
    listener.onVerdict(scenario, verdict, realMs);
  };
  const isInterrupted = (): boolean => interruption.requested;
  for (const [at, seed] of seeds.entries()) {
    listener.onSeed(scenario, at, seeds.length);
    await budget.run(seed);
    const isLast = at === seeds.length - 1;
    while (!isInterrupted()) {
      const decided = await budget.next(isLast);
      if (decided === undefined || isInterrupted()) break;
      note(decided);
    }
    if (isInterrupted()) return { ...tally, interrupted: true };
  }
  return tally;
}

/** Everything but the seed. */
function simulationOf({ definition, modules }: LoadedScenario, input: unknown): SimulateOptions {
  const { name, options } = definition;
  return { ...options, modules, name, scenario: (sim) => definition.run(sim, input) };
}

/** A mutable summary. */
type Tally = { -readonly [Name in keyof ScenarioSummary]: ScenarioSummary[Name] } & {
  readonly endStates: Partial<Record<RunState, number>>;
};

function emptyTally(scenario: LoadedScenario, traceHash: string): Tally {
  const counts = { seeds: 0, failed: 0, runs: 0, faults: 0, virtualMs: 0, realMs: 0, decisions: 0 };
  return { scenario, ...counts, endStates: {}, traceHash, firstFailure: undefined, interrupted: false };
}

function addVerdict(tally: Tally, verdict: Verdict, realMs: number): void {
  tally.seeds += 1;
  tally.runs += verdict.runs;
  tally.faults += verdict.faults;
  tally.virtualMs += verdict.virtualMs;
  tally.realMs += realMs;
  tally.decisions += verdict.decisionCount;
  for (const [state, count] of Object.entries(verdict.endStates)) {
    tally.endStates[state as RunState] = (tally.endStates[state as RunState] ?? 0) + count;
  }
  if (verdict.held) return;
  tally.failed += 1;
  tally.firstFailure ??= verdict;
}

/** A bar of twenty cells, followed by the count. */
function progressText(name: string, done: number, total: number): string {
  const cells = Math.round((done / Math.max(total, 1)) * 20);
  return `${name} ${'█'.repeat(cells)}${'░'.repeat(20 - cells)} ${done}/${total} ${plural(total, 'seed')}`;
}

/**
 * Prints the table, if any scenario ran, and the first failure of each. `againOf` gives the line that repeats a failure
 * to which only earlier simulations lead.
 */
export function printSummaries(
  terminal: Terminal,
  summaries: readonly ScenarioSummary[],
  againOf: (failing: Verdict) => string | undefined = () => undefined,
): void {
  resultsPrinted();
  if (summaries.length === 0) return;
  for (const line of summaryTable(terminal, summaries)) terminal.line(line);
  for (const { firstFailure, scenario } of summaries) {
    if (firstFailure === undefined) continue;
    terminal.line();
    const again = againOf(firstFailure);
    for (const line of failureLines(terminal, firstFailure, scenario.reference, again)) terminal.line(line);
  }
}

/** Exit code: the signal's if interrupted, 1 if anything failed, 2 if a scenario could not be prepared, else 0. */
export function statusOf({ firstFailure, hasUnprepared }: Rehearsal, interruption: Interruption): ExitStatus {
  if (interruption.status !== undefined) return interruption.status;
  if (firstFailure !== undefined) return EXIT_STATUS.FAILED;
  return hasUnprepared ? EXIT_STATUS.USAGE : EXIT_STATUS.HELD;
}
