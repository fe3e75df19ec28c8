/**
 * One side of a comparison with another commit: `node paired.js ROOT` loads the built package in the folder ROOT through its own doors
 * and does what its parent asks for, once a request, answering with the CPU time it took. Invariant: both sides are this very program;
 * only the package differs.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type * as Explore from '../src/explore/index.ts';
import type * as Main from '../src/index.ts';
import { tuneEngine } from '../src/threads/engine-settings.ts';
import { costOf } from './measure.ts';
import type { PairedName } from './options.ts';

type Doors = typeof Main & typeof Explore;
type Scenario = Main.ScenarioDefinition;

const COMMAND = { argv: ['sleep 1', 'complete 0'], jobId: 'job', taskId: 'task' };
const CAPACITY = 10;
const RUNS = 30_000;
const EXECUTIONS = 1000;
const JOBS = 8;
const SLEEPS = 150_000;
const SLEEPERS = 50;

/** What the package exports, all doors together: a name may move from one door to another between two commits. */
async function openDoors(root: string): Promise<Doors> {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Readonly<Record<string, { readonly default: string } | string>>;
  };
  const names = {};
  for (const [door, target] of Object.entries(exports)) {
    // The doors to Vitest need its worker.
    if (typeof target === 'string' || ['./vitest', './conformance'].includes(door)) continue;
    Object.assign(names, await import(pathToFileURL(join(root, target.default)).href));
  }
  return names as Doors;
}

async function simulateRuns(doors: Doors): Promise<void> {
  const verdict = await doors.simulate({
    seed: 1,
    scenario: async (sim) => {
      const runner = doors.createSimulatedRunner(sim.world, { capacity: CAPACITY, history: 100 });
      for (let done = 0; done < RUNS; done += CAPACITY) {
        const runIds: string[] = [];
        for (let i = 0; i < CAPACITY; i += 1) runIds.push((await runner.run(COMMAND)).runId);
        for (const runId of runIds) await doors.finalStatus(runner, runId);
      }
      await runner.release();
    },
  });
  if (!verdict.held || verdict.runs !== RUNS) throw new Error(verdict.failure?.message ?? 'runs are missing');
}

async function simulateSleeps(doors: Doors): Promise<void> {
  const verdict = await doors.simulate({
    seed: 1,
    maxEvents: SLEEPS * 2,
    scenario: async (sim) => {
      await Promise.all(
        Array.from({ length: SLEEPERS }, async (_, i) => {
          for (let done = 0; done < SLEEPS / SLEEPERS; done += 1) {
            await sim.sleep(1 + ((i * 7 + done * 13) % 1000));
          }
        }),
      );
    },
  });
  if (!verdict.held) throw new Error(verdict.failure?.message);
}

/** Jobs that are spread over three runners behind networks that are late and lose calls; a client tries again until its job has ended. */
function pool(doors: Doors, make: 'createFakeRunner' | 'createSimulatedRunner'): Scenario {
  return doors.defineScenario<unknown>({
    name: 'pool',
    description: `${JOBS} jobs on three runners behind lossy networks`,
    async run(sim) {
      const runners = [0, 1, 2].map((i) => {
        const name = `runner-${i}`;
        const inner =
          make === 'createFakeRunner'
            ? doors.createFakeRunner(sim.world, { name, script: doors.argvScript })
            : doors.createSimulatedRunner(sim.world, { name });
        return doors.createChaosRunner(sim.world, inner, {
          name: `network-${i}`,
          maxDelayMs: 20,
          delaySteps: 4,
          plan: { rates: { run: { before: 0.1 }, abort: { before: 0.1 }, query: { before: 0.1 } } },
        });
      });
      const finish = async (service: Main.Service, job: number): Promise<void> => {
        for (;;) {
          try {
            const { runId } = await service.run({ argv: ['sleep 10', 'complete 0'], taskId: `job-${job}` });
            if (job % 3 === 0) await service.abort(runId);
            await doors.finalStatus(service, runId);
            return;
          } catch {
            await sim.sleep(10);
          }
        }
      };
      await Promise.all(
        Array.from({ length: JOBS }, (_, job) => finish(runners[job % 3] as Main.Service, job)),
      );
      for (const runner of runners) await runner.release();
    },
  });
}

