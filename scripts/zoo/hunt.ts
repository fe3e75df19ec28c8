// Hunts for one bug in one copy of the package: starts the command of that copy and reads what it reports, line by line. Invariant:
// a bug counts as found only if a report says so; a child that hangs, crashes or is silent has found nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

/** How a hunt ended. */
export interface Hunt {
  readonly found: boolean;
  readonly executions: number;
  readonly seconds: number;
  /** Events that fired in the failing execution. */
  readonly events: number | undefined;
  /** What went wrong, in one sentence. */
  readonly sentence: string;
}

/** Where to look and for how long. */
export interface HuntOptions {
  /** Folder of the copy. */
  readonly folder: string;
  readonly scenario: string;
  readonly seeds: number;
  readonly timeMs: number;
  readonly signal: AbortSignal;
}

interface RunLine {
  readonly type: string;
  readonly held?: boolean;
  readonly events?: number;
  readonly failure?: { readonly kind: string; readonly rule?: string; readonly message: string };
}

/** A report of the command, or undefined for a line that is none, such as one that was cut. */
function parsed(line: string): RunLine | undefined {
  try {
    return JSON.parse(line) as RunLine;
  } catch {
    return undefined;
  }
}

function sentenceOf({ failure }: RunLine): string {
  if (failure === undefined) return 'failed without a reason';
  return `${failure.kind}${failure.rule === undefined ? '' : ` ${failure.rule}`}: ${failure.message}`;
}

/** Runs seeds until one fails, the seeds are used up, or time is over. */
export async function hunt({ folder, scenario, seeds, timeMs, signal }: HuntOptions): Promise<Hunt> {
  const startedAt = performance.now();
  const file = join(folder, 'dist/sims/zoo', `${scenario}.js`);
  const args = [join(folder, 'dist/cli/main.js'), 'run', file, '--seeds', String(seeds), '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(kill, timeMs);
  signal.addEventListener('abort', kill);
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-400)));
  let executions = 0;
  let failing: RunLine | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const report = parsed(line);
      if (report?.type !== 'run') continue;
      executions += 1;
      if (report.held === true) continue;
      failing = report;
      break;
    }
  } finally {
    kill();
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
  await exited;
  const seconds = (performance.now() - startedAt) / 1_000;
  if (failing === undefined) {
    return { found: false, executions, seconds, events: undefined, sentence: complaint.trim() };
  }
  return { found: true, executions, seconds, events: failing.events, sentence: sentenceOf(failing) };
}
