import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FaultLog } from '../../../src/execers/fault-log.ts';
import { createOutputPump } from '../../../src/host/process/output-pump.ts';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { Sink } from '../../../src/model/execer.ts';
import type { MaybePromise } from '../../../src/model/maybe-promise.ts';

/** A pump on a virtual clock; `written` is what the sink was offered, `done` whether the pump is. */
function pumped(write: (text: string) => MaybePromise<void>, sinkless = false) {
  const clock = createVirtualClock();
  const stream = new PassThrough({ highWaterMark: 1 });
  const faults = new FaultLog();
  const written: string[] = [];
  const sink: Sink = {
    write: (chunk) => {
      written.push(String(chunk));
      return write(String(chunk));
    },
  };
  const pump = createOutputPump({
    name: 'stdout',
    stream,
    sink: sinkless ? undefined : sink,
    clock,
    sinkGraceMs: 5000,
    faults,
  });
  const state = { done: false };
  void pump.done.then(() => (state.done = true));
  return { clock, stream, written, pump, state, faults: () => faults.list() };
}

/** Lets the stream's own machinery run. */
async function turns(): Promise<void> {
  for (let count = 0; count < 5; count++) await turn();
}

interface Held {
  readonly release: () => void;
  readonly fail: (error: Error) => void;
  readonly promise: Promise<void>;
}

function held(): Held {
  let release = (): void => undefined;
  let fail = (_: Error): void => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    release = resolve;
    fail = reject;
  });
  return { release, fail, promise };
}

describe('copying output', () => {
  test('R123 every chunk arrives in order, and done settles after the last one', async () => {
    const { stream, written, state, faults, clock } = pumped(() => undefined);
    for (const text of ['a', 'b', 'c']) stream.write(text);
    await turns();
    expect(state.done).toBe(false);
    stream.end('d');
    await turns();
    expect(written).toEqual(['a', 'b', 'c', 'd']);
    expect(state.done).toBe(true);
    expect(faults()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('R123 a pending write holds back the next ones, in order', async () => {
    const writes = [held(), held(), held()];
    let count = 0;
    const { stream, written, state, clock, faults } = pumped(() => writes[count++]!.promise);
    stream.write('a');
    stream.write('b');
    stream.end('c');
    await turns();
    expect(written).toEqual(['a']);
    expect(stream.isPaused()).toBe(true);
    writes[0]!.release();
    await turns();
    expect(written).toEqual(['a', 'b']);
    writes[1]!.release();
    await turns();
    expect(written).toEqual(['a', 'b', 'c']);
    expect(state.done).toBe(false);
    writes[2]!.release();
    await turns();
    expect(state.done).toBe(true);
    expect(faults()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('R123 chunks that arrive despite the pause wait in order', async () => {
    const writes = [held(), held(), held()];
    let count = 0;
    const { stream, written } = pumped(() => writes[count++]!.promise);
    stream.write('a');
    await turns();
    // Node does so when the process has ended.
    stream.resume();
    stream.write('b');
    await turns();
    stream.resume();
    stream.write('c');
    await turns();
    expect(written).toEqual(['a']);
    writes[0]!.release();
    await turns();
    expect(written).toEqual(['a', 'b']);
    writes[1]!.release();
    await turns();
    expect(written).toEqual(['a', 'b', 'c']);
  });

  test('R123 D52 a sink that throws still gets every later chunk', async () => {
    const { stream, written, state, faults } = pumped((text) => {
      if (text !== 'c') throw new Error(`no ${text}`);
    });
    for (const text of ['a', 'b', 'c']) stream.write(text);
    stream.end();
    await turns();
    expect(written).toEqual(['a', 'b', 'c']);
    expect(state.done).toBe(true);
    expect(faults()).toEqual(['stdout sink: no a', 'stdout sink: no b']);
  });

  test('R123 D52 a sink that rejects still gets every later chunk', async () => {
    const { stream, written, state, faults, clock } = pumped((text) =>
      Promise.reject(new Error(`no ${text}`)),
    );
    stream.write('a');
    stream.end('b');
    await turns();
    expect(written).toEqual(['a', 'b']);
    expect(state.done).toBe(true);
    expect(faults()).toEqual(['stdout sink: no a', 'stdout sink: no b']);
    expect(clock.pending).toBe(0);
  });

  test('R123 D52 a sink with a hostile promise is a sink that fails', async () => {
    const { stream, state, faults } = pumped(
      () =>
        ({
          get then(): unknown {
            throw new Error('hostile');
          },
        }) as unknown as PromiseLike<void>,
    );
    stream.end('a');
    await turns();
    expect(state.done).toBe(true);
    expect(faults()).toEqual(['stdout sink: hostile']);
  });

  test('R123 D52 a sink that holds a write too long gets nothing more, and the rest is discarded', async () => {
    const { stream, written, state, faults, clock } = pumped(() => held().promise);
    stream.write('a');
    stream.end('bcd');
    await turns();
    expect(state.done).toBe(false);
    clock.step();
    expect(clock.now()).toBe(5000);
    await turns();
    expect(written).toEqual(['a']);
    expect(state.done).toBe(true);
    expect(faults()).toEqual([
      'stdout sink: a write was not done within 5000 ms',
      'stdout: 3 bytes were discarded',
    ]);
    expect(clock.pending).toBe(0);
  });

  test('R123 a write that fails after being given up is not recorded again', async () => {
    const write = held();
    const { stream, faults, clock } = pumped(() => write.promise);
    stream.end('a');
    await turns();
    clock.step();
    write.fail(new Error('late'));
    await turns();
    expect(faults()).toEqual(['stdout sink: a write was not done within 5000 ms']);
  });

  test('R123 D63 without a sink everything is consumed, and nothing is a fault', async () => {
    const { stream, state, faults } = pumped(() => undefined, true);
    stream.write('a');
    stream.end('b');
    await turns();
    expect(state.done).toBe(true);
    expect(faults()).toEqual([]);
  });

  test('R123 a stream that breaks ends the copying, and the error is recorded', async () => {
    const { stream, state, faults } = pumped(() => undefined);
    stream.write('a');
    await turns();
    stream.destroy(new Error('read EIO'));
    await turns();
    expect(state.done).toBe(true);
    expect(faults()).toEqual(['stdout: read EIO']);
  });
});

describe('cutting output', () => {
  test('R123 an open stream is destroyed, the cut recorded, and nothing is written after it', async () => {
    const { stream, written, pump, state, faults } = pumped(() => undefined);
    stream.write('a');
    await turns();
    pump.cut(1000);
    stream.write('b');
    await turns();
    expect(written).toEqual(['a']);
    expect(state.done).toBe(true);
    expect(stream.destroyed).toBe(true);
    expect(faults()).toEqual([
      'stdout cut: the stream was still open 1000 ms after the command and its known children had ended',
    ]);
  });

  test('R123 a pending write is given up, and what waits behind it is counted', async () => {
    const { stream, written, pump, state, faults, clock } = pumped(() => held().promise);
    stream.write('a');
    await turns();
    stream.resume();
    stream.end('bc');
    await turns();
    pump.cut(1000);
    await turns();
    expect(written).toEqual(['a']);
    expect(state.done).toBe(true);
    expect(faults()).toEqual([
      'stdout cut: a write was not done 1000 ms after the command and its known children had ended',
      'stdout: 2 bytes were discarded',
    ]);
    expect(clock.pending).toBe(0);
  });

  test('R123 what is done is not cut', async () => {
    const { stream, pump, faults } = pumped(() => undefined);
    stream.end('a');
    await turns();
    pump.cut(1000);
    expect(faults()).toEqual([]);
  });
});
