// Prints which part of the contract which runner keeps: groups of conformance cases × runners. --only NAME (may be
// given again) takes some runners, --seeds N runs each case in virtual time under N seeds (default 3), --json prints
// one object for programs. Exits 1 on a failure, 2 on wrong usage.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runConformance, type CaseResult } from '../src/conformance/run-conformance.ts';
import type { ConformanceSubject } from '../src/conformance/subject.ts';
import { exec } from '../test/conformance/exec-subject.ts';
import { virtualSubjects } from '../test/conformance/subjects.ts';
import { matrixLines, parityMatrix } from './parity-matrix.ts';

const WALL_CONCURRENCY = 5;

const all: readonly ConformanceSubject[] = [...virtualSubjects, exec];

function chosen(only: readonly string[]): readonly ConformanceSubject[] {
  const names = all.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only: expected one of ${names.join(', ')}, got ${unknown}`);
  return only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
}

function seedsUpTo(text: string): number[] {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--seeds: expected an integer ≥ 1, got ${text}`);
  return Array.from({ length: count }, (_, index) => index + 1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seeds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const subjects = chosen(values.only);
  const seeds = seedsUpTo(values.seeds);
  const results: CaseResult[] = [];
  for (const subject of subjects) {
    if (process.stderr.isTTY) process.stderr.write(`${subject.name} …\r`);
    for await (const result of runConformance(subject, { seeds, concurrency: WALL_CONCURRENCY })) {
      results.push(result);
    }
  }
  const matrix = parityMatrix(results);
  if (values.json) console.log(JSON.stringify(matrix));
  else for (const line of matrixLines(matrix)) console.log(line);
  process.exitCode = matrix.failed === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(`parity: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
});