async function executions(doors: Doors, scenario: Scenario): Promise<void> {
  const strategy = doors.createStrategy('random', 1);
  const options = { maxExecutions: EXECUTIONS, coverage: doors.createCoverage() };
  const done = await doors.explore(doors.createExecutor(scenario), strategy, options);
  if (done.failures > 0 || done.executions !== EXECUTIONS) throw new Error(`${scenario.name} fails`);
}

const RAFT_EXECUTIONS = 300;

/** The shipped program of that side, without a mistake, with all its faults. */
async function executeRaft(doors: Doors, root: string): Promise<void> {
  const url = pathToFileURL(join(root, 'dist/sims/cluster/raft.js')).href;
  const { raft } = (await import(url)) as { readonly raft: Scenario };
  const strategy = doors.createStrategy('random', 'bench');
  const done = await doors.explore(doors.createExecutor(raft), strategy, { maxExecutions: RAFT_EXECUTIONS });
  if (done.failures > 0 || done.executions !== RAFT_EXECUTIONS) throw new Error('Raft must hold');
}

/** Prints to descriptor 3 what the process has cost when it ends; its threads inherit it and do not. */
const COST_AT_EXIT = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread) process.on('exit', () => writeSync(3, JSON.stringify(process.cpuUsage())));
`)}`;

/** Runs the package's own command and returns its CPU time. */
function commandCpuMs(root: string, args: readonly string[]): number {
  const { status, stderr, output } = spawnSync(
    process.execPath,
    ['--import', COST_AT_EXIT, join(root, 'dist/cli/main.js'), ...args],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  if (status !== 0) throw new Error(`dryrunner ${args.join(' ')} exits with ${status}: ${stderr}`);
  const { user, system } = JSON.parse(output[3] ?? '') as NodeJS.CpuUsage;
  return (user + system) / 1000;
}

/** What a request is answered with; a failure says in a line why this package cannot do that. */
export type PairedAnswer = { readonly cpuMs: number } | { readonly failure: string };

async function cpuMsOf(work: () => Promise<void>): Promise<number> {
  return (await costOf(work)).cpuMs;
}

/** Does one of them once; gives its CPU time. */
async function measureOnce(name: PairedName, doors: Doors, root: string): Promise<number> {
  switch (name) {
    case 'runs':
      return cpuMsOf(() => simulateRuns(doors));
    case 'fake':
      return cpuMsOf(() => executions(doors, pool(doors, 'createFakeRunner')));
    case 'simulated':
      return cpuMsOf(() => executions(doors, pool(doors, 'createSimulatedRunner')));
    case 'sleeps':
      return cpuMsOf(() => simulateSleeps(doors));
    case 'raft':
      return cpuMsOf(() => executeRaft(doors, root));
    case 'first':
      return commandCpuMs(root, ['explore', 'polling-client', '--executions', '1', '--workers', '1']);
    case 'help':
      return commandCpuMs(root, ['--help']);
  }
}

/** The same, with what fails as an answer. */
async function answerTo(name: PairedName, doors: Doors, root: string): Promise<PairedAnswer> {
  try {
    return { cpuMs: await measureOnce(name, doors, root) };
  } catch (error) {
    const [failure = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { failure };
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = process.argv[2] ?? '';
  tuneEngine();
  const doors = await openDoors(root);
  process.on('message', (name: PairedName) => {
    void answerTo(name, doors, root).then((answer) => process.send?.(answer));
  });
  process.send?.({ cpuMs: 0 } satisfies PairedAnswer);
}
