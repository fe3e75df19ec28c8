/** Finds the lines of an endless loop: runs it again for a short time with the engine's profiler on. */
import { Session, type Profiler, type Runtime } from 'node:inspector';
import { framesOf, hasUserFrame } from '../explore/explain/source-place.ts';
import { pathOfLocation } from '../kernel/package-files.ts';

const INTERVAL_US = 1_000;
const LINES_MAX = 3;

/**
 * Lines of the loop, formatted as stack frames, the most frequent first; undefined if `run` resolves with false,
 * because the execution does not loop again. `run` calls its argument when it reaches the loop, or at once.
 */
export async function loopingLines(
  run: (beginToLook: () => void) => Promise<boolean>,
): Promise<string[] | undefined> {
  const session = new Session();
  session.connect();
  try {
    // Makes the engine compile functions again: the profiler cannot attribute existing machine code to functions.
    session.post('Debugger.enable');
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    const loops = await run(() => session.post('Profiler.start'));
    let profile: Profiler.Profile | undefined;
    session.post('Profiler.stop', (error, answer) => {
      if (error === null) ({ profile } = answer);
    });
    return profile === undefined || !loops ? undefined : linesIn(profile);
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
