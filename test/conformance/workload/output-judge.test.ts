// Which logs a run may have, depending on how it ended and whether an abort may come after the end of its process.
import { describe, expect, test } from 'vitest';
import { checkOutputs } from '../../../src/conformance/workload/output-judge.ts';
import type { RunLedger } from '../../../src/conformance/workload/run-ledger.ts';
import type { RunnerReach } from '../../../src/conformance/workload/runner-reach.ts';
import { logHeader, logTrailer, type LogOutputs } from '../../../src/runners/invocation/log-header.ts';
import { tagsOf } from '../../../src/model/command.ts';
import { makeRunStatus } from '../../../src/model/run-status.ts';

const TIMEOUT_MS = 5;
const command = { argv: ['hang'], timeoutMs: TIMEOUT_MS };
const outputs = [
  { uri: 'file:///out' },
  { uri: 'file:///err' },
  { uri: 'file:///log' },
] as unknown as LogOutputs;

/** The complaint about a run that ended so and whose trailer names this cause; undefined if there is none. */
async function complaint(
  state: 'ABORTED' | 'TIMEDOUT' | 'COMPLETE',
  cause: 'none' | 'abort' | 'deadline',
  takesTime: boolean,
): Promise<string | undefined> {
  const refs = { stdoutRef: 'file:///out', stderrRef: 'file:///err' };
  const log = logHeader(0, outputs, command) + (logTrailer(cause, TIMEOUT_MS, '') ?? '');
  const drawn = { command, lastsMs: Infinity, stdout: '', stderr: '', secrets: [] };
  const ended = makeRunStatus('0', state, tagsOf(command), refs, { snapshotId: '', exitCode: 0, error: '' });
  const found: string[] = [];
  await checkOutputs(
    {
      check(condition, message) {
        if (!condition) found.push(message);
      },
    },
    { terms: { parts: {} }, runs: [{ drawn, runId: '0', ended }] } as unknown as RunLedger,
    () => Promise.resolve(log),
    { note: () => undefined } as unknown as RunnerReach,
    takesTime,
  );
  return found[0];
}

describe('the trailer of a run', () => {
  test.each([
    ['ABORTED', 'abort', false],
    ['ABORTED', 'abort', true],
    ['TIMEDOUT', 'deadline', false],
    ['TIMEDOUT', 'deadline', true],
    ['COMPLETE', 'none', false],
    ['COMPLETE', 'none', true],
  ] as const)(
    'R101 R107 of one that is %s may name %s (logs take time: %s)',
    async (state, cause, takesTime) => {
      expect(await complaint(state, cause, takesTime)).toBeUndefined();
    },
  );

  test.each(['deadline', 'none'] as const)(
    'R107 R108 of one that is ABORTED may name %s only where the abort may come after the end of the process',
    async (cause) => {
      expect(await complaint('ABORTED', cause, true)).toBeUndefined();
      expect(await complaint('ABORTED', cause, false)).toContain('R107');
    },
  );

  test.each([
    ['TIMEDOUT', 'abort'],
    ['TIMEDOUT', 'none'],
    ['COMPLETE', 'abort'],
    ['COMPLETE', 'deadline'],
  ] as const)('R97 R101 of one that is %s never names %s', async (state, cause) => {
    expect(await complaint(state, cause, true)).toContain('R101');
    expect(await complaint(state, cause, false)).toContain('R101');
  });
});
