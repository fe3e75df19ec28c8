/** Finds the lines of an endless loop: runs it again for a short time with the engine's profiler on. */
import { findSourceMap } from 'node:module';
import { Session, type Profiler, type Runtime } from 'node:inspector';
import { framesOf, hasUserFrame } from '../explore/explain/source-place.ts';
import { mappedPlace, placeInBundle } from './bundle/mapped-stacks.ts';
import { pathOfLocation } from '../kernel/package-files.ts';
import type { LoopingFrame } from './outside-loops.ts';

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
    // While there is a debugger, the engine takes the end of code inside a promise hook, as of `AsyncLocalStorage`, for
    // an exception of the hook, and the loop goes on.
    session.post('Debugger.disable');
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

/** Lines of the user's on a stack, formatted as stack frames, innermost first. */
export function linesOfStack(stack: readonly LoopingFrame[]): string[] {
  const frames = stack.map(({ functionName, url, line, column }) =>
    frameAt({ functionName, url }, line, column),
  );
  return frames.filter((frame) => frame !== undefined).slice(0, LINES_MAX);
}

/** A function of the user's, and how often the profiler found it, or what it calls, running. */
interface LoopingFunction {
  readonly declaredAt: string;
  /** How often each of its own lines ran, formatted as a stack frame. */
  readonly lines: Map<string, number>;
  ticks: number;
}

/** By place; undefined for functions that are none of the user's. */
type Functions = Map<string, LoopingFunction | undefined>;

/**
 * The lines of the functions that run most. The profiler knows the lines of what runs, and not those that call: a
 * function that is only found to call others is shown at its declaration.
 */
function linesIn({ nodes }: Profiler.Profile): string[] {
  const functions: Functions = new Map();
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node] as const)));
  for (const node of nodes) {
    const { hitCount = 0, positionTicks = [] } = node;
    if (hitCount === 0) continue;
    let running: Profiler.ProfileNode | undefined = node;
    let found = functionOf(node.callFrame, functions);
    while (found === undefined && running !== undefined) {
      running = callers.get(running.id);
      found = running && functionOf(running.callFrame, functions);
    }
    if (found === undefined) continue;
    found.ticks += hitCount;
    if (running !== node) continue;
    for (const { line, ticks } of positionTicks) {
      const frame = frameAt(node.callFrame, line);
      if (frame !== undefined) found.lines.set(frame, (found.lines.get(frame) ?? 0) + ticks);
    }
  }
  const frames = [...functions.values()]
    .filter((found) => found !== undefined)
    .filter(({ ticks }) => ticks > 0)
    .sort((one, other) => other.ticks - one.ticks)
    .flatMap(({ lines, declaredAt }) =>
      lines.size === 0
        ? [declaredAt]
        : [...lines].sort(([, one], [, other]) => other - one).map(([frame]) => frame),
    );
  return [...new Set(frames)].slice(0, LINES_MAX);
}

/** The entry of the function; undefined if it is none of the user's. */
function functionOf(callFrame: Runtime.CallFrame, functions: Functions): LoopingFunction | undefined {
  const { url, lineNumber, columnNumber } = callFrame;
  const key = `${url}:${lineNumber}:${columnNumber}`;
  if (functions.has(key)) return functions.get(key);
  const declaredAt = frameAt(callFrame, lineNumber + 1);
  const found = declaredAt === undefined ? undefined : { declaredAt, lines: new Map(), ticks: 0 };
  functions.set(key, found);
  return found;
}

/** Formats a line as a stack frame at its source-mapped place; undefined if it is not a line of the user's. */
function frameAt(
  { functionName, url }: Pick<Runtime.CallFrame, 'functionName' | 'url'>,
  line: number,
  column = LAST_COLUMN,
): string | undefined {
  const stack = `    at ${placeAt(functionName, url, line, column)}`;
  // No line is that long: the column is still the placeholder if there was no source map.
  return hasUserFrame(stack) ? framesOf(stack)[0]?.replace(`:${LAST_COLUMN}`, ':1') : undefined;
}

function placeAt(name: string, url: string, line: number, column: number): string {
  const { prepareStackTrace } = Error as {
    readonly prepareStackTrace?: (error: Error, sites: unknown[]) => unknown;
  };
  const inBundle = placeInBundle(url, line, column);
  if (inBundle === undefined && prepareStackTrace !== undefined) {
    const site = new LineSite(name, pathOfLocation(url), line, column);
    const mapped = prepareStackTrace(new Error('line'), [site]);
    if (typeof mapped === 'string') return mapped.split('\n').at(-1)?.trim().replace(/^at /, '') ?? '';
  }
  const mapped = inBundle ?? mappedPlace(findSourceMap(url), line, column);
  if (mapped === undefined) return new LineSite(name, pathOfLocation(url), line, column).toString();
  return name === '' ? mapped.place : `${name} (${mapped.place})`;
}

/** The profiler reports no columns. The end of the line maps to the last expression in it. */
const LAST_COLUMN = 1_000_000;

/** The part of a call site that code which formats stacks uses. */
class LineSite {
  readonly #name: string;
  readonly #url: string;
  readonly #line: number;
  readonly #column: number;

  constructor(name: string, url: string, line: number, column: number) {
    this.#name = name;
    this.#url = url;
    this.#line = line;
    this.#column = column;
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
    return this.#column;
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
    const place = `${this.#url}:${this.#line}:${this.#column}`;
    return this.#name === '' ? place : `${this.#name} (${place})`;
  }
}
