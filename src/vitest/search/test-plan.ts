/**
 * What a `simTest` runs: an exploration, one execution per seed, or the one of a log, as options and environment ask.
 */
import { resolve } from 'node:path';
import { decodeToken, isLikeToken, type ReplayToken } from '../../explore/replay-token.ts';
import { vitestReference, vitestTestOf, type VitestTest } from '../../explore/vitest-test.ts';
import type { Decision } from '../../kernel/decisions.ts';
import { invalidArgument, RunnerError } from '../../kernel/errors.ts';
import { nearestName } from '../../kernel/nearest-name.ts';
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

/**
 * What options and environment ask for; `reference` is that of the test.
 *
 * @throws RunnerError `RUNNER_TRACE_FORMAT` for a damaged token, `RUNNER_INVALID_ARGUMENT` for one in place of a seed,
 * or of no test of the file that it names.
 */
export function planOf(test: SimulatedTest, reference: string): Plan {
  const { options = {}, requestedSeed } = test;
  const { runs = DEFAULT_RUNS, seeds, replay, seed = DEFAULT_SEED } = options;
  const isToken = requestedSeed !== undefined && isLikeToken(requestedSeed);
  const requested = isToken ? planOfToken(requestedSeed, test, reference) : undefined;
  if (requested !== undefined) return requested;
  if (replay !== undefined) {
    if (typeof replay !== 'string') return { kind: 'replay', log: replay };
    const log = decodeToken(replay);
    noteOther(log.scenario, test, reference);
    return { kind: 'replay', log };
  }
  checkSeed('seed', seed);
  if (requestedSeed !== undefined && !isToken) return { kind: 'explore', runs, seed: requestedSeed };
  if (seeds !== undefined) return { kind: 'seeds', ...seedsOf(seeds) };
  return { kind: 'explore', runs, seed: String(seed) };
}

/** The plan for a token in the environment; undefined if it is of a test with another name, or in another file. */
function planOfToken(text: string, test: SimulatedTest, reference: string): Plan | undefined {
  const token = decodeToken(text);
  if (!isNamedBy(token.scenario, test, reference)) {
    checkRequested(token.scenario, test);
    return undefined;
  }
  const { ordinal = 1 } = vitestTestOf(token.scenario) ?? {};
  return ordinal === (test.ordinal ?? 1) ? { kind: 'replay', log: token } : { kind: 'other' };
}

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a token, which as a seed would be one of many. */
export function checkSeed(name: string, seed: unknown): void {
  if (typeof seed !== 'string' || !isLikeToken(seed)) return;
  throw invalidArgument(name, 'a seed. { replay } takes a token', seed);
}

/** Prints a line for a log of another test, which may hold here for want of what it is about. */
function noteOther(scenario: string, test: SimulatedTest, reference: string): void {
  if (vitestTestOf(scenario) === undefined || isNamedBy(scenario, test, reference)) return;
  console.warn(`${test.name}: { replay } is a token of another test, ${textOf(scenario)}`);
}

function textOf(scenario: string): string {
  const asked = vitestTestOf(scenario);
  return asked === undefined ? scenario : `${JSON.stringify(asked.name)} of ${asked.file}`;
}

/** The files for which a line has said that the token in the environment is of none of their tests. */
const warnedFiles = new Set<string>();

/**
 * Nobody may take a test that runs as usual for the execution that was asked for: fails if the file that the token names
 * has no such test, and prints a line if the token is of another file, or of a test that does not run.
 */
function checkRequested(
  scenario: string,
  { name, file, namesInFile, isReported = true }: SimulatedTest,
): void {
  const asked = vitestTestOf(scenario);
  const names = namesInFile?.() ?? [];
  const found = names.find((one) => one.name === asked?.name);
  if (found?.isRun === true) return;
  const isOfFile = asked !== undefined && file !== undefined && isNamedFile(asked.file, file);
  if (isOfFile && names.length > 0 && found === undefined && isReported) throw notInFile(asked, names);
  const where = file === undefined ? name : relativePath(file);
  if (warnedFiles.has(where)) return;
  warnedFiles.add(where);
  const why = isOfFile ? 'which does not run here' : `and of no test of ${where}`;
  console.warn(
    `DRYRUNNER_SEED is a token of ${textOf(scenario)}, ${why}: the tests of ${where} run as without it`,
  );
}

function notInFile({ file, name }: VitestTest, names: readonly { readonly name: string }[]): RunnerError {
  const nearest = nearestName(
    name,
    names.map((one) => one.name),
  );
  const hint = nearest === undefined ? '' : `; the nearest is ${JSON.stringify(nearest)}`;
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `DRYRUNNER_SEED: expected a token of a test of ${file}, got one of ${JSON.stringify(name)}, which is not in it${hint}`,
  );
}

/**
 * True for the test that the token is of, and for others of its name in its file. A token may have been made in a
 * folder above the current one, where the path of the file is longer.
 */
function isNamedBy(scenario: string, { file, name }: SimulatedTest, reference: string): boolean {
  if (scenario === reference) return true;
  const named = vitestTestOf(scenario);
  return named?.name === name && file !== undefined && isNamedFile(named.file, file);
}

function isNamedFile(named: string, file: string): boolean {
  const path = relativePath(file);
  return resolve(named) === file || (file.endsWith(`/${named}`) && named.length > path.length);
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
