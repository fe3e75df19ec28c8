// Hunts for the table, a process per copy of the package. Invariant: a trial is what the process said; where it hangs or dies instead,
// that hunt is made again by `dryrunner explore`, which survives that, and the rest by a new process. What that command cannot do,
// with fast-check or in another order, ends with the process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { hunt } from './hunt.ts';
import { TRIAL_PROGRAM } from './package-copy.ts';
import { FAST_CHECK, type Trial, type TrialPlan, type TrialTask } from './trial.ts';

/** How long a process may take for a hunt beyond its time. */
const PATIENCE_MS = 10_000;

/** What is reported about each trial, in the order of the plans. */
export type OnTrial<P extends TrialPlan> = (plan: P, trial: Trial) => void;

/** What a process that hunts is given. */
type Task<P extends TrialPlan> = Omit<TrialTask, 'plans'> & { readonly plans: readonly P[] };

/** Carries out what it can; how many plans that were. */
async function tryAll<P extends TrialPlan>(
  task: Task<P>,
  signal: AbortSignal,
  onTrial: OnTrial<P>,
): Promise<number> {
  const child = spawn(process.execPath, [join(task.folder, TRIAL_PROGRAM), JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  let done = 0;
  const watchdog = (): NodeJS.Timeout => setTimeout(kill, (task.plans[done]?.timeMs ?? 0) + PATIENCE_MS);
  let timer = watchdog();
  signal.addEventListener('abort', kill);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      onTrial(task.plans[done] as P, JSON.parse(line) as Trial);
      done += 1;
      clearTimeout(timer);
      timer = watchdog();
    }
  } finally {
    kill();
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
  await exited;
  return done;
}

async function tryOutside(
  task: Omit<TrialTask, 'plans'>,
  plan: TrialPlan,
  signal: AbortSignal,
): Promise<Trial> {
  const died = { executions: 0, sentence: 'its process has died', hasDied: true };
  if (plan.strategy === FAST_CHECK) return { found: false, ...died };
  // In plain order it would be a hunt of another column.
  if (plan.order !== undefined) return died;
  const { folder, scenario } = task;
  return hunt({ ...plan, folder, scenario, shrinks: false, corpus: 'corpus-table', signal });
}

/** Hunts for one bug by all plans. */
export async function runTrials<P extends TrialPlan>(
  task: Task<P>,
  signal: AbortSignal,
  onTrial: OnTrial<P>,
): Promise<void> {
  let plans = task.plans;
  const isStopped = (): boolean => signal.aborted;
  while (plans.length > 0 && !isStopped()) {
    const done = await tryAll({ ...task, plans }, signal, onTrial);
    const stuck = plans[done];
    plans = plans.slice(done + 1);
    if (stuck === undefined || isStopped()) continue;
    const trial = await tryOutside(task, stuck, signal);
    if (!isStopped()) onTrial(stuck, trial);
  }
}
