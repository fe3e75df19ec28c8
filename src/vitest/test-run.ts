/** A `simTest` that runs, as those know it who look for a failure and who report on it. */
import type { AuditDifference } from '../explore/campaign-report.ts';
import type { Executor } from '../explore/executor.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import type { CorpusFolder } from '../host/corpus/corpus-folder.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { Scenario } from '../simulation/simulate-options.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { GuardedTurns, RealNow } from './guarded-turns.ts';
import type { SimTestOptions, TestedScenario } from './sim-test-options.ts';

/** A snapshot as one execution has it. */
export interface TakenSnapshot {
  /** Its key in the file of snapshots; its place in the test if it is inline; the path of a file of its own. */
  readonly name: string;
  readonly kind: 'kept' | 'inline' | 'file';
  readonly text: string;
  readonly decisions: readonly Decision[];
}

/** Two executions that hold, and do not agree on a snapshot. */
export interface SnapshotDifference {
  readonly reference: TakenSnapshot;
  readonly other: TakenSnapshot;
}

/** The snapshots of one test, compared between its executions. */
export interface TestSnapshots {
  readonly difference: SnapshotDifference | undefined;
  /** To be called of an execution that holds before the next one begins. */
  compare(decisions: () => readonly Decision[]): void;
}

/** A test that is to be run. */
export interface SimulatedTest {
  /** The names of its groups and its own, as `-t` matches them. */
  readonly name: string;
  /** Absolute path of the test file; absent where nothing is kept and nothing can be typed. */
  readonly file?: string;
  readonly scenario: TestedScenario | Scenario;
  readonly options?: Omit<SimTestOptions, 'timeout'>;
  /** Real milliseconds that all of it may take; infinite by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** The stack of where it is declared, for what no line of the scenario says. */
  readonly declaredAt?: string;
  /** False if its failure is expected, so that nobody reads why. */
  readonly isReported?: boolean;
  /** What its executions have to agree on; default: nothing. */
  readonly snapshots?: TestSnapshots;
  /** True if a debugger may stop it: then a log that is asked for runs once, and is not explained. */
  readonly isDebugged?: boolean;
  /** What `DRYRUNNER_SEED` says. */
  readonly wish?: string | undefined;
  readonly now: RealNow;
  /** When its time began, by `now`; default now. */
  readonly startedAt?: number;
}

/** How a test is run, and what reports on it. */
export interface TestRun {
  readonly test: SimulatedTest;
  /** How it is named in tokens. */
  readonly reference: string;
  /** Runs the scenario, guarded until the time is up; with the seed of `world.random`. */
  readonly executor: (seed: string) => Executor;
  /** The same without a guard but for `timeMs`. */
  readonly within: (
    timeMs: number,
    seed: string,
  ) => { readonly executor: Executor; readonly turns: GuardedTurns };
  /** Milliseconds that are left for executions. */
  leftMs(): number;
  /** Milliseconds until Vitest ends the test. */
  untilTimeOutMs(): number;
  /** What is kept of this test; undefined if nothing is. The folder is made when there is something to keep. */
  corpus(): Promise<CorpusFolder> | undefined;
  /** True if something is kept. */
  readonly isKept: boolean;
  readonly turns: GuardedTurns;
  /** Its time and randomness are virtual. */
  readonly isAmbient: boolean;
}

/** What was found. */
export type FoundFailure =
  | {
      readonly kind: 'failing' | 'cut off';
      readonly failing: FailingExecution;
      /** Of `world.random`. */
      readonly seed: string;
      /** The seed decides everything else too. */
      readonly isDecidedBySeed?: boolean;
      /** It is the one that was asked for, and as small as it is. */
      readonly isReplayed?: boolean;
      /** Of the one that was asked for. */
      readonly verdict?: Verdict;
      /** How the log that was asked for does not lead here: a predicate, and where it first does not fit. */
      readonly gap?: string;
    }
  | { readonly kind: 'different'; readonly difference: AuditDifference }
  | { readonly kind: 'snapshot'; readonly difference: SnapshotDifference }
  /** Time was up before all executions that were asked for had their turn. */
  | { readonly kind: 'unfinished'; readonly executions: number; readonly runs: number };

/** As it is typed where the tests were started. */
export function relativePath(file: string): string {
  const folder = `${process.cwd()}/`;
  return file.startsWith(folder) ? file.slice(folder.length) : file;
}
