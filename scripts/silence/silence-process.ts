// A process that explores one batch after another, as it is asked by messages. Invariant: asked to stop, it reports what it has done of the batch.
import process from 'node:process';
import { exploreWorkload } from '../../src/conformance/workload/explore-workload.ts';
import { messageOf } from '../../src/kernel/errors.ts';
import { tuneEngine } from '../../src/threads/engine-settings.ts';
import type { SilenceBatch } from './silence-file.ts';
import { SILENT } from './silence-subjects.ts';

/** What the parent sends: a batch to do, or that it is to come to an end. */
export type SilenceOrder =
  | { readonly runner: string; readonly batch: number; readonly seed: string; readonly executions: number }
  | 'stop';

/** What comes back: the batch, or why there is none. */
export type SilenceAnswer = { readonly done: SilenceBatch } | { readonly broken: string };

let isStopped = false;

async function explored(order: Exclude<SilenceOrder, 'stop'>): Promise<SilenceBatch> {
  const { runner, batch, seed, executions: wanted } = order;
  const workload = SILENT[runner];
  if (workload === undefined) throw new Error(`expected one of the runners, got ${runner}`);
  const before = process.cpuUsage();
  const { executions, failure, missed } = await exploreWorkload(workload, {
    seed: `${seed} ${batch}`,
    executions: wanted,
    reachWithin: wanted,
    shouldStop: () => isStopped,
  });
  const { user, system } = process.cpuUsage(before);
  const done = { runner, batch, executions, cpuMs: Math.round((user + system) / 1_000), missed };
  return failure === undefined
    ? done
    : { ...done, failure: { message: failure.message, text: failure.text } };
}

tuneEngine();
// Ctrl-C goes to all processes of a terminal; this one hears of it by a message.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (order: SilenceOrder) => {
  if (order === 'stop') {
    isStopped = true;
    return;
  }
  const answer = (given: SilenceAnswer): void => void process.send?.(given);
  explored(order).then(
    (done) => answer({ done }),
    (error: unknown) => answer({ broken: messageOf(error) }),
  );
});
