/** Finds the lines of an endless loop: runs the execution again for a short time with the engine's profiler on. */
import { Session, type Profiler, type Runtime } from 'node:inspector';
import { framesOf, hasUserFrame } from '../explore/explain/source-place.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { pathOfLocation } from '../kernel/package-files.ts';
import { keyedReplayDecisions } from '../kernel/replay-decisions.ts';
import type { TestRun } from './test-run.ts';

/**
 * Milliseconds of each attempt. Each is longer than the one before, because on a busy machine a short one may see
 * nothing.
 */
const LOOKS_MS = [100, 250, 500] as const;
/** Part of the test's time that a later attempt may take. */
const LOOK_PART = 0.06;
const INTERVAL_US = 1_000;
const LINES_MAX = 3;

/** Lines of the loop, formatted as stack frames, the most frequent first; undefined if the execution does not loop again. */
export async function loopingLines(
  run: TestRun,
  failing: FailingExecution,
  seed: string,
): Promise<string[] | undefined> {
  const { timeoutMs = Infinity } = run.test;
  let lines: string[] | undefined;
  for (const ms of LOOKS_MS) {
    if (ms > LOOKS_MS[0] && ms > timeoutMs * LOOK_PART) break;
    lines = await linesWithin(ms, run, failing, seed);
    if (lines === undefined || lines.length > 0) break;
  }
  return lines;
}

async function linesWithin(
  ms: number,
  run: TestRun,
  failing: FailingExecution,
  seed: string,
): Promise<string[] | undefined> {
  const session = new Session();
  session.connect();
  try {
    // Makes the engine compile functions again: the profiler cannot attribute existing machine code to functions.
    session.post('Debugger.enable');
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    session.post('Profiler.start');
    const { executor, turns } = run.within(ms, seed);
    await executor.execute({ source: keyedReplayDecisions(failing.decisions) });
    let profile: Profiler.Profile | undefined;
    session.post('Profiler.stop', (error, answer) => {
      if (error === null) ({ profile } = answer);
    });
    return profile === undefined || !turns.isStuck ? undefined : linesIn(profile);
  } finally {
    session.disconnect();
  }
}

function linesIn({ nodes }: Profiler.Profile): string[] {
  const ticks = new Map<string, number>();
  for (const { callFrame, positionTicks = [] } of nodes) {
    for (const { line, ticks: count } of positionTicks) {
      const frame = frameAt(callFrame, line);
      if (frame !== undefined) ticks.set(frame, (ticks.get(frame) ?? 0) + count);
    }
  }
  return [...ticks]
    .sort(([, one], [, other]) => other - one)
    .map(([frame]) => frame)
    .slice(0, LINES_MAX);
}

/** Formats a line as a stack frame at its source-mapped place; undefined if it is not a line of the user's. */
function frameAt({ functionName, url }: Runtime.CallFrame, line: number): string | undefined {
  const site = new LineSite(functionName, pathOfLocation(url), line);
  const { prepareStackTrace } = Error as {
    readonly prepareStackTrace?: (error: Error, sites: unknown[]) => unknown;
  };
  const mapped = prepareStackTrace?.(new Error('line'), [site]);
  const stack = typeof mapped === 'string' ? mapped : `    at ${site.toString()}`;
  // No line is that long: the column is still the placeholder if there was no source map.
  return hasUserFrame(stack) ? framesOf(stack)[0]?.replace(`:${COLUMN}`, ':1') : undefined;
}

/** The profiler reports no columns. The end of the line maps to the last expression in it. */
const COLUMN = 1_000_000;

/** The part of a call site that code which formats stacks uses. */
class LineSite {
  readonly #name: string;
  readonly #url: string;
  readonly #line: number;

  constructor(name: string, url: string, line: number) {
    this.#name = name;
    this.#url = url;
    this.#line = line;
  }

  getFileName(): string {
    return this.#url;
  }

  getScriptNameOrSourceURL(): string {
    return this.#url;
  }

  getLineNumber(): number {
    return this.#line;
  }

  getColumnNumber(): number {
    return COLUMN;
  }

  getFunctionName(): string {
    return this.#name;
  }

  isToplevel(): boolean {
    return true;
  }

  isNative(): boolean {
    return false;
  }

  isEval(): boolean {
    return false;
  }

  isConstructor(): boolean {
    return false;
  }

  isAsync(): boolean {
    return false;
  }

  toString(): string {
    const place = `${this.#url}:${this.#line}:${COLUMN}`;
    return this.#name === '' ? place : `${this.#name} (${place})`;
  }
}
