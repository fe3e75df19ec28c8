// Prints which part of the contract which runner keeps: groups of conformance cases × runners. --seeds N runs each
// case in virtual time under N seeds (default 3), --json prints one object for programs. Exits 1 on a failure.
import process from 'node:process';
import { parseArgs, styleText } from 'node:util';
import { conformanceCases } from '../src/conformance/conformance-cases.ts';
import { runConformance, type CaseResult } from '../src/conformance/run-conformance.ts';
import type { ConformanceSubject } from '../src/conformance/subject.ts';
import { exec } from '../test/conformance/exec-subject.ts';
import { virtualSubjects } from '../test/conformance/subjects.ts';

const WALL_CONCURRENCY = 5;

interface Cell {
  readonly subject: string;
  readonly group: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why cases were skipped, with how many for each reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

const subjects: readonly ConformanceSubject[] = [...virtualSubjects, exec];
const groups: readonly string[] = [...new Set(conformanceCases.map(({ group }) => group))];

function cellOf(subject: string, group: string, results: readonly CaseResult[]): Cell {
  const own = results.filter((result) => result.subject === subject && result.group === group);
  const count = (outcome: CaseResult['outcome']): number =>
    own.filter((result) => result.outcome === outcome).length;
  const reasons: Record<string, number> = {};
  for (const { reason } of own) if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    subject,
    group,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    reasons,
  };
}

/** `12`, `9 (3 skipped)` or `8, 1 failed`, all of one width. */
function showCell({ passed, failed, skipped }: Cell): string {
  const text = `${passed}${skipped > 0 ? ` (${skipped} –)` : ''}${failed > 0 ? `, ${failed} FAILED` : ''}`;
  const padded = text.padEnd(CELL_WIDTH);
  return failed > 0 ? styleText('red', padded) : padded;
}

const CELL_WIDTH = 11;

function printMatrix(cells: readonly Cell[]): void {
  const head = ['', ...subjects.map(({ name }) => name)];
  console.log(head.map((name, column) => name.padEnd(column === 0 ? 14 : CELL_WIDTH)).join(''));
  for (const group of groups) {
    const row = cells.filter((cell) => cell.group === group);
    console.log(group.padEnd(14) + row.map(showCell).join(''));
  }
  for (const { name } of subjects) {
    const reasons: Record<string, number> = {};
    for (const cell of cells.filter(({ subject }) => subject === name)) {
      for (const [reason, count] of Object.entries(cell.reasons)) {
        reasons[reason] = (reasons[reason] ?? 0) + count;
      }
    }
    for (const [reason, count] of Object.entries(reasons)) {
      console.log(`${name}: ${count} skipped because ${reason}`);
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
  });
  const count = Number(values.seeds);
  if (!Number.isInteger(count) || count < 1) {
    throw new Error(`--seeds: expected an integer ≥ 1, got ${values.seeds}`);
  }
  const seeds = Array.from({ length: count }, (_, index) => index + 1);
  const results: CaseResult[] = [];
  for (const subject of subjects) {
    if (process.stderr.isTTY) process.stderr.write(`${subject.name} …\r`);
    for await (const result of runConformance(subject, { seeds, concurrency: WALL_CONCURRENCY })) {
      results.push(result);
    }
  }
  const cells = groups.flatMap((group) => subjects.map(({ name }) => cellOf(name, group, results)));
  const failures = results.flatMap(({ subject, title, outcome, error }) =>
    outcome === 'failed'
      ? [{ subject, title, error: error instanceof Error ? error.message : String(error) }]
      : [],
  );
  const [passed, skipped] = ['passed', 'skipped'].map(
    (outcome) => results.filter((result) => result.outcome === outcome).length,
  );
  if (values.json) {
    console.log(JSON.stringify({ cells, failures, passed, failed: failures.length, skipped }));
  } else {
    printMatrix(cells);
    for (const { subject, title, error } of failures) {
      console.log(styleText('red', `${subject}: ${title}\n  ${error}`));
    }
    console.log(`${passed} passed, ${failures.length} failed, ${skipped} skipped (–) with a reason`);
  }
  process.exitCode = failures.length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(`parity: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
});
