// What `run` and `explore` print in a pipe, as in a CI system, which ends jobs that are silent.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { exploreCommand } from '../../src/cli/explore-command.ts';
import { EXIT_STATUS } from '../../src/cli/exit-status.ts';
import { interruptible } from '../../src/cli/scenario-session.ts';
import { rehearse } from '../../src/cli/rehearsal.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { runExplorePool } from '../../src/threads/pool.ts';
import { ScenarioRefusedError } from '../../src/threads/thread-supervisor.ts';
import { withoutProgress } from './progress-lines.ts';

vi.mock(import('../../src/threads/pool.ts'), async (original) => ({
  ...(await original()),
  runExplorePool: vi.fn(),
}));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dryrunner-pipe-'));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** What was printed on stderr while the work ran. */
async function notesOf(isInteractive: boolean, work: (terminal: Terminal) => Promise<unknown>) {
  const terminal = new Terminal({ lostStatus: EXIT_STATUS.FAILED });
  vi.spyOn(terminal, 'isInteractive', 'get').mockReturnValue(isInteractive);
  vi.spyOn(terminal, 'progress').mockReturnValue();
  vi.spyOn(terminal, 'line').mockReturnValue();
  vi.spyOn(terminal, 'json').mockReturnValue();
  const note = vi.spyOn(terminal, 'note').mockReturnValue();
  await work(terminal);
  // A timer that is left would keep the command from ending.
  expect(vi.getTimerCount()).toBe(0);
  return note.mock.calls.flat();
}

const PROGRESS = {
  ...{ executions: 300, failed: 0, features: 7, decisions: 900, firedEvents: 900 },
  ...{ nextIndex: 300, loadSeconds: 1, seconds: 9 },
};
const KINDS = [
  ['in a pipe', { isInteractive: false, json: false, prints: true }],
  ['for a program', { isInteractive: false, json: true, prints: false }],
  ['on a terminal', { isInteractive: true, json: false, prints: false }],
] as const;

test.for(KINDS)('%s run prints now and then how far it is', async ([, { isInteractive, json, prints }]) => {
  const slow = {
    name: 'slow',
    description: 'Each seed takes 11 s.',
    run: (): void => void vi.advanceTimersByTime(11_000),
  };
  const files = {
    read: (): never => {
      throw new Error('it reads no file');
    },
  };
  const scenario = { definition: slow, files, reference: 'slow' };
  const notes = await notesOf(isInteractive, (terminal) =>
    interruptible(terminal, (interruption) =>
      rehearse(terminal, [scenario], interruption, { seeds: ['1', '2'], json }),
    ),
  );
  const lines = ['slow ░░░░░░░░░░░░░░░░░░░░ 0/2 seeds', 'slow ██████████░░░░░░░░░░ 1/2 seeds'];
  expect(notes).toEqual(prints ? lines : []);
  expect(withoutProgress(`${lines.join('\n')}\n`)).toBe('');
});

test.for(KINDS)(
  '%s explore prints now and then how far it is',
  async ([, { isInteractive, json, prints }]) => {
    vi.mocked(runExplorePool).mockImplementation(({ onEvent }) => {
      onEvent({ type: 'progress', progress: PROGRESS });
      vi.advanceTimersByTime(11_000);
      return Promise.reject(new ScenarioRefusedError('it is gone'));
    });
    const notes = await notesOf(isInteractive, async (terminal) => {
      const options = { json, strategy: 'random', seed: '1', corpus: folder, shrink: true, memory: 64 };
      expect(await exploreCommand(terminal, ['raft'], options)).toBe(EXIT_STATUS.USAGE);
    });
    const line = 'raft 9 s · 300 executions · 33/s · 7 features · 0 failed';
    expect(notes).toEqual([...(prints ? [line] : []), 'error: it is gone']);
    expect(withoutProgress(`${line}\nerror: it is gone`)).toBe('error: it is gone');
  },
);
