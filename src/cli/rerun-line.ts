/**
 * The line that runs one seed of a scenario again. Invariant: pasted into a POSIX shell in the folder in which the command was typed, it
 * starts the same program with the same words.
 */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeToken } from '../explore/replay-token.ts';
import { runsSources } from '../kernel/package-files.ts';
import { shellWord } from '../model/shell-word.ts';
import { folderToAllow } from './allowed-scenario.ts';
import { currentFolder } from './current-folder.ts';

/** How this process was started. */
export interface Invocation {
  /** True in the checkout, which runs TypeScript. */
  readonly runsSources: boolean;
  /** Options of Node itself, such as the loader that a TypeScript scenario needs. */
  readonly nodeOptions: readonly string[];
  /** The script that was started, as an absolute path. */
  readonly script: string;
  /** Undefined if it is gone. */
  readonly cwd: string | undefined;
}

/** How the running process was started. */
function ownInvocation(): Invocation {
  return {
    runsSources,
    nodeOptions: process.execArgv,
    script: process.argv[1] ?? '',
    cwd: currentFolder(),
  };
}

/** What to type to start this program with other words. */
export function ownLine(words: readonly string[], invocation: Invocation = ownInvocation()): string {
  return [commandOf(invocation), ...words.map(shellWord)].join(' ');
}

/** What to type for that seed of the scenario. */
export function rerunLine(reference: string, seed: string, invocation: Invocation = ownInvocation()): string {
  return `${commandOf(invocation)} run ${shellWord(reference)} --seed ${shellWord(seed)}`;
}

/** What to type to have the failure of that seed explained. */
export function explainLine(
  reference: string,
  seed: string,
  invocation: Invocation = ownInvocation(),
): string {
  return `${commandOf(invocation)} explain ${shellWord(reference)} --seed ${shellWord(seed)}`;
}

/** Characters. A longer word is a nuisance to copy, and Linux gives no program one of more than 131,071 bytes. */
const TOKEN_MAX = 16_384;

/**
 * What to type to repeat a failure: its token, or the file that keeps its log if the token is too long for a line; with the folder of its
 * scenario if that would not be loaded from here without being allowed.
 */
export function replayLine(
  token: string,
  file: string | undefined,
  invocation: Invocation = ownInvocation(),
): string {
  const what = file !== undefined && token.length > TOKEN_MAX ? file : token;
  return `${commandOf(invocation)} replay ${shellWord(what)}${allowText(decodeToken(token).scenario)}`;
}

/** What to type to run what a file keeps again, or to have it explained; `reference` is its scenario. */
export function fileLine(
  command: 'replay' | 'explain',
  path: string,
  reference: string,
  invocation: Invocation = ownInvocation(),
): string {
  return `${commandOf(invocation)} ${command} ${shellWord(path)}${allowText(reference)}`;
}

function allowText(reference: string): string {
  const folder = folderToAllow(reference);
  return folder === undefined ? '' : ` --allow ${shellWord(folder)}`;
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

/** `npx tsx` gives Node its loader by absolute paths and URLs; where they lie in the folder they are shown from there. */
function shortOption(option: string, cwd: string | undefined): string {
  const [, name = '', value = option] = /^(--[\w-]+=)(.*)$/s.exec(option) ?? [];
  const path = value.startsWith('file:') ? fileURLToPath(value) : value;
  if (cwd === undefined || !isAbsolute(path)) return option;
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? option : `${name}./${short}`;
}
