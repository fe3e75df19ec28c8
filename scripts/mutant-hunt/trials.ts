// Hunts in one copy of the package, in a process of its own. Invariants: what a way has found is what its process said, or that the process hung
// or died in it, where the tool itself says so too; a process that was ended is followed by another one for the ways that are left.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { projectRoot } from '../module-graph.ts';
import { compiledPath } from '../zoo/package-copy.ts';
import type { Trial, TrialLine, TrialTask, Way } from './trial.ts';
import { Watchdog } from './watchdog.ts';

/** How one way ended, also where its process did not say it. */
export interface TrialEnd extends Trial {
  readonly end: 'verdict' | 'load error' | 'hung' | 'died' | 'false alarm';
}

/** What runs in the copies, and what that imports beside src and sims. */
export const HUNT_PROGRAMS: readonly string[] = [
  ...['trial-process', 'trial'].map((name) => `scripts/mutant-hunt/${name}.ts`),
  'test/conformance/subjects.ts',
  'test/conformance/parts/part-subjects.ts',
  ...['memory-subject', 'disk-play'].map((name) => `test/disks/${name}.ts`),
];

/** Time of the processor without a sign of life: many times what a slice has. On a busy machine that is any real time. */
const HANG_CPU_MS = 30_000;
/** The same where a scenario has no slices, but a number of executions. */
const HEALTHY_CPU_MS = 600_000;
const MEMORY_MB = 1_024;

type Said = Extract<TrialLine, { type: 'at' }>;

function startChild(folder: string, task: TrialTask): ChildProcess {
  const program = join(folder, compiledPath('scripts/mutant-hunt/trial-process.ts'));
  return spawn(process.execPath, [`--max-old-space-size=${MEMORY_MB}`, program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** What is known of a way whose process did not end by itself. */
function cutShort(way: Way, at: Said | undefined, end: TrialEnd['end'], sentence: string): TrialEnd {
  const { by = '', executions = 0 } = at?.way === way ? at : {};
  // `dryrunner explore` ends a thread that hangs or dies, and reports it as a failure. A test runner reports a process that died,
  // and hangs with one that hangs.
  const found = end !== 'hung' || way !== 'conformance';
  return { way, found, by, sentence, executions, ownExecutions: executions, seconds: 0, end };
}

/** What fails without having executed the change would fail without it, and has found nothing. */
function judged(trial: Trial): TrialEnd {
  if (trial.found && trial.reached === 0) return { ...trial, found: false, end: 'false alarm' };
  return { ...trial, end: 'verdict' };
}

/** One process; the ways that it has ended. */
async function runOnce(
  folder: string,
  task: TrialTask,
  signal: AbortSignal,
  hangCpuMs: number,
): Promise<TrialEnd[]> {
  const child = startChild(folder, task);
  const exited = once(child, 'exit');
  const ends: TrialEnd[] = [];
  let at: Said | undefined;
  let isLoaded = false;
  const watched = { hasHung: false };
  let complaint = '';
  const isStopped = (): boolean => signal.aborted;
  const kill = (): void => void child.kill('SIGKILL');
  const hang = (): void => {
    watched.hasHung = true;
    kill();
  };
  const watchdog = new Watchdog(
    child.pid ?? 0,
    task.executions === undefined ? hangCpuMs : HEALTHY_CPU_MS,
    hang,
  );
  signal.addEventListener('abort', kill);
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 4_000)));
  for await (const text of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    watchdog.see();
    const line = JSON.parse(text) as TrialLine;
    if (line.type === 'loaded') isLoaded = true;
    else if (line.type === 'at') at = line;
    else ends.push(judged(line.trial));
  }
  watchdog.stop();
  signal.removeEventListener('abort', kill);
  await exited;
  if (ends.length === task.ways.length || isStopped()) return ends;
  const problem =
    /^\s*(?:\w*Error.*|.*heap out of memory.*)$/m.exec(complaint)?.[0].trim() ??
    complaint.split('\n')[0] ??
    '';
  if (!isLoaded) return task.ways.map((way) => cutShort(way, at, 'load error', problem));
  const way = task.ways[ends.length] as Way;
  const [end, sentence] = watched.hasHung ? (['hung', 'hangs'] as const) : (['died', problem] as const);
  return [...ends, cutShort(way, at, end, sentence)];
}

/** Hunts in all ways; empty if it was stopped. */
export async function runTrials(
  folder: string,
  plan: Omit<TrialTask, 'files'>,
  signal: AbortSignal,
  hangCpuMs: number = HANG_CPU_MS,
): Promise<TrialEnd[]> {
  const ends: TrialEnd[] = [];
  const isStopped = (): boolean => signal.aborted;
  while (ends.length < plan.ways.length && !isStopped()) {
    ends.push(
      ...(await runOnce(
        folder,
        { ...plan, files: projectRoot, ways: plan.ways.slice(ends.length) },
        signal,
        hangCpuMs,
      )),
    );
  }
  return isStopped() ? [] : ends;
}
