// A cluster of this process for `dryrunner exec --remote`, and a folder of its own for each test.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type BuildCluster, serveBuildCluster } from '../../src/host/remote/build-cluster.ts';
import { type Finished, type Started, startIn } from './command.ts';

/** What the tests of a file share. */
export interface RemoteLab {
  readonly cluster: BuildCluster;
  /** The folder of the current test. */
  readonly dir: string;
  /** Run at the end of the current test, the newest first. */
  readonly ends: (() => unknown)[];
  /** Starts `dryrunner exec --remote` in that folder. */
  startThere(endpoint: string, ...args: readonly string[]): Started;
  runThere(endpoint: string, ...args: readonly string[]): Promise<Finished>;
}

/** To be called once in a file: declares what comes before and after its tests. */
export function remoteLab(): RemoteLab {
  let cluster: BuildCluster;
  let dir: string;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await serveBuildCluster({ jobs: 2 });
  });
  afterAll(() => cluster.close());
  beforeEach(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'remote-exec-')));
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    rmSync(dir, { recursive: true, force: true });
  });
  const startThere = (endpoint: string, ...args: readonly string[]): Started =>
    startIn(dir, 'exec', '--remote', endpoint, ...args);
  return {
    get cluster() {
      return cluster;
    },
    get dir() {
      return dir;
    },
    ends,
    startThere,
    runThere: (endpoint, ...args) => startThere(endpoint, ...args).finished,
  };
}
