import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LongProgress } from '../../src/cli/long-progress.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function terminalOf(isInteractive: boolean) {
  return { isInteractive, note: vi.fn(), progress: vi.fn() };
}

test('in a pipe long work prints its latest progress every ten seconds, until it ends', () => {
  const terminal = terminalOf(false);
  const progress = new LongProgress(terminal, {});
  progress.show('9 decisions');
  vi.advanceTimersByTime(9_000);
  expect(terminal.note).not.toHaveBeenCalled();
  progress.show('8 decisions');
  vi.advanceTimersByTime(11_000);
  expect(terminal.note.mock.calls).toEqual([['8 decisions'], ['8 decisions']]);
  progress.end();
  vi.advanceTimersByTime(60_000);
  expect(terminal.note).toHaveBeenCalledTimes(2);
});

test('after a minute a line is printed each minute, so that no job is ended for its silence', () => {
  const terminal = terminalOf(false);
  const progress = new LongProgress(terminal, {});
  for (let seconds = 1; seconds <= 200; seconds += 1) {
    progress.show(`${seconds} s`);
    vi.advanceTimersByTime(1_000);
  }
  progress.end();
  expect(terminal.note.mock.calls.flat()).toEqual([
    '10 s',
    '20 s',
    '30 s',
    '40 s',
    '50 s',
    '60 s',
    '120 s',
    '180 s',
  ]);
});

test('nothing is printed before there is progress', () => {
  const terminal = terminalOf(false);
  const progress = new LongProgress(terminal, {});
  vi.advanceTimersByTime(30_000);
  progress.end();
  expect(terminal.note).not.toHaveBeenCalled();
});

test.for([
  ['on a terminal', true, false],
  ['for a program', false, true],
] as const)('%s it prints no lines', ([, isInteractive, json]) => {
  const terminal = terminalOf(isInteractive);
  const progress = new LongProgress(terminal, { json });
  progress.show('9 decisions');
  vi.advanceTimersByTime(60_000);
  progress.end();
  expect(terminal.note).not.toHaveBeenCalled();
  expect(terminal.progress.mock.calls).toEqual([['9 decisions']]);
  expect(vi.getTimerCount()).toBe(0);
});
