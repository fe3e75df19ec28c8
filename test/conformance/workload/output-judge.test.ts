// Which logs a run may have, depending on how it ended and whether an abort may come after the end of its process.
import { describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { World } from '../../../src/model/world.ts';
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

/** What the command is known to write, and what is in the logs. */
interface Writes {
  readonly writes: string;
  readonly wrote: string;
  readonly writesToErr: string;
  readonly wroteToBoth: string;
}

/** The complaint about a run that ended so and whose trailer names this cause; undefined if there is none. */
async function complaint(
  state: 'ABORTED' | 'TIMEDOUT' | 'COMPLETE',
  cause: 'none' | 'abort' | 'deadline',
  takesTime: boolean,
  { wrote = '', writes = '', writesToErr = '', wroteToBoth = wrote }: Partial<Writes> = {},
): Promise<string | undefined> {
  const refs = { stdoutRef: 'file:///out', stderrRef: 'file:///err' };
  const logOf = (body: string): string =>
    logHeader(0, outputs, command) + body + (logTrailer(cause, TIMEOUT_MS, '') ?? '');
  const drawn = { command, lastsMs: Infinity, stdout: writes, stderr: writesToErr, secrets: [] };
  const ended = makeRunStatus('0', state, tagsOf(command), refs, { snapshotId: '', exitCode: 0, error: '' });
  const bodies: Readonly<Record<string, string>> = {
    'file:///out': wrote,
    'file:///err': writesToErr,
    'file:///log': wroteToBoth,
  };
  const found: string[] = [];
  await checkOutputs(
    {
      check(condition, message) {
        if (!condition) found.push(message);
      },
      world: { clock: createVirtualClock({ epochMs: 0 }) } as unknown as World,
    },
    {
      terms: { parts: {}, takesTime },
      runs: [{ drawn, runId: '0', ended, acceptedAtMs: 0 }],
    } as unknown as RunLedger,
    (uri) => Promise.resolve(logOf(bodies[uri] ?? '')),
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

describe('the combined log of a command that writes to both streams', () => {
  const both = { writes: 'a\nb\n', wrote: 'a\nb\n', writesToErr: 'bad\n' };

  test('R97 has both in the order of the writes', async () => {
    const inOrder = { ...both, wroteToBoth: 'a\nb\nbad\n' };
    expect(await complaint('COMPLETE', 'none', false, inOrder)).toBeUndefined();
    expect(await complaint('COMPLETE', 'none', true, inOrder)).toBeUndefined();
  });

  test.each(['bad\na\nb\n', 'a\nbad\nb\n', 'a\nbb\nad\n'])(
    'R97 is %j only where two streams may arrive in another order than they were written in',
    async (wroteToBoth) => {
      expect(await complaint('COMPLETE', 'none', true, { ...both, wroteToBoth })).toBeUndefined();
      expect(await complaint('COMPLETE', 'none', false, { ...both, wroteToBoth })).toContain('R97');
    },
  );

  test.each(['b\na\nbad\n', 'bad\na\nb', 'bad\na\n', 'bad\nbad\na\nb\n', 'a\nb\n', 'bda\na\nb\n'])(
    'R97 is never %j when the run is COMPLETE',
    async (wroteToBoth) => {
      expect(await complaint('COMPLETE', 'none', true, { ...both, wroteToBoth })).toContain(
        'R97 R101 R107 stdlog',
      );
    },
  );

  test('R97 has beginnings of both when the run was stopped and writing takes time', async () => {
    const stopped = (wroteToBoth: string): Promise<string | undefined> =>
      complaint('ABORTED', 'abort', true, { ...both, wroteToBoth });
    for (const arrived of ['', 'ba', 'ab', 'a\nba', 'bad\na']) expect(await stopped(arrived)).toBeUndefined();
    for (const arrived of ['bb', 'd', 'ada']) expect(await stopped(arrived)).toContain('R97');
  });
});
