import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { matrixLines, parityMatrix } from '../../scripts/parity-matrix.ts';
import { ServiceReach } from '../../src/oracles/reach-kinds.ts';
import type { CaseResult } from '../../src/conformance/run-conformance.ts';

const result = (
  subject: string,
  group: string,
  outcome: CaseResult['outcome'],
  more: Partial<CaseResult> = {},
): CaseResult => ({
  subject,
  group,
  title: `R1 ${group}`,
  rules: ['R1'],
  outcome,
  reached: new ServiceReach().counts,
  ...more,
});

const results = [
  result('fake', 'abort', 'passed'),
  result('fake', 'abort', 'skipped', { reason: 'it cannot' }),
  result('fake', 'output', 'skipped', { reason: 'it cannot' }),
  result('exec', 'abort', 'passed'),
  result('exec', 'abort', 'passed'),
  result('exec', 'output', 'failed', { error: new Error('lost a byte') }),
];

test('the parity matrix counts per group and runner, with every reason and failure', () => {
  expect(parityMatrix(results)).toEqual({
    cells: [
      { subject: 'fake', group: 'abort', passed: 1, failed: 0, skipped: 1, reasons: { 'it cannot': 1 } },
      { subject: 'exec', group: 'abort', passed: 2, failed: 0, skipped: 0, reasons: {} },
      { subject: 'fake', group: 'output', passed: 0, failed: 0, skipped: 1, reasons: { 'it cannot': 1 } },
      { subject: 'exec', group: 'output', passed: 0, failed: 1, skipped: 0, reasons: {} },
    ],
    failures: [{ subject: 'exec', title: 'R1 output', error: 'lost a byte' }],
    passed: 3,
    failed: 1,
    skipped: 2,
  });
});

test('the parity matrix reads as a table', () => {
  const lines = matrixLines(parityMatrix(results)).join('\n').split('\n');
  expect(lines.map((line) => stripVTControlCharacters(line).trimEnd())).toEqual([
    '              fake       exec',
    'abort         1 (1 –)    2',
    'output        0 (1 –)    0, 1 FAILED',
    'fake: 2 skipped because it cannot',
    'exec: R1 output',
    '  lost a byte',
    '3 passed, 1 failed, 2 skipped (–) with a reason',
  ]);
});
