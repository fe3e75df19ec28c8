/** `dryrunner run`: scenarios over seeds, a verdict row each. */
import { open } from 'node:fs/promises';
import { messageOf } from '../kernel/errors.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { simulationLines } from '../trace/simulation-file.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { runScenario, type CampaignListener, type ScenarioSummary } from './scenario-campaign.ts';
import { findScenarios, type LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { failureLines, summaryJson, summaryTable, verdictJson } from './verdict-report.ts';

/** Options as typed. */
export interface RunCommandOptions {
  readonly seed?: string;
  readonly seeds?: number;
  readonly json?: boolean;
  readonly trace?: string;
}

/** Runs the scenarios and prints their verdicts. */
export async function runCommand(
  terminal: Terminal,
  references: readonly string[],
  options: RunCommandOptions,
): Promise<ExitStatus> {
  const { seed, seeds, json = false, trace } = options;
  if (seed !== undefined && seeds !== undefined)
    throw new UsageError('give either --seed S or --seeds N, not both');
  const scenarios = await findScenarios(references);
  if (trace !== undefined && (scenarios.length !== 1 || (seeds ?? 1) !== 1)) {
    throw new UsageError(
      `--trace keeps one run: expected one scenario and one seed, got ${scenarios.length} scenarios and ${seeds ?? 1} seeds`,
    );
  }
  const seedList =
    seeds === undefined ? [seed ?? '1'] : Array.from({ length: seeds }, (_, index) => String(index + 1));
  const interruption = new Interruption();
  try {
    const summaries = await runAll(terminal, scenarios, seedList, interruption, json, trace);
    if (!json) printSummaries(terminal, summaries);
    return statusOf(summaries, interruption);
  } finally {
    interruption.dispose();
  }
}

async function runAll(
  terminal: Terminal,
  scenarios: readonly LoadedScenario[],
  seeds: readonly string[],
  interruption: Interruption,
  json: boolean,
  trace: string | undefined,
): Promise<ScenarioSummary[]> {
  const summaries: ScenarioSummary[] = [];
  let last: Verdict | undefined;
  const listener: CampaignListener = {
    onSeed: ({ definition }, done, total) => terminal.progress(progressText(definition.name, done, total)),
    onVerdict: (_scenario, verdict, realMs) => {
      last = verdict;
      if (json) terminal.json(verdictJson(verdict, realMs));
    },
  };
  for (const scenario of scenarios) {
    if (interruption.requested) break;
    const summary = await runScenario(scenario, seeds, interruption, listener, trace !== undefined);
    summaries.push(summary);
    if (json) terminal.json(summaryJson(summary));
  }
  terminal.progress('');
  if (trace !== undefined && last !== undefined) await writeTrace(trace, last, scenarios[0]?.reference ?? '');
  return summaries;
}

/** A bar of twenty cells with the count behind it. */
export function progressText(name: string, done: number, total: number): string {
  const cells = Math.round((done / Math.max(total, 1)) * 20);
  return `${name} ${'█'.repeat(cells)}${'░'.repeat(20 - cells)} ${done}/${total} seeds`;
}

/** Prints the table, and the first failure of each scenario. */
export function printSummaries(terminal: Terminal, summaries: readonly ScenarioSummary[]): void {
  for (const line of summaryTable(terminal, summaries)) terminal.line(line);
  for (const { firstFailure, scenario } of summaries) {
    if (firstFailure === undefined) continue;
    terminal.line();
    for (const line of failureLines(terminal, firstFailure, scenario.reference)) terminal.line(line);
  }
}

/** 130 if interrupted, 1 if anything failed, else 0. */
export function statusOf(summaries: readonly ScenarioSummary[], interruption: Interruption): ExitStatus {
  if (interruption.requested) return EXIT_STATUS.INTERRUPTED;
  return summaries.some(({ failed }) => failed > 0) ? EXIT_STATUS.FAILED : EXIT_STATUS.HELD;
}

async function writeTrace(path: string, verdict: Verdict, reference: string): Promise<void> {
  try {
    const file = await open(path, 'w');
    try {
      const { scenario, seed, traceHash } = verdict;
      const record = { decisions: verdict.decisions(), events: verdict.trace() };
      const header = { scenario, seed, meta: { verdictHash: traceHash, reference } };
      for (const line of simulationLines(record, header)) {
        await file.write(line);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`the trace cannot be written to ${path}: ${messageOf(error)}`);
  }
}
