/** What an exploration found and covered, for people and for programs. */
import type { AuditDifference, CutOffExecution } from '../explore/campaign-report.ts';
import type { PoolProgress, PoolReport } from '../campaign/pool.ts';
import { formatCertificate, scenarioFault } from '../explore/exhaustive/certificate.ts';
import type { Escape } from '../explore/escape.ts';
import { counted, formatCount } from '../model/plural.ts';
import { keyDecisions, nonZeroOf } from '../explore/keyed-log.ts';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import { encodeToken } from '../explore/replay-token.ts';
import { failureBlock, foundJson, settledLines, type FoundFailure } from './failure-report.ts';
import { replayLine } from './rerun-line.ts';
import type { LoadedScenario } from './scenario-loader.ts';
import { detailLines, shownFrame } from './source-line.ts';
import type { Terminal } from './terminal.ts';

/** One scenario after its exploration. */
export interface Explored {
  readonly scenario: LoadedScenario;
  readonly strategy: string;
  readonly seed: string;
  readonly report: PoolReport;
  readonly found: readonly FoundFailure[];
  /** Where the logs of executions that were cut off are kept; those that could not be written are missing. */
  readonly cutOffFiles: ReadonlyMap<CutOffExecution, string>;
}

/** The progress line. */
export function progressText(scenario: string, progress: PoolProgress): string {
  const { executions, failed, seconds, features, decisions, firedEvents } = progress;
  if (executions + decisions + firedEvents === 0 && seconds >= WAIT_SHOWN_S) {
    return `${scenario} ${formatCount(seconds)} s, Ctrl-C ends it · nothing has run yet: it loads, prepares or hangs`;
  }
  const rate = formatCount(executions / Math.max(seconds, 0.001));
  const parts = [`${formatCount(executions)} executions`, `${rate}/s`, `${formatCount(features)} features`];
  return `${scenario} ${formatCount(seconds)} s · ${parts.join(' · ')} · ${formatCount(failed)} failed`;
}

/** By then most scenarios have begun, on a slow machine too. */
const WAIT_SHOWN_S = 3;

const NOTHING_RUN = 'no execution came to its end: it needs more time, or never ends';

/** What is printed at the end. */
export function exploredLines(terminal: Terminal, explored: Explored): string[] {
  const { report, found } = explored;
  const blocks = [
    ...found.map((failure) => failureLines(terminal, explored, failure)),
    ...report.cutOff.map((execution) => cutOffLines(terminal, explored, execution)),
    ...report.audit.differences.map((difference) => differenceLines(terminal, explored, difference)),
    ...(report.escapes ?? []).map((escape) => escapeLines(terminal, explored, escape)),
  ];
  const coverage = coveredLines(explored);
  if (blocks.length > 0) return [...blocks.flatMap((lines) => [...lines, '']), ...coverage];
  return [`${explored.scenario.definition.name}: ${headline(terminal, report)}`, ...coverage];
}

function headline(terminal: Terminal, { certificate, executions }: PoolReport): string {
  const fault = certificate === undefined ? undefined : scenarioFault(certificate);
  if (fault !== undefined) return terminal.style('red', fault);
  return executions > 0 ? terminal.style('green', 'no failure') : terminal.style('yellow', NOTHING_RUN);
}

/** The log so far, as a line that goes on from there: that is how to see whether it would ever end. */
function cutOffLines(
  terminal: Terminal,
  { scenario, strategy, cutOffFiles }: Explored,
  execution: CutOffExecution,
): string[] {
  const { message, details, firedEvents, atMs, configuration = strategy } = execution;
  return [
    terminal.style('red', `${scenario.definition.name}: cut off: ${message}`),
    `  ${counted(firedEvents, 'event')} and ${atMs} ms of virtual time, by ${configuration}`,
    ...detailLines(details),
    `  again: ${replayLine(cutOffToken(scenario.reference, execution), cutOffFiles.get(execution))}`,
  ];
}

/** A replay is to take a few times what the execution took. */
const SECOND_TRY = 4;

/** After how many events a second try is cut off as well. */
export function eventsOfSecondTry({ firedEvents }: CutOffExecution): number {
  return SECOND_TRY * Math.max(firedEvents, 1);
}

/** A log that has no end of its own has neither hash nor failure. */
function cutOffToken(scenario: string, execution: CutOffExecution): string {
  const traceHash = '0'.repeat(16);
  return encodeToken({
    ...{ scenario, traceHash, failureKey: CUT_OFF_KEY, maxEvents: eventsOfSecondTry(execution) },
    decisions: nonZeroOf(keyDecisions(execution.decisions)),
  });
}

const DIFFERENCES = {
  repeat: 'not deterministic: the same decisions gave another execution',
  leak: 'one execution leaks into the next: run again later, an early one was not the same',
} as const;

