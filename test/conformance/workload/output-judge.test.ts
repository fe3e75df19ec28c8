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
  { wrote = '', writes = '' } = {},
): Promise<string | undefined> {
  const refs = { stdoutRef: 'file:///out', stderrRef: 'file:///err' };
  const logOf = (body: string): string =>
    logHeader(0, outputs, command) + body + (logTrailer(cause, TIMEOUT_MS, '') ?? '');
  const drawn = { command, lastsMs: Infinity, stdout: writes, stderr: '', secrets: [] };
  const ended = makeRunStatus('0', state, tagsOf(command), refs, { snapshotId: '', exitCode: 0, error: '' });
  const found: string[] = [];
  await checkOutputs(
    {
      check(condition, message) {
        if (!condition) found.push(message);
      },
    },
    { terms: { parts: {}, takesTime }, runs: [{ drawn, runId: '0', ended }] } as unknown as RunLedger,
    // All writes go to stdout.
    (uri) => Promise.resolve(logOf(uri === 'file:///err' ? '' : wrote)),
    { note: () => undefined } as unknown as RunnerReach,
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

describe('the output of a command that writes and hangs', () => {
  const part = { writes: 'out of it\n', wrote: 'out' };
  const whole = { writes: 'out of it\n', wrote: 'out of it\n' };

  test('R97 is whole when the run was stopped, unless writing takes time', async () => {
    expect(await complaint('ABORTED', 'abort', false, whole)).toBeUndefined();
    expect(await complaint('ABORTED', 'abort', true, whole)).toBeUndefined();
    expect(await complaint('ABORTED', 'abort', true, part)).toBeUndefined();
    expect(await complaint('ABORTED', 'abort', false, part)).toContain('R97');
  });

  test('R97 is whole in any case when the run is COMPLETE, and never anything else', async () => {
    expect(await complaint('COMPLETE', 'none', true, part)).toContain('R97');
    expect(await complaint('ABORTED', 'abort', true, { ...part, wrote: 'other' })).toContain('R97');
  });
});
