// Hunts for one bug in one copy of the package: starts `dryrunner explore` of that copy, with an empty corpus and one thread, and reads
// its reports line by line. Invariant: a bug counts as found only if a report says so; a child that hangs, crashes or is silent has
// found nothing.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { HistoryLine } from '../../src/explore/explain/failure-history.ts';

/** Where to look, how, and for how long. */
export interface HuntOptions {
  /** Folder of the copy. */
  readonly folder: string;
  readonly scenario: string;
  readonly strategy: string;
  /** Another seed is another cold start. */
  readonly seed: string;
  readonly timeMs: number;
  /** No limit if absent. */
  readonly executions?: number;
  readonly shrinks: boolean;
  /** Keeps what is printed for people, in place of the reports for programs. */
  readonly explains?: boolean;
  /** Name of the folder of failures, below that of the copy; emptied first. */
  readonly corpus: string;
  readonly signal: AbortSignal;
}

/** How a hunt ended. */
export interface Hunt {
  readonly found: boolean;
  /** Until the failure, or until the hunt was given up. */
  readonly executions: number;
  readonly seconds: number;
  /** Events that fired in the failing execution, as found and as shrunk. */
  readonly eventsBefore?: number;
  readonly eventsAfter?: number;
  /** The lines of the history that is shown: time, text and cause of each. */
  readonly history?: readonly string[];
  /** What went wrong, in one sentence. */
  readonly sentence: string;
  /** What is printed for people, if that was asked for. */
  readonly printed?: string;
  /** True if the child died, or was killed, before it reported how the exploration ended: not to find anything is no result then. */
  readonly hasDied?: boolean;
}

/** What the reports of `explore --json` have in common, and what is read of them. */
interface Report {
  readonly type: string;
  readonly executions?: number;
  readonly execution?: number;
  readonly seconds?: number;
  readonly message?: string;
  readonly text?: string;
  readonly firedEvents?: number;
  readonly failures?: readonly FailureReport[];
}

interface FailureReport {
  readonly executions: number;
  readonly seconds: number;
  readonly sentence: string;
  readonly history: readonly HistoryLine[];
  readonly eventsBefore: number;
  readonly eventsAfter: number;
}

/** How long a child may take beyond its time, to start and to shrink. */
const PATIENCE_MS = 60_000;

/** A report, or undefined for a line that is none, such as one that was cut. */
function parsed(line: string): Report | undefined {
  try {
    return JSON.parse(line) as Report;
  } catch {
    return undefined;
  }
}

function lineText({ atMs, text, because }: HistoryLine): string {
  return `${atMs} ms ${text}${because === undefined ? '' : ` (${because})`}`;
}

/** What a report says about the hunt so far; `isLast` if nothing better can come. */
function judged(report: Report, before: Hunt): { readonly hunt: Hunt; readonly isLast: boolean } {
  const { executions = before.executions, seconds = before.seconds } = report;
  switch (report.type) {
    case 'progress':
      return { hunt: { ...before, executions, seconds }, isLast: false };
    case 'failure': {
      const { message = '', firedEvents } = report;
      const events = firedEvents === undefined ? {} : { eventsBefore: firedEvents, eventsAfter: firedEvents };
      return {
        hunt: { found: true, executions, seconds, sentence: message, ...events, hasDied: true },
        isLast: false,
      };
    }
    case 'nondeterministic': {
      // Nothing that was found here could be repeated, so the report itself is what the hunt is for.
      const sentence = `not deterministic: ${report.text ?? ''}`;
      return {
        hunt: { found: true, executions: report.execution ?? executions, seconds, sentence },
        isLast: true,
      };
    }
    case 'explored': {
      const [failure] = report.failures ?? [];
      if (failure === undefined) {
        return { hunt: { found: false, executions, seconds, sentence: '' }, isLast: true };
      }
      const { sentence, history, eventsBefore, eventsAfter } = failure;
      const shown = { sentence, history: history.map(lineText), eventsBefore, eventsAfter };
      return {
        hunt: { found: true, executions: failure.executions, seconds: failure.seconds, ...shown },
        isLast: true,
      };
    }
    default:
      return { hunt: before, isLast: false };
  }
}

function startChild(
  options: HuntOptions,
): ChildProcess & { readonly stdout: NonNullable<ChildProcess['stdout']> } {
  const { folder, scenario, strategy, seed, timeMs, executions, shrinks, explains = false } = options;
  const corpus = join(folder, options.corpus);
  rmSync(corpus, { recursive: true, force: true });
  const args = [
    join(folder, 'dist/cli/main.js'),
    ...['explore', join(folder, 'dist/sims/zoo', `${scenario}.js`), '--workers', '1'],
    ...(explains ? [] : ['--json']),
    ...['--strategy', strategy, '--seed', seed, '--corpus', corpus, '--time', `${timeMs}ms`],
    ...(executions === undefined ? [] : ['--executions', String(executions)]),
    ...(shrinks ? [] : ['--no-shrink']),
  ];
  return spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
}

/** A token is too long to read, and where the copy lies is nobody's business. */
function printedHunt(lines: readonly string[], { folder }: HuntOptions, complaint: string): Hunt {
  const text = lines
    .map((line) => line.replaceAll(`${folder}/`, '').replace(/dr2:\S{40,}/, 'dr2:…'))
    .join('\n');
  const found = lines.some((line) => line === 'What happened' || line.includes('not deterministic'));
  const effort = /^ {2}([\d,]+) executions? (?:and .* )?in ([\d.]+) s/m.exec(text);
  const [, executions = '0', seconds = '0'] =
    /found in execution ([\d,]+), after ([\d.]+) s/.exec(text) ?? effort ?? [];
  return {
    found,
    executions: Number(executions.replaceAll(',', '')),
    seconds: Number(seconds),
    sentence: found ? '' : complaint.trim(),
    printed: text,
    // The last that is printed.
    ...(effort === null ? { hasDied: true } : {}),
  };
}

/** Explores until something fails, the executions are used up, or time is over. */
export async function hunt(options: HuntOptions): Promise<Hunt> {
  const { timeMs, signal } = options;
  const child = startChild(options);
  const exited = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(kill, timeMs + PATIENCE_MS);
  signal.addEventListener('abort', kill);
  let complaint = '';
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
  let result: Hunt = { found: false, executions: 0, seconds: 0, sentence: '', hasDied: true };
  const printed: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      printed.push(line);
      const report = parsed(line);
      if (report === undefined) continue;
      const { hunt: better, isLast } = judged(report, result);
      result = better;
      if (isLast) break;
    }
  } finally {
    kill();
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
  await exited;
  if (options.explains === true) return printedHunt(printed, options, complaint);
  return result.found ? result : { ...result, sentence: complaint.trim() };
}
