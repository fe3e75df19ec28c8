// Scenarios in ambient time that log what code sees there.
import { simulate } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { fifoDecisions } from 'dryrunner/kernel';

/** The date at which virtual time begins. */
export const EPOCH_MS: number = Date.UTC(2000, 0, 1);

/** Milliseconds since the simulation began: its process is a second older. */
export const elapsed = (): number => performance.now() - 1_000;

/** Lets time pass as code does that knows of no simulation. */
export const passes = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

const ambient = ambientTime();

/** What the scenario has logged, with its decisions first in first out. */
export async function logOf(
  scenario: (log: (entry: unknown) => void) => Promise<void> | void,
): Promise<unknown[]> {
  const entries: unknown[] = [];
  const verdict = await simulate({
    ambient,
    source: fifoDecisions(),
    scenario: () => scenario((entry) => void entries.push(entry)),
  });
  if (!verdict.held) throw new Error(verdict.failure?.message, { cause: verdict.failure?.cause });
  return entries;
}
