import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOsExecer } from '../../../src/host/process/os-execer.ts';
import { createSystemClock } from '../../../src/host/system-clock.ts';
import { runHostile } from '../hostile/hostile-run.ts';
import { comesTrue, livingWithMark, newMark, openFiles } from '../hostile/leftovers.ts';
import { whyNot } from '../hostile/needs.ts';
import type { HostileProgram } from '../hostile/program.ts';
import { HOSTILE_PROGRAMS } from '../hostile/programs.ts';
import { RUDE_PROGRAMS } from '../hostile/rude-programs.ts';

const execer = createOsExecer({
  clock: createSystemClock(),
  graceMs: 400,
  drainGraceMs: 100,
  sinkGraceMs: 150,
});

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'os-execer-hostile-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const isAble = ({ needs }: HostileProgram): boolean => whyNot(needs) === '';
const all = [...HOSTILE_PROGRAMS, ...RUDE_PROGRAMS];

test.for(all.filter(isAble))('$title', async (program) => {
  const mark = newMark();
  const before = openFiles();
  const { status, stdout } = await runHostile(execer, program, mark, dir);
  // No waiting here: when the status is known, nobody may be alive.
  expect(livingWithMark(mark)).toEqual([]);
  const { state, exitCode, signal, faults = [] } = status;
  expect(program.endings).toContainEqual({ state, exitCode, ...(signal === undefined ? {} : { signal }) });
  if (program.abort === 'when ready') expect(stdout).toMatch(/^ready\n/);
  if (program.reports !== undefined) expect(faults.join('\n')).toMatch(program.reports);
  expect(await comesTrue(() => openFiles() <= before)).toBe(true);
});

for (const { title, needs } of all.filter((program) => !isAble(program))) {
  test.skip(`${title} (skipped ${whyNot(needs)})`, () => undefined);
}
