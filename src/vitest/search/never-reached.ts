/** Warns about what no execution of a `simTest` has reached. */
import { counted } from '../../model/plural.ts';
import { neverReachedText } from '../../model/reached-names.ts';
import type { SimulatedTest } from '../test-run.ts';

/** Conditions of `sim.sometimes` that no execution met fail nothing, but the test does not try what it means to. */
export function noteNeverReached(
  { name, options: { neverReached = 'warn' } = {}, isReported = true }: SimulatedTest,
  sometimes: Readonly<Record<string, boolean>>,
  executions: number,
): void {
  const missed = Object.keys(sometimes).filter((each) => sometimes[each] !== true);
  if (missed.length === 0 || !isReported || neverReached === 'ignore') return;
  // Vitest prints nothing about a test that passes.
  console.warn(`${name}: sometimes, ${neverReachedText(counted(executions, 'execution'), missed)}`);
}
