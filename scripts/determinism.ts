/**
 * Runs every shipped scenario over many seeds in two processes at once, one of them under another time zone and locale, and compares
 * the hashes seed by seed. Two processes on a small machine also keep it busy. Exits with 1 if any two hashes differ.
 */
import process from 'node:process';
import { differingHashes, scenarioHashes } from './scenario-hashes.ts';

const seeds = Number(process.argv[2] ?? 2_000);
if (!Number.isSafeInteger(seeds) || seeds < 1) {
  process.stderr.write(`seeds: expected a whole number ≥ 1, got ${process.argv[2]}\n`);
  process.exit(2);
}

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
