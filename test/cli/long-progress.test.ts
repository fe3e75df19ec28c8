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
