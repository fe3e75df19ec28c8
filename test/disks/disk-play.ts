// Programs of operations on a disk in memory, and what a crash leaves of them.
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { type Disk, diskText } from '../../src/model/disk.ts';
import type { MemoryDisk } from '../../src/disks/memory-disk.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { Files, Step } from '../../sims/generic/disk-model.ts';

/** Carries a step out; gives the code of the error that it fails with. */
export async function carryOut(disk: Disk, step: Step): Promise<string | undefined> {
  try {
    if (step.do === 'rename') await disk.rename(step.path, step.to);
    else if (step.do === 'write' || step.do === 'append') await disk[step.do](step.path, step.data);
    else await disk[step.do](step.path);
    return undefined;
  } catch (error) {
    if (isRunnerError(error)) return error.code;
    throw error;
  }
}

/** All files as texts. */
export function filesOf(disk: MemoryDisk): Files {
  return Object.fromEntries([...disk.files()].map(([path, bytes]) => [path, diskText(bytes)]));
}

/** One simulation of a scenario that holds. */
export async function play<T>(
  source: DecisionSource | number,
  scenario: (sim: Simulation) => Promise<T>,
): Promise<T> {
  const results: T[] = [];
  const { held, failure } = await simulate({
    ...(typeof source === 'number' ? { seed: source } : { source }),
    scenario: async (sim) => void results.push(await scenario(sim)),
  });
  if (!held) throw new Error(failure?.message, { cause: failure?.cause });
  return results[0] as T;
}

/** What a scenario gives under every list of answers that there is, with all lists. */
export async function everyOutcome<T>(scenario: (sim: Simulation) => Promise<T>): Promise<T[]> {
  const outcomes: T[] = [];
  for (let answers: number[] | undefined = []; answers !== undefined;) {
    const asked: { answer: number; n: number }[] = [];
    const given: readonly number[] = answers;
    const decide = (_: unknown, n: number): number => {
      const answer = given[asked.length] ?? 0;
      asked.push({ answer, n });
      return answer;
    };
    outcomes.push(await play({ decide }, scenario));
    const last = asked.findLastIndex(({ answer, n }) => answer < n - 1);
    answers =
      last < 0
        ? undefined
        : asked.slice(0, last + 1).map(({ answer }, at) => (at === last ? answer + 1 : answer));
  }
  return outcomes;
}
