// Prints which part of the contract which runner keeps: groups of conformance cases × runners.
//   --only NAME         a runner; may be given again
//   --seeds N           each case in virtual time under N seeds (3)
//   --json              one object for programs
//   --help              this text
// Exits 1 on a failure, 2 on wrong usage.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runConformance, type CaseResult } from '../src/conformance/run-conformance.ts';
import type { ConformanceSubject } from '../src/conformance/subject.ts';
import { exec } from '../test/conformance/exec-subject.ts';
import { virtualSubjects } from '../test/conformance/subjects.ts';
import { endWhenIdle, optionsOrEnd, positiveInteger } from './command-line.ts';
import { matrixLines, parityMatrix } from './parity-matrix.ts';

const WALL_CONCURRENCY = 5;

const all: readonly ConformanceSubject[] = [...virtualSubjects, exec];

function chosen(only: readonly string[]): readonly ConformanceSubject[] {
  const names = all.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only: expected one of ${names.join(', ')}, got ${unknown}`);
  return only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
}

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seeds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const count = positiveInteger('seeds', values.seeds);
  const seeds = Array.from({ length: count }, (_, index) => index + 1);
  return { ...values, subjects: chosen(values.only), seeds };
}

const { subjects, seeds, json } = optionsOrEnd(import.meta.url, options);

async function main(): Promise<void> {
  const results: CaseResult[] = [];
  for (const subject of subjects) {
    if (process.stderr.isTTY) process.stderr.write(`${subject.name} …\r`);
    for await (const result of runConformance(subject, { seeds, concurrency: WALL_CONCURRENCY })) {
      results.push(result);
    }
  }
  const matrix = parityMatrix(results);
  if (json) console.log(JSON.stringify(matrix));
  else for (const line of matrixLines(matrix)) console.log(line);
  process.exitCode = matrix.failed === 0 ? 0 : 1;
}

main().catch(endWhenIdle(import.meta.url));
