/**
 * Finds source lines in stacks. Invariant: lines of user code are shown, those of this package only if it threw an
 * error that none of these led to, those of the engine never: a reader looks for the line that they wrote.
 */
import { stackOf } from '../../kernel/errors.ts';
import { codePathOf, isOnlyMapped, pathOfLocation, scenarioPathOf } from '../../kernel/package-files.ts';
import { fileOfLine, functionOfLine } from '../../kernel/stack-line.ts';

/** Where something was created or noticed. */
export interface SourcePlace {
  /** What was created there. */
  readonly what: string;
  /** Lines as `function (file:line:column)` or `file:line:column`, nearest first. */
  readonly frames: readonly string[];
}

const ROW = /:(\d+):\d+\)?$/;
const URL_SCHEME = 'file://';
/** Folders whose lines appear in every stack and so say nothing, even if they throw. */
const SILENT_FOLDERS = [
  'ambient/',
  'cluster/',
  'conformance/workload/',
  'disks/',
  'kernel/',
  'explore/',
  'locks/',
  'simulation/',
  'vitest/',
];
/** Draws of the shipped scenarios: their callers decide what is drawn. */
const SILENT_SCENARIOS = ['zoo/odds.'];
/** Files of services that call other services. */
const SERVICES = ['runners/', 'network/', 'simulation/node', 'simulation/service-node'];
const FRAMES_MAX = 4;

