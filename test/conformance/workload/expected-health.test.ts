import { describe, expect, test } from 'vitest';
import {
  afterEnd,
  ExpectedHealth,
  isHealthOpen,
  TRUSTED,
} from '../../../src/conformance/workload/expected-health.ts';
import type { RunState } from '../../../src/model/run-state.ts';
import { zeroStatus } from '../../../src/model/run-status.ts';
import { maskForState } from '../../../src/model/state-mask.ts';

type End = readonly [state: RunState, exitCode: number];

describe('what workloads expect of the health of a runner', () => {
  test.for<readonly [isLost: boolean, ends: readonly End[]]>([
    [true, [['FAILED', 241]]],
    [false, [['COMPLETE', 241]]],
    [
      true,
      [
        ['FAILED', 211],
        ['RUNNING', 0],
        ['FAILED', 211],
      ],
    ],
    [
      true,
      [
        ['FAILED', 212],
        ['ABORTED', 0],
        ['FAILED', 212],
      ],
    ],
    [
      false,
      [
        ['FAILED', 211],
        ['FAILED', 212],
      ],
    ],
    [
      false,
      [
        ['FAILED', 211],
        ['COMPLETE', 0],
        ['FAILED', 211],
      ],
    ],
    [
      false,
      [
        ['FAILED', 17],
        ['FAILED', 17],
      ],
    ],
    [
      true,
      [
        ['FAILED', 241],
        ['COMPLETE', 0],
      ],
    ],
  ])('R81 D31 D32 it is lost: %s, after %j', ([isLost, ends]) => {
    const health = new ExpectedHealth();
    for (const [state, exitCode] of ends) health.note({ ...zeroStatus(), state, exitCode });
    expect(health.isLost).toBe(isLost);
  });

  test('R81 it is open while a run may end in ways that make a difference', () => {
    const either = maskForState('FAILED', 'ABORTED');
    const after211 = afterEnd(TRUSTED, maskForState('FAILED'), 211);
    expect([
      isHealthOpen(TRUSTED, either, 241),
      isHealthOpen(TRUSTED, either, 17),
      isHealthOpen(TRUSTED, maskForState('FAILED'), 241),
      isHealthOpen(after211, maskForState('COMPLETE', 'ABORTED'), 0),
      isHealthOpen(TRUSTED, maskForState('COMPLETE', 'ABORTED'), 0),
    ]).toEqual([true, false, false, true, false]);
  });
});
