/**
 * Option values and options that several commands share, in the same words. An invalid value is refused in one line
 * that states what was expected.
 */
import { UsageError } from './exit-status.ts';
import { constants } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';
import { isLikeToken } from '../explore/replay-token.ts';
import { SEEDS_MAX } from '../kernel/seeded-random.ts';
import { HANG_MS, MEMORY_MB } from './explore-defaults.ts';
import { TIMER_MS_MAX } from '../kernel/int32.ts';
import { parseSpanMs } from './quantity-text.ts';

const THREADS_MAX = 1_024;

function integerFrom(least: number, text: string, most = SEEDS_MAX): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new InvalidArgumentError(`Expected a whole number ≥ ${least} and ≤ ${most}.`);
  }
  return value;
}

/** Collects the values of an option that may be repeated. */
export function eachOne(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A seed: any text except the empty one, which usually is an unset shell variable, and a token, which has its own. */
export function seedText(text: string): string {
  nonEmptyText(text);
  if (isLikeToken(text)) {
    throw new InvalidArgumentError('Expected a seed, got a token, which dryrunner replay and explain take.');
  }
  return text;
}

/** A number of threads. */
export function threadCount(text: string): number {
  return integerFrom(1, text, THREADS_MAX);
}

/** An integer ≥ 1. */
export function positiveInteger(text: string): number {
  return integerFrom(1, text);
}

/** An integer ≥ 0. */
export function wholeNumber(text: string): number {
  return integerFrom(0, text);
}

/** A port number; 0 means any free port. */
export function portNumber(text: string): number {
  return integerFrom(0, text, 65_535);
}

/** A duration, returned in milliseconds. */
export function span(text: string): number {
  const ms = parseSpanMs(text);
  if (ms === undefined || ms <= 0) {
    throw new InvalidArgumentError('Expected a duration such as 500ms, 5s, 2m or 1h.');
  }
  if (ms > TIMER_MS_MAX) throw new InvalidArgumentError('Expected a duration of at most 24 days.');
  return ms;
}

/** Any text but an empty one, which is most often a shell variable that is not set. */
export function nonEmptyText(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected any text but an empty one.');
  return text;
}

/** A signal, by name or number. Node has no names for real-time signals. */
export function signalName(text: string): string {
  const name = text.toUpperCase();
  const known = Object.entries(constants.signals).find(([signal, number]) =>
    [signal, signal.slice('SIG'.length), String(number)].includes(name),
  );
  if (known === undefined) {
    throw new InvalidArgumentError('Expected a signal such as TERM, INT or 9, but no real-time signal.');
  }
  return known[0];
}

/** A shard such as `2/4`. */
export function shard(text: string): { index: number; count: number } {
  const [index = 0, count = 0] = text.split('/').map(Number);
  if (!/^\d+\/\d+$/.test(text) || index < 1 || index > count || count > SEEDS_MAX) {
    throw new InvalidArgumentError('Expected the number of a part and the number of parts, such as 1/4.');
  }
  return { index, count };
}

/**
 * Refuses an option behind the command that could belong to either program.
 *
 * @param command the command to run, as parsed.
 * @param typed all words that were typed.
 * @throws UsageError if a command with options does not follow `--`.
 */
export function requireSeparator(command: readonly string[], typed: readonly string[]): void {
  const option = command.slice(1).find((word) => /^-./.test(word));
  if (option === undefined || typed.at(-command.length - 1) === '--') return;
  const words = command.slice(0, command.indexOf(option) + 1).join(' ');
  throw new UsageError(
    `${option} may be an option of ${command[0]} or of dryrunner: put -- before the command, as in \`dryrunner exec -- ${words}\``,
  );
}

/** Time without progress after which an execution has failed. */
export function hangOption(): Option {
  return new Option(
    '--hang <duration>',
    `an execution that makes no progress for this long has failed (default: ${HANG_MS / 1_000}s)`,
  ).argParser(span);
}

/** Memory that an execution may use. */
export function memoryOption(): Option {
  return new Option(
    '--memory <mb>',
    `an execution that needs more MiB of heap than this has failed (default: ${MEMORY_MB})`,
  ).argParser(positiveInteger);
}

/** For commands that run one execution. */
export function debugOption(): Option {
  return new Option(
    '--debug',
    'run it once, in this thread, without a time limit: for breakpoints, as in `node --inspect-brk node_modules/.bin/dryrunner …`',
  );
}

/** Of `--trace` and `--timeline`. */
export const OTHER_FILES_KEPT = 'a file other than a trace or timeline is not overwritten';

/** For commands that run simulations. */
export function timelineOption(which: string): Option {
  return new Option(
    '--timeline <file.json>',
    `write a timeline of ${which} to this file, to be opened in Perfetto or speedscope; ${OTHER_FILES_KEPT}`,
  );
}

/** For commands that run one execution. */
export function traceOption(which: string): Option {
  return new Option(
    '--trace <file>',
    `write the trace of ${which} to this file, which replay takes; ${OTHER_FILES_KEPT}`,
  );
}

/** For commands that load what a token or a file names. */
export function allowOption(): Option {
  return new Option(
    '--allow <dir>',
    'also load a scenario from this folder, in addition to the one in which the command runs; may be given again',
  ).argParser(eachOne);
}
