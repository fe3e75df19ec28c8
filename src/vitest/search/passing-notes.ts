/**
 * Warns about what the executions of a passing `simTest` have not tried, and names the kept logs that were removed. Vitest
 * itself prints neither.
 */
import { nothingDecidedText } from '../../explore/nothing-decided-text.ts';
import { counted } from '../../model/plural.ts';
import { neverReachedText } from '../../model/reached-names.ts';
import type { SimulatedTest } from '../test-run.ts';

/** Conditions of `sim.sometimes` that no execution met. */
export function noteNeverReached(
  test: SimulatedTest,
  sometimes: Readonly<Record<string, boolean>>,
  executions: number,
): void {
  const missed = Object.keys(sometimes).filter((each) => sometimes[each] !== true);
  if (missed.length === 0) return;
  warn(test, `sometimes, ${neverReachedText(counted(executions, 'execution'), missed)}`);
}

/** Executions with the same seed that decided nothing, so that each repeated the first one. */
export function noteNothingDecided(test: SimulatedTest, executions: number): void {
  warn(
    test,
    `${nothingDecidedText(executions)} If the test needs nothing but virtual time, give it { runs: 0 }.`,
  );
}

/** Names the kept logs that were removed because they hold now: otherwise a file would vanish without a word. */
export function noteFixed({ name, isReported = true }: SimulatedTest, paths: readonly string[]): void {
  if (!isReported) return;
  for (const path of paths) {
    console.warn(`${name}: fixed, a kept failure no longer happens; removed: ${path}`);
  }
}

function warn(
  { name, options: { neverReached = 'warn' } = {}, isReported = true }: SimulatedTest,
  text: string,
): void {
  if (isReported && neverReached !== 'ignore') console.warn(`${name}: ${text}`);
}
