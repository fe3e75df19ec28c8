/** Reports of verdicts, for people and for programs. */
import { roundedMs } from '../kernel/microseconds.ts';
import { headlineOf } from '../explore/failure-key.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { reportText } from '../kernel/report-text.ts';
import { counted, formatCount } from '../model/plural.ts';
import { RUN_STATES, type RunState } from '../model/run-state.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';
import { failureJson } from './failure-report.ts';
import { formatSpan } from './quantity-text.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { NO_BREAK, textTable } from './text-table.ts';

/** The results of one scenario over all its seeds. */
export interface ScenarioSummary {
  readonly scenario: LoadedScenario;
  readonly seeds: number;
  readonly failed: number;
  readonly runs: number;
  readonly faults: number;
  readonly endStates: Readonly<Partial<Record<RunState, number>>>;
  readonly virtualMs: number;
  readonly realMs: number;
  readonly decisions: number;
  /** The trace hash if there was one seed, else the hash of the trace hashes in the order of the seeds. */
  readonly traceHash: string;
  /** The first failure, if any. */
  readonly firstFailure: Verdict | undefined;
  /** True if a signal ended it before its last seed. */
  readonly interrupted: boolean;
}

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

/** Columns left out if the terminal has no room, in this order; `--json` has all of them. */
const DISPENSABLE = ['trace hash', 'speed', 'virtual time', 'decisions'];

/** A table with one row per scenario. */
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
    { columns: terminal.tableColumns, dispensable: DISPENSABLE },
  );
}

function verdictWord(terminal: Terminal, { failed, interrupted }: ScenarioSummary): string {
  if (failed > 0) return terminal.style('red', `${formatCount(failed)} failed`);
  return interrupted ? terminal.style('yellow', 'interrupted') : terminal.style('green', 'held');
}

function endStatesText({ endStates }: ScenarioSummary): string {
  const texts = RUN_STATES.flatMap((state) => {
    const count = endStates[state] ?? 0;
    return count === 0 ? [] : [`${formatCount(count)}${NO_BREAK}${state}`];
  });
  return texts.join(', ') || '–';
}

/** The facts of an execution that a verdict line shows. */
export interface JudgedExecution {
  /** Absent if it held. */
  readonly failure?: Pick<Failure, 'atMs' | 'message'> | undefined;
  readonly virtualMs: number;
  readonly firedEvents: number;
  /** Where the failure was noticed. */
  readonly place?: string | undefined;
  /** What failed, and when that happens; default: the beginning of the message. */
  readonly what?: string | undefined;
}

/**
 * One line that says whether the execution holds or fails, how and where; it follows the name of the execution. Times
 * are in milliseconds, as in an explanation.
 */
export function verdictText({ failure, virtualMs, firedEvents, place, what }: JudgedExecution): string {
  if (failure === undefined) return `holds, at ${virtualMs} ms after ${counted(firedEvents, 'event')}`;
  const where = place === undefined ? '' : ` ${place}`;
  const text = reportText(what ?? headlineOf(failure.message).headline);
  return `fails at ${failure.atMs} ms${onOneLine(where)}: ${text}`;
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
