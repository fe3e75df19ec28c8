// Where a campaign that was killed goes on.
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { exploreCommand } from '../../src/cli/explore-command.ts';
import { EXIT_STATUS } from '../../src/cli/exit-status.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { CUT_OFF_KEY } from '../../src/explore/failure-key.ts';
import { runExplorePool } from '../../src/threads/pool.ts';
import { ScenarioRefusedError } from '../../src/threads/thread-supervisor.ts';
import { failingWith } from '../explore/failing-executions.ts';

vi.mock(import('../../src/threads/pool.ts'), async (original) => ({
  ...(await original()),
  runExplorePool: vi.fn(),
}));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dryrunner-kept-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const NOTHING = { executions: 0, failed: 0, features: 0, decisions: 0, firedEvents: 0, loadSeconds: 0 };
const options = { strategy: 'random', seed: '1', shrink: true, memory: 64, corpus: '' };

/** What its state file has. */
async function keptIndex(): Promise<number> {
  const names = await readdir(join(folder, 'raft')).catch(() => []);
  const name = names.find((one) => one.startsWith('state-')) ?? 'none';
  const text = await readFile(join(folder, 'raft', name), 'utf8').catch(() => '{"nextIndex":0}');
  return (JSON.parse(text) as { nextIndex: number }).nextIndex;
}

/** A campaign that reports each index at its time, in milliseconds, and ends without warning once `kept` is on disk. */
async function lostAfter(progress: readonly (readonly [number, number])[], kept: number): Promise<number> {
  const terminal = new Terminal({ lostStatus: EXIT_STATUS.FAILED });
  vi.spyOn(terminal, 'note').mockReturnValue();
  let firstIndex = NaN;
  vi.mocked(runExplorePool).mockImplementation(async ({ onEvent, firstIndex: first }) => {
    firstIndex = first;
    const now = vi.spyOn(performance, 'now');
    for (const [atMs, nextIndex] of progress) {
      now.mockReturnValue(atMs);
      onEvent({ type: 'progress', progress: { ...NOTHING, nextIndex, seconds: atMs / 1_000 } });
    }
    now.mockRestore();
    await vi.waitFor(async () => expect(await keptIndex()).toBe(kept));
    throw new ScenarioRefusedError('killed');
  });
  await exploreCommand(terminal, ['raft'], { ...options, corpus: folder, resume: true });
  return firstIndex;
}

test('what came of executions is on disk before the index from which --resume goes on', async () => {
  const terminal = new Terminal({ lostStatus: EXIT_STATUS.FAILED });
  vi.spyOn(terminal, 'note').mockReturnValue();
  vi.mocked(runExplorePool).mockImplementation(async ({ onEvent }) => {
    onEvent({ type: 'failure', failure: failingWith({ index: 3 }) });
    onEvent({ type: 'cut-off', execution: failingWith({ index: 4, key: CUT_OFF_KEY, kind: 'budget' }) });
    onEvent({ type: 'progress', progress: { ...NOTHING, nextIndex: 5, seconds: 1 } });
    await vi.waitFor(async () => expect(await keptIndex()).toBe(5));
    const names = await readdir(join(folder, 'raft'), { recursive: true });
    expect(names.filter((name) => name.endsWith('.jsonl'))).toHaveLength(2);
    expect(names).toContain('cut-off');
    throw new ScenarioRefusedError('killed');
  });
  const status = await exploreCommand(terminal, ['raft'], { ...options, corpus: folder });
  expect(status).toBe(EXIT_STATUS.USAGE);
});

test('what a campaign that was killed has run is lost for the last second at most, and --resume goes on there', async () => {
  expect(
    await lostAfter(
      [
        [0, 10],
        [400, 20],
        [999, 30],
      ],
      10,
    ),
  ).toBe(0);
  expect(
    await lostAfter(
      [
        [0, 40],
        [1_000, 50],
        [1_999, 60],
      ],
      50,
    ),
  ).toBe(10);
  expect(await lostAfter([], 50)).toBe(50);
});
