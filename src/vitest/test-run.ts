/** Types of a running `simTest`, shared by the code that looks for a failure and the code that reports it. */
import type { AuditDifference } from '../explore/campaign-report.ts';
import type { Executor } from '../explore/executor.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import type { RunnerError } from '../kernel/errors.ts';
import type { CorpusFolder } from '../host/corpus/corpus-folder.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { Scenario } from '../simulation/simulate-options.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { GuardedTurns, RealNow } from '../ambient/guarded-turns.ts';
import type { LateErrors } from './late-errors.ts';
import type { FailedExecutions } from './search/failed-executions.ts';
import type { HeldExecutions } from './search/held-executions.ts';
import type { SimTestOptions, TestedScenario } from './sim-test-options.ts';

/** A snapshot taken in one execution. */
export interface TakenSnapshot {
  /** Key in the snapshot file, place in the test of an inline snapshot, or path of a snapshot file of its own. */
  readonly name: string;
  readonly kind: 'kept' | 'inline' | 'file';
  readonly text: string;
  readonly decisions: readonly Decision[];
}

/** Two executions that hold but disagree on a snapshot. */
export interface SnapshotDifference {
  readonly reference: TakenSnapshot;
  readonly other: TakenSnapshot;
}

/** The snapshots of one test, compared between its executions. */
export interface TestSnapshots {
  readonly difference: SnapshotDifference | undefined;
  /** Must be called after an execution that holds, before the next one begins. */
  compare(decisions: () => readonly Decision[]): void;
}

/** Assertions of one test that fail without ending the execution. */
export interface SoftAssertions {
  /** True if any has failed in any execution. */
  readonly hasAny: boolean;
  /**
   * Takes the errors of the execution that ran last, if another failure ended it: their messages, which are then
   * forgotten.
   */
  takeLast(): readonly string[];
}

/** A test to run. */
export interface SimulatedTest {
  /** Names of its groups and of the test itself, joined by spaces. */
  readonly name: string;
  /** The names that `name` joins; default: `name` alone. */
  readonly names?: readonly string[];
  /** Its place among the tests of that name in its file, from 1; default: 1. */
  readonly ordinal?: number;
  /** Name of its Vitest project; default: none. */
  readonly project?: string | undefined;
  /**
   * Finds the folder that was given to Vitest as `--root`; undefined if the command line that repeats the test needs
   * none.
   */
  readonly rootOf?: () => string | undefined;
  /** Absolute path of the test file. If absent, no logs are kept and no command line can be shown. */
  readonly file?: string;
  /** Absolute path of Vitest's root, for relative folders in options; default: the current folder. */
  readonly root?: string | undefined;
  readonly scenario: TestedScenario | Scenario;
  readonly options?: SimTestOptions;
  /** Real milliseconds that the whole test may take; infinite by default. */
  readonly timeoutMs?: number;
  /** The same of the test around it, which limits its single events alone. Default: `timeoutMs`. */
  readonly outerTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Stack at the declaration, for failures without a line in the scenario. */
  readonly declaredAt?: string;
  /** False if the test is expected to fail, so that nobody reads a report. */
  readonly isReported?: boolean;
  /** Skips the test, which then ends at once. Default: it passes instead. */
  readonly skip?: (why: string) => void;
  /** True once the scenario has skipped the test: what fails then is no failure. Default: it never does. */
  readonly isSkipped?: () => boolean;
  /**
   * Called once a failure is found, before executions explain it, which must not skip the test. A lack of time for all
   * executions is none.
   */
  readonly onFound?: () => void;
  /** Snapshots on which the executions have to agree; default: none. */
  readonly snapshots?: TestSnapshots;
  /** Those of `expect.soft`; default: none. */
  readonly soft?: SoftAssertions;
  /** True if a debugger may stop the test: a log that is asked for then runs once, and is not explained. */
  readonly isDebugged?: boolean;
  /** The tests of its file by full name, and whether they run. */
  readonly namesInFile?: () => readonly { readonly name: string; readonly isRun: boolean }[];
  /** Value of `DRYRUNNER_SEED`. */
  readonly requestedSeed?: string | undefined;
  /** Maximum number of lines of the history of a failure; default: that of `explain`. */
  readonly linesMax?: number | undefined;
  readonly now: RealNow;
  /** Start of the test's time, on the clock `now`; default: now. */
  readonly startedAt?: number;
}

/** The parts that run a test and report on it. */
export interface TestRun {
  readonly test: SimulatedTest;
  /** Its reference in tokens. */
  readonly reference: string;
  /** Creates an executor for the scenario, guarded until the time is up; `seed` is that of `world.random`. */
  readonly executor: (seed: string) => Executor;
  /** The same, guarded for `timeMs` only. */
  readonly within: (
    timeMs: number,
    seed: string,
  ) => { readonly executor: Executor; readonly turns: GuardedTurns };
  /** Milliseconds left for executions. */
  leftMs(): number;
  /** Milliseconds until Vitest's timeout. */
  untilTimeOutMs(): number;
  /** The kept logs of this test; undefined if none are kept. The folder is created with the first log. */
  corpus(): Promise<CorpusFolder> | undefined;
  /** Paths of the kept logs that were removed, because their execution holds now. */
  readonly fixed: string[];
  /** True if logs of this test exist. */
  readonly isKept: boolean;
  readonly turns: GuardedTurns;
  readonly held: HeldExecutions;
  readonly failed: FailedExecutions;
  /** Errors of executions that had ended. */
  readonly late: LateErrors;
  /** True if time and randomness are virtual. */
  readonly isAmbient: boolean;
}

/** What the search for a failure found. */
export type FoundFailure =
  | {
      readonly kind: 'failing' | 'cut off';
      readonly failing: FailingExecution;
      /** Seed of `world.random`. */
      readonly seed: string;
      /** True if the seed decides everything else too. */
      readonly isDecidedBySeed?: boolean;
      /** True if this is the requested execution, which is not shrunk. */
      readonly isReplayed?: boolean;
      /** Verdict of the requested execution. */
      readonly verdict?: Verdict;
      /** How an execution differs from an earlier one of the same decisions and of that seed, if it does. */
      readonly difference?: AuditDifference & { readonly seed: string };
      /** How the requested log fails to fit: a predicate, and the first place where it does not fit. */
      readonly gap?: string;
    }
  | { readonly kind: 'different'; readonly difference: AuditDifference }
  | { readonly kind: 'snapshot'; readonly difference: SnapshotDifference }
  /** Code used an execution after its end, while a later one ran. */
  | { readonly kind: 'late'; readonly error: RunnerError }
  /** Time was up before all requested executions had run. */
  | {
      readonly kind: 'unfinished';
      readonly executions: number;
      /** The option that asks for executions. */
      readonly by: 'runs' | 'seeds';
      /** For how many it asks; undefined if their number is known only once they have run. */
      readonly count: number | undefined;
    };

/** A failure with the execution that shows it. */
export type FoundExecution = Extract<FoundFailure, { readonly failing: FailingExecution }>;
