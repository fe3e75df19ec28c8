/**
 * Reads what was typed to name one execution: a token, a file that keeps its log, or a scenario and a seed. Invariant:
 * what a token or a file names is checked before it is loaded; see `allowed-scenario.ts`.
 */
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { NO_HASH } from '../explore/failing-execution.ts';
import { keyDecisions, nonZeroOf } from '../explore/keyed-log.ts';
import { decodeToken, encodeToken, isTokenText } from '../explore/replay-token.ts';
import { vitestReference, vitestTestOf, type VitestTest } from '../explore/vitest-test.ts';
import type { Decision } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { ReplayTask } from '../threads/task.ts';
import { readTraceFile } from '../host/trace-file.ts';
import type { TraceHeader } from '../trace/trace-header.ts';
import { openTrace } from '../trace/trace-reader.ts';
import { checkAllowedScenario } from './allowed-scenario.ts';
import { UsageError } from './exit-status.ts';
import { isBelow } from './is-below.ts';

/** Header of a file that a simulation produced. */
export type SimulatedHeader = Exclude<TraceHeader, { kind: 'recording' }>;

/** One execution, named by a token, a file that keeps its log, or a scenario and a seed. */
export interface NamedExecution extends Pick<
  ReplayTask,
  'scenario' | 'log' | 'seed' | 'maxEvents' | 'failureKey'
> {
  /** The file that keeps the log; absent if a token was typed. */
  readonly file?: string;
}

/** A named execution that has a log. */
export type ReplayedLog = NamedExecution & { readonly log: NonNullable<NamedExecution['log']> };

/** One execution of a `simTest`: its token, or a token made from its kept log. */
export interface TestExecution {
  readonly kind: 'test';
  readonly test: VitestTest;
  readonly token: string;
}

/** One execution that can be run again. */
export type ExecutionSource =
  /** A token, or a log of an exploration. */
  | { readonly kind: 'log'; readonly log: ReplayedLog }
  /** A file of `run --trace`, or a decision log with a seed. */
  | {
      readonly kind: 'simulation';
      readonly path: string;
      readonly header: SimulatedHeader;
      readonly log: ReplayedLog;
      readonly decisions: readonly Decision[];
    }
  | TestExecution
  /** A file of `exec --trace`. */
  | { readonly kind: 'recording'; readonly path: string; readonly isEdited: boolean };

/**
 * Reads a token or a file.
 *
 * @param allow folders from which a scenario may be loaded, in addition to the current one.
 * @param isEdited true for a recording that was edited on purpose; its checksums are not compared.
 * @throws UsageError (rejects) for a text or file that is neither, is damaged, or names code that may not be loaded.
 */
export async function readExecution(
  what: string,
  allow: readonly string[],
  isEdited = false,
): Promise<ExecutionSource> {
  try {
    const source = isTokenText(what) ? ofToken(what) : await ofFile(what, isEdited);
    if (isEdited && source.kind !== 'recording') {
      throw new UsageError('--edited: expected a recording of real commands, got a simulated execution');
    }
    if (source.kind === 'test') await checkAllowedScenario(source.test.file, allow);
    else if (source.kind !== 'recording') await checkAllowedScenario(source.log.scenario, allow);
    return source;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_TRACE_FORMAT')) {
      const isNamed = isTokenText(what) || error.message.startsWith(`${what}: `);
      throw new UsageError(isNamed ? error.message : `${what}: ${error.message}`);
    }
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) throw new UsageError(inWordsOfHelp(error.message));
    throw error;
  }
}

/** Nobody has typed an argument called `path`. */
function inWordsOfHelp(message: string): string {
  return message.replace(/^path: expected a file/, 'expected a token (dr2:…) or a file');
}

function ofToken(text: string): ExecutionSource {
  const log = decodeToken(text);
  const { scenario, seed } = log;
  const test = vitestTestOf(scenario);
  return test === undefined
    ? { kind: 'log', log: { scenario, log, seed } }
    : { kind: 'test', test, token: text.trim() };
}

