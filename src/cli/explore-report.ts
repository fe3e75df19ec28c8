/** What an exploration found and covered, for people and for programs. */
import type { PoolFailure, PoolProgress, PoolReport } from '../host/explore-pool.ts';
import { formatCount } from './quantity-text.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';

/** One scenario after its exploration. */
export interface Explored {
  readonly scenario: LoadedScenario;
  readonly strategy: string;
  readonly seed: string;
  readonly report: PoolReport;
}

/** The progress line. */
export function progressText(scenario: string, progress: PoolProgress): string {
  const { executions, failed, seconds, novelExecutions } = progress;
  const rate = formatCount(executions / Math.max(seconds, 0.001));
  return `${scenario} ${formatCount(seconds)} s · ${formatCount(executions)} executions · ${rate}/s · ${formatCount(novelExecutions)} new · ${formatCount(failed)} failed`;
}

/** What is printed at the end. */
export function exploredLines(terminal: Terminal, explored: Explored): string[] {
  const { report } = explored;
  return report.failures.length === 0
    ? coveredLines(terminal, explored)
    : report.failures.flatMap((failure) => failureLines(terminal, explored, failure));
}

function coveredLines(terminal: Terminal, { scenario, report, strategy, seed }: Explored): string[] {
  const { executions, seconds, decisions, firedEvents, audit } = report;
  const rate = formatCount(executions / Math.max(seconds, 0.001));
  return [
    `${scenario.definition.name}: ${terminal.style('green', 'no failure')}`,
    `  ${formatCount(executions)} executions in ${seconds.toFixed(1)} s (${rate}/s), ${formatCount(decisions)} decisions, ${formatCount(firedEvents)} events`,
    `  strategy ${strategy}, seed ${JSON.stringify(seed)}`,
    `  ${formatCount(audit.repeated)} executions were run twice and were the same to the byte`,
  ];
}

function failureLines(terminal: Terminal, { scenario }: Explored, failure: PoolFailure): string[] {
  const rule = failure.rule === undefined ? '' : ` (${failure.rule})`;
  return [
    terminal.style('red', `${scenario.definition.name}: ${failure.kind}${rule}`),
    `  ${failure.message}`,
    ...failure.details.flatMap((detail) => detail.split('\n').map((line) => `    ${line}`)),
  ];
}

/** The last line of `--json`, one per scenario. */
export function exploredJson({ scenario, strategy, seed, report }: Explored): Record<string, unknown> {
  const { executions, seconds, failures } = report;
  return {
    type: 'explored',
    scenario: scenario.definition.name,
    strategy,
    seed,
    executions,
    seconds,
    failures: failures.map((failure) => ({
      key: failure.key,
      sentence: failure.message,
      executions: failure.executions,
      seconds: failure.seconds,
      eventsBefore: failure.firedEvents,
    })),
  };
}
