/**
 * The command line that runs one seed of a scenario again. Invariant: pasted into a POSIX shell in the folder in which
 * the command was typed, it starts the same program with the same arguments.
 */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeToken } from '../explore/replay-token.ts';
import { runsSources } from '../kernel/package-files.ts';
import { shellWord } from '../model/shell-word.ts';
import { folderToAllow } from './allowed-scenario.ts';
import { currentFolder } from './current-folder.ts';
import { isBelow } from './is-below.ts';

/** How this process was started. */
export interface Invocation {
  /** True in a checkout, which runs TypeScript. */
  readonly runsSources: boolean;
  /** Options of Node itself, such as the loader that a TypeScript scenario needs. */
  readonly nodeOptions: readonly string[];
  /** Absolute path of the script that was started. */
  readonly script: string;
  /** Current folder; undefined if it is gone. */
  readonly cwd: string | undefined;
}

/** How the current process was started. */
function ownInvocation(): Invocation {
  return {
    runsSources,
    nodeOptions: process.execArgv,
    script: process.argv[1] ?? '',
    cwd: currentFolder(),
  };
}

/** The command line that starts this program with other arguments. */
export function ownLine(words: readonly string[], invocation: Invocation = ownInvocation()): string {
  return [commandOf(invocation), ...words.map(shellWord)].join(' ');
}

/** The command line that runs that seed of the scenario. */
export function rerunLine(reference: string, seed: string, invocation: Invocation = ownInvocation()): string {
  return `${commandOf(invocation)} run ${pathWord(reference)} --seed ${shellWord(seed)}`;
}

/** The command line that explains the failure of that seed. */
export function explainLine(
  reference: string,
  seed: string,
  invocation: Invocation = ownInvocation(),
): string {
  return `${commandOf(invocation)} explain ${pathWord(reference)} --seed ${shellWord(seed)}`;
}

/** What repeats a failure whose token is too long for a line: the file that keeps its log, or its seed. */
export type LongerSource = string | { readonly reference: string; readonly seed: string } | undefined;

/** Length limit in characters. A longer argument is a nuisance to copy, and Linux allows at most 131,071 bytes. */
const TOKEN_MAX = 16_384;

/**
 * The command line that repeats a failure: by its token, or if that is too long, by the file that keeps its log or by
 * the seed. Adds `--allow` with the scenario's folder if it could not be loaded from here otherwise.
 */
export function replayLine(
  token: string,
  longer: LongerSource,
  invocation: Invocation = ownInvocation(),
): string {
  const { scenario } = decodeToken(token);
  if (token.length <= TOKEN_MAX || longer === undefined) {
    return fileLine('replay', token, scenario, invocation);
  }
  if (typeof longer === 'string') return fileLine('replay', longer, scenario, invocation);
  return explainLine(longer.reference, longer.seed, invocation);
}

/** The command line that replays or explains a token, or the log in a file; `reference` is its scenario. */
export function fileLine(
  command: 'replay' | 'explain',
  what: string,
  reference: string,
  invocation: Invocation = ownInvocation(),
): string {
  return `${commandOf(invocation)} ${command} ${pathWord(what)}${allowText(reference)}`;
}

function allowText(reference: string): string {
  const folder = folderToAllow(reference);
  return folder === undefined ? '' : ` --allow ${pathWord(folder)}`;
}

function pathWord(path: string): string {
  return shellWord(asArgument(path));
}

/** The path as an argument: one that begins with a dash would be taken for an option. */
export function asArgument(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

function commandOf({ runsSources: isCheckout, nodeOptions, script, cwd }: Invocation): string {
  if (isCheckout) return 'npm run dryrunner --';
  if (nodeOptions.length === 0) return 'npx dryrunner';
  return [
    'node',
    ...nodeOptions.map((option) => shortOption(option, cwd)),
    cwd === undefined ? script : relative(cwd, script),
  ]
    .map(shellWord)
    .join(' ');
}

/** `npx tsx` passes its loader to Node as absolute paths and URLs; those below the folder are shown relative to it. */
function shortOption(option: string, cwd: string | undefined): string {
  const [, name = '', value = option] = /^(--[\w-]+=)(.*)$/s.exec(option) ?? [];
  const path = value.startsWith('file:') ? fileURLToPath(value) : value;
  if (cwd === undefined || !isAbsolute(path)) return option;
  return isBelow(cwd, path) ? `${name}./${relative(cwd, path)}` : option;
}