/** Names that rewriting code inserts: calls of its helpers, and the holders of what a module imports. */
const INSERTED_CALL = /^at (?:async )?__dryrunner[\w$]+ \(/;
const INSERTED_HOLDER = /\b__vite_ssr_import_\d+__\./g;
/**
 * The engine names an anonymous function that is passed to a call by what the parser has read last:
 * `net.node.faults.crash` for the program in `net.node('a', () => …, { faults: { crash: 8 } })`. No function that has a
 * name of its own has two dots in it.
 */
const INFERRED_CALL = /^at ((?:async )?)(?:[\w$#]+\.){2,}[\w$#]+ \((.*)\)$/;

/** The user's lines in a stack, nearest first; none if it has none. */
export function framesOf(stack: string): string[] {
  return telling(stack)
    .filter((line) => !isOwn(line))
    .slice(0, FRAMES_MAX)
    .map((line) => frameOf(line));
}

/** Like {@link framesOf} for an error that was thrown: if no line is the user's, the line of this package that threw it. */
export function framesOfThrower(stack: string): string[] {
  const frames = framesOf(stack);
  return frames.length > 0
    ? frames
    : telling(stack)
        .slice(0, 1)
        .map((line) => frameOf(line));
}

/**
 * Place in user code, in a few words: `in Client.work (clients.ts:58)`, or `at clients.ts:58`; undefined if there is
 * none.
 */
export function shortPlaceOf(stack: string): string | undefined {
  const line = telling(stack).find((candidate) => !isOwn(candidate));
  if (line === undefined) return undefined;
  const name = functionOfLine(line);
  return name === undefined ? `at ${shortRowOf(line)}` : `in ${name} (${shortRowOf(line)})`;
}

/** A stack line of user code. */
export interface UserCall {
  /** The function; undefined if it has no name of its own. */
  readonly name: string | undefined;
  /** Such as `clients.ts:58`. */
  readonly row: string;
  /** True for a function passed to `new Promise`; the next call is the one that created the promise. */
  readonly isExecutor: boolean;
}

/** The user's calls in a stack, nearest first. */
export function userCallsOf(stack: string): UserCall[] {
  const lines = linesOf(stack);
  return lines.flatMap((line, n) => {
    if (!isOfUser(line)) return [];
    const isExecutor = lines[n + 1]?.startsWith(NEW_PROMISE) === true && isOfUser(lines[n + 2] ?? '');
    return [{ name: ownName(functionOfLine(line)), row: shortRowOf(line), isExecutor }];
  });
}

const NEW_PROMISE = 'at new Promise ';

/** The engine's names for anonymous functions say nothing: they are made from the holder or the caller. */
const NAMELESS = /^(?:Timeout|Immediate)\.|<anonymous>/;

function ownName(name: string | undefined): string | undefined {
  return name === undefined || NAMELESS.test(name) ? undefined : name.replace(/^Object\./, '');
}

function shortRowOf(line: string): string {
  const [, row = ''] = ROW.exec(line) ?? [];
  return `${fileOfLine(line).split('/').at(-1) ?? ''}:${row}`;
}

/** The user code that made a call. */
export interface Caller {
  /** The function, or the file if it has no name. */
  readonly name: string;
  /** In a few words; see {@link shortPlaceOf}. */
  readonly place: string;
}

/** The caller of a service; undefined if a part of this package called it, such as the chaos around it. */
export function callerOf(stack: string): Caller | undefined {
  const lines = linesOf(stack);
  const first = telling(stack).find((line) => !isOwn(line));
  const place = shortPlaceOf(stack);
  if (first === undefined || place === undefined) return undefined;
  const between = lines.slice(0, lines.indexOf(first));
  if (between.some((line) => startsWithAny(codePathOf(fileOfLine(line)) ?? '', SERVICES))) return undefined;
  const name = functionOfLine(first) ?? '<anonymous>';
  const isNamed = !name.includes('<anonymous>');
  return {
    name: isNamed ? name.replace(/^Object\./, '') : (fileOfLine(first).split('/').at(-1) ?? ''),
    place,
  };
}

/** The nearest user line in the stack of a thrown value; undefined if there is none. */
export function userFrameOf(error: unknown): string | undefined {
  const stack = stackOf(error);
  return stack === undefined ? undefined : framesOf(stack)[0];
}

/** True if the stack has a line of user code. */
export function hasUserFrame(stack: string): boolean {
  return telling(stack).some((line) => !isOwn(line));
}

/**
 * The line for display, with a path that can be opened; `dryrunner` in place of a file that the package does not ship.
 */
export function frameOf(line: string, sources?: boolean): string {
  if (isOnlyMapped(fileOfLine(line), sources)) {
    const name = functionOfLine(line);
    return name === undefined ? 'dryrunner' : `${name} (dryrunner)`;
  }
  const text = line.replace(/^at (async )?/, '');
  const at = text.indexOf(URL_SCHEME);
  return at < 0 ? text : text.slice(0, at) + pathOfLocation(text.slice(at));
}

/** A line of {@link framesOf}, its path relative to `folder` if it lies below that. */
export function frameFrom(folder: string | undefined, frame: string): string {
  if (folder === undefined) return frame;
  const start = /[/\\]$/.test(folder) ? folder : `${folder}${folder.includes('\\') ? '\\' : '/'}`;
  const bracket = frame.lastIndexOf(`(${start}`);
  if (bracket >= 0) return `${frame.slice(0, bracket + 1)}${frame.slice(bracket + 1 + start.length)}`;
  return frame.startsWith(start) ? frame.slice(start.length) : frame;
}

/** The lines of a stack, and those of them that say something. */
interface StackLines {
  readonly all: readonly string[];
  readonly telling: readonly string[];
}

const KNOWN_STACKS_MAX = 256;
/** A loop makes the same stack thousands of times. */
const knownStacks = new Map<string, StackLines>();

function telling(stack: string): readonly string[] {
  return stackLinesOf(stack).telling;
}

function linesOf(stack: string): readonly string[] {
  return stackLinesOf(stack).all;
}

function stackLinesOf(stack: string): StackLines {
  const known = knownStacks.get(stack);
  if (known !== undefined) return known;
  if (knownStacks.size >= KNOWN_STACKS_MAX) knownStacks.clear();
  const all = stack
    .split('\n')
    .map((line) => line.trim().replace(INSERTED_HOLDER, '').replace(INFERRED_CALL, 'at $1$2'));
  const lines = { all, telling: all.filter(isTelling) };
  knownStacks.set(stack, lines);
  return lines;
}

function isTelling(line: string): boolean {
  return fileOfLine(line) !== '' && !isSilent(line);
}

function isOfUser(line: string): boolean {
  return isTelling(line) && !isOwn(line);
}

function isSilent(line: string): boolean {
  const file = fileOfLine(line);
  if (line.includes('node:') || line.includes('(<anonymous>)') || INSERTED_CALL.test(line)) return true;
  const code = codePathOf(file);
  if (code !== undefined) return startsWithAny(code, SILENT_FOLDERS);
  const scenario = scenarioPathOf(file);
  // Files in `node_modules` belong to other packages, even below the shipped scenarios.
  if (scenario === undefined || scenario.includes('/node_modules/')) return file.includes('/node_modules/');
  return startsWithAny(scenario, SILENT_SCENARIOS);
}

function startsWithAny(text: string, starts: readonly string[]): boolean {
  return starts.some((start) => text.startsWith(start));
}

function isOwn(line: string): boolean {
  return codePathOf(fileOfLine(line)) !== undefined;
}

/** A place, if the stack has one. */
export function placeOf(
  what: string,
  stack: string | undefined,
  framesIn: (stack: string) => string[] = framesOf,
): SourcePlace[] {
  const frames = stack === undefined ? [] : framesIn(stack);
  return frames.length === 0 ? [] : [{ what, frames }];
}
