// Projects of users: empty folders into which the packed package is installed as anybody would, without flags that hide complaints.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageDoors } from '../package-doors.ts';
import type { Engine } from './engines.ts';
import { runStep, type StepEnd } from './step.ts';
import { NODE_MAJORS, vitestsOn } from './versions.ts';

/** What is said about one of them. */
export interface ConsumerResult {
  readonly name: string;
  readonly ok: boolean;
  readonly note: string;
}

const COMPLAINT = /npm (?:error|ERR!|warn)[^\n]*(?:ERESOLVE|peer|engine)/iu;

const VITEST_SUITE = `
import { expect, test } from 'vitest';
import { createSimulatedRunner, finalStatus } from 'dryrunner';
import { conformanceCases, simCommands, supportsAllBut } from 'dryrunner/conformance';
import { describeRunner, simTest } from 'dryrunner/vitest';

simTest('a simulation', async (sim) => {
  const runner = createSimulatedRunner(sim.world);
  const { runId } = await runner.run({ argv: ['sleep 1000', 'complete 3'] });
  const { status } = await finalStatus(runner, runId);
  sim.check(status.exitCode === 3, 'the exit code of the script');
  await runner.release();
});

const mine = {
  name: 'mine',
  supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
  commands: simCommands,
  create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
};
describeRunner(mine, conformanceCases);

test('assertions work beside it', () => expect(1 + 1).toBe(2));
`;

/** A project with that major of Vitest: installs without a complaint, and its suite is green on every Node that runs it. */
export async function vitestProject(
  work: string,
  tarball: string,
  vitest: number,
  engines: readonly Engine[],
  suite: string = VITEST_SUITE,
): Promise<ConsumerResult[]> {
  const name = `project-vitest-${vitest}`;
  const installed = await install(work, name, [tarball, `vitest@${vitest}`], engines.at(-1));
  if (!installed.ok) return [installed];
  const folder = join(work, name);
  writeFileSync(join(folder, 'suite.test.js'), suite);
  const results = [installed];
  for (const engine of engines) {
    const title = `${name} on Node ${engine.major}`;
    const end = await runStep({
      title,
      program: engine.program,
      args: ['node_modules/vitest/vitest.mjs', 'run'],
      cwd: folder,
      log: join(work, 'logs', `${name}-node-${engine.major}.log`),
      nodeFolder: engine.folder,
    });
    results.push({ name: title, ok: end.ok, note: end.ok ? tally(end) : end.output.slice(-2000) });
  }
  return results;
}

/** Matchers are added to the types of Vitest, which differ between majors. */
const MATCHERS_USE = `
import { expect } from 'vitest';
export const matched: Promise<void>[] = [
  expect(Promise.resolve(1)).toSettleWithin(1),
  expect(Promise.resolve(1)).not.toSettleWithin(1),
];
`;

/**
 * A project with that TypeScript and that major of Vitest: the types of all doors compile, strictly and with nothing
 * skipped, as both resolutions see them.
 */
export async function typescriptProject(
  work: string,
  tarball: string,
  typescript: string,
  vitest: number,
  engine: Engine | undefined,
): Promise<ConsumerResult[]> {
  const name = `project-typescript-${typescript}-vitest-${vitest}`;
  const installed = await install(
    work,
    name,
    [
      tarball,
      `typescript@${typescript}`,
      // Vitest refuses those of a Node on which it does not run.
      `@types/node@${NODE_MAJORS.find((major) => vitestsOn(major).includes(vitest))}`,
      `vitest@${vitest}`,
    ],
    engine,
  );
  if (!installed.ok) return [installed];
  const folder = join(work, name);
  const imports = packageDoors().map(
    ({ specifier }, index) => `export type * as door${index} from '${specifier}';\n`,
  );
  writeFileSync(join(folder, 'entry.ts'), imports.join('') + MATCHERS_USE);
  const results = [installed];
  for (const [resolution, module] of [
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ] as const) {
    const end = await runStep({
      title: `${name}, ${resolution}`,
      program: 'npx',
      args: ['--no-install', 'tsc', ...compilerFlags(module, resolution), 'entry.ts'],
      cwd: folder,
      log: join(work, 'logs', `${name}-${resolution}.log`),
    });
    results.push(typeResult(`${name}, ${resolution}`, end));
  }
  return results;
}

function compilerFlags(module: string, resolution: string): string[] {
  const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--types', 'node'];
  return [...flags, '--module', module, '--moduleResolution', resolution];
}

/** Peers have declarations of their own, which may be newer than the compiler: those are theirs, and are counted apart. */
function typeResult(name: string, end: StepEnd): ConsumerResult {
  const errors = end.output.split('\n').filter((line) => line.includes('error TS'));
  const ours = errors.filter((line) => !/^(?:\.\.\/)*node_modules\/(?!dryrunner\/)/u.test(line));
  const theirs = errors.length - ours.length;
  const ok = ours.length === 0 && (end.ok || theirs > 0);
  const note = theirs === 0 ? 'compiles' : `compiles; ${theirs} errors in declarations of other packages`;
  return { name, ok, note: ok ? note : ours.join('\n') || end.output.slice(-2000) };
}

async function install(
  work: string,
  name: string,
  packages: readonly string[],
  engine?: Engine,
): Promise<ConsumerResult> {
  const folder = join(work, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const { ok, output } = await runStep({
    title: `install ${name}`,
    program: 'npm',
    args: ['install', '--no-audit', '--no-fund', ...packages],
    cwd: folder,
    log: join(work, 'logs', `install-${name}.log`),
    ...(engine === undefined ? {} : { nodeFolder: engine.folder }),
  });
  const complaint = COMPLAINT.exec(output)?.[0];
  const isQuiet = ok && complaint === undefined;
  return {
    name: `install ${name}`,
    ok: isQuiet,
    note: isQuiet ? 'no complaint' : (complaint ?? output.slice(-2000)),
  };
}

function tally({ output }: StepEnd): string {
  return /Tests\s+(.*)/u.exec(output)?.[1]?.trim() ?? 'green';
}
