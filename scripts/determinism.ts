// Builds the package, runs every shipped scenario over many seeds in two processes at once, one of them under another
// time zone and locale, and compares the hashes seed by seed. Two processes on a small machine also keep it busy.
//   --seeds N           how many (2000)
//   --help              this text
// Exits 1 if any two hashes differ or a scenario fails, 2 on wrong usage.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { optionsOrEnd, positiveInteger } from './command-line.ts';
import { differingHashes, scenarioHashes } from './scenario-hashes.ts';

function options() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      help: { type: 'boolean', default: false },
    },
  });
  return { ...values, seeds: positiveInteger('seeds', values.seeds) };
}

const { seeds } = optionsOrEnd(import.meta.url, options);
const { status } = spawnSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);
const run = { seeds, cwd: process.cwd(), node: process.execPath };
const [here, there] = await Promise.all([
  scenarioHashes({ ...run, env: { TZ: 'UTC', LC_ALL: 'C' } }),
  scenarioHashes({ ...run, env: { TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } }),
]);
process.stderr.write('\n');
const differing = differingHashes(here, there);
const failed = [...here.values()].filter((hash) => hash.endsWith('failed')).length;
for (const key of differing.slice(0, 10)) process.stdout.write(`differs: ${key}\n`);
process.stdout.write(
  `${here.size} simulations run twice (UTC and Pacific/Chatham, C and tr_TR): ${differing.length} hashes differ, ${failed} did not hold\n`,
);
process.exitCode = differing.length > 0 || here.size === 0 || failed > 0 ? 1 : 0;
