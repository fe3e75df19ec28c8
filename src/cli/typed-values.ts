/** Values as they are typed, each refused in one line that says what was expected. */
import { UsageError } from './exit-status.ts';
import { constants } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { parseSpanMs } from './quantity-text.ts';

const SEEDS_MAX = 10_000_000;
const THREADS_MAX = 1_024;
/** No timer of Node takes more. */
const SPAN_MS_MAX = 2 ** 31 - 1;

function integerFrom(least: number, text: string, most = SEEDS_MAX): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new InvalidArgumentError(`Expected a whole number ≥ ${least} and ≤ ${most}.`);
  }
  return value;
}

/** How many threads. */
export function threadCount(text: string): number {
  return integerFrom(1, text, THREADS_MAX);
}

/** A whole number from 1. */
export function positiveInteger(text: string): number {
  return integerFrom(1, text);
}

/** A whole number from 0. */
export function wholeNumber(text: string): number {
  return integerFrom(0, text);
}

/** A duration, in milliseconds. */
export function span(text: string): number {
  const ms = parseSpanMs(text);
  if (ms === undefined || ms <= 0) {
    throw new InvalidArgumentError('Expected a duration such as 500ms, 5s, 2m or 1h.');
  }
  if (ms > SPAN_MS_MAX) throw new InvalidArgumentError('Expected a duration of at most 24 days.');
  return ms;
}

/** A signal, by its name or number. */
export function signalName(text: string): string {
  const name = text.toUpperCase();
  const known = Object.entries(constants.signals).find(([signal, number]) =>
    [signal, signal.slice('SIG'.length), String(number)].includes(name),
  );
  if (known === undefined) throw new InvalidArgumentError('Expected a signal such as TERM, INT or 9.');
  return known[0];
}

/** Such as `2/4`. */
export function shard(text: string): { index: number; count: number } {
  const [index = 0, count = 0] = text.split('/').map(Number);
  if (!/^\d+\/\d+$/.test(text) || index < 1 || index > count || count > SEEDS_MAX) {
    throw new InvalidArgumentError('Expected the number of a part and the number of parts, such as 1/4.');
  }
  return { index, count };
}

/**
 * An option behind a command may be meant for it or for us.
 *
 * @param command what is to be run, as it was read.
 * @param typed all words that were typed.
 * @throws UsageError unless -- stands before a command with options.
 */
export function requireSeparator(command: readonly string[], typed: readonly string[]): void {
  const option = command.slice(1).find((word) => /^-./.test(word));
  if (option === undefined || typed.at(-command.length - 1) === '--') return;
  const words = command.slice(0, command.indexOf(option) + 1).join(' ');
  throw new UsageError(
    `${option} may be an option of ${command[0]} or of dryrunner: put -- before the command, as in \`dryrunner exec -- ${words}\``,
  );
}
