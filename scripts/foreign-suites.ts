// `npm run foreign-suites`: the test suites of foreign packages with their awaits, and those of their tests, as they were and rewritten:
// without a simulation nothing may change. Fails unless the same tests pass in the same order. The packages are installed from their own
// lockfile into `.dryrunner/foreign-suites`.
//   --help              this text
// Exits 1 if a suite fails or does something else, 2 on wrong usage.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { awaitTransform } from '../src/ambient/awaits/await-transform.ts';
import { helpOrNothing } from './command-line.ts';

interface Suite {
  readonly name: string;
  /** Of Node, in the folder of the package; what it prints is TAP. */
  readonly args: readonly string[];
}

const TESTS = ['cache', 'clear', 'stale', 'storage-base', 'storage-memory', 'ttl', 'util'];
const SUITES: readonly Suite[] = [
  { name: 'abstract-level', args: ['test/self.js'] },
  {
    // Its other tests want a Redis server.
    name: 'async-cache-dedupe',
    args: ['--expose-gc', '--test', '--test-reporter=tap', ...TESTS.map((name) => `test/${name}.test.js`)],
  },
];
const SOURCE = fileURLToPath(new URL('foreign-suites', import.meta.url));
const WORK = fileURLToPath(new URL('../.dryrunner/foreign-suites', import.meta.url));
/** What every process has that could simulate: the hub, and nobody who controls awaits. */
const HUB = 'data:text/javascript,process[Symbol.for("dryrunner.ambient")]={awaits:undefined}';
const SUITE_MS_MAX = 300_000;

/** The packages as they were, and beside them a copy whose awaits are rewritten; how many files were. */
function prepare(): number {
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(join(WORK, 'as-it-was'), { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(join(SOURCE, file), join(WORK, 'as-it-was', file));
  }
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: join(WORK, 'as-it-was'), stdio: 'inherit' });
  if (status !== 0) throw new Error('the packages could not be installed');
  cpSync(join(WORK, 'as-it-was'), join(WORK, 'rewritten'), { recursive: true });
  const awaits = awaitTransform({ include: SUITES.map(({ name }) => name) });
  let rewritten = 0;
  for (const { name } of SUITES) {
    const folder = join(WORK, 'rewritten/node_modules', name);
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.[cm]?js$/.test(path)) continue;
      const file = join(folder, path);
      const { code } = awaits.transform(readFileSync(file, 'utf8'), file) ?? {};
      if (code === undefined) continue;
      writeFileSync(file, code);
      rewritten += 1;
    }
  }
  return rewritten;
}

/** The tests that a suite has run, in their order, with what came of each. */
function run({ name, args }: Suite, kind: string, imports: readonly string[] = []): readonly string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...imports, ...args], {
    cwd: join(WORK, kind, 'node_modules', name),
    encoding: 'utf8',
    timeout: SUITE_MS_MAX,
    maxBuffer: 2 ** 28,
  });
  const tests = stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(?:not )?ok /.test(line));
  if (status !== 0) {
    throw new Error(
      `the suite of ${name} fails, ${kind}:\n${tests.filter((line) => line.startsWith('not')).join('\n')}\n${stderr}`,
    );
  }
  return tests;
}

helpOrNothing(import.meta.url);
let differ = 0;
const files = prepare();
for (const suite of SUITES) {
  const before = run(suite, 'as-it-was');
  const ways = {
    rewritten: run(suite, 'rewritten'),
    'rewritten, with a hub': run(suite, 'rewritten', ['--import', HUB]),
  };
  for (const [way, tests] of Object.entries(ways)) {
    const isSame = tests.length > 0 && tests.join('\n') === before.join('\n');
    if (!isSame) differ += 1;
    console.log(
      `${suite.name}, ${way}: ${tests.length} tests pass, ${isSame ? 'the same' : `not the same as the ${before.length} before`}`,
    );
  }
}
console.log(`${files} files were rewritten`);
process.exitCode = differ === 0 ? 0 : 1;
