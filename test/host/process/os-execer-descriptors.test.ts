import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { livingWithMark, newMark } from '../hostile/leftovers.ts';

test('R125 R128 with no file descriptor left an abort still signals and kills, and exec is an exec error', async () => {
  const mark = newMark();
  const program = `
    import { openSync } from 'node:fs';
    import { createOsExecer } from './src/host/process/os-execer.ts';
    import { createSystemClock } from './src/host/system-clock.ts';
    const execer = createOsExecer({ clock: createSystemClock(), graceMs: 100, reapMs: 300, drainGraceMs: 100 });
    const command = { dir: '', jobId: '', taskId: '', tag: '' };
    let text = '';
    let look = () => undefined;
    const stdout = { write: (chunk) => { text += String(chunk); look(); } };
    const script = 'trap "echo asked" TERM; sleep 50.${mark} & echo up; while :; do wait; done';
    const started = await execer.exec({ ...command, argv: ['sh', '-c', script], stdout });
    await new Promise((resolve) => { look = () => text.includes('up') && resolve(); look(); });
    try { for (;;) openSync('/dev/null'); } catch {}
    const failed = await Promise.resolve().then(() => execer.exec({ ...command, argv: ['true'] })).catch((error) => error);
    const { state, error } = await started.abort();
    console.log(JSON.stringify([text, state, error, failed.code]));`;
  const args = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath];
  const options = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const parent = spawn('sh', [...args, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  parent.stdout.on('data', (chunk) => (printed += String(chunk)));
  await once(parent, 'close');
  expect(JSON.parse(printed)).toEqual(['up\nasked\n', 'FAILED', 'Aborted (SIGKILL)', 'RUNNER_EXEC_FAILED']);
  expect(livingWithMark(mark)).toEqual([]);
});
