/** How long the built command takes to start, beside a Node that does nothing. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import type { Figure } from './figure.ts';
import { costOf, median } from './measure.ts';

const BUILT_COMMAND = 'dist/cli/main.js';
const ROUNDS_MIN = 9;
const MORE_MS_MAX = 150;
const EXEC_MORE_MS_MAX = 300;

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
  const execs: number[] = [];
  for (let round = -1; round < Math.max(rounds, ROUNDS_MIN); round++) {
    const node = await start(['-e', '0']);
    const help = await start([BUILT_COMMAND, '--help']);
    const exec = await start([BUILT_COMMAND, 'exec', '--', 'true']);
    // The first round fills the file cache.
    if (round < 0) continue;
    nodes.push(node);
    helps.push(help);
    execs.push(exec);
  }
  const peer = `node -e 0: ${Math.round(median(nodes))} ms`;
  const figure = (name: string, measured: readonly number[], goal: number, more: Figure['more']): Figure => ({
    name,
    value: median(measured.map((ms, i) => ms - (nodes[i] ?? NaN))),
    unit: 'ms',
    goal,
    goalIs: 'most',
    by: 'wall time',
    peer,
    note: 'median difference of alternating starts',
    more: { leastNodeMs: Math.min(...nodes), ...more },
  });
  return [
    figure('--help over node -e 0', helps, MORE_MS_MAX, { leastHelpMs: Math.min(...helps) }),
    figure('exec -- true over node -e 0', execs, EXEC_MORE_MS_MAX, { leastExecMs: Math.min(...execs) }),
  ];
}
