/** What an exploration found and covered, for people and for programs. */
import type { AuditDifference } from '../explore/campaign-report.ts';
import type { PoolEvent, PoolProgress, PoolReport } from '../threads/pool.ts';
import { formatCertificate, scenarioFault } from '../explore/exhaustive/certificate.ts';
import type { Escape } from '../explore/escape.ts';
import { counted, formatCount } from '../model/plural.ts';
import { tokenOf, type FailingExecution } from '../explore/failing-execution.ts';
import { failingBlock, failingJson, settledLines } from './failure-report.ts';
import { replayLine } from './rerun-line.ts';
import { detailLines, shownFrame } from './source-line.ts';
import type { Terminal } from './terminal.ts';

/** One scenario after its exploration. */
export interface Explored {
  readonly scenario: {
    readonly name: string;
    /** Shown with its failures. */
    readonly description: string;
  };
  readonly strategy: string;
  readonly seed: string;
  readonly report: PoolReport;
  /** The failures of the report, with what became of them. */
  readonly found: readonly FailingExecution[];
  /** The executions of the report that were cut off, with where they are kept. */
  readonly cutOff: readonly FailingExecution[];
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
  const { report, found, cutOff } = explored;
  const blocks = [
    ...found.map((failure) => failureLines(terminal, explored, failure)),
    ...cutOff.map((execution) => cutOffLines(terminal, explored, execution)),
    ...report.audit.differences.map((difference) => differenceLines(terminal, explored, difference)),
    ...(report.escapes ?? []).map((escape) => escapeLines(terminal, explored, escape)),
  ];
  const coverage = coveredLines(explored);
  if (blocks.length > 0) return [...blocks.flatMap((lines) => [...lines, '']), ...coverage];
  return [`${explored.scenario.name}: ${headline(terminal, report)}`, ...coverage];
}

function headline(terminal: Terminal, { certificate, executions }: PoolReport): string {
  const fault = certificate === undefined ? undefined : scenarioFault(certificate);
  if (fault !== undefined) return terminal.style('red', fault);
  return executions > 0 ? terminal.style('green', 'no failure') : terminal.style('yellow', NOTHING_RUN);
}

/** The log so far, as a line that goes on from there: that is how to see whether it would ever end. */
function cutOffLines(
  terminal: Terminal,
  { scenario, strategy }: Explored,
  execution: FailingExecution,
): string[] {
  const { message, details, firedEvents, atMs, configuration = strategy, file } = execution;
  return [
    terminal.style('red', `${scenario.name}: cut off: ${message}`),
    `  ${counted(firedEvents, 'event')} and ${atMs} ms of virtual time, by ${configuration}`,
    ...detailLines(details),
    `  again: ${replayLine(tokenOf(execution), file)}`,
  ];
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
    terminal.style('red', `${scenario.name}: ${DIFFERENCES[kind]}`),
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
    terminal.style('red', `${scenario.name}: outside of the simulation: ${what}, ${times}`),
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
  failing: FailingExecution,
): string[] {
  const { kind, executions, seconds = 0, configuration = strategy, corpusId } = failing;
  const by = corpusId === undefined ? `by ${configuration}` : 'by a log kept from before';
  return [
    ...failingBlock(terminal, scenario, failing),
    ...(kind === 'escape' ? strictHint(report) : []),
    '',
    `  found in execution ${formatCount(executions)}, after ${seconds.toFixed(1)} s, ${by}`,
    ...settledLines(failing),
  ];
}

/** The last line of `--json`, one per scenario. */
export function exploredJson(explored: Explored): Record<string, unknown> {
  const { scenario, strategy, seed, report, found, cutOff } = explored;
  const { audit, executions, seconds, failed, decisions, firedEvents, features, lostThreads } = report;
  return {
    type: 'explored',
    scenario: scenario.name,
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
    failures: found.map(failingJson),
    cutOff: cutOff.map((execution) => ({ ...cutOffJson(execution), token: tokenOf(execution) })),
  };
}

/** What happens meanwhile, for programs. */
export function eventJson(scenario: string, event: PoolEvent): Record<string, unknown> {
  const { type } = event;
  switch (type) {
    case 'progress':
      return { type, scenario, ...event.progress };
    case 'fixed':
      return { type, scenario, key: event.key };
    case 'changed':
      return { type, scenario, key: event.key, now: event.now };
    case 'failure': {
      const { key, kind, rule, traceHash, executions, seconds, corpusId } = event.failure;
      return {
        type,
        scenario,
        key,
        kind,
        rule,
        ...cutOffJson(event.failure),
        executions,
        seconds,
        corpusId,
        traceHash,
      };
    }
    case 'cut-off':
      return { type, scenario, ...cutOffJson(event.execution) };
    case 'nondeterministic': {
      const { kind, execution, text } = event.difference;
      return { type, scenario, kind, execution, text };
    }
  }
}

/** What is known of an execution that has no end. */
function cutOffJson({
  index,
  message,
  details,
  atMs,
  firedEvents,
  configuration,
  decisions,
}: FailingExecution): Record<string, unknown> {
  return { index, message, details, atMs, firedEvents, configuration, decisions: decisions.length };
}
