/** How long the built command takes to say what it can do, beside a Node that does nothing. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import type { Figure } from './figure.ts';
import { costOf, median } from './measure.ts';

const BUILT_COMMAND = 'dist/cli/main.js';
const ROUNDS_MIN = 9;
const MORE_MS_MAX = 150;
/** Wall time, because the CPU time of a child is known to itself alone, and asking it would start more than `-e 0` does. */
async function start(args: readonly string[]): Promise<number> {
  const { wallMs } = await costOf(() => {
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`);
  });
  return wallMs;
}

/** The median of the differences, by wall time. */
export async function measureHelp(rounds: number): Promise<Figure[]> {
  const nodes: number[] = [];
  const helps: number[] = [];
  for (let round = -1; round < Math.max(rounds, ROUNDS_MIN); round++) {
    const node = await start(['-e', '0']);
    const help = await start([BUILT_COMMAND, '--help']);
    // The first round fills the file cache.
    if (round < 0) continue;
    nodes.push(node);
    helps.push(help);
  }
  return [
    {
      name: '--help over node -e 0',
      value: median(helps.map((help, i) => help - (nodes[i] ?? NaN))),
      unit: 'ms',
      goal: MORE_MS_MAX,
      goalIs: 'most',
      by: 'wall time',
      peer: `node -e 0: ${Math.round(median(nodes))} ms`,
      note: 'median difference of alternating starts',
      more: { leastNodeMs: Math.min(...nodes), leastHelpMs: Math.min(...helps) },
    },
  ];
}
