/**
 * The lines to type that repeat a failing `simTest`, and their limits of length: a token is left out if the line would
 * be too long to copy, or too long for the system.
 */
import { tokenOf, type FailingExecution } from '../explore/failing-execution.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import { isTokenText } from '../explore/replay-token.ts';
import { vitestPattern } from '../explore/vitest-test.ts';
import { counted } from '../model/plural.ts';
import { shellWord } from '../model/shell-word.ts';
import { relativePath } from './relative-path.ts';
import type { FoundExecution, SimulatedTest } from './test-run.ts';

/** Longer tokens are a nuisance to copy; the log is kept, and tried first anyway. */
const TOKEN_MAX = 2_000;
/** Stays well below the 131,071 bytes that Linux allows for one argument. */
const LINE_MAX = 32_768;
/** Least number of characters that a decision takes in a token; lets a long log be recognized without encoding it. */
const DECISION_LENGTH_MIN = 10;
/**
 * Longest token, in characters, for an execution that has not ended: the command line carries only the beginning of its
 * log. One choice takes a dozen characters.
 */
const BEGINNING_TOKEN_MAX = 8_000;
const BEGINNING_MAX = 800;
const BEGINNING_STEP = 0.9;

/**
 * What to type. If the token is too long for a line: the seed, or the command line of the test, which repeats the
 * failure. If the token was seen not to repeat it: that of the test, which may.
 */
export function repeatLines(
  test: SimulatedTest,
  { seed, isDecidedBySeed = false }: FoundExecution,
  failing: FailingExecution,
): string[] {
  const { shrunk } = failing;
  if (shrunk?.flakiness !== undefined && shrunk.failsAgain !== true) {
    return wholeTestLines(test, 'its token does not repeat it: only the whole test may');
  }
  const line = againLine(test, failing);
  if (line.length <= LINE_MAX || test.file === undefined) return [line];
  return [
    isDecidedBySeed ? seedLine(seed) : wholeTestLine(test),
    '  its token is too long for a line, and its log is not kept: this makes it again',
  ];
}

/** The command line that runs all of the test as it has run now. */
function wholeTestLine(test: SimulatedTest): string {
  const { requestedSeed } = test;
  const ownSeed =
    requestedSeed === undefined || isTokenText(requestedSeed)
      ? ''
      : `DRYRUNNER_SEED=${shellWord(requestedSeed)} `;
  return `  ${ownSeed}${testLine(test)}`;
}

/** What to type for a failure that no token repeats, because earlier executions lead to it. */
export function causedLines(test: SimulatedTest): string[] {
  return wholeTestLines(test, 'only the whole test repeats it, because it needs the executions before it');
}

/** The command line of the whole test, if its file is known, and why there is no token. */
function wholeTestLines(test: SimulatedTest, why: string): string[] {
  return [...(test.file === undefined ? [] : [wholeTestLine(test)]), `  ${why}`];
}

/** The option of the test that repeats an execution of one seed. */
function seedLine(seed: string): string {
  return `  { seeds: [${JSON.stringify(seed)}] }`;
}

function testLine({ file = '', name, names = [name], rootOf }: SimulatedTest): string {
  const root = rootOf?.();
  const option = root === undefined ? '' : `--root ${shellWord(relativePath(root))} `;
  return `npx vitest run ${option}${shellWord(relativePath(file))} -t ${shellWord(vitestPattern(names))}`;
}

/** The command line to type, or the option to set for a test whose file is not known. */
function againLine(test: SimulatedTest, failing: FailingExecution): string {
  if (test.file === undefined) return `  { replay: '${tokenOf(failing)}' }`;
  const { decisions } = failing.shrunk ?? failing;
  const isLong = unusualCount(decisions) * DECISION_LENGTH_MIN > TOKEN_MAX;
  const token = failing.file !== undefined && isLong ? undefined : tokenOf(failing);
  const isShown = token !== undefined && (failing.file === undefined || token.length <= TOKEN_MAX);
  return `  ${isShown ? `DRYRUNNER_SEED=${token} ` : ''}${testLine(test)}`;
}

/** The command line for an execution that has not ended, and may have taken any number of decisions. */
export function beginningLines(
  test: SimulatedTest,
  { failing, seed, isDecidedBySeed = false }: FoundExecution,
  count: number,
): string[] {
  const { decisions } = failing;
  if (count === decisions.length) return [againLine(test, failing)];
  if (isDecidedBySeed) return [seedLine(seed)];
  return [
    againLine(test, { ...failing, decisions: decisions.slice(0, count) }),
    `  its log is too long for a line: this one has the first ${counted(count, 'decision')}, and takes the default after them`,
  ];
}

/** How many decisions of the execution fit into one command line. */
export function beginningOf(failing: FailingExecution): number {
  const { decisions } = failing;
  let unusual = 0;
  let count = decisions.findIndex(({ answer }) => answer > 0 && (unusual += 1) > BEGINNING_MAX);
  if (count < 0) count = decisions.length;
  while (tokenOf({ ...failing, decisions: decisions.slice(0, count) }).length > BEGINNING_TOKEN_MAX) {
    count = Math.floor(count * BEGINNING_STEP);
  }
  return count;
}
