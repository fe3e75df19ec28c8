// Runs hostile programs for real, again and again, and then looks for what they left behind: living processes, zombies,
// open file descriptors, temporary directories, control groups.
//   --runs N            how many programs (500)
//   --parallel N        how many at a time (4)
//   --through WAY       what runs them: runner, execer or both (both)
//   --only TEXT         the kinds with TEXT in their name, and no crowds
//   --seed TEXT         another order (hostile)
//   --json              one object per run and one at the end instead of the table
//   --help              this text
// Exits 1 if anything is left that was not reported on a run, if a run ended as it may not, or if the end of a run
// takes more than twice as long at 200 at once as at 20; 2 on wrong usage.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs, styleText } from 'node:util';
import { livingWithMark, newMark, openFiles } from '../test/host/hostile/leftovers.ts';
import { builtPrograms } from '../test/host/hostile/needs.ts';
import { endOfWrongUse, optionsOrEnd, positiveInteger } from './command-line.ts';
import { formatCrowds, measureCrowds } from './hostile-crowd.ts';
import { cleanUp, countUnreported, findLeftovers, type Leftovers } from './hostile-leftovers.ts';
import { createGround, planRuns, WAYS, type HostileGround, type HostileKind } from './hostile-plan.ts';
import type { HostileEnd } from './hostile-subjects.ts';

interface Finished extends HostileEnd {
  readonly run: number;
  readonly kind: string;
  readonly ms: number;
  /** Pids that were alive when the status was known. */
  readonly alive: readonly number[];
  /** It says what it leaves, if it leaves something. */
  readonly reported: boolean;
}

interface Settings {
  readonly runs: number;
  readonly parallel: number;
  readonly through: string;
  readonly only: string;
  readonly seed: string;
  readonly json: boolean;
  readonly help: boolean;
}

async function runOne({ name, program, subject }: HostileKind, run: number, mark: string): Promise<Finished> {
  const beforeMs = performance.now();
  const end = await subject.run(program, mark);
  const alive = livingWithMark(mark);
  const ms = Math.round(performance.now() - beforeMs);
  const { reports } = program;
  const reported = reports === undefined || end.faults.some((fault) => reports.test(fault));
  return { run, kind: name, ...end, ms, alive, reported };
}

function isBad({ legal, alive, reported }: Finished): boolean {
  return !legal || alive.length > 0 || !reported;
}

function showProgress(done: number, runs: number, bad: number): void {
  const line = `${done}/${runs} hostile runs, ${bad} bad`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}${done === runs ? '\n' : ''}`);
  else if (done % 50 === 0 || done === runs) process.stderr.write(`${line}\n`);
}

function refused(name: string, expected: string, given: string): Error {
  return new Error(`--${name}: expected ${expected}, got ${given}`);
}

async function runAll(
  plan: readonly HostileKind[],
  parallel: number,
  onFinished: (finished: Finished) => void,
): Promise<string[]> {
  const marks: string[] = [];
  const work = async (): Promise<void> => {
    for (let kind = plan[marks.length]; kind !== undefined; kind = plan[marks.length]) {
      const mark = newMark();
      onFinished(await runOne(kind, marks.push(mark) - 1, mark));
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, plan.length) }, work));
  return marks;
}

function printTable(all: readonly Finished[], { kinds, skipped }: HostileGround): void {
  console.log(`${'runs'.padStart(5)}${'bad'.padStart(5)}${'said'.padStart(6)}${'ms'.padStart(7)}  kind`);
  for (const { name } of kinds) {
    const mine = all.filter(({ kind }) => kind === name);
    const times = mine.map(({ ms }) => ms).sort((a, b) => a - b);
    const said = mine.filter(({ faults }) => faults.length > 0).length;
    const figures = [
      String(mine.length).padStart(5),
      String(mine.filter(isBad).length).padStart(5),
      String(said).padStart(6),
      String(times[times.length >> 1] ?? '-').padStart(7),
    ];
    console.log(`${figures.join('')}  ${name}`);
  }
  for (const { name, because } of skipped) console.log(`skipped ${because}: ${name}`);
}

function printLeftovers(left: Leftovers): void {
  const { processes, zombies, files, tempDirectories, controlGroups, reported } = left;
  console.log(
    `left and not reported: ${processes.length} processes, ${zombies.length} zombies, ${files} files, ` +
      `${tempDirectories.length} temporary directories, ${controlGroups.length} control groups`,
  );
  for (const path of tempDirectories) console.log(`  ${path}`);
  console.log(
    `left and reported: ${reported.zombies} zombies, ${reported.tempDirectories} temporary directories`,
  );
}

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '500' },
      parallel: { type: 'string', default: '4' },
      through: { type: 'string', default: 'both' },
      only: { type: 'string', default: '' },
      seed: { type: 'string', default: 'hostile' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (!WAYS.includes(values.through)) throw refused('through', WAYS.join(', '), values.through);
  return {
    ...values,
    runs: positiveInteger('runs', values.runs),
    parallel: positiveInteger('parallel', values.parallel),
  };
}

const { runs, parallel, through, only, seed, json } = optionsOrEnd(import.meta.url, readSettings);

async function main(): Promise<void> {
  builtPrograms();
  const filesBefore = openFiles();
  // Temporary directories go here, so that none of anybody else's is mistaken for one of ours.
  const folder = mkdtempSync(join(tmpdir(), 'hostile-runs-'));
  process.env['TMPDIR'] = folder;
  const ground = createGround(through, only);
  if (ground.kinds.length === 0) {
    rmSync(folder, { recursive: true });
    endOfWrongUse(import.meta.url, refused('only', 'a part of the name of a kind that can run here', only));
  }
  const all: Finished[] = [];
  const plan = planRuns(ground.kinds, runs, seed);
  const marks = await runAll(plan, parallel, (finished) => {
    all.push(finished);
    if (json) console.log(JSON.stringify({ type: 'run', ...finished }));
    showProgress(all.length, plan.length, all.filter(isBad).length);
  });
  await ground.close();
  const said = all.flatMap(({ faults }) => faults);
  const left = await findLeftovers({ marks, filesBefore, folder, said });
  for (const { program } of ground.kinds) cleanUp(folder, program.cleanup);
  rmSync(folder, { recursive: true });
  delete process.env['TMPDIR'];
  const bad = all.filter(isBad);
  const crowds = only === '' ? await measureCrowds() : undefined;
  const clean = bad.length + countUnreported(left) === 0 && crowds?.isGood !== false;
  if (json) {
    const { kinds, skipped } = ground;
    const counts = { runs: all.length, kinds: kinds.length, bad: bad.length };
    console.log(JSON.stringify({ type: 'summary', clean, ...counts, skipped, ...left, crowds }));
  } else {
    printTable(all, ground);
    for (const finished of bad) console.log(JSON.stringify(finished));
    console.log(`${all.length} runs of ${ground.kinds.length} kinds: ${bad.length} bad`);
    printLeftovers(left);
    if (crowds !== undefined) console.log(formatCrowds(crowds));
    console.log(clean ? styleText('green', 'clean') : styleText('red', 'NOT CLEAN'));
  }
  if (!clean) process.exitCode = 1;
}

await main();
