import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { packageDoors, readManifest } from '../../scripts/package-doors.ts';

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
    symlinkSync(join(projectRoot, 'node_modules', name), join(consumer, 'node_modules', name));
  }
}

describe('the packed package in an empty folder', () => {
  beforeAll(() => {
    run('npm', ['pack', ...quiet, '--pack-destination', root], projectRoot);
    const tarball = readdirSync(root).find((name) => name.endsWith('.tgz')) ?? '';
    mkdirSync(consumer);
    writeFileSync(join(consumer, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    run('npm', ['install', ...quiet, '--prefer-offline', '--omit=peer', join(root, tarball)]);
  }, 180_000);

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('holds the build, the documents and the licence, and nothing else', () => {
    const folder = join(consumer, 'node_modules', manifest.name);
    const pages = ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md'];
    const tops = [...pages, 'dist', 'docs', 'fixtures', 'package.json', 'sims'];
    expect(readdirSync(folder).sort()).toEqual(tops);
    const sources = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' });
    expect(sources.filter((name) => name.includes('.') && !/\.(js|d\.ts)$/.test(name))).toEqual([]);
  });

  test('runs its command', () => {
    const help = run('npx', ['--no-install', 'dryrunner', '--help']);
    expect(help).toContain('Usage: dryrunner');
    expect(run('npx', ['--no-install', 'dryrunner', '--version']).trim()).toBe(manifest.version);
  });

  test.for(doors.filter((door) => door !== 'dryrunner/vitest'))(
    '%s loads without the optional peers',
    (door) => {
      const code = `await import('${door}'); console.log('loaded')`;
      expect(run('node', ['--input-type=module', '--eval', code])).toBe('loaded\n');
    },
  );

  test('types of all doors resolve and check in a strict project', { timeout: 60_000 }, () => {
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

  test('the vitest door loads inside Vitest', { timeout: 60_000 }, () => {
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
