import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { listFiles, readProjectFile } from '../../scripts/module-graph.ts';

test('the package holds each module that threads and loaders get by its path', () => {
  const names = listFiles(['src']).flatMap((file) =>
    Array.from(readProjectFile(file).matchAll(/\bcodeModule\('([^']+)'\)/g), ([, name = '']) => name),
  );
  expect(names.length).toBeGreaterThan(2);
  const folder = inject('builtPackage');
  expect(names.filter((name) => !existsSync(join(folder, 'dist', `${name}.js`)))).toEqual([]);
});

/** The folders of the package from which this command line loads a module. */
function foldersLoadedBy(args: readonly string[]): Set<string> {
  const dist = join(inject('builtPackage'), 'dist');
  const coverage = mkdtempSync(join(tmpdir(), 'dryrunner-coverage-'));
  onTestFinished(() => rmSync(coverage, { recursive: true }));
  const { status, stderr } = spawnSync(process.execPath, [join(dist, 'cli/main.js'), ...args], {
    encoding: 'utf8',
    // Names each script that was loaded.
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
  });
  expect(status, stderr).toBe(0);
  const urls = readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as {
      result: { url: string }[];
    };
    return result.map(({ url }) => url);
  });
  const base = `${pathToFileURL(dist).href}/`;
  const paths = urls.filter((url) => url.startsWith(base)).map((url) => url.slice(base.length));
  return new Set(paths.map((path) => path.split('/')[0] ?? ''));
}

test.for([
  [['--help'], 'cli', ['runners', 'host', 'remote', 'cluster']],
  [['exec', '--', 'true'], 'host', ['remote', 'cluster', 'cas', 'disks']],
  [['run', 'restart', '--seeds', '1'], 'simulation', ['remote', 'vitest']],
] as const)('dryrunner %j starts without what it does not need', ([args, needed, needless]) => {
  const loaded = foldersLoadedBy(args);
  expect(loaded).toContain(needed);
  expect(needless.filter((folder) => loaded.has(folder))).toEqual([]);
});

/** The files that are loaded with a file of the package, without those that it loads later. */
function loadedWith(path: string, loaded = new Set<string>()): ReadonlySet<string> {
  if (loaded.has(path)) return loaded;
  loaded.add(path);
  const imports = readFileSync(path, 'utf8').matchAll(/^(?:import|export)\b[^;]*?"(\.{1,2}\/[^"]+)";/gm);
  for (const [, imported = ''] of imports) loadedWith(join(dirname(path), imported), loaded);
  return loaded;
}

test.for(['run', 'explain', 'replay', 'exec'])('%s loads nothing of the rest', (command) => {
  const dist = join(inject('builtPackage'), 'dist');
  const file = readdirSync(join(dist, 'cli')).find((name) =>
    new RegExp(`^${command}-command.*\\.js$`).test(name),
  );
  const loaded = [...loadedWith(join(dist, 'cli', file ?? ''))].map((path) => path.slice(dist.length + 1));
  expect(loaded.length).toBeGreaterThan(20);
  expect(loaded.filter((path) => path.includes('/rest-'))).toEqual([]);
});
