import { afterEach, expect, test, vi } from 'vitest';
import {
  explainTimeMs,
  handleFailure,
  shrinkTimeMs,
  shrinkTimeOfAllMs,
} from '../../src/cli/failure-handler.ts';
import type { ScenarioSession } from '../../src/cli/scenario-session.ts';
import type { FailingExecution } from '../../src/explore/failing-execution.ts';
import { withoutProgress } from './progress-lines.ts';

const inThread = vi.hoisted(() => vi.fn());
vi.mock(import('../../src/threads/thread-supervisor.ts'), async (original) => ({
  ...(await original()),
  runInThread: inThread,
}));

afterEach(() => {
  vi.useRealTimers();
});

test.for([
  ['in a pipe', false, ['client: making the failure small, 0 decisions → 0']],
  ['for a program', true, []],
] as const)(
  '%s a failure that takes long to be made small is reported now and then',
  async ([, json, notes]) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    inThread.mockImplementation(async () => {
      vi.advanceTimersByTime(10_000);
      return Promise.resolve({ end: { type: 'done' } });
    });
    const note = vi.fn();
    const session = {
      terminal: { isInteractive: false, note, progress: vi.fn() },
      scenario: { name: 'client' },
      options: { json },
      interruption: { signal: new AbortController().signal },
    };
    const failing = { kind: 'check', decisions: [] };
    await handleFailure(session as unknown as ScenarioSession, {
      failing: failing as unknown as FailingExecution,
      shrinkMs: 30_000,
      explainMs: 10_000,
    });
    vi.advanceTimersByTime(60_000);
    expect(note.mock.calls.flat()).toEqual(notes);
    expect(withoutProgress(notes.map((line) => `${line}\n`).join(''))).toBe('');
  },
);

const died = { type: 'lost', failing: { message: 'the execution needed more than 1024 MiB of memory' } };
const text =
  'the failure is shown as small as it got, for then the execution needed more than 1024 MiB of memory';
test.for([
  ['died', died, { cutShort: undefined, notes: [`client: ${text}`] }],
  ['was stopped', { type: 'stopped' }, { cutShort: { by: 'time', timeMs: 10_000 }, notes: [] }],
] as const)(
  'a thread that %s before it has sent anything is no silent end',
  async ([, end, { cutShort, notes }]) => {
    inThread.mockImplementation(() => Promise.resolve({ end }));
    const note = vi.fn();
    const session = {
      terminal: { isInteractive: false, note, progress: vi.fn() },
      scenario: { name: 'client' },
      options: {},
      interruption: { signal: new AbortController().signal },
    };
    const handled = await handleFailure(session as unknown as ScenarioSession, {
      failing: { kind: 'check', decisions: [] } as unknown as FailingExecution,
      shrinkMs: 30_000,
      explainMs: 10_000,
    });
    expect(handled.cutShort).toEqual(cutShort);
    expect(note.mock.calls.flat()).toEqual(notes);
  },
);

test.for([
  [120_000, 1, 30_000],
  [120_000, 4, 30_000],
  [120_000, 40, 3_000],
  [9_000, 3, 3_000],
  [120_000, 1_000, 1_000],
  [-5, 2, 1_000],
] as const)('of %i ms for %i failures the next one gets %i ms for shrinking', ([left, count, ms]) => {
  expect(shrinkTimeMs(left, count)).toBe(ms);
});

test('N8: shrinking all failures takes no longer than the exploration was to take, within limits', () => {
  const times = [600_000, 30_000, 1_000].map((time) => shrinkTimeOfAllMs({ time }));
  expect(times).toEqual([120_000, 30_000, 10_000]);
  expect(shrinkTimeOfAllMs({})).toBe(60_000);
  expect(shrinkTimeOfAllMs({ executions: 5 })).toBe(120_000);
});

test.for([
  [undefined, 30_000, 10_000],
  [5_000, 30_000, 10_000],
  [180_000, 30_000, 60_000],
  [180_000, 60_000, 30_000],
] as const)('%s ms instead of %i ms leave %i ms for explaining', ([timeMs, usualMs, explainMs]) => {
  expect(explainTimeMs(timeMs, usualMs)).toBe(explainMs);
});
