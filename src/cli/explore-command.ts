/** `dryrunner explore`: looks for executions that fail, on all cores, and says what was found or what was covered. */
import { availableParallelism } from 'node:os';
import { createStrategy } from '../explore/strategy-names.ts';
import { messageOf } from '../kernel/errors.ts';
import {
  runExplorePool,
  type ExplorePoolOptions,
  type PoolEvent,
  type PoolReport,
} from '../host/explore-pool.ts';
import { ScenarioRefusedError } from '../host/scenario-refused-error.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { exploredJson, exploredLines, progressText } from './explore-report.ts';
import { Interruption } from './interruption.ts';
import { findScenarios, type LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';

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
  readonly json?: boolean;
  readonly all?: boolean;
  /** Milliseconds. */
  readonly hang: number;
  /** MiB. */
  readonly memory: number;
}

const TIME_MS = 60_000;
const AUDIT_EVERY = 100;
// The checkout runs TypeScript, the package JavaScript.
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './explore-worker.ts' : './explore-worker.js',
  import.meta.url,
);

/** Explores the scenarios one after the other; 1 if any fails. */
export async function exploreCommand(
  terminal: Terminal,
  references: readonly string[],
  options: ExploreCommandOptions,
): Promise<ExitStatus> {
  requireStrategy(options);
  const interruption = new Interruption();
  try {
    const loading = findScenarios(references);
    const scenarios = await interruption.unlessRequested(loading, 'the scenario files were loading');
    let status: ExitStatus = EXIT_STATUS.HELD;
    for (const scenario of scenarios) {
      if (interruption.requested) break;
      const report = await exploreScenario(terminal, scenario, options, interruption.signal);
      if (report.failures.length > 0) status = EXIT_STATUS.FAILED;
    }
    return interruption.requested ? EXIT_STATUS.INTERRUPTED : status;
  } finally {
    interruption.dispose();
  }
}

function requireStrategy({ strategy, seed }: ExploreCommandOptions): void {
  try {
    createStrategy(strategy, seed);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

async function exploreScenario(
  terminal: Terminal,
  scenario: LoadedScenario,
  options: ExploreCommandOptions,
  signal: AbortSignal,
): Promise<PoolReport> {
  const { name } = scenario.definition;
  const { json = false } = options;
  try {
    const report = await runExplorePool({
      ...poolOptions(scenario, options),
      signal,
      onEvent: (event) => show(terminal, name, event, json),
    });
    terminal.progress('');
    const explored = { scenario, report, strategy: options.strategy, seed: options.seed };
    if (json) terminal.json(exploredJson(explored));
    else for (const line of exploredLines(terminal, explored)) terminal.line(line);
    return report;
  } catch (error) {
    terminal.progress('');
    if (error instanceof ScenarioRefusedError) throw new UsageError(error.message);
    throw error;
  }
}

function poolOptions(
  { reference }: LoadedScenario,
  options: ExploreCommandOptions,
): Omit<ExplorePoolOptions, 'signal' | 'onEvent'> {
  const { time, executions, shard = { index: 1, count: 1 }, all = false } = options;
  // Who bounds the executions wants all of them.
  const timeMs = time ?? (executions === undefined ? TIME_MS : undefined);
  return {
    entry: ENTRY,
    scenario: reference,
    strategy: options.strategy,
    seed: options.seed,
    workers: options.workers ?? availableParallelism(),
    firstIndex: 0,
    shard: shard.index - 1,
    shards: shard.count,
    ...(timeMs === undefined ? {} : { timeMs }),
    ...(executions === undefined ? {} : { maxExecutions: executions }),
    goOn: all,
    auditEvery: AUDIT_EVERY,
    corpus: [],
    hangMs: options.hang,
    memoryMb: options.memory,
  };
}

function show(terminal: Terminal, scenario: string, event: PoolEvent, json: boolean): void {
  if (!json) {
    if (event.type === 'progress') terminal.progress(progressText(scenario, event.progress));
    return;
  }
  if (event.type === 'progress') terminal.json({ type: 'progress', scenario, ...event.progress });
  else if (event.type === 'failure') {
    const { decisions, ...failure } = event.failure;
    terminal.json({ type: 'failure', scenario, ...failure, decisions: decisions.length });
  }
}
