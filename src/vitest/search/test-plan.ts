/**
 * What a `simTest` runs: an exploration, one execution per seed, or the one of a log, as options and environment ask.
 */
import { resolve } from 'node:path';
import { decodeToken, isTokenText, type ReplayToken } from '../../explore/replay-token.ts';
import { vitestReference, vitestTestOf } from '../../explore/vitest-test.ts';
import type { Decision } from '../../kernel/decisions.ts';
import type { SimTestOptions } from '../sim-test-options.ts';
import { relativePath } from '../relative-path.ts';
import type { SimulatedTest } from '../test-run.ts';

/** Number of explored executions where nothing asks for another. */
export const DEFAULT_RUNS = 100;
/** Seed of explorations, and of `world.random` in their executions, where nothing asks for another. */
export const DEFAULT_SEED = '1';

/** What to run, according to options and environment. */
export type Plan =
  | { readonly kind: 'explore'; readonly runs: number; readonly seed: string }
  | {
      readonly kind: 'seeds';
      readonly seeds: Iterable<string | number>;
      /** Undefined if their number is known only once they have run. */
      readonly count: number | undefined;
    }
  | { readonly kind: 'replay'; readonly log: ReplayToken | readonly Decision[] }
  /** Nothing: what is asked for is an execution of another test of the same name in the same file. */
  | { readonly kind: 'other' };

/** The reference of the test on a command line: the path of the file, and the name of the test. */
export function referenceOf({ file, name, ordinal = 1 }: SimulatedTest): string {
  return file === undefined ? name : vitestReference({ file: relativePath(file), name, ordinal });
}

/** What options and environment ask for; `reference` is that of the test. */
export function planOf(test: SimulatedTest, reference: string): Plan {
  const { options = {}, requestedSeed } = test;
  const { runs = DEFAULT_RUNS, seeds, replay, seed = DEFAULT_SEED } = options;
  if (replay !== undefined) {
    return { kind: 'replay', log: typeof replay === 'string' ? decodeToken(replay) : replay };
  }
  if (requestedSeed !== undefined && isTokenText(requestedSeed)) {
    const token = decodeToken(requestedSeed);
    if (isNamedBy(token.scenario, test, reference)) {
      const { ordinal = 1 } = vitestTestOf(token.scenario) ?? {};
      return ordinal === (test.ordinal ?? 1) ? { kind: 'replay', log: token } : { kind: 'other' };
    }
  } else if (requestedSeed !== undefined) return { kind: 'explore', runs, seed: requestedSeed };
  if (seeds !== undefined) return { kind: 'seeds', ...seedsOf(seeds) };
  return { kind: 'explore', runs, seed: String(seed) };
}

/**
 * True for the test that the token is of, and for others of its name in its file. A token may have been made in a
 * folder above the current one, where the path of the file is longer.
 */
function isNamedBy(scenario: string, { file, name }: SimulatedTest, reference: string): boolean {
  if (scenario === reference) return true;
  const named = vitestTestOf(scenario);
  if (named?.name !== name || file === undefined) return false;
  const path = relativePath(file);
  return resolve(named.file) === file || (file.endsWith(`/${named.file}`) && named.file.length > path.length);
}

function seedsOf(
  seeds: NonNullable<SimTestOptions['seeds']>,
): Pick<Extract<Plan, { readonly kind: 'seeds' }>, 'seeds' | 'count'> {
  if (typeof seeds === 'number') return { seeds: seedsTo(seeds), count: seeds };
  return { seeds, count: Array.isArray(seeds) ? seeds.length : undefined };
}

function* seedsTo(last: number): Generator<number> {
  for (let seed = 1; seed <= last; seed += 1) yield seed;
}
