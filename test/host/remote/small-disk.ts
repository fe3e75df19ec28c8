// A file system of its own, of any size, that can be made read-only: for tests of full and write-protected disks.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function run(program: string, ...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/** See {@link smallDiskMissingBecause}. */
export class SmallDisk {
  readonly dir: string;

  /** 0 inodes: as many as it takes. */

  constructor(kib: number, inodes = 0) {
    this.dir = mkdtempSync(join(tmpdir(), 'dryrunner-small-'));
    const why = run('mount', '-t', 'tmpfs', '-o', `size=${kib}k,nr_inodes=${inodes}`, 'tmpfs', this.dir);
    if (why === undefined) return;
    rmdirSync(this.dir);
    throw new Error(`cannot mount a disk: ${why}`);
  }

  /** Nothing can be written from now on. */
  protect(): void {
    const why = run('mount', '-o', 'remount,ro', this.dir);
    if (why !== undefined) throw new Error(why);
  }

  remove(): void {
    run('umount', '--lazy', this.dir);
    rmdirSync(this.dir);
  }
}

/** Why there can be no such disk here; undefined if there can. */
export const smallDiskMissingBecause: string | undefined = (() => {
  try {
    new SmallDisk(64).remove();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
})();

/** The title of a test that needs one. */
export function titledForSmallDisk(title: string): string {
  return smallDiskMissingBecause === undefined
    ? title
    : `${title}: not tried because ${smallDiskMissingBecause}`;
}
