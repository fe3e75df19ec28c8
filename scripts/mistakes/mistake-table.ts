// The table of mistakes: a row for each, then what all hunts of a set cost on average, and how the first strategy compares with the others.
// Invariant: a hunt that was given up counts as all executions that it was allowed.
import { isHeld } from '../zoo/trial.ts';

/** One cold start of one strategy. */
export interface MistakeHunt {
  /** Until the failure, or until the hunt was given up. */
  readonly executions: number;
  readonly found: boolean;
  /** What fails, in one line; empty if nothing was found. */
  readonly message: string;
  /** True if a process died before it reported how the hunt ended. */
  readonly hasDied?: boolean;
}

/** All hunts for one mistake. */
export interface MistakeRow {
  /** What the mistake belongs to: `cluster` or `races`. */
  readonly set: string;
  readonly name: string;
  /** Per strategy, in the order of the columns: its cold starts. */
  readonly hunts: readonly (readonly MistakeHunt[])[];
}

/** A mistake for which the first strategy needs this many times as many executions as the best of the others is named as one too many. */
const QUOTIENT_MAX = 3;
const QUOTIENTS_SHOWN = 5;

function meanOf(hunts: readonly MistakeHunt[]): number {
  return hunts.reduce((sum, { executions }) => sum + executions, 0) / hunts.length;
}

/** True if the first strategy found it in each start or, with `isHealthy`, explored it in each and found nothing. */
export function isAsExpected({ hunts: [ofFirst = []] }: MistakeRow, isHealthy: boolean): boolean {
  return ofFirst.length > 0 && ofFirst.every((hunt) => (isHealthy ? isHeld(hunt) : hunt.found));
}

/** Executions until the failure, each start by itself; those that found nothing in brackets. */
function cellText(hunts: readonly MistakeHunt[]): string {
  return hunts.map(({ executions, found }) => (found ? String(executions) : `(${executions})`)).join(', ');
}

/** The first two lines of the table. */
export function mistakeHeader(strategies: readonly string[]): string[] {
  return [
    `| scenario | ${strategies.join(' | ')} | what fails |`,
    `| --- | ${strategies.map(() => '---:').join(' | ')} | --- |`,
  ];
}

/** One line of the table. */
export function mistakeLine({ name, hunts }: MistakeRow): string {
  const message = hunts.flat().find(({ found }) => found)?.message ?? '';
  return `| ${name} | ${hunts.map(cellText).join(' | ')} | ${message} |`;
}

/** Means of all hunts, per strategy. */
function meansOf(rows: readonly MistakeRow[], strategies: readonly string[]): number[] {
  return strategies.map((_, column) => meanOf(rows.flatMap(({ hunts }) => hunts[column] ?? [])));
}

/** By how much the mean of the first strategy for a mistake exceeds the best mean of the others. */
function quotientOf({ hunts }: MistakeRow): number {
  const [first = NaN, ...others] = hunts.map(meanOf);
  return first / Math.min(...others);
}

/** The last lines of the table, for each set and for all, and below it those that compare the first strategy with the others. */
export function mistakeSummary(rows: readonly MistakeRow[], strategies: readonly string[]): string[] {
  const sets = [...new Set(rows.map(({ set }) => set))];
  const groups = [
    ...sets.map((set) => ({ name: set, among: rows.filter((row) => row.set === set) })),
    ...(sets.length > 1 ? [{ name: 'all', among: rows }] : []),
  ];
  const means = groups.map(({ name, among }) => ({ name, among, of: meansOf(among, strategies) }));
  const lines = means.map(
    ({ name, among, of }) =>
      `| **mean of ${name}, ${among.length}** | ${of.map((mean) => mean.toFixed(0)).join(' | ')} | |`,
  );
  const [first = '', ...others] = strategies;
  if (others.length === 0) return lines;
  const ratios = others.map((other, index) => {
    const of = means.map((group) => {
      const [own = NaN, its = NaN] = [group.of[0], group.of[index + 1]];
      return `${(own / its).toFixed(2)} × (${group.name})`;
    });
    return `${first} needs, of the executions of ${other}: ${of.join(', ')}`;
  });
  const quotients = rows
    .map((row) => ({ name: row.name, quotient: quotientOf(row) }))
    .sort((a, b) => b.quotient - a.quotient);
  const tooMany = quotients.filter(({ quotient }) => quotient > QUOTIENT_MAX).length;
  const worst = quotients
    .slice(0, QUOTIENTS_SHOWN)
    .map(({ name, quotient }) => `${name} ${quotient.toFixed(2)} ×`);
  return [
    ...lines,
    '',
    ...ratios,
    `${first} against the best of the others, by the mean of a mistake: more than ${QUOTIENT_MAX} × for ${tooMany} of ${rows.length}; at most ${worst.join(', ')}`,
  ];
}
