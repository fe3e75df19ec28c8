// A real Bazel builds the workspace of fixtures/bazel against this machine as a cluster, honest and lying: the tests of test/bazel, then builds
// during which the server is killed and started again, then seeds of faults.
//   --only PART         tests, kills or seeds alone
//   --kills N           how many builds of 200 actions the server is killed in (4)
//   --seeds N           how many seeds of faults, half over workers that run commands and half over simulated ones (200)
//   --from N            the first of them (1)
//   --seed S            that seed alone, and what Bazel says
//   --workers KIND      exec or simulated, for seeds (both)
//   --times             compares 200 small actions with what Bazel takes without a cluster
//   --help              this text
// Exits 1 if a test or a build fails, 2 on wrong usage.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  type BuildClusterOptions,
  serveBuildCluster,
  type WorkerKind,
} from '../src/host/remote/build-cluster.ts';
import { buildAcrossKill } from './bazel-kills.ts';
import { bazelMissingBecause, BazelWorkspace, SMALL_ACTIONS } from './bazel-workspace.ts';
import { optionsOrEnd, positiveInteger } from './command-line.ts';
import { projectRoot } from './module-graph.ts';

const WORKERS: readonly WorkerKind[] = ['exec', 'simulated'];

const PARTS = ['tests', 'kills', 'seeds'] as const;

type Part = (typeof PARTS)[number];

function checkOneOf(name: string, allowed: readonly string[], value: string | undefined): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new Error(`--${name}: expected ${listed(allowed)}, got ${value}`);
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      kills: { type: 'string', default: '4' },
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      times: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  checkOneOf('workers', WORKERS, values.workers);
  checkOneOf('only', PARTS, values.only);
  return {
    ...values,
    kills: positiveInteger('kills', values.kills),
    seeds: positiveInteger('seeds', values.seeds),
    from: positiveInteger('from', values.from),
  };
}

const values = optionsOrEnd(import.meta.url, readOptions);

interface Trial {
  readonly code: number | null;
  readonly out: string;
  readonly faults: readonly string[];
  readonly ms: number;
}

/** Builds all from nothing. */
async function build(
  workspace: BazelWorkspace,
  target: string,
  options: BuildClusterOptions,
): Promise<Trial> {
  const faults: string[] = [];
  const onFault = (kind: string, method: string): void => {
    faults.push(`${kind} of ${method.slice(method.lastIndexOf('/') + 1)}`);
  };
  const seeded = options.chaosSeed === undefined ? {} : { faults: { onFault, slowMsMax: 200 } };
  const cluster = await serveBuildCluster({ jobs: 8, ...options, ...seeded });
  try {
    await workspace.run('clean');
    const begin = performance.now();
    const { code, out } = await workspace.run('build', [target], cluster.endpoint);
    return { code, out, faults, ms: performance.now() - begin };
  } finally {
    await cluster.close();
  }
}

/** Over all seeds. */
let faultsMet = 0;

async function tryOne(workspace: BazelWorkspace, seed: string, workers: WorkerKind): Promise<boolean> {
  const { code, out, faults } = await build(workspace, '//:all_good', { workers, chaosSeed: seed });
  faultsMet += faults.length;
  if (code === 0 && values.seed === undefined) return true;
  console.log(
    `seed ${seed}, ${workers}: Bazel exits with ${code} after ${faults.length} faults: ${faults.join(', ')}`,
  );
  console.log(out);
  console.log(`again: npm run bazel -- --seed ${seed} --workers ${workers}`);
  return code === 0;
}

async function trySeeds(workspace: BazelWorkspace): Promise<boolean> {
  const workers = WORKERS.filter((kind) => values.workers === undefined || values.workers === kind);
  const seeds =
    values.seed === undefined
      ? Array.from({ length: values.seeds }, (_, n) => String(values.from + n))
      : [values.seed];
  let failed = 0;
  for (const [index, seed] of seeds.entries()) {
    // A seed alone goes to all kinds; of many each kind gets its share.
    const kinds = values.seed === undefined ? [workers[index % workers.length] as WorkerKind] : workers;
    for (const kind of kinds) if (!(await tryOne(workspace, seed, kind))) failed += 1;
    if ((index + 1) % 20 === 0) console.log(`${index + 1} of ${seeds.length} seeds`);
  }
  console.log(`${seeds.length - failed} of ${seeds.length} seeds built right, with ${faultsMet} faults`);
  return failed === 0;
}

/** Wall time of the same actions, on the cluster and by Bazel alone. */
async function compareTimes(workspace: BazelWorkspace): Promise<boolean> {
  // Neither of the two pays for the start of Bazel's own server.
  await workspace.run('build', ['//many:all', '--nobuild']);
  const remote = await build(workspace, '//many:all', {});
  await workspace.run('clean');
  const begin = performance.now();
  const local = await workspace.run('build', [
    '//many:all',
    '--jobs=8',
    '--spawn_strategy=local',
    '--genrule_strategy=local',
  ]);
  const localMs = performance.now() - begin;
  console.log(
    `${SMALL_ACTIONS} small actions: ${(remote.ms / 1000).toFixed(1)} s on the cluster, ${(localMs / 1000).toFixed(1)} s by Bazel alone`,
  );
  return remote.code === 0 && local.code === 0;
}

async function tryKills(workspace: BazelWorkspace): Promise<boolean> {
  let right = 0;
  for (let n = 1; n <= values.kills; n += 1) {
    const executions = Math.max(1, Math.floor((n * SMALL_ACTIONS) / (values.kills + 1)));
    if (await buildAcrossKill(workspace, executions)) right += 1;
  }
  console.log(`${right} of ${values.kills} builds in which the server was killed end right`);
  return right === values.kills;
}

async function runTests(): Promise<boolean> {
  const vitest = join(projectRoot, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', 'test/bazel'], {
    cwd: projectRoot,
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

function partsToRun(): readonly Part[] {
  if (values.seed !== undefined) return ['seeds'];
  return PARTS.filter((part) => values.only === undefined || values.only === part);
}

async function runParts(workspace: BazelWorkspace): Promise<boolean> {
  const run: Readonly<Record<Part, () => Promise<boolean>>> = {
    tests: runTests,
    kills: () => tryKills(workspace),
    seeds: () => trySeeds(workspace),
  };
  let isRight = true;
  for (const part of partsToRun()) isRight = (await run[part]()) && isRight;
  return isRight;
}

async function main(): Promise<boolean> {
  const missing = bazelMissingBecause();
  if (missing !== undefined) {
    console.log(`bazel: skipped because ${missing}`);
    return true;
  }
  const workspace = BazelWorkspace.open();
  try {
    return await (values.times ? compareTimes(workspace) : runParts(workspace));
  } finally {
    await workspace.close();
  }
}

process.exitCode = (await main()) ? 0 : 1;
