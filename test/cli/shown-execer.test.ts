import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ShownExecer } from '../../src/cli/exec-command.ts';
import { OutputDisplay, StreamText } from '../../src/cli/exec-display.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { Sink } from '../../src/model/execer.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';

test('the pieces give the text of the whole, wherever it is split', () => {
  const bytes = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.uint8Array().map((some) => Buffer.from(some)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(5)), (whole, lengths) => {
      const stream = new StreamText();
      let text = '';
      let at = 0;
      for (const length of lengths) {
        text += stream.add(whole.subarray(at, at + length));
        at += length;
      }
      text += stream.add(whole.subarray(at)) + stream.end();
      expect(text).toBe(whole.toString('utf8'));
    }),
  );
});

test('text between bytes keeps its place behind a character that was never completed', () => {
  const stream = new StreamText();
  expect(stream.add(Buffer.from([0xc3])) + stream.add('a') + stream.end()).toBe('\uFFFDa');
});

/** The sink that a process behind a ShownExecer gets, when as many looks as given have found its output full and the process running. */
function sinkOf(output: { fullLooks: number; runningLooks: number }): Sink {
  let given: Sink | undefined;
  const wait = (): MaybePromise<never> => new Promise(() => {});
  const process = { wait, abort: wait, hasEnded: () => output.runningLooks-- <= 0 };
  const execer = new ShownExecer(
    {
      cancelBoundMs: 0,
      exec: ({ stdout }) => {
        given = stdout;
        return process;
      },
    },
    { show: () => undefined, isFull: (stream) => stream === 'stdout' && output.fullLooks-- > 0 },
  );
  void execer.exec({ argv: ['yes'], dir: '', jobId: '', taskId: '', tag: '' });
  if (given === undefined) throw new Error('expected a sink');
  return given;
}

test.for([
  ['while its output is not read', { fullLooks: 3, runningLooks: Infinity }],
  ['until it is stopped or has ended', { fullLooks: Infinity, runningLooks: 3 }],
] as const)('a process is held up %s', async ([, looks]) => {
  const output = { ...looks };
  const sink = sinkOf(output);
  await sink.write('y');
  expect(Math.min(output.fullLooks, output.runningLooks)).toBe(-1);
  expect(sink.write('y')).toBe(undefined);
});

const MIB = 1024 * 1024;

test.for([
  ['while it is not read', [9 * MIB, 9 * MIB, 8 * MIB], Infinity, 0],
  ['until that is over', [9 * MIB, 9 * MIB, 9 * MIB, 9 * MIB], 1, 1],
  ['not at all if little is unread', [8 * MIB], 0, 0],
] as const)('output of a cluster is held up %s', async ([, unread, looks, left]) => {
  const lengths = [...unread];
  const shown: unknown[] = [];
  const terminal = {
    raw: (stream: string, chunk: unknown) => shown.push(`${stream} ${String(chunk)}`),
    unreadBytesOf: () => lengths.shift(),
  } as unknown as Terminal;
  let looksLeft: number = looks;
  const isOver = (): boolean => looksLeft-- <= 0;
  await new OutputDisplay(terminal, false).showHeldUp('stderr', 'text', isOver);
  expect(shown).toEqual(['stderr text']);
  expect(lengths).toHaveLength(left);
});
