/** Reads what the environment asks a `simTest` to run, and to show of a failure. */
import { readFileSync } from 'node:fs';
import { LINES_VARIABLE } from '../explore/explain/history-length.ts';
import { invalidArgument } from '../kernel/errors.ts';

/** A seed or a token; from a file, if it is too long for a variable. Undefined if the variable is empty. */
export function requestedSeedIn({
  DRYRUNNER_SEED: requestedSeed = '',
  DRYRUNNER_SEED_FILE: file,
}: NodeJS.ProcessEnv): string | undefined {
  if (requestedSeed !== '') return requestedSeed;
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

/**
 * Maximum number of lines of a history; undefined if nothing is asked for.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but `all`.
 */
export function requestedLinesIn({ [LINES_VARIABLE]: asked }: NodeJS.ProcessEnv): number | undefined {
  if (asked === undefined || asked === '') return undefined;
  if (asked !== 'all') throw invalidArgument(LINES_VARIABLE, 'all', asked);
  return Infinity;
}
