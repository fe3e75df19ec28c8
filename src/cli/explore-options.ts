/** Options of `dryrunner explore` and their effect on the threads. */
import { EXHAUSTIVE } from '../explore/strategies/strategy-names.ts';
import { availableParallelism } from 'node:os';
import type { ExplorePoolOptions } from '../threads/pool.ts';
import type { ThreadLimits } from '../threads/thread-supervisor.ts';
import { codeModule } from '../kernel/package-files.ts';
import { HANG_MS, MEMORY_MB, TIME_MS } from './explore-defaults.ts';

/** Options as typed. */
export interface ExploreCommandOptions {
  /** Milliseconds per scenario. */
  readonly time?: number;
  readonly executions?: number;
  readonly strategy: string;
  readonly seed: string;
  /** Which of how many equal parts to explore; `index` counts from 1. */
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
  /** Milliseconds without progress that count as a hang; default {@link HANG_MS}. */
  readonly hang?: number | undefined;
  /** Heap per execution in MiB; default {@link MEMORY_MB}. */
  readonly memory?: number | undefined;
  readonly json?: boolean;
}

/** Options of commands that take one named execution. */
export interface NamedExecutionOptions {
  /** Milliseconds without progress that count as a hang; default {@link HANG_MS}. */
  readonly hang?: number;
  /** Heap that the execution may use, in MiB; default {@link MEMORY_MB}. */
  readonly memory?: number;
  /** Folders from which the named scenario may be loaded, in addition to the current one. */
  readonly allow?: readonly string[];
  /** Runs the execution once, in the command's thread, without a time limit. */
  readonly debug?: boolean;
  /** Path of the trace file to write. */
  readonly trace?: string;
  /** Path of the timeline file to write. */
  readonly timeline?: string;
  readonly json?: boolean;
}

/** Limits with which each thread is started. */
export function threadLimits({
  hang = HANG_MS,
  memory = MEMORY_MB,
}: Pick<ExploreCommandOptions, 'hang' | 'memory'>): ThreadLimits {
  return { entry: codeModule('cli/worker-entry'), hangMs: hang, memoryMb: memory };
}

/**
 * Time for exploring one scenario. Undefined if executions alone are bounded, which means all of them, however long
 * they take.
 */
export function timeFor({
  time,
  executions,
}: Pick<ExploreCommandOptions, 'time' | 'executions'>): number | undefined {
  return time ?? (executions === undefined ? TIME_MS : undefined);
}

/** Options of the pool for the options that were typed. */
export function poolOptions(
  reference: string,
  options: ExploreCommandOptions,
): Omit<ExplorePoolOptions, 'corpus' | 'firstIndex' | 'signal' | 'onEvent'> {
  const { executions, shard = { index: 1, count: 1 }, all = false, strict = false } = options;
  const timeMs = timeFor(options);
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
    // An exhaustive search has this bound itself, so that its certificate names it.
    ...(executions === undefined || isExhaustive ? {} : { maxExecutions: executions }),
    keepGoing: all,
    strict,
  };
}
