// How long the end of a run takes when many end at the same instant, each leaving a child: what is looked up for all of them is
// looked up once, so that a large crowd takes less time per run than a small one.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createOsExecer } from '../src/host/process/os-execer.ts';
import { createSystemClock } from '../src/host/system-clock.ts';

const SMALL = 20;
const LARGE = 200;
const ROUNDS = 3;
/** Time per run in a large crowd is at most this many times that in a small one. */
const RATIO_MAX = 2;

/** Medians in milliseconds per run. */
export interface CrowdFigure {
  readonly smallMs: number;
  readonly largeMs: number;
  readonly ratio: number;
  readonly isGood: boolean;
}

/** Measures both crowds in turn, without control groups: those could only make it quicker. */
export async function measureCrowds(): Promise<CrowdFigure> {
  const small: number[] = [];
  const large: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    small.push(await measure(SMALL));
    large.push(await measure(LARGE));
  }
  const [smallMs, largeMs] = [median(small), median(large)];
  const ratio = largeMs / smallMs;
  return { smallMs, largeMs, ratio, isGood: ratio <= RATIO_MAX };
}

/** One line for people. */
export function formatCrowds({ smallMs, largeMs, ratio }: CrowdFigure): string {
  const figures = `${smallMs.toFixed(1)} ms per run at ${SMALL} at once, ${largeMs.toFixed(1)} at ${LARGE}`;
  return `ends at one instant: ${figures}: ${ratio.toFixed(2)} times as much, at most ${RATIO_MAX} allowed`;
}

/** Commands that all wait for the same pipe to be opened, and then end. */
async function measure(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-crowd-'));
  const gate = join(folder, 'gate');
  execFileSync('mkfifo', [gate]);
  const execer = createOsExecer({ clock: createSystemClock(), cgroups: false });
  const argv = ['sh', '-c', `sleep 50 & echo ready; : < ${gate}; exit 0`];
  let ready = 0;
  const write = (): void => {
    ready += 1;
  };
  const stdout = { write };
  const command = { argv, dir: '', jobId: '', taskId: '', tag: '', stdout };
  const runs = await Promise.all(Array.from({ length: count }, async () => execer.exec(command)));
  while (ready < count) await pause(10);
  // From saying so to waiting is a moment.
  await pause(500);
  const beforeMs = performance.now();
  const open = openSync(gate, 'r+');
  await Promise.all(runs.map(async (run) => run.wait()));
  const ms = performance.now() - beforeMs;
  closeSync(open);
  rmSync(folder, { recursive: true });
  return ms / count;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