/** Opening a FIFO could wait for its writer for ever. A descriptor passed on by the shell has one. */
function requireNoFifo(path: string): void {
  if (isFifo(path) && !isInheritedDescriptor(path)) {
    throw new UsageError(`${path}: expected a regular file, got a FIFO`);
  }
}

function isFifo(path: string): boolean {
  try {
    return statSync(path).isFIFO();
  } catch {
    // Reading it will report the reason.
    return false;
  }
}

/** True if the path is a descriptor of this process, under any of its names, or a link to one. */
function isInheritedDescriptor(path: string): boolean {
  const folder = realpathSync(dirname(path));
  const { pid } = process;
  if (folder === '/dev/fd' || folder === `/proc/${pid}/fd` || folder === `/proc/${pid}/task/${pid}/fd`) {
    return true;
  }
  if (!lstatSync(path).isSymbolicLink()) return false;
  return isInheritedDescriptor(resolve(folder, readlinkSync(path)));
}

/** Traces and recordings are read a second time for the comparison. */
function requireRegular(path: string, what: string): void {
  if (statSync(path).isFile()) return;
  throw new UsageError(`${path}: expected a regular file, for ${what} is read twice: write it to one first`);
}

/** Reads the whole file, so that a damaged one is refused before anything runs; keeps only the decisions. */
async function ofFile(path: string, isEdited: boolean): Promise<ExecutionSource> {
  requireNoFifo(path);
  const trace = await openTrace(readTraceFile(path), { isEdited });
  const decisions: Decision[] = [];
  for await (const entry of trace) {
    if (entry.type === 'decision') decisions.push(entry.decision);
  }
  const { header } = trace;
  if (header.kind !== 'decisions') requireRegular(path, `a ${header.kind}`);
  if (header.kind === 'recording') return { kind: 'recording', path, isEdited };
  const { scenario, seed, meta = {} } = header;
  const reference = referenceIn(path, meta) ?? scenario;
  if (reference === undefined || reference === '') {
    throw new UsageError(`${path}: expected a header that names its scenario, got one without`);
  }
  const maxEvents = boundIn(meta);
  const { failureKey } = meta;
  const test = vitestTestOf(reference);
  if (test !== undefined && failureKey !== undefined) {
    const ofSeed = seed === undefined ? {} : { seed };
    const kept = { scenario: reference, failureKey, traceHash: NO_HASH, ...ofSeed, ...maxEvents };
    return {
      kind: 'test',
      test,
      token: encodeToken({ ...kept, decisions: nonZeroOf(keyDecisions(decisions)) }),
    };
  }
  const log = { scenario: reference, log: decisions, failureKey, file: path, ...maxEvents };
  // A log without a seed comes from an exploration.
  if (header.kind === 'decisions' && seed === undefined) return { kind: 'log', log };
  return {
    kind: 'simulation',
    path,
    header,
    decisions,
    log: { ...log, ...(seed === undefined ? {} : { seed }) },
  };
}

/**
 * The reference in the metadata of a file; that of a test as it is typed in the current folder, if its file is known.
 */
function referenceIn(
  path: string,
  { reference, testFile }: Readonly<Record<string, string>>,
): string | undefined {
  const test = reference === undefined ? undefined : vitestTestOf(reference);
  if (test === undefined || testFile === undefined) return reference;
  const file = resolve(dirname(path), testFile);
  if (!existsSync(file)) return reference;
  return vitestReference({ ...test, file: isBelow('', file) ? relative('', file) : file });
}

/** The number of events after which the execution is cut off, if the file has one. */
function boundIn(meta: Readonly<Record<string, string>>): { readonly maxEvents?: number } {
  const bound = Number(meta['maxEvents']);
  return Number.isSafeInteger(bound) && bound >= 1 ? { maxEvents: bound } : {};
}
