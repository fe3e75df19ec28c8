// What every shipped scenario comes to on every seed, as one process of the built command line sees it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';

/** How the process runs. */
export interface HashRun {
  readonly seeds: number;
  /** The folder with `dist`. */
  readonly cwd: string;
  /** The Node to run on. */
  readonly node: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `HASH held` or `HASH failed` by `SCENARIO SEED`. */
export type Hashes = ReadonlyMap<string, string>;

/** Runs all scenarios on seeds 1 to `seeds`. */
export async function scenarioHashes({ seeds, cwd, node, env = {} }: HashRun): Promise<Hashes> {
  const child = spawn(node, ['dist/cli/main.js', 'run', '--seeds', String(seeds), '--json'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const found = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const { type, scenario, seed, traceHash, held } = JSON.parse(line) as Record<string, unknown>;
    if (type !== 'run') continue;
    const end = held === true ? 'held' : 'failed';
    found.set(`${String(scenario)} ${String(seed)}`, `${String(traceHash)} ${end}`);
    if (found.size % 500 === 0) process.stderr.write(`\r${found.size} simulations`);
  }
  await exited;
  return found;
}

/** The keys of what is not the same in both, or only in one of them. */
export function differingHashes(one: Hashes, other: Hashes): string[] {
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys].filter((key) => one.get(key) !== other.get(key));
}
