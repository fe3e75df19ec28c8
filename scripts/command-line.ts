// What the scripts with options share: the help, which is the comment that a script opens with, and the reading of what
// was given.
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The comment that the file at `url` opens with, as text. */
export function openingComment(url: string): string {
  const lines = readFileSync(new URL(url), 'utf8').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  const comment = lines.slice(0, end).map((line) => line.replace(/^\/\/ ?/, ''));
  return `${comment.join('\n')}\n`;
}

/** The value of an option that takes an integer >= 1. */
export function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new Error(`--${name}: expected an integer >= 1, got ${text}`);
}

function reportTo(url: string, error: unknown): void {
  const path = fileURLToPath(url);
  const name = basename(path, '.ts') === 'main' ? basename(dirname(path)) : basename(path, '.ts');
  process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
}

/** Ends the process of the script at `url` with 2, and with the message of `error`. */
export function endOfWrongUse(url: string, error: unknown): never {
  reportTo(url, error);
  process.exit(2);
}

/** The same, once whatever is still under way has ended: what the script at `url` does when `main` rejects. */
export function endWhenIdle(url: string): (error: unknown) => void {
  return (error) => {
    reportTo(url, error);
    process.exitCode = 2;
  };
}

/**
 * The options that `read` finds on the command line of the script at `url`. Ends this process with its help on
 * `--help`, and with 2 and the sentence that `read` throws on wrong usage. Call it before anything is built or run.
 *
 * @param more Lines of help that the opening comment cannot have.
 */
export function optionsOrEnd<T extends { readonly help: boolean }>(
  url: string,
  read: () => T,
  more: () => string = () => '',
): T {
  const options = readOrEnd(url, read);
  if (!options.help) return options;
  process.stdout.write(`${openingComment(url)}${more()}`);
  process.exit(0);
}

function readOrEnd<T>(url: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    return endOfWrongUse(url, error);
  }
}

/** For a script that takes nothing but `--help`. */
export function helpOrNothing(url: string): void {
  const options = { help: { type: 'boolean', default: false } } as const;
  optionsOrEnd(url, () => parseArgs({ options }).values);
}
