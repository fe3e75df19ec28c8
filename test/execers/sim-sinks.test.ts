import { describe, expect, test } from 'vitest';
import { createMemoryOutputs, createSimulatedRunner, finalStatus, simulate } from 'dryrunner';
import { SinkError, slowSink } from './slow-sink.ts';
import { aborted, complete, simWorld, statusOf } from './sim-world.ts';

/** Lets all promise reactions run. */
async function reactions(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('sinks of a simulated process', () => {
  test('R142 D72 missing sinks discard', () => {
    const world = simWorld();
    const argv = ['stdout a', 'stderr b', 'complete 1'];
    const process = world.execer.exec({ argv, dir: '/', jobId: '', taskId: '', tag: '' });
    expect(statusOf(process)).toEqual(complete(1));
    const stderr = { write: () => void world.written.push('err') };
    world.execer.exec({ argv, dir: '/', jobId: '', taskId: '', tag: '', stderr });
    expect(world.written).toEqual(['err']);
  });

  test('a sink that throws is a fault of the sink: the script goes on and each write is tried', () => {
    const world = simWorld();
    const tried: string[] = [];
    const stdout = {
      write: (chunk: unknown) => {
        tried.push(String(chunk));
        if (chunk !== 'b') throw new SinkError(`no room for ${String(chunk)}`);
      },
    };
    const stderr = {
      write: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- foreign code throws anything
        throw 'plain text';
      },
    };
    const argv = ['stdout a', 'stdout b', 'stdout c', 'stderr x', 'complete 2'];
    const process = world.start(argv, { stdout, stderr });
    expect(tried).toEqual(['a', 'b', 'c']);
    expect(statusOf(process)).toEqual({
      ...complete(2),
      faults: ['stdout sink: no room for a', 'stdout sink: no room for c', 'stderr sink: plain text'],
    });
  });

  test('faults beyond sixteen are counted', () => {
    const world = simWorld();
    const stdout = {
      write: () => {
        throw new SinkError('full');
      },
    };
    const faultsOf = (writes: number) => {
      const status = statusOf(world.start(Array<string>(writes).fill('stdout x'), { stdout }));
      return status === 'running' ? [] : status.faults;
    };
    const sixteen = Array<string>(16).fill('stdout sink: full');
    expect(faultsOf(16)).toEqual(sixteen);
    expect(faultsOf(17)).toEqual([...sixteen, 'and 1 more']);
    expect(faultsOf(1000)).toEqual([...sixteen, 'and 984 more']);
  });

  test('R142 the end is reported when slow writes are done; the script did not wait for them', async () => {
    const world = simWorld();
    const sink = slowSink();
    const process = world.start(['stdout a', 'sleep 5', 'stderr b', 'complete 3'], {
      stdout: sink,
      stderr: sink,
    });
    world.advance(5);
    expect(sink.begun).toEqual(['a', 'b']);
    expect(world.trace.at(-1)).toBe('5 freed process/#0');
    const ended = process.wait();
    expect(ended).toBeInstanceOf(Promise);
    sink.done(1);
    await reactions();
    expect(statusOf(process)).toBe('running');
    sink.done(0);
    expect(await ended).toEqual(complete(3));
    expect(world.clock.pending).toBe(0);
  });

  test('R142 an abort waits for writes already begun, and nothing is written after it', async () => {
    const world = simWorld();
    const sink = slowSink();
    const process = world.start(['stdout a', 'sleep 5', 'stdout b'], { stdout: sink });
    const result = process.abort();
    expect(result).toBeInstanceOf(Promise);
    expect(process.abort()).toBe(result);
    sink.done(0);
    expect(await result).toEqual(aborted('SIGTERM'));
    world.finish();
    expect(sink.begun).toEqual(['a']);
  });

  test('a write that rejects is a fault, and no rejection is left unhandled', async () => {
    const world = simWorld();
    const sink = slowSink();
    const process = world.start(['stdout a', 'stderr b', 'complete 1'], { stdout: sink, stderr: sink });
    sink.fail(1);
    sink.fail(0);
    await reactions();
    expect(statusOf(process)).toEqual({
      ...complete(1),
      faults: ['stderr sink: lost b', 'stdout sink: lost a'],
    });
  });

  test('a write that completes while the process runs does not end the wait', async () => {
    const world = simWorld();
    const sink = slowSink();
    const process = world.start(['stdout a', 'sleep 5', 'stdout b', 'complete 1'], { stdout: sink });
    sink.done(0);
    await reactions();
    expect(statusOf(process)).toBe('running');
    world.finish();
    expect(statusOf(process)).toEqual({
      ...complete(1),
      faults: ['output: cut after 1000 ms, writes pending: 1'],
    });
  });

  test('output not written within the drain is cut at the stated bound, and late sinks change nothing', async () => {
    const world = simWorld({ drainGraceMs: 30 });
    const sink = slowSink();
    const process = world.start(['stdout a', 'stdout b', 'stdout c', 'complete 1'], { stdout: sink });
    sink.done(1);
    await reactions();
    world.advance(29.999);
    expect(statusOf(process)).toBe('running');
    world.advance(0.001);
    const status = statusOf(process);
    expect(status).toEqual({ ...complete(1), faults: ['output: cut after 30 ms, writes pending: 2'] });
    sink.fail(0);
    sink.done(2);
    await reactions();
    expect(process.wait()).toBe(status);
  });

  test('a hostile thenable does no harm: it settles twice, or throws when inspected', async () => {
    const world = simWorld();
    const twice = {
      then: (done: () => void, failed: (error: Error) => void) => {
        done();
        done();
        failed(new SinkError('again'));
      },
    };
    const throwing = {
      get then(): never {
        throw new SinkError('do not look');
      },
    };
    const stdout = { write: (chunk: unknown) => (chunk === 'a' ? twice : throwing) as never };
    const process = world.start(['stdout a', 'stdout b', 'complete 0'], { stdout });
    await reactions();
    expect(statusOf(process)).toEqual({ ...complete(0), faults: ['stdout sink: do not look'] });
  });

  test('a sink may resume another process: each continues where it was', () => {
    const world = simWorld();
    world.start(['pause', 'stdout resumed'], { runId: 'a' });
    const stdout = {
      write: (chunk: unknown) => void world.written.push(`${String(chunk)} ${world.execer.resume('a')}`),
    };
    world.start(['stdout one', 'stdout two'], { stdout });
    expect(world.written).toEqual(['0 stdout resumed', 'one true', 'two false']);
  });
});

test.for([
  ['sleep 300', 1300, 'COMPLETE'],
  ['sleep 600', 1500, 'TIMEDOUT'],
] as const)(
  'R103 R210 a run of 1000 ms whose process is "%s", and whose output takes 500 ms more, ends at %i ms as %s',
  async ([sleep, endMs, state]) => {
    const ends: unknown[] = [];
    const { held } = await simulate({
      async scenario(sim) {
        const outputs = createMemoryOutputs({
          clock: sim.world.clock,
          faults: (id) => (id.endsWith('stdout') ? [{ kind: 'delay', ms: 500 }] : []),
        });
        const runner = createSimulatedRunner(sim.world, { outputs });
        const { runId } = await runner.run({ argv: [sleep, 'stdout a'], timeoutMs: 1000 });
        const { status } = await finalStatus(runner, runId);
        ends.push(status.state, sim.now());
        await runner.release();
      },
    });
    expect([held, ...ends]).toEqual([true, state, endMs]);
  },
);
