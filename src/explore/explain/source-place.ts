/**
 * Source lines out of stacks. Invariant: lines of those who use this package are shown, its own only where there is none of theirs, those
 * of the engine never: a reader looks for the line that they wrote.
 */
import { stackOf } from '../../kernel/errors.ts';

/** Where something was made or noticed. */
export interface SourcePlace {
  /** What was made there. */
  readonly what: string;
  /** Lines as `function (file:line:column)` or `file:line:column`, the nearest first. */
  readonly frames: readonly string[];
}

/** What every line with a place ends with; a quick look, as most lines of a long message have none. */
const POSITION = /:\d+:\d+\)?$/;
const WHERE = /(?:.*\((.*)\)|(?:at )?(?:async )?(.*))$/;
const LOCATION = /^(.+):\d+:\d+$/;
const ROW = /:(\d+):\d+\)?$/;
const FUNCTION = /^at (?:async )?(.*\S) \(.*\)$/;
const URL_SCHEME = 'file://';
/** The folder of this package's code, in the checkout or as built. */
const OWN_FOLDER = decodeURIComponent(new URL('../..', import.meta.url).pathname);
/** The scenarios of the package are written by its users' rules: below `dist` they are scenarios all the same. */
const SHIPPED_SCENARIOS = `${OWN_FOLDER}sims/`;
/** Draws of the shipped scenarios: what was drawn is decided by those who call them. */
const SILENT_FILES: readonly string[] = ['../../sims/zoo/odds.', '../../../sims/zoo/odds.'].map((name) =>
  decodeURIComponent(new URL(name, import.meta.url).pathname),
);
/** What every stack of ours goes through tells nothing. */
const SILENT_FOLDERS: readonly string[] = ['ambient', 'kernel', 'explore', 'simulation'].map(
  (name) => `${OWN_FOLDER}${name}/`,
);
/** Services that call others. */
const SERVICE_FILES: readonly string[] = ['runners/', 'network/', 'simulation/node'].map(
  (start) => `${OWN_FOLDER}${start}`,
);
/** A longer line is part of a message; looking for a place in it could take minutes. */
const LINE_LENGTH_MAX = 4_096;
const USER_FRAMES_MAX = 4;
const OWN_FRAMES_MAX = 2;

/** The telling lines of a stack; none if it has none. */
export function framesOf(stack: string): string[] {
  const lines = telling(stack);
  const users = lines.filter((line) => !isOwn(line)).slice(0, USER_FRAMES_MAX);
  return (users.length > 0 ? users : lines.slice(0, OWN_FRAMES_MAX)).map(frameOf);
}

/** The same of an error that was thrown: the line that threw it comes first, even if it is ours. */
export function framesOfThrower(stack: string): string[] {
  const [first] = telling(stack);
  const frames = framesOf(stack);
  return first === undefined || !isOwn(first) || frames.includes(frameOf(first))
    ? frames
    : [frameOf(first), ...frames];
}

/** Where a user's code did it, in a few words: `in Client.work (clients.ts:58)`, or `at clients.ts:58`; undefined if it did not. */
export function shortPlaceOf(stack: string): string | undefined {
  const line = telling(stack).find((candidate) => !isOwn(candidate));
  if (line === undefined) return undefined;
  const file = fileOf(line).split('/').at(-1) ?? '';
  const [, row = ''] = ROW.exec(line) ?? [];
  const [, name] = FUNCTION.exec(line) ?? [];
  return name === undefined ? `at ${file}:${row}` : `in ${name} (${file}:${row})`;
}

/** Who called, from the code of those who use this package. */
export interface Caller {
  /** The function, or the file if it has no name. */
  readonly name: string;
  /** In a few words; see {@link shortPlaceOf}. */
  readonly place: string;
}

/** Who has called a service; undefined if a part of this package has, such as the chaos around it. */
export function callerOf(stack: string): Caller | undefined {
  const lines = stack.split('\n').map((line) => line.trim());
  const first = telling(stack).find((line) => !isOwn(line));
  const place = shortPlaceOf(stack);
  if (first === undefined || place === undefined) return undefined;
  const between = lines.slice(0, lines.indexOf(first));
  if (between.some((line) => SERVICE_FILES.some((start) => fileOf(line).startsWith(start)))) return undefined;
  const [, name = '<anonymous>'] = FUNCTION.exec(first) ?? [];
  const isNamed = !name.includes('<anonymous>');
  return { name: isNamed ? name.replace(/^Object\./, '') : (fileOf(first).split('/').at(-1) ?? ''), place };
}

/** The nearest line of those who use this package in the stack of what was thrown; undefined if there is none. */
export function userFrameOf(error: unknown): string | undefined {
  const stack = stackOf(error);
  return stack !== undefined && hasUserFrame(stack) ? framesOf(stack)[0] : undefined;
}

/** True if the stack has a line of those who use this package. */
export function hasUserFrame(stack: string): boolean {
  return telling(stack).some((line) => !isOwn(line));
}

/** The line as it is shown, with the path as it can be opened. */
function frameOf(line: string): string {
  const text = line.replace(/^at (async )?/, '');
  const at = text.indexOf(URL_SCHEME);
  return at < 0 ? text : text.slice(0, at) + pathOf(text.slice(at));
}

function telling(stack: string): string[] {
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.length <= LINE_LENGTH_MAX && fileOf(line) !== '' && !isSilent(line));
}

function isSilent(line: string): boolean {
  const file = fileOf(line);
  if (line.includes('node:') || line.includes('(<anonymous>)')) return true;
  return (
    [...SILENT_FOLDERS, ...SILENT_FILES].some((start) => file.startsWith(start)) ||
    (file.includes('/node_modules/') && !isOwn(line))
  );
}

function isOwn(line: string): boolean {
  const file = fileOf(line);
  return file.startsWith(OWN_FOLDER) && !file.startsWith(SHIPPED_SCENARIOS);
}

/** The path in a line of a stack; empty if it has none. */
function fileOf(line: string): string {
  if (!POSITION.test(line)) return '';
  const [, inBrackets, bare = ''] = WHERE.exec(line) ?? [];
  return pathOf(LOCATION.exec(inBrackets ?? bare)?.[1] ?? '');
}

/** In a URL, blanks and other letters are encoded; a path that only looks like one is left as it is. */
function pathOf(location: string): string {
  if (!location.startsWith(URL_SCHEME)) return location;
  const path = location.slice(URL_SCHEME.length);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A place, if the stack tells one. */
export function placeOf(
  what: string,
  stack: string | undefined,
  framesIn: (stack: string) => string[] = framesOf,
): SourcePlace[] {
  const frames = stack === undefined ? [] : framesIn(stack);
  return frames.length === 0 ? [] : [{ what, frames }];
}
