// Carries hunts out two at a time, one core each. Invariant: a copy of the package is made for the first hunt in it and not before, and
// what was cut short by a stop is not reported.
import process from 'node:process';
import { hunt, type Hunt, type HuntOptions } from './hunt.ts';

const AT_ONCE = 2;

/** What is hunted. */
export interface HuntTarget {
  readonly id: string;
  readonly title: string;
  readonly scenario: string;
  /** Makes the copy of the package to hunt in, and gives its folder. */
  readonly folder: () => string;
}

/** One hunt to come. */
export interface HuntTask<T extends HuntTarget = HuntTarget> {
  readonly target: T;
  readonly plan: Omit<HuntOptions, 'folder' | 'scenario' | 'corpus' | 'signal'>;
}

/** Hunts for all of them, in order; each is reported as soon as it is over. */
export async function huntAll<T extends HuntTarget>(
  tasks: readonly HuntTask<T>[],
  signal: AbortSignal,
  onHunt: (task: HuntTask<T>, hunt: Hunt) => void,
): Promise<void> {
  const waiting = [...tasks];
  const folders = new Map<HuntTarget, string>();
  const isStopped = (): boolean => signal.aborted;
  let done = 0;
  const hunter = async (number: number): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined && !isStopped(); task = waiting.shift()) {
      const { target, plan } = task;
      if (process.stderr.isTTY) process.stderr.write(`${done}/${tasks.length} ${target.id} …\x1b[K\r`);
      const folder = folders.get(target) ?? target.folder();
      folders.set(target, folder);
      const { scenario } = target;
      const result = await hunt({ ...plan, folder, scenario, corpus: `corpus-${number}`, signal });
      if (isStopped()) return;
      done += 1;
      onHunt(task, result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => hunter(number)));
}
