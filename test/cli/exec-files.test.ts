// The files that `dryrunner exec` opens, and the message about one that `replay` reads.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { watchFolder } from '../../src/cli/exec-files.ts';
import { run, start, startWith } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'exec-files-'));
  for (const name of ['no-writer', 'no-reader', 'fed', 'read']) spawnSync('mkfifo', [at(name)]);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('a FIFO', () => {
  test('whose other end nobody opens does not block signals: --stdin', async () => {
    const hook = at('sends.mjs');
    // Once its handlers are there, and while it opens the FIFO.
    await writeFile(
      hook,
      "import { isMainThread } from 'node:worker_threads'; const watch = setInterval(() => { if (process.listenerCount('SIGTERM') === 0) return; clearInterval(watch); setTimeout(() => process.kill(process.pid, 'SIGTERM'), 300); }, 20); if (!isMainThread) clearInterval(watch);",
    );
    const args = ['exec', '--stdin', at('no-writer'), '--', 'cat'];
    const { code, err } = await startWith({ NODE_OPTIONS: `--import=${hook}` }, ...args).finished;
    expect(err).toMatch(/^interrupted while nobody wrote to .*no-writer$/m);
    expect(code).toBe(143);
  });

  test('whose other end nobody opens does not block signals: --trace', async () => {
    const started = start('exec', '--trace', at('no-reader'), '--', 'true');
    await started.prints('COMPLETE');
    // It is released by then, or ends the command that has ended: either way there is nothing to abort.
    started.child.kill('SIGINT');
    const { code, err } = await started.finished;
    expect(err).toMatch(/^interrupted while nobody read from .*no-reader$/m);
    expect(err).not.toMatch(/released/);
    expect(code).toBe(130);
  });

  test('with a reader and a writer works', async () => {
    const script = `echo fed > ${at('fed')} & cat ${at('read')} > ${at('copy')}`;
    const other = once(spawn('sh', ['-c', script]), 'close');
    const { code, out } = await run('exec', '--stdin', at('fed'), '--trace', at('read'), '--', 'cat');
    expect([code, out]).toEqual([0, 'fed\n']);
    await other;
    expect((await run('replay', at('copy'))).code).toBe(0);
  });
});

describe('folders that had to be made', () => {
  test('are removed again', async () => {
    const removeMade = watchFolder(at('made/for/it'));
    await mkdir(at('made/for/it'), { recursive: true });
    removeMade();
    expect(existsSync(at('made'))).toBe(false);
  });

  test('stay if they are not empty', async () => {
    const removeMade = watchFolder(at('kept/for/it'));
    await mkdir(at('kept/for/it'), { recursive: true });
    await writeFile(at('kept/other'), '');
    removeMade();
    expect([existsSync(at('kept/other')), existsSync(at('kept/for'))]).toEqual([true, false]);
  });
});

test('replay names a damaged file only once', async () => {
  await writeFile(at('cut.gz'), gzipSync('{"format":"dryrunner-trace"}\n').subarray(0, 15));
  const { code, err } = await run('replay', at('cut.gz'));
  expect(err.split('cut.gz').length - 1).toBe(1);
  expect(code).toBe(2);
});
