// Explores each shipped runner that lives in virtual time by its generic workload, until a number of executions have not failed. A line per batch as it
// comes; a failure is printed with the line that repeats it, and ends the exploration of its runner. Stopped by Ctrl-C, it goes on where it was.
//   --runs N          executions of each runner (1000000)
//   --seed S          another exploration (1)
//   --only A,B        some runners
//   --jobs N          N processes (1)
//   --batch N         N executions at a time (5000)
//   --state FILE      where it is kept as it goes (.dryrunner/silence/SEED.jsonl)
//   --anew            forgets what is kept there
//   --replay TOKEN    runs one failure again
//   --list            names of the runners, and how far each is
//   --help            this text
// Exits 1 after a failure or if something was never reached, 2 on wrong usage, 3 if a process of its own broke, 130 on Ctrl-C.
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exploreWorkload } from '../src/conformance/workload/explore-workload.ts';
import { decodeToken } from '../src/explore/replay-token.ts';
import { invariant } from '../src/kernel/invariant.ts';
import { endWhenIdle, optionsOrEnd, positiveInteger } from './command-line.ts';
import { listFiles, projectRoot, readProjectFile } from './module-graph.ts';
import { failureText, SilenceFile, type SilenceBatch } from './silence/silence-file.ts';
import type { SilenceAnswer, SilenceOrder } from './silence/silence-process.ts';
import { runnerOfScenario, SILENT } from './silence/silence-subjects.ts';

const OPTIONS = {
  runs: { type: 'string', default: '1000000' },
  seed: { type: 'string', default: '1' },
  only: { type: 'string' },
  jobs: { type: 'string', default: '1' },
  batch: { type: 'string', default: '5000' },
  state: { type: 'string' },
  anew: { type: 'boolean', default: false },
  replay: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What is explored, and what explores it. */
const SOURCES = ['src', 'sims', 'scripts/silence', 'test/conformance', 'test/remote'];

function chosen(only: string | undefined): readonly string[] {
  const names = only?.split(',') ?? Object.keys(SILENT);
  for (const name of names) {
    if (!Object.hasOwn(SILENT, name)) {
      throw new Error(`--only: expected some of ${Object.keys(SILENT).join(', ')}, got ${name}`);
    }
  }
  return names;
}

function sources(): string {
  const hash = createHash('sha256');
  for (const path of listFiles(SOURCES)) hash.update(`${path}\0${readProjectFile(path)}\0`);
  return hash.digest('hex').slice(0, 16);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A process of this command has broken, which is not the fault of its caller. */
class BrokenProcess extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** All that there is to do: the runner that is least far is next. */
class Silence {
  readonly #file: SilenceFile;
  readonly #names: readonly string[];
  readonly #runs: number;
  readonly #seed: string;
  readonly #batch: number;
  /** The batches that are under way. */
  readonly #under = new Map<string, Set<number>>();
  readonly #processes = new Set<ChildProcess>();
  isStopped = false;

  constructor(
    file: SilenceFile,
    names: readonly string[],
    { runs, seed, batch }: { readonly runs: number; readonly seed: string; readonly batch: number },
  ) {
    this.#file = file;
    this.#names = names;
    this.#runs = runs;
    this.#seed = seed;
    this.#batch = batch;
  }

  /** True if nothing has failed and everything was reached. */
  get isSilent(): boolean {
    return this.#names.every((name) => {
      const { failure, missed, executions } = this.#file.of(name);
      return failure === undefined && missed?.length === 0 && executions >= this.#runs;
    });
  }

  stop(): void {
    this.isStopped = true;
    for (const child of this.#processes) if (child.connected) child.send('stop' satisfies SilenceOrder);
  }

  async run(jobs: number): Promise<void> {
    const works = Array.from({ length: jobs }, async () => {
      try {
        await this.#work();
      } catch (error) {
        this.stop();
        throw error;
      }
    });
    const failed = (await Promise.allSettled(works)).find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw new BrokenProcess((failed as PromiseRejectedResult).reason);
  }

  report(): void {
    for (const name of this.#names) {
      const { executions, cpuMs, failure, missed = [] } = this.#file.of(name);
      const rate = cpuMs === 0 ? '' : `, ${Math.round(executions / (cpuMs / 1_000))}/s of the processor`;
      const left = missed.length === 0 ? '' : `, never reached: ${missed.join(', ')}`;
      const how = failure === undefined ? 'silent' : `failed: ${failure.message.split('\n')[0]}`;
      say(
        `${name}: ${executions.toLocaleString('en')} of ${this.#runs.toLocaleString('en')} ${how}${rate}${left}`,
      );
    }
  }

  /** One process with one batch after the other. */
  async #work(): Promise<void> {
    const first = this.#next();
    if (first === undefined) return;
    const child = fork(fileURLToPath(new URL('silence/silence-process.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
    });
    this.#processes.add(child);
    try {
      for (let order = first as SilenceOrder | undefined; order !== undefined; order = this.#next()) {
        this.#done(await answerOf(child, order));
      }
    } finally {
      this.#processes.delete(child);
      // One that has ended is disconnected, and says so with an error that would hide why.
      if (child.connected) child.disconnect();
    }
  }

  #next(): SilenceOrder | undefined {
    if (this.isStopped) return undefined;
    const left = this.#names.filter(
      (name) => this.#reached(name) < this.#runs && this.#file.of(name).failure === undefined,
    );
    const [first] = left.sort((one, other) => this.#reached(one) - this.#reached(other));
    if (first === undefined) return undefined;
    const executions = Math.min(this.#batch, this.#runs - this.#reached(first));
    return { runner: first, batch: this.#begin(first), seed: this.#seed, executions };
  }

  /** Takes the first batch of a runner that is neither done nor under way. */
  #begin(name: string): number {
    const { batches } = this.#file.of(name);
    const under = this.#under.get(name) ?? new Set();
    let batch = 1;
    while (batches.has(batch) || under.has(batch)) batch += 1;
    this.#under.set(name, under.add(batch));
    return batch;
  }

  /** With what is under way. */
  #reached(name: string): number {
    return this.#file.of(name).executions + (this.#under.get(name)?.size ?? 0) * this.#batch;
  }

  #done(batch: SilenceBatch): void {
    const { runner, executions, cpuMs, failure } = batch;
    if (executions > 0) this.#file.add(batch);
    this.#under.get(runner)?.delete(batch.batch);
    const all = this.#file.of(runner).executions.toLocaleString('en');
    const rate = Math.round(executions / Math.max(0.001, cpuMs / 1_000));
    say(`${runner}: ${all} of ${this.#runs.toLocaleString('en')} (${rate}/s)`);
    if (failure !== undefined) say(failureText(failure));
  }
}

