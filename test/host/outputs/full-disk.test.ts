// A log on a disk without room for it: the run goes on, and its status says that the log is not whole.
import { afterEach, expect, test } from 'vitest';
import { createExecRunner } from '../../../src/host/exec-runner.ts';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from '../remote/small-disk.ts';

const KIB = 1024;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test.runIf(smallDiskMissingBecause === undefined)(
  titledForSmallDisk('R123 a real run whose log fills the disk ends as usual, and says what is not there'),
  async () => {
    const disk = new SmallDisk(256);
    ends.push(() => disk.remove());
    const failures = new Set<unknown>();
    const outputs = createLocalOutputs({
      dir: disk.dir,
      onFailure: ({ cause }) => failures.add((cause as NodeJS.ErrnoException).code),
    });
    const runner = createExecRunner({ outputs });
    ends.push(() => runner.release());
    const endOf = async (bytes: number) => {
      const { runId } = await runner.run({ argv: ['sh', '-c', `head -c ${bytes} /dev/zero; exit 3`] });
      return (await finalStatus(runner, runId)).status;
    };
    expect(await endOf(KIB)).toMatchObject({ state: 'COMPLETE', exitCode: 3, error: '' });
    expect([...failures]).toEqual([]);
    const { state, exitCode, error } = await endOf(KIB * KIB);
    expect([state, exitCode]).toEqual(['COMPLETE', 3]);
    expect(error).toMatch(
      /^the logs are incomplete: output \S+-std(?:out|log)-\S+ could not be written: ENOSPC/,
    );
    expect([...failures]).toEqual(['ENOSPC']);
  },
);
