/** What can be typed after `dryrunner explore`, and what it means for the threads. */
import { EXHAUSTIVE } from '../explore/strategies/strategy-names.ts';
import { availableParallelism } from 'node:os';
import type { ExplorePoolOptions } from '../threads/pool.ts';
import type { ThreadLimits } from '../threads/thread-supervisor.ts';
import { codeModule } from '../kernel/package-files.ts';
import { HANG_MS, TIME_MS } from './explore-defaults.ts';

/** Options as typed. */
export interface ExploreCommandOptions {
  /** Milliseconds per scenario. */
  readonly time?: number;
  readonly executions?: number;
  readonly strategy: string;
  readonly seed: string;
  /** `i/n`, from 1. */
  readonly shard?: { readonly index: number; readonly count: number };
  readonly workers?: number;
  readonly maxDecisions?: number;
  readonly maxDelays?: number;
  readonly maxFaults?: number;
  /** Folder of kept failures. */
  readonly corpus: string;
  /** False after `--no-shrink`. */
  readonly shrink: boolean;
  readonly resume?: boolean;
  readonly all?: boolean;
  readonly strict?: boolean;
  /** Milliseconds; default {@link HANG_MS}. */
  readonly hang?: number | undefined;
  /** MiB. */
  readonly memory: number;
  readonly json?: boolean;
}

/** What can be typed where one execution is named. */
export interface NamedExecutionOptions {
  /** Milliseconds without progress after which it has failed; default {@link HANG_MS}. */
  readonly hang?: number;
  /** MiB that it may need. */
  readonly memory: number;
  /** Folders beside the current one from which the scenario that is named may be loaded. */
  readonly allow?: readonly string[];
  /** Runs it once, in the thread of the command, without a limit of time. */
  readonly debug?: boolean;
  /** Where its trace goes. */
  readonly trace?: string;
  /** Where a timeline goes. */
  readonly timeline?: string;
  readonly json?: boolean;
}

/** How each thread is started. */
export function threadLimits({
  hang = HANG_MS,
  memory,
}: Pick<ExploreCommandOptions, 'hang' | 'memory'>): ThreadLimits {
  return { entry: codeModule('cli/worker-entry'), hangMs: hang, memoryMb: memory };
}

/** The pool that does what was typed. */
export function poolOptions(
  reference: string,
  options: ExploreCommandOptions,
): Omit<ExplorePoolOptions, 'corpus' | 'firstIndex' | 'signal' | 'onEvent'> {
  const { time, executions, shard = { index: 1, count: 1 }, all = false, strict = false } = options;
  // Who bounds the executions wants all of them.
  const timeMs = time ?? (executions === undefined ? TIME_MS : undefined);
  const { maxDecisions, maxDelays, maxFaults } = options;
  const given = Object.entries({ maxExecutions: executions, maxDecisions, maxDelays, maxFaults });
  const isExhaustive = options.strategy === EXHAUSTIVE;
  return {
    ...threadLimits(options),
    scenario: reference,
    strategy: options.strategy,
    seed: options.seed,
    bounds: Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    workers: isExhaustive ? 1 : (options.workers ?? availableParallelism()),
    shard: shard.index - 1,
    shards: shard.count,
    ...(timeMs === undefined ? {} : { timeMs }),
    // The search has the bound itself, so that its certificate names it.
    ...(executions === undefined || isExhaustive ? {} : { maxExecutions: executions }),
    goOn: all,
    strict,
  };
}