function answerOf(child: ChildProcess, order: SilenceOrder): Promise<SilenceBatch> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void => {
      reject(new Error(`the process of ${JSON.stringify(order)} has ended (${signal ?? code})`));
    };
    child.once('exit', ended);
    child.once('message', (answer: SilenceAnswer) => {
      child.off('exit', ended);
      if ('done' in answer) resolve(answer.done);
      else reject(new Error(answer.broken));
    });
    child.send(order);
  });
}

async function replay(token: string): Promise<void> {
  const workload = SILENT[runnerOfScenario(decodeToken(token).scenario)];
  invariant(workload !== undefined, 'expected a workload of the runner that the token names');
  const { failure } = await exploreWorkload(workload, { replay: token });
  say(failure === undefined ? 'it holds' : failureText(failure));
  process.exitCode = failure === undefined ? 0 : 1;
}

function options() {
  const { values } = parseArgs({ options: OPTIONS });
  const [runs, batch, jobs] = (['runs', 'batch', 'jobs'] as const).map((name) =>
    positiveInteger(name, values[name]),
  ) as [number, number, number];
  return { ...values, runs, batch, jobs, names: chosen(values.only) };
}

const given = optionsOrEnd(import.meta.url, options);

async function main(): Promise<void> {
  if (given.replay !== undefined) {
    await replay(given.replay);
    return;
  }
  const { seed, anew, list, names, runs, batch, jobs } = given;
  const path = given.state ?? join(projectRoot, `.dryrunner/silence/${seed.replaceAll(/\W/g, '-')}.jsonl`);
  const file = new SilenceFile(path, { seed, batch, sources: sources() }, anew && !list);
  const silence = new Silence(file, names, { runs, seed, batch });
  if (!list) {
    file.begin();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => silence.stop());
    await silence.run(jobs);
  }
  silence.report();
  if (silence.isStopped) process.exitCode = 130;
  else if (!list && !silence.isSilent) process.exitCode = 1;
}

main().catch((error: unknown) => {
  endWhenIdle(import.meta.url)(error);
  if (error instanceof BrokenProcess) process.exitCode = 3;
});
