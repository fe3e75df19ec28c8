// A program that was held up, by SIGSTOP as by a debugger: what ended meanwhile has ended in time.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Finished, run, start } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-held-up-'));
});
afterAll(() => rm(dir, { recursive: true }));

const hasProc = existsSync('/proc/self/stat');
/** Whether a process has ended and nobody has heard of it. */
const isZombie = async (pid: string): Promise<boolean> =>
  (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).includes(') Z ');

/**
 * Stops `exec` while its command runs, lets the command end, and continues once the deadline is over. Undefined if that came before all of this
 * was done, as it may on a busy machine.
 */
async function holdUp(timeoutMs: number): Promise<Finished | undefined> {
  const name = `go-${timeoutMs}`;
  const script = `echo "pid $$"; until [ -e ${at(name)} ]; do sleep 0.02; done; : > ${at(`${name}.done`)}; exit 3`;
  const options = ['--timeout', `${timeoutMs}ms`, '--trace', at('recording.jsonl')];
  const started = start('exec', ...options, '--', 'sh', '-c', script);
  let out = '';
  started.child.stdout?.on('data', (text: string) => (out += text));
  await started.prints('pid ');
  started.child.kill('SIGSTOP');
  await writeFile(at(name), '');
  const [, pid = ''] = /pid (\d+)/.exec(out) ?? [];
  await expect.poll(() => isZombie(pid), { timeout: 60_000 }).toBe(true);
  const isInTime = existsSync(at(`${name}.done`));
  if (isInTime) await pause(timeoutMs);
  started.child.kill('SIGCONT');
  const finished = await started.finished;
  return isInTime ? finished : undefined;
}

test.skipIf(!hasProc)(
  'R103 a command that ended before its deadline keeps its end, also if exec hears of it later (skipped without /proc, because its end is seen there)',
  async () => {
    let finished: Finished | undefined;
    for (let timeoutMs = 1_000; finished === undefined; timeoutMs *= 4) finished = await holdUp(timeoutMs);
    expect(finished.code, finished.err).toBe(3);
    expect(finished.err).toMatch(/COMPLETE 3/);
    expect(await readFile(at('recording.jsonl'), 'utf8')).toContain('"what":"ended"');
    expect((await run('replay', at('recording.jsonl'))).code).toBe(0);
  },
);
