// Runs hostile programs for real, again and again, and then looks for what they left behind: living processes, open
// file descriptors, temporary directories. Exits 1 if anything is left or a run ended as it may not. --runs N says how
// many (300), --parallel N how many at a time (4), --json prints one object per run and one at the end on stdout.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs, styleText } from 'node:util';
import { createOsExecer } from '../src/host/os-execer.ts';
import { createSystemClock } from '../src/host/system-clock.ts';
import type { Execer, ProcessStatus } from '../src/model/execer.ts';
import { runHostile } from '../test/host/hostile/hostile-run.ts';
import { comesTrue, livingWithMark, newMark, openFiles } from '../test/host/hostile/leftovers.ts';
import { HOSTILE_PROGRAMS, type HostileProgram } from '../test/host/hostile/programs.ts';

interface Finished {
  readonly run: number;
  readonly program: string;
  readonly state: ProcessStatus['state'];
  readonly exitCode: number;
  readonly signal?: string;
  readonly faults: readonly string[];
  readonly ms: number;
  /** Whether the program may end like this. */
  readonly legal: boolean;
  /** Pids that were alive when the status was known. */
  readonly alive: readonly number[];
}

/** Temporary directories go here, so that none of anybody else's is mistaken for one of ours. */
function ownTempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-runs-'));
  process.env['TMPDIR'] = folder;
  return folder;
}

function isLegal({ endings }: HostileProgram, status: ProcessStatus): boolean {
  return endings.some(
    (ending) =>
      ending.state === status.state && ending.exitCode === status.exitCode && ending.signal === status.signal,
  );
}

async function runOne(execer: Execer, run: number, marks: string[]): Promise<Finished> {
  const program = HOSTILE_PROGRAMS[run % HOSTILE_PROGRAMS.length] as HostileProgram;
  const mark = newMark();
  marks.push(mark);
  const beforeMs = performance.now();
  const { status } = await runHostile(execer, program, mark);
  const { state, exitCode, signal, faults = [] } = status;
  return {
    ...{ run, program: program.title, state, exitCode, ...(signal === undefined ? {} : { signal }), faults },
    ms: Math.round(performance.now() - beforeMs),
    legal: isLegal(program, status),
    alive: livingWithMark(mark),
  };
}

function showProgress(done: number, runs: number, bad: number): void {
  const line = `${done}/${runs} hostile runs, ${bad} bad`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}${done === runs ? '\n' : ''}`);
  else if (done % 50 === 0 || done === runs) process.stderr.write(`${line}\n`);
}

function count(name: string, given: string): number {
  const value = Number(given);
  if (Number.isSafeInteger(value) && value > 0) return value;
  process.stderr.write(`--${name}: expected an integer > 0, got ${given}\n`);
  process.exit(2);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '300' },
      parallel: { type: 'string', default: '4' },
      json: { type: 'boolean', default: false },
    },
  });
  const runs = count('runs', values.runs);
  const parallel = count('parallel', values.parallel);
  const folder = ownTempFolder();
  const execer = createOsExecer({
    clock: createSystemClock(),
    graceMs: 200,
    drainGraceMs: 150,
    sinkGraceMs: 200,
  });
  await runOne(execer, 0, []);
  const filesBefore = openFiles();
  const marks: string[] = [];
  const bad: Finished[] = [];
  let started = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (started < runs) {
      const finished = await runOne(execer, started++, marks);
      if (!finished.legal || finished.alive.length > 0) bad.push(finished);
      if (values.json) console.log(JSON.stringify({ kind: 'run', ...finished }));
      showProgress(++done, runs, bad.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, runs) }, work));
  await comesTrue(() => openFiles() <= filesBefore);
  const summary = {
    runs,
    programs: Math.min(runs, HOSTILE_PROGRAMS.length),
    bad: bad.length,
    livingProcesses: marks.flatMap(livingWithMark),
    openFiles: Math.max(0, openFiles() - filesBefore),
    tempDirectories: readdirSync(folder),
  };
  const { livingProcesses, openFiles: files, tempDirectories } = summary;
  const isClean =
    bad.length === 0 && livingProcesses.length === 0 && files === 0 && tempDirectories.length === 0;
  rmSync(folder, { recursive: true });
  if (values.json) console.log(JSON.stringify({ kind: 'summary', clean: isClean, ...summary }));
  else {
    for (const finished of bad) console.log(JSON.stringify(finished));
    const left = `${livingProcesses.length} processes, ${files} files, ${tempDirectories.length} temporary directories left`;
    console.log(
      `${runs} runs of ${summary.programs} hostile programs: ${bad.length} ended as they may not; ${left}`,
    );
    console.log(isClean ? styleText('green', 'clean') : styleText('red', 'NOT CLEAN'));
  }
  if (!isClean) process.exitCode = 1;
}

await main();
