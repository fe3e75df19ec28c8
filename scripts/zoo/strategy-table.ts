// The table of docs: how many executions each strategy needs for each bug, in the median of its cold starts.
import { median } from './hunt-report.ts';
import type { Hunt } from './hunt.ts';

/** The columns; `random` is what the others have to beat. */
export const TABLE_STRATEGIES: readonly string[] = [
  'portfolio',
  'random',
  'swarm',
  'pct',
  'pos',
  'walk',
  'sweep',
  'mutation',
];

/** One hunt of the table. */
export interface TableCell {
  readonly id: string;
  readonly strategy: string;
  readonly hunt: Hunt;
}

/** Executions until the failure; one that was missed counts as endless. */
function needed({ found, executions }: Hunt): number {
  return found ? executions : Infinity;
}

function shown(executions: number): string {
  return Number.isFinite(executions) ? String(executions) : '–';
}

/** A Markdown table: a row per bug, then the share that was found and the median. A dash stands for what was missed more often than not. */
export function strategyTable(cells: readonly TableCell[]): string[] {
  const ids = [...new Set(cells.map(({ id }) => id))];
  const of = (strategy: string, id?: string): number[] =>
    cells
      .filter((cell) => cell.strategy === strategy && (id === undefined || cell.id === id))
      .map(({ hunt }) => needed(hunt));
  const row = (name: string, value: (strategy: string) => string): string =>
    `| ${[name, ...TABLE_STRATEGIES.map(value)].join(' | ')} |`;
  return [
    row('bug', (strategy) => strategy),
    `| ${['---', ...TABLE_STRATEGIES.map(() => '---:')].join(' | ')} |`,
    ...ids.map((id) => row(id, (strategy) => shown(median(of(strategy, id))))),
    row('found', (strategy) => {
      const all = of(strategy);
      const share = all.filter((executions) => Number.isFinite(executions)).length / all.length;
      return `${Math.round(100 * share)} %`;
    }),
    row('median', (strategy) => shown(median(ids.map((id) => median(of(strategy, id)))))),
  ];
}
