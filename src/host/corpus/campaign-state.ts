/**
 * The progress of a campaign, so that the next one can continue from there. Invariants: the file on disk is complete,
 * even after the machine crashed; only a campaign that would have run the same executions uses the state; an index may
 * run again, but none is skipped.
 */
import { dirname, relative, resolve } from 'node:path';
import { RunnerError } from '../../kernel/errors.ts';
import { makeFolder } from '../make-folder.ts';
import { NotRegularError, TooLargeError, readRegularFile } from '../regular-file.ts';
import { replaceTraceFile } from '../trace-file.ts';

/** What identifies a campaign: two with equal fields run the same executions. */
export interface CampaignIdentity {
  readonly scenario: string;
  /**
   * The scenario as it was named on the command line, see {@link canonicalReference}: two files may each have a
   * scenario of the same name.
   */
  readonly reference: string;
  readonly strategy: string;
  readonly seed: string;
  /** Counts from 0. */
  readonly shard: number;
  readonly shards: number;
}

/**
 * The reference relative to the working directory, in whatever form it was given; the same on every machine with the
 * same checkout.
 */
export function canonicalReference(reference: string): string {
  return relative('', resolve(reference));
}

/** A campaign and how far it has come. */
export interface CampaignState extends CampaignIdentity {
  /** The first index of the shard that has not run. */
  readonly nextIndex: number;
}

const FORMAT = 'dryrunner-campaign';
const VERSION = 7;
const BYTES_MAX = 65_536;
/** Far more executions than any campaign runs, and low enough that counting on from here stays exact. */
const INDEX_MAX = 2 ** 48;
const NAMES = ['scenario', 'reference', 'strategy', 'seed', 'shard', 'shards'] as const;

/**
 * Writes the state atomically and waits until it is on the disk; makes the folder if it is missing.
 *
 * @throws RunnerError (rejects) `RUNNER_OUTPUT_FAILED`, or the system's error if the folder cannot be made.
 */
export async function writeCampaignState(path: string, state: CampaignState): Promise<void> {
  await makeFolder(dirname(path));
  await replaceTraceFile(path, [`${JSON.stringify({ format: FORMAT, version: VERSION, ...state })}\n`], {
    isSynced: true,
  });
}

/**
 * The index at which `campaign` continues; 0 if no state has been written yet.
 *
 * @throws RunnerError (rejects) `RUNNER_TRACE_FORMAT` if the state is damaged or belongs to another campaign.
 */
export async function readNextIndex(path: string, campaign: CampaignIdentity): Promise<number> {
  let text: string;
  try {
    text = (await readRegularFile(path, BYTES_MAX, { follow: true })).toString();
  } catch (error) {
    if (error instanceof NotRegularError) throw refused(path, 'a file', 'something else');
    if (error instanceof TooLargeError) throw refused(path, `at most ${BYTES_MAX} bytes`, 'more');
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  const state = parse(text);
  const { format, version, nextIndex } = state;
  const expected = `the state of a campaign, version ${VERSION}`;
  if (format === FORMAT && version !== VERSION) throw refused(path, expected, `version ${String(version)}`);
  if (format !== FORMAT || !isIndex(nextIndex)) {
    throw refused(path, expected, 'something else');
  }
  const other = NAMES.find((name) => state[name] !== campaign[name]);
  if (other !== undefined) {
    throw refused(path, `a campaign with ${other} ${campaign[other]}`, String(state[other]));
  }
  return nextIndex;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= INDEX_MAX;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function refused(path: string, expected: string, actual: string): RunnerError {
  const message = `${path}: expected ${expected}, got ${actual}; without it the campaign begins anew`;
  return new RunnerError('RUNNER_TRACE_FORMAT', message, {
    expected,
    actual,
  });
}
