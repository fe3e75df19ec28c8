/** `dryrunner run`: scenarios over seeds, a verdict row each. */
import { writeTraceFile } from '../host/trace-file.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { plural } from '../model/plural.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { simulationLines } from '../trace/simulation-file.ts';
import { UsageError, type ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { printSummaries, rehearse, statusOf } from './rehearsal.ts';
import { findScenarios, type LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { requireWritable } from './trace-target.ts';

/** Options as typed. */
export interface RunCommandOptions {
  readonly seed?: string;
  readonly seeds?: number;
  readonly json?: boolean;
  readonly trace?: string;
}

interface RunPlan {
  readonly seeds: readonly string[];
  readonly json: boolean;
  readonly trace: string | undefined;
}

/** Runs the scenarios and prints their verdicts. */
export async function runCommand(
  terminal: Terminal,
  references: readonly string[],
  options: RunCommandOptions,
): Promise<ExitStatus> {
  const { json = false, trace } = options;
  const seeds = seedsOf(options);
  const interruption = new Interruption();
  try {
    const scenarios = await interruption.unlessRequested(findScenarios(references), 'scenarios were loaded');
    return await runScenarios(terminal, scenarios, interruption, { seeds, json, trace });
  } finally {
    interruption.dispose();
  }
}

async function runScenarios(
  terminal: Terminal,
  scenarios: readonly LoadedScenario[],
  interruption: Interruption,
  { seeds, json, trace }: RunPlan,
): Promise<ExitStatus> {
  if (trace !== undefined && scenarios.length * seeds.length !== 1) {
    const got = `${scenarios.length} ${plural(scenarios.length, 'scenario')} and ${seeds.length} ${plural(seeds.length, 'seed')}`;
    throw new UsageError(`--trace keeps one run: expected one scenario and one seed, got ${got}`);
  }
  if (trace !== undefined) await requireWritable(trace);
  let last: Verdict | undefined;
  const summaries = await rehearse(terminal, scenarios, interruption, {
    seeds,
    json,
    keepTrace: trace !== undefined,
    onVerdict: (verdict) => {
      last = verdict;
    },
  });
  if (trace !== undefined && last !== undefined) {
    await writeTrace(trace, last, scenarios[0]?.reference ?? '');
  }
  if (!json) printSummaries(terminal, summaries);
  return statusOf(summaries, interruption);
}

function seedsOf({ seed, seeds }: RunCommandOptions): string[] {
  if (seed !== undefined && seeds !== undefined) {
    throw new UsageError('give either --seed S or --seeds N, not both');
  }
  return seeds === undefined ? [seed ?? '1'] : Array.from({ length: seeds }, (_, index) => String(index + 1));
}

async function writeTrace(path: string, verdict: Verdict, reference: string): Promise<void> {
  const { scenario, seed, traceHash } = verdict;
  const record = { decisions: verdict.decisions(), events: verdict.trace() };
  const header = { scenario, seed, meta: { verdictHash: traceHash, reference } };
  try {
    await writeTraceFile(path, simulationLines(record, header));
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_OUTPUT_FAILED')) throw new UsageError(messageOf(error));
    throw error;
  }
}
