/** Scenarios over seeds in front of a person or a program: progress, verdict rows, JSON lines, the exit code. */
import { plural } from '../model/plural.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { EXIT_STATUS, InterruptedError, type ExitStatus } from './exit-status.ts';
import { failureLines } from './failure-report.ts';
import type { Interruption } from './interruption.ts';
import { runScenario, type CampaignListener, type ScenarioSummary } from './scenario-campaign.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { summaryJson, summaryTable, verdictJson } from './verdict-report.ts';

/** How to rehearse. */
export interface RehearsalOptions {
  readonly seeds: readonly string[];
  /** A line per verdict and per scenario on stdout, and nothing else there. */
  readonly json: boolean;
  readonly keepTrace?: boolean;
}

/** A verdict and the scenario that it is of, as it is named on a command line. */
export interface NamedVerdict {
  readonly reference: string;
  readonly verdict: Verdict;
}

/**
 * What came of it. The scenarios have run in this thread and may have replaced any global function, those of arrays too, so the verdicts
 * that the exit code depends on are kept as they come in.
 */
export interface Rehearsal {
  readonly summaries: readonly ScenarioSummary[];
  readonly first: NamedVerdict | undefined;
  readonly firstFailure: NamedVerdict | undefined;
}

/**
 * Runs every scenario over the seeds; stops early, with what is done, when interrupted.
 *
 * @throws InterruptedError (rejects) if a signal comes while the first scenario prepares.
 */
export async function rehearse(
  terminal: Terminal,
  scenarios: readonly LoadedScenario[],
  interruption: Interruption,
  { seeds, json, keepTrace = false }: RehearsalOptions,
): Promise<Rehearsal> {
  const summaries: ScenarioSummary[] = [];
  let first: NamedVerdict | undefined;
  let firstFailure: NamedVerdict | undefined;
  const listener: CampaignListener = {
    onSeed: ({ definition }, done, total) => terminal.progress(progressText(definition.name, done, total)),
    onVerdict: ({ reference }, verdict, realMs) => {
      first ??= { reference, verdict };
      if (!verdict.held) firstFailure ??= { reference, verdict };
      if (json) terminal.json(verdictJson(verdict, realMs));
    },
  };
  for (const scenario of scenarios) {
    if (interruption.requested) break;
    try {
      const summary = await runScenario(scenario, seeds, interruption, listener, keepTrace);
      summaries.push(summary);
      if (json) terminal.json(summaryJson(summary));
    } catch (error) {
      if (first === undefined || !(error instanceof InterruptedError)) throw error;
      terminal.note(error.message);
    }
  }
  terminal.progress('');
  return { summaries, first, firstFailure };
}

/** A bar of twenty cells with the count behind it. */
function progressText(name: string, done: number, total: number): string {
  const cells = Math.round((done / Math.max(total, 1)) * 20);
  return `${name} ${'█'.repeat(cells)}${'░'.repeat(20 - cells)} ${done}/${total} ${plural(total, 'seed')}`;
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

/** That of the signal if interrupted, 1 if anything failed, else 0. */
export function statusOf({ firstFailure }: Rehearsal, interruption: Interruption): ExitStatus {
  if (interruption.status !== undefined) return interruption.status;
  return firstFailure === undefined ? EXIT_STATUS.HELD : EXIT_STATUS.FAILED;
}
