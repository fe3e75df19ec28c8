// What the scripts with options share: the help, which is the comment that a script opens with, and the reading of what was given.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

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

/**
 * The options that `read` finds on the command line of the script at `url`. Ends this process with its help on `--help`, and with 2 and the
 * sentence that `read` throws on wrong usage.
 */
export function optionsOrEnd<T extends { readonly help: boolean }>(url: string, read: () => T): T {
  try {
    const options = read();
    if (!options.help) return options;
    process.stdout.write(openingComment(url));
    process.exit(0);
  } catch (error) {
    const name = basename(fileURLToPath(url), '.ts');
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}
