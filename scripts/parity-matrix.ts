// Sums conformance results up to the matrix of groups × runners, and puts it into lines.
import { styleText } from 'node:util';
import type { CaseResult } from '../src/conformance/run-conformance.ts';

/** One group on one runner. */
export interface ParityCell {
  readonly subject: string;
  readonly group: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why cases were skipped, with how many for each reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** A case that a runner failed. */
export interface ParityFailure {
  readonly subject: string;
  readonly title: string;
  readonly error: string;
}

/** What `npm run parity` says. */
export interface ParityMatrix {
  readonly cells: readonly ParityCell[];
  readonly failures: readonly ParityFailure[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const GROUP_WIDTH = 14;
const CELL_WIDTH = 11;

/** Sums up; groups and runners come in the order in which they were run. */
export function parityMatrix(results: readonly CaseResult[]): ParityMatrix {
  const subjects = [...new Set(results.map(({ subject }) => subject))];
  const groups = [...new Set(results.map(({ group }) => group))];
  return {
    cells: groups.flatMap((group) => subjects.map((subject) => cellOf(subject, group, results))),
    failures: results.flatMap(failureOf),
    passed: countOf(results, 'passed'),
    failed: countOf(results, 'failed'),
    skipped: countOf(results, 'skipped'),
  };
}

/** A table, then why cases were skipped, then what failed, then the sums. */
export function matrixLines({ cells, failures, passed, failed, skipped }: ParityMatrix): string[] {
  const subjects = [...new Set(cells.map(({ subject }) => subject))];
  const groups = [...new Set(cells.map(({ group }) => group))];
  const head = ''.padEnd(GROUP_WIDTH) + subjects.map((name) => name.padEnd(CELL_WIDTH)).join('');
  const rows = groups.map(
    (group) =>
      group.padEnd(GROUP_WIDTH) +
      cells
        .filter((cell) => cell.group === group)
        .map(showCell)
        .join(''),
  );
  const reasons = subjects.flatMap((name) =>
    Object.entries(reasonsOf(cells.filter(({ subject }) => subject === name))).map(
      ([reason, count]) => `${name}: ${count} skipped because ${reason}`,
    ),
  );
  const broken = failures.map(({ subject, title, error }) =>
    styleText('red', `${subject}: ${title}\n  ${error}`),
  );
  const sums = `${passed} passed, ${failed} failed, ${skipped} skipped (–) with a reason`;
  return [head, ...rows, ...reasons, ...broken, sums].map((line) => line.trimEnd());
}

function countOf(results: readonly CaseResult[], outcome: CaseResult['outcome']): number {
  return results.filter((result) => result.outcome === outcome).length;
}

function cellOf(subject: string, group: string, results: readonly CaseResult[]): ParityCell {
  const own = results.filter((result) => result.subject === subject && result.group === group);
  const reasons: Record<string, number> = {};
  for (const { reason } of own) {
    if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return {
    subject,
    group,
    passed: countOf(own, 'passed'),
    failed: countOf(own, 'failed'),
    skipped: countOf(own, 'skipped'),
    reasons,
  };
}

function failureOf({ subject, title, outcome, error }: CaseResult): ParityFailure[] {
  if (outcome !== 'failed') return [];
  return [{ subject, title, error: error instanceof Error ? error.message : String(error) }];
}

function reasonsOf(cells: readonly ParityCell[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { reasons } of cells) {
    for (const [reason, count] of Object.entries(reasons)) sums[reason] = (sums[reason] ?? 0) + count;
  }
  return sums;
}

/** `12`, `9 (3 –)` for three that were skipped, or `8, 1 FAILED`. */
function showCell({ passed, failed, skipped }: ParityCell): string {
  const text = `${passed}${skipped > 0 ? ` (${skipped} –)` : ''}${failed > 0 ? `, ${failed} FAILED` : ''}`;
  const padded = text.padEnd(CELL_WIDTH);
  return failed > 0 ? styleText('red', padded) : padded;
}