function differenceLines(
  terminal: Terminal,
  { scenario, report }: Explored,
  { kind, text }: AuditDifference,
): string[] {
  return [
    terminal.style('red', `${scenario.definition.name}: ${DIFFERENCES[kind]}`),
    `  ${text}`,
    '  Something outside of the simulation decides: a clock, randomness, I/O, or a variable that outlives the scenario.',
    ...strictHint(report),
  ];
}

/** What touches the machine is known to the watch only. */
function strictHint({ escapes }: PoolReport): string[] {
  return escapes === undefined ? ['  --strict lists the lines that touch a clock, randomness or I/O.'] : [];
}

function escapeLines(terminal: Terminal, { scenario }: Explored, { what, count, frames }: Escape): string[] {
  const times = count === 1 ? 'once' : `${formatCount(count)} times`;
  return [
    terminal.style('red', `${scenario.definition.name}: outside of the simulation: ${what}, ${times}`),
    ...(frames.length === 0
      ? ['  the machine does not say from where']
      : frames.map((frame) => `  ${shownFrame(frame)}`)),
  ];
}

function coveredLines({ report, strategy, seed }: Explored): string[] {
  const { decisions, firedEvents, features, audit, certificate } = report;
  const end = stopCauseOf(report) === 'exhausted' ? '; nothing is left to try' : '';
  const covered = features === 0 ? '' : `, ${counted(features, 'feature')} covered`;
  return [
    `  ${effort(report)}, ${counted(decisions, 'decision')}, ${counted(firedEvents, 'event')}${end}`,
    ...(certificate === undefined
      ? [`  strategy ${strategy}, seed ${JSON.stringify(seed)}${covered}`]
      : formatCertificate(certificate)
          .split('\n')
          .map((line) => `  ${line}`)),
    ...sometimesLines(report),
    ...(report.escapes?.length === 0 ? ['  no real time, randomness or I/O was touched'] : []),
    ...(audit.repeated > 0 && audit.differences.length === 0
      ? [`  run twice, the same to the byte: ${counted(audit.repeated, 'execution')}`]
      : []),
  ];
}

/** A search that came to one of its own bounds has left something to try. */
function stopCauseOf({ stoppedBy, certificate }: PoolReport): PoolReport['stoppedBy'] {
  if (stoppedBy !== 'exhausted' || certificate === undefined || certificate.complete === true) {
    return stoppedBy;
  }
  return certificate.complete.stoppedBy === 'maxExecutions' ? 'executions' : 'stopped';
}

function effort({ executions, seconds }: PoolReport): string {
  const rate = executions / Math.max(seconds, 0.001);
  const each = rate < 1 ? '' : ` (${formatCount(rate)}/s)`;
  return `${counted(executions, 'execution')} in ${seconds.toFixed(1)} s${each}`;
}

function sometimesLines({ sometimes }: PoolReport): string[] {
  const names = (wanted: boolean): string[] =>
    Object.keys(sometimes).filter((name) => sometimes[name] === wanted);
  const line = (what: string, list: readonly string[]): string[] =>
    list.length === 0 ? [] : [`  ${what}: ${list.join(', ')}`];
  return [...line('sometimes, reached', names(true)), ...line('sometimes, never reached', names(false))];
}

function failureLines(
  terminal: Terminal,
  { scenario, strategy, report }: Explored,
  found: FoundFailure,
): string[] {
  const { failure } = found;
  const by =
    failure.corpusId === undefined ? `by ${failure.configuration ?? strategy}` : 'by a log kept from before';
  return [
    ...failureBlock(terminal, scenario.definition, found),
    ...(failure.kind === 'escape' ? strictHint(report) : []),
    '',
    `  found in execution ${formatCount(failure.executions)}, after ${failure.seconds.toFixed(1)} s, ${by}`,
    ...settledLines(found),
  ];
}

/** The last line of `--json`, one per scenario. */
export function exploredJson({ scenario, strategy, seed, report, found }: Explored): Record<string, unknown> {
  const { audit, executions, seconds, failed, decisions, firedEvents, features, lostThreads } = report;
  return {
    type: 'explored',
    scenario: scenario.definition.name,
    strategy,
    seed,
    ...{ executions, seconds, failed, decisions, firedEvents, features, lostThreads },
    stoppedBy: stopCauseOf(report),
    nextIndex: report.nextIndex,
    sometimes: report.sometimes,
    ...(report.certificate === undefined ? {} : { certificate: report.certificate }),
    ...(report.escapes === undefined ? {} : { escapes: report.escapes }),
    audit: {
      ...audit,
      differences: audit.differences.map(({ kind, execution, text }) => ({ kind, execution, text })),
    },
    failures: found.map(foundJson),
    cutOff: report.cutOff.map((execution) => ({
      ...execution,
      decisions: execution.decisions.length,
      token: cutOffToken(scenario.reference, execution),
    })),
  };
}
