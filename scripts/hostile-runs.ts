// Runs hostile programs for real, again and again, and then looks for what they left behind: living processes, open
// file descriptors, temporary directories. Exits 1 if anything is left or a run ended as it may not. --through says
// what runs them, `runner` (the default) or `execer`; --runs N says how many (300), --parallel N how many at a time (4);
// --json prints one object per run and one at the end on stdout.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs, styleText } from 'node:util';
import { comesTrue, livingWithMark, newMark, openFiles } from '../test/host/hostile/leftovers.ts';
import { HOSTILE_PROGRAMS, type HostileProgram } from '../test/host/hostile/programs.ts';
import { execerSubject, runnerSubject } from './hostile-subjects.ts';
import type { HostileEnd, HostileSubject } from './hostile-subjects.ts';

interface Finished extends HostileEnd {
  readonly run: number;
  readonly program: string;
  readonly ms: number;
  /** Pids that were alive when the status was known. */
  readonly alive: readonly number[];
}

interface Limits {
  readonly runs: number;
  readonly parallel: number;
}

/** What is still there when all runs have ended. */
interface Leftovers {
  readonly processes: readonly number[];
  readonly files: number;
  readonly tempDirectories: readonly string[];
}

/** Temporary directories go here, so that none of anybody else's is mistaken for one of ours. */
function ownTempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-runs-'));
  process.env['TMPDIR'] = folder;
  return folder;
}

async function runOne(subject: HostileSubject, run: number, mark: string): Promise<Finished> {
  const program = HOSTILE_PROGRAMS[run % HOSTILE_PROGRAMS.length] as HostileProgram;
  const beforeMs = performance.now();
  const end = await subject.run(program, mark);
  const alive = livingWithMark(mark);
  return { run, program: program.title, ...end, ms: Math.round(performance.now() - beforeMs), alive };
}

function showProgress(done: number, runs: number, bad: number): void {
  const line = `${done}/${runs} hostile runs, ${bad} bad`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}${done === runs ? '\n' : ''}`);
  else if (done % 50 === 0 || done === runs) process.stderr.write(`${line}\n`);
}

function refuse(name: string, expected: string, given: string): never {
  process.stderr.write(`--${name}: expected ${expected}, got ${given}\n`);
  process.exit(2);
}

function count(name: string, given: string): number {
  const value = Number(given);
  return Number.isSafeInteger(value) && value > 0 ? value : refuse(name, 'an integer > 0', given);
}

async function runAll(
  subject: HostileSubject,
  { runs, parallel }: Limits,
  onFinished: (finished: Finished) => void,
): Promise<string[]> {
  const marks: string[] = [];
  const work = async (): Promise<void> => {
    while (marks.length < runs) {
      const mark = newMark();
      onFinished(await runOne(subject, marks.push(mark) - 1, mark));
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, runs) }, work));
  return marks;
}

async function lookForLeftovers(marks: string[], filesBefore: number, folder: string): Promise<Leftovers> {
  await comesTrue(() => openFiles() <= filesBefore);
  return {
    processes: marks.flatMap(livingWithMark),
    files: Math.max(0, openFiles() - filesBefore),
    tempDirectories: readdirSync(folder),
  };
}

function report(bad: readonly Finished[], { runs }: Limits, left: Leftovers): void {
  for (const finished of bad) console.log(JSON.stringify(finished));
  const programs = Math.min(runs, HOSTILE_PROGRAMS.length);
  const { processes, files, tempDirectories } = left;
  console.log(`${runs} runs of ${programs} hostile programs: ${bad.length} ended as they may not`);
  console.log(
    `left: ${processes.length} processes, ${files} files, ${tempDirectories.length} temporary directories`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '300' },
      parallel: { type: 'string', default: '4' },
      through: { type: 'string', default: 'runner' },
      json: { type: 'boolean', default: false },
    },
  });
  const limits = { runs: count('runs', values.runs), parallel: count('parallel', values.parallel) };
  const makeSubject = { runner: runnerSubject, execer: execerSubject }[values.through];
  if (makeSubject === undefined) refuse('through', 'runner or execer', values.through);
  const folder = ownTempFolder();
  const filesBefore = openFiles();
  const subject = makeSubject();
  const bad: Finished[] = [];
  let done = 0;
  const marks = await runAll(subject, limits, (finished) => {
    if (!finished.legal || finished.alive.length > 0) bad.push(finished);
    if (values.json) console.log(JSON.stringify({ kind: 'run', ...finished }));
    showProgress(++done, limits.runs, bad.length);
  });
  await subject.close();
  const left = await lookForLeftovers(marks, filesBefore, folder);
  rmSync(folder, { recursive: true });
  const clean = bad.length + left.processes.length + left.files + left.tempDirectories.length === 0;
  if (values.json) {
    console.log(JSON.stringify({ kind: 'summary', clean, runs: done, bad: bad.length, ...left }));
  } else {
    report(bad, limits, left);
    console.log(clean ? styleText('green', 'clean') : styleText('red', 'NOT CLEAN'));
  }
  if (!clean) process.exitCode = 1;
}

await main();
