/** The history of an execution that holds, as long as that of a failure. */
import type { Decision } from '../../kernel/decisions.ts';
import type { Executor } from '../executor.ts';
import { historyOf, type History } from './failure-history.ts';
import { keyDecisions } from '../keyed-log.ts';
import { observe } from './observed-run.ts';
import { RunIndex } from './run-index.ts';
import { LINES_MAX } from './history-length.ts';

/** Runs the log and gives its history; the last line says that it holds. */
export async function heldHistory(executor: Executor, log: readonly Decision[]): Promise<History> {
  const run = await observe(executor, keyDecisions(log), false);
  const end = { kind: 'check', message: 'it holds', atMs: run.verdict.virtualMs, details: [] } as const;
  const { lines, leftOut } = historyOf(new RunIndex(run), end, LINES_MAX);
  return {
    lines: lines.map((line) => (line.role === 'failure' ? { ...line, role: 'event' } : line)),
    leftOut,
  };
}
