// The table of docs: how many executions each strategy needs for each bug, over its cold starts.
import { strategyNames } from '../../src/explore/strategies/strategy-names.ts';
import { median } from './hunt-report.ts';
import { isHeadline, standingText, type Standing } from './standing.ts';
import { FAST_CHECK, type Trial } from './trial.ts';

/** The columns: all strategies but the one that does not search, and fast-check; `random` is what the others have to beat. */
export const TABLE_STRATEGIES: readonly string[] = [
  ...strategyNames.filter((name) => name !== 'plain'),
  FAST_CHECK,
];

/** One hunt of the table. */
export interface TableCell {
  readonly id: string;
  readonly strategy: string;
  readonly trial: Trial;
}

/** The trials that could express their scenario. */
function expressed(cells: readonly TableCell[]): Trial[] {
  return cells.map(({ trial }) => trial).filter(({ found }) => found !== undefined);
}

/** The median of those that found it, and how many these are where not all did. */
function bugCell(cells: readonly TableCell[]): string {
  const trials = expressed(cells);
  if (trials.length === 0) return '–';
  const found = trials.filter((trial) => trial.found === true).map(({ executions }) => executions);
  const share = `(${found.length}/${trials.length})`;
  if (found.length === 0) return share;
  return found.length === trials.length ? String(median(found)) : `${median(found)} ${share}`;
}

/** What a hunt cost; one that was given up cost all that it was allowed. */
function costs(trials: readonly Trial[], cap: number): number[] {
  return trials.map(({ found, executions }) => (found === true ? executions : cap));
}

interface Summary {
  readonly name: string;
  readonly of: (trials: readonly Trial[], cap: number) => string;
}

const SUMMARIES: readonly Summary[] = [
  {
    name: 'found',
    of: (trials) => {
      const found = trials.filter((trial) => trial.found === true);
      return `${((100 * found.length) / trials.length).toFixed(1)} %`;
    },
  },
  {
    name: 'median',
    // A hunt that was given up would have needed more than any that was not.
    of: (trials) => {
      const middle = median(trials.map(({ found, executions }) => (found === true ? executions : Infinity)));
      return Number.isFinite(middle) ? String(middle) : '–';
    },
  },
  {
    name: 'mean',
    of: (trials, cap) => {
      const sum = costs(trials, cap).reduce((total, cost) => total + cost, 0);
      return (sum / trials.length).toFixed(0);
    },
  },
];

/** What a table is made of beside its cells. */
export interface TableFrame {
  readonly strategies: readonly string[];
  /** Executions after which a hunt was given up. */
  readonly executions: number;
  /** Of each bug by its id. */
  readonly standings: ReadonlyMap<string, Standing>;
}

/**
 * A Markdown table: a row per bug, with where it stands; then found share, median and mean of all hunts for bugs of the headline, those
 * given up counting as more than any other in the median and with all that they were allowed in the mean; then the same over all bugs, and
 * over those that fast-check can express. A dash stands for what cannot be expressed, and for a median that was not found.
 */
export function strategyTable(cells: readonly TableCell[], frame: TableFrame): string[] {
  const { strategies, executions, standings } = frame;
  const ids = [...new Set(cells.map(({ id }) => id))];
  const row = (name: string, standing: string, value: (strategy: string) => string): string =>
    `| ${[name, standing, ...strategies.map(value)].join(' | ')} |`;
  const standingOf = (id: string): Standing | undefined => standings.get(id);
  const inHeadline = ids.filter((id) => {
    const standing = standingOf(id);
    return standing !== undefined && isHeadline(standing);
  });
  const select = (strategy: string, among: readonly string[]): TableCell[] =>
    cells.filter((cell) => cell.strategy === strategy && among.includes(cell.id));
  const summaries = (among: readonly string[], which: string): string[] =>
    SUMMARIES.map(({ name, of }) =>
      row(`**${name}**`, which, (strategy) => {
        const chosen = select(strategy, among);
        const trials = expressed(chosen);
        return trials.length === chosen.length ? of(trials, executions) : '–';
      }),
    );
  const expressible = ids.filter((id) => expressed(select(FAST_CHECK, [id])).length > 0);
  const groups: readonly (readonly [readonly string[], string])[] = [
    [inHeadline, `the headline, ${inHeadline.length}`],
    [ids, `all ${ids.length}`],
    [expressible, `of fast-check, ${expressible.length}`],
  ];
  return [
    row('bug', 'difficulty', (strategy) => strategy),
    `| ${['---', '---', ...strategies.map(() => '---:')].join(' | ')} |`,
    ...ids.map((id) => {
      const standing = standingOf(id);
      const text = standing === undefined ? '' : standingText(standing);
      return row(id, text, (strategy) => bugCell(select(strategy, [id])));
    }),
    ...groups.flatMap(([among, which]) => (among.length === 0 ? [] : summaries(among, which))),
  ];
}

/** For how many bugs the first strategy needed fewer executions than another, for how many as many, for how many more. */
export function comparison(cells: readonly TableCell[], frame: TableFrame, other: string): string {
  const [first = ''] = frame.strategies;
  const ids = [...new Set(cells.map(({ id }) => id))];
  const middle = (id: string, name: string): number => {
    const trials = expressed(cells.filter((cell) => cell.id === id && cell.strategy === name));
    return median(costs(trials, frame.executions));
  };
  const signs = ids.map((id) => Math.sign(middle(id, first) - middle(id, other)));
  const [fewer, same, more] = [-1, 0, 1].map((sign) => signs.filter((each) => each === sign).length);
  return `${first} against ${other}, by the median of a bug's starts: fewer executions for ${fewer} bugs, as many for ${same}, more for ${more}`;
}
