// Programs that do what they can to get away from the command that started them.
import { describe, expect, test } from 'vitest';
import { findCgroupHome } from '../../../src/host/process/process-cgroup.ts';
import { start, testExecer } from '../command-run.ts';
import {
  FACELESS_DAEMON,
  FACELESS_FOSTERED_CHILDREN,
  FOSTERED_CHILDREN,
  THREADED_DAEMON,
  WHY_NO_PERL,
} from '../hostile/perl-programs.ts';
import { livingWithMark, newMark } from '../hostile/leftovers.ts';

const withPerl = test.skipIf(WHY_NO_PERL !== '');
const noCgroup = findCgroupHome() === undefined ? 'because no control group can be made here' : '';
const withCgroup = test.skipIf(WHY_NO_PERL !== '' || noCgroup !== '');
const WHY = WHY_NO_PERL === '' ? '' : ` (skipped ${WHY_NO_PERL})`;
const WHY_EITHER = WHY === '' && noCgroup !== '' ? ` (skipped ${noCgroup})` : WHY;
/** On a busy machine the process in between, which only makes the daemon, may not have ended yet. */
const KILLED: unknown = expect.stringMatching(
  /^descendants: [12] outlived the command and had to be killed$/,
);
const TRIES_MAX = 10;

/** What is said of a program's descendants, and how many are left when its status is known. */
async function leftBy(
  script: string,
  cgroups: boolean,
): Promise<{ faults: readonly string[]; alive: number }> {
  const mark = newMark();
  const execer = testExecer({ cgroups });
  const { process: run, stderr } = await start(execer, script, { envVars: { HOSTILE_MARK: mark } });
  const { exitCode, faults = [] } = await run.wait();
  expect([exitCode, stderr()]).toEqual([0, '']);
  return { faults, alive: livingWithMark(mark).length };
}

describe('a descendant that hides', () => {
  withPerl(`R129 with its first thread ended, it is found by another one, 20 times of 20${WHY}`, async () => {
    for (let time = 0; time < 20; time++) {
      const { faults, alive } = await leftBy(THREADED_DAEMON, false);
      // What is found is no suspect. Programs of other tests hide at the same time.
      const ofCommand = faults.filter((fault) => !/^descendants: \d+ may have escaped/.test(fault));
      expect({ faults: ofCommand, alive }).toEqual({ faults: [KILLED], alive: 0 });
    }
  });

  withCgroup(
    `R129 with no other trace of its owner, it is found by its control group${WHY_EITHER}`,
    async () => {
      expect(await leftBy(FACELESS_DAEMON, true)).toEqual({ faults: [KILLED], alive: 0 });
    },
  );

  withPerl(`R129 as a child of this process, it is killed, and its zombie reported${WHY}`, async () => {
    const { faults, alive } = await leftBy(FOSTERED_CHILDREN, false);
    expect(alive).toBe(0);
    expect(faults).toEqual([
      'descendants: 3 outlived the command and had to be killed',
      expect.stringMatching(
        /^descendants: 3 ended as children of this process, which cannot reap them: \d+ \d+ \d+$/,
      ),
    ]);
  });

  withPerl.for([
    [1, FACELESS_DAEMON],
    [2, FACELESS_FOSTERED_CHILDREN],
  ] as const)(
    `R129 without a control group %i of them may have escaped, and that is reported${WHY}`,
    async ([count, script]) => {
      const said = new RegExp(
        `^descendants: ${count} may have escaped, and show nothing of where they are from: ([\\d ]+)$`,
      );
      let { faults } = await leftBy(script, false);
      // On a busy machine it may be found before it has hidden; then it is killed, and nothing has escaped.
      for (let left = TRIES_MAX; left > 0 && !said.test(faults[0] ?? ''); left -= 1) {
        ({ faults } = await leftBy(script, false));
      }
      expect(faults).toEqual([expect.stringMatching(said)]);
      const pids =
        said
          .exec(faults[0] ?? '')?.[1]
          ?.split(' ')
          .map(Number) ?? [];
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      expect(pids.length).toBe(count);
    },
  );

  withCgroup(`R129 also as a child of this process with no trace of its owner${WHY_EITHER}`, async () => {
    const { faults, alive } = await leftBy(FACELESS_FOSTERED_CHILDREN, true);
    expect([alive, faults.length]).toEqual([0, 2]);
    expect(faults[1]).toMatch(/^descendants: 2 ended as children of this process/);
  });
});
