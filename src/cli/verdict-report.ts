/** Verdicts for people and for programs. */
import { roundedMs } from '../kernel/microseconds.ts';
import { formatCount } from '../model/plural.ts';
import { RUN_STATES } from '../model/run-state.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { failureJson } from './failure-report.ts';
import { formatSpan } from './quantity-text.ts';
import type { ScenarioSummary } from './scenario-campaign.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

const HEAD = [
  'scenario',
  'verdict',
  'seeds',
  'runs',
  'end states',
  'faults',
  'virtual time',
  'speed',
  'decisions',
  'trace hash',
];

/** One row per scenario. */
export function summaryTable(terminal: Terminal, summaries: readonly ScenarioSummary[]): string[] {
  return textTable(
    HEAD,
    summaries.map((summary) => [
      summary.scenario.definition.name,
      verdictWord(terminal, summary),
      formatCount(summary.seeds),
      formatCount(summary.runs),
      endStatesText(summary),
      formatCount(summary.faults),
      formatSpan(summary.virtualMs),
      `${formatCount(summary.virtualMs / Math.max(summary.realMs, 0.001))}×`,
      formatCount(summary.decisions),
      summary.traceHash,
    ]),
  );
}

function verdictWord(terminal: Terminal, { failed, interrupted }: ScenarioSummary): string {
  if (failed > 0) return terminal.style('red', `${formatCount(failed)} failed`);
  return interrupted ? terminal.style('yellow', 'interrupted') : terminal.style('green', 'held');
}

function endStatesText({ endStates }: ScenarioSummary): string {
  const texts = RUN_STATES.flatMap((state) => {
    const count = endStates[state] ?? 0;
    return count === 0 ? [] : [`${formatCount(count)} ${state}`];
  });
  return texts.join(', ') || '–';
}

/** The `run` line of `--json`. */
export function verdictJson(verdict: Verdict, realMs: number): Record<string, unknown> {
  const { failure } = verdict;
  return {
    type: 'run',
    scenario: verdict.scenario,
    seed: verdict.seed,
    held: verdict.held,
    ...(failure === undefined ? {} : { failure: failureJson(failure) }),
    runs: verdict.runs,
    endStates: verdict.endStates,
    faults: verdict.faults,
    virtualMs: verdict.virtualMs,
    realMs: roundedMs(realMs),
    events: verdict.firedEvents,
    decisions: verdict.decisionCount,
    traceHash: verdict.traceHash,
  };
}

/** The `scenario` line of `--json`, after the last seed of a scenario. */
export function summaryJson(summary: ScenarioSummary): Record<string, unknown> {
  const { scenario, firstFailure, realMs, ...rest } = summary;
  return {
    type: 'scenario',
    scenario: scenario.definition.name,
    ...rest,
    realMs: roundedMs(realMs),
    ...(firstFailure === undefined ? {} : { firstFailingSeed: firstFailure.seed }),
  };
}
