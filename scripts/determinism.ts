/**
 * Runs every shipped scenario over many seeds in two processes at once, one of them under another time zone and locale, and compares
 * the hashes seed by seed. Two processes on a small machine also keep it busy. Exits with 1 if any two hashes differ.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const seeds = Number(process.argv[2] ?? 2_000);
if (!Number.isSafeInteger(seeds) || seeds < 1) {
  process.stderr.write(`seeds: expected a whole number ≥ 1, got ${process.argv[2]}\n`);
  process.exit(2);
}

/** Hashes by `scenario seed`, as one process sees them. */
async function hashes(env: Record<string, string>): Promise<Map<string, string>> {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'run', '--seeds', String(seeds), '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const found = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const { type, scenario, seed, traceHash, held } = JSON.parse(line) as Record<string, unknown>;
    if (type !== 'run') continue;
    found.set(
      `${String(scenario)} ${String(seed)}`,
      `${String(traceHash)} ${held === true ? 'held' : 'failed'}`,
    );
    if (found.size % 500 === 0) process.stderr.write(`\r${found.size} simulations`);
  }
  await exited;
  return found;
}

const [here, there] = await Promise.all([
  hashes({ TZ: 'UTC', LC_ALL: 'C' }),
  hashes({ TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }),
]);
process.stderr.write('\n');
const differing = [...here].filter(([key, hash]) => there.get(key) !== hash);
const failed = [...here.values()].filter((hash) => hash.endsWith('failed')).length;
for (const [key] of differing.slice(0, 10)) process.stdout.write(`differs: ${key}\n`);
process.stdout.write(
  `${here.size} simulations run twice (UTC and Pacific/Chatham, C and tr_TR): ${differing.length} hashes differ, ${failed} did not hold\n`,
);
process.exitCode = differing.length > 0 || here.size !== there.size || here.size === 0 || failed > 0 ? 1 : 0;
