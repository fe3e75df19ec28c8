/** Reads what the environment asks a `simTest` to run. */
import { readFileSync } from 'node:fs';

/** A seed or a token; from a file, if it is too long for a variable. */
export function requestedSeedIn({
  DRYRUNNER_SEED: requestedSeed,
  DRYRUNNER_SEED_FILE: file,
}: NodeJS.ProcessEnv): string | undefined {
  return requestedSeed === undefined && file !== undefined ? readFileSync(file, 'utf8') : requestedSeed;
}
