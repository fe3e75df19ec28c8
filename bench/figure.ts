/** What a benchmark gives: one number beside its goal and its peer. Invariant: a figure says what it was measured by. */

/** One figure of a report. */
export interface Figure {
  /** Unique in a report, in words. */
  readonly name: string;
  readonly value: number;
  /** `×` for ratios. */
  readonly unit: string;
  readonly goal: number;
  /** Whether the goal is a least or a most. */
  readonly goalIs: 'least' | 'most';
  /** What the value is made of. */
  readonly by: 'CPU time' | 'wall time' | 'heap' | 'count';
  /** What it is compared with, and what that did in the same run; or the published number and whose it is. */
  readonly peer: string;
  /** What exactly was done. */
  readonly note: string;
  /** The same by the other clock, and whatever helps to judge the value. */
  readonly more?: Readonly<Record<string, number>>;
}

/** Whether the goal is reached. */
export function isMet({ value, goal, goalIs }: Figure): boolean {
  return goalIs === 'least' ? value >= goal : value <= goal;
}

/** The figures as a table for people. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = [
    ['figure', 'measured', 'goal', '', 'by', 'beside'],
    ...figures.map((figure) => [
      figure.name,
      `${shown(figure.value)} ${figure.unit}`,
      `${figure.goalIs === 'least' ? '≥' : '≤'} ${shown(figure.goal)} ${figure.unit}`,
      isMet(figure) ? 'met' : 'MISSED',
      figure.by,
      figure.peer,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

function shown(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  return String(Number(value.toPrecision(3)));
}
