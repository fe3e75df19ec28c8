import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createDoneExecer } from '../../src/execers/done-execer.ts';
import { createErrorExecer } from '../../src/execers/error-execer.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { ExecCommand, Execer, Process, ProcessStatus, Sink } from '../../src/model/execer.ts';
import type { Chunk } from '../../src/model/output.ts';
import { recordExecer, type ProcessRecording } from '../../src/trace/recording-execer.ts';

const sha = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
const command = (argv: string[], more: Partial<ExecCommand> = {}): ExecCommand => ({
  argv,
  dir: '/',
  jobId: '',
  taskId: '',
  tag: '',
  runId: '7',
  ...more,
});

/** A process that the test ends, and whose sinks it writes to. */
class HandMadeExecer implements Execer {
  readonly cancelBoundMs = 12;
  readonly sinks: { stdout?: Sink; stderr?: Sink } = {};
  end: (status: ProcessStatus) => void = () => undefined;
  readonly ended = new Promise<ProcessStatus>((resolve) => {
    this.end = resolve;
  });
  exec({ stdout, stderr }: ExecCommand): Process {
    Object.assign(this.sinks, { stdout, stderr });
    return { wait: () => this.ended, abort: () => this.ended };
  }
  write(stream: 'stdout' | 'stderr', chunk: Chunk): unknown {
    return this.sinks[stream]?.write(chunk);
  }
}
const complete: ProcessStatus = { state: 'COMPLETE', exitCode: 0, error: '' };

