import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { packageDoors, readManifest } from '../../scripts/package-doors.ts';
import { linksOf } from '../docs/page-links.ts';
import { blanked } from '../docs/shown-output.ts';

const manifest = readManifest();
const doors = packageDoors(manifest).map(({ specifier }) => specifier);
const root = mkdtempSync(join(tmpdir(), 'dryrunner-pack-'));
const consumer = join(root, 'consumer');
const diagnosticsHost: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => consumer,
  getCanonicalFileName: (name) => name,
  getNewLine: () => '\n',
};
const quiet = ['--silent', '--no-audit', '--no-fund', '--no-update-notifier'];

function run(program: string, args: readonly string[], cwd: string = consumer): string {
  // Vitest's own variables would make an imported `dryrunner/vitest` believe that it runs in a worker.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Optional peers come from this project: what is tested is our package, not their installation. */
function linkPeers(): void {
  for (const name of Object.keys(manifest.peerDependencies)) {
    const link = join(consumer, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(projectRoot, 'node_modules', name), link);
  }
}

/** One that waits for ever, one that fails in a callback, one that reaches outside. */
const LATE = `export const stuck = {
  name: 'stuck',
  description: 'waits for what nobody does',
  run: (sim) => sim.sleep(1).then(() => new Promise(() => undefined)),
};
export const late = {
  name: 'late',
  description: 'is sometimes late',
  async run(sim) {
    let done = 0;
    sim.world.clock.timer('work', 5, () => (done += 1));
    sim.world.clock.timer('look', 5, () => sim.check(done === 1, 'the work is done'));
    await sim.sleep(10);
  },
};
export const clock = {
  name: 'reads-a-clock',
  description: 'reads the clock of the machine',
  run: (sim) => sim.sleep(Date.now() % 1),
};
`;

/** The lines that name a file. */
function placesIn(printed: string): string[] {
  return printed.split('\n').filter((line) => /\.m?[jt]s:\d/.test(line));
}

describe('the packed package in an empty folder', () => {
  beforeAll(() => {
    run('npm', ['pack', ...quiet, '--pack-destination', root], projectRoot);
    const tarball = readdirSync(root).find((name) => name.endsWith('.tgz')) ?? '';
    mkdirSync(consumer);
    writeFileSync(join(consumer, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    run('npm', ['install', ...quiet, '--prefer-offline', '--omit=peer', join(root, tarball)]);
  });

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('holds the build, the documents and the licence, and nothing else', () => {
    const folder = join(consumer, 'node_modules', manifest.name);
    const pages = ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md'];
    const tops = [...pages, 'api', 'dist', 'docs', 'fixtures', 'package.json', 'sims'];
    expect(readdirSync(folder).sort()).toEqual(tops);
    const sources = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' });
    expect(sources.filter((name) => name.includes('.') && !/\.(js|js\.map|d\.ts)$/.test(name))).toEqual([]);
  });

  test('has a page of reference for each door, made without a warning, with every value that it exports', async () => {
    const api = join(consumer, 'node_modules', manifest.name, 'api');
    for (const { specifier, source } of packageDoors(manifest)) {
      const names = Object.keys((await import(join(projectRoot, source))) as object);
      if (names.length === 0) continue;
      const page = readFileSync(join(api, `${specifier}.md`), 'utf8').replaceAll('\\', '');
      expect(names.filter((name) => !new RegExp(`^### ${name}\\b`, 'm').test(page))).toEqual([]);
    }
  });

  test('has pages whose links lead to files that it holds', () => {
    const folder = join(consumer, 'node_modules', manifest.name);
    const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.md') && !name.startsWith('node_modules'),
    );
    const links = pages.flatMap((page) =>
      linksOf(page, readFileSync(join(folder, page), 'utf8')).map(({ path }) => `${page}: ${path}`),
    );
    expect(links.length).toBeGreaterThan(200);
    expect(links.filter((link) => !existsSync(join(folder, link.split(': ')[1] ?? '')))).toEqual([]);
  });

  test('runs its command', () => {
    const help = run('npx', ['--no-install', 'dryrunner', '--help']);
    expect(help).toContain('Usage: dryrunner');
    expect(run('npx', ['--no-install', 'dryrunner', '--version']).trim()).toBe(manifest.version);
  });

  test.for(packageDoors(manifest).filter(({ specifier }) => specifier !== 'dryrunner/vitest'))(
    '$specifier loads without the optional peers and exports what its source does',
    async ({ specifier, source }) => {
      const code = `console.log(Object.keys(await import('${specifier}')).join(' '))`;
      const names = Object.keys((await import(join(projectRoot, source))) as object);
      const exported = run('node', ['--input-type=module', '--eval', code]).trim();
      expect(exported.split(' ').sort().join(' ')).toBe(names.sort().join(' '));
    },
  );

  test('shows the same lines of a scenario as the sources do', () => {
    writeFileSync(join(consumer, 'late.mjs'), LATE);
    const shown = (program: readonly string[], scenario: string, more: readonly string[]): string => {
      const args = ['explore', `./late.mjs#${scenario}`, '--executions', '30', '--workers', '1'];
      const corpus = ['--corpus', join(root, 'corpus', program.length > 1 ? 'sources' : 'package')];
      const { stdout } = spawnSync(process.execPath, [...program, ...args, ...corpus, ...more], {
        cwd: consumer,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1' },
      });
      return blanked(stdout);
    };
    const sources = ['--import', import.meta.resolve('tsx'), join(projectRoot, 'src/cli/main.ts')];
    const installed = [join(consumer, 'node_modules/dryrunner/dist/cli/main.js')];
    for (const [scenario, line, ...more] of [
      ['stuck', 'late.mjs:4:'],
      ['late', 'late.mjs:12:'],
      ['reads-a-clock', 'late.mjs:19:', '--strict'],
    ] as const) {
      const printed = shown(installed, scenario, more);
      expect(printed).toContain(line);
      expect(printed).not.toContain('/dist/');
      // How far explaining gets, and what is counted, depends on how fast it goes.
      const ours = shown(sources, scenario, more);
      expect(placesIn(ours), ours).toEqual(placesIn(printed));
    }
  });

  test('counts no entropy that the simulation replaces as an escape', () => {
    const code = `
import { randomBytes, randomUUID } from 'node:crypto';
import { defineScenario } from 'dryrunner';
import { ambientTime, watchEscapes } from 'dryrunner/ambient';
import { createExecutor } from 'dryrunner/explore';
import { fifoDecisions } from 'dryrunner/kernel';
const draws = defineScenario({
  name: 'draws',
  description: 'draws random bytes',
  options: { ambient: ambientTime() },
  run: () => [randomBytes(4), randomUUID(), crypto.getRandomValues(new Uint8Array(4))].length,
});
const watch = watchEscapes(createExecutor(draws));
const { held } = await watch.executor.execute({ source: fifoDecisions() });
console.log(held, watch.escapes().length);`;
    const args = ['--import', 'dryrunner/ambient/install', '--input-type=module', '--eval', code];
    expect(run('node', args).trim()).toBe('true 0');
  });

  test('types of all doors resolve and check in a strict project', () => {
    linkPeers();
    const entry = join(consumer, 'consumer.ts');
    writeFileSync(
      entry,
      doors.map((door, index) => `export type * as door${index} from '${door}';\n`).join(''),
    );
    const program = ts.createProgram([entry], {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      types: ['node'],
      typeRoots: [join(projectRoot, 'node_modules', '@types')],
    });
    // A declaration that does not resolve is an error only where it stands, so our own declarations are checked.
    const ours = program.getSourceFiles().filter(({ fileName }) => {
      return fileName === entry || fileName.includes(`/node_modules/${manifest.name}/`);
    });
    const problems = ours.flatMap((file) => program.getSemanticDiagnostics(file));
    expect(ours.length).toBeGreaterThan(doors.length);
    expect(ts.formatDiagnostics(problems, diagnosticsHost)).toBe('');
  });

  test('the vitest door loads inside Vitest', () => {
    const code = `import 'dryrunner/vitest';\nimport { test } from 'vitest';\ntest('loads', () => {});\n`;
    writeFileSync(join(consumer, 'door.test.js'), code);
    const report = join(root, 'door.json');
    run('node', [
      join('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=json',
      `--outputFile=${report}`,
    ]);
    const { numPassedTests } = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number };
    expect(numPassedTests).toBe(1);
  });
});
