import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { replayLog, type ReplayLogOptions, runShown } from '../../src/cli/replay-log.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { ReplayTask } from '../../src/threads/task.ts';
import type { ThreadOptions } from '../../src/threads/thread-supervisor.ts';
import { withoutProgress } from './progress-lines.ts';

const inThread = vi.hoisted(() => vi.fn());
vi.mock(import('../../src/threads/thread-supervisor.ts'), async (original) => ({
  ...(await original()),
  runInThread: inThread,
}));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A thread that loads for 10 s, runs for 10 s and explains for 10 s. */
function takeLong(result: object): void {
  inThread.mockImplementation(async (_: unknown, { onProgress }: ThreadOptions) => {
    vi.advanceTimersByTime(10_000);
    onProgress?.({ executions: 1, decisions: 7, seconds: 19.9 });
    vi.advanceTimersByTime(10_000);
    onProgress?.({ executions: 4, decisions: 2, seconds: 30 });
    vi.advanceTimersByTime(10_000);
    return Promise.resolve(result);
  });
}

const LINES = [
  'client: loading, 0 s',
  'client: running it, 20 s, 7 decisions',
  'client: explaining it, 30 s, 3 more executions',
];

const LIMITS: ThreadOptions = { entry: new URL('file:///thread.js'), hangMs: 1, memoryMb: 1 };

function terminalOf(isInteractive: boolean) {
  return { isInteractive, note: vi.fn(), progress: vi.fn() };
}

test.for([
  ['in a pipe', { isInteractive: false, json: false, notes: LINES }],
  ['for a program', { isInteractive: false, json: true, notes: [] }],
  ['on a terminal', { isInteractive: true, json: false, notes: [] }],
] as const)(
  'N5: %s a log that takes long is reported now and then',
  async ([, { isInteractive, json, notes }]) => {
    const terminal = terminalOf(isInteractive);
    const end = { type: 'done' };
    takeLong({ end });
    const task = { kind: 'replay' } as ReplayTask;
    expect(await runShown({ terminal, name: 'client', json }, task, LIMITS)).toEqual({
      end,
    });
    vi.advanceTimersByTime(60_000);
    expect(terminal.note.mock.calls.flat()).toEqual(notes);
    expect(terminal.progress.mock.calls.flat()).toEqual(LINES);
  },
);

test('N5: replay reports it in a pipe', async () => {
  const terminal = { ...terminalOf(false), noteResult: vi.fn(), line: vi.fn() };
  const outcome = { isReproduced: true, isSameTrace: true, traceHash: '7', virtualMs: 5, firedEvents: 1 };
  takeLong({ end: { type: 'done' }, outcome });
  const replayed = { scenario: 'client', log: [], reference: 'dr2:7' };
  const options: ReplayLogOptions = { json: false, continueRandomly: false, memory: 64 };
  const status = await replayLog(terminal as unknown as Terminal, replayed, options);
  expect(status).toBe(0);
  expect(terminal.note.mock.calls.flat()).toEqual(LINES);
  expect(withoutProgress(LINES.map((line) => `${line}\n`).join(''))).toBe('');
});
