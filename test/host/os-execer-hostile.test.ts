import { expect, test } from 'vitest';
import { createOsExecer } from '../../src/host/os-execer.ts';
import { createSystemClock } from '../../src/host/system-clock.ts';
import { runHostile } from './hostile/hostile-run.ts';
import { comesTrue, livingWithMark, newMark, openFiles } from './hostile/leftovers.ts';
import { HOSTILE_PROGRAMS } from './hostile/programs.ts';

const execer = createOsExecer({
  clock: createSystemClock(),
  graceMs: 400,
  drainGraceMs: 100,
  sinkGraceMs: 150,
});

test.for(HOSTILE_PROGRAMS)('$title', async (program) => {
  const mark = newMark();
  const before = openFiles();
  const { status, stdout } = await runHostile(execer, program, mark);
  // No waiting here: when the status is known, nobody may be alive.
  expect(livingWithMark(mark)).toEqual([]);
  const { state, exitCode, signal } = status;
  expect(program.endings).toContainEqual({ state, exitCode, ...(signal === undefined ? {} : { signal }) });
  if (program.abort === 'when ready') expect(stdout).toMatch(/^ready\n/);
  expect(await comesTrue(() => openFiles() <= before)).toBe(true);
});
