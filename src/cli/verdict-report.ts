/** Verdicts for people and for programs. */
import { userFrameOf } from '../explore/explain/source-place.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { formatCount } from '../model/plural.ts';
import { RUN_STATES } from '../model/run-state.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';
import { formatSpan } from './quantity-text.ts';
import { explainLine, rerunLine } from './rerun-line.ts';
import type { ScenarioSummary } from './scenario-campaign.ts';
import { detailLines, shownFrame } from './source-line.ts';
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

/** Why a simulation failed, and the lines that repeat and explain it. */
export function failureLines(terminal: Terminal, verdict: Verdict, reference: string): string[] {
  const { failure, scenario, seed } = verdict;
  if (failure === undefined) return [];
  const rule = failure.rule === undefined ? '' : ` (${failure.rule})`;
  return [
    terminal.style('red', `${scenario}, seed ${seed}: ${failure.kind}${rule} at ${formatSpan(failure.atMs)}`),
    ...failureText(failure),
    `  again: ${rerunLine(reference, seed)}`,
    `  to explain it: ${explainLine(reference, seed)}`,
  ];
}

/** What went wrong, in detail, and where it was noticed. */
export function failureText(failure: Failure | undefined): string[] {
  if (failure === undefined) return [];
  const { message, details, cause } = failure;
  const frame = userFrameOf(cause);
  return [
    `  ${message}`,
    ...detailLines(details),
    ...(frame === undefined ? [] : [`    at ${shownFrame(frame)}`]),
  ];
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

/** All but the cause, which may be any object. */
function failureJson({ kind, rule, message, atMs, details }: Failure): Record<string, unknown> {
  return { kind, ...(rule === undefined ? {} : { rule }), message, atMs, details };
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