describe('recordExecer', () => {
  test('keeps what a process wrote, in order and with times from its start, and how it ended', async () => {
    const clock = createVirtualClock();
    const seen: ProcessRecording[] = [];
    const execer = recordExecer(createSimExecer({ clock }), clock, (process) => seen.push(process));
    clock.timer('late start', 5, () => undefined);
    while (clock.step());
    const script = ['stdout a', 'sleep 10', 'stderr ü', 'stdout b', 'sleep 2.5', 'complete 3'];
    const process = await execer.exec(command(script));
    const end = process.wait();
    while (clock.step());
    expect(await end).toEqual({ state: 'COMPLETE', exitCode: 3, error: '' });
    expect(seen).toEqual([
      {
        runId: '7',
        startedAtMs: 5,
        durationMs: 12.5,
        status: { state: 'COMPLETE', exitCode: 3, error: '' },
        output: [
          { atMs: 0, stream: 'stdout', text: 'a' },
          { atMs: 10, stream: 'stderr', text: 'ü' },
          { atMs: 10, stream: 'stdout', text: 'b' },
        ],
        isCut: false,
        stdoutSha256: sha('ab'),
        stderrSha256: sha('ü'),
      },
    ]);
  });

  test('R120 hands a process over once, before whoever waits for it, whichever call ends it', async () => {
    const clock = createVirtualClock();
    const log: string[] = [];
    const execer = recordExecer(createSimExecer({ clock }), clock, ({ status }) => {
      log.push(`recorded ${status.state}`);
    });
    const process = await execer.exec(command(['sleep 50', 'complete 0']));
    const waiting = Promise.resolve(process.wait()).then(() => log.push('waiter'));
    const status = process.abort();
    while (clock.step());
    await waiting;
    expect(await status).toEqual(await process.wait());
    expect(log).toEqual(['recorded FAILED', 'waiter']);
  });

  test('an answer that is there at once stays so', () => {
    const seen: ProcessRecording[] = [];
    const execer = recordExecer(createDoneExecer(), { now: () => 0 }, (process) => seen.push(process));
    const process = execer.exec(command([])) as Process;
    expect(process.wait()).toMatchObject({ state: 'COMPLETE' });
    expect(seen).toHaveLength(1);
  });

  test('sinks get the same chunks and give their own answers; none is needed', () => {
    const inner = new HandMadeExecer();
    const given: Chunk[] = [];
    const answer = Promise.resolve();
    const fault = new Error('full');
    const stdout: Sink = {
      write: (chunk) => {
        given.push(chunk);
        return answer;
      },
    };
    const stderr: Sink = {
      write: () => {
        throw fault;
      },
    };
    const execer = recordExecer(inner, { now: () => 0 }, () => undefined);
    void execer.exec(command([], { stdout, stderr }));
    const bytes = Uint8Array.of(1);
    expect(inner.write('stdout', bytes)).toBe(answer);
    expect(given[0]).toBe(bytes);
    expect(() => inner.write('stderr', 'x')).toThrow(fault);
    const bare = new HandMadeExecer();
    void recordExecer(bare, { now: () => 0 }, () => undefined).exec(command([]));
    expect(bare.write('stdout', 'x')).toBeUndefined();
  });

  test('bytes that are no text are kept as base64, and copied at once', async () => {
    const inner = new HandMadeExecer();
    let nowMs = 1.25;
    let seen: ProcessRecording | undefined;
    const execer = recordExecer(inner, { now: () => nowMs }, (process) => (seen = process));
    const process = execer.exec(command([], { runId: undefined } as unknown as ExecCommand)) as Process;
    const reused = Uint8Array.of(0xff, 0x00);
    nowMs = 1.1;
    inner.write('stdout', reused);
    nowMs = 4.2504;
    reused.fill(0x61);
    inner.write('stdout', reused);
    inner.write('stderr', '\ufeffa');
    inner.end(complete);
    await process.wait();
    expect(seen).toMatchObject({
      runId: '',
      startedAtMs: 1.25,
      durationMs: 3,
      output: [
        { atMs: 0, stream: 'stdout', base64: '/wA=' },
        { atMs: 3, stream: 'stdout', text: 'aa' },
        { atMs: 3, stream: 'stderr', text: '\ufeffa' },
      ],
      stdoutSha256: sha(Buffer.from('/wBhYQ==', 'base64')),
    });
  });

  test('a process that takes time to start is timed from its start', async () => {
    const inner = new HandMadeExecer();
    let nowMs = 1;
    let seen: ProcessRecording | undefined;
    const slow: Execer = {
      cancelBoundMs: 0,
      exec: async (given) => {
        const process = inner.exec(given);
        inner.write('stdout', 'early');
        await Promise.resolve();
        nowMs = 4;
        return process;
      },
    };
    const execer = recordExecer(slow, { now: () => nowMs }, (process) => (seen = process));
    const process = await execer.exec(command([]));
    nowMs = 6.5;
    inner.write('stdout', 'late');
    inner.end(complete);
    await process.wait();
    expect(seen).toMatchObject({
      startedAtMs: 4,
      durationMs: 2.5,
      output: [
        { atMs: 0, text: 'early' },
        { atMs: 2.5, text: 'late' },
      ],
    });
  });

  test('output beyond the bound is not kept but digested', async () => {
    const inner = new HandMadeExecer();
    let seen: ProcessRecording | undefined;
    const keep = (process: ProcessRecording): void => void (seen = process);
    const execer = recordExecer(inner, { now: () => 0 }, keep, { outputBytesMax: 4 });
    const process = execer.exec(command([])) as Process;
    for (const [stream, text] of [
      ['stdout', 'abc'],
      ['stderr', 'd'],
      ['stdout', 'e'],
      ['stderr', ''],
    ] as const) {
      inner.write(stream, text);
    }
    inner.end(complete);
    await process.wait();
    expect(seen?.output.map(({ text }) => text)).toEqual(['abc', 'd']);
    expect(seen).toMatchObject({ isCut: true, stdoutSha256: sha('abce'), stderrSha256: sha('d') });
  });

  test('output of just the bound is whole', async () => {
    const inner = new HandMadeExecer();
    let seen: ProcessRecording | undefined;
    const keep = (process: ProcessRecording): void => void (seen = process);
    const execer = recordExecer(inner, { now: () => 0 }, keep, { outputBytesMax: 3 });
    const process = execer.exec(command([])) as Process;
    inner.write('stdout', 'abc');
    inner.end(complete);
    await process.wait();
    expect(seen).toMatchObject({ isCut: false, output: [{ text: 'abc' }] });
    expect(() => recordExecer(inner, { now: () => 0 }, keep, { outputBytesMax: -1 })).toThrow(
      'outputBytesMax: expected a number of bytes ≥ 0, got -1',
    );
  });

  test('a receiver that throws is a fault of the process, and the end is still told', async () => {
    const inner = new HandMadeExecer();
    const execer = recordExecer(inner, { now: () => 0 }, () => {
      throw new Error('no room');
    });
    const process = execer.exec(command([])) as Process;
    inner.end({ ...complete, faults: ['cut'] });
    expect(await process.wait()).toEqual({ ...complete, faults: ['cut', 'recording: no room'] });
    expect(await process.abort()).toBe(await process.wait());
  });

  test('an execer that cannot start stays one, and refuses and promises what it did before', async () => {
    const seen: ProcessRecording[] = [];
    const failing = recordExecer(
      createErrorExecer(new Error('no such program')),
      { now: () => 0 },
      (process) => seen.push(process),
    );
    await expect((async () => failing.exec(command(['x'])))()).rejects.toThrow('no such program');
    expect(seen).toEqual([]);
    const inner = new HandMadeExecer();
    const checked: unknown[] = [];
    const checking: Execer = Object.assign(inner, { check: (one: unknown) => void checked.push(one) });
    const wrapped = recordExecer(checking, { now: () => 0 }, () => undefined);
    expect(wrapped.cancelBoundMs).toBe(12);
    wrapped.check?.({ argv: ['a'] });
    expect(checked).toEqual([{ argv: ['a'] }]);
    recordExecer(new HandMadeExecer(), { now: () => 0 }, () => undefined).check?.({ argv: [] });
  });
});
