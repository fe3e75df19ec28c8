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

/** How one way ended, also where its process did not say it. */
export interface TrialEnd extends Trial {
  readonly end: 'verdict' | 'load error' | 'hung' | 'died';
}

/** What runs in the copies, and what that imports beside src and sims. */
export const HUNT_PROGRAMS: readonly string[] = [
  ...['trial-process', 'trial'].map((name) => `scripts/mutant-hunt/${name}.ts`),
  'test/conformance/subjects.ts',
  ...['memory-subject', 'disk-play'].map((name) => `test/disks/${name}.ts`),
];

/** Real time without a sign of life, beyond the time that a slice has: machines may be busy. */
const HANG_MS = 25_000;
const MEMORY_MB = 1_024;

type Said = Extract<TrialLine, { type: 'at' }>;

function startChild(folder: string, task: TrialTask): ChildProcess {
  const program = join(folder, compiledPath('scripts/mutant-hunt/trial-process.ts'));
  return spawn(process.execPath, [`--max-old-space-size=${MEMORY_MB}`, program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
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

/** One process; the ways that it has ended. */
async function runOnce(folder: string, task: TrialTask, signal: AbortSignal): Promise<TrialEnd[]> {
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
  const patience = HANG_MS + (task.executions === undefined ? task.seconds * 1_000 : Infinity);
  const watchdog = (): NodeJS.Timeout => setTimeout(hang, Math.min(patience, 600_000));
  let timer = watchdog();
  signal.addEventListener('abort', kill);
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(0, 4_000)));
  for await (const text of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    clearTimeout(timer);
    timer = watchdog();
    const line = JSON.parse(text) as TrialLine;
    if (line.type === 'loaded') isLoaded = true;
    else if (line.type === 'at') at = line;
    else ends.push({ ...line.trial, end: 'verdict' });
  }
  clearTimeout(timer);
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
): Promise<TrialEnd[]> {
  const ends: TrialEnd[] = [];
  const isStopped = (): boolean => signal.aborted;
  while (ends.length < plan.ways.length && !isStopped()) {
    ends.push(
      ...(await runOnce(folder, { ...plan, files: projectRoot, ways: plan.ways.slice(ends.length) }, signal)),
    );
  }
  return isStopped() ? [] : ends;
}
